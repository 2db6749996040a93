"""Periods that are easily mistaken: quarters of another year, dates written as whole numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from whatworks import Panel, periods
from whatworks.errors import PanelError

QUARTERS = 12


def quarterly(frequency: str, *, start: str | None = None, as_objects: bool = False) -> Panel:
    """Four areas over three years; two of them start in the first months of the third year."""
    months = pd.period_range("2014-01", periods=3 * QUARTERS, freq="M")[::3]
    quarter = months.asfreq(frequency)
    first = quarter[8]
    frame = pd.DataFrame(
        {
            "area": np.repeat(["a", "b", "c", "d"], QUARTERS),
            "quarter": list(quarter) * 4,
            "n": np.arange(4 * QUARTERS) % 7,
            "start": np.repeat([first, first, pd.NaT, pd.NaT], QUARTERS),
        }
    )
    if not as_objects:
        frame["quarter"] = pd.PeriodIndex(frame["quarter"], freq=frequency)
        frame["start"] = pd.Series(list(frame["start"]), dtype=pd.PeriodDtype(frequency))
    if start is not None:
        frame["start"] = np.repeat([start, start, None, None], QUARTERS)
    return Panel.from_frame(frame, unit="area", period="quarter", outcome="n", start="start")


@pytest.mark.parametrize("as_objects", [False, True])
@pytest.mark.parametrize("frequency", ["Q-DEC", "Q-MAR", "Q-JUN", "Q-SEP"])
def test_quarters_of_any_year_are_the_calendars(frequency, as_objects):
    panel, calendar = quarterly(frequency, as_objects=as_objects), quarterly("Q-DEC")
    assert panel.fingerprint == calendar.fingerprint
    assert panel.period_labels[0] == "2014Q1"
    assert [panel.label(int(g)) for g in panel.cohorts] == ["2016Q1"]


def test_quarters_of_another_year_say_how_they_are_shown():
    assert quarterly("Q-DEC").notes == ()
    assert quarterly("Q-MAR").notes == (
        "Quarters of frequency Q-MAR are shown as calendar quarters: 2014Q4 as 2014Q1.",
    )


@pytest.mark.parametrize("frequency", ["Q-JAN", "Q-FEB", "Q-APR", "Q-NOV"])
def test_quarters_that_are_no_calendar_quarters_are_refused_by_name(frequency):
    with pytest.raises(PanelError, match=f"{frequency}.*not calendar quarters"):
        quarterly(frequency)


def test_a_text_beside_quarters_of_another_year_is_refused():
    assert quarterly("Q-DEC", start="2016Q1").cohorts.tolist() == [2016 * 4]
    with pytest.raises(PanelError, match=r"Q-MAR.*2015Q4"):
        quarterly("Q-MAR", start="2015Q4")


def test_periods_of_two_frequencies_in_one_column_are_refused():
    mixed = pd.Series([pd.Period("2016Q1", "Q-DEC"), pd.Period("2016Q1", "Q-MAR")], dtype=object)
    with pytest.raises(PanelError, match=r"several kinds.*Q-DEC, Q-MAR"):
        periods.parse(mixed, where="quarter")


def test_the_number_of_a_quarter_that_the_remedy_gives_runs_on():
    quarter = pd.Series(pd.period_range("2014Q1", periods=9, freq="Q-JAN"))
    numbers = quarter.dt.qyear * 4 + quarter.dt.quarter
    assert numbers.diff().dropna().eq(1).all()


MONTHS = pd.date_range("2023-03-01", periods=24, freq="MS")


def monthly(written: pd.Series, start: object, **options: bool) -> Panel:
    frame = pd.DataFrame(
        {
            "area": np.repeat(["a", "b", "c"], len(MONTHS)),
            "month": list(written) * 3,
            "n": np.arange(3 * len(MONTHS)) % 5,
            "start": np.repeat([start, None, None], len(MONTHS)),
        }
    )
    return Panel.from_frame(frame, unit="area", period="month", outcome="n", start="start", **options)


DATES_AS_NUMBERS = [
    ("%Y%m%d", "a date written as one number"),
    ("%d%m%Y", "a day, month and year"),
    ("%m%d%Y", "a day, month and year"),
    ("%m%Y", "a month and year"),
    ("%Y%m", "a year and month"),
    ("%Y%W", "a year and week"),
    ("%Y%j", "day of the year"),
    ("%y%m%d", "two-digit year"),
    ("%Y%m%d%H", "a date and time"),
    ("%Y%m%d%H%M", "a date and time"),
    ("%Y%m%d%H%M%S", "a date and time"),
    ("%y%m", "a December and the next January"),
]


@pytest.mark.parametrize(("form", "words"), DATES_AS_NUMBERS)
@pytest.mark.parametrize("kind", [int, str, float])
def test_a_date_written_as_one_number_is_refused(form, words, kind):
    written = [kind(text) if kind is str else kind(int(text)) for text in MONTHS.strftime(form)]
    for options in ({}, {"allow_missing": True}):
        with pytest.raises(PanelError, match=f"month.*{words}"):
            monthly(written, written[12], **options)


@pytest.mark.parametrize(
    ("unit", "origin", "words"),
    [
        ("D", "1899-12-30", "as spreadsheets count days"),
        ("s", "1970-01-01", " seconds since 1970"),
        ("ms", "1970-01-01", "milliseconds since 1970"),
        ("us", "1970-01-01", "microseconds since 1970"),
        ("ns", "1970-01-01", "nanoseconds since 1970"),
    ],
)
@pytest.mark.parametrize("as_text", [False, True])
def test_a_date_counted_from_an_origin_is_refused_and_the_remedy_works(unit, origin, words, as_text):
    numbers = pd.Series((MONTHS - pd.Timestamp(origin)) // pd.Timedelta(1, unit))
    written = numbers.astype(str) if as_text else numbers
    with pytest.raises(PanelError, match=words) as caught:
        monthly(written, written[12])
    way_out = caught.value.remedy.split(": ", 1)[1].rstrip(".")
    months = eval(way_out, {"pd": pd, "column": numbers})
    assert list(months) == list(MONTHS.strftime("%Y-%m"))


def test_a_start_as_a_date_in_one_number_is_refused():
    with pytest.raises(PanelError, match=r"start.*20240301 looks like a date"):
        monthly(range(1, 25), 20240301)


def test_whole_numbers_of_which_none_follows_another_are_refused_unless_gaps_are_allowed():
    days = (MONTHS - pd.Timestamp("1970-01-01")).days
    with pytest.raises(PanelError, match="lie 29 to 31 apart, so that none follows another"):
        monthly(days, days[12])
    with pytest.raises(PanelError, match="lie 2 apart"):
        monthly(range(1980, 2028, 2), 2004)
    assert monthly(range(1980, 2028, 2), 2004, allow_missing=True).n_periods == 24
    assert monthly(range(1980, 2004), 1990).n_periods == 24


def test_a_start_among_days_that_follow_each_other_is_no_date():
    days = np.arange(19770, 19794)
    assert monthly(days, 19783).cohorts.tolist() == [19783]
    assert monthly(days, 19783).window(19781, 19792).n_periods == 12
