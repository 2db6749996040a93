from __future__ import annotations

from pathlib import Path

import pytest
import street_files as street
from street_files import identifier, write

from whatworks.data.police_uk import read_outcomes, read_stops
from whatworks.errors import OptionError, SourceError


def stop(date: str, outcome: str = "Arrest") -> str:
    return f"Person search,{date},False,,,,Male,18-24,,White,,Controlled drugs,{outcome},,"


def stops(root: Path, month: str, rows: list[str]) -> Path:
    return write(root, month, rows, kind="stop-and-search", header=street.STOPS)


def outcome(month: str, kind: str, number: int = 1) -> str:
    place = "-0.1,51.5,On or near FOX LANE,E01000001,Camden 001A"
    return f"{identifier(number)},{month},{street.MET},{street.MET},{place},{kind}"


def test_the_month_of_a_stop_is_that_of_london_time(tmp_path: Path) -> None:
    stops(tmp_path, "2019-06", [stop("2019-05-31T23:10:00+00:00"), stop("2019-06-30T22:59:00+00:00")])
    stops(tmp_path, "2019-12", [stop("2019-12-31T23:59:00+00:00")])
    tidy = read_stops(tmp_path)
    assert tidy.areas == ("E23000001",)
    assert tidy.frame["count"].tolist() == [2, 1]
    stops(tmp_path, "2019-12", [stop("2019-12-31T23:59:00+00:00"), stop("2020-01-01T00:00:00+00:00")])
    with pytest.raises(SourceError, match=r"line 3: 1 of 2 rows have the month '2020-01'"):
        read_stops(tmp_path)


def test_outcomes_from_before_2018_are_counted_under_the_later_labels(tmp_path: Path) -> None:
    stops(
        tmp_path,
        "2017-12",
        [
            stop("2017-12-01T00:00:00+00:00", kind)
            for kind in ("Suspect arrested", "Local resolution", "Nothing found - no further action", "")
        ],
    )
    stops(tmp_path, "2018-01", [stop("2018-01-01T00:00:00+00:00", "Arrest")])
    tidy = read_stops(tmp_path)
    wide = tidy.wide()
    assert wide["Arrest"].tolist() == [1, 1]
    assert wide["Community resolution"].tolist() == [1, 0]
    assert wide["Outcome not recorded"].tolist() == [1, 0]
    assert "Suspect arrested as Arrest" in " ".join(tidy.intake.vocabulary)
    # an outcome that no file holds is not in the table
    assert "Khat or Cannabis warning" not in wide


def test_identical_stops_all_count(tmp_path: Path) -> None:
    stops(tmp_path, "2019-01", [stop("2019-01-01T00:00:00+00:00")] * 3)
    assert read_stops(tmp_path).frame["count"].tolist() == [3]


def test_a_month_with_under_half_of_its_neighbours_is_partial(tmp_path: Path) -> None:
    for month, size in (("2019-01", 100), ("2019-02", 45), ("2019-03", 100)):
        stops(tmp_path, month, [stop(f"{month}-02T00:00:00+00:00")] * size)
    tidy = read_stops(tmp_path)
    assert tidy.intake.months_partial == ("2019-02",)
    assert tidy.months == ("2019-01", "2019-03")


def test_a_date_that_is_none_and_a_file_without_a_force(tmp_path: Path) -> None:
    path = stops(tmp_path, "2019-01", [stop("2019-01-01T00:00:00+00:00"), stop("yesterday")])
    with pytest.raises(SourceError, match="line 3: 'yesterday' is not a date"):
        read_stops(path)
    other = tmp_path / "stops.csv"
    other.write_text(f"{street.STOPS}\n{stop('2019-01-01T00:00:00+00:00')}\n", encoding="utf-8")
    with pytest.raises(SourceError, match="which force"):
        read_stops(other)


def test_outcomes_by_month_of_the_outcome_several_to_a_crime(tmp_path: Path) -> None:
    rows = [outcome("2019-01", "Suspect charged"), outcome("2019-01", "Offender fined")]
    write(tmp_path, "2019-01", [*rows, rows[0]], kind="outcomes", header=street.OUTCOMES)
    write(
        tmp_path, "2019-02", [outcome("2019-02", "Local resolution")], kind="outcomes", header=street.OUTCOMES
    )
    tidy = read_outcomes(tmp_path)
    assert tidy.wide().loc[:, "Local resolution":].to_numpy().tolist() == [[0, 1, 2], [1, 0, 0]]
    assert tidy.intake.duplicates == 0
    # a type that begins inside the window may not have been in use before
    assert "Local resolution (2019-02 to 2019-02)" in tidy.intake.vocabulary[-1]
    assert read_outcomes(tmp_path, outcomes=["Offender fined"]).intake.rows_used == 1
    with pytest.raises(OptionError, match="Did you mean 'Offender fined'"):
        read_outcomes(tmp_path, outcomes=["Offender finde"])
