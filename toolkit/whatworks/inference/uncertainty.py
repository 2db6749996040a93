"""What every inference object hands back: errors, intervals and p-values of k estimates."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from whatworks.arrays import Bools, Floats
from whatworks.inference import intervals
from whatworks.inference.fits import rounding
from whatworks.results import Estimate, NotAvailable, Number

NO_VARIATION: Final = "the model leaves no variation between clusters from which an error could be learned"


@dataclass(frozen=True, slots=True, eq=False)
class Uncertainty:
    """k estimates with their uncertainty.

    Attributes:
        value: (k,) estimates.
        std_error, low, high, p_value: (k,); NaN where `reason` says why there is no number.
        reason: k sentences, empty where every number exists.
        level: coverage that the intervals claim.
        df: degrees of freedom of the reference distribution, one for all or (k,), or why there are none.
        sentence: how it was found.
    """

    value: Floats
    std_error: Floats
    low: Floats
    high: Floats
    p_value: Floats
    reason: tuple[str, ...]
    level: float
    df: Number | Floats
    sentence: str

    def estimate(self, index: int, *, estimand: str, scale: str) -> Estimate:
        """One of the k as an `Estimate`, each missing number with its reason."""

        def number(values: Floats) -> Number:
            value = float(values[index])
            return value if np.isfinite(value) else NotAvailable(self.reason[index])

        return Estimate(
            estimand=estimand,
            value=number(self.value),
            std_error=number(self.std_error),
            low=number(self.low),
            high=number(self.high),
            level=self.level,
            p_value=number(self.p_value),
            df=number(self.df) if isinstance(self.df, np.ndarray) else self.df,
            inference=self.sentence,
            scale=scale,
        )

    def only(self, keep: Bools) -> Uncertainty:
        """Those of the k where `keep` (k,) is true."""
        return replace(
            self,
            value=self.value[keep],
            std_error=self.std_error[keep],
            low=self.low[keep],
            high=self.high[keep],
            p_value=self.p_value[keep],
            reason=tuple(words for words, kept in zip(self.reason, keep, strict=True) if kept),
            df=self.df[keep] if isinstance(self.df, np.ndarray) else self.df,
        )

    def beyond_rounding(self, outcome: Floats) -> Uncertainty:
        """The same without errors that are rounding alone, relative to the outcomes (any shape), and why.

        Neither a test nor an interval rests on such an error: nothing shows what chance would do.
        """
        dust = self.std_error <= rounding.below(outcome)
        if not dust.any():
            return self
        words = zip(dust, self.reason, strict=True)
        return replace(
            self,
            std_error=np.where(dust, np.nan, self.std_error),
            low=np.where(dust, np.nan, self.low),
            high=np.where(dust, np.nan, self.high),
            p_value=np.where(dust, np.nan, self.p_value),
            reason=tuple(NO_VARIATION if none else own for none, own in words),
        )

    def followed_by(self, other: Uncertainty) -> Uncertainty:
        """These estimates and the others; degrees of freedom and the sentence are those of the others."""
        return replace(
            other,
            value=np.append(self.value, other.value),
            std_error=np.append(self.std_error, other.std_error),
            low=np.append(self.low, other.low),
            high=np.append(self.high, other.high),
            p_value=np.append(self.p_value, other.p_value),
            reason=(*self.reason, *other.reason),
        )

    def columns(self) -> dict[str, object]:
        """Columns of an effects table: estimate, std_error, low, high, p_value, reason."""
        return {
            "estimate": self.value,
            "std_error": self.std_error,
            "low": self.low,
            "high": self.high,
            "p_value": self.p_value,
            "reason": list(self.reason),
        }

    def row(self, index: int) -> dict[str, object]:
        """One of the k as a row of those columns."""
        numbers = (self.value, self.std_error, self.low, self.high, self.p_value, self.reason)
        return dict(zip(self.columns(), (one[index] for one in numbers), strict=True))


def from_errors(
    value: Floats,
    std_error: Floats,
    reason: Iterable[str],
    *,
    df: Number | Floats,
    level: float,
    sentence: str,
) -> Uncertainty:
    """k estimates (k,) with symmetric intervals from their errors (k,), NaN where `reason` says why.

    `df` are those of Student's t, one for all or (k,); the distribution is normal where there are none.
    """
    low, high = intervals.interval(value, std_error, df=df, level=level)
    p = intervals.p_value(value, std_error, df=df)
    return Uncertainty(value, std_error, low, high, p, tuple(reason), level, df, sentence)


def unknown(value: Floats, reason: str, *, level: float) -> Uncertainty:
    """Estimates for which no error exists, with the reason in place of every number."""
    gap = np.full(len(value), np.nan)
    return Uncertainty(
        value, gap, gap, gap, gap, (reason,) * len(value), level, NotAvailable(reason), f"None: {reason}"
    )
