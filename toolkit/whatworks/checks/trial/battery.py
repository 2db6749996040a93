"""The checks that every trial owes, in the order a reader wants them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Final, Literal

import pandas as pd

from whatworks.checks import readings, refits
from whatworks.checks.leave_one_out import MAX_REFITS, judge
from whatworks.checks.movement import measure
from whatworks.checks.trial.design import allocation_record, balance_before, enough_assigned
from whatworks.checks.trial.losses import STRANGE, attrition, take_up
from whatworks.rct.assign.allocation import Allocation
from whatworks.rct.over_time.crossover import CARRY_OVER
from whatworks.rct.over_time.stepped_wedge import AVERAGE, CONSTANT
from whatworks.results import CheckResult, NotAvailable, Result
from whatworks.trial import Trial

Estimator = Callable[[Trial], Result]
"""Trial in, `Result` out: a partial application of an analysis."""

Level = Literal["unit", "cluster", "block"]
CARRIED: Final = "Carry-over"
GROWING: Final = "Effect over exposure"


def run_trial(
    trial: Trial, estimate: Estimator, *, allocation: Allocation | None = None
) -> tuple[CheckResult, ...]:
    """Run every check that this trial permits; one that does not apply says why.

    Args:
        trial: the trial of the study, with those lost to follow-up.
        estimate: the study's own analysis, trial in, `Result` out, such as a partial application of
            `rct.itt`. Leave its own `allocation` out of refits that drop units: the list would not match.
        allocation: the record.

    Returns:
        Before the outcome (record, balance, how much was assigned), on the way (attrition, take-up), who
        carries the answer (leave one unit, cluster or block out), and over time what a crossover or stepped
        wedge owes (carry-over, an effect that grows with exposure).

    Raises:
        WhatworksError: the analysis has no result on this trial.
    """
    return tuple(_each(trial, estimate, allocation))


def _each(trial: Trial, estimate: Estimator, allocation: Allocation | None) -> Iterator[CheckResult]:
    result = estimate(trial)
    yield allocation_record(trial, allocation)
    yield balance_before(trial, allocation)
    yield enough_assigned(trial)
    yield attrition(trial, result, allocation)
    yield take_up(trial)
    again = refits.thrifty(_without_record(estimate), trial)
    yield without_one(trial, again, by="unit", whole=result)
    if trial.cluster is not None:
        yield without_one(trial, again, by="cluster", whole=result)
    if trial.block is not None:
        yield without_one(trial, again, by="block", whole=result)
    if result.method == "rct.crossover":
        yield carry_over(result)
    if result.method == "rct.stepped_wedge":
        yield over_exposure(result)


def _without_record(estimate: Estimator) -> Estimator:
    """The same analysis without its record, from which a left-out unit would be missing."""
    if isinstance(estimate, functools.partial) and "allocation" in estimate.keywords:
        return functools.partial(estimate, allocation=None)
    return estimate


def without_one(
    trial: Trial, estimate: Estimator, *, by: Level = "unit", whole: Result | None = None
) -> CheckResult:
    """Analyse again without each unit, cluster or block in turn; verdicts as `checks.leave_one_out`."""
    name = f"Leave one {by} out"
    codes, labels = {
        "unit": (trial.unit, trial.units),
        "cluster": (trial.cluster, trial.cluster_labels),
        "block": (trial.block, trial.block_labels),
    }[by]
    if codes is None:
        return CheckResult(name, "not_applicable", f"The trial names no {by}s.")
    if len(labels) > MAX_REFITS:
        reason = f"There are {len(labels):,} {by}s; no single one carries the answer."
        return CheckResult(name, "not_applicable", reason)
    found = estimate(trial) if whole is None else whole
    again = refits.thrifty(estimate, trial)
    rows = [
        refits.row(
            {"left out": f"{by} {label}" if label.isdigit() else label},
            again,
            functools.partial(trial.select, codes != code),
        )
        for code, label in enumerate(labels)
    ]
    table = pd.DataFrame(rows)
    moved = measure(found.headline, table)
    if isinstance(moved, NotAvailable):
        return CheckResult(name, "not_applicable", f"{moved.reason[:1].upper()}{moved.reason[1:]}.", table)
    return judge(name, by, moved)


def carry_over(result: Result) -> CheckResult:
    """Ask whether a period still shows what the period before brought, in a result of `rct.crossover`.

    Returns:
        `concern` where the effect of the period before has p below 0.01; `not_applicable` without it.
    """
    rows = result.effects[result.effects["term"] == CARRY_OVER].reset_index(drop=True)
    if rows.empty or rows["p_value"].isna().any():
        return CheckResult(CARRIED, "not_applicable", "The analysis has no test of the period before.", rows)
    one = rows.iloc[0]
    reason = (
        f"The treatment of the period before is worth {one['estimate']:.3g} "
        f"({one['low']:.3g} to {one['high']:.3g}, p = {one['p_value']:.2g})."
    )
    if one["p_value"] < STRANGE:
        reason += " Take a longer wash-out, or the analysis with carry-over in the model."
        return CheckResult(CARRIED, "concern", reason, rows, "the period before left no trace")
    return CheckResult(CARRIED, "pass", reason, rows, f"its p-value fell below {STRANGE:g}")


def over_exposure(result: Result) -> CheckResult:
    """Ask whether one constant effect would say the same as the average over exposure times.

    Returns:
        `concern` where the other headline lies outside the interval of the study's own; else `pass`, with the
        effect by exposure time as its table.
    """
    rows = result.effects[result.effects["term"].isin((AVERAGE, CONSTANT))]
    if rows.empty or not readings.has_interval(result.headline):
        return CheckResult(GROWING, "not_applicable", "There is no other headline or no interval to hold.")
    other = float(rows.iloc[-1]["estimate"])
    low, high = result.headline.low, result.headline.high
    reason = f"The {rows.iloc[-1]['term']} is {other:.3g}, beside an interval of {low:.3g} to {high:.3g}."
    table = result.effects.reset_index(drop=True)
    if isinstance(low, NotAvailable) or isinstance(high, NotAvailable) or low <= other <= high:
        return CheckResult(GROWING, "pass", reason, table, "the two lay apart")
    reason += " The effect changes with exposure, so a single number hides what happens."
    return CheckResult(GROWING, "concern", reason, table, "the effect were the same at every exposure")
