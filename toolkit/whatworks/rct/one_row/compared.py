"""Which rows of a trial an analysis of one row a unit compares, and what chance could have done with them."""

from __future__ import annotations

from typing import Final

import numpy as np

from whatworks.answer import counted
from whatworks.errors import DesignError, TrialError, first_few
from whatworks.rct.assign.allocation import Allocation
from whatworks.rct.one_row.answer import NO_RECORD
from whatworks.results import Number
from whatworks.trial import Trial

WHERE: Final = "the arms compared"


def admissible(allocation: Allocation | None) -> Number:
    """How many allocations the recorded rule permits, or why that is not known."""
    if allocation is None:
        return NO_RECORD
    return counted(allocation.possible, "more than can be written out")


def require_one_row(trial: Trial, where: str) -> None:
    """Raise `DesignError` for a trial with several rows a unit."""
    if trial.n_rows == trial.n_units:
        return
    raise DesignError(
        f"the trial has {trial.n_rows:,} rows for {trial.n_units:,} units, each seen in several periods",
        where=where,
        remedy="Where units change arms from period to period use rct.crossover; where all cross over, each "
        "at its own date, rct.stepped_wedge; else give one row a unit, such as its total after the start.",
    )


def observed_rows(trial: Trial) -> tuple[Trial, list[str]]:
    """The trial without missing outcomes and without blocks that this leaves with no control or treatment."""
    kept = trial.drop_missing()
    notes = (
        [f"{kept.notes[-1]} rct.attrition_bounds shows what the loss could hide."]
        if kept is not trial
        else []
    )
    counts = np.bincount(kept.arm, minlength=len(trial.arms))
    if (counts == 0).any():
        gone = ", ".join(repr(label) for label, n in zip(trial.arms, counts, strict=True) if not n)
        raise TrialError(
            f"no row with an outcome is left in arm {gone}",
            where=WHERE,
            remedy="There is nothing to compare; see how the outcome was collected in that arm.",
        )
    return kept, notes


def compared_rows(trial: Trial, label: str) -> tuple[Trial, list[str]]:
    """One treatment arm and the control arm, without blocks that hold one of them only."""
    pair = trial.against_control(label)
    if pair.block is None:
        return pair, []
    both = [np.bincount(pair.block[pair.arm == code], minlength=pair.n_blocks) > 0 for code in (0, 1)]
    alone = ~(both[0] & both[1])
    if not alone.any():
        return pair, []
    if alone.all():
        raise DesignError(
            f"no block holds both {trial.arms[0]!r} and {label!r}",
            where=WHERE,
            remedy="Within blocks there is nothing to compare.",
        )
    names = first_few(pair.block_labels[int(code)] for code in np.flatnonzero(alone))
    note = (
        f"{int(alone.sum())} of {pair.n_blocks} blocks hold rows of one arm only and were left out of "
        f"{label!r} against {trial.arms[0]!r}: {names}. The effect is that of the others."
    )
    return pair.select(~alone[pair.block]), [note]
