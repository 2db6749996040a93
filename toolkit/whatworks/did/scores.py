"""Cluster scores of averages that are linear in the outcome, for the wild cluster bootstrap.

Influence contributions summed within a cluster vanish when a cohort is one cluster. Scores from the residuals
of a two-way model that imposes the null do not, which is why few clusters are handled here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from whatworks.did.group_time import GroupTime
from whatworks.inference.two_way_effects import residuals

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Pieces:
    """J groups of units that share cluster and start; nothing finer matters for a linear estimate.

    Attributes:
        cluster: (J,) cluster codes 0..G−1.
        start: (J,) positions in the cells' `starts`.
        weight: (J,) summed unit weights.
        outcome: (J, T) weighted mean outcome.
        untouched: (J, T) before the start and its anticipation.
    """

    cluster: Ints
    start: Ints
    weight: Floats
    outcome: Floats
    untouched: Bools


def collapse(detail: GroupTime, anticipation: int) -> Pieces:
    """The panel by cluster and start."""
    panel, starts = detail.panel, detail.cells.starts
    cluster = np.arange(panel.n_units) if panel.cluster is None else panel.cluster
    at = np.searchsorted(starts, panel.start)
    keys, code = np.unique(np.column_stack([cluster, at]), axis=0, return_inverse=True)
    code = code.ravel()
    weight = np.zeros(len(keys))
    np.add.at(weight, code, detail.weight)
    total = np.zeros((len(keys), panel.n_periods))
    np.add.at(total, code, detail.weight[:, None] * panel.outcome)
    untouched = panel.periods[None, :] < starts[keys[:, 1]][:, None] - anticipation
    return Pieces(keys[:, 0], keys[:, 1], weight, total / weight[:, None], untouched)


def coefficients(detail: GroupTime, pieces: Pieces, weights: Floats) -> Floats:
    """(J, T) coefficient of each piece's mean outcome in one average of cells, given by `weights` (C,)."""
    cells = detail.cells
    size = np.bincount(pieces.start, pieces.weight, minlength=len(cells.starts))
    out = np.zeros((len(cells.starts), detail.panel.n_periods))
    for c in np.flatnonzero((weights != 0) & ~cells.reference):
        own = cells.starts == cells.cohort[c]
        others = (cells.starts > cells.later_than[c]) & ~own
        side = own / size[own].sum() - others / size[others].sum()
        out[:, cells.period[c]] += weights[c] * side
        out[:, cells.base[c]] -= weights[c] * side
    return out[pieces.start] * pieces.weight[:, None]


def effect_cells(detail: GroupTime, pieces: Pieces, weights: Floats) -> Bools:
    """(J, T) cells whose effect the average is about."""
    cells = detail.cells
    used = np.flatnonzero((weights != 0) & ~cells.reference)
    out = np.zeros((len(cells.starts), detail.panel.n_periods), dtype=bool)
    out[np.searchsorted(cells.starts, cells.cohort[used]), cells.period[used]] = True
    return out[pieces.start]


def cluster_scores(detail: GroupTime, weights: Floats, *, anticipation: int) -> tuple[Floats, Floats]:
    """Scores (G, k) with no effect imposed and their slopes per unit of effect; `weights` is (k, C) averages.

    Each is Σ a·û within clusters: a the coefficients of the average, û the residuals of a two-way fit on the
    cells never touched by treatment and those that the average is about, with the effect there imposed.
    """
    pieces = collapse(detail, anticipation)
    pairs = [outcome_scores(detail, pieces, row, pieces.outcome[:, :, None]) for row in weights]
    return np.concatenate([s for s, _ in pairs], axis=1), np.stack([slope for _, slope in pairs], axis=1)


def outcome_scores(
    detail: GroupTime, pieces: Pieces, weights: Floats, outcomes: Floats
) -> tuple[Floats, Floats]:
    """Scores (G, r) and slopes (G,) of one average of cells, `weights` (C,), for r outcomes (J, T, r)."""
    a = coefficients(detail, pieces, weights)
    effect = effect_cells(detail, pieces, weights)
    used = pieces.untouched | effect | (a != 0)
    stack = np.concatenate([outcomes, effect[:, :, None].astype(np.float64)], axis=2)
    by_piece = np.einsum("jt,jtr->jr", a, residuals(stack, pieces.weight, used))
    out = np.zeros((int(pieces.cluster.max()) + 1, by_piece.shape[1]))
    np.add.at(out, pieces.cluster, by_piece)
    # before the start a comparison unit's base may be an effect cell too, so that a unit of effect moves the
    # average by a little more than one
    return out[:, :-1], out[:, -1] / out[:, -1].sum()
