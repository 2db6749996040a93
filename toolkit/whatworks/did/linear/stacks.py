"""Clean windows around every start, and the regression on their stack, without ever building the stack."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from whatworks.arrays import Bools, Floats, Ints
from whatworks.did.linear.scores import Sample
from whatworks.errors import EstimationError
from whatworks.inference.errors.cluster import Moments, Regression
from whatworks.inference.fits import rounding
from whatworks.inference.fits.rows import Rows, by_cluster
from whatworks.panel import Panel


@dataclass(frozen=True, slots=True, eq=False)
class Stacks:
    """A windows (sub-experiments) with k event times besides the reference −1.

    Attributes:
        starts: (A,) starts with a clean window.
        event_times: (k,) ascending, without −1.
        treated, compared: A arrays of units.
        columns: (A, k) positions of the event times in the panel's periods.
        base: (A,) positions of event time −1.
        share: (A,) weight of each window: its part of all treated weight.
        weight: (N,) unit weights.
        trimmed: starts without a clean window, and why.
    """

    starts: Ints
    event_times: Ints
    treated: tuple[Ints, ...]
    compared: tuple[Ints, ...]
    columns: Ints
    base: Ints
    share: Floats
    weight: Floats
    trimmed: tuple[tuple[int, str], ...]

    def members(self, n_units: int) -> tuple[Bools, Bools]:
        """(N,) units treated in a window, and units compared with in one."""
        masks = np.zeros((2, n_units), dtype=bool)
        for mask, side in zip(masks, (self.treated, self.compared), strict=True):
            for units in side:
                mask[units] = True
        return masks[0], masks[1]

    def changes(self, data: Sample, a: int, units: Ints) -> Floats:
        """(n, k) outcomes less that at event time −1."""
        rows = data.outcome[units]
        return np.asarray(rows[:, self.columns[a]] - rows[:, self.base[a]][:, None])

    def parts(self, units: Ints, a: int) -> Floats:
        """(n,) weight of each unit of one side of a window; they sum to the window's share."""
        return np.asarray(self.share[a] * self.weight[units] / self.weight[units].sum())

    def observed(self, data: Sample) -> Floats:
        """(k,) mean outcome of the treated units."""
        means = [
            self.parts(units, a) @ data.outcome[np.ix_(units, self.columns[a])]
            for a, units in enumerate(self.treated)
        ]
        return np.asarray(np.sum(means, axis=0))


def stack(panel: Panel, first: int, last: int, comparison: str) -> Stacks:
    """The starts whose whole window is seen and has a clean comparison unit."""
    weight = panel.unit_weight
    span = np.arange(first, last + 1)
    seen = set(panel.periods.tolist())
    kept: list[tuple[int, Ints, Ints]] = []
    trimmed: list[tuple[int, str]] = []
    for g in panel.cohorts.tolist():
        clean = panel.start > (g + last if comparison == "not_yet" else panel.periods[-1])
        if not all(g + e in seen for e in span.tolist()):
            trimmed.append((g, "the window leaves the panel"))
        elif not clean.any():
            trimmed.append((g, "no unit stays untreated through the window"))
        else:
            kept.append((g, np.flatnonzero(panel.start == g), np.flatnonzero(clean)))
    starts = np.array([g for g, _, _ in kept], dtype=np.int64)
    times = span[span != -1]
    size = np.array([weight[units].sum() for _, units, _ in kept])
    return Stacks(
        starts=starts,
        event_times=times,
        treated=tuple(units for _, units, _ in kept),
        compared=tuple(units for _, _, units in kept),
        columns=np.searchsorted(panel.periods, starts[:, None] + times[None, :]),
        base=np.searchsorted(panel.periods, starts - 1),
        share=size / size.sum() if kept else size,
        weight=weight,
        trimmed=tuple(trimmed),
    )


