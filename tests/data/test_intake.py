from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path

import pytest

from whatworks.data.intake import Difference, Dropped, IntakeReport, SourceFile, source_file

REPORT = IntakeReport(
    files=(SourceFile("a.csv", "ab" * 32, 1234),),
    rows_read=1234,
    rows_used=1200,
    dropped=(Dropped("Unknown is not a borough", 34, "Unknown, Arson"),),
    months_missing=("2017-10", "2017-11"),
    vocabulary=("2013-05: violence is renamed",),
    snapshots=(
        Difference("2020-01", "b.csv", "a.csv", 0, 0),
        Difference("2020-02", "b.csv", "a.csv", 3, -5),
        Difference("2020-03", "b.csv", "a.csv", 2, 4),
    ),
    filled_zeros=7,
)


def test_the_report_is_plain_data() -> None:
    told = REPORT.to_dict()
    assert json.loads(json.dumps(told)) == told
    assert list(told) == [field.name for field in dataclasses.fields(IntakeReport)]
    assert told["files"] == [{"name": "a.csv", "sha256": "ab" * 32, "rows": 1234}]
    assert told["months_missing"] == ["2017-10", "2017-11"]
    assert told["rows_used"] == 1200


def test_the_text_says_every_fact_once() -> None:
    lines = REPORT.text().split("\n")
    assert "Rows read: 1,234" in lines
    assert "Dropped: 34 rows: Unknown is not a borough (for example Unknown, Arson)" in lines
    assert "Months missing: 2017-10, 2017-11" in lines
    assert "Months partial: none" in lines
    (snapshots,) = (line for line in lines if line.startswith("Two snapshots"))
    assert "2020-01 to 2020-03, 3 months: b.csv chosen over a.csv" in snapshots
    assert "5 cells differ in 2 months, -1 crimes in all, most in 2020-02 (-5)" in snapshots


def test_names_from_a_file_are_shown_as_text() -> None:
    report = dataclasses.replace(REPORT, notes=("<script>alert(1)</script> & more",))
    shown = report._repr_mimebundle_()["text/html"]
    assert "<script>" not in shown
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; more" in shown


def test_a_report_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        REPORT.rows_used = 0


def test_a_file_is_described_by_its_name_and_bytes(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"x,y\n1,2\n")
    found = source_file(tmp_path / "a.csv", 1)
    assert found == SourceFile("a.csv", hashlib.sha256(b"x,y\n1,2\n").hexdigest(), 1)
