"""Trials randomised again: by the recorded rule where there is one, else by the roles of the trial."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from whatworks.answer import counted
from whatworks.arrays import Bools, Floats, Ints
from whatworks.errors import DesignError, OptionError, first_few
from whatworks.inference.chance.chance import arrangements
from whatworks.inference.chance.randomisation import Collected, RandomisationInference, collect
from whatworks.inference.uncertainty import Uncertainty
from whatworks.rct.assign import listed
from whatworks.rct.assign.allocation import Allocation
from whatworks.rct.assign.layout import Layout
from whatworks.rct.assign.rule import Rule
from whatworks.rct.chance.effects import WHERE, effects, in_common
from whatworks.rct.one_row.adjust import Adjust
from whatworks.results import NotAvailable, Number
from whatworks.trial import Trial

UNEVEN: Final = 1.5
"""How many times as large as the other an arm may be before the result speaks of it."""


@dataclass(frozen=True, slots=True, eq=False)
class Redrawn:
    """What chance could have done to a trial.

    Attributes:
        rule: draws (B, G) assignments, in the codes of the record.
        place: (R,) which of their G places decides the arm of each row of the trial.
        actual: (G,) the actual assignment.
        code: (A,) the trial's arm for each arm of the record; the steps of a wedge as they are.
        notes: what holding the list against the record found.
        steps: of a wedge, the period in which each step begins.
    """

    rule: Rule
    place: Ints
    actual: Ints
    code: Ints
    notes: tuple[str, ...] = ()
    steps: tuple[int, ...] = ()

    def arms(self, assignments: Ints) -> Ints:
        """(B, G) arms in the codes of the trial."""
        if np.array_equal(self.code, np.arange(len(self.code))):
            return assignments
        return self.code[assignments]

    def treated(self, trial: Trial, assignments: Ints) -> Bools:
        """(B, R) which rows of the trial are treated under assignments (B, G)."""
        if not self.steps:
            return np.asarray(self.arms(assignments)[:, self.place] != 0)
        return np.asarray(listed.numbered(trial) >= np.array(self.steps)[assignments[:, self.place]])

    def possible(self, inference: RandomisationInference) -> tuple[Number, int | None]:
        """How many assignments chance could have made, and the seed where only some of them are used."""
        seed = None if inference.under(self.rule, self.place).every else inference.seed
        if not self.rule.counted and self.rule.crossover is not None:
            return NotAvailable("how many schedules keep the recorded rules is not known"), seed
        return counted(self.rule.possible, "more allocations than can be written as a number"), seed


def redrawn(trial: Trial, allocation: Allocation | None = None) -> Redrawn:
    """The rule by which a trial's arms could be drawn again.

    With a record it is the recorded rule. Without one the arms are dealt anew to whole clusters (or units)
    within the trial's blocks, as many to each arm as there were.

    Raises:
        TrialError: an analysed list that is not the recorded one (`rct.assign.listed.against_record`).
        RecordError: a record read from JSON, which has no rule before `rct.replay`.
        DesignError: units that change arms, or clusters that lie in several blocks, without a record.
    """
    if allocation is None:
        return _by_roles(trial)
    notes = listed.against_record(trial, allocation)
    rule, line = allocation.require_rule(), listed.lines(trial, allocation)
    labels = [str(label) for label in allocation.record["arms"]]
    column = "start" if "start" in allocation.table else "arm"
    drawn = np.array([labels.index(str(label)) for label in allocation.table[column]], dtype=np.int64)
    if rule.layout is None:
        return Redrawn(rule, line, drawn, _codes(trial, labels), notes)
    cluster = rule.layout.cluster
    actual = drawn[np.unique(cluster, return_index=True)[1]]
    if column == "start":
        starts = tuple(int(label) for label in labels)
        return Redrawn(rule, cluster[line], actual, np.arange(len(labels)), notes, starts)
    code = _codes(trial, labels)
    compared = code[actual] >= 0
    if compared.all():
        return Redrawn(rule, cluster[line], actual, code, notes)
    place = (np.cumsum(compared) - 1)[cluster[line]]
    return Redrawn(rule.among(actual, compared), place, actual[compared], code, notes)


def _codes(trial: Trial, labels: list[str]) -> Ints:
    return np.array([trial.arms.index(x) if x in trial.arms else -1 for x in labels], dtype=np.int64)


def _by_roles(trial: Trial) -> Redrawn:
    code = trial.cluster_codes
    first = np.unique(code, return_index=True)[1]
    labels = trial.cluster_names
    block = np.zeros(trial.n_rows, dtype=np.int64) if trial.block is None else trial.block
    for values, what, remedy in (
        (
            trial.arm,
            "change arms",
            "Give the allocation record: it says what else the schedule could have been.",
        ),
        (block, "lie in several blocks", "Name as block what holds whole clusters, or leave it out."),
    ):
        split = np.unique(code[values != values[first][code]])
        if split.size:
            word = "units" if trial.cluster is None else "clusters"
            raise DesignError(
                f"{split.size:,} {word} {what}: {first_few(labels[c] for c in split)}",
                where=WHERE,
                remedy=remedy,
            )
    arm, block = trial.arm[first], block[first]
    counts = np.zeros((trial.n_blocks, len(trial.arms)), dtype=np.int64)
    np.add.at(counts, (block, arm), 1)
    of_unit = code[np.unique(trial.unit, return_index=True)[1]]
    rule = Rule(Layout(of_unit, block, counts), None, trial.n_units)
    return Redrawn(rule, code, arm, np.arange(len(trial.arms)))


def collected(
    trial: Trial, outcomes: Floats, adjust: Adjust, inference: RandomisationInference, chance: Redrawn
) -> Collected:
    """Effects on m outcomes (m, R) under every assignment, with what they make of a constant effect.

    All outcomes and the effect itself go through the same draws in one pass.

    Raises:
        OptionError: `within`, whose place is the block role, or a trial of more than two arms.
        DesignError, EstimationError: as `RandomisationInference`.
    """
    refuse(trial, inference)
    m, places = len(outcomes), len(chance.actual)
    every = np.vstack([outcomes, trial.treated.astype(np.float64)])
    theta = effects(trial, every, adjust, chance.place, places)
    design = inference.under(chance.rule, np.arange(places))
    values = _summed(trial, every, chance) if adjust == "none" and design.every else None
    if values is None:
        found = collect(design, chance.actual, lambda drawn: theta(chance.arms(drawn)))
        actual, values = found.actual, found.values
    else:
        actual = theta(chance.arms(chance.actual[None]))[0]
    slopes = np.broadcast_to(values[:, m:], (len(values), m))
    return Collected(design, actual[:m], values[:, :m], np.repeat(actual[m:], m), slopes)


def _summed(trial: Trial, outcomes: Floats, chance: Redrawn) -> Floats | None:
    """Block differences (B, m) under every assignment, where they are sums over the blocks of the draw."""
    layout, places = chance.rule.layout, len(chance.actual)
    if layout is None or chance.rule.baseline is not None or in_common(trial, "none"):
        return None
    block = np.full(places, -1, dtype=np.int64)
    block[chance.place] = 0 if trial.block is None else trial.block
    columns = np.vstack([np.ones(trial.n_rows), outcomes])
    sums = np.stack([np.bincount(chance.place, column, places) for column in columns], axis=1)
    return _every_effect(layout, chance.code, sums.astype(np.float64), block)


def _every_effect(layout: Layout, code: Ints, sums: Floats, block: Ints) -> Floats | None:
    """(B, m) mean of block differences, weighted by rows, under every assignment, in the order of `every`.

    Each block gives a short list of differences, one an arrangement of its arms, and all assignments are all
    sums of one of each. None where that is not so: where the analysis has other blocks than the draw, or an
    arrangement leaves a block with one arm only.

    Args:
        layout: what chance may do.
        code: (A,) the arm, 0 or 1, that each code of the layout stands for.
        sums: (G, 1 + m) rows and sums of outcomes of each place.
        block: (G,) block in the analysis of each place, -1 for one without rows.
    """
    used = block >= 0
    pairs = np.unique(np.stack([layout.block[used], block[used]]), axis=1)
    if any(len(np.unique(side)) < pairs.shape[1] for side in pairs):
        return None
    total = np.zeros((1, sums.shape[1] - 1))
    for number, row in enumerate(layout.counts):
        here = sums[layout.block == number]
        one = code[arrangements(row)].astype(np.float64) @ here
        other = here.sum(axis=0) - one
        if (one[:, 0] * other[:, 0] == 0).any():
            return None
        gap = one[:, 1:] / one[:, :1] - other[:, 1:] / other[:, :1]
        part = gap * here[:, 0].sum() / sums[:, 0].sum()
        total = (total[:, None] + part[None]).reshape(-1, total.shape[1])
    return total


def of_itt(
    trial: Trial,
    adjust: Adjust,
    inference: RandomisationInference,
    chance: Redrawn,
    *,
    level: float = 0.95,
) -> Uncertainty:
    """Uncertainty of the effect of `rct.itt` on a trial of two arms without missing outcomes.

    Raises:
        OptionError, DesignError, EstimationError: as `collected`.
    """
    found = collected(trial, trial.outcome[None], adjust, inference, chance)
    return inference.uncertainty(found, level)


def uneven(trial: Trial) -> tuple[str, ...]:
    """What to know where arms are unequal: the plain test is then about no effect on anyone."""
    code = trial.cluster_codes
    arm = trial.arm[np.unique(code, return_index=True)[1]]
    sizes = np.bincount(arm, minlength=2)
    if sizes.max() <= UNEVEN * sizes.min():
        return ()
    return (
        f"The arms hold {sizes[0]:,} and {sizes[1]:,}: the randomisation test is exact for no effect on "
        "anyone, not for an average effect of zero where one arm varies more. With 8 units against 32 a 5% "
        "test rejected that in 26% of simulated trials where the small arm spread three times as far, and in "
        "less than 1% where the large one did; rct.randomisation_test(statistic='studentised') in 6 and 3% "
        "(in 11 and 2% with skewed outcomes).",
    )


def refuse(trial: Trial, inference: RandomisationInference) -> None:
    """Raise `OptionError` for `within`, whose place is the block role, and for more than two arms."""
    if inference.within is not None:
        raise OptionError(
            "within is for panels; a trial has a block role",
            where=WHERE,
            remedy="Name the block in Trial.from_frame(..., block=...), or give the allocation record.",
        )
    if len(trial.arms) != 2:
        raise OptionError(
            f"the trial has {len(trial.arms)} arms, and a test compares two",
            where=WHERE,
            remedy="Take one treatment arm: trial.against_control(arm).",
        )
