"""Bands that hold for all terms of an event study at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from whatworks.arrays import Floats, Ints
from whatworks.inference import intervals
from whatworks.inference.draws import DEFAULT_SEED, check_level, uniforms
from whatworks.inference.errors.wild import WildCluster
from whatworks.inference.errors.wild_refits import TIE, free, imposed, refit
from whatworks.inference.fits.regression import Regression
from whatworks.inference.uncertainty import Uncertainty

DRAWS = 9999
"""Normal vectors behind the critical value where no bootstrap was run."""

OPEN = (
    "the band for all event times at once has no end on one side: too few clusters carry the comparison for "
    "so strict a test"
)


@dataclass(frozen=True, slots=True, eq=False)
class Band:
    """Ends of k intervals that hold together, NaN where `reason` says why, and how they were found."""

    low: Floats
    high: Floats
    reason: tuple[str, ...]
    sentence: str


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """k estimates under a wild bootstrap.

    Attributes:
        size: (B, k) absolute statistic of every draw around the estimates.
        ends: from a level to the (k,) lower and upper ends of its test-inversion intervals.
    """

    size: Floats
    ends: Callable[[float], tuple[Floats, Floats]]


def regression_terms(wild: WildCluster, fit: Regression, contrasts: Floats) -> Terms:
    """The combinations `contrasts` (k, K) of the coefficients of a regression."""
    flips, share = wild.flips(fit.n_clusters)
    moments, blocks = fit.moments(), flips.held()
    value = contrasts @ fit.coefficients
    refits = [refit(fit, moments, contrast, blocks) for contrast in contrasts]
    with np.errstate(divide="ignore", invalid="ignore"):
        size = [np.nan_to_num(np.abs(r.num[0]) / np.sqrt(r.den[0]), posinf=np.inf) for r in refits]

    def ends(level: float) -> tuple[Floats, Floats]:
        solve = imposed if wild.null == "imposed" else free
        pairs = [solve(r, share, -float(v), level)[1] for r, v in zip(refits, value, strict=True)]
        low, high = np.array(pairs).reshape(-1, 2).T
        return value + low, value + high

    return Terms(np.stack(size, axis=1), ends)


def score_terms(wild: WildCluster, at_null: Floats, slope: Floats) -> Terms:
    """Estimates that are linear in the outcome, from scores (G, k) as for `WildCluster.from_scores`."""
    flips, _ = wild.flips(len(at_null))
    at_estimate = at_null - at_null.sum(axis=0) * slope
    size = np.concatenate([np.abs(block @ at_estimate) for block in flips])

    def ends(level: float) -> tuple[Floats, Floats]:
        found = wild.from_scores(at_null, slope, level=level)
        return found.low, found.high

    return Terms(size, ends)


def wild_band(wild: WildCluster, parts: Sequence[Terms], clusters: int, *, level: float) -> Band:
    """Test-inversion intervals at the pointwise level at which all of them hold together.

    In every draw around the estimates each term has its p-value; the smallest of them is what a band must
    survive. The 1 − level quantile of these smallest p-values takes the place of 1 − level for each term.
    Only how terms move together is learned from draws around the estimates: each interval by itself keeps
    the null imposed, so that few clusters do not make it too short.

    Source: Beran (1988), Journal of the American Statistical Association 83(403), for balanced sets; Romano &
    Wolf (2005), Econometrica 73(4), for smallest p-values from one set of draws.
    """
    level = check_level(level)
    share = wild.flips(clusters)[1]
    smallest = np.min([share.p_value(_ranks(part.size)).min(axis=1) for part in parts], axis=0)
    below = int(np.floor(round((1 - level) * len(smallest), 9)))
    # half a step under the first p-value that may not be rejected
    alone = 1 - (float(np.sort(smallest)[below]) - share.times / share.total / 2)
    low, high = np.concatenate([part.ends(alone) for part in parts], axis=1)
    gap = ~np.isfinite(low) | ~np.isfinite(high)
    return Band(
        low=np.where(np.isfinite(low), low, np.nan),
        high=np.where(np.isfinite(high), high, np.nan),
        reason=tuple(OPEN if g else "" for g in gap),
        sentence=f"{_opening(len(gap), level)} the wild cluster bootstrap's interval at {alone:.2%} for each "
        f"one, the level at which they hold together in the same draws over {clusters} clusters.",
    )


def normal_band(found: Uncertainty, covariance: Floats) -> Band:
    """Estimate ± c standard errors, c from the largest of normal variables correlated as the estimates are.

    Args:
        found: k estimates; those without a standard error stand outside the band.
        covariance: (k, k) of the estimates, up to a factor.

    With degrees of freedom c is carried over to Student's t at the same tail probability.

    Source: Montiel Olea & Plagborg-Møller (2019), Journal of Applied Econometrics 34(1), algorithm 1.
    """
    known = np.isfinite(found.std_error)
    reach = np.full(len(known), np.nan)
    words = "no event time has a standard error."
    if known.any():
        inner = covariance[np.ix_(known, known)]
        scale = np.sqrt(np.diag(inner))
        largest = np.sort(largest_normals(inner / np.outer(scale, scale), DRAWS, DEFAULT_SEED))
        critical = _on_t(float(largest[int(np.ceil(found.level * DRAWS)) - 1]), found)
        reach = np.where(known, critical * found.std_error, np.nan)
        words = (
            f"estimate ± {critical:.2f} standard errors, from the largest of {DRAWS:,} normal vectors with "
            f"the correlations of the estimates (seed {DEFAULT_SEED})."
        )
    return Band(
        low=found.value - reach,
        high=found.value + reach,
        reason=tuple("" if k else r for k, r in zip(known, found.reason, strict=True)),
        sentence=f"{_opening(int(known.sum()), found.level)} {words}",
    )


def largest_normals(correlation: Floats, draws: int, seed: int) -> Floats:
    """(draws,) the largest absolute value of normal variables with these correlations (k, k)."""
    from scipy.special import ndtri

    values, vectors = np.linalg.eigh(correlation)
    bits = np.random.PCG64(np.random.SeedSequence(seed))
    normals = ndtri(np.maximum(uniforms(bits, (draws, len(correlation))), 2.0**-54))
    # the symmetric root, which rounding cannot turn where eigenvalues are alike
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    return np.asarray(np.abs(normals @ root).max(axis=1, initial=0.0))


def _ranks(size: Floats) -> Ints:
    """(B, k) how many draws are at least as large in their column, ties included."""
    order = np.sort(size, axis=0)
    below = [np.searchsorted(o, s * (1 - TIE), side="left") for o, s in zip(order.T, size.T, strict=True)]
    return np.asarray(len(size) - np.stack(below, axis=1), dtype=np.int64)


def _on_t(normal: float, found: Uncertainty) -> float:
    from scipy import special

    if not isinstance(found.df, float):
        return normal
    pointwise = intervals.critical_value(found.level, df=found.df)
    return max(pointwise, -float(special.stdtrit(found.df, float(special.ndtr(-normal)))))


def _opening(terms: int, level: float) -> str:
    return f"band_low and band_high hold for all {terms} event times at once ({level:.0%}):"
