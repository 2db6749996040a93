"""Where each row of a table sits in the panel, and columns that hold one value per unit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from whatworks import periods
from whatworks.arrays import Floats, Ints
from whatworks.errors import PanelError, first_few
from whatworks.periods import PeriodKind


@dataclass(frozen=True, slots=True)
class Grid:
    """Where each row of the table sits: unit and period codes, and their labels."""

    unit_codes: Ints
    period_codes: Ints
    units: tuple[str, ...]
    numbers: Ints
    kind: PeriodKind

    @property
    def shape(self) -> tuple[int, int]:
        """(N, T)."""
        return len(self.units), len(self.numbers)

    def spread(self, values: Floats) -> Floats:
        """Lay a column out as (N, T); NaN where the table has no row."""
        dense = np.full(self.shape, np.nan)
        dense[self.unit_codes, self.period_codes] = values
        return dense

    def cell(self, row: int) -> str:
        """The unit and period of a row, in words."""
        label = periods.label(int(self.numbers[self.period_codes[row]]), self.kind)
        return f"{self.units[self.unit_codes[row]]} {label}"


def per_unit(
    values: pd.Series, grid: Grid, role: str, canonical: Callable[[object], object] = lambda value: value
) -> list[object]:
    """One value per unit (N,) of a column that may not vary within a unit; None where it is blank.

    `canonical` maps each distinct value to what it means, so that two spellings of one thing
    (an empty cell and a code for never treated) do not count as varying.
    """
    codes, distinct = pd.factorize(values)
    meanings = [canonical(value) for value in distinct]
    position: dict[object, int] = {}
    recode = [-1 if m is None else position.setdefault(m, len(position)) for m in meanings]
    codes = np.asarray([*recode, -1], dtype=np.int64)[codes]  # factorize marks a blank as -1, the last entry
    of_unit = np.full(len(grid.units), -1, dtype=np.int64)
    of_unit[grid.unit_codes] = codes
    differs = of_unit[grid.unit_codes] != codes
    if differs.any():
        units = list(dict.fromkeys(grid.unit_codes[differs].tolist()))
        raw = values.to_numpy(dtype=object)
        offenders = (
            f"{grid.units[unit]} ({first_few(pd.unique(pd.Series(raw[grid.unit_codes == unit])), 3)})"
            for unit in units[:5]
        )
        raise PanelError(
            f"{role} varies within {len(units)} units: {first_few(offenders)}",
            where=f"column {values.name!r}",
            remedy=f"A unit has one {role}; repeat it on every row of the unit.",
        )
    names = list(position)
    return [None if code < 0 else names[code] for code in of_unit.tolist()]
