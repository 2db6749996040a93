"""The regression of every wild bootstrap draw, refitted from sums within clusters instead of from data."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from whatworks.arrays import Bools, Floats, Ints
from whatworks.inference.errors.cluster import Moments, Regression

TIE: Final = 1e-9
"""Relative margin within which two statistics count as tied; a tie counts against the effect."""

REACH: Final = 2.0**20
"""An end farther than this many standard errors from the estimate counts as infinite."""


@dataclass(frozen=True, slots=True)
class Share:
    """Counts of draws as p-values: `(extra + times·count)/(extra + times·draws)`.

    `extra` is the sample itself where it is not among the draws; `times` is 2 where each has a mirror.
    """

    draws: int
    extra: int
    times: int

    @property
    def total(self) -> int:
        """All assignments of signs that count, the actual one included."""
        return self.extra + self.times * self.draws

    def p_value(self, count: Ints) -> Floats:
        """The p-value of each count."""
        return np.asarray((self.extra + self.times * count) / self.total)

    def rank(self, level: float) -> int:
        """The smallest count of draws whose p-value exceeds 1 − level."""
        # rounded, so that 1 − 0.95 is 0.05
        bar = round(round(1 - level, 12) * self.total, 9)
        return int(np.floor((bar - self.extra) / self.times)) + 1


@dataclass(frozen=True, slots=True, eq=False)
class Refits:
    """One contrast in B refits, as functions of the distance δ from the estimate to the imposed value.

    Numerator: num[0] − δ·num[1]; squared standard error: den[0] − 2δ·den[1] + δ²·den[2]; `variance` is that
    of the sample.
    """

    num: tuple[Floats, Floats]
    den: tuple[Floats, Floats, Floats]
    variance: float

    def at_least(self, delta: float) -> Bools:
        """(B,) draws whose statistic is at least the sample's, ties included."""
        num = self.num[0] - delta * self.num[1]
        den = self.den[0] - 2 * delta * self.den[1] + delta**2 * self.den[2]
        return np.asarray(num**2 * self.variance >= delta**2 * den * (1 - TIE))


@dataclass(frozen=True, slots=True, eq=False)
class Projected:
    """Cluster scores of one contrast in any refit, as `w·own − (w @ left) @ right′` for weights w (G,).

    The refit's residual is v − P v on unit effects, on F and on X, where v = w∘u; within a cluster X is
    orthogonal to the unit effects, so three terms remain: `own` (G,), and `left`, `right` (G, p + k) for F
    and X together.
    """

    own: Floats
    left: Floats
    right: Floats

    def scores(self, weights: Floats) -> Floats:
        """(B, G) scores for rows of weights (B, G)."""
        if len(self.own) <= self.left.shape[1]:
            return np.asarray(weights @ (np.diag(self.own) - self.left @ self.right.T))
        return np.asarray(weights * self.own - (weights @ self.left) @ self.right.T)


def project(fit: Regression, moments: Moments, contrast: Floats, scores: Floats, carry: Floats) -> Projected:
    """Prepare the refits of one contrast from X′u (G, k) and F′u (G, p) of the residuals u."""
    a = fit.bread @ contrast
    return Projected(
        own=scores @ a,
        left=np.hstack([carry, scores @ fit.bread]),
        right=np.hstack([np.einsum("gkp,k->gp", moments.cross, a), np.einsum("gkl,l->gk", moments.gram, a)]),
    )


def refit(fit: Regression, moments: Moments, contrast: Floats, flips: Iterable[Floats]) -> Refits:
    """Refit one contrast for every row of weights, with the tested value imposed at a free distance δ.

    Imposing contrast·β = estimate + δ turns the residuals û into û − δ·X q with q = B c/(c′B c).
    """
    a = fit.bread @ contrast
    q = a / (contrast @ a)
    scores_slope = np.einsum("gkl,l->gk", moments.gram, q)
    carry_slope = np.einsum("gkp,k->gp", moments.cross, q)
    base = project(fit, moments, contrast, fit.scores, moments.carry)
    slope = project(fit, moments, contrast, scores_slope, carry_slope)
    parts = []
    for block in flips:
        z0, z1 = base.scores(block), slope.scores(block)
        squares = [np.einsum("bg,bg->b", x, y) for x, y in ((z0, z0), (z0, z1), (z1, z1))]
        parts.append(np.stack([block @ base.own, block @ slope.own, *squares]))
    num0, num1, den0, den1, den2 = np.concatenate(parts, axis=1)
    return Refits((num0, num1), (den0, den1, den2), float((base.own**2).sum()))


def imposed(refits: Refits, share: Share, null: float, level: float) -> tuple[float, Floats]:
    """WCR: p-value of the null at distance `null` from the estimate, and both distances of the interval."""

    def count(delta: float) -> int:
        return int(refits.at_least(delta).sum())

    rank = share.rank(level)
    unit = float(np.sqrt(refits.variance))
    ends = np.array(
        [last_accepted(lambda d: count(-d) >= rank, unit), last_accepted(lambda d: count(d) >= rank, unit)]
    )
    return float(share.p_value(np.array(count(null)))), ends * np.array([-1.0, 1.0])


def free(refits: Refits, share: Share, null: float, level: float) -> tuple[float, Floats]:
    """WCU: as `imposed`, with residuals of the unrestricted fit, so the interval is symmetric."""
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.nan_to_num(np.abs(refits.num[0]) / np.sqrt(refits.den[0]), nan=0.0, posinf=np.inf)
    unit = float(np.sqrt(refits.variance))
    count = int((t >= abs(null) / unit * (1 - TIE)).sum())
    rank = share.rank(level)
    critical = float(np.sort(t)[-rank]) if 1 <= rank <= len(t) else np.inf
    return float(share.p_value(np.array(count))), unit * critical * np.array([-1.0, 1.0])


def last_accepted(accepted: Callable[[float], bool], unit: float) -> float:
    """The largest distance still accepted, to twelve digits; infinite beyond `REACH` units.

    Acceptance need not fall steadily, so every power of two is looked at before the last one is refined.
    """
    steps = [unit * 2.0**k for k in range(-4, 21)]
    inside = [d for d in steps if accepted(d)]
    if inside and inside[-1] == steps[-1]:
        return np.inf
    low = inside[-1] if inside else 0.0
    high = next(d for d in steps if d > low)
    while high - low > 1e-13 * max(high, unit):
        middle = (low + high) / 2
        low, high = (middle, high) if accepted(middle) else (low, middle)
    return low
