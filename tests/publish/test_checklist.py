"""The reporting checklist: what the record answers, what stays open, and nothing claimed beyond it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import made_up_study as made
import numpy as np
import pandas as pd
import pytest

from whatworks import checks, rct
from whatworks.errors import RecordError, StudyError
from whatworks.publish import StudyWords, report
from whatworks.publish import checklist as checklists
from whatworks.results import NotAvailable, Result
from whatworks.shown import Table
from whatworks.trial import Trial

STUDY = Path(__file__).parents[2] / "studies" / "synthetic-hotspots"
WORDS = StudyWords(
    "a-trial", "Patrols, by chance", "Do they work?", "Patrols on foot", "crime", "lower", 10.0
)


def provenance(**values: object) -> dict[str, object]:
    return {
        "study": {"slug": "a-trial", "sha256": "0" * 64},
        "template": {"name": "rct", "sha256": "0" * 64, "cells": {}},
        "parameters": {"sha256": "0" * 64, "values": values},
        "data": [{"name": "list.csv", "sha256": "0" * 64}],
        "code": {"package": "whatworks", "sha256": "0" * 64},
        "environment": {},
        "versions": {},
        "seeds": {},
    }


def areas(n: int) -> pd.DataFrame:
    beats = [f"b{i // 2:02d}" for i in range(n)]
    return pd.DataFrame(
        {"area": [f"a{i:02d}" for i in range(n)], "beat": beats, "before": np.arange(n) % 7.0}
    )


def of(table: pd.DataFrame, **roles: object) -> Trial:
    rng = np.random.default_rng(1)
    y = rng.normal(size=len(table)) - (table["arm"] == "treatment")
    return Trial.from_frame(
        table.assign(y=y), unit="area", arm="arm", outcome="y", control="control", **roles
    )


@pytest.fixture(scope="module")
def parallel() -> Result:
    drawn = rct.randomise(areas(24), unit="area", seed=77)
    trial = of(areas(24).merge(drawn.table), baseline=["before"])
    return rct.itt(trial).with_checks(*checks.run_trial(trial, rct.itt, allocation=drawn))


@pytest.fixture(scope="module")
def crossover() -> Result:
    design = rct.Crossover(12, shortest=1, longest=3)
    drawn = rct.randomise(areas(10), unit="area", seed=5, design=design)
    trial = of(drawn.table, period="period")
    found = rct.crossover(trial)
    return found.with_checks(checks.allocation_record(trial, drawn), checks.carry_over(found))


def rows(result: Result, **values: object) -> dict[str, tuple[str, ...]]:
    return {row[0]: row for row in checklists.filled(result, WORDS, provenance(**values)).rows}


def test_every_item_of_consort_2025_stands_once_in_order():
    numbers = [item["item"] for item in checklists.items()]
    assert len(set(numbers)) == len(numbers) == 42
    assert list(dict.fromkeys(int(re.match(r"\d+", n).group()) for n in numbers)) == list(range(1, 31))
    assert all(item["needed"] and item["topic"] and item["asks"] for item in checklists.items())


def test_items_of_extensions_stand_once_by_kind_and_say_whether_they_are_confirmed():
    found = checklists.extensions()
    keys = [(item["kind"], item["item"]) for item in found]
    assert len(set(keys)) == len(keys)
    assert {item["kind"] for item in found} == set(checklists.SOURCES)
    assert {item["known"] for item in found} == {"confirmed", "memory"}
    assert all(item["needed"] and item["topic"] and item["asks"] for item in found)


def test_what_the_record_holds_is_filled_and_the_rest_says_what_is_needed(parallel):
    found = rows(parallel, treatments=[], secondary=["disorder", "nearby"])
    assert found["1a"] == ("1a", "Title", "That it was a randomised trial", "In the record", WORDS.title)
    assert found["15"][3:] == ("In the record", "disorder, nearby")
    assert found["26"][4] == parallel.headline.estimand
    assert found["16a"][4] == f"{parallel.design.mde:.4g}"
    assert found["22a"][4].startswith("There are 12 units in control, 12 units in treatment")
    assert found["2"][3:] == ("Open", "Needed: the registry entry and its date.")
    assert len(found) == 42


def test_a_number_that_is_not_available_is_no_answer(parallel):
    without = replace(parallel.design, mde=NotAvailable("bounds are no estimate"))
    assert rows(replace(parallel, design=without))["16a"][3] == "Open"


def test_long_answers_are_cut_and_say_so(parallel):
    answer = rows(parallel)["21a"][4]
    assert len(answer) <= 160
    assert answer.endswith("…") == (len(parallel.headline.inference) > 160)
    assert parallel.headline.inference.startswith(answer.rstrip("…"))


def test_the_allocation_record_answers_how_it_was_drawn(parallel):
    found = rows(parallel)
    assert found["17a"][3:] == ("In the record", "77")
    assert found["9"][4].startswith("Complete randomisation of 24 units")
    assert rows(replace(parallel, checks=()))["17a"][3] == "Open"


def test_a_check_that_did_not_apply_is_no_answer(parallel):
    # nobody recorded take-up
    assert {check.name: check.verdict for check in parallel.checks}["Take-up"] == "not_applicable"
    assert rows(parallel)["24a"][3] == "Open"


def test_the_extension_follows_the_design(parallel, crossover):
    assert not any("crossover" in number for number in rows(parallel, cluster=""))
    clustered = rows(parallel, cluster="beat")
    assert clustered["3a cluster"][3:] == ("In the record", "beat")
    assert clustered["17a cluster"][2].endswith("[from memory]")
    assert not clustered["7a cluster"][2].endswith("[from memory]")
    crossed = rows(crossover)
    assert crossed["12b crossover"][3] == "In the record"
    assert "period before" in crossed["12b crossover"][4]
    assert not any("cluster" in number for number in crossed)
    caption = checklists.filled(crossover, WORDS, provenance()).caption
    assert "Dwan et al. (2019)" in caption


def test_every_field_that_items_name_is_held_by_some_record(parallel, crossover):
    """A field renamed elsewhere would leave its item open for ever, and nobody would notice."""
    known = {"result.secondary", "parameters.first", "parameters.population"}
    known |= {"result.checks.Take-up", "result.checks.Effect over exposure"}
    held = [
        checklists._held(found, WORDS, provenance(cluster="b", secondary=[]))
        for found in (parallel, crossover)
    ]
    for item in (*checklists.items(), *checklists.extensions()):
        if item["field"] and item["field"] not in known:
            assert any(checklists._looked_up(one, item["field"]) is not None for one in held), item["field"]


def test_the_note_counts_and_other_folders_are_refused(tmp_path, parallel):
    table = checklists.filled(parallel, WORDS, provenance())
    assert isinstance(table, Table)
    done = sum(row[3] == "In the record" for row in table.rows)
    assert f"on {done} of 42 items" in table.note
    assert 10 < done < 42
    assert checklists.checklist(STUDY).rows[0][4] == "Hotspot patrols in a synthetic London"
    with pytest.raises(StudyError, match="no study"):
        checklists.checklist(tmp_path)
    (tmp_path / "study.yaml").write_bytes((STUDY / "study.yaml").read_bytes())
    with pytest.raises(RecordError, match="no record"):
        checklists.checklist(tmp_path)


def test_the_report_of_a_trial_ends_with_the_checklist_and_others_have_none(parallel):
    page = report.render(made.notebook(), parallel, WORDS, provenance())
    assert page == report.render(made.notebook(), parallel, WORDS, provenance())
    assert '<h2 id="reporting">Reporting checklist</h2>' in page
    assert page.index('id="provenance"') < page.index('id="reporting"')
    assert '<a href="#reporting">' in page
    assert "Complete randomisation of 24 units" in page
    # printed with the page: closed details are left out of print
    section = page[page.index('id="reporting"') :]
    assert "<details" not in section
    assert section.count('<th scope="row"') == 42
    other = report.render(made.notebook(), made.result(), made.words(), made.PROVENANCE)
    assert "reporting" not in other
