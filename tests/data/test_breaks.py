from __future__ import annotations

import csv
from importlib import resources

import pytest

from whatworks.absence import NotAvailable
from whatworks.data import breaks
from whatworks.data.recording import OWN_COUNT, UNSAID, Recording, parse_recording
from whatworks.errors import OptionError, SourceError


def ids(*arguments: str, offence: str | None = None, recording: Recording | None = None) -> set[str]:
    return {item.id for item in breaks.crossing(*arguments, offence, recording=recording)}


def met(series: str = "mps_tables", level: str = "borough", force: str = "metropolitan") -> Recording:
    return Recording(series, (force,), level)


def test_the_register_is_dated_sourced_and_in_order() -> None:
    found = breaks.register()
    assert len(found) > 30
    months = [item.first_month for item in found]
    assert months == sorted(months)
    assert len({item.id for item in found}) == len(found)
    for item in found:
        assert item.what.endswith(".")
        assert item.source
        assert item.span in item.sentence()
        assert item.name
        assert item.forces
        assert bool(item.series) == item.changes_counting
        assert bool(item.counts) != item.changes_counting


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("connect-2024", "2024-02", None),
        ("riots-2011", "2011-08", "2011-08"),
        ("lockdown-1", "2020-03", "2020-06"),
        ("burglary-residential-2017", "2017-04", None),
        ("burglary-residential-2023", "2023-04", "2023-08"),
        ("police-uk-types-2013", "2013-05", None),
        ("best-use-2014", "2014-08", None),
        ("section-60-pilot-2019", "2019-03", None),
        ("lsoa-2021-codes", "2022-03", "2023-05"),
    ],
)
def test_the_breaks_every_london_series_runs_into_are_there(name: str, first: str, last: str | None) -> None:
    item = breaks.by_id(name)
    assert (item.first_month, item.last_month) == (first, last)


def test_a_lasting_change_counts_only_when_the_window_has_months_on_both_sides() -> None:
    assert "connect-2024" in ids("2024-01", "2024-02")
    assert "connect-2024" not in ids("2024-02", "2025-12")
    assert "connect-2024" not in ids("2020-01", "2024-01")


def test_a_passing_shock_counts_when_any_of_its_months_is_inside() -> None:
    for window in (("2011-08", "2012-01"), ("2010-01", "2011-08"), ("2011-08", "2011-08")):
        assert "riots-2011" in ids(*window)
    assert "riots-2011" not in ids("2011-09", "2012-01")
    assert "lockdown-1" in ids("2020-04", "2020-05")


def test_an_offence_meets_only_what_affects_it_in_any_naming() -> None:
    window = ("2013-01", "2013-12")
    assert "police-uk-types-2013" in ids(*window, offence="Violence and sexual offences")
    assert "police-uk-types-2013" not in ids(*window, offence="Burglary")
    without = ids("2015-01", "2023-12", offence="Violence without injury")
    hurt = ids("2015-01", "2023-12", offence="VIOLENCE WITH INJURY")
    assert {"malicious-communications-2015", "harassment-counting-2018"} <= without - hurt
    assert breaks.by_id("coercive-control-2015").affects == "violen, harassment, stalking; not with injury"
    assert "strangulation-2022" in ids("2022-01", "2022-12", offence="violence_with_injury")
    assert "burglary-residential-2017" in ids("2017-01", "2017-12", offence="burglary_in_a_dwelling")
    wide = ("2022-01", "2023-12")
    assert "burglary-residential-2023" in ids(*wide, offence="DOMESTIC BURGLARY")
    assert "burglary-residential-2023" not in ids(*wide, offence="Burglary")
    assert "lockdown-1" in ids("2019-01", "2021-01", offence="Robbery")


LONG = ("2010-01", "2025-12")


def test_a_series_meets_its_own_changes_of_counting_and_no_others() -> None:
    street = {item.id for item in breaks.register() if item.series == ("police_uk_street",)}
    assert {"police-uk-types-2011", "police-uk-types-2013", "crime-ids-2011", "lsoa-2021-codes"} <= street
    for level in ("borough", "ward", "lsoa"):
        assert not street & ids(*LONG, recording=met(level=level))
    assert street - ids(*LONG, recording=met("police_uk_street", "lsoa")) == {"map-points-2017"}  # the City's
    assert "search-outcomes-2018" in ids(*LONG, recording=met("police_uk_searches", "force"))
    assert "search-outcomes-2018" not in ids(*LONG, recording=met())
    assert ids(*LONG, recording=met("pas")) == {"attitudes-trust-2016"}


