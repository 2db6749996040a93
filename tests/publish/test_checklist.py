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
from whatworks.results import Result
from whatworks.shown import Table
from whatworks.study.said import reporting
from whatworks.study.said.facts import Registration
from whatworks.trial import Trial

STUDY = Path(__file__).parents[2] / "studies" / "synthetic-hotspots"
TRIAL = STUDY.parent / "synthetic-trial"
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


ANSWERS = {"funding": "The force paid, and had no say", "sequence": "Drawn by the analyst from a seed"}


def rows(result: Result, study: StudyWords = WORDS, **values: object) -> dict[str, tuple[str, ...]]:
    return {row[0]: row for row in checklists.filled(result, study, provenance(**values)).rows}


def test_every_item_of_consort_2025_stands_once_in_order():
    numbers = [item["item"] for item in reporting.items()]
    assert len(set(numbers)) == len(numbers) == 42
    assert list(dict.fromkeys(int(re.match(r"\d+", n).group()) for n in numbers)) == list(range(1, 31))
    assert all(item["needed"] and item["topic"] and item["asks"] for item in reporting.items())


def test_items_of_extensions_stand_once_by_kind_and_say_whether_they_are_confirmed():
    found = reporting.extensions()
    keys = [(item["kind"], item["item"]) for item in found]
    assert len(set(keys)) == len(keys)
    assert {item["kind"] for item in found} == set(checklists.SOURCES)
    assert {item["known"] for item in found} == {"confirmed", "memory"}
    assert all(item["needed"] and item["topic"] and item["asks"] for item in found)


def test_nothing_of_the_record_stands_in_for_an_answer(parallel, crossover):
    """Title, seed, estimand, checks, smallest detectable effect: held by the record, and no answers."""
    said = replace(WORDS, estimand="The rate ratio", hypothesis="It falls", theory_of_change="They see")
    for found in (parallel, crossover):
        listed = rows(found, said, secondary=["disorder"], population=["p.csv"], first="2020-01", cluster="b")
        assert {row[3] for row in listed.values()} == {"Open"}
        assert all(row[4].startswith("Needed: ") for row in listed.values())


def test_an_item_is_answered_by_the_field_written_for_it(parallel):
    found = rows(parallel, replace(WORDS, reporting=ANSWERS))
    assert found["5a"] == (
        "5a", "Funding", "Who paid and what they decided", "Answered", "The force paid, and had no say.",
    )  # fmt: skip
    assert found["17a"][3:] == ("Answered", "Drawn by the analyst from a seed.")
    assert [number for number, row in found.items() if row[3] == "Answered"] == ["5a", "17a"]
    assert found["2"][3:] == ("Open", "Needed: the registry entry and its date.")
    assert len(found) == 42


def test_every_item_can_be_answered_under_its_own_key(parallel, crossover):
    for found, kind, values in ((parallel, "", {}), (parallel, "cluster", {"cluster": "beat"}),
                                (crossover, "crossover", {})):  # fmt: skip
        keys = reporting.keys(kind)
        assert len(set(keys)) == len(keys)
        said = {name: f"answer {name}" for name in keys}
        listed = rows(found, replace(WORDS, reporting=said), **values)
        answers = [row[4] for row in listed.values() if row[3] == "Answered"]
        assert sorted(answers) == sorted(f"Answer {name}." for name in keys)
        assert {number for number, row in listed.items() if row[3] == "Open"} == {"2", "10"}


def test_registration_and_changes_are_answered_by_their_own_fields(parallel):
    at = Registration("Open Science Framework, number 7", "2026-01-03", "https://osf.example/7")
    found = rows(parallel, replace(WORDS, registration=at, deviations=()))
    assert found["2"][4] == "Open Science Framework, number 7, 2026-01-03, https://osf.example/7."
    assert found["10"][4] == "None: the authors declare that they kept to the protocol."
    changed = rows(parallel, replace(WORDS, deviations=("Two spots were closed", "One week was added")))
    assert changed["10"][4] == "Two spots were closed. One week was added."
    # a place without a day may be no more than that it was not registered
    undated = replace(WORDS, registration=Registration("Not registered"))
    assert rows(parallel, undated)["2"][3] == "Open"


def test_studies_that_are_no_trials_are_refused():
    with pytest.raises(StudyError, match="chance assigned nothing"):
        checklists.filled(made.result(), WORDS, provenance())
    with pytest.raises(StudyError, match=r"answers items .*funding.* and is no trial"):
        report.render(made.notebook(), made.result(), made.words(reporting=ANSWERS), made.PROVENANCE)


def test_items_of_another_design_are_refused(parallel, crossover):
    said = replace(WORDS, reporting={"cluster_design": "Beats"})
    with pytest.raises(StudyError, match="'cluster_design' is not asked of this design"):
        rows(parallel, said)
    assert rows(parallel, said, cluster="beat")["3a cluster"][4] == "Beats."
    with pytest.raises(StudyError, match="a crossover trial"):
        rows(crossover, said)


def test_the_docs_list_every_key():
    page = (STUDY.parents[1] / "docs" / "how-to" / "trial.md").read_text(encoding="utf-8")
    assert [name for name in reporting.every_key() if f"`{name}`" not in page] == []


def test_the_extension_follows_the_design(parallel, crossover):
    assert not any("crossover" in number for number in rows(parallel, cluster=""))
    clustered = rows(parallel, cluster="beat")
    assert clustered["17a cluster"][2].endswith("[from memory]")
    assert not clustered["7a cluster"][2].endswith("[from memory]")
    crossed = rows(crossover)
    assert "12b crossover" in crossed
    assert not any("cluster" in number for number in crossed)
    caption = checklists.filled(crossover, WORDS, provenance()).caption
    assert "Dwan et al. (2019)" in caption


def test_the_note_counts_and_other_folders_are_refused(tmp_path, parallel):
    table = checklists.filled(parallel, replace(WORDS, reporting=ANSWERS), provenance())
    assert isinstance(table, Table)
    assert "answer 2 of 42 items" in table.note
    assert checklists.checklist(TRIAL).rows[4][3] == "Answered"
    with pytest.raises(StudyError, match="chance assigned nothing"):
        checklists.checklist(STUDY)
    with pytest.raises(StudyError, match="no study"):
        checklists.checklist(tmp_path)
    (tmp_path / "study.yaml").write_bytes((TRIAL / "study.yaml").read_bytes())
    with pytest.raises(RecordError, match="no record"):
        checklists.checklist(tmp_path)


def test_the_report_of_a_trial_ends_with_the_checklist_and_others_have_none(parallel):
    page = report.render(made.notebook(), parallel, WORDS, provenance())
    assert "The authors answer 0 of 42 items" in page
    assert page == report.render(made.notebook(), parallel, WORDS, provenance())
    assert '<h2 id="reporting">Reporting checklist</h2>' in page
    assert page.index('id="provenance"') < page.index('id="reporting"')
    assert '<a href="#reporting">' in page
    # printed with the page: closed details are left out of print
    section = page[page.index('id="reporting"') :]
    assert "<details" not in section
    assert section.count('<th scope="row"') == 42
    other = report.render(made.notebook(), made.result(), made.words(), made.PROVENANCE)
    assert "reporting" not in other
