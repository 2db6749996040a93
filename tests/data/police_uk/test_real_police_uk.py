"""The readers on published files, against counts made another way (pandas, file by file)."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pandas as pd
import pytest

from whatworks.data.geography import read_lsoa_lookup
from whatworks.data.police_uk import read_outcomes, read_stops, read_street

LOOKUP = "lookups/lsoa11_lsoa21_lad22_london.csv"


@cache
def raw(folder: Path) -> pd.DataFrame:
    return pd.concat(
        [
            pd.read_csv(path, dtype=str, keep_default_na=False).assign(file=path.name)
            for path in sorted(folder.glob("*.csv.gz"))
        ]
    )


@pytest.fixture
def city(realdata: Path) -> Path:
    return realdata / "police_uk" / "city_of_london_street"


@pytest.fixture
def met(realdata: Path) -> Path:
    return realdata / "police_uk" / "met_burglary_street"


def test_city_all_171_months_keep_identical_rows_without_an_id(city: Path) -> None:
    tidy = read_street(city, by="force", offences=["Anti-social behaviour", "Burglary"])
    table = raw(city)
    assert len(tidy.months) == 171
    assert tidy.intake.rows_read == len(table) == 109_803
    without = table[table["Crime ID"] == ""]
    assert int(without.duplicated().sum()) == 10_310
    counted = tidy.frame[tidy.frame["offence"] == "Anti-social behaviour"]["count"].sum()
    assert counted == int((table["Crime type"] == "Anti-social behaviour").sum())


def test_city_repeated_ids_are_counted_as_pandas_counts_them(city: Path) -> None:
    table = raw(city)
    given = table[table["Crime ID"] != ""]
    repeated = given[given.duplicated(["file", "Crime ID"])]
    assert read_street(city).intake.duplicates == len(repeated) == 915


def test_city_only_four_types_span_the_whole_run(city: Path) -> None:
    tidy = read_street(city, by="force")
    assert tidy.offences == ("Anti-social behaviour", "Burglary", "Robbery", "Vehicle crime")
    common = read_street(city, by="force", vocabulary="common", months=("2011-09", "2025-02"))
    assert len(common.offences) == 11
    assert common.intake.rows_used + common.intake.duplicates == common.intake.rows_read


def test_met_burglary_first_rows_are_kept_and_every_row_is_accounted_for(met: Path, realdata: Path) -> None:
    table = raw(met)
    repeated = (table["Crime ID"] != "") & table.duplicated(["file", "Crime ID"])
    lookup = read_lsoa_lookup(realdata / LOOKUP)
    tidy = read_street(met, lsoa_lookup=lookup)
    intake = tidy.intake
    assert intake.duplicates == int(repeated.sum())
    assert intake.rows_read == len(table) == intake.rows_used + sum(item.rows for item in intake.dropped)
    assert tidy.offences == ("Burglary",)
    kept = table[~repeated & table["LSOA code"].isin(lookup.unit_of)]
    kept = kept[kept["LSOA code"].map(lookup.borough_of) != "E09000001"]
    expected = kept.groupby([kept["LSOA code"].map(lookup.unit_of), "Month"]).size()
    frame = tidy.frame[tidy.frame["count"] > 0].set_index(["area_code", "month"])["count"]
    assert frame.to_dict() == expected.to_dict()
    assert intake.code_vintages[:3] == (
        "2010-12 to 2022-02: 2011 codes.",
        "2022-03 to 2023-05: 2011 and 2021 codes mixed.",
        "2023-06 to 2023-12: 2021 codes.",
    )


def test_met_and_city_by_borough_agree_with_a_group_by(met: Path, city: Path) -> None:
    tidy = read_street([met, city], by="borough", offences=["Burglary"], months=("2019-01", "2019-12"))
    assert len(tidy.areas) == 33
    tables = pd.concat([raw(met), raw(city)])
    table = tables[tables["Month"].str.startswith("2019") & (tables["Crime type"] == "Burglary")]
    table = table[~((table["Crime ID"] != "") & table.duplicated(["file", "Crime ID"]))]
    names = table["LSOA name"].str.rsplit(n=1).str[0]
    for name in ("Camden", "Westminster", "City of London", "Croydon"):
        mine = tidy.frame[tidy.frame["area_name"] == name]["count"].sum()
        assert mine == int((names == name).sum())


def test_west_yorkshire_has_its_five_districts_and_no_barnsley(realdata: Path) -> None:
    tidy = read_street(realdata / "police_uk" / "west_yorkshire_street", by="borough")
    assert tidy.areas == ("Bradford", "Calderdale", "Kirklees", "Leeds", "Wakefield")
    assert len(tidy.intake.months_missing) == 22
    table = raw(realdata / "police_uk" / "west_yorkshire_street")
    assert int(table[table["Crime ID"] == ""].duplicated().sum()) == 5_709
    leeds = tidy.frame[tidy.frame["area_name"] == "Leeds"]["count"].sum()
    assert leeds == int(table["LSOA name"].str.startswith("Leeds").sum())


def test_met_stops_lie_in_their_months_and_december_2022_is_partial(realdata: Path) -> None:
    tidy = read_stops(realdata / "police_uk" / "met_stop_and_search")
    assert tidy.intake.months_partial == ("2022-12",)
    assert tidy.intake.dropped[0].rows == 5_706
    table = raw(realdata / "police_uk" / "met_stop_and_search")
    arrests = table[(table["Outcome"] == "Arrest") & ~table["file"].str.startswith("2022-12")]
    assert tidy.wide()["Arrest"].sum() == len(arrests)


def test_met_outcomes_all_count(realdata: Path) -> None:
    tidy = read_outcomes(realdata / "police_uk" / "met_outcomes")
    table = raw(realdata / "police_uk" / "met_outcomes")
    assert tidy.frame["count"].sum() == len(table)
    charged = table[table["Outcome type"] == "Suspect charged"].groupby("Month").size()
    mine = tidy.wide().set_index("month")["Suspect charged"]
    assert mine[mine > 0].to_dict() == charged.to_dict()
    assert "Suspect charged (2019-04 to 2020-02)" in tidy.intake.vocabulary[-1]
