"""The checks that every synthetic control owes, in the order a reader wants them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Final

from whatworks.checks import refits
from whatworks.checks.influential_periods import influential_periods
from whatworks.checks.neighbours import Borders
from whatworks.checks.series_breaks import series_breaks
from whatworks.checks.spillover_ring import spillover_ring
from whatworks.checks.synth import reading
from whatworks.checks.synth.fit import convex_hull, pre_fit, pre_period_length
from whatworks.checks.synth.refits import back_in_time, leave_one_donor_out, shorter_pre_period
from whatworks.checks.synth.weights import donors_left_alone, interpolation, weight_concentration
from whatworks.data.recording import UNSAID, Recording
from whatworks.inference.synthetic.placebo import Placebo
from whatworks.panel import Panel
from whatworks.results import CheckResult, NotAvailable

SETS: Final = 99
"""Placebo sets for the effect on several neighbours together: enough for a p-value of 0.01."""


def run_synth(
    panel: Panel,
    estimate: refits.Estimator,
    *,
    offence: str = "",
    recording: Recording | NotAvailable = UNSAID,
    neighbours: Borders | None = None,
    others: Mapping[str, str] | None = None,
) -> tuple[CheckResult, ...]:
    """Run every check of a synthetic control that this panel permits; one that does not apply says why.

    Args:
        panel: the panel of the study.
        estimate: the study's own estimator, panel in, `Result` out, such as a partial application of
            `synth.classic`.
        offence: the offence counted, to look up series breaks and shocks.
        recording: whose recording it is (`source.recording`), so that it meets its own breaks and no other's.
        neighbours: from each unit to the units that border it; None for the London boroughs.
        others: units with an intervention of their own, and what it was.

    Returns:
        Before the start (its length, the fit, the convex hull, placebo in time, less time before), the
        donors (concentration, interpolation, left alone, leave one out, spill-over), the periods and the data
        (influential periods, series breaks). How many concerns chance alone would bring was not simulated for
        them.

    Raises:
        WhatworksError: the estimator has no result on this panel.
    """
    remembering = refits.remembering(estimate, panel)
    few = _fewer_sets(estimate, remembering, panel)
    return tuple(_each(panel, remembering, few, offence, recording, neighbours, others))


def _fewer_sets(estimate: refits.Estimator, whole: refits.Estimator, panel: Panel) -> refits.Estimator:
    """The estimator with no more placebo sets than a ring of several neighbours needs, where it has a say.

    A ring of five has 999 sets to be fitted; the treated unit alone keeps every placebo it had.
    """
    chosen = estimate.keywords.get("inference") if isinstance(estimate, partial) else None
    if not refits.accepts(estimate, "inference") or not (chosen is None or isinstance(chosen, Placebo)):
        return whole
    rule = chosen or Placebo()
    few = partial(estimate, inference=replace(rule, draws=min(rule.draws, max(SETS, panel.n_units))))
    return lambda given: whole(given) if given is panel else few(given)


def _each(
    panel: Panel,
    estimate: refits.Estimator,
    few: refits.Estimator,
    offence: str,
    recording: Recording | NotAvailable,
    neighbours: Borders | None,
    others: Mapping[str, str] | None,
) -> Iterator[CheckResult]:
    result = estimate(panel)
    yield pre_period_length(result)
    yield pre_fit(result)
    yield convex_hull(result)
    yield back_in_time(result)
    yield shorter_pre_period(result)
    yield weight_concentration(result)
    yield interpolation(result)
    yield leave_one_donor_out(result)
    yield donors_left_alone(
        result, neighbours=neighbours, others=others, offence=offence, recording=recording
    )
    yield spillover_ring(panel, few, neighbours=neighbours)
    lean = reading.without_placebos(result, estimate)
    yield influential_periods(panel, lean, offence=offence, recording=recording)
    yield series_breaks(panel, offence=offence, recording=recording)
