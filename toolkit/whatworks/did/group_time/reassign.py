"""Randomisation inference of group-time effects: all cells under many assignments at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from whatworks.arrays import Floats, Ints
from whatworks.did.group_time.effects import GroupTime
from whatworks.did.group_time.summary import Averages
from whatworks.inference.chance.randomisation import Theta
from whatworks.inference.fits.rounding import settled_each

Statistic = Callable[[Floats, Floats], Floats]
"""From (B, C) effects and (B, C) summed weights of the cells' cohorts to (B, k) statistics."""

_AT_ONCE = 2**22


def over_assignments(detail: GroupTime, outcome: Floats, statistic: Statistic) -> Theta:
    """From (B, N) starts to (B, k) statistics of the effects on (N, T) outcomes, without covariates.

    Every assignment has the same starts and so the same cells; who is in a cohort, and its weight, change.
    """
    step = max(1, _AT_ONCE // (len(detail.att) + len(detail.cells.starts) * outcome.shape[1]))

    def theta(starts: Ints) -> Floats:
        blocks = (starts[low : low + step] for low in range(0, len(starts), step))
        values = [statistic(*_cells(detail, outcome, block)) for block in blocks]
        return settled_each(np.concatenate(values), outcome)

    return theta


def reweighed(averages: Averages, detail: GroupTime, att: Floats, share: Floats) -> Floats:
    """(B, k) averages of (B, C) effects, cohorts weighing what they weigh in each assignment, `share`."""
    strata = np.zeros(len(detail.att), dtype=np.int64) if averages.strata is None else averages.strata
    out = np.zeros((len(att), len(averages.weights)))
    for stratum in np.unique(strata):
        weights = np.where(strata == stratum, averages.weights, 0.0)
        if not weights.any():
            continue
        ratio = (weights / detail.share).T
        below = share @ ratio
        out += weights.sum(axis=1) * ((share * att) @ ratio) / np.where(below > 0, below, 1.0)
    return out


def _cells(detail: GroupTime, outcome: Floats, starts: Ints) -> tuple[Floats, Floats]:
    """(B, C) effects and summed weights of the cells' cohorts under (B, N) starts."""
    cells, kinds = detail.cells, detail.cells.starts
    mass, total = np.empty((len(kinds), len(starts))), np.empty((len(kinds), len(starts), outcome.shape[1]))
    for s, kind in enumerate(kinds):
        weight = (starts == kind) * detail.weight
        mass[s], total[s] = weight.sum(axis=1), weight @ outcome
    att = np.empty((len(starts), len(detail.att)))
    own = np.searchsorted(kinds, cells.cohort)
    # cells whose comparison is the same cohorts share one contrast
    first = np.searchsorted(kinds, cells.later_than, side="right")
    distinct, code = np.unique(np.column_stack([own, first]), axis=0, return_inverse=True)
    for number, (cohort, earliest) in enumerate(distinct):
        others = (np.arange(len(kinds)) >= earliest) & (np.arange(len(kinds)) != cohort)
        rest = total[others].sum(axis=0) / mass[others].sum(axis=0)[:, None]
        gap = total[cohort] / mass[cohort][:, None] - rest
        here = np.flatnonzero(code.ravel() == number)
        att[:, here] = gap[:, cells.period[here]] - gap[:, cells.base[here]]
    return att, mass[own].T
