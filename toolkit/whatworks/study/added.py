"""An effect added up over the treated places: crimes a month and in all, where the estimate allows it."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from whatworks.arrays import Bools, Floats
from whatworks.panel import Panel
from whatworks.results import RATE_RATIO, Added, Estimate, NotAvailable, Number, Result
from whatworks.trial import Trial

AVERAGES: Final = frozenset(
    {"did.block", "did.att_gt", "did.imputation", "synth.classic", "synth.augmented", "synth.micro"}
)
"""Methods whose headline is the plain mean over the treated places and periods."""

ONE_START: Final = frozenset({"synth.synthdid"})
"""Methods of which that holds where all began at once."""

NO_COUNT: Final = NotAvailable("the outcome is no count, so it cannot be added up over places")
_ALIKE: Final = "It takes the change per head to be the same in every treated place and {period}."


def added_up(result: Result, counts: Panel | Trial, *, per: float = 1.0) -> Added | NotAvailable:
    """The headline added up over the places that were treated, its interval with it.

    Args:
        result: what the method found.
        counts: the panel or trial with the outcome as counts, its exposure beside it where there is one.
        per: the headline is a change per so many of the exposure.

    A difference d per `per` of the exposure gives d × Σ exposure / per over the treated cells that the
    headline averages; without an exposure d times their number, which is exact. A rate ratio r gives
    Y × (1 − 1/r), Y what the treated counted, which is exact for a regression on counts with a term for the
    treated. Both are increasing, so that the ends of the interval go the same way. Why not is said instead
    where the outcome is no count, cells have weights, or the headline is no such mean.
    """
    seen = counts.outcome[np.isfinite(counts.outcome)]
    if (seen < 0).any() or (seen != np.round(seen)).any() or not len(seen):
        return NO_COUNT
    if isinstance(counts, Trial):
        return _of_trial(result, counts)
    if counts.weight is not None:
        return NotAvailable("places enter with weights, so the mean change is not that of all of them")
    if result.headline.scale == RATE_RATIO:
        return _of_ratio(result, counts)
    if result.method not in AVERAGES | (ONE_START if len(counts.cohorts) == 1 else frozenset()):
        return NotAvailable(f"what {result.method} gives is no plain mean over treated places and periods")
    return _of_difference(result, counts, per)


def _of_difference(result: Result, panel: Panel, per: float) -> Added | NotAvailable:
    cells = _averaged(result, panel)
    base = np.ones_like(panel.outcome) if panel.exposure is None else panel.exposure / per
    whole = float(base[cells].sum())
    places = cells.any(axis=1)
    if not whole:
        return NotAvailable("no treated place has a period that the headline averages over")
    once = float(sum(base[i, cells[i]].mean() for i in np.flatnonzero(places)))
    alike = panel.exposure is not None and not np.allclose(base[cells], base[cells][0])
    return Added(
        _scaled(result.headline, whole, panel.outcome_name, "in all"),
        _scaled(result.headline, once, panel.outcome_name, f"a {panel.period_word}"),
        panel.period_word,
        int(places.sum()),
        int(cells.any(axis=0).sum()),
        _ALIKE.format(period=panel.period_word) if alike else "",
    )


def _averaged(result: Result, panel: Panel) -> Bools:
    """(N, T) treated cells that the headline averages: where effects are listed by cell, those with one."""
    treated: Bools = panel.treated
    if not {"cohort", "period"} <= set(result.effects.columns):
        return treated
    listed = result.effects[np.isfinite(result.effects["estimate"].to_numpy(dtype=float))]
    known = set(zip(listed["cohort"].astype(str), listed["period"].astype(str), strict=True))
    labels = [panel.label(int(start)) for start in panel.start]
    pairs = [[(mine, when) in known for when in panel.period_labels] for mine in labels]
    return np.asarray(treated & np.array(pairs))


def _of_ratio(result: Result, panel: Panel) -> Added | NotAvailable:
    if len(panel.cohorts) != 1:
        return NotAvailable("with several starts the ratio is a mean of ratios, which cannot be added up")
    cells = panel.treated & np.isfinite(panel.outcome)
    periods = int(cells.any(axis=0).sum())
    counted = float(panel.outcome[cells].sum())
    whole = _from_ratio(result.headline, counted, panel.outcome_name, "in all")
    once = _from_ratio(result.headline, counted / periods, panel.outcome_name, f"a {panel.period_word}")
    places = int(cells.any(axis=1).sum())
    return Added(whole, once, panel.period_word, places, periods, "")


def _of_trial(result: Result, trial: Trial) -> Added | NotAvailable:
    if result.headline.scale != RATE_RATIO:
        return NO_COUNT
    if result.method != "rct.itt" or len(trial.arms) != 2:
        return NotAvailable("the answer is an average over periods or arms, which cannot be added up")
    mine: Floats = trial.outcome[(trial.arm == 1) & np.isfinite(trial.outcome)]
    whole = _from_ratio(result.headline, float(mine.sum()), trial.outcome_name, "in all")
    only = NotAvailable("each unit was counted once, over the whole trial")
    return Added(whole, only, "period", len(mine), 1, "")


def _scaled(one: Estimate, factor: float, what: str, when: str) -> Estimate:
    return replace(
        one,
        estimand=_estimand(one, when),
        value=_times(one.value, factor),
        std_error=_times(one.std_error, factor),
        low=_times(one.low, factor),
        high=_times(one.high, factor),
        scale=what,
    )


def _from_ratio(one: Estimate, counted: float, what: str, when: str) -> Estimate:
    return replace(
        one,
        estimand=_estimand(one, when),
        value=_beyond(one.value, counted),
        std_error=NotAvailable("the interval is that of the rate ratio"),
        low=_beyond(one.low, counted),
        high=_beyond(one.high, counted),
        scale=what,
    )


def _estimand(one: Estimate, when: str) -> str:
    return f"{one.estimand}, added up over the treated places, {when}"


def _beyond(ratio: Number, counted: float) -> Number:
    """What was counted, less what would have been."""
    if isinstance(ratio, NotAvailable):
        return ratio
    return counted * (1 - 1 / ratio) if ratio > 0 else NotAvailable("the ratio reaches 0")


def _times(number: Number, factor: float) -> Number:
    return number if isinstance(number, NotAvailable) else number * factor
