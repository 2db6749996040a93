"""What the result of a crossover trial says in words, and the numbers those words rest on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from whatworks.errors import DesignError, OptionError, first_few
from whatworks.rct.assign.allocation import Allocation
from whatworks.rct.over_time.cell_model import CellModel
from whatworks.rct.over_time.place_days import WHERE, PlaceDayCells
from whatworks.trial import Trial

if TYPE_CHECKING:
    from whatworks.rct.over_time.crossover import CrossoverDetail


ADJUSTED = (
    "With carry-over in the model the headline rests on all periods, wash-out included: once that is over, "
    "yesterday's arm is today's and the two could not be told apart."
)


def estimand(trial: Trial, days: PlaceDayCells, counts: bool, adjusted: bool) -> str:
    """What the headline is about."""
    what = "Rate ratio" if counts else "Effect per unit and period"
    net = ", net of the period before" if adjusted else ""
    return f"{what}, {trial.arms[1]!r} against {trial.arms[0]!r}, {len(days.labels)} units (ITT){net}"


def delivered(days: PlaceDayCells) -> tuple[float, float] | None:
    """Shares of treated and of control cells seen in which the treatment was taken; None if not recorded."""
    if days.taken is None:
        return None
    treated, control = (float((days.taken > 0)[days.seen & (days.arm == arm)].mean()) for arm in (1, 0))
    return treated, control


def silent(cells: CellModel) -> list[str]:
    """Notes on units and periods that count nothing; raises `DesignError` where nothing at all is counted."""
    if not cells.counts:
        return []
    counts = cells.outcome * (cells.mass > 0)
    if not counts.any():
        raise DesignError("nothing was counted in any cell", where=WHERE, remedy="Look at the outcome.")
    quiet = [cells.labels[i] for i in np.flatnonzero(counts.sum(axis=1) == 0)]
    empty = int(((counts.sum(axis=0) == 0) & (cells.mass > 0).any(axis=0)).sum())
    notes = []
    if quiet:
        notes.append(
            f"{len(quiet)} of {len(cells.labels)} units count 0 in every period and were left out: whatever "
            f"the effect, they would ({first_few(quiet)})."
        )
    if empty:
        notes.append(f"{empty} periods in which no unit counts anything do not enter.")
    return notes


def require_record(allocation: Allocation | None) -> Allocation:
    """The record; raises `OptionError` without one."""
    if allocation is None:
        raise OptionError(
            "RandomisationInference needs the rule by which chance assigned, and no record was given",
            where=WHERE,
            remedy="Give allocation=, the record of rct.randomise.",
        )
    return allocation


def sentences(detail: CrossoverDetail, trial: Trial) -> list[str]:
    """Notes on cells, take-up, dispersion and one-armed units."""
    days = detail.days
    treated, control = (int((days.seen & (days.arm == arm)).sum()) for arm in (1, 0))
    words = [
        f"{len(days.labels)} units over {days.arm.shape[1]} periods: {treated:,} cells in {trial.arms[1]!r}, "
        f"{control:,} in {trial.arms[0]!r}."
    ]
    out = int((days.washed & days.seen).sum())
    if "net of the period before" in detail.effect.estimand:
        words.append(ADJUSTED)
    elif out:
        words.append(f"{out:,} of them are wash-out and do not enter the headline.")
    used = days.seen & ~days.washed
    alone = [
        label
        for label, own, cells in zip(days.labels, days.arm, used, strict=True)
        if cells.any() and len(np.unique(own[cells])) < 2
    ]
    if alone:
        words.append(
            f"{len(alone)} units are in one arm only and say nothing about the effect; they help to "
            f"learn the period effects ({first_few(alone)})."
        )
    if detail.delivered is not None:
        words.append(
            f"Treatment was delivered in {detail.delivered[0]:.1%} of the cells assigned to it and in "
            f"{detail.delivered[1]:.1%} of the others. The effect is that of assignment; rct.cace gives that "
            "of delivery."
        )
    if detail.dispersion is not None:
        words.append(
            f"Counts vary {detail.dispersion:.3g} times as much as Poisson counts would (Pearson φ); the "
            "inference allows for it."
        )
    words.append(
        "Rows of the table below the first are regressions of their own, with errors by "
        "the model and not by chance; none is adjusted for their number."
    )
    return words
