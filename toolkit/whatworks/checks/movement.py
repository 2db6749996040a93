"""How far other estimates of the same thing lie from the study's own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from whatworks.results import CheckResult, Estimate, NotAvailable


@dataclass(frozen=True, slots=True, eq=False)
class Movement:
    """Other estimates beside the study's own.

    Attributes:
        value: the study's own estimate.
        table: all of them, with `change` from the study's own and, where it has an error, `change / std
            error`; sorted by influence, those without an estimate last.
        found: the rows that have an estimate.
        lost: the rows that have none.
        outside: the rows whose estimate lies outside the study's own interval.
        turned: the rows that point the other way, where the study's own interval excludes no effect.
        judged: whether the study has an interval to judge by.
    """

    value: float
    table: pd.DataFrame
    found: pd.DataFrame
    lost: pd.DataFrame
    outside: pd.DataFrame
    turned: pd.DataFrame
    judged: bool

    @property
    def top(self) -> pd.Series:
        """The row that lies furthest from the study's own estimate."""
        return self.found.iloc[0]

    @property
    def range(self) -> str:
        """Smallest and largest beside the study's own estimate, in words."""
        least, most = self.found["estimate"].min(), self.found["estimate"].max()
        return f"{least:.3g} to {most:.3g} around {self.value:.3g}"

    def errors(self, row: pd.Series) -> str:
        """By how many standard errors a row moves the estimate, in words; empty without an error."""
        size = row.get("change / std error", np.nan)
        return "" if np.isnan(size) else f", by {abs(size):.2g} standard errors"

    def unjudged(self, name: str, said: str) -> CheckResult:
        """What the check `name` finds where the study has no interval, after what was `said`."""
        reason = f"{said} There is no interval to judge that by."
        return CheckResult(name, "concern", reason, self.table, "there were an interval")


def measure(whole: Estimate, table: pd.DataFrame) -> Movement | NotAvailable:
    """Other estimates, in the column `estimate` of a table, set beside the study's own.

    Returns why nothing can be compared where the study or all of the others have no estimate.
    """
    if isinstance(whole.value, NotAvailable):
        return NotAvailable(f"there is no estimate: {whole.value.reason}")
    table = table.copy()
    table["change"] = table["estimate"] - whole.value
    if not isinstance(whole.std_error, NotAvailable) and whole.std_error > 0:
        table["change / std error"] = table["change"] / whole.std_error
    order = table["change"].abs().sort_values(ascending=False, kind="stable", na_position="last").index
    table = table.loc[order].reset_index(drop=True)
    found, lost = table[table["estimate"].notna()], table[table["estimate"].isna()]
    if found.empty:
        why = lost["reason"].iloc[0] if len(lost) else "none was tried"
        return NotAvailable(f"none of the other estimates exists: {why}")
    none = found.iloc[:0]
    if isinstance(whole.low, NotAvailable) and isinstance(whole.high, NotAvailable):
        return Movement(whole.value, table, found, lost, none, none, judged=False)
    # a one-sided test bounds one side only
    low = -np.inf if isinstance(whole.low, NotAvailable) else whole.low
    high = np.inf if isinstance(whole.high, NotAvailable) else whole.high
    outside = found[(found["estimate"] < low) | (found["estimate"] > high)]
    across = np.sign(found["estimate"] - whole.null) != np.sign(whole.value - whole.null)
    turned = found[across] if low > whole.null or high < whole.null else none
    return Movement(whole.value, table, found, lost, outside, turned, judged=True)
