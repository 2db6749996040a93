"""The analysed list against the allocation record: who left, who joined, who changed arms."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from whatworks.arrays import Bools, Ints
from whatworks.errors import TrialError, first_few
from whatworks.rct.assign.allocation import Allocation
from whatworks.trial import Trial

WHERE: Final = "the analysed list against the allocation record"


def against_record(trial: Trial, allocation: Allocation) -> tuple[str, ...]:
    """Hold the trial's units, clusters and arms against the record; returns what a reader must know.

    Units that left since the draw are counted by arm; they stay in what chance could have done.

    Raises:
        TrialError: units that were not on the list when arms were drawn, rows outside the recorded schedule,
            units in another arm or cluster than the record has them in, clusters that were drawn as a whole
            and are not named; the message names the first offenders.
    """
    line = lines(trial, allocation)
    _refuse_other_clusters(trial, allocation, line)
    _refuse_other_arms(trial, allocation, line)
    table, name = allocation.table, "start" if "start" in allocation.table else "arm"
    expected = table[name].astype(str).to_numpy(dtype=object)
    compared = np.ones(len(table), bool) if name == "start" else np.isin(expected, trial.arms)
    gone = compared.copy()
    gone[line] = False
    what = "unit and period" if allocation.scheduled else "unit"
    if not gone.any():
        return (
            f"Every {what} on the allocation record is on the analysed list, in the arm that was drawn "
            f"({int(compared.sum()):,} of them; record {allocation.hash[:12]}).",
        )
    by_arm = ", ".join(
        f"{int((gone & (expected == label)).sum()):,} of {int((expected == label).sum()):,} in {label}"
        for label in dict.fromkeys(expected[compared])
    )
    names = first_few(dict.fromkeys(table[allocation.unit].astype(str)[gone]))
    return (
        f"{int(gone.sum()):,} of {int(compared.sum()):,} on the allocation record are not in the analysis "
        f"({by_arm}): {names}. They stay in what chance could have done; that their absence has nothing "
        f"to do with the arm is an assumption (record {allocation.hash[:12]}).",
    )


def lines(trial: Trial, allocation: Allocation) -> Ints:
    """(R,) the line of the record's table on which each row of the trial stands.

    Raises:
        TrialError: units, or units and periods, that the record does not have.
    """
    label = allocation.table[allocation.unit].astype(str).to_numpy(dtype=object)
    position = {name: at for at, name in reversed(list(enumerate(label)))}
    first = np.array([position.get(name, -1) for name in trial.units], dtype=np.int64)
    joined = np.flatnonzero(first < 0)
    if joined.size:
        raise TrialError(
            f"{joined.size:,} units were not on the list when arms were drawn: "
            f"{first_few(trial.units[int(u)] for u in joined)}",
            where=WHERE,
            remedy="Units that joined after randomisation have no place in the comparison: leave their rows "
            "out. If the labels are only spelt otherwise than on the list, mend them.",
        )
    line = first[trial.unit]
    if not allocation.scheduled:
        return line
    return line + _period_places(trial, allocation)


def numbered(trial: Trial) -> Ints:
    """(R,) periods as a record counts them: whole numbers as they are, months and quarters from 1.

    Raises:
        TrialError: a trial without periods.
    """
    if trial.period is None:
        raise TrialError(
            "the record says who was treated when, and the trial names no period",
            where=WHERE,
            remedy="Name the period column: Trial.from_frame(..., period=...).",
        )
    return trial.period if trial.period_kind == "integer" else trial.period - trial.period.min() + 1


def _period_places(trial: Trial, allocation: Allocation) -> Ints:
    number, days = numbered(trial), int(allocation.table["period"].max())
    outside = np.flatnonzero((number < 1) | (number > days))
    if outside.size:
        shown = (f"{trial.units[trial.unit[row]]} in period {number[row]}" for row in outside[:6])
        raise TrialError(
            f"{outside.size:,} rows lie outside the recorded {days} periods: {first_few(shown)}",
            where=WHERE,
            remedy="The record counts periods from 1; give them so, and leave out rows before and after.",
        )
    return number - 1


def _refuse_other_clusters(trial: Trial, allocation: Allocation, line: Ints) -> None:
    if allocation.cluster is None:
        return
    if trial.cluster is None:
        raise TrialError(
            f"whole clusters were drawn (column {allocation.cluster!r} of the record), and the trial names "
            "none",
            where=WHERE,
            remedy=f"Name it: Trial.from_frame(..., cluster={allocation.cluster!r}).",
        )
    recorded = allocation.table[allocation.cluster].astype(str).to_numpy(dtype=object)[line]
    analysed = np.asarray(trial.cluster_labels, dtype=object)[trial.cluster]
    _refuse(
        trial,
        recorded != analysed,
        recorded,
        analysed,
        "cluster",
        "The cluster that was drawn as a whole is the recorded one, wherever the unit is now.",
    )


def _refuse_other_arms(trial: Trial, allocation: Allocation, line: Ints) -> None:
    analysed = np.asarray(trial.arms, dtype=object)[trial.arm]
    if "start" in allocation.table:
        start = allocation.table["start"].astype(np.int64).to_numpy()[line]
        treated = numbered(trial) >= start
        recorded = np.array([f"treated from {s}" for s in start], dtype=object)
        differs = treated != trial.treated
    else:
        recorded = allocation.table["arm"].astype(str).to_numpy(dtype=object)[line]
        differs = recorded != analysed
    _refuse(
        trial,
        differs,
        recorded,
        analysed,
        "arm",
        "A trial compares the arms that were drawn: put the recorded arm into the arm column, and what was "
        "done instead into taken.",
    )


def _refuse(
    trial: Trial,
    differs: Bools,
    recorded: npt.NDArray[np.object_],
    analysed: npt.NDArray[np.object_],
    word: str,
    remedy: str,
) -> None:
    rows = np.flatnonzero(differs)
    if not rows.size:
        return
    shown = dict.fromkeys(
        f"{trial.units[trial.unit[row]]} (recorded {recorded[row]}, analysed {analysed[row]})" for row in rows
    )
    raise TrialError(
        f"{len(np.unique(trial.unit[rows])):,} units have another {word} than the record: {first_few(shown)}",
        where=WHERE,
        remedy=remedy,
    )
