"""Periods as whole numbers: months, quarters, years or plain integers, and their labels back."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd

from whatworks import whole_dates
from whatworks.arrays import Ints
from whatworks.errors import PanelError, first_few

PeriodKind = Literal["integer", "month", "quarter"]

_MONTH = r"(?P<year>\d{4})-(?P<month>0[1-9]|1[0-2])(?:-01(?:[T ]00:00:00(?:\.0+)?)?)?"
_QUARTER = r"(?P<year>\d{4})-?[Qq](?P<quarter>[1-4])"
_REMEDY = (
    "Give months as 2024-03 (or a date on the first of the month), quarters as 2024Q1, "
    "years and other periods as whole numbers, one kind in the whole column. Number days and weeks from the "
    "first: (day - day.min()).dt.days + 1."
)


def parse(values: pd.Series, *, where: str, among: Ints | None = None) -> tuple[Ints, PeriodKind]:
    """Turn a column into period numbers and say what kind they are.

    Months count from year 0 (2024-03 is 2024*12 + 2), quarters likewise, integers stay as they are,
    so that a difference of two numbers is a number of periods. Raises `PanelError` for anything else, and
    for integers that are dates, unless they lie within the known period numbers `among`.
    """
    numbers, kind = _parsed(values, where)
    if kind == "integer":
        known = np.zeros(len(numbers), dtype=bool)
        if among is not None:
            known = (numbers >= among.min()) & (numbers <= among.max())
        whole_dates.refuse(numbers[~known], where)
    return numbers, kind


def _parsed(values: pd.Series, where: str) -> tuple[Ints, PeriodKind]:
    if values.isna().any():
        raise PanelError("a period is blank", where=where, remedy=_REMEDY)
    if values.dtype == object and any(isinstance(value, pd.Period) for value in values):
        values = _as_one_frequency(values, where)
    if isinstance(values.dtype, pd.PeriodDtype):
        return _from_pandas_periods(pd.PeriodIndex(values), where)
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        return _from_dates(values, where)
    if pd.api.types.is_bool_dtype(values.dtype):
        raise PanelError("true/false values are not periods", where=where, remedy=_REMEDY)
    if pd.api.types.is_numeric_dtype(values.dtype):
        return _from_numbers(values, where), "integer"
    return _from_text(values, where)


def label(number: int, kind: PeriodKind) -> str:
    """The label of a period number: `2024-03`, `2024Q1` or the number itself."""
    if kind == "month":
        return f"{number // 12:04d}-{number % 12 + 1:02d}"
    if kind == "quarter":
        return f"{number // 4:04d}Q{number % 4 + 1}"
    return str(number)


def number(text: str | int, kind: PeriodKind, *, where: str) -> int:
    """The period number of one label of a known kind (`2024-03` for months)."""
    numbers, found = _parsed(pd.Series([text]), where)
    if found != kind:
        raise PanelError(
            f"{text!r} is not a {kind}", where=where, remedy=f"This panel counts in {kind}s. {_REMEDY}"
        )
    return int(numbers[0])


def _from_numbers(values: pd.Series, where: str) -> Ints:
    if not pd.api.types.is_integer_dtype(values.dtype):
        floats = values.to_numpy(dtype=np.float64)
        wrong = ~np.isfinite(floats) | (floats != np.floor(floats)) | (abs(floats) >= 2.0**63)
        if wrong.any():
            raise PanelError(
                f"periods must be whole numbers; found {first_few(_distinct(floats[wrong]))}",
                where=where,
                remedy=_REMEDY,
            )
    return values.to_numpy(dtype=np.int64)


def _from_pandas_periods(index: pd.PeriodIndex, where: str) -> tuple[Ints, PeriodKind]:
    frequency = index.freqstr
    if frequency.startswith("M"):
        return np.asarray(index.year * 12 + index.month - 1, dtype=np.int64), "month"
    if frequency.startswith("Q"):
        return _from_quarters(index, frequency, where), "quarter"
    if frequency.startswith(("Y", "A")):
        return np.asarray(index.year, dtype=np.int64), "integer"
    raise PanelError(f"periods of frequency {frequency!r} are not supported", where=where, remedy=_REMEDY)


def _from_quarters(index: pd.PeriodIndex, frequency: str, where: str) -> Ints:
    last = index.asfreq("M", how="E")
    if (last.month % 3 != 0).any():
        raise PanelError(
            f"quarters of frequency {frequency!r} are not calendar quarters: {index[0]} ends in {last[0]}",
            where=where,
            remedy="Count per month, or number the quarters: quarter.dt.qyear * 4 + quarter.dt.quarter, "
            "in the start column too.",
        )
    return np.asarray(last.year * 4 + last.month // 3 - 1, dtype=np.int64)


def own_year(values: pd.Series) -> str:
    """The frequency of quarters that are numbered within a year other than the calendar's (`Q-MAR`), or ''.

    `parse` turns them into calendar quarters, so that a text such as 2016Q4 beside them has two meanings.
    """
    dtype: object = values.dtype
    if values.dtype == object:
        first = next((value for value in values if isinstance(value, pd.Period)), None)
        dtype = None if first is None else pd.PeriodDtype(first.freqstr)
    frequency = str(dtype).removeprefix("period[").rstrip("]") if isinstance(dtype, pd.PeriodDtype) else ""
    return frequency if frequency.startswith("Q") and frequency != "Q-DEC" else ""


def _as_one_frequency(values: pd.Series, where: str) -> pd.Series:
    kinds = {value.freqstr if isinstance(value, pd.Period) else type(value).__name__ for value in values}
    if len(kinds) > 1:
        raise PanelError(
            f"periods of several kinds stand in one column: {first_few(sorted(kinds))}",
            where=where,
            remedy=_REMEDY,
        )
    return pd.Series(pd.PeriodIndex(list(values)))


def _from_dates(values: pd.Series, where: str) -> tuple[Ints, PeriodKind]:
    index = pd.DatetimeIndex(values)
    if index.tz is not None:
        raise PanelError(
            "dates carry a time zone, so their month depends on where one stands",
            where=where,
            remedy="Convert to local time (Europe/London) and write the month as 2024-03.",
        )
    odd = (index.day != 1) | (index != index.normalize())
    if odd.any():
        raise PanelError(
            f"dates must be the first of a month; found {first_few(_distinct(index[odd].astype(str)))}",
            where=where,
            remedy=f"Count per month first (whatworks data …). {_REMEDY}",
        )
    return np.asarray(index.year * 12 + index.month - 1, dtype=np.int64), "month"


def _from_text(values: pd.Series, where: str) -> tuple[Ints, PeriodKind]:
    # parse each distinct label once: a long panel repeats few of them
    codes, labels = pd.factorize(values)
    texts = pd.Series([str(item).strip() for item in labels], dtype="str")
    numbers, kind = _parse_labels(texts, where)
    return numbers[codes], kind


def _parse_labels(texts: pd.Series, where: str) -> tuple[Ints, PeriodKind]:
    months = texts.str.extract(f"^{_MONTH}$")
    if months["year"].notna().all():
        return _combine(months["year"], months["month"], 12), "month"
    quarters = texts.str.extract(f"^{_QUARTER}$")
    if quarters["year"].notna().all():
        return _combine(quarters["year"], quarters["quarter"], 4), "quarter"
    whole = texts.str.fullmatch(r"[+-]?\d{1,19}(?:\.0+)?")
    if whole.all():
        return _from_numbers(texts.astype(float), where), "integer"
    # name only the labels that are not of the commonest kind
    known = [months["year"].notna(), quarters["year"].notna(), whole]
    main = max(known, key=lambda mask: int(mask.sum()))
    raise PanelError(
        f"these are not periods of one kind: {first_few(map(repr, texts[~main]))}",
        where=where,
        remedy=_REMEDY,
    )


def _combine(years: pd.Series, parts: pd.Series, per_year: int) -> Ints:
    numbers: Ints = years.to_numpy(dtype=np.int64) * per_year + parts.to_numpy(dtype=np.int64) - 1
    return numbers


def _distinct(values: Any) -> list[Any]:
    return list(dict.fromkeys(values.tolist()))
