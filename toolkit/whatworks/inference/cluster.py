"""Cluster-robust (sandwich) standard errors of a regression, with their small-sample conventions by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from whatworks.errors import OptionError
from whatworks.errors import choose as choose_option
from whatworks.inference import intervals
from whatworks.inference.draws import check_level
from whatworks.inference.uncertainty import Uncertainty

Floats = npt.NDArray[np.float64]

NO_VARIATION = "the model leaves no variation between clusters from which an error could be learned"


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Sums within clusters from which a wild bootstrap refits the regression without the data.

    X is the residualised design, û the residuals, F a matrix with F·F′ the projection on those
    absorbed effects that cross clusters (periods), net of the effects nested in clusters (units).

    Attributes:
        gram: (G, k, k) X′X.
        cross: (G, k, p) X′F.
        carry: (G, p) F′û.
    """

    gram: Floats
    cross: Floats
    carry: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Regression:
    """What clustered inference needs of a least-squares fit with absorbed fixed effects.

    Attributes:
        coefficients: (k,) of the regressors that were not absorbed.
        bread: (k, k) inverse of X′X, X the design residualised on the absorbed effects.
        scores: (G, k) X′û summed within clusters.
        residual_norm: root of the sum of squared residuals, 0 where nothing but rounding is left.
        n_obs: observations.
        n_nested: absorbed effects that lie within clusters (units).
        n_crossing: absorbed effects that cross clusters (periods, and the constant).
        moments: makes the sums that a wild bootstrap needs; called only there.
    """

    coefficients: Floats
    bread: Floats
    scores: Floats
    residual_norm: float
    n_obs: int
    n_nested: int
    n_crossing: int
    moments: Callable[[], Moments]

    @property
    def n_clusters(self) -> int:
        """How many clusters."""
        return len(self.scores)


@dataclass(frozen=True, slots=True)
class ClusterRobust:
    """Cluster-robust standard errors with t intervals on G − 1 degrees of freedom.

    Attributes:
        kind: `CR0` (no factor) or `CR1` (a small-sample factor).
        small_sample: the factor of CR1, with n observations, K coefficients and G clusters.
            `clusters`: G/(G−1), the default; `fixest`: G/(G−1)·(n−1)/(n−K), fixed effects nested in
            clusters not counted in K (also what Stata's xtreg, fe and reghdfe print); `stata`: the same
            with all of them counted (regress with dummies, areg).

    Source: Liang & Zeger (1986), Biometrika 73(1); Cameron & Miller (2015), Journal of Human Resources 50(2),
    equations 11–12.
    """

    kind: Literal["CR0", "CR1"] = "CR1"
    small_sample: Literal["clusters", "fixest", "stata"] = "clusters"

    def __post_init__(self) -> None:
        choose_option("kind", self.kind, ("CR0", "CR1"), where="ClusterRobust")
        choose_option(
            "small_sample", self.small_sample, ("clusters", "fixest", "stata"), where="ClusterRobust"
        )
        if self.kind == "CR0" and self.small_sample != "clusters":
            raise OptionError(
                f"CR0 has no small-sample factor, so small_sample={self.small_sample!r} would be ignored",
                where="ClusterRobust",
                remedy=f"Use ClusterRobust('CR1', small_sample={self.small_sample!r}).",
            )

    def covariance(self, fit: Regression) -> Floats:
        """(k, k) covariance of the coefficients."""
        half = fit.scores @ fit.bread
        return self.factor(fit) * (half.T @ half)

    def factor(self, fit: Regression) -> float:
        """The small-sample factor on the covariance."""
        if self.kind == "CR0":
            return 1.0
        factor = fit.n_clusters / (fit.n_clusters - 1)
        if self.small_sample == "clusters":
            return factor
        counted = len(fit.coefficients) + fit.n_crossing
        if self.small_sample == "stata":
            counted += fit.n_nested
        return factor * (fit.n_obs - 1) / (fit.n_obs - counted)

    def from_regression(self, fit: Regression, contrasts: Floats, *, level: float = 0.95) -> Uncertainty:
        """Uncertainty of the m combinations `contrasts @ coefficients`; `contrasts` is (m, k)."""
        level = check_level(level)
        value = contrasts @ fit.coefficients
        # from the scores, not from the covariance: a sum of squares cannot come out negative
        spread = contrasts @ fit.bread @ fit.scores.T
        std_error = np.sqrt(self.factor(fit) * (spread**2).sum(axis=1))
        df = float(fit.n_clusters - 1)
        # by Cauchy–Schwarz no error exceeds this bound; far below it only rounding is left
        bound = np.sqrt(np.einsum("mk,kl,ml->m", contrasts, fit.bread, contrasts)) * fit.residual_norm
        none = std_error <= 1e-10 * bound
        shown = np.where(none, np.nan, std_error)
        low, high = intervals.interval(value, shown, df=df, level=level)
        return Uncertainty(
            value=value,
            std_error=shown,
            low=low,
            high=high,
            p_value=intervals.p_value(value, shown, df=df),
            reason=tuple(NO_VARIATION if gap else "" for gap in none),
            level=level,
            df=df,
            sentence=self.sentence(fit.n_clusters),
        )

    def sentence(self, clusters: int) -> str:
        """How the uncertainty was found, for the result."""
        factor = {
            "clusters": f"factor {clusters}/{clusters - 1}",
            "fixest": "small-sample factor as in fixest",
            "stata": "small-sample factor as in Stata with every fixed effect counted",
        }[self.small_sample]
        kind = "CR0, no small-sample factor" if self.kind == "CR0" else f"CR1, {factor}"
        df = f"t with {clusters - 1} degrees of freedom"
        return f"Cluster-robust standard error over {clusters} clusters ({kind}); {df}"
