from __future__ import annotations

from pathlib import Path

import pytest

from whatworks.data.exposure import join_population, join_start
from whatworks.data.geography import COMMAND_UNITS, MPS_BOROUGHS, read_lsoa_lookup, revintage
from whatworks.data.mps import read_mps
from whatworks.data.mps.file import Level, read_file
from whatworks.data.tidy import Tidy
from whatworks.errors import SourceError

HISTORICAL = "MPS_Borough_Historical_201004-202403_CONNECT.csv"
RECENT = "MPS_Borough_recent24_202404-202603_CONNECT.csv"


@pytest.fixture(scope="module")
def boroughs(realdata: Path) -> Path:
    return realdata / "mps_borough"


def month_total(tidy: Tidy, month: str, offence: str | None = None) -> int:
    rows = tidy.frame["month"] == month
    if offence is not None:
        rows &= tidy.frame["offence"] == offence
    return int(tidy.frame.loc[rows, "count"].sum())


@pytest.mark.parametrize("level", ["borough", "ward", "lsoa"])
@pytest.mark.parametrize("offences", ["major", "minor"])
def test_every_file_reads_on_its_own(realdata: Path, level: Level, offences: str) -> None:
    paths = sorted((realdata / f"mps_{level}").iterdir())
    assert paths
    for path in paths:
        tidy = read_mps(path, level=level, offences=offences, areas_outside="keep")
        whole = read_file(path)
        used = [i for i, month in enumerate(whole.months) if month not in whole.stubs]
        assert tidy.frame["count"].sum() == whole.counts[:, used].sum()
        assert tidy.intake.rows_read == tidy.intake.rows_used == len(whole.area)
        assert tidy.intake.months_missing == ()


def test_sixteen_years_join_without_a_gap(boroughs: Path) -> None:
    tidy = read_mps([boroughs / HISTORICAL, boroughs / RECENT])
    assert (tidy.months[0], tidy.months[-1], len(tidy.months)) == ("2010-04", "2026-03", 192)
    assert set(tidy.areas) == set(MPS_BOROUGHS)
    assert len(tidy.frame) == 192 * 32 * 13
    assert tidy.intake.months_missing == tidy.intake.months_partial == ()
    assert any("CONNECT on 28 February 2024" in said for said in tidy.intake.vocabulary)


def test_the_riots_and_the_lockdown_are_where_they_were(boroughs: Path) -> None:
    tidy = read_mps(boroughs / HISTORICAL, offences="minor", areas_outside="keep")
    for offence, july, august in (
        ("Burglary business and community", 2653, 3675),
        ("Violent disorder", 9, 100),
        ("Arson", 233, 453),
    ):
        assert month_total(tidy, "2011-07", offence) == july
        assert month_total(tidy, "2011-08", offence) == august
    assert (month_total(tidy, "2020-01"), month_total(tidy, "2020-04")) == (76177, 48671)


def test_the_burglary_break_of_2023_shows_in_the_parts_and_not_in_the_whole(boroughs: Path) -> None:
    said = read_mps([boroughs / HISTORICAL, boroughs / RECENT], offences="minor").intake.vocabulary
    assert any(item.startswith("Domestic burglary ends in 2023-04") for item in said)
    assert any(item.startswith("Res burglary of a home begins in 2023-04") for item in said)
    assert any("Domestic burglary: no row in MPS_Borough_recent24" in item for item in said)
    whole = read_mps([boroughs / HISTORICAL, boroughs / RECENT]).intake.vocabulary
    assert not any("urglary" in item for item in whole)


def test_totals_by_vintage_are_as_counted(boroughs: Path) -> None:
    for name, total in (
        (HISTORICAL, 68011),
        ("MPS_Borough_Historical_201004-202201_LOOKUP.csv", 68536),
        ("MPS_Borough_Historic_200801-201612_OLDCATS.csv", 69327),
    ):
        assert month_total(read_mps(boroughs / name, areas_outside="keep"), "2010-04") == total


