"""The start column: blank means never treated, everything else is a period inside reason."""

from __future__ import annotations

import numpy as np
import pandas as pd

from whatworks import periods
from whatworks.arrays import Ints
from whatworks.errors import PanelError, first_few
from whatworks.panel_grid import Grid, per_unit

NEVER = int(np.iinfo(np.int64).max)
"""The start of a unit that is never treated, inside arrays only; tables leave it blank."""

_BLANK_RULE = (
    "Leave the start blank for units that are never treated; if another value means never, "
    "say so with never={value} (`--role never={value}`)."
)


def read(column: pd.Series, grid: Grid, never: object) -> Ints:
    """The first treated period number of each unit (N,), `NEVER` where the column is blank."""
    starts = np.full(len(grid.units), NEVER, dtype=np.int64)
    by_unit = per_unit(column, grid, "start", lambda value: None if _blank(value, never) else value)
    given = np.asarray([value is not None for value in by_unit])
    if not given.any():
        return starts
    where = f"start column {column.name!r}"
    raw = pd.Series([value for value in by_unit if value is not None]).infer_objects()
    _refuse_codes(raw, where, numbers=grid.kind == "integer")
    numbers, kind = periods.parse(raw, where=where, among=grid.numbers if grid.kind == "integer" else None)
    if kind != grid.kind:
        raise PanelError(
            f"starts are {kind}s (such as {raw.iloc[0]!r}) but periods are {grid.kind}s "
            f"(such as {periods.label(int(grid.numbers[0]), grid.kind)!r})",
            where=where,
            remedy="Write starts in the form of the period column.",
        )
    _refuse_outside(numbers, raw, np.flatnonzero(given), grid, where)
    starts[given] = numbers
    return starts


def _blank(value: object, never: object) -> bool:
    if isinstance(value, str) and not value.strip():
        return True
    if never is None:
        return False
    try:
        return bool(float(value) == float(never))  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return str(value).strip() == str(never).strip()


def _refuse_codes(raw: pd.Series, where: str, *, numbers: bool) -> None:
    for value in pd.unique(raw):
        text = str(value).strip().lower()
        bare = text.removesuffix(".0").lstrip("-")
        # 0 or 9999 where periods are months
        code = not numbers and (set(bare) == {"0"} or (set(bare) == {"9"} and len(bare) > 2))
        if code or text in {"inf", "+inf", "-inf", "infinity", "nan", "none", "na", "n/a", "never", "null"}:
            raise PanelError(
                f"{value!r} is not a period", where=where, remedy=_BLANK_RULE.format(value=str(value))
            )


def _refuse_outside(numbers: Ints, raw: pd.Series, codes: Ints, grid: Grid, where: str) -> None:
    first, last = int(grid.numbers[0]), int(grid.numbers[-1])
    span = last - first + 1
    far = numbers > last + max(span, 24)
    if far.any():
        value = raw.iloc[int(np.flatnonzero(far)[0])]
        raise PanelError(
            f"start {value!r} lies {int(numbers[far][0]) - last:,} periods after the last period; "
            "a code for never treated?",
            where=where,
            remedy=_BLANK_RULE.format(value=value),
        )
    zero = (numbers == 0) & (first > 0)
    if zero.any():
        raise PanelError(
            "start 0 lies before the first period; a code for never treated?",
            where=where,
            remedy=_BLANK_RULE.format(value=0),
        )
    early = numbers <= first
    if early.any():
        names = (f"{grid.units[codes[i]]} ({raw.iloc[i]})" for i in np.flatnonzero(early))
        every = (
            " That is every unit, so nothing here was ever untreated."
            if early.sum() == len(grid.units)
            else ""
        )
        raise PanelError(
            f"{int(early.sum())} units are treated from the first period "
            f"({periods.label(first, grid.kind)}) or before: {first_few(names)}.{every}",
            where=where,
            remedy="A unit with no untreated period shows no change and cannot serve as comparison: "
            "begin the data earlier, or leave those units out and say so.",
        )
