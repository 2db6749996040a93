"""Cluster scores of averages of group-time effects, for the wild cluster bootstrap.

Influence contributions summed within a cluster vanish when a cohort is one cluster. Scores from the residuals
of a two-way model that imposes the null do not, which is why few clusters are handled here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from whatworks.arrays import Bools, Floats, Ints
from whatworks.did.group_time.effects import GroupTime
from whatworks.did.linear.scores import Sample, fold, null_scores, sample


@dataclass(frozen=True, slots=True, eq=False)
class Aim:
    """What one average is made of, cell by cell of a sample.

    Attributes:
        coefficient: (N, T) of each outcome in it.
        effect: (N, T) cells whose effect it is about.
        shared: (N, T) labels of the cells that start from a base inside their own anticipation, and of
            that base: it may carry an effect, so that a change of zero means the same effect in both.
    """

    coefficient: Floats
    effect: Bools
    shared: Ints


def pieces(detail: GroupTime, anticipation: int) -> Sample:
    """The panel by cluster and start: nothing finer matters for an estimate that is linear in the outcome."""
    panel, starts = detail.panel, detail.cells.starts
    data = sample(panel, anticipation)
    group = np.searchsorted(starts, panel.start)
    return fold(replace(data, covariates=np.empty((0, *data.outcome.shape)), cohorts=starts, group=group))


def aim(detail: GroupTime, data: Sample, weights: Floats) -> Aim:
    """One average of cells, given by `weights` (C,), on the `pieces` of its panel.

    Before its start a cohort has one cell in it, as an event time has.
    """
    cells, starts = detail.cells, detail.cells.starts
    size = np.bincount(data.group, data.weight, minlength=len(starts))
    touched = np.zeros((len(starts), detail.panel.n_periods), dtype=bool)
    touched[data.group] = ~data.untouched
    factor = np.zeros(touched.shape)
    effect = np.zeros(touched.shape, dtype=bool)
    shared = np.zeros(touched.shape, dtype=np.int64)
    for c in np.flatnonzero((weights != 0) & ~cells.reference):
        own = cells.cohort[c] == starts
        others = (starts > cells.later_than[c]) & ~own
        side = own / size[own].sum() - others / size[others].sum()
        period, base = cells.period[c], cells.base[c]
        factor[:, period] += weights[c] * side
        factor[:, base] -= weights[c] * side
        effect[own, period] = True
        if touched[own, base].all():
            shared[own, base] = shared[own, period] = c + 1
    coefficient = factor[data.group] * data.weight[:, None]
    return Aim(coefficient, effect[data.group], shared[data.group])


def cluster_scores(detail: GroupTime, weights: Floats, *, anticipation: int) -> tuple[Floats, Floats]:
    """Scores (G, k) with no effect imposed and their slopes per unit of effect; `weights` is (k, C) averages.

    Each is Σ a·û within clusters: a the coefficients of the average, û the residuals of a two-way fit on the
    cells never touched by treatment and those that the average is about, with the effect there imposed.
    """
    data = pieces(detail, anticipation)
    aims = (aim(detail, data, row) for row in weights)
    pairs = [null_scores(data, one.coefficient, one.effect, one.shared) for one in aims]
    return np.stack([score for score, _ in pairs], axis=1), np.stack([slope for _, slope in pairs], axis=1)
