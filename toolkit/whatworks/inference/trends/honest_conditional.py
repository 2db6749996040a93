"""Confidence sets under inequalities on trends: conditional tests with a least-favourable cutoff."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from whatworks.arrays import Bools, Floats
from whatworks.inference.draws import uniforms

POINTS: Final = 257
"""Values tried inside the outer interval of each set before its ends are narrowed down."""

HALVINGS: Final = 30
SHARE: Final = 0.1
"""Share of the error rate spent in the least-favourable first stage (κ = α/10, as the paper recommends)."""

_FLAT: Final = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Restrictions:
    """S sets of inequalities ±Dδ − Bδ ≤ d on the trend δ over n event times, one row a post period.

    Attributes:
        differences: (p, n) D, the step (or change of step) of δ at each of p post periods; its last p columns
            form an invertible matrix.
        bounds: (S, n) b, the bound on every row of the set, a linear function of the trend before the start.
        constant: d, a constant bound.
    """

    differences: Floats
    bounds: Floats
    constant: float


@dataclass(frozen=True, slots=True, eq=False)
class Vertices:
    """For each of S sets the J vertices of the dual of the linear programme that profiles out nuisance.

    The test statistic at θ is the largest of `centre − θ·slope`.

    Attributes:
        centre, slope: (S, J).
        loading: (S, J, n) weights on the n coefficients.
        covariance: (S, J, J) of the J values.
    """

    centre: Floats
    slope: Floats
    loading: Floats
    covariance: Floats


def relative_magnitudes(n_pre: int, n_post: int, bound: float) -> Restrictions:
    """Steps after the reference are at most `bound` times a given step before it, one set a step and sign.

    Source: Rambachan & Roth (2023), Review of Economic Studies 90(5), section 2.4.1 and equation 11.
    """
    steps = _steps(n_pre, n_post)
    before = steps[:n_pre]
    return Restrictions(steps[n_pre:], bound * np.concatenate([before, -before]), 0.0)


def smoothness(n_pre: int, n_post: int, bound: float) -> Restrictions:
    """The slope changes by at most `bound` from one period to the next, post periods involved.

    Source: Rambachan & Roth (2023), section 2.4.2.
    """
    bends = np.diff(_steps(n_pre, n_post), axis=0)[n_pre - 1 :]
    return Restrictions(bends, np.zeros((1, n_pre + n_post)), bound)


def _steps(n_pre: int, n_post: int) -> Floats:
    """(n_pre + n_post, n_pre + n_post) first differences of δ, the reference being 0 and left out."""
    whole = np.diff(np.eye(n_pre + n_post + 1), axis=0)
    return np.asarray(np.delete(whole, n_pre, axis=1))


def vertices(restrictions: Restrictions, beta: Floats, sigma: Floats, target: Floats) -> Vertices:
    """The vertices in closed form.

    Profiling out the other post effects leaves the dual set {γ ≥ 0, γ₊ − γ₋ = c·u, sd′γ = 1} with
    u = D_post⁻ᵀ·target: its vertices are one for c > 0, one for c < 0, and one with γ₊ = γ₋ for each row.
    Values at the latter are multiples of one another, so the largest and the smallest multiple stand for all.
    """
    D, B = restrictions.differences, restrictions.bounds
    p, sets = len(D), len(B)
    u = np.linalg.solve(D[:, -p:].T, target)
    up, down = np.maximum(u, 0), np.maximum(-u, 0)
    sd_plus, sd_minus = (_spread(side * D[None] - B[:, None], sigma) for side in (1, -1))
    first = sd_plus @ up + sd_minus @ down
    second = sd_plus @ down + sd_minus @ up
    pairs = np.column_stack([(sd_plus + sd_minus).min(axis=1), (sd_plus + sd_minus).max(axis=1)])
    size = float(np.abs(u).sum())
    loading = np.concatenate(
        [
            ((u @ D - size * B) / first[:, None])[:, None],
            ((-u @ D - size * B) / second[:, None])[:, None],
            -2 * B[:, None] / pairs[..., None],
        ],
        axis=1,
    )
    fixed = restrictions.constant * np.column_stack([size / first, size / second, 2 / pairs])
    slope = np.column_stack([1 / first, -1 / second, np.zeros((sets, 2))])
    return Vertices(
        centre=loading @ beta - fixed,
        slope=slope,
        loading=loading,
        covariance=loading @ sigma @ loading.transpose(0, 2, 1),
    )


def normals(draws: int, size: int, seed: int) -> Floats:
    """(draws, size) standard normal draws, the same on every platform."""
    from scipy.special import ndtri

    bits = np.random.PCG64(np.random.SeedSequence(seed))
    return np.asarray(ndtri(np.maximum(uniforms(bits, (draws, size)), 2.0**-54)))


def least_favourable(found: Vertices, root: Floats, draws: Floats, share: float) -> Floats:
    """(S,) value that the statistic exceeds with probability `share` when every inequality binds.

    `root` (n, n) with root·root′ the covariance of the coefficients; `draws` (R, n) standard normal.
    """
    # one long row a vertex: the largest over few rows of many draws is several times the faster way round
    columns = np.ascontiguousarray(draws.T)
    return np.asarray([np.quantile(((a @ root) @ columns).max(axis=0), 1 - share) for a in found.loading])


def accepted(found: Vertices, cutoff: Floats, theta: Floats, size: float) -> Bools:
    """(S, T) whether the hybrid test of `size` α keeps θ; `theta` is (S, T), `cutoff` (S,).

    With an infinite cutoff and `first=0` it is the purely conditional test.

    Source: Andrews, Roth & Pakes (2023), Review of Economic Studies 90(6), sections 4 and 5.
    """
    first = np.where(np.isfinite(cutoff), SHARE * size, 0.0)
    y = found.centre[:, None, :] - theta[..., None] * found.slope[:, None, :]
    best = y.argmax(axis=-1)
    eta = np.take_along_axis(y, best[..., None], axis=-1)[..., 0]
    which = np.arange(len(y))[:, None]
    carry = found.covariance[which, best]
    variance = np.take_along_axis(carry, best[..., None], axis=-1)[..., 0]
    scale = np.diagonal(found.covariance, axis1=1, axis2=2).max(axis=1)
    known = variance > _FLAT * scale[:, None]
    sd = np.sqrt(np.where(known, variance, 1.0))
    share = carry / (sd**2)[..., None]
    rest, gap = y - share * eta[..., None], 1 - share
    with np.errstate(divide="ignore", invalid="ignore"):
        limit = rest / gap
    low = np.where(gap > _FLAT, limit, -np.inf).max(axis=-1)
    high = np.where(gap < -_FLAT, limit, np.inf).min(axis=-1)
    high = np.minimum(high, cutoff[:, None])
    tail = _tail(eta / sd, low / sd, high / sd)
    second = (size - first) / (1 - first)
    reject = np.where(known, (eta > 0) & (tail < second[:, None]), eta > _FLAT * np.sqrt(scale)[:, None])
    return np.asarray(~(reject | (eta > cutoff[:, None])))


def confidence_set(found: Vertices, cutoff: Floats, size: float) -> tuple[float, float]:
    """Smallest and largest θ that any of the S sets keeps, NaN where none keeps any.

    The statistic is convex in θ, so the first stage alone confines each set to an interval in closed form;
    the ends of what the second stage leaves are found by halving.
    """
    level = (found.centre - cutoff[:, None])[:, :2] / found.slope[:, :2]
    alive = (found.centre[:, 2:] <= cutoff[:, None]).all(axis=1) & (level[:, 0] <= level[:, 1])
    if not alive.any():
        return float("nan"), float("nan")
    kept = Vertices(*(getattr(found, name)[alive] for name in ("centre", "slope", "loading", "covariance")))
    cut, ends = cutoff[alive], level[alive]
    theta = ends[:, :1] + (ends[:, 1:] - ends[:, :1]) * np.linspace(0, 1, POINTS)
    inside = accepted(kept, cut, theta, size)
    some = inside.any(axis=1)
    if not some.any():
        return float("nan"), float("nan")
    position = np.column_stack([inside.argmax(axis=1), POINTS - 1 - inside[:, ::-1].argmax(axis=1)])
    beyond = np.clip(position + np.array([-1, 1]), 0, POINTS - 1)
    keep, drop = (np.take_along_axis(theta, at, axis=1) for at in (position, beyond))
    for _ in range(HALVINGS):
        middle = (keep + drop) / 2
        holds = accepted(kept, cut, middle, size)
        keep, drop = np.where(holds, middle, keep), np.where(holds, drop, middle)
    return float(keep[some, 0].min()), float(keep[some, 1].max())


def _spread(rows: Floats, sigma: Floats) -> Floats:
    return np.asarray(np.sqrt(np.einsum("spi,ij,spj->sp", rows, sigma, rows, optimize=True)))


def _tail(t: Floats, low: Floats, high: Floats) -> Floats:
    """P(Z > t | low ≤ Z ≤ high) for standard normal Z, on logarithms so that far tails keep their digits."""
    from scipy.special import log_ndtr

    inside, below, above = log_ndtr(-t), log_ndtr(-np.minimum(low, t)), log_ndtr(-np.maximum(high, t))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.exp(inside - below) * np.expm1(above - inside) / np.expm1(above - below)
    return np.asarray(np.nan_to_num(ratio, nan=1.0))
