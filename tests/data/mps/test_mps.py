from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest

from whatworks.data.geography import MPS_BOROUGHS
from whatworks.data.mps import read_mps
from whatworks.data.tidy import Tidy
from whatworks.errors import OptionError, SourceError

CONNECT = ("MajorText", "MinorText", "BoroughName")
LOOKUP = ("MajorText", "MinorText", "LookUp_BoroughName")
OLD = ("Borough", "Major Category", "Minor Category")
Row = tuple[str, ...]


def write(
    path: Path, head: Sequence[str], months: Sequence[str], rows: dict[Row, Sequence[int]], end: str = "\r\n"
) -> Path:
    lines = [",".join([*head, *months])]
    for keys, counts in rows.items():
        quoted = [f'"{key}"' if "," in key else key for key in keys]
        lines.append(",".join([*quoted, *map(str, counts)]))
    path.write_bytes((end.join(lines) + end).encode())
    return path


def count(tidy: Tidy, area: str, month: str, offence: str) -> int:
    frame = tidy.frame
    found = frame[(frame["area_name"] == area) & (frame["month"] == month) & (frame["offence"] == offence)]
    assert len(found) == 1
    return int(found["count"].iloc[0])


def small(path: Path, months: Sequence[str] = ("202301", "202302"), start: int = 50) -> Path:
    steps = range(len(months))
    return write(
        path,
        CONNECT,
        months,
        {
            ("ROBBERY", "ROBBERY OF PERSONAL PROPERTY", "Camden"): [start + i for i in steps],
            ("ROBBERY", "ROBBERY OF PERSONAL PROPERTY", "Westminster"): [start + 10 + i for i in steps],
            ("BURGLARY", "DOMESTIC BURGLARY", "Camden"): [start + 20 + i for i in steps],
        },
    )


def test_a_row_absent_for_an_area_and_offence_is_zero_and_counted(tmp_path: Path) -> None:
    tidy = read_mps(small(tmp_path / "a.csv"))
    assert count(tidy, "Westminster", "2023-01", "Burglary") == 0
    assert tidy.intake.filled_zeros == 2
    assert len(tidy.frame) == 2 * 2 * 2
    assert tidy.areas == ("E09000007", "E09000033")


def test_minors_add_up_to_their_major(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.csv",
        CONNECT,
        ["202301"],
        {
            ("BURGLARY", "RES BURGLARY OF A HOME", "Camden"): [5],
            ("BURGLARY", "BURGLARY BUSINESS AND COMMUNITY", "Camden"): [7],
        },
    )
    assert count(read_mps(path), "Camden", "2023-01", "Burglary") == 12
    assert read_mps(path, offences="minor").offences == (
        "Burglary business and community",
        "Res burglary of a home",
    )


@pytest.mark.parametrize(
    ("head", "keys", "vintage"),
    [
        (OLD, ("Camden", "Robbery", "Personal Property"), "old"),
        (LOOKUP, ("Robbery", "Robbery of Personal Property", "Camden"), "LOOKUP"),
        (CONNECT, ("ROBBERY", "ROBBERY OF PERSONAL PROPERTY", "Camden"), "CONNECT"),
    ],
)
def test_each_naming_vintage_is_told_from_the_file(
    tmp_path: Path, head: Row, keys: Row, vintage: str
) -> None:
    tidy = read_mps(write(tmp_path / "a.csv", head, ["202301"], {keys: [9]}))
    assert count(tidy, "Camden", "2023-01", "Robbery") == 9
    assert f"a.csv: {vintage} vintage" in tidy.intake.vocabulary[0]


def test_line_ends_and_byte_order_mark_make_no_difference(tmp_path: Path) -> None:
    rows = {("ROBBERY", "ROBBERY OF PERSONAL PROPERTY", "Camden"): [9]}
    plain = write(tmp_path / "a.csv", CONNECT, ["202301"], rows, end="\n")
    marked = write(tmp_path / "b.csv", CONNECT, ["202301"], rows)
    marked.write_bytes(b"\xef\xbb\xbf" + marked.read_bytes())
    pd.testing.assert_frame_equal(read_mps(plain).frame, read_mps(marked).frame)


