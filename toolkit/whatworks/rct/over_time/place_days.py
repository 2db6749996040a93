"""Units by periods from the rows of a crossover trial, as assigned, and what the record says about them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from whatworks.arrays import Bools, Floats, Ints
from whatworks.errors import DesignError, TrialError, first_few
from whatworks.rct.assign.allocation import Allocation
from whatworks.rct.assign.washout import washed, whole_number
from whatworks.trial import Trial

WHERE = "rct.crossover"


@dataclass(frozen=True, slots=True, eq=False)
class PlaceDayCells:
    """N units by T periods.

    Attributes:
        labels: N names.
        arm: (N, T) 1 where assigned to treatment, else 0; 0, too, where there is neither row nor record.
        seen: (N, T) cells with an outcome.
        washed: (N, T) cells left out as wash-out.
        next_day: (T,) whether a period follows on the one before; False for the first.
        outcome, exposure, taken: (N, T), 0 (exposure 1) where there is no row; taken may be None.
        cluster: (N,) codes.
        place: (N,) position of each unit in the record, or 0..N−1.
        notes: what a reader must know.
    """

    labels: tuple[str, ...]
    arm: Ints
    seen: Bools
    washed: Bools
    next_day: Bools
    outcome: Floats
    exposure: Floats
    taken: Floats | None
    cluster: Ints
    place: Ints
    notes: tuple[str, ...]

    @property
    def yesterday(self) -> Floats:
        """(N, T) the arm of the period before; 0 where there was none."""
        return np.asarray(before(self.arm) * self.next_day)

    @property
    def first_of_run(self) -> Bools:
        """(N, T) treated cells that follow no treated one, wash-out aside."""
        counted = (self.arm == 1) & ~self.washed
        return np.asarray(counted & ~(before(counted) & self.next_day))


def before(arm: Ints) -> Ints:
    """(..., T) values shifted by one period, 0 in the first."""
    out = np.zeros_like(arm)
    out[..., 1:] = arm[..., :-1]
    return out


def place_days(trial: Trial, allocation: Allocation | None, washout: int | None) -> PlaceDayCells:
    """Lay the rows of a trial out; `washout` None leaves out what the record marks.

    Raises:
        DesignError: no periods, more than two arms, units that never change.
        TrialError: rows that the record does not have or has in another arm.
    """
    _require_crossover(trial)
    if washout is not None:
        whole_number(washout, "washout", 0, where=WHERE)
    number = np.asarray(trial.period)
    axis, column = np.unique(number, return_inverse=True)
    labels, notes = trial.units, []
    row, arm, marked = trial.unit, np.zeros((len(labels), len(axis)), dtype=np.int64), None
    place = np.arange(len(labels))
    if allocation is not None:
        record = _recorded(allocation, trial)
        axis, column = _matched(axis, column, record.shape[1])
        place, words = _places(allocation, trial)
        notes += words
        arm, marked = record[place], _marked(allocation, record.shape)[place]
        _require_same_arms(trial, arm[row, column], allocation)
    arm = arm.copy()
    arm[row, column] = trial.arm
    if marked is None or washout is not None:
        marked = washed(arm, washout or 0)
    cells = {"outcome": np.zeros(arm.shape), "exposure": np.ones(arm.shape), "taken": np.zeros(arm.shape)}
    seen = np.zeros(arm.shape, dtype=bool)
    seen[row, column] = trial.observed
    cells["outcome"][row, column] = np.nan_to_num(trial.outcome)
    for name in ("exposure", "taken"):
        if getattr(trial, name) is not None:
            cells[name][row, column] = getattr(trial, name)
    notes += _gaps(seen)
    return PlaceDayCells(
        labels, arm, seen, marked, np.diff(axis, prepend=axis[0]) == 1, cells["outcome"], cells["exposure"],
        cells["taken"] if trial.taken is not None else None, _clusters(trial), place, tuple(notes),
    )  # fmt: skip


def _require_crossover(trial: Trial) -> None:
    if trial.period is None:
        raise DesignError(
            "the trial has no periods: every unit has one row",
            where=WHERE,
            remedy="Name the period column in Trial.from_frame, or use rct.itt.",
        )
    if len(trial.arms) != 2:
        raise DesignError(
            f"the trial has {len(trial.arms)} arms, and a crossover compares two",
            where=WHERE,
            remedy="Take one treatment at a time: trial.against_control(...).",
        )
    pairs = np.unique(np.stack([trial.unit, trial.arm]), axis=1)
    if pairs.shape[1] == trial.n_units:
        raise DesignError(
            "no unit is ever in both arms, so none is its own control",
            where=WHERE,
            remedy="Sum each unit's outcome over the periods and use rct.itt.",
        )


def _recorded(allocation: Allocation, trial: Trial) -> Ints:
    """(N, T) the recorded arms."""
    table = allocation.table
    if not {"period", "arm", "washout"} <= set(table.columns):
        raise DesignError(
            "the allocation record is not that of a schedule: it has no period, arm and washout",
            where=WHERE,
            remedy="Give the record of rct.randomise with design=Crossover(...) or Rota(...).",
        )
    unknown = sorted(set(table["arm"]) - set(trial.arms))
    if unknown or allocation.record["arms"] != list(trial.arms):
        raise TrialError(
            f"the record has arms {allocation.record['arms']}, the trial {list(trial.arms)}, control first",
            where=WHERE,
            remedy="Call the arms in the table as in the record.",
        )
    units = int(allocation.record["units"])
    return np.asarray(table["arm"] == trial.arms[1], dtype=np.int64).reshape(units, -1)


def _marked(allocation: Allocation, shape: tuple[int, ...]) -> Bools:
    return allocation.table["washout"].to_numpy(dtype=bool).reshape(shape)


def _matched(axis: Ints, column: Ints, periods: int) -> tuple[Ints, Ints]:
    """The record's periods 1..T, and where each row stands among them."""
    if axis[0] >= 1 and axis[-1] <= periods:
        return np.arange(1, periods + 1), axis[column] - 1
    if len(axis) == periods:
        return axis, column
    raise TrialError(
        f"the trial has {len(axis)} periods, {axis[0]} to {axis[-1]}; the record has 1 to {periods}",
        where=WHERE,
        remedy="Number the periods as in the allocation table.",
    )