def test_two_snapshots_of_the_same_months_are_compared(boroughs: Path) -> None:
    older = "MPS_Borough_Historical_201004-202311_CONNECT.csv"
    tidy = read_mps([boroughs / older, boroughs / HISTORICAL])
    found = tidy.intake.snapshots
    assert len(found) == 164
    assert {item.chosen for item in found} == {HISTORICAL}
    assert any(item.cells for item in found)
    alone = read_mps(boroughs / HISTORICAL)
    assert tidy.frame.equals(alone.frame)


def test_vintages_join_only_where_they_compare(boroughs: Path) -> None:
    old = boroughs / "MPS_Borough_Historic_200801-201612_OLDCATS.csv"
    with pytest.raises(SourceError, match="cannot be joined whole"):
        read_mps([old, boroughs / HISTORICAL])
    tidy = read_mps([old, boroughs / HISTORICAL], offences=["Robbery", "Burglary"])
    assert tidy.months[0] == "2008-01"
    older = boroughs / "MPS_Borough_recent24_201701-201812_OLDCATS.csv"
    with pytest.raises(SourceError, match=r"2016-12 to 2017-01: .*the label changed"):
        read_mps([old, older], offences="minor")


def test_wards_join_around_the_stub_of_the_recent_file(realdata: Path) -> None:
    folder = realdata / "mps_ward"
    tidy = read_mps(
        [
            folder / "MPS_Ward_Historical_201004-202402.parquet",
            folder / "MPS_Ward_recent_202402-202602.parquet",
        ],
        level="ward",
        areas_outside="keep",
    )
    assert len(tidy.months) == 191
    assert tidy.intake.months_missing == tidy.intake.months_partial == ()
    assert month_total(tidy, "2024-02") == 73652
    assert len(tidy.areas) == 679
    assert any("679 areas have 669 names" in note for note in tidy.intake.notes)


def test_lsoas_lose_the_stub_and_move_to_common_units_whole(realdata: Path) -> None:
    tidy = read_mps(realdata / "mps_lsoa" / "MPS_LSOA_recent_202402-202602.parquet", level="lsoa")
    assert tidy.intake.months_partial == ("2024-02",)
    assert len(tidy.months) == 24
    lookup = read_lsoa_lookup(realdata / "lookups" / "lsoa11_lsoa21_lad22_london.csv")
    assert len(lookup.codes_2011 - lookup.codes_2021) == 176
    assert len(lookup.codes_2021 - lookup.codes_2011) == 335
    assert lookup.vintage(tidy.areas).kind == "2021"
    moved = revintage(tidy, lookup)
    assert moved.frame["count"].sum() == tidy.frame["count"].sum()
    assert set(moved.areas) <= set(lookup.unit_of.values())


def test_the_merger_panel_of_32_boroughs_is_complete(realdata: Path) -> None:
    names = ["Robbery", "Burglary", "Violence against the person"]
    tidy = read_mps(realdata / "mps_borough" / HISTORICAL, offences=names, months=("2012-01", "2019-01"))
    table = join_population(tidy.wide(), realdata / "population" / "borough_population_2011-2022.csv")
    mergers = realdata / "interventions" / "bcu_mergers.csv"
    with pytest.raises(SourceError, match=r"Central South \(line 4: '2018'\)"):
        join_start(table, mergers, first_month="next")
    joined = join_start(table, mergers, first_month="next", fill={"Central South": "2018-10"})
    assert len(joined) == 32 * 85
    assert joined["start"].notna().all()
    units = joined.groupby("cluster")["area_code"].unique()
    assert {name: tuple(sorted(codes)) for name, codes in units.items()} == dict(COMMAND_UNITS)
    assert joined.groupby("cluster")["start"].nunique().eq(1).all()
    assert int(joined["population"].iloc[0]) == 190949
