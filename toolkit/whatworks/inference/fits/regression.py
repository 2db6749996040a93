"""What inference needs of a least-squares fit with absorbed fixed effects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from whatworks.arrays import Floats
from whatworks.errors import OptionError
from whatworks.inference.fits.rows import Rows


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
        rows: makes the rows themselves, for errors that need more than sums within clusters (CR2, CR3,
            jackknife, two-way, over time or space); None where the method has sums only.
        likelihood: whether a likelihood was maximised (Poisson) instead of squares summed.
    """

    coefficients: Floats
    bread: Floats
    scores: Floats
    residual_norm: float
    n_obs: int
    n_nested: int
    n_crossing: int
    moments: Callable[[], Moments]
    rows: Callable[[], Rows] | None = None
    likelihood: bool = False

    @property
    def n_clusters(self) -> int:
        """How many clusters."""
        return len(self.scores)


def rows_of(fit: Regression, asked: str) -> Rows:
    """The rows of a fit; raises `OptionError` where the method gives sums within clusters only."""
    if fit.rows is None:
        raise OptionError(
            f"{asked} needs the rows of a least-squares fit; this method has sums within clusters only",
            where="inference",
            remedy="Use ClusterRobust(), the default of its kind, or WildCluster().",
        )
    return fit.rows()
