"""Wild score bootstrap: the wild cluster bootstrap for models whose scores are not linear in the effect."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

import numpy as np

from whatworks.arrays import Floats
from whatworks.errors import OptionError
from whatworks.inference.draws import check_level
from whatworks.inference.errors.cluster import ClusterRobust
from whatworks.inference.errors.wild import WildCluster, finished
from whatworks.inference.errors.wild_refits import TIE, Share, project
from whatworks.inference.fits.regression import Regression
from whatworks.inference.uncertainty import Uncertainty

REACH: Final = 64.0
"""An end farther than this many standard errors from the estimate counts as infinite."""

FARTHEST: Final = 20.0
"""An end farther than this from the estimate counts as infinite; on a log scale a factor of 500 million."""

NEARER: Final = 8.0
"""The same where a model with an own effect for every cohort and period is refitted: a factor of 3,000."""

_NODES: Final = 16


def score_bootstrap(
    wild: WildCluster,
    fit: Regression,
    held: Callable[[float], Regression],
    *,
    level: float = 0.95,
) -> Uncertainty:
    """Uncertainty of the first coefficient of a model fitted by maximum quasi-likelihood.

    Args:
        wild: draws, seed and weights. With `null="free"` the draws come from the fit itself, as in a linear
            regression of its working response.
        fit: the fit at the estimate.
        held: the fit with the first coefficient held at a value: scores and information there.
        level: coverage of the interval.

    For a tested value θ0, every draw multiplies the clusters' scores at the restricted fit by its weights,
    takes one Newton step from there, and studentises it by the scores that remain after the step; the
    sample's own statistic is the draw whose weights are all 1. On a linear model this is the wild cluster
    bootstrap itself. The interval inverts the test: between the nearest values accepted and rejected the
    scores, smooth in θ0, are interpolated at Chebyshev points.

    Source: Kline & Santos (2012), Journal of Econometric Methods 1(1), section 2; Roodman, Nielsen, MacKinnon
    & Webb (2019), Stata Journal 19(1), section 7.
    """
    level = check_level(level)
    first = np.eye(len(fit.coefficients))[:1]
    if wild.null == "free":
        return wild.from_regression(fit, first, level=level)
    plain = ClusterRobust().from_regression(fit, first, level=level)
    if not np.isfinite(plain.std_error[0]):
        return plain
    flips, share = wild.flips(fit.n_clusters)
    blocks, value, unit = flips.held(), float(plain.value[0]), float(plain.std_error[0])

    def count(theta: float) -> int:
        return _count(_shape(held(theta)), blocks)

    def shape(theta: float) -> Floats:
        return _shape(held(theta))

    def accepts(at: Floats) -> bool:
        return _count(at, blocks) >= rank

    rank = share.rank(level)
    ends = [_end(shape, accepts, value, side * unit) for side in (-1, 1)]
    p_value = share.p_value(np.array([count(0.0)]))
    sentence = wild.sentence(fit.n_clusters).replace("Wild cluster bootstrap", "Wild score bootstrap")
    return finished(plain.value, plain.std_error, np.array(ends)[:, None], p_value, level, sentence)


def invert_scores(
    wild: WildCluster,
    value: float,
    std_error: float,
    scores: Callable[[float], tuple[Floats, float]],
    *,
    level: float = 0.95,
) -> Uncertainty:
    """Uncertainty of one estimate from cluster scores at every value tested, not studentised.

    Args:
        wild: draws, seed and weights, with the null imposed.
        value: the estimate.
        std_error: reported beside it; it sets where the search for the interval's ends begins.
        scores: at a tested value, the scores (G,) of the fit that imposes it, and the distance of the
            estimate from it that their sum approximates.
        level: coverage of the interval.

    A draw holds where the sum of its scores is at least that distance; the sample itself counts as a draw
    that always holds. On a linear model this is `WildCluster.from_scores`.

    Raises:
        OptionError: `null="free"`, which needs a regression.

    Source: Kline & Santos (2012), Journal of Econometric Methods 1(1), section 2; Canay, Santos & Shaikh
    (2021), Review of Economics and Statistics 103(2), for the unstudentised test with few large clusters.
    """
    _require_imposed(wild)
    level = check_level(level)

    def packed(theta: float) -> Floats:
        own, distance = scores(theta)
        return np.append(own, distance)

    at_null = packed(0.0)
    clusters = len(at_null) - 1
    flips, share = wild.flips(clusters)
    blocks, every, rank = flips.held(), wild.enumerates(clusters), share.rank(level)

    def accepts(at: Floats) -> bool:
        return _holding(at, blocks, every) >= rank

    ends = np.array([_end(packed, accepts, value, side * std_error, NEARER) for side in (-1, 1)])
    sentence = wild.sentence(clusters).replace("Wild cluster bootstrap", "Wild score bootstrap")
    p_value = np.array([_share_p(share, _holding(at_null, blocks, every))])
    return finished(np.array([value]), np.array([std_error]), ends[:, None], p_value, level, sentence)


def score_p_value(wild: WildCluster, scores: Floats, distance: float) -> float:
    """p-value of one value tested, from the scores (G,) there and the estimate's distance from it."""
    flips, share = wild.flips(len(scores))
    return _share_p(share, _holding(np.append(scores, distance), flips, wild.enumerates(len(scores))))


