"""Block difference-in-differences of many outcomes and many assignments at once."""

from __future__ import annotations

import numpy as np

from whatworks.arrays import Bools, Floats


def block_estimates(
    outcome: Floats, treated_sets: Bools, post: Bools, weight: Floats | None = None
) -> Floats:
    """Block difference-in-differences of many outcomes and many assignments at once.

    Args:
        outcome: (..., N, T).
        treated_sets: (B, N), each row a set of treated units that leaves at least one comparison unit.
        post: (T,) periods under treatment.
        weight: (N,) unit weights.

    Returns:
        (..., B): change of the weighted mean of the treated less that of the others, which is the two-way
        fixed-effects coefficient when one date separates before from after.
    """
    change = outcome[..., post].mean(axis=-1) - outcome[..., ~post].mean(axis=-1)
    mass = treated_sets * (np.ones(treated_sets.shape[1]) if weight is None else weight)
    rest = ~treated_sets * (np.ones(treated_sets.shape[1]) if weight is None else weight)
    contrast = mass / mass.sum(axis=1, keepdims=True) - rest / rest.sum(axis=1, keepdims=True)
    return np.asarray(change @ contrast.T)
