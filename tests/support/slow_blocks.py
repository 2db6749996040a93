"""The obvious way to weights on several simplices: a general solver from several starting points."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize


def pooled_objective(paths, targets, weights, share, nu, before):
    """ν·pooled²/pooled₀² + (1 − ν)·separate²/separate₀², written out unit by unit.

    paths[j] is (n, L) and targets[j] is (L,).
    """
    gaps = [target - weight @ path for path, target, weight in zip(paths, targets, weights, strict=True)]
    mean = sum(part * gap for part, gap in zip(share, gaps, strict=True))
    separate = sum(part * np.mean(gap**2) for part, gap in zip(share, gaps, strict=True))
    return nu * np.mean(mean**2) / before[0] ** 2 + (1 - nu) * separate / before[1] ** 2


def by_general_solver(gram, starts, allowed=None):
    """(objective, weights) of the least ½w'Gw over blocks on the simplex; gram is (J, n, J, n)."""
    slots, size = gram.shape[:2]
    free = np.ones(slots * size, dtype=bool) if allowed is None else allowed.ravel()
    flat = gram.reshape(slots * size, slots * size)
    sums = [{"type": "eq", "fun": lambda w, j=j: w.reshape(slots, size)[j].sum() - 1.0} for j in range(slots)]
    best, found = np.inf, None
    for start in starts:
        answer = minimize(
            lambda w: 0.5 * w @ flat @ w,
            start.ravel(),
            jac=lambda w: flat @ w,
            method="SLSQP",
            bounds=[(0, 1 if one else 0) for one in free],
            constraints=sums,
            options={"ftol": 1e-14, "maxiter": 500},
        )
        weights = np.maximum(answer.x.reshape(slots, size), 0)
        weights /= weights.sum(axis=1, keepdims=True)
        value = 0.5 * weights.ravel() @ flat @ weights.ravel()
        if value < best:
            best, found = value, weights
    return best, found
