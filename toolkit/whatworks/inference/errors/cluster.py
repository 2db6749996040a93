"""Cluster-robust (sandwich) standard errors of a regression, with their small-sample conventions by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from whatworks.arrays import Floats
from whatworks.errors import OptionError
from whatworks.errors import choose as choose_option
from whatworks.inference.draws import check_level
from whatworks.inference.errors.correction import Correction, correct
from whatworks.inference.fits.regression import Moments, Regression, rows_of
from whatworks.inference.uncertainty import NO_VARIATION, Uncertainty, from_errors
from whatworks.results import Number

__all__ = ["ClusterRobust", "Moments", "Regression", "on_t"]


NOT_POSITIVE: Final = (
    "the variance comes out negative: clustering two ways adds and subtracts, and there are too few clusters "
    "or periods for the sum to hold; cluster one way"
)


@dataclass(frozen=True, slots=True)
class ClusterRobust:
    """Cluster-robust standard errors with t intervals.

    Attributes:
        kind: `CR0` (no factor), `CR1` (a small-sample factor), `CR2` (bias-reduced: exact were errors
            independent with one variance; degrees of freedom of Bell & McCaffrey, one number per estimate)
            or `CR3` (refits without each cluster in turn, squared deviations from the estimate summed).
            Degrees of freedom are G − 1 except under CR2.
        correction: the factor of CR1, with n observations, K coefficients and G clusters.
            `clusters`: G/(G−1), the default; `fixest`: G/(G−1)·(n−1)/(n−K), fixed effects nested in
            clusters not counted in K (also what Stata's xtreg, fe and reghdfe print); `stata`: the same
            with all of them counted (regress with dummies, areg). The result spells out the numbers.
            For a Poisson regression both mean normal quantiles, and `stata` G/(G−1).

    Source: Liang & Zeger (1986), Biometrika 73(1); Cameron & Miller (2015), Journal of Human Resources 50(2),
    equations 11–12; Bell & McCaffrey (2002), Survey Methodology 28(2), for CR2 and CR3.
    """

    kind: Literal["CR0", "CR1", "CR2", "CR3"] = "CR1"
    correction: Literal["clusters", "fixest", "stata"] = "clusters"

    def __post_init__(self) -> None:
        choose_option("kind", self.kind, ("CR0", "CR1", "CR2", "CR3"), where="ClusterRobust")
        choose_option("correction", self.correction, ("clusters", "fixest", "stata"), where="ClusterRobust")
        if self.kind != "CR1" and self.correction != "clusters":
            raise OptionError(
                f"{self.kind} has no small-sample factor, so correction={self.correction!r} would be ignored",
                where="ClusterRobust",
                remedy=f"Use ClusterRobust('CR1', correction={self.correction!r}).",
            )

    def covariance(self, fit: Regression) -> Floats:
        """(k, k) covariance of the coefficients."""
        half, _ = self.spread(fit, np.eye(len(fit.coefficients)))
        return self.corrected(fit).factor * (half @ half.T)

    def spread(self, fit: Regression, contrasts: Floats) -> tuple[Floats, Floats | None]:
        """Influence of each cluster on m combinations (m, G), and their own degrees of freedom (m,) if any.

        Raises:
            OptionError: CR2 or CR3 of a method that gives sums within clusters only.
        """
        if self.kind in ("CR0", "CR1"):
            # from the scores, not from the covariance: a sum of squares cannot come out negative
            return contrasts @ fit.bread @ fit.scores.T, None
        rows = rows_of(fit, f"ClusterRobust({self.kind!r})")
        if self.kind == "CR2":
            from whatworks.inference.errors.bias_reduced import adjusted

            return adjusted(fit, rows, contrasts)
        from whatworks.inference.errors.leave_out import deviations

        return deviations(fit, rows, contrasts), None

    def corrected(self, fit: Regression) -> Correction:
        """The small-sample factor on the covariance, in numbers and words, and the distribution."""
        name = self.correction if self.kind == "CR1" else "none"
        counted = len(fit.coefficients) + fit.n_crossing
        what = "fixed effects nested in clusters not counted"
        if name == "stata":
            counted, what = counted + fit.n_nested, "every fixed effect counted"
        return correct(name, fit, pieces=fit.n_clusters, counted=counted, what=what)

    def from_regression(self, fit: Regression, contrasts: Floats, *, level: float = 0.95) -> Uncertainty:
        """Uncertainty of the m combinations `contrasts @ coefficients`; `contrasts` is (m, k)."""
        spread, own_df = self.spread(fit, contrasts)
        correction = self.corrected(fit)
        return on_t(
            fit,
            contrasts,
            correction.factor * (spread**2).sum(axis=1),
            df=correction.df if own_df is None else own_df,
            level=level,
            sentence=self._sentence(correction, fit.n_clusters),
        )

    def _sentence(self, correction: Correction, clusters: int) -> str:
        kind = {
            "CR0": "CR0, no small-sample factor",
            "CR1": f"CR1, {correction.words}",
            "CR2": "CR2, bias-reduced, no small-sample factor",
            "CR3": "CR3, refits without each cluster in turn, no small-sample factor",
        }[self.kind]
        df = correction.distribution
        if self.kind == "CR2":
            df = "t with the degrees of freedom of Bell and McCaffrey (Satterthwaite)"
        return f"Cluster-robust standard error over {clusters} clusters ({kind}); {df}"


def on_t(
    fit: Regression,
    contrasts: Floats,
    variance: Floats,
    *,
    df: Number | Floats,
    level: float,
    sentence: str,
) -> Uncertainty:
    """Uncertainty of m combinations `contrasts @ coefficients` from their variances (m,), on t or normal.

    A variance that is NaN (leaving out one cluster), not positive, or rounding alone becomes a reason.
    """
    from whatworks.inference.errors.leave_out import NOT_WITHOUT

    level = check_level(level)
    value = contrasts @ fit.coefficients
    std_error = np.sqrt(np.maximum(variance, 0.0))
    # by Cauchy–Schwarz no error exceeds this bound; far below it only rounding is left
    bound = np.sqrt(np.einsum("mk,kl,ml->m", contrasts, fit.bread, contrasts)) * fit.residual_norm
    lost, none = np.isnan(std_error), std_error <= 1e-10 * bound
    negative = variance < -((1e-10 * bound) ** 2)
    reasons = map(str, np.select([lost, negative, none], [NOT_WITHOUT, NOT_POSITIVE, NO_VARIATION], ""))
    shown = np.where(none, np.nan, std_error)
    return from_errors(value, shown, reasons, df=df, level=level, sentence=sentence)