def _holding(at: Floats, blocks: Iterable[Floats], every: bool) -> int:
    """Draws whose scores sum to the distance at least; where all signs are used the sample is one of them."""
    own, bar = at[:-1], abs(at[-1]) - TIE * np.abs(at).sum()
    drawn = sum(int((np.abs(block @ own) >= bar).sum()) for block in blocks)
    return drawn + int(every and abs(own.sum()) < bar)


def _require_imposed(wild: WildCluster) -> None:
    if wild.null == "free":
        raise OptionError(
            'null="free" needs a regression; this estimator gives scores with the null imposed',
            where="WildCluster",
            remedy='Use WildCluster(null="imposed"), the default.',
        )


def p_value_at(wild: WildCluster, restricted: Regression) -> float:
    """p-value of the value at which the first coefficient of `restricted` is held."""
    flips, share = wild.flips(restricted.n_clusters)
    return float(_share_p(share, _count(_shape(restricted), flips)))


def _share_p(share: Share, count: int) -> float:
    return float(share.p_value(np.array(count)))


def _shape(restricted: Regression) -> Floats:
    """(G, G + 1): the scores that remain after a draw's step, and the step, per unit of weight."""
    first = np.eye(len(restricted.coefficients))[0]
    moments = restricted.moments()
    parts = project(restricted, moments, first, restricted.scores, moments.carry)
    remains = np.diag(parts.own) - parts.left @ parts.right.T
    return np.hstack([remains, parts.own[:, None]])


def _count(shape: Floats, blocks: Iterable[Floats]) -> int:
    """Draws whose statistic is at least the sample's, ties included."""
    sample = shape.sum(axis=0)
    spread, step = float((sample[:-1] ** 2).sum()), float(sample[-1] ** 2)
    total = 0
    for block in blocks:
        drawn = block @ shape
        squares = np.einsum("bg,bg->b", drawn[:, :-1], drawn[:, :-1])
        total += int((drawn[:, -1] ** 2 * spread >= step * squares * (1 - TIE)).sum())
    return total


def _end(
    shape: Callable[[float], Floats],
    accepts: Callable[[Floats], bool],
    value: float,
    unit: float,
    farthest: float = FARTHEST,
) -> float:
    """The last value that the test accepts going from the estimate in steps of `unit`; infinite if none.

    `shape` is what the test needs at a value, smooth in it; `accepts` is the test.
    """
    farthest = min(REACH * abs(unit), farthest)
    steps = [s for s in abs(unit) * 2.0 ** np.arange(-2, 7) if s < farthest] + [farthest]
    side = float(np.sign(unit))
    inside = [s for s in steps if accepts(shape(value + side * s))]
    if inside and inside[-1] == steps[-1]:
        return side * np.inf
    low = inside[-1] if inside else 0.0
    high = next(s for s in steps if s > low)
    nodes = low + (high - low) * (1 - np.cos(np.pi * (np.arange(_NODES) + 0.5) / _NODES)) / 2
    shapes = np.stack([shape(value + side * float(d)) for d in nodes])
    while high - low > 1e-12 * max(high, abs(unit)):
        middle = (low + high) / 2
        accepted = accepts(_interpolate(nodes, shapes, middle))
        low, high = (middle, high) if accepted else (low, middle)
    return value + side * low


def _interpolate(nodes: Floats, shapes: Floats, at: float) -> Floats:
    """The polynomial through the shapes at the nodes (first-kind Chebyshev points), barycentric form."""
    gap = at - nodes
    if (gap == 0).any():
        return np.asarray(shapes[int(np.argmin(np.abs(gap)))])
    angles = np.pi * (np.arange(len(nodes)) + 0.5) / len(nodes)
    weights = (-1.0) ** np.arange(len(nodes)) * np.sin(angles) / gap
    return np.asarray(np.tensordot(weights / weights.sum(), shapes, axes=1))
