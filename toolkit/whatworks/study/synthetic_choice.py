"""The estimator of a study by synthetic control, from the words and lists of its parameters."""

from __future__ import annotations

import inspect
import sys
import warnings
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from whatworks import synth
from whatworks.errors import OptionError, WhatworksError, choose
from whatworks.inference import choose as choose_inference
from whatworks.inference.draws import DEFAULT_SEED
from whatworks.inference.synthetic.placebo import Placebo
from whatworks.panel import Panel
from whatworks.results import NotAvailable, Result
from whatworks.synth.compare import work
from whatworks.synth.predictors import Window

WHERE = "study.synthetic"

METHODS = ("classic", "augmented", "synthdid")
"""Methods for one start that a template can name."""


def synthetic(
    method: str,
    *,
    donors: Sequence[str] = (),
    covariates: Mapping[str, Sequence[str]] | None = None,
    past: Sequence[Sequence[str]] = (),
    anticipation: int = 0,
    inference: str = "default",
    draws: int = 999,
    seed: int = DEFAULT_SEED,
    level: float = 0.95,
) -> partial[Result]:
    """A method of synthetic control with its choices made, ready to be given a panel.

    Args:
        method: `classic`, `augmented` or `synthdid`.
        donors: units that may be used; none named: every unit untreated through the window.
        covariates: covariates to match on, each with its first and last period; without periods, all before
            the start.
        past: windows (first, last) of past outcomes to match on, for `classic`; with neither covariates nor
            windows the whole path before the start is matched.
        anticipation: periods before the start in which the effect may begin.
        inference: a word of `inference.choose`, or `default` for the method's own.
        draws, seed: where the inference draws.
        level: coverage of the intervals.

    Raises:
        OptionError: a method, word or window that is none, or a choice that the method does not have.
    """
    name = choose("method", method, METHODS, where=WHERE)
    function = getattr(synth, name)
    choices: dict[str, Any] = {"donors": tuple(donors) or None, "anticipation": anticipation, "level": level}
    if inference != "default":
        choices["inference"] = choose_inference(inference, draws=draws, seed=seed)
    windows = {key: _window(key, value) for key, value in (covariates or {}).items()}
    if windows or past:
        choices |= _matched_on(name, function, windows, past)
    return partial(function, **choices)


def answers(
    panel: Panel, estimate: partial[Result], own: Result, *, compare: str = "by_size"
) -> synth.SynthComparison | NotAvailable:
    """Every synthetic control's answer to the study's question, or why they are left out.

    Args:
        panel: the study's panel.
        estimate: what `synthetic` gave; the others get its donors, anticipation, placebos and level.
        own: the study's result with it.
        compare: `always`, `never`, or `by_size`: where the work is no more than `MOST_WORK`.

    Raises `OptionError` for another word. Before work beyond `MOST_WORK` a warning says how much it is, and
    every method says on standard error when it begins.
    """
    choose("compare", compare, COMPARE, where="study.answers")
    if compare == "never":
        return NotAvailable("the parameters of this study leave the other methods out (compare: never)")
    asked = estimate.keywords
    placebo = asked.get("inference")
    rule = placebo if isinstance(placebo, Placebo) else None
    try:
        size = work(panel, donors=own.spec["donors"], inference=rule)
        long = size > MOST_WORK
        if long and compare == "by_size":
            return NotAvailable(_TOO_MUCH.format(size=size, most=MOST_WORK))
        if long:
            warnings.warn(_LONG.format(size=size, most=MOST_WORK), stacklevel=2)
        told = _told if long else None
        return synth.compare(panel, own=own, inference=rule, level=asked["level"], progress=told)
    except WhatworksError as problem:
        return NotAvailable(problem.what)


COMPARE = ("by_size", "always", "never")
MOST_WORK = 250_000
"""Cells filled by each method: 60 donors over 68 periods, or some 30 over 270; up to half a minute."""

_TOO_MUCH = (
    "every other method would fill {size:,} cells, its placebos included, more than the {most:,} up to which "
    "they are run unasked; that takes minutes, or hours. compare: always runs them"
)
_LONG = (
    "every method will fill {size:,} cells, its placebos included, where {most:,} take up to half a minute; "
    "compare: never leaves them out"
)


def _told(done: int, of: int, name: str) -> None:
    sys.stderr.write(f"{done} of {of} methods done; now {name}\n")
    sys.stderr.flush()


def _matched_on(
    name: str, function: Any, windows: dict[str, Window | None], past: Sequence[Sequence[str]]
) -> dict[str, Any]:
    known = inspect.signature(function).parameters
    if "predictors" in known:
        outcomes = tuple(_past(window) for window in past)
        return {"predictors": synth.Predictors(windows, outcomes)}
    if past:
        raise OptionError(
            f"synth.{name} matches the whole path, not windows of it",
            where=WHERE,
            remedy="Leave `past` empty, or use method: classic.",
        )
    if "covariates" in known:
        return {"covariates": windows}
    if "adjust" in known and not any(windows.values()):
        return {"adjust": "projected"}
    raise OptionError(
        f"synth.{name} takes covariates month by month, not averaged over a window",
        where=WHERE,
        remedy="Name covariates without periods, or use method: classic or augmented.",
    )


def _window(name: str, given: Sequence[str]) -> Window | None:
    if len(given) not in (0, 2) or isinstance(given, str):
        raise OptionError(
            f"the window of {name} is {given!r}",
            where=WHERE,
            remedy="Give its first and last period, as in [2015-01, 2015-12], or nothing for all before.",
        )
    return (given[0], given[1]) if given else None


def _past(given: Sequence[str]) -> Window:
    found = _window("past", given)
    if found is None:
        raise OptionError(
            "a window of past outcomes is empty", where=WHERE, remedy="Give its first and last period."
        )
    return found