def _places(allocation: Allocation, trial: Trial) -> tuple[Ints, list[str]]:
    listed = [str(u) for u in allocation.table.iloc[:: allocation.table["period"].nunique(), 0]]
    position = {label: i for i, label in enumerate(listed)}
    joined = [label for label in trial.units if label not in position]
    if joined:
        raise TrialError(
            f"{len(joined)} units are not on the allocation record: {first_few(joined)}",
            where=WHERE,
            remedy="Chance assigned them nothing: leave them out, or give the record of the whole list.",
        )
    left = [label for label in listed if label not in set(trial.units)]
    note = f"{len(left)} units on the allocation record have no row in the trial: {first_few(left)}."
    return np.array([position[label] for label in trial.units], dtype=np.int64), [note] if left else []


def _require_same_arms(trial: Trial, recorded: Ints, allocation: Allocation) -> None:
    differs = np.flatnonzero(recorded != trial.arm)
    if differs.size:
        period = np.asarray(trial.period)
        shown = first_few(f"{trial.units[trial.unit[r]]} in period {period[r]}" for r in differs[:6])
        raise TrialError(
            f"{differs.size:,} of {trial.n_rows:,} rows are in another arm than the record says: {shown}",
            where=WHERE,
            remedy="The arm is what was assigned; what was delivered belongs in the column taken.",
        )


def _clusters(trial: Trial) -> Ints:
    if trial.cluster is None:
        return np.arange(trial.n_units)
    first = np.unique(trial.unit, return_index=True)[1]
    return np.unique(trial.cluster[first], return_inverse=True)[1].astype(np.int64)


def _gaps(seen: Bools) -> list[str]:
    gone = int((~seen).sum())
    if not gone:
        return []
    return [f"{gone:,} of {seen.size:,} cells of unit and period have no outcome and do not enter."]