def test_lower_case_parquet_of_lsoas(tmp_path: Path) -> None:
    path = tmp_path / "lsoa.parquet"
    pd.DataFrame(
        {
            "lsoa_code": ["E01000001", "E01000002"],
            "lsoa_name": ["A 001A", "A 001B"],
            "borough": ["E09000007", "E09000007"],
            "major_category": ["ROBBERY", "ROBBERY"],
            "minor_category": ["ROBBERY OF PERSONAL PROPERTY"] * 2,
            "202402": [30, 31],
            "202403": [32, 33],
        }
    ).to_parquet(path, index=False)
    tidy = read_mps(path, level="lsoa")
    assert tidy.frame["count"].tolist() == [30, 32, 31, 33]
    assert tidy.frame["area_name"].iloc[0] == "A 001A"
    assert "2 LSOA codes" in tidy.intake.code_vintages[0]
    # the offences this level does not publish are said to be missing, not shown as zero
    assert any("Sexual offences" in note for note in tidy.intake.vocabulary)


def test_labels_cut_at_fifty_characters_are_restored(tmp_path: Path) -> None:
    rows = {
        (
            "Miscellaneous Crimes Against Society",
            "Making, Supplying or Possessing Articles for use i",
            "Camden",
        ): [3],
        (
            "Miscellaneous Crimes Against Society",
            "An Invented Label That Runs to Fifty Characters xx",
            "Camden",
        ): [4],
    }
    tidy = read_mps(write(tmp_path / "a.csv", LOOKUP, ["202301"], rows), offences="minor")
    assert "Making, supplying or possessing articles for use in fraud" in tidy.offences
    assert any("may be cut short" in note for note in tidy.intake.notes)


def test_places_that_are_no_borough_are_dropped_and_counted(tmp_path: Path) -> None:
    rows = {
        ("ROBBERY", "ROBBERY OF PERSONAL PROPERTY", "Camden"): [90],
        ("ROBBERY", "ROBBERY OF PERSONAL PROPERTY", "London Heathrow and London City Airports"): [5],
        ("ROBBERY", "ROBBERY OF PERSONAL PROPERTY", "Aviation Security (SO18)"): [2],
        ("ROBBERY", "ROBBERY OF PERSONAL PROPERTY", "Unknown"): [3],
    }
    path = write(tmp_path / "a.csv", CONNECT, ["202301"], rows)
    tidy = read_mps(path)
    assert tidy.areas == ("E09000007",)
    assert [item.rows for item in tidy.intake.dropped] == [1, 1, 1]
    assert any("Unknown is not a Met borough; 3 crimes, 3.0%" in item.reason for item in tidy.intake.dropped)
    assert any("10.0% of Robbery lies outside" in note for note in tidy.intake.notes)
    kept = read_mps(path, areas_outside="keep")
    assert kept.areas == ("E09000007", "MPS-AIRPORTS", "MPS-SO18", "MPS-UNKNOWN")
    assert kept.frame["count"].sum() == 100


def test_boroughs_that_no_file_has_are_named(tmp_path: Path) -> None:
    notes = read_mps(small(tmp_path / "a.csv")).intake.notes
    assert any("30 of the Met's 32 boroughs are in no file" in note for note in notes)


def test_a_table_with_all_boroughs_says_nothing_of_the_kind(tmp_path: Path) -> None:
    rows: dict[Row, Sequence[int]] = {
        ("ROBBERY", "ROBBERY OF PERSONAL PROPERTY", name): [9] for name in MPS_BOROUGHS.values()
    }
    tidy = read_mps(write(tmp_path / "a.csv", CONNECT, ["202301"], rows))
    assert len(tidy.areas) == 32
    assert not any("boroughs are in no file" in note for note in tidy.intake.notes)


