"""Wild cluster bootstrap: few clusters, tested by flipping the residuals of whole clusters."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np

from whatworks.arrays import Floats
from whatworks.errors import EstimationError, OptionError
from whatworks.errors import choose as choose_option
from whatworks.inference import draws as random_draws
from whatworks.inference.errors.cluster import ClusterRobust, Regression
from whatworks.inference.errors.wild_refits import TIE, Share, free, imposed, refit
from whatworks.inference.uncertainty import Uncertainty
from whatworks.results import NotAvailable

ENUMERATED_CLUSTERS: Final = 13
"""Up to this many clusters every vector of signs is used (8,192), however few draws were asked for."""

UNBOUNDED: Final = (
    "the wild cluster bootstrap does not reject any effect on this side at this level, however large: "
    "too few clusters carry the comparison"
)


@dataclass(frozen=True, slots=True)
class WildCluster:
    """Wild cluster bootstrap with test-inversion intervals.

    Attributes:
        draws: bootstrap draws; all sign vectors are used instead where there are no more of them than that
            (or up to 13 clusters).
        seed: seed of the draws; without effect where all sign vectors are used.
        weights: `rademacher` (±1) or `webb` (six points, for fewer than about eight clusters).
        null: `imposed` (WCR: residuals of the fit in which the effect has its tested value) or `free` (WCU).

    Source: Cameron, Gelbach & Miller (2008), Review of Economics and Statistics 90(3); Roodman, Nielsen,
    MacKinnon & Webb (2019), Stata Journal 19(1), sections 3–5; MacKinnon (2023), Econometrics and Statistics.
    """

    draws: int = 9999
    seed: int = random_draws.DEFAULT_SEED
    weights: Literal["rademacher", "webb"] = "rademacher"
    null: Literal["imposed", "free"] = "imposed"

    def __post_init__(self) -> None:
        random_draws.check_draws(self.draws)
        random_draws.check_seed(self.seed)
        choose_option("weights", self.weights, ("rademacher", "webb"), where="WildCluster")
        choose_option("null", self.null, ("imposed", "free"), where="WildCluster")

    def enumerates(self, clusters: int) -> bool:
        """Whether all sign vectors are used instead of random draws."""
        return self.weights == "rademacher" and (
            clusters <= ENUMERATED_CLUSTERS or (clusters <= 24 and 2**clusters <= self.draws)
        )

    def from_scores(
        self, at_null: Floats, slope: Floats, *, level: float = 0.95, std_error: Floats | None = None
    ) -> Uncertainty:
        """Uncertainty of k estimators that are linear in the outcome, from scores summed within clusters.

        Args:
            at_null: (G, k) scores s0 from the residuals of the fit in which the effect is 0.
            slope: (G, k) change s1 of the scores per unit of effect imposed: with the effect set to θ0 they
                are s0 − θ0·s1 and sum to estimate − θ0 (so s0 sums to the estimate and s1 to 1).
            level: coverage of the intervals.
            std_error: (k,) standard errors to report; from the scores at the estimate unless given.

        The statistic is the sum of the scores; under ±1 weights, studentising by the sum of squared null
        scores changes nothing. The p-value counts ties, so it is never 0; each draw holds on one interval of
        θ0 that contains the estimate, so the ends of the inverted test are order statistics and exact.

        Raises:
            OptionError: `null="free"`, which needs a regression.
            EstimationError: scores that do not have the sums stated.

        Source: Kline & Santos (2012), Journal of Econometric Methods 1(1), section 2; Canay, Santos & Shaikh
        (2021), Review of Economics and Statistics 103(2), for the unstudentised test with few large clusters.
        """
        if self.null == "free":
            raise OptionError(
                'null="free" needs a regression; this estimator gives scores with the null imposed',
                where="WildCluster",
                remedy='Use WildCluster(null="imposed"), the default.',
            )
        level = random_draws.check_level(level)
        clusters = len(at_null)
        estimate = at_null.sum(axis=0)
        _check_scores(at_null, slope)
        flips, share = self.flips(clusters)
        at_estimate = at_null - estimate * slope
        pairs = [(block @ at_estimate, block @ slope) for block in flips]
        moved, kept = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
        scale = np.abs(at_estimate).sum(axis=0) + np.abs(estimate)
        count = (np.abs(moved + estimate * kept) >= np.abs(estimate) - TIE * scale).sum(axis=0)
        low, high = exact_ends(moved, kept, TIE * scale)
        rank = share.rank(level)
        ends = np.stack([-nth_largest(-low, rank), nth_largest(high, rank)]) + estimate
        sentence = self.sentence(clusters, factor=std_error is None)
        if std_error is None:
            std_error = np.sqrt(clusters / (clusters - 1) * (at_estimate**2).sum(axis=0))
        return finished(estimate, std_error, ends, share.p_value(count), level, sentence)

    def from_regression(self, fit: Regression, contrasts: Floats, *, level: float = 0.95) -> Uncertainty:
        """Uncertainty of the m combinations `contrasts @ coefficients`; `contrasts` is (m, k).

        The standard error beside it is CR1; p-values and intervals come from refits of every draw, whose
        studentised estimate is compared with the sample's. The interval inverts the test: its ends are where
        the p-value falls to 1 − level, to twelve digits.
        """
        level = random_draws.check_level(level)
        flips, share = self.flips(fit.n_clusters)
        moments, blocks = fit.moments(), flips.held()
        plain = ClusterRobust().from_regression(fit, contrasts, level=level)
        p_value, ends = np.empty(len(contrasts)), np.empty((2, len(contrasts)))
        for i, contrast in enumerate(contrasts):
            if not np.isfinite(plain.std_error[i]):
                p_value[i], ends[:, i] = np.nan, np.nan
                continue
            refits = refit(fit, moments, contrast, blocks)
            solve = imposed if self.null == "imposed" else free
            p_value[i], ends[:, i] = solve(refits, share, -float(plain.value[i]), level)
        ends = ends + plain.value
        result = finished(plain.value, plain.std_error, ends, p_value, level, self.sentence(fit.n_clusters))
        known = np.isfinite(plain.std_error)
        reasons = tuple(
            ours if ok else theirs
            for ok, ours, theirs in zip(known, result.reason, plain.reason, strict=True)
        )
        return replace(result, reason=reasons)

    def sentence(self, clusters: int, *, factor: bool = True) -> str:
        """How the uncertainty was found; `factor`: the error beside the draws carries G/(G − 1)."""
        null = "null imposed" if self.null == "imposed" else "null not imposed"
        if self.enumerates(clusters):
            how = f"all {2**clusters:,} sign vectors"
        else:
            how = f"{self.draws:,} {self.weights.capitalize()} draws, seed {self.seed}"
        return (
            f"Wild cluster bootstrap over {clusters} clusters ({null}, {how}); the interval holds every "
            "effect that the test does not reject"
            + (f"; the standard error beside it has factor {clusters}/{clusters - 1}" if factor else "")
        )

    def flips(self, clusters: int) -> tuple[random_draws.Flips, Share]:
        """The weights, and how to turn a count of draws into a p-value."""
        every = self.enumerates(clusters)
        flips = random_draws.Flips(self.weights, self.draws, clusters, self.seed, every)
        if every:
            return flips, Share(len(flips), 0 if self.null == "imposed" else 1, 2)
        return flips, Share(self.draws, 1, 1)


def finished(
    estimate: Floats, std_error: Floats, ends: Floats, p_value: Floats, level: float, sentence: str
) -> Uncertainty:
    """Put k results together; an end that does not exist becomes NaN with its reason. `ends` is (2, k)."""
    open_ended = ~np.isfinite(ends)
    low, high = np.where(open_ended, np.nan, ends)
    return Uncertainty(
        value=estimate,
        std_error=std_error,
        low=low,
        high=high,
        p_value=p_value,
        reason=tuple(UNBOUNDED if gap else "" for gap in np.atleast_1d(open_ended.any(axis=0))),
        level=level,
        df=NotAvailable("the bootstrap refers to its own draws, not to a t distribution"),
        sentence=sentence,
    )


def _check_scores(at_null: Floats, slope: Floats) -> None:
    if at_null.ndim != 2 or at_null.shape != slope.shape or len(at_null) < 2:
        raise EstimationError(
            f"scores of shape {at_null.shape} and {slope.shape}; two alike of (clusters, estimands) are "
            "needed, with at least two clusters",
            where="WildCluster.from_scores",
        )
    if not np.allclose(slope.sum(axis=0), 1, rtol=0, atol=1e-6):
        raise EstimationError(
            f"slopes sum to {slope.sum(axis=0)[:5]} instead of 1: the scores at a null do not sum to "
            "estimate − null",
            where="WildCluster.from_scores",
        )


def exact_ends(moved: Floats, kept: Floats, tie: Floats) -> tuple[Floats, Floats]:
    """Lowest and highest distance δ from the estimate at which |moved − δ·kept| ≥ |δ|, per draw (B, k)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        one, other = moved / (kept + 1), moved / (kept - 1)
    same, mirror = np.abs(kept - 1) < TIE, np.abs(kept + 1) < TIE
    up, down = moved > 0, moved < 0
    low, high = np.minimum(one, other), np.maximum(one, other)
    # at kept = ±1 one root lies at infinity and the draw holds on a half-line
    low = np.where(same, np.where(down, one, -np.inf), np.where(mirror, np.where(up, other, -np.inf), low))
    high = np.where(same, np.where(up, one, np.inf), np.where(mirror, np.where(down, other, np.inf), high))
    # the sample itself and its mirror hold everywhere; beyond ±1 a draw holds outside its roots
    everywhere = ((same | mirror) & (np.abs(moved) <= tie)) | (np.abs(kept) >= 1 + TIE)
    return np.where(everywhere, -np.inf, low), np.where(everywhere, np.inf, high)


def nth_largest(values: Floats, rank: int) -> Floats:
    """Per column, the rank-th largest; infinite where there is no such rank."""
    if not 1 <= rank <= len(values):
        return np.full(values.shape[1], np.inf)
    position = len(values) - rank
    return np.asarray(np.partition(values, position, axis=0)[position])
