"""Regression to the mean: were the treated chosen on a peak that would have passed anyway?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from whatworks.checks import peaks, readings
from whatworks.checks.informative import least_seen, supported
from whatworks.checks.peaks import ChosenOn, Peak
from whatworks.checks.readings import Estimator
from whatworks.errors import OptionError, WhatworksError, choose
from whatworks.panel import Panel
from whatworks.results import CheckResult, NotAvailable, Number, Result

NAME = "Regression to the mean"
SHORTEST = 4
"""Fewer periods before a start than this hold no run-up and no past to set it against."""

LONGEST = 12
"""The run-up is a quarter of the shortest time before a start, and no longer than this."""


@dataclass(frozen=True, slots=True, eq=False)
class _Learnt:
    """The estimate as it stands, freed of the peak, without the run-up, and against units on a like peak."""

    whole: Result
    peak: Peak
    rho: float | NotAvailable
    freed: Result | NotAvailable
    without: Number
    matched: Result | NotAvailable
    matched_units: int
    matched_contrast: float

    @property
    def expected(self) -> float:
        """What regression to the mean alone would give, on the additive scale; NaN where unknown."""
        if isinstance(self.freed, NotAvailable):
            return float("nan")
        return readings.effect(self.whole.headline) - readings.effect(self.freed.headline)


def regression_to_the_mean(
    panel: Panel,
    estimate: Estimator,
    *,
    run_up: int | None = None,
    chosen_on: ChosenOn = "level",
    threshold: float = 0.05,
) -> CheckResult:
    """Test whether the treated stood on a peak just before their start, and take off what would have passed.

    The run-up to each start is set against the unit's earlier mean and the same difference of the units
    untreated throughout. From that peak and the correlation of one period with the next follows what chance
    alone would have left in each period; the estimate without it shows how much would have passed. It is
    also formed without the run-up, and against the comparison units whose own peak is closest.

    Args:
        panel: the panel of the study.
        estimate: the study's own estimator, panel in, `Result` out.
        run_up: periods before the start on which areas may have been chosen; None: a quarter of the shortest
            time before a start, at least 1 and at most 12.
        chosen_on: what areas may have been chosen on, the `level` of the run-up or its `rise` above their
            own earlier mean. A rise also means that the earlier periods were low by chance, so that a
            baseline over all of them carries less.
        threshold: p-value below which the run-up counts as a peak (or a dip).

    Returns:
        `pass` if the run-up does not stand out; `not_informative` if it does not but one that explains half
        of the estimate could have been missed; `concern` if it does; `fail` if it does, the interval excludes
        no effect, and it no longer does once the part expected from regression to the mean is taken off.
        `not_applicable` without estimate, or with too few units, clusters or periods before a start.

    Raises:
        OptionError: a run-up that leaves fewer than two earlier periods, or `chosen_on` that is neither.

    Source: Barnett, van der Pols & Dobson (2005), International Journal of Epidemiology 34(1); Galton (1886);
    Ashenfelter (1978), for the dip. The extension to correlated panels is derived in the registry.
    """
    choose("chosen_on", chosen_on, ("level", "rise"), where="regression_to_the_mean")
    whole = readings.attempt(panel, estimate)
    if isinstance(whole, NotAvailable):
        return CheckResult(NAME, "not_applicable", f"There is no estimate: {whole.reason}.")
    shortest = min(int((panel.periods < start).sum()) for start in panel.cohorts)
    missing = _too_small(panel, shortest)
    if missing is not None:
        return missing
    length = _length(run_up, shortest)
    peak = _peak(panel, length, ratio=whole.headline.null == 1)
    if isinstance(peak, NotAvailable):
        return CheckResult(NAME, "not_applicable", f"There is no test of the run-up: {peak.reason}.")
    return _judge(panel, _learn(panel, estimate, whole, peak, chosen_on), threshold)


def _too_small(panel: Panel, shortest: int) -> CheckResult | None:
    treated = int(readings.treated_units(panel).sum())
    if min(treated, panel.n_units - treated) < 2:
        reason = (
            f"{treated} treated and {panel.n_units - treated} comparison units: how far one stands above its "
            "past by chance cannot be seen with fewer than two on a side."
        )
        return CheckResult(NAME, "not_applicable", reason, pd.DataFrame(), "there were two on each side")
    if shortest < SHORTEST:
        reason = (
            f"Only {shortest} periods come before a start; {SHORTEST} are needed to set a run-up against."
        )
        return CheckResult(NAME, "not_applicable", reason, pd.DataFrame(), "the data began earlier")
    return None


def _peak(panel: Panel, length: int, *, ratio: bool) -> Peak | NotAvailable:
    try:
        peak = peaks.find_peak(panel, length, ratio=ratio)
    except WhatworksError as problem:
        return NotAvailable(problem.what)
    return peak.size.p_value if isinstance(peak.size.p_value, NotAvailable) else peak


def _length(asked: int | None, shortest: int) -> int:
    if asked is None:
        return max(1, min(LONGEST, shortest // 4))
    whole = isinstance(asked, (int, np.integer)) and not isinstance(asked, bool)
    if not whole or not 1 <= asked <= shortest - 2:
        raise OptionError(
            f"run_up={asked!r} is not a whole number from 1 to {shortest - 2}",
            where="regression_to_the_mean",
            remedy=f"{shortest} periods come before the earliest start, and at least two must lie before the "
            "run-up.",
        )
    return int(asked)


def _learn(panel: Panel, estimate: Estimator, whole: Result, peak: Peak, chosen_on: ChosenOn) -> _Learnt:
    rho = peaks.persistence(panel, ratio=peak.ratio)
    calm = rho if isinstance(rho, NotAvailable) else peaks.freed(panel, peak, rho, chosen_on)
    parts = [(weight, peaks.without_run_up(part, peak.periods)) for weight, part in readings.by_cohort(panel)]
    treated = readings.treated_units(panel)
    like = peaks.alike(peak, treated)
    return _Learnt(
        whole=whole,
        peak=peak,
        rho=rho,
        freed=calm if isinstance(calm, NotAvailable) else readings.attempt(calm, estimate),
        without=readings.averaged(parts, estimate),
        matched=readings.attempt(panel.select(treated | like), estimate),
        matched_units=int(like.sum()),
        matched_contrast=float(peak.contrast[like].mean() - np.nanmean(peak.contrast[~treated])),
    )


def _judge(panel: Panel, learnt: _Learnt, threshold: float) -> CheckResult:
    peak, whole = learnt.peak, learnt.whole
    table = _table(learnt)
    words = f"{_stood(panel, peak)} {_expected(learnt)}"
    if float(str(peak.size.p_value)) >= threshold:
        reason = f"The treated were not on a peak or in a dip of their own when they were chosen: {words}"
        change = f"the run-up stood out with p below {threshold:g}"
        found, own = CheckResult(NAME, "pass", reason, table, change), whole.headline
        return supported(found, _seen(learnt, threshold), readings.effect(own), like=own)
    words += f" {_others(learnt)}"
    low, high = (end - learnt.expected for end in readings.ends(whole.headline))
    stands = high < 0 if readings.effect(whole.headline) < 0 else low > 0
    if readings.claims(whole.headline) and np.isfinite(learnt.expected) and not stands:
        reason = f"The effect may be no more than regression to the mean: {words}"
        change = "the interval still excluded no effect with the expected part taken off"
        return CheckResult(NAME, "fail", reason, table, change)
    reason = f"The treated parted from their own past just before they were treated: {words}"
    return CheckResult(NAME, "concern", reason, table, f"the run-up gave a p of {threshold:g} or more")


def _seen(learnt: _Learnt, threshold: float) -> float:
    """The least that would have passed by itself from a peak that the test sees four times in five.

    The whole of the peak passes where the share that does cannot be reckoned.
    """
    size = learnt.peak.size
    if isinstance(size.low, NotAvailable) or isinstance(size.high, NotAvailable):
        return float("nan")
    stood = abs(float(str(size.value)))
    passing = abs(learnt.expected) / stood if np.isfinite(learnt.expected) and stood else 1.0
    return least_seen(size.low, size.high, size.level, threshold=threshold) * passing


def _stood(panel: Panel, peak: Peak) -> str:
    size = float(str(peak.size.value))
    amount = f"{100 * abs(size):.3g}%" if peak.ratio else f"{abs(size):.3g}"
    word = panel.period_word if peak.periods == 1 else f"{peak.periods} {panel.period_word}s"
    return (
        f"in the {word} before the start they stood {amount} {'above' if size >= 0 else 'below'} their "
        f"earlier mean, relative to the comparison units (p = {float(str(peak.size.p_value)):.2g})."
    )


def _expected(learnt: _Learnt) -> str:
    if isinstance(learnt.rho, NotAvailable) or isinstance(learnt.freed, NotAvailable):
        missing = learnt.rho if isinstance(learnt.rho, NotAvailable) else learnt.freed
        return f"What would pass by itself cannot be reckoned: {getattr(missing, 'reason', '')}."
    alone = learnt.expected
    of_log = " of its log" if learnt.peak.ratio else ""
    return (
        f"With a correlation of {learnt.rho:.2f} from one period to the next, regression to the mean alone "
        f"would give {alone:.3g}{_give_or_take(learnt)}{of_log}; the estimate is "
        f"{readings.effect(learnt.whole.headline):.3g}{of_log}."
    )


def _give_or_take(learnt: _Learnt) -> str:
    size, error = learnt.peak.size.value, learnt.peak.size.std_error
    if isinstance(size, NotAvailable) or isinstance(error, NotAvailable) or size == 0:
        return ""
    return f" (standard error {abs(learnt.expected / size) * error:.2g})"


def _others(learnt: _Learnt) -> str:
    without = (
        "there is no estimate"
        if isinstance(learnt.without, NotAvailable)
        else f"it is {_show(learnt, learnt.without)}"
    )
    matched = (
        "there is no estimate"
        if isinstance(learnt.matched, NotAvailable)
        else f"it is {readings.phrase(learnt.matched)}"
    )
    return (
        f"With the run-up left out of the data {without}; against the {learnt.matched_units} comparison "
        f"units whose own run-up is closest {matched}."
    )


def _show(learnt: _Learnt, number: float) -> str:
    return f"{readings.shown(learnt.whole.headline, number):.3g}"


def _table(learnt: _Learnt) -> pd.DataFrame:
    size = learnt.peak.size
    without = readings.columns(NotAvailable("")) | {"reason": "no error is formed"}
    if isinstance(learnt.without, NotAvailable):
        without["reason"] = learnt.without.reason
    else:
        without["estimate"] = readings.shown(learnt.whole.headline, learnt.without)
    rows = [
        {"what": "run-up less earlier mean, treated less comparison", **readings.row(size)},
        {"what": "estimate as it stands", **readings.columns(learnt.whole)},
        {"what": "freed of what the peak would do by itself", **readings.columns(learnt.freed)},
        {"what": "run-up left out of the data", **without},
        {
            "what": f"against {learnt.matched_units} units with a run-up {learnt.matched_contrast:.3g} above "
            "the others'",
            **readings.columns(learnt.matched),
        },
    ]
    return pd.DataFrame(rows)