def ward_rows(path: Path, months: dict[str, list[int]]) -> Path:
    pd.DataFrame(
        {
            "wardname": ["Abbey", "Abbey", "Heathrow Villages", "Heathrow Villages"],
            "wardcode": ["E05000026", "E05000455", "E05013570", "E05013570"],
            "majortext": ["ROBBERY"] * 4,
            "minortext": ["ROBBERY OF PERSONAL PROPERTY"] * 4,
            "lookup_boroughname": ["Camden", "Merton", "Hillingdon", "Aviation Security (SO18)"],
            **months,
        }
    ).to_parquet(path, index=False)
    return path


def test_wards_of_one_name_stay_apart_and_are_keyed_by_code(tmp_path: Path) -> None:
    path = ward_rows(tmp_path / "w.parquet", {"202403": [30, 40, 50, 6], "202404": [31, 41, 51, 7]})
    tidy = read_mps(path, level="ward")
    assert tidy.areas == ("E05000026", "E05000455", "E05013570")
    assert tidy.frame["count"].tolist() == [30, 31, 40, 41, 50, 51]
    assert any("3 areas have 2 names" in note for note in tidy.intake.notes)
    # recorded by Aviation Security, in the same ward: kept means added to the ward
    kept = read_mps(path, level="ward", areas_outside="keep")
    assert count(kept, "Heathrow Villages", "2024-03", "Robbery") == 56


def test_a_stub_month_is_partial_and_never_used(tmp_path: Path) -> None:
    path = ward_rows(
        tmp_path / "w.parquet",
        {"202402": [0, 1, 0, 0], "202403": [30, 40, 50, 6], "202404": [31, 41, 51, 7]},
    )
    tidy = read_mps(path, level="ward")
    assert tidy.months == ("2024-03", "2024-04")
    assert tidy.intake.months_partial == ("2024-02",)
    assert tidy.coverage["state"].tolist() == ["partial", "present", "present"]
    assert any("2024-02 is a stub with 1 crimes" in note for note in tidy.intake.notes)


def test_two_stubs_in_a_row_are_both_found(tmp_path: Path) -> None:
    path = ward_rows(
        tmp_path / "w.parquet",
        {"202402": [0, 1, 0, 0], "202403": [1, 1, 0, 0], "202404": [31, 41, 51, 7], "202405": [31, 4, 51, 7]},
    )
    assert read_mps(path, level="ward").intake.months_partial == ("2024-02", "2024-03")


def test_a_stub_gives_way_to_the_whole_month_of_the_older_file(tmp_path: Path) -> None:
    old = ward_rows(tmp_path / "old.parquet", {"202401": [30, 40, 50, 6], "202402": [33, 43, 53, 9]})
    new = ward_rows(tmp_path / "new.parquet", {"202402": [0, 1, 0, 0], "202403": [30, 40, 50, 6]})
    tidy = read_mps([new, old], level="ward")
    assert tidy.months == ("2024-01", "2024-02", "2024-03")
    assert tidy.intake.months_partial == ()
    assert tidy.intake.snapshots == ()
    assert int(tidy.frame.loc[tidy.frame["month"] == "2024-02", "count"].sum()) == 33 + 43 + 53


def test_a_month_with_a_riot_makes_no_stub_of_its_neighbours(tmp_path: Path) -> None:
    rows = {
        ("PUBLIC ORDER OFFENCES", "VIOLENT DISORDER", "Camden"): [9, 9, 100, 12, 8],
    }
    months = ["201106", "201107", "201108", "201109", "201110"]
    tidy = read_mps(write(tmp_path / "a.csv", CONNECT, months, rows))
    assert tidy.intake.months_partial == ()


