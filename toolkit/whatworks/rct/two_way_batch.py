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
    square = np.einsum("snt,snt->sn", x, x)
    scale = square.sum(axis=1)
    if kept is None or bool(kept.all()):
        # x̃ sums to 0 in every unit, so unit means of the outcome need not be taken off
        sums = np.einsum("snt,snt->sn", x, outcome) - np.einsum("snt,st->sn", x, outcome.mean(axis=1))
    else:
        sums = np.einsum("snt,snt->sn", x, demeaned(outcome, kept))
    estimate = sums.sum(axis=1) / scale
    scores = sums - estimate[:, None] * square
    units = outcome.shape[1]
    return estimate, np.sqrt(units / (units - 1) * (scores**2).sum(axis=1)) / scale
