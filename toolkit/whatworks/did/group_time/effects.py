"""Group-time effects of a staggered design, with everything an aggregation builds on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from whatworks.arrays import Bools, Floats, Ints
from whatworks.did.group_time.cells import Cells
from whatworks.did.group_time.nuisance import Adjust, Failure, Influences, contrast
from whatworks.inference.fits.rows import by_cluster
from whatworks.panel import Panel

BASE_PERIOD = "the base period, 0 by construction"


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Influence of some units on some cells; every other unit has none.

    Attributes:
        rank: (u,) places of the units in `Influence.order`, ascending.
        cells: (m,) positions of the cells.
        values: (u, m) contributions; their squares sum to the variance of the cell.
    """

    rank: Ints
    cells: Ints
    values: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Influence:
    """(N, C) influence contributions of N units on C cells, kept in blocks.

    `order` (N,) lists the units by start, so that neighbours have the same cells.
    """

    order: Ints
    n_cells: int
    blocks: tuple[Block, ...]

    def combine(self, combination: Floats) -> Floats:
        """(N, k) contributions to k weighted sums of cells; `combination` is (k, C)."""
        out = np.zeros((len(self.order), len(combination)))
        for block in self.blocks:
            used = combination[:, block.cells]
            if used.any():
                out[self.order[block.rank]] += block.values @ used.T
        return out

    def rows(self, low: int, high: int) -> Floats:
        """(high − low, C) contributions of the units `order[low:high]`."""
        out = np.zeros((high - low, self.n_cells))
        for block in self.blocks:
            part = slice(*np.searchsorted(block.rank, (low, high)))
            if part.start < part.stop:
                out[np.ix_(block.rank[part] - low, block.cells)] = block.values[part]
        return out

    def by_cluster(self, cluster: Ints, n_clusters: int) -> Floats:
        """(G, C) sums within clusters."""
        out = np.zeros((n_clusters, self.n_cells))
        for block in self.blocks:
            out[:, block.cells] += by_cluster(block.values, cluster[self.order[block.rank]], n_clusters)
        return out

    def norms(self) -> Floats:
        """(C,) root of the sum of squares of each cell."""
        out = np.zeros(self.n_cells)
        for block in self.blocks:
            out[block.cells] = np.sqrt(np.einsum("uc,uc->c", block.values, block.values))
        return out


@dataclass(frozen=True, slots=True, eq=False)
class GroupTime:
    """The group-time effects of one panel: what `aggregate` needs.

    Attributes:
        panel: what was estimated on.
        cells: layout of the C cells.
        adjust: how covariates entered.
        att: (C,) effects; NaN where `reason` says why.
        reason: C sentences, empty where there is an effect.
        influence: contributions of each unit to each cell.
        cohorts: (K,) cohorts that have a cell, ascending.
        cohort_of_unit: (N,) position in `cohorts`, −1 for the others.
        cohort_weight: (K,) summed unit weights.
        weight: (N,) unit weights.
        observed: (C,) weighted mean outcome of the cohort in the cell's period.
        treated, compared: (C,) units in the cohort and in its comparison.
        treated_pieces, compared_pieces: (C,) the same in clusters (units where no cluster is named).
    """

    panel: Panel
    cells: Cells
    adjust: Adjust
    att: Floats
    reason: tuple[str, ...]
    influence: Influence
    cohorts: Ints
    cohort_of_unit: Ints
    cohort_weight: Floats
    weight: Floats
    observed: Floats
    treated: Ints
    compared: Ints
    treated_pieces: Ints
    compared_pieces: Ints

    @property
    def piece(self) -> str:
        """What counts as independent: `cluster`, or `unit` where no cluster is named."""
        return "unit" if self.panel.cluster is None else "cluster"

    @property
    def post(self) -> Bools:
        """(C,) cells at or after the start."""
        return self.cells.post(self.panel)

    @property
    def event_time(self) -> Ints:
        """(C,) period − cohort."""
        return self.cells.event_time(self.panel)

    @property
    def period(self) -> Ints:
        """(C,) period numbers."""
        return self.panel.periods[self.cells.period]

    @property
    def share(self) -> Floats:
        """(C,) summed weight of the cell's cohort."""
        return self.cohort_weight[np.searchsorted(self.cohorts, self.cells.cohort)]

    @property
    def influence_values(self) -> Floats:
        """(N, C) influence function in the scale of R's did: contributions times the number of units."""
        values = np.empty((self.panel.n_units, len(self.att)))
        values[self.influence.order] = self.influence.rows(0, len(values)) * len(values)
        return values


