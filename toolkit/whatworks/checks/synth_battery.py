"""The checks that every synthetic control owes, in the order a reader wants them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from whatworks.checks import refits
from whatworks.checks.influential_periods import influential_periods
from whatworks.checks.neighbours import Borders
from whatworks.checks.series_breaks import series_breaks
from whatworks.checks.spillover_ring import spillover_ring
from whatworks.checks.synth_fit import convex_hull, pre_fit, pre_period_length
from whatworks.checks.synth_refits import back_in_time, leave_one_donor_out, shorter_pre_period
from whatworks.checks.synth_weights import donors_left_alone, interpolation, weight_concentration
from whatworks.panel import Panel
from whatworks.results import CheckResult


def run_synth(
    panel: Panel,
    estimate: refits.Estimator,
    *,
    offence: str = "",
    neighbours: Borders | None = None,
    others: Mapping[str, str] | None = None,
) -> tuple[CheckResult, ...]:
    """Run every check of a synthetic control that this panel permits; one that does not apply says why.

    Args:
        panel: the panel of the study.
        estimate: the study's own estimator, panel in, `Result` out, such as a partial application of
            `synth.classic`.
        offence: the offence counted, to look up series breaks and shocks.
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
    return tuple(_each(panel, refits.remembering(estimate, panel), offence, neighbours, others))


def _each(
    panel: Panel,
    estimate: refits.Estimator,
    offence: str,
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
    yield donors_left_alone(result, neighbours=neighbours, others=others, offence=offence)
    yield spillover_ring(panel, estimate, neighbours=neighbours)
    yield influential_periods(panel, estimate, offence=offence)
    yield series_breaks(panel, offence=offence)
