"""What calibration weights matched, as a table."""

from __future__ import annotations

import pandas as pd

from whatworks.errors import DesignError
from whatworks.results import Result
from whatworks.shown import Table, words


def balance_table(result: Result) -> Table:
    """One row a constraint: treated total, weighted total, what is missed, and what equal weights would give.

    Raises `DesignError` for a result without such constraints.
    """
    balance = getattr(getattr(result.detail, "method", None), "balance", None)
    if not isinstance(balance, pd.DataFrame):
        raise DesignError(
            f"a result of {result.method} has no balance of constraints",
            where="present.balance_table",
            remedy="Give what synth.micro returned in this session.",
        )
    totals = balance[["treated", "weighted", "equal_weights"]]
    rows = tuple(
        (
            str(name),
            *(words.number(float(value), 4) for value in numbers),
            "yes" if held else f"missed by {words.number(float(missed), 2)} standard deviations an area",
        )
        for name, held, missed, numbers in zip(
            balance["constraint"],
            balance["held"],
            balance["missed_sd"],
            totals.itertuples(index=False),
            strict=True,
        )
    )
    held = int(balance["held"].sum())
    note = f"{held} of {len(balance)} constraints are met. Totals over the treated areas."
    columns = ("What", "Treated", "Weighted others", "Others, equal weights", "Met")
    return Table(
        "balance",
        "What was matched before the start",
        columns,
        rows,
        (False, True, True, True, False),
        note,
        each="constraint",
    )
