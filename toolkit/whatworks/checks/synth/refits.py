"""Synthetic control asked again, in one batch: without each donor, on less time before, and back in time."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
import pandas as pd

from whatworks.arrays import Bools, Floats
from whatworks.checks.leave_one_out import MAX_REFITS
from whatworks.checks.movement import Movement, measure
from whatworks.checks.placebo_in_time import FRACTIONS, MIN_PERIODS
from whatworks.checks.placebo_in_time import NAME as BACK_IN_TIME
from whatworks.checks.synth import reading
from whatworks.errors import DesignError
from whatworks.inference.synthetic.placebo import Placebo, precision
from whatworks.results import CheckResult, NotAvailable, Result
from whatworks.synth.answer import SynthDetail
from whatworks.synth.problems import Problems, actual, each_as_treated, repeated, without_each

DONORS: Final = "Leave one donor out"
SHORTER: Final = "Shorter time before"

DROPPED: Final = {"quarter": 1 / 4, "half": 1 / 2}
"""Shares of the time before the start that are left out, the earliest first."""

MIN_LEFT: Final = 4
"""With fewer periods than this left before the start, weights are not looked for."""


def leave_one_donor_out(result: Result) -> CheckResult:
    """Find the weights again without each donor in turn, all in one batch.

    Args:
        result: what a method of synthetic control returned.

    Returns:
        `pass` if every estimate keeps half of the effect and stays inside the interval, `concern` if one does
        not, `fail` if one turns the sign of an estimate whose interval excludes no effect, `not_informative`
        where that interval includes no effect and none leaves it; the table is sorted by influence.
        `not_applicable` with two donors, more than 200, or a method whose estimate is no mean gap.

    Source: Abadie, Diamond & Hainmueller (2015), AJPS 59(2), section on robustness.
    """
    detail = reading.read(result)
    if isinstance(detail, NotAvailable):
        return CheckResult(DONORS, "not_applicable", detail.reason)
    pool = detail.pool
    donors = np.flatnonzero(pool.donors)
    if not 2 < len(donors) <= MAX_REFITS:
        reason = f"There are {len(donors)} donors; one of 3 to {MAX_REFITS} can be left out."
        return CheckResult(DONORS, "not_applicable", reason)
    problems = without_each(pool, np.eye(len(pool.donors), dtype=bool)[donors])
    values = reading.again(result, detail, problems)
    if isinstance(values, NotAvailable):
        return CheckResult(DONORS, "not_applicable", values.reason)
    weight = reading.weights(detail)
    held = np.full(len(donors), np.nan) if isinstance(weight, NotAvailable) else weight[donors]
    names = [str(pool.panel.units[i]) for i in donors]
    table = pd.DataFrame({"left out": names, "weight": held, "estimate": values})
    moved = measure(result.headline, table)
    if isinstance(moved, NotAvailable):
        return CheckResult(DONORS, "not_applicable", f"{moved.reason}.", table)
    said = (
        f"Without one donor at a time the estimate is {moved.range}; {moved.top['left out']} moves it most."
    )
    return _judged(DONORS, said, moved, "one donor")


def shorter_pre_period(result: Result) -> CheckResult:
    """Find the weights again without the earliest quarter, and half, of the time before the start.

    Args:
        result: what a method of synthetic control returned.

    Returns:
        As `leave_one_donor_out`; `not_applicable` where half of the time before is fewer than four periods.
    """
    detail = reading.read(result)
    if isinstance(detail, NotAvailable):
        return CheckResult(SHORTER, "not_applicable", detail.reason)
    pool = detail.pool
    before = np.flatnonzero(pool.pre)
    cut = [int(len(before) * share) for share in DROPPED.values()]
    if len(before) - cut[-1] < MIN_LEFT:
        reason = f"There are {len(before)} periods before the start: too few to leave any out."
        return CheckResult(SHORTER, "not_applicable", reason, would_change_if="the data began earlier")
    pre = np.stack([pool.pre & (np.arange(len(pool.pre)) >= before[first]) for first in cut])
    values = reading.again(result, detail, replace(repeated(pool, len(cut)), pre=pre))
    if isinstance(values, NotAvailable):
        return CheckResult(SHORTER, "not_applicable", values.reason)
    labels = pool.panel.period_labels
    table = pd.DataFrame(
        {
            "left out": [f"the first {name}" for name in DROPPED],
            "matched from": [labels[before[first]] for first in cut],
            "periods": pre.sum(axis=1),
            "estimate": values,
        }
    )
    moved = measure(result.headline, table)
    if isinstance(moved, NotAvailable):
        return CheckResult(SHORTER, "not_applicable", f"{moved.reason}.", table)
    told = [f"{row['estimate']:.3g} without {row['left out']}" for _, row in table.iterrows()]
    said = f"Matched on less time before, the estimate is {' and '.join(told)}, instead of {moved.value:.3g}."
    return _judged(SHORTER, said, moved, "how far back the match goes")


def back_in_time(result: Result, *, threshold: float = 0.05) -> CheckResult:
    """Pretend the treatment began earlier, for the treated unit and for every placebo, in one batch.

    Three pretended starts lie a third, half and two thirds into the time before the true one; weights are
    found on what comes before each, and the gap is taken from there to the true start. Each unit's largest
    |mean gap| over RMSPE of the three is ranked, so one p-value stands for all three dates. Three ranks
    adjusted one by one could not fall below 3 over the number of units.

    Args:
        result: what a method of synthetic control returned.
        threshold: p-value below which a pretended effect is a concern.

    Returns:
        `pass` if the treated unit does not stand out, `concern` if it does; `not_applicable` with fewer than
        six periods before the start, or placebos too few to reach the threshold.

    Source: Abadie, Diamond & Hainmueller (2015), AJPS 59(2) (in-time placebos); Abadie (2021), Journal of
    Economic Literature 59(2), section 7 (backdating).
    """
    detail = reading.read(result)
    if isinstance(detail, NotAvailable):
        return CheckResult(BACK_IN_TIME, "not_applicable", detail.reason)
    pool = detail.pool
    before = np.flatnonzero(pool.pre)
    if len(before) < MIN_PERIODS:
        reason = f"Only {len(before)} periods come before the start; {MIN_PERIODS} are needed."
        return CheckResult(BACK_IN_TIME, "not_applicable", reason, would_change_if="the data began earlier")
    try:
        sets = Placebo().sets(pool.donors, int(pool.treated.sum()))
    except DesignError as problem:
        return CheckResult(BACK_IN_TIME, "not_applicable", f"{problem.what}.")
    if (least := 1 / (len(sets) + 1)) > threshold:
        reason = f"With {len(sets)} placebos no p-value can fall below {least:.2g}."
        return CheckResult(BACK_IN_TIME, "not_applicable", reason, would_change_if="there were more donors")
    firsts = sorted({int(before[round(share * len(before))]) for share in FRACTIONS})
    found = _pretended(detail, sets, firsts)
    if isinstance(found, NotAvailable):
        return CheckResult(BACK_IN_TIME, "not_applicable", found.reason)
    return _stands_out(detail, firsts, *found, threshold)


def _pretended(detail: SynthDetail, sets: Bools, firsts: list[int]) -> tuple[Floats, Floats] | NotAvailable:
    """(D,) mean pretended gaps of the treated unit, and (D, B + 1) sizes of all, the treated unit first."""
    pool = detail.pool
    time, rows = np.arange(len(pool.pre)), len(sets) + 1
    own, others = actual(pool), each_as_treated(pool, sets)
    problems = Problems(
        pool.outcome,
        np.tile(np.concatenate([own.members, others.members]), (len(firsts), 1)),
        np.tile(np.concatenate([own.allowed, others.allowed]), (len(firsts), 1)),
        np.repeat([pool.pre & (time < first) for first in firsts], rows, axis=0),
    )
    gaps = reading.gaps(detail, problems)
    if isinstance(gaps, NotAvailable):
        return gaps
    sizes, means = [], []
    none_below = precision(pool.outcome[pool.donors | pool.treated])
    for first, found in zip(firsts, gaps.reshape(len(firsts), rows, -1), strict=True):
        pre, post = pool.pre & (time < first), pool.pre & (time >= first)
        sizes.append(Placebo().rank(found, pre, post, none_below=none_below).statistic)
        means.append(found[0, post].mean())
    return np.array(means), np.array(sizes)


def _stands_out(
    detail: SynthDetail, firsts: list[int], means: Floats, sizes: Floats, threshold: float
) -> CheckResult:
    labels, largest = detail.pool.panel.period_labels, sizes.max(axis=0)
    p = float((largest >= largest[0] * (1 - 1e-9)).mean())
    table = pd.DataFrame(
        {
            "pretended start": [labels[first] for first in firsts],
            "estimate": means,
            "over RMSPE": sizes[:, 0],
            "rank": [int((row >= row[0] * (1 - 1e-9)).sum()) for row in sizes],
            "of": sizes.shape[1],
        }
    )
    top = int(sizes[:, 0].argmax())
    numbers = (
        f"the largest of {len(firsts)} pretended effects is {means[top]:.3g} at {labels[firsts[top]]}, "
        f"{sizes[top, 0]:.2g} times the RMSPE before it; p = {p:.2g} among {sizes.shape[1]} units, all dates "
        "together"
    )
    if p < threshold:
        reason = f"An effect shows before anything happened: {numbers}. The paths were already parting."
        return CheckResult(BACK_IN_TIME, "concern", reason, table, f"the p-value were {threshold:g} or more")
    reason = f"No effect shows before anything happened: {numbers}."
    return CheckResult(BACK_IN_TIME, "pass", reason, table, f"the p-value fell below {threshold:g}")


def _judged(name: str, said: str, moved: Movement, on: str) -> CheckResult:
    if not moved.judged:
        return moved.unjudged(name, said)
    if len(moved.turned):
        reason = f"{said} The sign itself rests on {on}, though the interval excludes no effect."
        return CheckResult(name, "fail", reason, moved.table, "the sign stood")
    if len(moved.far):
        reason = f"{said} The answer leans on {on}."
        change = "every estimate kept half of the effect and stayed inside the interval"
        return CheckResult(name, "concern", reason, moved.table, change)
    change = "one lost half of the effect or left the interval"
    return moved.passed(name, f"{said} All stay inside the interval.", moved.table, change)