def estimate(panel: Panel, cells: Cells, adjust: Adjust) -> GroupTime:
    """All group-time effects of a complete panel; cells with the same comparison share nuisance models."""
    n_cells = len(cells.cohort)
    weight = panel.unit_weight
    att, counts = np.zeros(n_cells), np.zeros((4, n_cells), dtype=np.int64)
    reason = np.where(cells.reference, BASE_PERIOD, "").astype(object)
    blocks = []
    order = np.argsort(panel.start, kind="stable")
    for batch in _batches(panel, cells, adjust, order):
        counts[:, batch.cells] = _counts(panel, batch)[:, None]
        live = batch.cells[~cells.reference[batch.cells]]
        if not live.size:
            continue
        found = _compare(panel, cells, batch, live, weight, adjust)
        if isinstance(found, Failure):
            att[live], reason[live] = np.nan, found.reason
            continue
        att[live] = found.att
        blocks.append(Block(batch.rank, live, found.influence))
    cohorts = cells.cohorts
    position = np.searchsorted(cohorts, panel.start)
    member = cohorts[np.minimum(position, len(cohorts) - 1)] == panel.start
    cohort_of_unit = np.where(member, position, -1)
    cohort_weight = np.zeros(len(cohorts))
    np.add.at(cohort_weight, cohort_of_unit[member], weight[member])
    total = np.zeros((len(cohorts), panel.n_periods))
    np.add.at(total, cohort_of_unit[member], weight[member, None] * panel.outcome[member])
    means = total / cohort_weight[:, None]
    observed = means[np.searchsorted(cohorts, cells.cohort), cells.period]
    return GroupTime(
        panel, cells, adjust, att, tuple(reason), Influence(order, n_cells, tuple(blocks)), cohorts,
        cohort_of_unit, cohort_weight, weight, observed, *counts,
    )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class _Batch:
    """Cells of one cohort with one comparison group and one period of covariates."""

    rank: Ints
    units: Ints
    treated: Bools
    cells: Ints
    covariate_period: int


def _batches(panel: Panel, cells: Cells, adjust: Adjust, order: Ints) -> Iterator[_Batch]:
    fixed = adjust == "none" or _constant(panel)
    # the earlier of base and period, as R's did takes it
    earlier = np.zeros_like(cells.period) if fixed else np.minimum(cells.period, cells.base)
    group = np.searchsorted(cells.starts, cells.later_than, side="right")
    keys = np.column_stack([cells.cohort, group, earlier])
    distinct, code = np.unique(keys, axis=0, return_inverse=True)
    ordered = panel.start[order]
    for number, (g, first, period) in enumerate(distinct):
        rank = np.flatnonzero((ordered == g) | (ordered >= cells.starts[first]))
        units = order[rank]
        yield _Batch(rank, units, ordered[rank] == g, np.flatnonzero(code.ravel() == number), int(period))


def _constant(panel: Panel) -> bool:
    return bool((panel.covariates == panel.covariates[:, :, :1]).all())


def _counts(panel: Panel, batch: _Batch) -> Ints:
    own, others = batch.units[batch.treated], batch.units[~batch.treated]
    if panel.cluster is None:
        return np.array([own.size, others.size, own.size, others.size])
    pieces = [np.unique(panel.cluster[side]).size for side in (own, others)]
    return np.array([own.size, others.size, *pieces])


def _compare(
    panel: Panel, cells: Cells, batch: _Batch, live: Ints, weight: Floats, adjust: Adjust
) -> Influences | Failure:
    difference = np.zeros((panel.n_periods, live.size))
    difference[cells.period[live], np.arange(live.size)] = 1
    difference[cells.base[live], np.arange(live.size)] = -1
    change = panel.outcome[batch.units] @ difference
    covariates = panel.covariates[:, batch.units, batch.covariate_period].T
    return contrast(change, batch.treated, weight[batch.units], covariates, adjust)
