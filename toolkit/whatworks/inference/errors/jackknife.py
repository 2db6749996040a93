"""The cluster jackknife: refits without each cluster in turn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from whatworks.arrays import Floats
from whatworks.errors import choose as choose_option
from whatworks.inference.errors.cluster import on_t
from whatworks.inference.errors.leave_out import deviations
from whatworks.inference.errors.normal import normal
from whatworks.inference.fits.regression import Regression, rows_of
from whatworks.inference.uncertainty import Uncertainty


@dataclass(frozen=True, slots=True)
class Jackknife:
    """Standard errors from the answers without each cluster (or unit) in turn.

    After a regression these are refits, with t on G − 1 degrees of freedom. After synthetic
    difference-in-differences the weights stay and are renormalised, and the interval is normal.

    Attributes:
        centre: squared deviations are taken from the `estimate` (CV3) or from the `mean` of the answers
            (CV3J); their sum is multiplied by (G−1)/G either way.

    Source: MacKinnon, Nielsen & Webb (2023), Journal of Applied Econometrics 38(5); with weights kept,
    Arkhangelsky, Athey, Hirshberg, Imbens & Wager (2021), AER 111(12), algorithm 3.
    """

    centre: Literal["estimate", "mean"] = "estimate"

    def __post_init__(self) -> None:
        choose_option("centre", self.centre, ("estimate", "mean"), where="Jackknife")

    def from_regression(self, fit: Regression, contrasts: Floats, *, level: float = 0.95) -> Uncertainty:
        """Uncertainty of the m combinations `contrasts @ coefficients`; `contrasts` is (m, k)."""
        clusters = fit.n_clusters
        moved = deviations(fit, rows_of(fit, "Jackknife()"), contrasts)
        variance = self._variance(moved)
        name = "CV3" if self.centre == "estimate" else "CV3J"
        sentence = (
            f"Jackknife standard error over {clusters} clusters ({name}, factor {clusters - 1}/{clusters}, "
            f"refits without each in turn); t with {clusters - 1} degrees of freedom"
        )
        df = float(clusters - 1)
        return on_t(fit, contrasts, np.asarray(variance), df=df, level=level, sentence=sentence)

    def from_left_out(self, value: Floats, without: Floats, *, level: float = 0.95) -> Uncertainty:
        """Uncertainty of k estimates (k,) from the same estimates without each of G units (G, k)."""
        units = len(without)
        about = "the estimate" if self.centre == "estimate" else "their mean"
        return normal(
            value,
            np.sqrt(self._variance((without - value).T)),
            level=level,
            sentence=f"Jackknife standard error over {units} units, each left out in turn, the weights "
            f"kept and renormalised (squares about {about}, factor {units - 1}/{units}); normal interval",
        )

    def _variance(self, moved: Floats) -> Floats:
        """(k,) from deviations (k, G)."""
        if self.centre == "mean":
            moved = moved - moved.mean(axis=1, keepdims=True)
        count = moved.shape[1]
        return np.asarray((count - 1) / count * (moved**2).sum(axis=1))
