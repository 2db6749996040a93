"""Many trials at once through the two-way regression: estimates and errors in arrays."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from whatworks.inference.cell_weights import project_each
from whatworks.inference.two_way_effects import demean_two_way

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


def demeaned(values: Floats, kept: Bools | None = None) -> Floats:
    """Residuals of (S, N, T) arrays on unit and period effects, each by itself over its `kept` cells."""
    if kept is None or bool(kept.all()):
        return demean_two_way(values)
    return project_each(values[:, None], kept.astype(np.float64))[:, 0]


def tests(outcome: Floats, treated: Floats, kept: Bools | None) -> tuple[Floats, Floats]:
    """Estimates (S,) and errors (S,) of S trials, outcome and treated (S, N, T), over their `kept` cells.

    Errors are cluster-robust by unit with the factor N/(N − 1), as `ClusterRobust()` gives them.
    """
    x = demeaned(treated, kept)
    scale = (x**2).sum(axis=(1, 2))
    net = demeaned(outcome, kept)
    estimate = (x * net).sum(axis=(1, 2)) / scale
    scores = (x * (net - estimate[:, None, None] * x)).sum(axis=2)
    units = outcome.shape[1]
    return estimate, np.sqrt(units / (units - 1) * (scores**2).sum(axis=1)) / scale
