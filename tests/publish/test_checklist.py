"""The reporting checklist: what the record answers, what stays open, and nothing claimed beyond it."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from whatworks import rct
from whatworks.errors import RecordError, StudyError
from whatworks.publish import checklist as checklists

STUDY = Path(__file__).parents[2] / "studies" / "synthetic-hotspots"


def rows(**options: object) -> dict[str, tuple[str, ...]]:
    return {row[0]: row for row in checklists.checklist(STUDY, **options).rows}


def test_every_item_of_consort_2025_stands_once_in_order():
    numbers = [item["item"] for item in checklists.items()]
    assert len(set(numbers)) == len(numbers) == 42
    assert list(dict.fromkeys(int(re.match(r"\d+", n).group()) for n in numbers)) == list(range(1, 31))
    assert all(item["needed"] and item["topic"] and item["asks"] for item in checklists.items())


def test_what_the_record_holds_is_filled_and_the_rest_says_what_is_needed():
    found = rows()
    assert found["1a"][3:] == ("In the record", "Hotspot patrols in a synthetic London")
    assert found["14"][4] == "robbery"
    assert found["2"][3] == "Open"
    assert "registry" in found["2"][4]
    # the study has no allocation, nor checks of a trial
    for number in ("9", "17a", "22b", "24a", "25"):
        assert found[number][3] == "Open"


def test_the_allocation_record_answers_how_it_was_drawn():
    units = pd.DataFrame({"area": [f"a{i}" for i in range(12)]})
    found = rows(allocation=rct.randomise(units, unit="area", seed=77))
    assert found["17a"][3:] == ("In the record", "77")
    assert "Complete randomisation of 12 units" in found["9"][4]


def test_the_note_counts_and_other_folders_are_refused(tmp_path):
    table = checklists.checklist(STUDY)
    done = sum(row[3] == "In the record" for row in table.rows)
    assert f"{done} of 42" in table.note
    with pytest.raises(StudyError, match="no study"):
        checklists.checklist(tmp_path)
    (tmp_path / "study.yaml").write_text("title: x\n", encoding="utf-8")
    with pytest.raises(RecordError, match="no record"):
        checklists.checklist(tmp_path)