@pytest.mark.parametrize("level", ["borough", "ward"])
def test_small_areas_are_never_added_up(tmp_path: Path, level: str) -> None:
    path = tmp_path / "lsoa.parquet"
    pd.DataFrame(
        {
            "lsoa_code": ["E01000001"],
            "borough": ["E09000007"],
            "major_category": ["ROBBERY"],
            "minor_category": ["X"],
            "202402": [3],
        }
    ).to_parquet(path, index=False)
    with pytest.raises(SourceError, match=r"lsoa\.parquet: is a table by lsoa"):
        read_mps(path, level=level)


def test_chosen_offences_keep_areas_that_have_none_of_them(tmp_path: Path) -> None:
    tidy = read_mps(small(tmp_path / "a.csv"), offences=["Burglary"])
    assert tidy.areas == ("E09000007", "E09000033")
    assert count(tidy, "Westminster", "2023-02", "Burglary") == 0
    assert any(item.reason == "a.csv: offences not asked for" for item in tidy.intake.dropped)
    assert read_mps(tmp_path / "a.csv", offences="Burglary").offences == ("Burglary",)
    assert read_mps(tmp_path / "a.csv", offences=["Domestic burglary"]).offences == ("Domestic burglary",)


def test_an_unknown_offence_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="Did you mean 'Robbery'"):
        read_mps(small(tmp_path / "a.csv"), offences=["Robery"])
    with pytest.raises(OptionError, match="cannot be mixed"):
        read_mps(tmp_path / "a.csv", offences=["Robbery", "Domestic burglary"])


def test_months_asked_for_bound_the_table_and_absent_ones_are_missing(tmp_path: Path) -> None:
    path = small(tmp_path / "a.csv", ["202301", "202302", "202303"])
    tidy = read_mps(path, months=("2023-02", "2023-05"))
    assert tidy.months == ("2023-02", "2023-03")
    assert tidy.intake.months_missing == ("2023-04", "2023-05")
    with pytest.raises(SourceError, match="no file holds a whole month from 2020-01"):
        read_mps(path, months=("2020-01", "2020-02"))


@pytest.mark.parametrize("months", [("2023-02", "2023-01"), ("202301", "202302"), ("2023-01",), "2023-01"])
def test_months_of_a_wrong_form_are_refused(tmp_path: Path, months: object) -> None:
    with pytest.raises(OptionError, match="first and a last month"):
        read_mps(small(tmp_path / "a.csv"), months=months)


def test_a_series_that_ends_or_begins_in_the_window_is_said(tmp_path: Path) -> None:
    months = [f"2023{month:02d}" for month in range(1, 13)]
    rows = {
        ("BURGLARY", "DOMESTIC BURGLARY", "Camden"): [300] * 4 + [9] + [0] * 7,
        ("BURGLARY", "RES BURGLARY OF A HOME", "Camden"): [0] * 4 + [310] * 8,
        ("ROBBERY", "ROBBERY OF PERSONAL PROPERTY", "Camden"): [100] * 12,
    }
    path = write(tmp_path / "a.csv", CONNECT, months, rows)
    said = "\n".join(read_mps(path, offences="minor").intake.vocabulary)
    assert "Domestic burglary ends in 2023-04" in said
    assert "Res burglary of a home begins in 2023-05" in said
    assert "Robbery of personal property" not in said
    # the register says why; the total does not break
    assert "replaced by burglary of a home" in said
    assert "replaced by burglary of a home" not in "\n".join(read_mps(path).intake.vocabulary)


def test_the_recording_change_of_2024_is_said(tmp_path: Path) -> None:
    crossing = small(tmp_path / "a.csv", ["202401", "202402", "202403"])
    before = small(tmp_path / "b.csv", ["202310", "202311", "202312"])
    assert any("CONNECT on 28 February 2024" in note for note in read_mps(crossing).intake.vocabulary)
    assert not any("CONNECT on 28 February 2024" in note for note in read_mps(before).intake.vocabulary)
