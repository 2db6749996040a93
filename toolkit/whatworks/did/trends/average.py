"""The average effect over any window of event times, from whichever event study found them."""

from __future__ import annotations

from whatworks.answer import explained
from whatworks.did.effects import Weights, effects_of
from whatworks.errors import OptionError, choose
from whatworks.inference.draws import check_level
from whatworks.results import Estimate, Result

WHERE = "did.average"

_WORDS = {"equal": "every period alike", "cells": "every treated cell by its weight"}


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
    effects = effects_of(result, WHERE)
    earliest = effects.times.min() if effects.earliest is None else effects.earliest
    if effects.earliest is not None and first < earliest:
        raise OptionError(
            f"first={first} asks for leads, which {result.method} takes from another regression, against "
            "another base",
            where=WHERE,
            remedy=f"Begin at {earliest} or later; the leads stand in the effects table, with "
            "their joint test in detail.pretrend.",
        )
    inside = effects.window(first, last)
    if not inside.any():
        raise OptionError(
            f"no estimated event time lies between {first} and {'the last' if last is None else last}",
            where=WHERE,
            remedy=f"Event times run from {earliest} to {effects.times.max()}, without the reference.",
        )
    found = effects.average(inside, weights, check_level(result.headline.level if level is None else level))
    window = effects.times[inside]
    words = f"Average effect, event times {window[0]} to {window[-1]}, {_WORDS[weights]} (ATT)"
    estimate = found.estimate(0, estimand=words, scale=result.headline.scale)
    return explained(estimate, effects.choice)
