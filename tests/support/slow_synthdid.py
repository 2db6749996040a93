"""Synthetic difference-in-differences the obvious way, for one treated unit, with scipy's solver."""

from __future__ import annotations

import numpy as np
from scipy.optimize import nnls


def simplex_weights(rows, target, ridge):
    """Minimise ‖Aw − b‖² + ridge‖w‖² on the simplex: support by non-negative least squares, then exactly."""
    count = rows.shape[1]
    heavy = 1e3 * np.abs(rows).max()
    stacked = np.vstack([rows, np.sqrt(ridge) * np.eye(count), heavy * np.ones(count)])
    support = nnls(stacked, np.concatenate([target, np.zeros(count), [heavy]]), maxiter=100 * count)[0] > 1e-7
    size = int(support.sum())
    inner = np.vstack([rows[:, support], np.sqrt(ridge) * np.eye(size)])
    keep = np.eye(size)[:, 1:] - np.eye(size)[:, :1]
    left = np.append(target, np.zeros(size)) - inner[:, 0]
    weights = np.zeros(count)
    # without squaring, so that the tiny ridge of the time weights is not lost in rounding
    weights[support] = np.eye(size)[0] + keep @ np.linalg.lstsq(inner @ keep, left, rcond=None)[0]
    return weights


def problems(outcome, treated, before, after, treated_units=1):
    """((rows, target, ridge) of the unit weights, the same of the time weights); `treated` is a path."""
    steps = np.diff(outcome[:, before], axis=1)
    noise = steps.std(ddof=1)
    ridge = (treated_units * len(after)) ** 0.25 * noise
    paths = outcome[:, before] - outcome[:, before].mean(axis=1, keepdims=True)
    target = treated[before] - treated[before].mean()
    units = paths.T, target, len(before) * ridge**2
    mean = outcome[:, after].mean(axis=1)
    early = outcome[:, before] - outcome[:, before].mean(axis=0)
    return units, (early, mean - mean.mean(), len(outcome) * (1e-6 * noise) ** 2)


def objective(rows, target, ridge, weights):
    return float(((rows @ weights - target) ** 2).sum() + ridge * (weights**2).sum())


def estimate(outcome, treated, before, after, treated_units=1):
    """(effect, unit weights, time weights) against the controls `outcome` (N0, T)."""
    units, periods = (simplex_weights(*p) for p in problems(outcome, treated, before, after, treated_units))
    gap = treated - units @ outcome
    return gap[after].mean() - periods @ gap[before], units, periods
