"""Randomly timed roll-outs: contrasts of cohort means and their efficient adjustment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from whatworks.arrays import Bools, Floats, Ints


@dataclass(frozen=True, slots=True, eq=False)
class Rollout:
    """Randomised units sorted into cohorts.

    Attributes:
        outcome: (N, T), rows ordered by cohort.
        size: (G,) units in each cohort, the one treated last (or never) at the end.
        begins: (G,) position of the first treated period; T for a cohort not treated in the window.
    """

    outcome: Floats
    size: Ints
    begins: Ints

    @property
    def edges(self) -> Ints:
        """(G + 1,) where cohorts begin and end among the rows."""
        return np.concatenate([[0], np.cumsum(self.size)])

    def means(self) -> Floats:
        """(G, T) cohort means."""
        return np.asarray(np.add.reduceat(self.outcome, self.edges[:-1], axis=0) / self.size[:, None])

    def covariances(self, periods: int | None = None) -> Floats:
        """(G, p, p) covariances within cohorts over the first p periods, divisor n − 1."""
        y = self.outcome[:, :periods]
        parts = np.split(y, self.edges[1:-1])
        centred = (part - part.mean(axis=0) for part in parts)
        return np.stack([c.T @ c / (len(c) - 1) for c in centred])

    def comparable(self) -> Bools:
        """(G, T) treated cells in periods when some cohort is still untreated."""
        t = np.arange(self.outcome.shape[1])
        return np.asarray((t >= self.begins[:, None]) & (t < self.begins[-1]))


@dataclass(frozen=True, slots=True, eq=False)
class Contrast:
    """An average of comparisons as weights on cohort means, and the same just before the start.

    Attributes:
        effect: (G, T) Aθ; the sum of its products with the cohort means is the unadjusted estimate.
        before: (G, T) A0; the same with every treated period replaced by the last one before the start, 0 in
            expectation.
        treated: (G, T) weights of the cells averaged, summing to 1.
    """

    effect: Floats
    before: Floats
    treated: Floats


@dataclass(frozen=True, slots=True)
class Adjusted:
    """An estimate with both its errors, NaN where a variance is not positive."""

    value: float
    beta: float
    neyman: float
    refined: float


def contrast(rollout: Rollout, weights: Floats) -> Contrast:
    """Compare each weighted cell (G, T) with the cohorts not yet treated then, nor at the cell's start.

    Source: Roth & Sant'Anna (2023), Journal of Political Economy Microeconomics 1(4), section 2.3.
    """
    effect, before = np.zeros_like(weights), np.zeros_like(weights)
    for g, t in np.argwhere(weights != 0):
        untreated = rollout.begins > max(t, rollout.begins[g] - 1)
        untreated[g] = False
        share = untreated * rollout.size / (untreated @ rollout.size)
        for target, period in ((effect, t), (before, rollout.begins[g] - 1)):
            target[g, period] += weights[g, t]
            target[:, period] -= weights[g, t] * share
    return Contrast(effect, before, weights)


def adjusted(rollout: Rollout, aim: Contrast, beta: float | None) -> Adjusted:
    """θ̂ − β·X̂ with β = Cov(θ̂, X̂)/Var(X̂) unless given, its Neyman error and the refined one.

    Source: Roth & Sant'Anna (2023), equations 4–6 and section 3.3 for the refined variance, with the average
    of the cohorts' covariances before the first start (R package staggered).
    """
    means = rollout.means()
    theta, before = float((aim.effect * means).sum()), float((aim.before * means).sum())
    u, w = rollout.outcome @ aim.effect.T, rollout.outcome @ aim.before.T
    first, cross, second = _variances(u, w, rollout)
    used = beta if beta is not None else cross / second if second > 0 else 0.0
    variance = first - 2 * used * cross + used**2 * second
    left = variance - _heterogeneity(rollout, aim)
    rounding = (1e-12 * float(np.abs(u).max())) ** 2
    return Adjusted(
        value=theta - used * before,
        beta=used,
        neyman=float(np.sqrt(variance)) if variance > rounding else np.nan,
        refined=float(np.sqrt(left)) if left > rounding else np.nan,
    )


def _variances(u: Floats, w: Floats, rollout: Rollout) -> tuple[float, float, float]:
    """Var(θ̂), Cov(θ̂, X̂), Var(X̂) from what every unit adds to both as a member of each cohort (N, G)."""
    total = np.zeros((2, 2))
    for g, (low, size) in enumerate(zip(rollout.edges, rollout.size, strict=False)):
        total += np.cov(u[low : low + size, g], w[low : low + size, g]) / size
    return float(total[0, 0]), float(total[0, 1]), float(total[1, 1])


def _heterogeneity(rollout: Rollout, aim: Contrast) -> float:
    """Lower bound of the variance of unit-level effects, learned from the periods before the first start."""
    periods = int(rollout.begins[0])
    within = rollout.covariances()
    slopes = np.zeros(periods)
    for s, a in zip(within, aim.effect, strict=True):
        slopes += np.linalg.pinv(s[:periods, :periods]) @ (s[:periods] @ a)
    return float(slopes @ within[:, :periods, :periods].mean(axis=0) @ slopes / len(rollout.outcome))
