"""Optimal pairs: the pairing with the smallest total distance between partners."""

from __future__ import annotations

import numpy as np

from whatworks.arrays import Floats, Ints
from whatworks.errors import DesignError, EstimationError
from whatworks.inference.fits import collinear

WHOLE = 200
"""Up to this many units every couple is considered; beyond, those in which one is near the other."""

NEAREST = 30


def mahalanobis(baseline: Floats) -> Floats:
    """(N, N) distances between units with baseline (K, N), scaled by their covariance.

    Directions in which the units do not differ count for nothing.
    """
    centred = baseline - baseline.mean(axis=1, keepdims=True)
    spread = np.atleast_2d(np.cov(baseline))
    inverse = collinear.normal_inverse(spread, rcond=1e-12)
    gap = centred[:, :, None] - centred[:, None, :]
    squared = np.einsum("kij,kl,lij->ij", gap, inverse, gap)
    return np.asarray(np.sqrt(np.maximum(squared, 0.0)))


def pairs(distance: Floats) -> Ints:
    """(N,) the pair of each unit, 0..N/2-1 in order of the first partner, with the least total distance.

    An integer programme: every unit in exactly one couple. Beyond `WHOLE` units only couples in which one is
    among the other's nearest `NEAREST` are considered (more where those leave somebody alone).

    Raises:
        DesignError: an odd number of units.
        EstimationError: the programme was not solved.

    Source: Greevy, Lu, Silber & Rosenbaum (2004), Biostatistics 5(2).
    """
    count = len(distance)
    if count % 2:
        raise DesignError(
            f"{count} units cannot be paired",
            where="rct.randomise",
            remedy="Leave one unit out, or add one; nobody is dropped for you.",
        )
    width, chosen = count if count <= WHOLE else NEAREST, None
    while chosen is None:
        first, second = _candidates(distance, width)
        chosen = _solve(distance[first, second], first, second, count)
        width = min(2 * width, count)
    pair = np.empty(count, dtype=np.int64)
    order = np.argsort(first[chosen], kind="stable")
    for code, couple in enumerate(chosen[order]):
        pair[first[couple]] = pair[second[couple]] = code
    return pair


def _candidates(distance: Floats, width: int) -> tuple[Ints, Ints]:
    """Couples (i < j) in which one is among the other's nearest `width`."""
    far = distance + np.where(np.eye(len(distance), dtype=bool), np.inf, 0.0)
    near = np.zeros(distance.shape, dtype=bool)
    np.put_along_axis(near, np.argsort(far, axis=1, kind="stable")[:, : width - 1], True, axis=1)
    first, second = np.nonzero(np.triu(near | near.T, 1))
    return first, second


def _solve(cost: Floats, first: Ints, second: Ints, count: int) -> Ints | None:
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import coo_array

    edges = np.arange(len(cost))
    ones = np.ones(2 * len(cost))
    place = coo_array((ones, (np.concatenate([first, second]), np.concatenate([edges, edges]))))
    found = milp(
        cost,
        integrality=np.ones(len(cost), dtype=np.int64),
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(place.tocsr(), 1, 1),
        options={"mip_rel_gap": 0.0},
    )
    if found.status == 2:
        return None
    if not found.success:
        raise EstimationError(
            f"no optimal pairing was found: {found.message}",
            where="rct.randomise",
            remedy="Block on a coarser variable, or pair within strata.",
        )
    return np.flatnonzero(found.x > 0.5)