def test_another_force_meets_the_rules_of_the_land_and_its_own() -> None:
    leeds = ids(*LONG, recording=met("force_records", "ward", "west-yorkshire"))
    assert {"wy-recording-2015", "principal-offence-2023", "lockdown-1"} <= leeds
    assert not leeds & {"connect-2024", "night-tube-2016", "bcu-mergers", "riots-2011", "state-funeral-2022"}
    met_only = {item.id for item in breaks.register() if item.forces == ("metropolitan",)}
    assert len(met_only) > 10
    assert not leeds & met_only
    assert "wy-recording-2015" not in ids(*LONG, recording=met("force_records"))


def test_codes_of_small_areas_touch_small_areas_only() -> None:
    for level in ("ward", "borough", "force"):
        assert "lsoa-2021-codes" not in ids(*LONG, recording=met("police_uk_street", level))
    assert "map-points-2011" in ids(*LONG, recording=met("police_uk_street", "ward"))
    assert "map-points-2011" not in ids(*LONG, recording=met("police_uk_street", "borough"))


def test_shocks_belong_to_a_place_and_a_time_whatever_the_series() -> None:
    for series in ("mps_tables", "police_uk_street", "home_office", "force_records"):
        assert "riots-2011" in ids("2011-01", "2012-01", recording=met(series))
    assert "riots-2011" not in ids("2011-01", "2012-01", recording=met("pas"))
    assert "riots-2011" in ids("2011-01", "2012-01", recording=met("home_office", force="west-midlands"))
    assert "riots-2011" not in ids("2011-01", "2012-01", recording=met("home_office", force="kent"))


def test_what_a_study_says_of_its_recording() -> None:
    said = {"series": "police_uk_street", "force": "metropolitan, city-of-london", "level": "lsoa"}
    assert parse_recording(said) == Recording("police_uk_street", ("metropolitan", "city-of-london"), "lsoa")
    assert parse_recording({}) is UNSAID
    assert parse_recording({"series": "own"}) is OWN_COUNT
    assert isinstance(OWN_COUNT, NotAvailable)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"serie": "pas"}, "unknown key 'serie'"),
        ({"series": "mps_tables"}, "does not say the force and the level"),
        ({"series": "own", "force": "kent"}, "does not say the level"),
        ({"series": "own", "force": "kent", "level": "ward"}, "series='own' is not a choice"),
        ({"series": "mps_tabels", "force": "metropolitan", "level": "ward"}, "Did you mean 'mps_tables'"),
        ({"series": "mps_tables", "force": "metropolitn", "level": "ward"}, "Did you mean 'metropolitan'"),
        ({"series": "mps_tables", "force": ",", "level": "ward"}, "no force is named"),
        ({"series": "mps_tables", "force": "metropolitan", "level": "wards"}, "Did you mean 'ward'"),
    ],
)
def test_a_recording_of_a_wrong_form_is_refused(said: dict[str, str], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        parse_recording(said)


@pytest.mark.parametrize(
    "changed",
    [
        {"series": ""},
        {"series": "mps"},
        {"counts": "crime"},
        {"kind": "shock"},
        {"forces": ""},
        {"forces": "the-met"},
        {"levels": "borougs"},
        {"source": " "},
        {"name": ""},
        {"first_month": "2024-13"},
        {"last_month": "2023-01"},
    ],
)
def test_an_entry_without_owner_or_source_is_refused(changed: dict[str, str]) -> None:
    text = resources.files("whatworks.data").joinpath("breaks.csv").read_text(encoding="utf-8")
    row = next(row for row in csv.DictReader(text.splitlines()) if row["id"] == "connect-2024")
    assert breaks._parse(row, 2).id == "connect-2024"
    with pytest.raises(SourceError, match="not well formed"):
        breaks._parse({**row, **changed}, 2)


@pytest.mark.parametrize(
    ("window", "message"),
    [
        (("2011-13", "2012-01"), "first='2011-13' is not a month"),
        (("2011-01", "201201"), "last='201201' is not a month"),
        (("2012-01", "2011-01"), "runs backwards"),
    ],
)
def test_a_window_of_a_wrong_form_is_refused(window: tuple[str, str], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        ids(*window)


def test_an_unknown_break_names_the_nearest() -> None:
    with pytest.raises(OptionError, match="Did you mean 'riots-2011'"):
        breaks.by_id("riot-2011")
