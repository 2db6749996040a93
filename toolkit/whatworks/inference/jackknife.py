"""The cluster jackknife: refits without each cluster in turn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from whatworks.errors import choose as choose_option
from whatworks.inference.cluster import on_t
from whatworks.inference.leave_out import deviations
from whatworks.inference.regression import Regression, rows_of
from whatworks.inference.uncertainty import Uncertainty

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Jackknife:
    """Standard errors from refits without each cluster (or unit) in turn, t on G − 1 degrees of freedom.

    Attributes:
        centre: squared deviations are taken from the `estimate` (CV3) or from the `mean` of the refits
            (CV3J); their sum is multiplied by (G−1)/G either way.

    Source: MacKinnon, Nielsen & Webb (2023), Journal of Applied Econometrics 38(5).
    """

    centre: Literal["estimate", "mean"] = "estimate"

    def __post_init__(self) -> None:
        choose_option("centre", self.centre, ("estimate", "mean"), where="Jackknife")

    def from_regression(self, fit: Regression, contrasts: Floats, *, level: float = 0.95) -> Uncertainty:
        """Uncertainty of the m combinations `contrasts @ coefficients`; `contrasts` is (m, k)."""
        clusters = fit.n_clusters
        moved = deviations(fit, rows_of(fit, "Jackknife()"), contrasts)
        if self.centre == "mean":
            moved = moved - moved.mean(axis=1, keepdims=True)
        variance = (clusters - 1) / clusters * (moved**2).sum(axis=1)
        name = "CV3" if self.centre == "estimate" else "CV3J"
        sentence = (
            f"Jackknife standard error over {clusters} clusters ({name}, factor {clusters - 1}/{clusters}, "
            f"refits without each in turn); t with {clusters - 1} degrees of freedom"
        )
        df = float(clusters - 1)
        return on_t(fit, contrasts, np.asarray(variance), df=df, level=level, sentence=sentence)
