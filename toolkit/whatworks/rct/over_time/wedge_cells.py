"""Clusters by periods from the rows of a stepped wedge: means or totals, who crossed when, and the record."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from whatworks import periods
from whatworks.arrays import Floats, Ints
from whatworks.errors import DesignError, TrialError, first_few
from whatworks.rct.assign.allocation import Allocation
from whatworks.trial import Trial

WHERE = "rct.stepped_wedge"


@dataclass(frozen=True, slots=True, eq=False)
class WedgeCells:
    """G clusters by T periods.

    Attributes:
        labels: G names; the units themselves where no cluster was named.
        names: T period labels.
        start: (G,) position of the first treated period; T for a cluster that never crosses.
        rows: (G, T) rows with an outcome.
        total: (G, T) their sum.
        exposure: (G, T) summed exposure of those rows, or their number where no exposure was named.
        within: sum of squares within cells, and its degrees of freedom.
        block: (G,) block codes, or None.
        notes: what a reader must know.
    """

    labels: tuple[str, ...]
    names: tuple[str, ...]
    start: Ints
    rows: Ints
    total: Floats
    exposure: Floats
    within: tuple[float, int]
    block: Ints | None
    notes: tuple[str, ...]

    @property
    def mean(self) -> Floats:
        """(G, T) mean outcomes; 0 where there is no row."""
        return np.asarray(self.total / np.maximum(self.rows, 1))

    @property
    def complete(self) -> bool:
        """Whether every cell has rows."""
        return bool((self.rows > 0).all())

    @property
    def exposed(self) -> Ints:
        """(G, T) periods since the start, 1 in the first; 0 before."""
        return exposure_times(self.start, len(self.names))


def exposure_times(start: Ints, length: int) -> Ints:
    """(..., G, T) periods since the starts (..., G), 1 in the first; 0 before."""
    return np.asarray(np.clip(np.arange(length) - start[..., None] + 1, 0, None))


def wedge_cells(trial: Trial, allocation: Allocation | None) -> WedgeCells:
    """Lay the rows of a trial out by cluster and period.

    Raises:
        DesignError: no periods, more than two arms, a cluster that goes back, nothing that crosses.
        TrialError: both arms in one cell, or a start that is not the record's.
    """
    _require_wedge(trial)
    labels = trial.cluster_names
    code = trial.cluster_codes
    axis, column = _axis(np.asarray(trial.period))
    shape = (len(labels), len(axis))
    arm = _arms(trial, code, column, shape, labels)
    start, notes = _starts(arm, labels)
    if allocation is not None:
        start = _compared(allocation, arm, labels, axis)
    known = trial.observed
    cell = (code * shape[1] + column)[known]
    size = shape[0] * shape[1]
    rows, y = np.bincount(cell, minlength=size), trial.outcome[known]
    total = np.bincount(cell, weights=y, minlength=size).astype(np.float64)
    weight = np.ones(len(y)) if trial.exposure is None else trial.exposure[known]
    exposure = np.bincount(cell, weights=weight, minlength=size)
    squares = float(((y - (total / np.maximum(rows, 1))[cell]) ** 2).sum())
    empty = int((rows == 0).sum())
    notes += [f"{empty} of {size} cells of cluster and period have no row and do not enter."] if empty else []
    return WedgeCells(
        labels=labels,
        names=tuple(periods.label(int(p), trial.period_kind) for p in axis),
        start=start,
        rows=rows.reshape(shape),
        total=total.reshape(shape),
        exposure=np.where(rows > 0, exposure, 1.0).reshape(shape),
        within=(squares, int(np.maximum(rows - 1, 0).sum())),
        block=_blocks(trial, code, len(labels)),
        notes=tuple(notes),
    )


def _axis(period: Ints) -> tuple[Ints, Ints]:
    """Periods at equal steps from the first to the last, also those without a row, and where rows stand."""
    seen = np.unique(period)
    step = int(np.gcd.reduce(np.diff(seen))) if len(seen) > 1 else 1
    axis = np.arange(seen[0], seen[-1] + 1, step)
    return axis, (period - seen[0]) // step


def _require_wedge(trial: Trial) -> None:
    if trial.period is None:
        raise DesignError(
            "the trial has no periods: every unit has one row",
            where=WHERE,
            remedy="Name the period column in Trial.from_frame, or use rct.itt.",
        )
    if len(trial.arms) != 2:
        raise DesignError(
            f"the trial has {len(trial.arms)} arms, and a stepped wedge crosses from one to another",
            where=WHERE,
            remedy="Take one treatment at a time: trial.against_control(...).",
        )


def _arms(trial: Trial, code: Ints, column: Ints, shape: tuple[int, int], labels: tuple[str, ...]) -> Ints:
    """(G, T) arm of a cell, −1 where there is no row."""
    arm = np.full(shape, -1, dtype=np.int64)
    arm[code, column] = trial.arm
    mixed = np.flatnonzero(arm[code, column] != trial.arm)
    if mixed.size:
        cells = first_few(f"{labels[code[r]]} in period {np.asarray(trial.period)[r]}" for r in mixed[:6])
        raise TrialError(
            f"both arms occur in one cluster and period: {cells}",
            where=WHERE,
            remedy="A cluster crosses as a whole. If units cross one by one, leave the cluster role out.",
        )
    return arm


def _starts(arm: Ints, labels: tuple[str, ...]) -> tuple[Ints, list[str]]:
    length = arm.shape[1]
    treated = arm == 1
    start = np.where(treated.any(axis=1), treated.argmax(axis=1), length)
    back = ((arm == 0) & (np.arange(length) > start[:, None])).any(axis=1)
    if back.any():
        raise DesignError(
            f"{int(back.sum())} clusters go back to control: "
            f"{first_few(labels[g] for g in np.flatnonzero(back))}",
            where=WHERE,
            remedy="Where units change to and fro use rct.crossover.",
        )
    if len(np.unique(start)) < 2:
        raise DesignError(
            "all clusters cross in the same period, so time and treatment cannot be told apart",
            where=WHERE,
            remedy="A stepped wedge needs clusters that cross at different dates.",
        )
    before = np.clip(start - 1, 0, None)
    unknown = (start > 0) & (start < length) & (arm[np.arange(len(arm)), before] == -1)
    never = int((start == length).sum())
    notes = [f"{never} of {len(start)} clusters never cross in the time observed."] if never else []
    if unknown.any():
        names = first_few(labels[g] for g in np.flatnonzero(unknown))
        notes.append(
            f"The period before the first treated one is missing for {names}; they count as crossing in the "
            "first treated period seen, unless the record says otherwise."
        )
    return start, notes


def _compared(allocation: Allocation, arm: Ints, labels: tuple[str, ...], axis: Ints) -> Ints:
    """(G,) the recorded starts, once seen to agree with the trial's cells (G, T)."""
    if "start" not in allocation.table.columns:
        raise DesignError(
            "the allocation record is not that of a stepped wedge: it has no column start",
            where=WHERE,
            remedy="Give the record of rct.randomise with design=SteppedWedge(...).",
        )
    recorded = recorded_starts(allocation, labels)
    position = columns_of(recorded, axis)
    due = np.arange(arm.shape[1]) >= position[:, None]
    differs = np.flatnonzero(((arm >= 0) & ((arm == 1) != due)).any(axis=1))
    if differs.size:
        shown = first_few(f"{labels[g]} (recorded {recorded[g]})" for g in differs[:6])
        raise TrialError(
            f"{differs.size} of {len(labels)} clusters cross in another period than the record says: {shown}",
            where=WHERE,
            remedy="The arm is what was assigned for the period, whenever the cluster really crossed. "
            "Periods are numbered from 1, as in the record, or months in a row from the first.",
        )
    return position


