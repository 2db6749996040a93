"""Extremes of p'δ by going through every face of the simplex: exact, obvious, and only for few donors."""

from __future__ import annotations

from itertools import combinations

import numpy as np


def slow_smallest(donors, weights, least, error, direction):
    """Smallest p'δ with δ'X'Xδ ≤ 2u'Xδ, Σδ = 0, and no weight below its floor.

    On each face with some weights at their floors the problem is a linear objective over an ellipsoid, with
    a closed answer; the smallest admissible answer is the solution. X must have full column rank.
    """
    count = len(weights)
    floor = np.where(weights >= least, 0.0, weights) - weights
    gram, pull = donors.T @ donors, donors.T @ error
    best = 0.0
    for size in range(1, count + 1):
        for free in combinations(range(count), size):
            for moved in on_face(gram, pull, direction, floor, list(free)):
                loss = moved @ gram @ moved - 2 * pull @ moved
                if (moved >= floor - 1e-10).all() and loss <= 1e-9 * max(1.0, abs(pull).max()):
                    best = min(best, float(direction @ moved))
    return best


def on_face(gram, pull, direction, floor, free):
    """Candidates on the face where all but `free` are at their floor."""
    start = floor.copy()
    start[free] = 0.0
    start[free[0]] = -start.sum()
    if len(free) == 1:
        return [start]
    basis = np.zeros((len(floor), len(free) - 1))
    for column, unit in enumerate(free[1:]):
        basis[unit, column], basis[free[0], column] = 1.0, -1.0
    inner = basis.T @ gram @ basis
    middle = np.linalg.solve(inner, basis.T @ (pull - gram @ start))
    lowest = start + basis @ middle
    room = -(lowest @ gram @ lowest - 2 * pull @ lowest)
    along = np.linalg.solve(inner, basis.T @ direction)
    length = float(direction @ basis @ along)
    if room < 0 or length <= 0:
        return []
    return [lowest - basis @ along * np.sqrt(room / length)]
