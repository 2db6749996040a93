"""Randomly timed roll-outs: contrasts of cohort means, the efficient adjustment, and permuted start dates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from whatworks.inference.draws import uniforms

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_BLOCK = 2**22


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
    u, w = _projected(rollout, aim)
    order = np.arange(len(u))[None]
    moments = _moments(u, w, rollout, order)
    used = float(_beta(moments)[0]) if beta is None else beta
    variance = float(moments[2][0] - 2 * used * moments[3][0] + used**2 * moments[4][0])
    left = variance - _heterogeneity(rollout, aim)
    rounding = (1e-12 * float(np.abs(u).max())) ** 2
    return Adjusted(
        value=theta - used * before,
        beta=used,
        neyman=float(np.sqrt(variance)) if variance > rounding else np.nan,
        refined=float(np.sqrt(left)) if left > rounding else np.nan,
    )


def permuted(
    rollout: Rollout, aim: Contrast, beta: float | None, draws: int, seed: int
) -> tuple[float, Floats]:
    """|estimate/Neyman error| of the sample, and of `draws` panels whose start dates were dealt out anew."""
    u, w = _projected(rollout, aim)
    n = len(u)
    bits = np.random.PCG64(np.random.SeedSequence(seed))
    parts, step = [], max(1, _BLOCK // n)
    for low in range(0, draws, step):
        order = np.argsort(uniforms(bits, (min(step, draws - low), n)), axis=1, kind="stable")
        parts.append(_statistic(u, w, rollout, order, beta))
    sample = _statistic(u, w, rollout, np.arange(n)[None], beta)
    return float(sample[0]), np.concatenate(parts)


def _projected(rollout: Rollout, aim: Contrast) -> tuple[Floats, Floats]:
    """(N, G) each: what every unit would add to θ̂ and to X̂ as a member of each cohort."""
    return rollout.outcome @ aim.effect.T, rollout.outcome @ aim.before.T


def _moments(u: Floats, w: Floats, rollout: Rollout, order: Ints) -> tuple[Floats, ...]:
    """(D,) θ̂, X̂, Var(θ̂), Cov(θ̂, X̂) and Var(X̂) when the units come in each row of `order` (D, N)."""
    total = np.zeros((5, len(order)))
    edges = rollout.edges
    for g, size in enumerate(rollout.size):
        rows = order[:, edges[g] : edges[g + 1]]
        a, b = u[rows, g], w[rows, g]
        mean_a, mean_b = a.mean(axis=1), b.mean(axis=1)
        a, b = a - mean_a[:, None], b - mean_b[:, None]
        spread = [np.einsum("dn,dn->d", x, y) / (size - 1) / size for x, y in ((a, a), (a, b), (b, b))]
        total += np.stack([mean_a, mean_b, *spread])
    return tuple(total)


def _beta(moments: tuple[Floats, ...]) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(moments[4] > 0, moments[3] / moments[4], 0.0)


def _statistic(u: Floats, w: Floats, rollout: Rollout, order: Ints, beta: float | None) -> Floats:
    moments = _moments(u, w, rollout, order)
    used = _beta(moments) if beta is None else np.full(len(order), beta)
    variance = moments[2] - 2 * used * moments[3] + used**2 * moments[4]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.nan_to_num(np.abs(moments[0] - used * moments[1]) / np.sqrt(variance), nan=0.0)


def _heterogeneity(rollout: Rollout, aim: Contrast) -> float:
    """Lower bound of the variance of unit-level effects, learned from the periods before the first start."""
    periods = int(rollout.begins[0])
    within = rollout.covariances()
    slopes = np.zeros(periods)
    for s, a in zip(within, aim.effect, strict=True):
        slopes += np.linalg.pinv(s[:periods, :periods]) @ (s[:periods] @ a)
    return float(slopes @ within[:, :periods, :periods].mean(axis=0) @ slopes / len(rollout.outcome))
