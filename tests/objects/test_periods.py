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
