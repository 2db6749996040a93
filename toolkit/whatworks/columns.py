"""Columns of a table: the ones that are asked for are there, once, and hold plain numbers."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from whatworks.arrays import Floats
from whatworks.errors import OptionError, PanelError, TrialError, did_you_mean, first_few

Refusal = type[PanelError] | type[TrialError]


def require(frame: pd.DataFrame, asked: Iterable[tuple[str, str]], refusal: Refusal) -> None:
    """Raise unless every (role, column) names exactly one column of the table.

    `OptionError` for a column that is not there, with the nearest; `refusal` for one that is there twice.
    """
    available = [str(name) for name in frame.columns]
    for role, name in asked:
        hits = available.count(name)
        if hits > 1:
            raise refusal(f"the table has {hits} columns named {name!r}", where=f"role {role}")
        if hits == 0:
            raise OptionError(
                f"the table has no column {name!r}",
                where=f"role {role}",
                remedy=f"{did_you_mean(name, available)}It has {', '.join(available)}.",
            )


def numbers(frame: pd.DataFrame, name: str, role: str, refusal: Refusal) -> Floats:
    """A column as numbers, NaN where it is blank; raises `refusal` for text, truth values and infinities."""
    values = frame[name]
    if pd.api.types.is_bool_dtype(values.dtype):
        raise refusal(
            "true/false values are not numbers",
            where=f"{role} column {name!r}",
            remedy="Write 1 and 0 where that is what they mean.",
        )
    if not pd.api.types.is_numeric_dtype(values.dtype):
        as_number = pd.to_numeric(values, errors="coerce")
        bad = (as_number.isna() & values.notna()).to_numpy()
        if bad.any():
            raise refusal(
                f"these are not numbers: {first_few(map(repr, values[bad].unique()[:6]))}",
                where=f"{role} column {name!r}, rows {first_few(np.flatnonzero(bad) + 1)}",
                remedy="Numbers are written plainly: no thousands separator, no unit, a point for decimals.",
            )
        values = as_number
    array = values.to_numpy(dtype=np.float64, na_value=np.nan)
    infinite = np.isinf(array)
    if infinite.any():
        raise refusal(
            f"{int(infinite.sum()):,} values are infinite",
            where=f"{role} column {name!r}, rows {first_few(np.flatnonzero(infinite) + 1)}",
            remedy="A rate with a zero denominator? Mend it before it enters.",
        )
    return array
