"""Dates written as whole numbers, recognised before anyone counts with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np

from whatworks.arrays import Bools, Ints
from whatworks.errors import PanelError

_YEARS: Final = (1900, 2099)
_MONTH_TEXT: Final = '.dt.strftime("%Y-%m")'


class _Form(NamedTuple):
    """A way to write a date as a number: its name, what it does to counting, and the way out."""

    words: str
    remedy: str
    fits: Callable[[Ints], Bools]
    otherwise: str = "periods that follow each other would lie far apart"


def refuse(numbers: Ints, where: str) -> None:
    """Raise `PanelError` where all of a column's numbers read as dates in one common form.

    A difference of two such numbers is no number of periods: from 20240301 to 20240401 it is 100, so that
    event times, anticipation and windows would miss every neighbour.
    """
    distinct = np.unique(numbers)
    if not len(distinct):
        return
    for form in _FORMS:
        if form.fits(distinct).all():
            raise PanelError(
                f"{int(distinct[0])} looks like {form.words}; as integers, {form.otherwise}",
                where=where,
                remedy=form.remedy,
            )
    breaks = (np.diff(distinct) == 89) & (distinct[:-1] % 100 == 12) & (distinct[1:] % 100 == 1)
    if breaks.any():
        last = int(distinct[np.flatnonzero(breaks)[0]])
        raise PanelError(
            f"{last} and {last + 89} look like a December and the next January, 89 periods apart",
            where=where,
            remedy=_TEXT.format(form="2403", text="2024-03"),
        )


_TEXT: Final = "Write {form} as the text {text}."
_FROM_TEXT: Final = (
    "Write months as 2024-03: pd.to_datetime(column.astype(str), format={!r})" + _MONTH_TEXT + "."
)
_FROM_UNIT: Final = "Write months as 2024-03: pd.to_datetime(column, unit={!r}{})" + _MONTH_TEXT + "."


def _year(values: Ints) -> Bools:
    return (values >= _YEARS[0]) & (values <= _YEARS[1])


def _day(year: Ints, month: Ints, day: Ints) -> Bools:
    fits = (month >= 1) & (month <= 12) & (day >= 1)
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    days = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])[np.clip(month, 1, 12) - 1]
    found: Bools = fits & (day <= days + (leap & (month == 2)))
    return found


def _year_month_day(values: Ints) -> Bools:
    return _year(values // 10_000) & _day(values // 10_000, values // 100 % 100, values % 100)


def _day_month_year(values: Ints) -> Bools:
    year, rest = values % 10_000, values // 10_000
    british = _day(year, rest % 100, rest // 100)
    american = _day(year, rest // 100, rest % 100)
    return _year(year) & (british if british.all() else american)


def _with_time(digits: int) -> Callable[[Ints], Bools]:
    return lambda values: _year_month_day(values // 10**digits)


def _short(values: Ints) -> Bools:
    century = np.where(values // 10_000 < 70, 2000, 1900)
    inside = (values >= 10_101) & (values <= 991_231)
    return inside & _day(century + values // 10_000, values // 100 % 100, values % 100)


def _part(per: int, first: int, last: int) -> Callable[[Ints], Bools]:
    return lambda values: _year(values // per) & (values % per >= first) & (values % per <= last)


def _month_year(values: Ints) -> Bools:
    return _year(values % 10_000) & (values // 10_000 >= 1) & (values // 10_000 <= 12)


def _between(low: float, high: float) -> Callable[[Ints], Bools]:
    return lambda values: (values >= int(low)) & (values <= int(high))


_FORMS: Final = (
    _Form(
        "a year and month written as one number",
        _TEXT.format(form="202403", text="2024-03"),
        _part(100, 1, 12),
        "December and the next January would lie 89 periods apart",
    ),
    _Form(
        "a year and week written as one number",
        "Number the weeks from the first: 1, 2, 3, in the start column too.",
        _part(100, 0, 53),
        "the last week of a year and the first of the next would lie about 49 periods apart",
    ),
    _Form(
        "a year and quarter written as one number",
        _TEXT.format(form="20241", text="2024Q1"),
        _part(10, 1, 4),
        "the fourth quarter and the next first would lie 7 periods apart",
    ),
    _Form("a year and day of the year as one number", _FROM_TEXT.format("%Y%j"), _part(1000, 1, 366)),
    _Form("a date written as one number", _FROM_TEXT.format("%Y%m%d"), _year_month_day),
    _Form(
        "a day, month and year written as one number",
        _TEXT.format(form="01032024", text="2024-03"),
        _day_month_year,
    ),
    _Form("a month and year written as one number", _TEXT.format(form="32024", text="2024-03"), _month_year),
    _Form("a date and time written as one number", _FROM_TEXT.format("%Y%m%d%H"), _with_time(2)),
    _Form("a date and time written as one number", _FROM_TEXT.format("%Y%m%d%H%M"), _with_time(4)),
    _Form("a date and time written as one number", _FROM_TEXT.format("%Y%m%d%H%M%S"), _with_time(6)),
    _Form("a date of two-digit year written as one number", _FROM_TEXT.format("%y%m%d"), _short),
    _Form(
        "a date as spreadsheets count days",
        _FROM_UNIT.format("D", ", origin='1899-12-30'"),
        _between(3e4, 6e4),
    ),
    _Form("seconds since 1970", _FROM_UNIT.format("s", ""), _between(1e8, 5e9)),
    _Form("milliseconds since 1970", _FROM_UNIT.format("ms", ""), _between(1e11, 5e12)),
    _Form("microseconds since 1970", _FROM_UNIT.format("us", ""), _between(1e14, 5e15)),
    _Form("nanoseconds since 1970", _FROM_UNIT.format("ns", ""), _between(1e17, 5e18)),
)
