from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from whatworks.data.geography import (
    COMMAND_UNITS,
    LONDON,
    MPS_BOROUGHS,
    borough_code,
    command_unit,
    read_lsoa_lookup,
    revintage,
)
from whatworks.data.intake import IntakeReport
from whatworks.data.tidy import Tidy, coverage_table, from_counts
from whatworks.errors import SourceError


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("Westminster", "E09000033"),
        ("City of Westminster", "E09000033"),
        ("CITY OF WESTMINSTER", "E09000033"),
        ("Richmond upon Thames", "E09000027"),
        ("Richmond Upon Thames", "E09000027"),
        ("Kingston-upon-Thames", "E09000021"),
        ("Barking & Dagenham", "E09000002"),
        ("Barking And Dagenham", "E09000002"),
        ("  barking  and dagenham ", "E09000002"),
        ("Royal Borough of Kensington & Chelsea", "E09000020"),
        ("London Borough of Hackney", "E09000012"),
        ("City of London", "E09000001"),
        ("E09000012", "E09000012"),
        ("e09000012", "E09000012"),
    ],
)
def test_every_spelling_in_use_leads_to_the_code(name: str, code: str) -> None:
    assert borough_code(name) == code


@pytest.mark.parametrize("name", ["", "London", "E09000034", "Westminister", "Barking"])
def test_any_other_name_is_refused(name: str) -> None:
    with pytest.raises(SourceError, match="is not a London borough"):
        borough_code(name, where="a.csv, line 2")


def test_a_near_miss_names_the_borough_meant() -> None:
    with pytest.raises(SourceError, match=r"a\.csv, line 2: 'Westminister'.*\n.*Did you mean 'Westminster'"):
        borough_code("Westminister", where="a.csv, line 2")


def test_the_facts_about_london_hold_together() -> None:
    assert len(LONDON) == 33
    assert len(MPS_BOROUGHS) == 32
    assert "City of London" not in MPS_BOROUGHS.values()
    assert len(COMMAND_UNITS) == 12
    members = [code for codes in COMMAND_UNITS.values() for code in codes]
    assert sorted(members) == sorted(MPS_BOROUGHS)
    assert command_unit(borough_code("Lambeth")) == "Central South"
    with pytest.raises(SourceError, match="none of the 12"):
        command_unit("E09000001")


HEAD = "\ufeffLSOA11CD,LSOA11NM,LSOA21CD,LSOA21NM,CHGIND,LAD22CD,LAD22NM,ObjectId"
PAIRS = [
    "E01000001,A 001A,E01000001,A 001A,U,E09000002,A,1",
    # one 2011 area split in two
    "E01000002,A 001B,E01030001,A 001F,S,E09000002,A,2",
    "E01000002,A 001B,E01030002,A 001G,S,E09000002,A,3",
    # two 2011 areas merged into one
    "E01000003,A 001C,E01030003,A 001H,M,E09000003,B,4",
    "E01000004,A 001D,E01030003,A 001H,M,E09000003,B,5",
    # two into two, crossing
    "E01000005,A 002A,E01030004,A 002F,X,E09000003,B,6",
    "E01000006,A 002B,E01030004,A 002F,X,E09000003,B,7",
    "E01000006,A 002B,E01030005,A 002G,X,E09000003,B,8",
]


@pytest.fixture
def lookup_file(tmp_path: Path) -> Path:
    path = tmp_path / "lookup.csv"
    path.write_text("\r\n".join([HEAD, *PAIRS]) + "\r\n", encoding="utf-8", newline="")
    return path


def test_changed_areas_meet_in_the_smallest_common_unit(lookup_file: Path) -> None:
    lookup = read_lsoa_lookup(lookup_file)
    assert dict(lookup.change_of) == {
        "E01000001": "unchanged",
        "E01000002": "split",
        "E01030003": "merged",
        "E01000005+": "irregular",
    }
    assert (
        lookup.unit_of["E01030001"]
        == lookup.unit_of["E01030002"]
        == lookup.unit_of["E01000002"]
        == "E01000002"
    )
    assert lookup.unit_of["E01000003"] == lookup.unit_of["E01000004"] == "E01030003"
    assert {lookup.unit_of[code] for code in ("E01000005", "E01000006", "E01030004", "E01030005")} == {
        "E01000005+"
    }
    assert lookup.name_of["E01030003"] == "A 001H"
    assert lookup.borough_of["E01000005+"] == "E09000003"
    common = lookup.common(pd.Series(["E01030002", "E01000001", "E01999999"]))
    assert common.tolist() == ["E01000002", "E01000001", "E01999999"]