def regression(data: Sample, stacks: Stacks) -> Regression:
    """The stacked regression on event times, treated and their interactions, as its k interactions.

    Corrective weights make the treated of each window and its comparison weigh alike; residuals lie around
    the weighted mean of their side and event time over all windows.
    """
    k = len(stacks.event_times)
    spread = np.zeros((len(stacks.weight), k))
    value, squares, rows, totals = np.zeros(k), 0.0, 0, []
    for sign, side in ((1.0, stacks.treated), (-1.0, stacks.compared)):
        parts = [stacks.parts(units, a) for a, units in enumerate(side)]
        changes = [stacks.changes(data, a, units) for a, units in enumerate(side)]
        mean = np.sum([p @ c for p, c in zip(parts, changes, strict=True)], axis=0)
        total = sum(stacks.weight[units].sum() for units in side)
        for units, part, change in zip(side, parts, changes, strict=True):
            left = rounding.settled(change - mean, data.outcome)
            # a unit stands at most once on a side of a window
            spread[units] += sign * part[:, None] * left
            squares += total * float(part @ (left**2).sum(axis=1))
            rows += len(units) * (k + 1)
        value += sign * mean
        totals.append(total)
    bread = (1 / totals[0] + 1 / totals[1]) * (np.eye(k) + 1)
    sums = by_cluster(spread, data.cluster, data.n_clusters)
    return Regression(
        coefficients=value,
        bread=bread,
        scores=sums @ np.linalg.inv(bread),
        residual_norm=float(np.sqrt(squares)),
        n_obs=rows,
        n_nested=0,
        n_crossing=k + 2,
        moments=_no_moments,
        rows=lambda: _rows(data, stacks, bread),
    )


def _rows(data: Sample, stacks: Stacks, bread: Floats) -> Rows:
    """The stack row by row: a line for every unit of every window and side, in calendar periods."""
    k = len(stacks.event_times)
    cells, X, residual, weight = [list[Floats]() for _ in range(4)]
    unit: list[Ints] = []
    for number, (sign, side) in enumerate(((1.0, stacks.treated), (-1.0, stacks.compared))):
        parts = [stacks.parts(units, a) for a, units in enumerate(side)]
        where = [np.append(stacks.columns[a], stacks.base[a]) for a in range(len(side))]
        levels = [data.outcome[np.ix_(units, at)] for units, at in zip(side, where, strict=True)]
        mean = np.sum([p @ y for p, y in zip(parts, levels, strict=True)], axis=0)
        total = sum(stacks.weight[units].sum() for units in side)
        for units, part, at, level in zip(side, parts, where, levels, strict=True):
            shape = (len(units), data.outcome.shape[1])
            own, left, mark = np.zeros((k, *shape)), np.zeros(shape), np.zeros((*shape, 2 * (k + 1)))
            for j in range(k):
                own[j][:, at[j]], own[j][:, at[k]] = sign / total, -sign / total
            left[:, at] = rounding.settled(level - mean, data.outcome)
            mark[:, at, number * (k + 1) + np.arange(k + 1)] = 1.0
            unit.append(units)
            for pile, piece in ((cells, mark), (X, own), (residual, left), (weight, total * part)):
                pile.append(piece)
    design, lines = np.concatenate(cells), np.concatenate(unit)
    codes = lines if data.cluster is None else data.cluster[lines]
    return Rows(
        X=np.tensordot(np.linalg.inv(bread), np.concatenate(X, axis=1), axes=1),
        residual=np.concatenate(residual),
        weight=np.concatenate(weight),
        cluster=np.unique(codes, return_inverse=True)[1].astype(np.int64),
        observed=np.asarray(design.any(axis=2)),
        unit_effects=False,
        design=design,
    )


def coefficients(data: Sample, stacks: Stacks, combos: Floats) -> list[Floats]:
    """(N, T) coefficient of each outcome of the panel in each combination (m, k) of event times."""
    out = []
    for row in combos:
        a = np.zeros_like(data.outcome)
        for sign, side in ((1.0, stacks.treated), (-1.0, stacks.compared)):
            for number, units in enumerate(side):
                part = sign * stacks.parts(units, number)
                a[np.ix_(units, stacks.columns[number])] += part[:, None] * row
                a[units, stacks.base[number]] -= part * row.sum()
        out.append(a)
    return out


def effect_cells(data: Sample, stacks: Stacks, which: Bools) -> Bools:
    """(N, T) cells of treated units at the event times in the mask `which` (k,)."""
    out = np.zeros(data.outcome.shape, dtype=bool)
    for number, units in enumerate(stacks.treated):
        out[np.ix_(units, stacks.columns[number][which])] = True
    return out


def _no_moments() -> Moments:
    raise EstimationError(
        "averages over stacked windows are bootstrapped by their scores, not by refits",
        where="wild cluster bootstrap",
    )
