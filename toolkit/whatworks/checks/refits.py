"""The estimate again on other panels, without paying twice, nor for errors that nobody reads."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, TypeVar

import numpy as np

from whatworks.arrays import Bools
from whatworks.checks import readings
from whatworks.errors import PanelError, WhatworksError
from whatworks.inference.errors.cluster import ClusterRobust
from whatworks.inference.errors.influence import Analytical
from whatworks.panel import Panel
from whatworks.results import NotAvailable, Result
from whatworks.trial import Trial

Data = TypeVar("Data", Panel, Trial)
Estimator = Callable[..., Result]
"""Panel or trial in, `Result` out; choices that the study left open may be given by name."""

QUICK: Final = (Analytical(), ClusterRobust())
"""Errors in closed form. Nearly all of a refit's time goes into a bootstrap where one is the default."""


def accepts(estimate: Estimator, choice: str) -> bool:
    """Whether the estimator can be given this choice by name, as a partial application of a method can."""
    try:
        return choice in inspect.signature(estimate).parameters
    except (TypeError, ValueError):
        return False


def remembering(estimate: Estimator, panel: Data) -> Estimator:
    """The same estimator, which estimates this very panel (or trial) once however often it is asked."""

    @functools.cache
    def whole() -> Result:
        return estimate(panel)

    def run(given: Data, **choices: Any) -> Result:
        return whole() if given is panel and not choices else estimate(given, **choices)

    return functools.update_wrapper(run, estimate)


def thrifty(estimate: Estimator, panel: Data) -> Estimator:
    """The same estimator for checks that read only the estimate of every panel (or trial) but this one.

    This panel is estimated once, as the study does; any other with errors in closed form, where the estimator
    takes an `inference` by name, accepts one of these and gives this panel the same estimate with it.
    """
    whole = remembering(estimate, panel)
    again: list[Estimator] = []

    def run(given: Data, **choices: Any) -> Result:
        if given is panel and not choices:
            return whole(given)
        if "inference" in choices:
            return estimate(given, **choices)
        if not again:
            again.append(_quick(estimate, panel, whole(panel)))
        return again[0](given, **choices)

    return functools.update_wrapper(run, estimate)


def _quick(estimate: Estimator, panel: Data, whole: Result) -> Estimator:
    own = whole.headline.value
    if isinstance(own, NotAvailable) or not accepts(estimate, "inference"):
        return estimate
    for inference in QUICK:
        candidate = functools.partial(estimate, inference=inference)
        try:
            found = candidate(panel).headline.value
        except WhatworksError:
            continue
        if not isinstance(found, NotAvailable) and np.isclose(found, own, rtol=1e-12, atol=0):
            return candidate
    return estimate


def row(what: dict[str, object], estimate: Estimator, make: Callable[[], Data]) -> dict[str, object]:
    """A row of a check's table: `what` it is, the estimate on the panel that `make` gives, or why none."""
    found = attempt(estimate, make)
    if isinstance(found, NotAvailable):
        return {**what, "estimate": np.nan, "reason": found.reason}
    return {**what, "estimate": found.headline.value, "reason": ""}


def attempt(estimate: Estimator, make: Callable[[], Data]) -> Result | NotAvailable:
    """The result on the panel that `make` gives, or why there is no such panel or no estimate on it."""
    try:
        panel = make()
    except WhatworksError as problem:
        return NotAvailable(problem.what)
    return readings.attempt(panel, estimate)


def without_periods(panel: Panel, drop: Bools) -> Panel:
    """The panel without the periods where `drop` (T,) is true; what remains keeps its dates.

    Raises `PanelError` when no period is left.
    """
    keep = ~drop
    if not keep.any():
        raise PanelError("no period is left", where="without_periods", remedy="Leave fewer periods out.")
    return replace(
        panel,
        periods=panel.periods[keep],
        outcome=panel.outcome[:, keep],
        exposure=None if panel.exposure is None else panel.exposure[:, keep],
        covariates=panel.covariates[:, :, keep],
    )
