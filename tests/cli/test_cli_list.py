"""`list`: what each study found, in words and numbers, and in JSON with every digit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import study_workspace as workspace

from whatworks.results import Result

ROOT = Path(__file__).parents[2]
RECORD = ROOT / "studies" / "synthetic-hotspots" / "record" / "result.json"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Studies with a record, without one, with a damaged one, and one whose own file is not well formed."""
    workspace.make(tmp_path)
    for slug in ("found", "damaged", "wrong"):
        workspace.put(tmp_path / "studies" / slug / "study.yaml", workspace.STUDY)
    workspace.put(
        tmp_path / "studies" / "found" / "record" / "result.json", RECORD.read_text(encoding="utf-8")
    )
    workspace.put(tmp_path / "studies" / "damaged" / "record" / "result.json", "{")
    workspace.put(tmp_path / "studies" / "wrong" / "study.yaml", "version: 1\ntitel: A\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_findings_stand_with_their_numbers(here: Path, whatworks: object) -> None:
    status, out, err = whatworks("list")
    assert (status, err) == (0, "")
    text = " ".join(out.split())
    assert "found: Fell, -10.0% (-14.8% to -5.0%)" in text
    assert "Average effect on the 16 treated units, 2016-01 to 2018-12 (ATT): -0.02409 (-0.03761 to " in text
    assert "-0.01132) robbery per 1,000 residents per month" in text
    assert "one: this study has no record yet" in text
    assert "damaged: not JSON" in text
    assert "wrong: " in text
    assert "titel" in text
    assert "  tiny\n" in out


def test_json_has_every_digit_and_the_reasons(here: Path, whatworks: object) -> None:
    status, out, err = whatworks("list", "--json")
    assert (status, err) == (0, "")
    found = json.loads(out)
    assert "tiny" in found["templates"]
    studies = {study["slug"]: study for study in found["studies"]}
    kept = Result.from_json(RECORD.read_text(encoding="utf-8"))
    assert studies["found"]["headline"]["value"] == kept.headline.value
    assert studies["found"]["relative"]["low"] == kept.relative.low
    assert studies["found"]["finding"] == "Fell"
    assert studies["found"]["title"] == "A test"
    assert studies["found"]["estimand"] == kept.headline.estimand
    assert studies["one"]["why"] == "this study has no record yet"
    assert set(studies) == {"found", "one", "damaged", "wrong"}


def test_a_study_that_names_its_unit_is_not_told_in_percent(here: Path, whatworks: object) -> None:
    study = here / "studies" / "found" / "study.yaml"
    workspace.put(study, workspace.STUDY + "report:\n  unit: points from 0 to 10\n")
    text = " ".join(whatworks("list")[1].split())
    assert "found: Fell Average effect" in text
    assert "-0.01132) points from 0 to 10" in text


def test_a_gap_in_the_numbers_is_no_fault(here: Path, whatworks: object) -> None:
    workspace.put(here / "studies" / "one" / "record" / "result.json", workspace.plain_result().to_json())
    status, out, _ = whatworks("list")
    assert status == 0
    assert "one: No margin of error" in out
    assert "e: -1" in out
