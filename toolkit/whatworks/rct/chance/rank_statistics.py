"""Statistics of two arms that are not linear in the outcome, for many assignments at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from whatworks.arrays import Bools, Floats, Ints
from whatworks.errors import EstimationError
from whatworks.rct.chance.effects import Effects, effects
from whatworks.rct.chance.reassign import Redrawn
from whatworks.trial import Trial

Statistic = Callable[[Floats, Bools], Floats]
"""From (R,) outcomes and (B, R) who is treated to (B,) numbers, 0 where the arms are alike."""

_BLOCK: Final = 2**21


def rank_sum(trial: Trial, outcome: Floats, chance: Redrawn) -> Effects:
    """Difference in mean ranks, taken within blocks and over their size plus one (van Elteren's weights).

    Source: Wilcoxon (1945), Biometrics Bulletin 1(6); van Elteren (1960), Bulletin of the ISI 37.
    """
    block = np.zeros(len(outcome), dtype=np.int64) if trial.block is None else trial.block
    ranks = np.empty(len(outcome))
    for code in np.unique(block):
        here = block == code
        ranks[here] = midranks(outcome[here]) / (here.sum() + 1)
    theta = effects(trial, ranks[None], "none", chance.place, len(chance.actual))
    return lambda drawn: theta(chance.arms(drawn))


def midranks(values: Floats) -> Floats:
    """(n,) ranks from 1, equal values sharing the mean of theirs."""
    # effects taken out and put back leave equal values equal but for rounding
    kinds, code, count = np.unique(_rounded(values), return_inverse=True, return_counts=True)
    del kinds
    ends = np.cumsum(count)
    return np.asarray((ends - (count - 1) / 2)[code])


def median_difference(trial: Trial) -> Statistic:
    """Difference in medians, of outcomes less the median of their block where there are blocks."""
    block = trial.block

    def statistic(outcome: Floats, treated: Bools) -> Floats:
        values = outcome
        if block is not None:
            values = (
                outcome - np.array([np.median(outcome[block == b]) for b in range(block.max() + 1)])[block]
            )
        order = np.argsort(values, kind="stable")
        values, treated = values[order], treated[:, order]
        return _middle(values, treated) - _middle(values, ~treated)

    return statistic


def by_rows(statistic: Statistic, outcome: Floats, treated: Callable[[Ints], Bools], where: str) -> Effects:
    """A statistic of rows as a function of assignments; so many at once as memory likes.

    Raises:
        EstimationError: a statistic that does not give one number for each row of who is treated.
    """
    step = max(1, _BLOCK // len(outcome))

    def values(assignments: Ints) -> Floats:
        parts = []
        for low in range(0, len(assignments), step):
            sides = treated(assignments[low : low + step])
            part = np.asarray(statistic(outcome, sides), dtype=np.float64)
            if part.shape != (len(sides),):
                raise EstimationError(
                    f"the statistic gave shape {part.shape} for {len(sides)} assignments",
                    where=where,
                    remedy="It takes outcomes (R,) and who is treated (B, R), and gives B numbers.",
                )
            parts.append(part)
        return np.concatenate(parts)

    return values


def _middle(values: Floats, chosen: Bools) -> Floats:
    """(B,) medians of the chosen (B, R) among sorted values (R,); NaN where none is chosen."""
    running = np.cumsum(chosen, axis=1)
    count = running[:, -1:]
    ends = [
        np.argmax(running >= np.maximum(place, 1), axis=1) for place in ((count + 1) // 2, count // 2 + 1)
    ]
    ends[1] = np.where(count[:, 0] % 2 == 1, ends[0], ends[1])
    return np.where(count[:, 0] > 0, (values[ends[0]] + values[ends[1]]) / 2, np.nan)


def _rounded(values: Floats) -> Floats:
    size = float(np.abs(values).max(initial=0.0))
    if size == 0:
        return values
    digits = int(11 - np.floor(np.log10(size)))
    return np.asarray(np.round(values, digits))
