"""Errors that are independent from row to row, each with a variance of its own: HC0 to HC3."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from whatworks.arrays import Floats
from whatworks.errors import DesignError, OptionError
from whatworks.errors import choose as choose_option
from whatworks.inference.errors.cluster import on_t
from whatworks.inference.fits.collinear import normal_inverse
from whatworks.inference.fits.regression import Regression, rows_of
from whatworks.inference.fits.rows import Rows
from whatworks.inference.uncertainty import Uncertainty

Kind = Literal["classical", "HC0", "HC1", "HC2", "HC3"]
Df = Literal["residual", "satterthwaite", "welch"]
KINDS: Final = ("classical", "HC0", "HC1", "HC2", "HC3")
DFS: Final = ("residual", "satterthwaite", "welch")

_FULL: Final = 1e-9
"""Leverage within this of 1 is a row that its own coefficient fits exactly."""


@dataclass(frozen=True, slots=True)
class Heteroskedastic:
    """Standard errors for independent rows with variances of their own, and t intervals.

    Attributes:
        kind: `classical` (one variance for all rows), `HC0`, `HC1` (times n/(n − k)), `HC2` (squared
            residuals over 1 − leverage: unbiased where variances are equal, and for a difference in means the
            unpooled variance), or `HC3` (over (1 − leverage)²).
        df: `residual`, n − k; `satterthwaite`, the degrees of freedom of the HC2 variance were variances
            equal (Bell & McCaffrey); `welch`, from the groups' own variances, for a difference in means.

    Source: MacKinnon & White (1985), Journal of Econometrics 29(3); Bell & McCaffrey (2002), Survey
    Methodology 28(2); Welch (1947), Biometrika 34(1–2).
    """

    kind: Kind = "HC2"
    df: Df = "residual"

    def __post_init__(self) -> None:
        choose_option("kind", self.kind, KINDS, where="Heteroskedastic")
        choose_option("df", self.df, DFS, where="Heteroskedastic")
        if self.df != "residual" and self.kind != "HC2":
            raise OptionError(
                f"df={self.df!r} belongs to HC2, not to {self.kind}",
                where="Heteroskedastic",
                remedy="Use kind='HC2' or df='residual'.",
            )

    def from_regression(self, fit: Regression, contrasts: Floats, *, level: float = 0.95) -> Uncertainty:
        """Uncertainty of the m combinations `contrasts @ coefficients`; `contrasts` is (m, k).

        Raises:
            OptionError: fewer rows than coefficients and one, or a fit without rows.
            DesignError: `welch` for anything but a difference in means.
        """
        rows = rows_of(fit, "Heteroskedastic()")
        parts = _Parts.of(fit, rows)
        n, k = len(parts.residual), parts.design.shape[1]
        if n <= k:
            raise OptionError(
                f"{n} rows for {k} coefficients leave nothing to learn an error from",
                where="Heteroskedastic",
                remedy="Adjust for fewer variables, or give more units.",
            )
        load = parts.load(contrasts @ fit.bread)
        if self.kind == "classical":
            sigma = (parts.weight @ parts.residual**2) / (n - k)
            variance = sigma * np.einsum("mk,kl,ml->m", contrasts, fit.bread, contrasts)
        else:
            variance = (load**2) @ (parts.residual**2 * self._factor(parts.leverage, n, k))
        df: float | Floats = float(n - k)
        if self.df == "satterthwaite":
            df = parts.satterthwaite(load)
        elif self.df == "welch":
            df = parts.welch(load)
        return on_t(fit, contrasts, variance, df=df, level=level, sentence=self._sentence(n, k))

    def _factor(self, leverage: Floats, n: int, k: int) -> Floats:
        if self.kind == "HC0":
            return np.ones_like(leverage)
        if self.kind == "HC1":
            return np.full_like(leverage, n / (n - k))
        room = np.where(leverage > 1 - _FULL, np.inf, 1 - leverage)
        return 1 / room if self.kind == "HC2" else 1 / room**2

    def _sentence(self, n: int, k: int) -> str:
        how = {
            "classical": "Standard error that takes one variance for all rows",
            "HC0": "Heteroskedasticity-robust standard error (HC0)",
            "HC1": "Heteroskedasticity-robust standard error (HC1)",
            "HC2": "Heteroskedasticity-robust standard error (HC2)",
            "HC3": "Heteroskedasticity-robust standard error (HC3)",
        }[self.kind]
        df = {
            "residual": f"t with {n - k:,} degrees of freedom",
            "satterthwaite": "t with the degrees of freedom of Bell and McCaffrey (Satterthwaite)",
            "welch": "t with Welch's degrees of freedom",
        }[self.df]
        return f"{how} over {n:,} rows; {df}"


@dataclass(frozen=True, slots=True, eq=False)
class _Parts:
    """Rows laid flat: design (n, r), regressors (n, k), residuals, weights, leverage (n,), normal inverse."""

    design: Floats
    regressors: Floats
    residual: Floats
    weight: Floats
    leverage: Floats
    inverse: Floats

    @classmethod
    def of(cls, fit: Regression, rows: Rows) -> _Parts:
        if rows.design is None or rows.unit_effects:
            raise OptionError(
                "errors that are independent from row to row do not fit a regression with unit effects",
                where="Heteroskedastic",
                remedy="Periods of a unit go together: use ClusterRobust().",
            )
        seen = rows.observed
        design = rows.design[seen]
        weight = np.broadcast_to(rows.weight[:, None], seen.shape)[seen]
        inverse = normal_inverse(design.T @ (design * weight[:, None]), rcond=1e-13)
        leverage = weight * np.einsum("nk,kl,nl->n", design, inverse, design, optimize=True)
        X = np.moveaxis(rows.X, 0, -1)[seen]
        return cls(design, X, rows.residual[seen], weight, leverage, inverse)

    def load(self, lean: Floats) -> Floats:
        """(m, n) what each residual is multiplied by in m combinations."""
        return np.asarray(lean @ (self.regressors * self.weight[:, None]).T)

    def satterthwaite(self, load: Floats) -> Floats:
        """(m,) degrees of freedom of the HC2 variance under independent errors of one variance."""
        D, w = self.design, self.weight[:, None]
        r = D.shape[1]
        y = np.hstack([D, D * w])
        spread = self.inverse @ (D.T @ (D * w**2)) @ self.inverse
        K = np.block([[spread, -self.inverse], [-self.inverse, np.zeros((r, r))]])
        own = 1 + np.einsum("ns,st,nt->n", y, K, y, optimize=True)
        out = np.empty(len(load))
        # the scale of a row cancels, and its fourth power must neither overflow nor vanish
        largest = np.abs(load).max(axis=1, keepdims=True)
        for m, row in enumerate(load / np.where(largest > 0, largest, 1.0)):
            s = np.where(self.leverage > 1 - _FULL, 0.0, row**2 / (1 - np.minimum(self.leverage, 1 - _FULL)))
            mixed = K @ ((y * s[:, None]).T @ y)
            square = (s**2 * (2 * own - 1)).sum() + np.einsum("st,ts->", mixed, mixed)
            out[m] = (s @ own) ** 2 / square
        return out

    def welch(self, load: Floats) -> Floats:
        """(m,) Welch's degrees of freedom, from the variance of each group of equal design rows."""
        _, group, size = np.unique(self.design, axis=0, return_inverse=True, return_counts=True)
        if len(size) != self.design.shape[1] or np.ptp(self.weight) > 0:
            raise DesignError(
                "Welch's degrees of freedom are for a difference in means of equally weighted rows",
                where="Heteroskedastic",
                remedy="Use df='satterthwaite' with covariates or weights.",
            )
        group = group.ravel()
        room = np.maximum(size - 1, 1)
        each = np.stack([np.bincount(group, row**2 * self.residual**2) * size / room for row in load])
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(each.sum(axis=1) ** 2 / (each**2 / room).sum(axis=1))
