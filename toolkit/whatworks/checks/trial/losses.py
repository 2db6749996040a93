"""Who dropped out and who got what: attrition by arm, and take-up by arm."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from whatworks import periods
from whatworks.arrays import Floats
from whatworks.checks import readings
from whatworks.checks.trial.lost_rows import differs
from whatworks.errors import WhatworksError
from whatworks.inference.chance.randomisation import RandomisationInference
from whatworks.inference.errors.cluster import ClusterRobust
from whatworks.inference.fits import least_squares
from whatworks.rct.assign.allocation import Allocation
from whatworks.rct.losses.attrition_bounds import attrition_bounds
from whatworks.rct.losses.flow import Flow, flow
from whatworks.results import CheckResult, Result
from whatworks.trial import Trial

LOST: Final = "Attrition"
TAKEN: Final = "Take-up"

STRANGE: Final = 0.01
MUCH: Final = 0.2
"""From this share lost on, what is left may be a trial of other people."""

UNLIKE: Final = 0.05
"""Where losses differ less than this, Lee's bounds are as wide as chance makes them in a sound trial."""

OPEN: Final = "They leave the sign of the effect open."

WEAK: Final = 10.0
LEAKED: Final = 0.1
"""From this share of the control arm treated on, the effect of assignment is diluted in earnest."""


def attrition(
    trial: Trial,
    result: Result,
    allocation: Allocation | None = None,
    *,
    inference: RandomisationInference | None = None,
) -> CheckResult:
    """Ask whether arms lost outcomes alike, how many, and whether Lee's bounds keep the sign of the answer.

    Args:
        trial: the trial with those who have no outcome.
        result: the study's own result, whose claim the bounds are held against.
        allocation: the record, which knows those who left the list.
        inference: draws and seed of the randomisation test.

    Returns:
        `concern` where arms lost more differently than one sound trial in a hundred would show, a fifth or
        more is lost, or a claimed effect has bounds on both sides of none while losses differ by arm with p
        below 0.05; `not_applicable` where a list does not fit its record.
    """
    try:
        seen = flow(trial, allocation=allocation)
    except WhatworksError as problem:
        return CheckResult(LOST, "not_applicable", f"{problem.what[:1].upper()}{problem.what[1:]}.")
    table = _by_arm(seen)
    whole, lost = int(table["allocated"].sum()), int(table["lost"].sum())
    if lost == 0:
        return CheckResult(LOST, "pass", "Nobody was lost.", table, "outcomes were missing")
    said = ", ".join(f"{row.lost:,} of {row.allocated:,} in {row.arm}" for row in table.itertuples())
    reasons, worries = [f"Lost: {said}."], False
    test = differs(trial, seen.design, allocation, inference)
    if test is not None:
        worries = test[0] < STRANGE
        reasons.append(f"That losses differ by arm as far by chance has p = {test[0]:.2g} ({test[1]}).")
    if lost >= MUCH * whole:
        worries = True
        reasons.append(f"That is {lost / whole:.0%} of all, and who is left may not stand for them.")
    bounds = _bounds(trial, result)
    if bounds is not None:
        low, high = bounds
        reasons.append(f"Lee's bounds on the effect run from {low:.3g} to {high:.3g}.")
        if readings.claims(result.headline) and low <= 0 <= high:
            unlike = test is None or test[0] < UNLIKE
            worries |= unlike
            reasons.append(OPEN if unlike else f"{OPEN[:-1]}, by a difference that chance often brings.")
    change = "fewer were lost, and alike by arm" if worries else "more were lost, or otherwise by arm"
    return CheckResult(LOST, "concern" if worries else "pass", " ".join(reasons), table, change)


def _by_arm(seen: Flow) -> pd.DataFrame:
    rows = [(arm, seen.number("allocated", arm), seen.number("lost", arm)) for arm in seen.arms]
    frame = pd.DataFrame(rows, columns=["arm", "allocated", "lost"])
    return frame.assign(share=frame["lost"] / frame["allocated"])


def _bounds(trial: Trial, result: Result) -> tuple[float, float] | None:
    try:
        found = attrition_bounds(trial).effects.set_index("term")["estimate"]
    except WhatworksError:
        return None
    return float(found["lower bound"]), float(found["upper bound"])


def take_up(trial: Trial) -> CheckResult:
    """Ask whether the arms differ in what they got, and how much of it reached the control arm.

    Returns:
        `fail` where a treatment arm took up no more than the control arm; `concern` where the first stage is
        weak (F below 10) or a tenth or more of the control arm was treated; `not_applicable` where nobody
        recorded take-up. Over periods the table shows each of them.
    """
    if trial.taken is None:
        return CheckResult(TAKEN, "not_applicable", "Nobody recorded take-up.")
    share = (trial.taken > 0).astype(np.float64)
    each = [float(share[trial.arm == arm].mean()) for arm in range(len(trial.arms))]
    table = _delivered(trial, share)
    said = ", ".join(f"{value:.0%} in {label}" for value, label in zip(each, trial.arms, strict=True))
    reason = f"Taken up: {said}."
    if min(each[1:]) <= each[0]:
        reason += " An arm that got no more than the control arm has nothing to show."
        return CheckResult(TAKEN, "fail", reason, table, "treatment arms took up more than the control arm")
    f = _first_stage(trial, share)
    worries = []
    if f < WEAK:
        worries.append(f"The first stage is weak (F {f:.3g}), so effects on those who took it up are vague")
    if each[0] >= LEAKED:
        worries.append("The control arm got some of it, which makes the effect of assignment smaller")
    if worries:
        return CheckResult(
            TAKEN, "concern", f"{reason} {'. '.join(worries)}.", table, "take-up had been apart"
        )
    return CheckResult(TAKEN, "pass", reason, table, f"{LEAKED:.0%} of the control arm had been treated")


def _delivered(trial: Trial, share: Floats) -> pd.DataFrame:
    """Share taken up by arm, and by period where there are periods."""
    frame = pd.DataFrame({"arm": np.asarray(trial.arms, dtype=object)[trial.arm], "taken up": share})
    by = ["arm"]
    if trial.period is not None:
        frame.insert(0, "period", [periods.label(int(p), trial.period_kind) for p in trial.period])
        frame["order"] = trial.period
        by = ["order", "period", "arm"]
    frame["rows"] = 1
    found = frame.groupby(by, as_index=False, sort=True).agg({"taken up": "mean", "rows": "sum"})
    return found.drop(columns="order", errors="ignore")


def _first_stage(trial: Trial, share: Floats) -> float:
    """The least squared t of take-up on a treatment arm, rows of a unit or cluster taken together."""
    codes = trial.cluster_codes
    least = np.inf
    for arm in range(1, len(trial.arms)):
        both = np.isin(trial.arm, (0, arm))
        design = np.column_stack([np.ones(both.sum()), trial.arm[both] == arm]).astype(np.float64)
        cluster = np.unique(codes[both], return_inverse=True)[1].astype(np.int64)
        names = ("constant", "arm")
        fit = least_squares.fit(share[both], design, names=names, where=TAKEN, cluster=cluster)
        error = float(ClusterRobust("CR2").from_regression(fit, np.array([[0.0, 1.0]])).std_error[0])
        known = np.isfinite(error) and error > 0
        least = min(least, float(fit.coefficients[1] / error) ** 2 if known else np.inf)
    return least
