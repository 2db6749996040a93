from __future__ import annotations

from pathlib import Path

import pytest
import street_files as street


def stop(date: str) -> str:
    return f"Person search,{date},False,,,,Male,18-24,,White,,Controlled drugs,Arrest,,"


def test_stops_become_counts_by_london_month(tmp_path: Path, whatworks: object) -> None:
    folder = tmp_path / "files"
    rows = [stop("2019-05-31T23:10:00+00:00"), stop("2019-06-03T10:00:00+00:00")]
    street.write(folder, "2019-06", rows, kind="stop-and-search", header=street.STOPS)
    out = tmp_path / "stops.csv"
    status, said, report = whatworks("data", "stops", str(folder), "--out", str(out))
    assert status == 0, report
    assert said.strip() == str(out)
    assert "E23000001,Metropolitan,2019-06,Arrest,2" in out.read_text(encoding="utf-8")


def test_a_street_file_given_as_outcomes_is_refused(tmp_path: Path, whatworks: object) -> None:
    street.write(tmp_path / "files", "2019-06", street.every_type("2019-06"))
    status, _, err = whatworks("data", "outcomes", str(tmp_path / "files"), "--out", str(tmp_path / "x.csv"))
    assert status == 2
    assert "outcomes" in err
    assert not (tmp_path / "x.csv").exists()


def test_breaks_of_a_window_are_listed(whatworks: object) -> None:
    status, said, _ = whatworks("data", "breaks", "2024-01..2024-06", "--offence", "robbery")
    assert status == 0
    assert any("CONNECT" in line for line in said.splitlines())
    assert whatworks("data", "breaks", "2011-08..2011-08")[1].count("2011-08") >= 1


def test_breaks_of_one_series_are_listed(whatworks: object) -> None:
    leeds = ("--series", "force_records", "--force", "west-yorkshire", "--level", "ward")
    status, said, _ = whatworks("data", "breaks", "2011-01..2025-01", *leeds)
    assert status == 0
    assert "West Yorkshire" in said
    assert "CONNECT" not in said
    status, _, err = whatworks("data", "breaks", "2011-01..2025-01", "--series", "pas")
    assert (status, "does not say the force and the level" in err) == (2, True)
    assert whatworks("data", "breaks", "2011-01..2025-01", "--series", "own")[0] == 2


@pytest.mark.parametrize("months", ["2024-01", "2024-06..2024-01", "soon..later"])
def test_a_span_that_is_none_is_refused(months: str, whatworks: object) -> None:
    status, _, err = whatworks("data", "breaks", months)
    assert status == 2
    assert "What to do" in err or "month" in err
