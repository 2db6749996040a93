"""Bounds on an effect where outcomes are missing: who is trimmed or filled in, and how sure that is.

N rows of two arms; weights make the blocks of both arms alike. Influence values (N,) sum to an estimate's
error; their sums of squares over what was sampled are its variance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from whatworks.arrays import Bools, Floats, Ints


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """N rows of two arms.

    Attributes:
        outcome: (N,) with 0 where it is missing.
        seen: (N,) rows whose outcome is known.
        treated: (N,) rows of the treatment arm.
        weight: (N,) inverse shares of the row's arm in its block; equal where there are no blocks.
    """

    outcome: Floats
    seen: Bools
    treated: Bools
    weight: Floats

    def only(self, keep: Bools) -> Sample:
        """Some of the rows."""
        return Sample(self.outcome[keep], self.seen[keep], self.treated[keep], self.weight[keep])

    def arm(self, treated: bool) -> Floats:
        """(N,) weights of one arm that sum to one, 0 for the other."""
        own = self.weight * (self.treated == treated)
        return np.asarray(own / own.sum())

    @property
    def shares(self) -> tuple[float, float]:
        """Share of the control and of the treatment arm whose outcome is known."""
        return float(self.arm(False) @ self.seen), float(self.arm(True) @ self.seen)


@dataclass(frozen=True, slots=True, eq=False)
class Bounds:
    """A lower and an upper bound with the influence of each row on them.

    Attributes:
        value: (2,) lower, upper.
        influence: (2, N) influence of each row.
        kept: share of rows whose outcome would be known in either arm.
        kept_influence: (N,) influence of each row on that share.
    """

    value: Floats
    influence: Floats
    kept: float
    kept_influence: Floats


def lee(sample: Sample) -> Bounds:
    """Bounds on the effect on those whose outcome would be known in either arm.

    The arm with more known outcomes holds, besides those, some whose outcome is known only there. Which
    they are is not known, but how many: at worst they are the highest outcomes, at best the lowest. Dropping
    that share from one end (the marginal row in part) bounds the mean of the others.

    Source: Lee (2009), Review of Economic Studies 76(3), proposition 2 and, for the influence, 3.
    """
    control, treatment = sample.shares
    more = treatment > control
    kept, other = (control, sample.arm(not more)) if more else (treatment, sample.arm(not more))
    own = sample.arm(more)
    loss = other * (sample.seen - kept)
    mean = float(other @ (sample.outcome * sample.seen)) / kept
    rest = other * sample.seen * (sample.outcome - mean) / kept
    ends = [_trimmed(sample, own, kept, loss, highest) for highest in (True, False)]
    if more:
        value = np.array([end - mean for end, _ in ends])
        influence = np.stack([part - rest for _, part in ends])
    else:
        # a control arm trimmed of its lowest gives the lower bound
        value = np.array([mean - end for end, _ in reversed(ends)])
        influence = np.stack([rest - part for _, part in reversed(ends)])
    return Bounds(value, influence, kept, loss)


def _trimmed(sample: Sample, own: Floats, kept: float, loss: Floats, highest: bool) -> tuple[float, Floats]:
    """Mean of an arm without its highest (or lowest) known outcomes down to a mass of `kept`, and influence.

    With y the outcome at the margin and θ the mean: the rows kept tell (Y − y), and how many are kept
    follows the other arm's share, at (y − θ) each.
    """
    sign = 1.0 if highest else -1.0
    order = np.argsort(sign * sample.outcome, kind="stable")
    order = order[(own * sample.seen)[order] > 0]
    mass = own[order]
    below = np.cumsum(mass) - mass
    left = np.clip(kept - below, 0.0, mass)
    share = np.zeros(len(own))
    share[order] = left / mass
    margin = float(sample.outcome[order[np.flatnonzero(left > 1e-12 * mass)[-1]]])
    mean = float((own * share) @ sample.outcome) / kept
    inside = own * (share * (sample.outcome - margin) - kept * (mean - margin))
    return mean, (inside + (margin - mean) * loss) / kept


def worst_case(sample: Sample, limits: tuple[float, float]) -> Bounds:
    """Bounds on the effect on everyone, missing outcomes anywhere between two limits.

    Source: Horowitz & Manski (2000), Journal of the American Statistical Association 95(449).
    """
    values, influences = [], []
    for low_end in (True, False):
        parts = []
        for treated in (True, False):
            filled = np.where(sample.seen, sample.outcome, limits[0 if treated == low_end else 1])
            own = sample.arm(treated)
            mean = float(own @ filled)
            parts.append((mean, own * (filled - mean)))
        values.append(parts[0][0] - parts[1][0])
        influences.append(parts[0][1] - parts[1][1])
    return Bounds(np.array(values), np.stack(influences), 1.0, np.zeros(len(sample.outcome)))


def averaged(cells: list[tuple[Bools, Bounds]]) -> Bounds:
    """Bounds of several cells, each weighted by how many of its rows would be known in either arm.

    `cells` holds the rows of each cell (N,) and its bounds.

    Source: Lee (2009), section 4 and footnote 12; influence by the delta method.
    """
    n = len(cells[0][0])
    share = np.array([rows.sum() / n * bounds.kept for rows, bounds in cells])
    value = sum(s * bounds.value for s, (_, bounds) in zip(share, cells, strict=True)) / share.sum()
    influence, kept = np.zeros((2, n)), np.zeros(n)
    for s, (rows, bounds) in zip(share, cells, strict=True):
        size = bounds.kept / n + rows.sum() / n * bounds.kept_influence
        influence[:, rows] += s * bounds.influence + np.outer(bounds.value - value, size)
        kept[rows] += size
    return Bounds(np.asarray(value), influence / share.sum(), float(share.sum()), kept - share.sum() / n)


def variance(influence: Floats, treated: Bools, cluster: Ints | None) -> Floats:
    """(m, m) covariance of m estimates from influences (m, N), summed within clusters.

    Each arm's part carries G/(G − 1), G its clusters (rows without clusters), so that with no loss it is the
    variance of a difference in means.
    """
    codes = np.arange(influence.shape[1]) if cluster is None else cluster
    factor = np.ones(influence.shape[1])
    for arm in (True, False):
        groups = len(np.unique(codes[treated == arm]))
        factor[treated == arm] = np.sqrt(groups / (groups - 1))
    sums = np.zeros((codes.max() + 1, len(influence)))
    np.add.at(sums, codes, (influence * factor).T)
    return np.asarray(sums.T @ sums)


def imbens_manski(
    low: float, high: float, errors: tuple[float, float], *, df: float, level: float
) -> tuple[float, float]:
    """An interval that holds the effect, wherever between the bounds, with probability `level`.

    The critical value c solves F(c + (high − low)/max(errors)) − F(−c) = level, F being Student's t: as wide
    as a two-sided interval where the bounds meet, as narrow as a one-sided end where they are far apart.

    Source: Imbens & Manski (2004), Econometrica 72(6), equation 7.
    """
    from scipy.optimize import brentq
    from scipy.special import stdtr, stdtrit

    gap = max(high - low, 0.0) / max(errors)
    edge = float(stdtrit(df, 0.5 + level / 2))
    value = float(brentq(lambda c: stdtr(df, c + gap) - stdtr(df, -c) - level, 0.0, edge + 1e-6, xtol=1e-12))
    return low - value * errors[0], high + value * errors[1]
