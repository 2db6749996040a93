"""Slow and obvious two-way regressions on one dummy per unit and period, to check the quick ones against."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from whatworks.panel import Panel

Floats = npt.NDArray[np.float64]


def dummies(panel: Panel) -> Floats:
    """(N·T, N + T + P) unit and period dummies and covariates."""
    n, t = panel.outcome.shape
    columns = [np.kron(np.eye(n), np.ones((t, 1))), np.kron(np.ones((n, 1)), np.eye(t))]
    return np.hstack([*columns, *(x.reshape(-1, 1) for x in panel.covariates)])


def cell_weights(panel: Panel) -> Floats:
    """(N·T,) the weight of each cell's unit."""
    weight = np.ones(panel.n_units) if panel.weight is None else panel.weight
    return np.repeat(weight, panel.n_periods)


def least_squares(X: Floats, y: Floats, weight: Floats) -> Floats:
    """Minimum-norm weighted least squares."""
    root = np.sqrt(weight)
    return np.asarray(np.linalg.lstsq(X * root[:, None], y * root, rcond=1e-11)[0])


def summed_squares(values: Floats, panel: Panel) -> float:
    """Root of the sum over clusters of squared sums of (N·T,) values."""
    codes = np.arange(panel.n_units) if panel.cluster is None else panel.cluster
    cell = np.repeat(codes, panel.n_periods)
    return float(np.sqrt(sum(values[cell == c].sum() ** 2 for c in np.unique(codes))))
