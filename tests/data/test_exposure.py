from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from whatworks.data.exposure import join_population, join_start
from whatworks.errors import OptionError, PanelError, SourceError

FRAME = pd.DataFrame(
    {
        "area_code": ["E09000007", "E09000007", "E09000024", "E09000024"],
        "month": ["2018-12", "2019-01", "2018-12", "2019-01"],
        "Robbery": [1, 2, 3, 4],
    }
)
WIDE = "Code,Area name,2018_Population,2019_Population\nE09000007,Camden,100,110\nE09000024,Merton,200,210\n"
LONG = (
    "code,year,population\nE09000007,2018,100\nE09000007,2019,110\nE09000024,2018,200\nE09000024,2019,210\n"
)


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8", newline="\n")
    return path


@pytest.mark.parametrize("text", [WIDE, LONG, "\ufeff" + WIDE])
def test_each_month_takes_the_estimate_of_its_year(tmp_path: Path, text: str) -> None:
    joined = join_population(FRAME, write(tmp_path / "p.csv", text))
    assert joined["population"].tolist() == [100, 110, 200, 210]
    assert joined["population"].dtype == "int64"
    assert "population" not in FRAME.columns


def test_several_files_are_put_together(tmp_path: Path) -> None:
    one = write(tmp_path / "1.csv", "Code,2018_Population\nE09000007,100\nE09000024,200\n")
    two = write(tmp_path / "2.csv", "Code,2019_Population\nE09000007,110\nE09000024,210\n")
    assert join_population(FRAME, [one, two])["population"].tolist() == [100, 110, 200, 210]


def test_a_year_without_estimate_is_named_and_carried_only_when_asked(tmp_path: Path) -> None:
    path = write(tmp_path / "p.csv", "Code,2018_Population\nE09000007,100\nE09000024,200\n")
    with pytest.raises(PanelError, match="years 2019; areas E09000007, E09000024"):
        join_population(FRAME, path)
    carried = join_population(FRAME, path, later_years="carry")
    assert carried["population"].tolist() == [100, 100, 200, 200]
    early = FRAME.assign(month=FRAME["month"].str.replace("2018", "2017"))
    with pytest.raises(PanelError, match="years 2017;"):
        join_population(early, path, later_years="carry")


def test_an_area_without_estimate_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "p.csv", WIDE)
    with pytest.raises(PanelError, match="areas E09000099"):
        join_population(FRAME.assign(area_code="E09000099"), path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (WIDE.replace("110", "11O"), r"p\.csv, line 2, column '2019_Population': '11O' is not"),
        (WIDE.replace("110", "0"), r"p\.csv, line 2: the population of E09000007 in 2019 is 0"),
        (WIDE + "E09000024,Merton,200,211\n", r"p\.csv, line 4: .* in 2019 is 211, elsewhere 210"),
        (WIDE.replace("Code", "Kode"), r"line 1: no column for an area code"),
        ("Code,Area\nE09000007,Camden\n", r"line 1: no column for a year"),
        ("Code,Year\nE09000007,2018\n", r"line 1: no column for a population"),
    ],
)
def test_a_population_file_with_a_fault_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        join_population(FRAME, write(tmp_path / "p.csv", text))


def test_a_table_that_cannot_take_the_column_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "p.csv", WIDE)
    with pytest.raises(PanelError, match="no column 'month'"):
        join_population(FRAME.drop(columns="month"), path)
    with pytest.raises(PanelError, match="already has population"):
        join_population(FRAME.assign(population=1), path)
    with pytest.raises(PanelError, match="months must read YYYY-MM"):
        join_population(FRAME.assign(month=201812), path)


MERGERS = (
    "bcu,boroughs,go_live_date,evidence\n"
    'One,Camden;Islington,2018-06-06,"said, twice"\n'
    "Two,Merton,2018,\n"
    "Three,Barking & Dagenham;City of Westminster,2019-02,\n"
)


def merged(tmp_path: Path, **choices: object) -> pd.DataFrame:
    path = write(tmp_path / "m.csv", MERGERS)
    choices = {"first_month": "next", "fill": {"Two": "2018-10"}} | choices
    return join_start(FRAME, path, **choices)


