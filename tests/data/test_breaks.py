from __future__ import annotations

import pytest

from whatworks.data import breaks
from whatworks.errors import OptionError


def ids(*arguments: str, **choices: str) -> set[str]:
    return {item.id for item in breaks.crossing(*arguments, **choices)}


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
        assert ("date from memory" in item.sentence()) == (item.confidence == "from memory")


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
    wide = ("2022-01", "2023-12")
    assert "burglary-residential-2023" in ids(*wide, offence="DOMESTIC BURGLARY")
    assert "burglary-residential-2023" not in ids(*wide, offence="Burglary")
    assert "lockdown-1" in ids("2019-01", "2021-01", offence="Robbery")


def test_a_source_meets_only_its_own() -> None:
    assert "police-uk-types-2013" not in ids("2013-01", "2013-12", source="mps")
    assert "search-outcomes-2018" in ids("2017-01", "2019-01", source="stop_and_search")
    assert "riots-2011" in ids("2011-01", "2012-01", source="mps")


@pytest.mark.parametrize(
    ("arguments", "choices", "message"),
    [
        (("2011-13", "2012-01"), {}, "first='2011-13' is not a month"),
        (("2011-01", "201201"), {}, "last='201201' is not a month"),
        (("2012-01", "2011-01"), {}, "runs backwards"),
        (("2011-01", "2012-01"), {"source": "mets"}, "source='mets' is not a choice"),
    ],
)
def test_a_window_of_a_wrong_form_is_refused(
    arguments: tuple[str, str], choices: dict[str, str], message: str
) -> None:
    with pytest.raises(OptionError, match=message):
        ids(*arguments, **choices)


def test_an_unknown_break_names_the_nearest() -> None:
    with pytest.raises(OptionError, match="Did you mean 'riots-2011'"):
        breaks.by_id("riot-2011")
