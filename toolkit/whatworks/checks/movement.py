"""How far other estimates of the same thing lie from the study's own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from whatworks.checks import readings
from whatworks.checks.informative import HALF
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
        halved: the rows that keep less than half of an effect which that interval claims.
        judged: whether the study has an interval to judge by.
        whole: the study's own estimate.
    """

    value: float
    table: pd.DataFrame
    found: pd.DataFrame
    lost: pd.DataFrame
    outside: pd.DataFrame
    turned: pd.DataFrame
    halved: pd.DataFrame
    judged: bool
    whole: Estimate

    @property
    def far(self) -> pd.DataFrame:
        """The rows that are another answer: outside the interval, or less than half of a claimed effect."""
        return self.found[self.found.index.isin(self.outside.index.union(self.halved.index))]

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

    def passed(self, name: str, reason: str, table: pd.DataFrame, change: str) -> CheckResult:
        """A check `name` under which no estimate was far off.

        Where no effect is claimed there is none that it could support: not informative.
        """
        if not readings.claims(self.whole):
            told = "The study's own interval includes no effect, so that there is none to support."
            return CheckResult(name, "not_informative", f"{reason} {told}", table, change)
        half = readings.shown(self.whole, HALF * readings.effect(self.whole))
        told = f"An estimate that kept less than half of the effect (beyond {half:.3g}) would be a concern."
        return CheckResult(name, "pass", f"{reason} {told}", table, change, would_have_seen=half)


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
        return Movement(whole.value, table, found, lost, none, none, none, judged=False, whole=whole)
    # a one-sided test bounds one side only
    low = -np.inf if isinstance(whole.low, NotAvailable) else whole.low
    high = np.inf if isinstance(whole.high, NotAvailable) else whole.high
    outside = found[(found["estimate"] < low) | (found["estimate"] > high)]
    across = np.sign(found["estimate"] - whole.null) != np.sign(whole.value - whole.null)
    claimed = low > whole.null or high < whole.null
    turned = found[across] if claimed else none
    halved = found[_share_left(whole, found) < HALF] if claimed else none
    return Movement(whole.value, table, found, lost, outside, turned, halved, judged=True, whole=whole)


def _share_left(whole: Estimate, found: pd.DataFrame) -> pd.Series:
    """How much of the study's effect each other estimate keeps; of its log where effects multiply."""
    other = found["estimate"].astype(float)
    with np.errstate(divide="ignore"):
        effect = np.log(other.clip(lower=0)) if whole.null == 1 else other - whole.null
    return pd.Series(effect / readings.effect(whole), index=found.index)
