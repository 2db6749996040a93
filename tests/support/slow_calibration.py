"""The obvious way to calibration weights, to hold the fast one against: a general programme, slowly."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize


def independent(rows, right):
    """The same equations without those that follow from others, which SLSQP cannot bear."""
    left, singular, turned = np.linalg.svd(rows, full_matrices=False)
    kept = singular > 1e-9 * singular[0]
    return turned[kept], (left.T @ right)[kept] / singular[kept]


def nearest_to_equal(features, target):
    """Weights by SLSQP for targets that can be met."""
    n = len(features)
    rows, right = independent(np.vstack([np.ones(n), features.T]), np.append(1.0, target))
    return solved(
        lambda w: 0.5 * n * ((w - 1 / n) ** 2).sum(),
        lambda w: n * (w - 1 / n),
        rows,
        right,
        np.full(n, 1 / n),
    ).x


def least_violation(features, target, held=None, goal=None):
    """Smallest sum of squared misses, with the columns `held` kept at `goal`; infinite where it fails."""
    n, best = len(features), np.inf
    rows = np.ones((1, n)) if held is None else np.vstack([np.ones(n), held.T])
    rows, right = independent(rows, np.append(1.0, [] if goal is None else goal))
    for seed in range(3):
        found = solved(
            lambda w: ((target - w @ features) ** 2).sum(),
            lambda w: -2 * features @ (target - w @ features),
            rows,
            right,
            np.random.default_rng(seed).dirichlet(np.ones(n)),
        )
        if np.abs(rows @ found.x - right).max() < 1e-9:
            best = min(best, found.fun)
    return best


def solved(value, slope, rows, right, start):
    """SLSQP over non-negative weights with linear equations."""
    return minimize(
        value,
        start,
        jac=slope,
        bounds=[(0, None)] * len(start),
        constraints={"type": "eq", "fun": lambda w: rows @ w - right, "jac": lambda w: rows},
        method="SLSQP",
        options={"maxiter": 2000, "ftol": 1e-16},
    )
