"""The difference in means over its own error, under many assignments: a test of an average effect too."""

from __future__ import annotations

import numpy as np

from whatworks.arrays import Bools, Floats, Ints
from whatworks.errors import EstimationError
from whatworks.inference.chance.randomisation import NO_ERROR, RandomisationInference
from whatworks.inference.errors.wild_refits import Refits, imposed
from whatworks.inference.uncertainty import Uncertainty
from whatworks.rct.chance.effects import Sums, sums_of
from whatworks.rct.chance.reassign import Redrawn
from whatworks.rct.one_row.default_errors import small_blocks
from whatworks.results import NotAvailable
from whatworks.trial import Trial

NO_END = "however large the effect, the test does not reject it on this side at this level"


def studentised(
    trial: Trial, inference: RandomisationInference, chance: Redrawn, *, level: float
) -> Uncertainty:
    """Uncertainty of block differences weighted by rows, from a test of the difference over its error.

    The error of every draw is that draw's own: within arms of a block between what was assigned as a whole
    (Neyman's, for units one by one), and between the differences of blocks that hold one of an arm. The
    test is exact where the effect is the same for everyone, and with many units right for an average effect
    as well, however much effects and variances differ. With equal arms of single units, or pairs of them, and
    no balance rule, its p-value is that of the plain difference.

    Raises:
        EstimationError: outcomes that do not vary within arms.
        DesignError: as `reassign_effects.effects`.

    Source: Wu & Ding (2021), Journal of the American Statistical Association 116(536); Rosenbaum (2002) for
    the interval.
    """
    sums = sums_of(trial, chance.place, len(chance.actual))
    design = inference.under(chance.rule, np.arange(len(chance.actual)))
    small = small_blocks(trial) & (trial.block is not None)
    D = trial.treated.astype(np.float64)

    def moments(outcome: Floats, drawn: Ints) -> Floats:
        return _moments(sums, np.stack([outcome, D], axis=1), chance.arms(drawn).astype(np.float64), small)

    value = float(moments(trial.outcome, chance.actual[None])[0, 0])
    freed = trial.outcome - value * D
    own = moments(freed, chance.actual[None])[0]
    if not own[2] > 0:
        raise EstimationError(
            "outcomes do not vary within arms, so the difference has no error to be measured in",
            where="studentised randomisation test",
            remedy="Use the plain difference.",
        )
    found = np.concatenate([moments(freed, block) for block in design])
    refits = Refits((found[:, 0], found[:, 1]), (found[:, 2], found[:, 3], found[:, 4]), float(own[2]))
    p_value, ends = imposed(refits, design.share, -value, level)
    ends = np.where(np.isfinite(ends), ends + value, np.nan)
    return Uncertainty(
        value=np.array([value]),
        std_error=np.array([np.nan]),
        low=ends[:1],
        high=ends[1:],
        p_value=np.array([p_value]),
        reason=(NO_ERROR if np.isfinite(ends).all() else f"{NO_ERROR}; {NO_END}",),
        level=level,
        df=NotAvailable("the test refers to the assignments themselves, not to a t distribution"),
        sentence=inference.sentence(design),
    )


def _moments(sums: Sums, values: Floats, treated: Floats, small: Bools) -> Floats:
    """(B, 5) the differences in y and D, and the variances y·y, y·D, D·D of the first less the second."""
    of_place = sums.of(np.hstack([np.ones((len(values), 1)), values]))
    n, y, d = of_place.T
    here = (n > 0).astype(np.float64)
    columns = np.stack([here, n, y, d, y * y, y * d, d * d, y * n, d * n, n * n], axis=1)
    one = sums.by_block(treated, columns)
    sides = (sums.by_block(np.ones((1, len(n))), columns) - one, one)
    both = (sides[0][..., 1] > 0) & (sides[1][..., 1] > 0)
    size = np.where(both, sides[0][..., 1] + sides[1][..., 1], 0.0)
    weight = size / size.sum(axis=1, keepdims=True)
    gap = np.zeros((*weight.shape, 2))
    variance = np.zeros((len(treated), 3))
    for sign, side in ((-1, sides[0]), (1, sides[1])):
        count, rows = side[..., 0], np.maximum(side[..., 1], 1.0)
        mean = side[..., 2:4] / rows[..., None]
        gap += sign * mean
        lone = count / np.maximum(count - 1, 1.0)
        scale = np.where(~small & (count > 1), (weight / rows) ** 2 * lone, 0.0)
        for at, (i, j) in enumerate(((0, 0), (0, 1), (1, 1))):
            left = mean[..., i] * side[..., 7 + j] + mean[..., j] * side[..., 7 + i]
            squares = side[..., 4 + at] - left + mean[..., i] * mean[..., j] * side[..., 9]
            variance[:, at] += (scale * squares).sum(axis=1)
    effect = np.einsum("bk,bkv->bv", weight, gap)
    if small.any():
        variance += _between(gap[:, small], weight[:, small])
    return np.hstack([effect, np.maximum(variance, 0.0) * [1, 0, 1] + variance * [0, 1, 0]])


def _between(gap: Floats, weight: Floats) -> Floats:
    """(B, 3) variances from how the differences (B, K, 2) of small blocks vary, weighted (B, K)."""
    total = np.maximum(weight.sum(axis=1), 1e-300)
    mean = np.einsum("bk,bkv->bv", weight, gap) / total[:, None]
    off = (gap - mean[:, None]) * weight[..., None]
    count = (weight > 0).sum(axis=1)
    factor = (count / np.maximum(count - 1, 1))[:, None]
    return np.asarray(
        factor
        * np.stack([(off[..., i] * off[..., j]).sum(axis=1) for i, j in ((0, 0), (0, 1), (1, 1))], axis=1)
    )