def recorded_starts(allocation: Allocation, labels: tuple[str, ...]) -> Ints:
    """(G,) period in which each cluster was to cross; raises `TrialError` for one not on the record."""
    table = allocation.table
    columns = [str(c) for c in table.columns]
    by = columns[1] if columns.index("start") > 1 and columns[1] != "block" else columns[0]
    found = dict(zip(table[by].astype(str), table["start"].astype(int), strict=True))
    joined = [label for label in labels if label not in found]
    if joined or len(found) != len(labels):
        left = [label for label in found if label not in set(labels)]
        raise TrialError(
            f"clusters differ from the record: {len(joined)} are not on it ({first_few(joined) or 'none'}), "
            f"{len(left)} of it have no row ({first_few(left) or 'none'})",
            where=WHERE,
            remedy="Analyse the clusters that were randomised; one that gave no data leaves the order of the "
            "others conditional on it: then leave allocation out and say so.",
        )
    return np.array([found[label] for label in labels], dtype=np.int64)


def columns_of(starts: Ints, axis: Ints) -> Ints:
    """Positions of recorded starts: period numbers where they lie on the axis, else counted from 1."""
    if (starts >= axis[0]).all() and (starts <= axis[-1] + 1).all():
        return np.asarray(np.searchsorted(axis, starts))
    return np.clip(starts - 1, 0, len(axis))


def _blocks(trial: Trial, code: Ints, clusters: int) -> Ints | None:
    if trial.block is None:
        return None
    block = np.zeros(clusters, dtype=np.int64)
    block[code] = trial.block
    return block