@pytest.mark.parametrize(
    ("codes", "kind"),
    [
        (["E01000001"], "either"),
        (["E01000001", "E01000002"], "2011"),
        (["E01000001", "E01030001"], "2021"),
        (["E01000002", "E01030001"], "mixed"),
    ],
)
def test_the_census_of_a_set_of_codes_is_told(lookup_file: Path, codes: list[str], kind: str) -> None:
    found = read_lsoa_lookup(lookup_file).vintage([*codes, "E01999999"])
    assert found.kind == kind
    assert found.unknown == 1


def by_lsoa(cells: dict[tuple[str, str], int]) -> Tidy:
    counts = pd.DataFrame(
        [(area, month, "Theft", count) for (area, month), count in cells.items()],
        columns=["area_code", "month", "offence", "count"],
    )
    areas = {area: f"name {area}" for area, _ in cells}
    months = sorted({month for _, month in cells})
    return from_counts(
        counts,
        areas=areas,
        months=months,
        offences=["Theft"],
        intake=IntakeReport(files=()),
        coverage=coverage_table([("MPS", month, "present", 1) for month in months]),
        missing={(area, month) for area in areas for month in months} - set(cells),
    )


def test_a_mix_of_both_censuses_loses_and_invents_no_crime(lookup_file: Path) -> None:
    # split: the parent in 2022, its two children in 2023
    tidy = by_lsoa(
        {
            ("E01000002", "2022-01"): 5,
            ("E01030001", "2023-06"): 2,
            ("E01030002", "2023-06"): 4,
            ("E01000003", "2022-01"): 1,
            ("E01000004", "2022-01"): 2,
            ("E01030003", "2023-06"): 9,
            ("E01999999", "2022-01"): 7,
        }
    )
    moved = revintage(tidy, read_lsoa_lookup(lookup_file))
    assert moved.frame.drop(columns=["area_name", "offence"]).to_numpy().tolist() == [
        ["E01000002", "2022-01", 5],
        ["E01000002", "2023-06", 6],
        ["E01030003", "2022-01", 3],
        ["E01030003", "2023-06", 9],
        ["E01999999", "2022-01", 7],
    ]
    assert moved.frame["count"].sum() == tidy.frame["count"].sum()
    (said,) = moved.intake.code_vintages
    assert said.startswith("a mix of 2011 and 2021 census codes")
    assert "3 units common to both censuses by lookup.csv, 2 of them joining" in said
    assert moved.intake.filled_zeros == tidy.intake.filled_zeros


def test_any_counts_keep_their_total_in_every_month(lookup_file: Path) -> None:
    lookup = read_lsoa_lookup(lookup_file)
    codes = sorted(lookup.codes_2011 | lookup.codes_2021)
    draws = np.random.default_rng(3).poisson(4, size=(len(codes), 2))
    cells = {
        (code, month): int(draws[i, m])
        for i, code in enumerate(codes)
        for m, month in enumerate(("2023-01", "2023-02"))
    }
    tidy = by_lsoa(cells)
    moved = revintage(tidy, lookup)
    assert moved.frame.groupby("month")["count"].sum().tolist() == draws.sum(axis=0).tolist()
    # once moved, moving again changes nothing
    pd.testing.assert_frame_equal(revintage(moved, lookup).frame, moved.frame)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("LSOA11CD,LSOA21CD\nE01000001,E01000001\n", r"line 1: no column LSOA11NM"),
        ("\n".join([HEAD[1:], PAIRS[0], PAIRS[0]]) + "\n", r"line 3: the pair .* malformed or repeated"),
        ("\n".join([HEAD[1:], PAIRS[0].replace("E01000001", "E0100")]) + "\n", r"line 2: the pair 'E0100'"),
    ],
)
def test_a_file_that_is_no_lookup_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "lookup.csv"
    path.write_text(text, encoding="utf-8", newline="\n")
    with pytest.raises(SourceError, match=message):
        read_lsoa_lookup(path)
