"""The obvious way to weights on a simplex, to hold the fast one against: every support in turn."""

from __future__ import annotations

from itertools import combinations

import numpy as np


def by_enumeration(gram, linear, allowed=None):
    """(weights, objective): the best stationary point over all supports; for a handful of donors only."""
    free = np.arange(len(linear)) if allowed is None else np.flatnonzero(allowed)
    best, best_value = None, np.inf
    for size in range(1, len(free) + 1):
        for chosen in combinations(free.tolist(), size):
            support = list(chosen)
            system = np.zeros((size + 1, size + 1))
            system[:size, :size] = gram[np.ix_(support, support)]
            system[size, :size] = system[:size, size] = 1.0
            found = np.linalg.lstsq(system, np.append(linear[support], 1.0), rcond=None)[0][:size]
            if (found < -1e-12).any() or abs(found.sum() - 1) > 1e-9:
                continue
            weights = np.zeros(len(linear))
            weights[support] = np.maximum(found, 0)
            value = 0.5 * weights @ gram @ weights - linear @ weights
            if value < best_value:
                best, best_value = weights, value
    return best, best_value