def test_starts_and_clusters_are_joined_by_area(tmp_path: Path) -> None:
    joined = merged(tmp_path)
    assert joined["start"].tolist() == ["2018-07", "2018-07", "2018-10", "2018-10"]
    assert joined["cluster"].tolist() == ["One", "One", "Two", "Two"]
    assert joined["Robbery"].tolist() == [1, 2, 3, 4]


def test_the_first_treated_month_is_a_choice(tmp_path: Path) -> None:
    assert merged(tmp_path, first_month="same")["start"].tolist()[0] == "2018-06"
    with pytest.raises(OptionError, match="first_month='full' is not a choice"):
        merged(tmp_path, first_month="full")


@pytest.mark.parametrize(
    ("date", "same", "following"),
    [
        ("2018-12-31", "2018-12", "2019-01"),
        ("2018-12-01", "2018-12", "2018-12"),
        ("2018-12", "2018-12", "2018-12"),
    ],
)
def test_first_whole_months_at_the_edges(tmp_path: Path, date: str, same: str, following: str) -> None:
    for choice, month in (("same", same), ("next", following)):
        joined = merged(tmp_path, fill={"Two": date}, first_month=choice)
        assert joined["start"].tolist()[2] == month


@pytest.mark.parametrize("written", ["2018", "", "autumn 2018", "2018-13", "2018-10-32"])
def test_a_row_that_cannot_be_dated_is_named_with_the_way_out(tmp_path: Path, written: str) -> None:
    path = write(tmp_path / "m.csv", MERGERS.replace("2018,\n", f"{written},\n"))
    with pytest.raises(SourceError, match=r"(?s)Two \(line 3: .*fill=\{'Two'.*drop=\['Two'\]") as caught:
        join_start(FRAME, path, first_month="same")
    assert repr(written) in str(caught.value)


def test_undated_rows_can_be_left_out(tmp_path: Path) -> None:
    joined = merged(tmp_path, fill=None, drop=["Two"])
    assert joined["area_code"].tolist() == ["E09000007", "E09000007"]


def test_areas_in_no_row_are_never_treated_only_when_said(tmp_path: Path) -> None:
    frame = pd.concat([FRAME, FRAME.iloc[:1].assign(area_code="E09000012")])
    path = write(tmp_path / "m.csv", MERGERS)
    with pytest.raises(PanelError, match="1 areas stand in no row: E09000012"):
        join_start(frame, path, first_month="same", fill={"Two": "2018-10"})
    joined = join_start(frame, path, first_month="same", fill={"Two": "2018-10"}, others="never")
    assert joined["start"].isna().tolist() == [False] * 4 + [True]
    assert joined["cluster"].tolist()[-1] == "E09000012"


def test_one_row_per_area_needs_no_cluster(tmp_path: Path) -> None:
    path = write(tmp_path / "m.csv", "area_code,start\nE09000007,2018-12\nE09000024,2019-01\n")
    joined = join_start(FRAME, path, first_month="same")
    assert joined["start"].tolist() == ["2018-12", "2018-12", "2019-01", "2019-01"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (MERGERS + "Four,Camden,2018-01,\n", r"line 5: Camden stands in 'One' and in 'Four'"),
        (MERGERS.replace("Camden", "Camdn"), r"line 2: 'Camdn' is not a London borough\n.*mean 'Camden'"),
        (MERGERS.replace("go_live_date", "when"), "line 1: no column for the date"),
        (MERGERS.replace("boroughs", "where"), "line 1: no column for the areas"),
    ],
)
def test_an_interventions_file_with_a_fault_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        join_start(FRAME, write(tmp_path / "m.csv", text), first_month="same", fill={"Two": "2018-10"})


def test_a_name_that_is_no_row_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="'Tow' is not a choice"):
        merged(tmp_path, fill={"Tow": "2018-10"})
    with pytest.raises(OptionError, match="'Tree' is not a choice"):
        merged(tmp_path, drop=["Tree"])
