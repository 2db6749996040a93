"""Block differences under every assignment there is, added up block by block instead of gone through."""

from __future__ import annotations

import numpy as np

from whatworks.arrays import Floats, Ints
from whatworks.inference.chance.chance import arrangements
from whatworks.rct.assign.layout import Layout


def every_effect(layout: Layout, code: Ints, sums: Floats, block: Ints) -> Floats | None:
    """(B, m) mean of block differences, weighted by rows, under every assignment, in the order of `every`.

    Each block gives a short list of differences, one an arrangement of its arms, and all assignments are all
    sums of one of each. None where that is not so: where the analysis has other blocks than the draw, or an
    arrangement leaves a block with one arm only.

    Args:
        layout: what chance may do.
        code: (A,) the arm, 0 or 1, that each code of the layout stands for.
        sums: (G, 1 + m) rows and sums of outcomes of each place.
        block: (G,) block in the analysis of each place, -1 for one without rows.
    """
    used = block >= 0
    pairs = np.unique(np.stack([layout.block[used], block[used]]), axis=1)
    if any(len(np.unique(side)) < pairs.shape[1] for side in pairs):
        return None
    total = np.zeros((1, sums.shape[1] - 1))
    for number, row in enumerate(layout.counts):
        here = sums[layout.block == number]
        one = code[arrangements(row)].astype(np.float64) @ here
        other = here.sum(axis=0) - one
        if (one[:, 0] * other[:, 0] == 0).any():
            return None
        gap = one[:, 1:] / one[:, :1] - other[:, 1:] / other[:, :1]
        part = gap * here[:, 0].sum() / sums[:, 0].sum()
        total = (total[:, None] + part[None]).reshape(-1, total.shape[1])
    return total
