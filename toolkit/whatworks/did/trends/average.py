"""The average effect over any window of event times, from whichever event study found them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from whatworks.answer import explained
from whatworks.arrays import Floats, Ints
from whatworks.did.att_gt import AttGtDetail
from whatworks.did.event_study import EventStudyDetail
from whatworks.did.event_study import combine as combine_event_study
from whatworks.did.group_time.quantify import quantify
from whatworks.did.group_time.summary import Averages, by_size, summarise
from whatworks.did.imputation import ImputationDetail
from whatworks.did.imputation import combine as combine_imputation
from whatworks.did.linear import by_event_time
from whatworks.did.linear.imputed import masses
from whatworks.did.stacked import StackedDetail
from whatworks.did.stacked import combine as combine_stacked
from whatworks.errors import OptionError, choose
from whatworks.inference.default import Choice
from whatworks.inference.draws import check_level
from whatworks.inference.uncertainty import Uncertainty
from whatworks.results import Estimate, Result

Weights = Literal["equal", "cells"]

WHERE = "did.average"

_WORDS = {"equal": "every period alike", "cells": "every treated cell by its weight"}


@dataclass(frozen=True, slots=True, eq=False)
class _Terms:
    """k effects by event time: how many periods and how much treated weight stand behind each.

    `measure` takes weights on them (k,) and a level; `choice` is the inference it uses.
    """

    times: Ints
    periods: Ints
    mass: Floats
    choice: Choice
    measure: Callable[[Floats, float], Uncertainty]


def average(
    result: Result,
    first: int = 0,
    last: int | None = None,
    *,
    weights: Weights = "equal",
    level: float | None = None,
) -> Estimate:
    """Average effect over the event times `first` to `last`, with the inference of the result itself.

    Args:
        result: of `did.event_study`, `did.interaction_weighted`, `did.imputation`, `did.stacked`,
            `did.etwfe`, or `did.aggregate(by="event_time")`.
        first, last: event times, both included; without `last` to the end. The reference is left out.
        weights: `equal`: every event time alike, a pooled end as many times as it pools; `cells`: every
            treated cell by the weight of its unit.
        level: coverage of the interval; that of the result without.

    Where the result was bootstrapped, so is the average: it is a combination of the same effects, tested by
    itself, not put together from their errors.

    Raises:
        OptionError: a result without event times, or one read back from a file; a window without an
            estimated event time.
    """
    choose("weights", weights, tuple(_WORDS), where=WHERE)
    terms = _terms(result, first, weights)
    inside = (terms.times >= first) & (terms.times <= (terms.times.max() if last is None else last))
    if not inside.any():
        raise OptionError(
            f"no estimated event time lies between {first} and {'the last' if last is None else last}",
            where=WHERE,
            remedy=f"Event times run from {terms.times.min()} to {terms.times.max()}, without the reference.",
        )
    size = inside * (terms.periods if weights == "equal" else terms.mass)
    found = terms.measure(size / size.sum(), check_level(result.headline.level if level is None else level))
    window = terms.times[inside]
    words = f"Average effect, event times {window[0]} to {window[-1]}, {_WORDS[weights]} (ATT)"
    estimate = found.estimate(0, estimand=words, scale=result.headline.scale)
    return explained(estimate, terms.choice)


def _terms(result: Result, first: int, weights: Weights) -> _Terms:
    detail = result.detail
    if isinstance(detail, EventStudyDetail):
        return _of_event_study(detail)
    if isinstance(detail, by_event_time.SaturatedDetail):
        return _of_saturated(detail)
    if isinstance(detail, StackedDetail):
        return _of_stacked(detail)
    if isinstance(detail, ImputationDetail) and detail.event_times.size:
        return _of_imputation(detail, first)
    if isinstance(detail, AttGtDetail) and result.spec.get("by") == "event_time":
        return _of_group_times(result, detail, weights)
    raise OptionError(
        f"a result of {result.method} holds no effects by event time to average",
        where=WHERE,
        remedy="Give what did.event_study, did.interaction_weighted, did.imputation, did.stacked, did.etwfe "
        'or did.aggregate(by="event_time") returned in this session; a result read back from a file has lost '
        "what an error needs: estimate again.",
    )


def _of_event_study(detail: EventStudyDetail) -> _Terms:
    def measure(share: Floats, level: float) -> Uncertainty:
        return combine_event_study(detail, share[None], level)

    return _Terms(detail.event_times, detail.pooled, detail.mass, detail.choice, measure)


def _of_saturated(detail: by_event_time.SaturatedDetail) -> _Terms:
    def measure(share: Floats, level: float) -> Uncertainty:
        return by_event_time.combine(detail, share[None], level)

    mass = (detail.shares > 0) @ detail.cells.mass
    return _Terms(detail.event_times, np.ones_like(detail.event_times), mass, detail.choice, measure)


def _of_stacked(detail: StackedDetail) -> _Terms:
    def measure(share: Floats, level: float) -> Uncertainty:
        return combine_stacked(detail, share[None], level)

    # the same units are treated at every event time of the window
    ones = np.ones_like(detail.event_times)
    return _Terms(detail.event_times, ones, ones.astype(np.float64), detail.choice, measure)


def _of_imputation(detail: ImputationDetail, first: int) -> _Terms:
    if first < detail.event_times[0]:
        raise OptionError(
            f"first={first} asks for leads, which did.imputation takes from another regression, against "
            "another base",
            where=WHERE,
            remedy=f"Begin at {detail.event_times[0]} or later; the leads stand in the effects table, with "
            "their joint test in detail.pretrend.",
        )

    def measure(share: Floats, level: float) -> Uncertainty:
        return combine_imputation(detail, share[None], level)

    mass = ((detail.targets.share != 0) * masses(detail.effects)).sum(axis=(1, 2))
    return _Terms(detail.event_times, np.ones_like(detail.event_times), mass, detail.choice, measure)


def _of_group_times(result: Result, kept: AttGtDetail, weights: Weights) -> _Terms:
    detail, spec = kept.effects, result.spec
    summary = summarise(detail, "event_time", spec.get("first"), spec.get("last"), spec.get("balance"))
    terms = summary.terms
    real = (terms.weights[:, ~detail.cells.reference] != 0).any(axis=1)

    def measure(share: Floats, level: float) -> Uncertainty:
        rows = np.flatnonzero(real)[share != 0]
        if weights == "cells":
            # cohorts' shares are estimated, and their noise differs from that of each event time alone
            overall = by_size(detail, (terms.weights[rows] != 0).any(axis=0)[None])
        else:
            overall = Averages(share[None] @ terms.weights[real], share[None] @ terms.tilt[real])
        found = quantify(detail, kept.choice, overall, overall, anticipation=kept.anticipation, level=level)
        return found.headline

    mass = (terms.weights[real] != 0) @ detail.share
    return _Terms(summary.keys[real], np.ones(int(real.sum()), dtype=np.int64), mass, kept.choice, measure)
