"""The checks every study owes, in the order a reader wants them."""

from __future__ import annotations

from collections.abc import Iterator

from whatworks.checks import refits
from whatworks.checks.alternative_comparison import alternative_comparison
from whatworks.checks.alternative_windows import alternative_windows
from whatworks.checks.drop_anticipation import drop_anticipation
from whatworks.checks.few_clusters import few_clusters
from whatworks.checks.influential_periods import influential_periods
from whatworks.checks.leave_one_out import leave_one_out
from whatworks.checks.neighbours import Borders
from whatworks.checks.placebo_in_space import placebo_in_space
from whatworks.checks.placebo_in_time import placebo_in_time
from whatworks.checks.pretrends import pretrends
from whatworks.checks.regression_to_the_mean import regression_to_the_mean
from whatworks.checks.series_breaks import series_breaks
from whatworks.checks.spillover_ring import spillover_ring
from whatworks.checks.together import together
from whatworks.data.recording import UNSAID, Recording
from whatworks.panel import Panel
from whatworks.results import CheckResult, NotAvailable


def run(
    panel: Panel,
    estimate: refits.Estimator,
    *,
    event_study: refits.Estimator,
    offence: str = "",
    recording: Recording | NotAvailable = UNSAID,
    anticipation: int = 0,
    neighbours: Borders | None = None,
) -> tuple[CheckResult, ...]:
    """Run every check that this panel permits; one that does not apply says why.

    Args:
        panel: the panel of the study.
        estimate: the study's own estimator, panel in, `Result` out. Give a partial application of a method
            (`functools.partial(did.block, inference=...)`): where it takes `inference` by name, refits of
            which only the estimate is read are made without the bootstrap.
        event_study: the same design by event time, for the joint pre-trends test.
        offence: the offence counted, to look up series breaks and shocks.
        recording: whose recording it is (`source.recording`), so that it meets its own breaks and no other's.
        anticipation: periods before the start in which effects may already begin.
        neighbours: from each unit to the units that border it; None for the London boroughs.

    Returns:
        Before the start (pre-trends, placebo in time, anticipation, regression to the mean), in space
        (placebo, comparison groups, spill-over ring), the window (its ends, single periods and shocks), who
        is in it (leave one unit, cluster, cohort out), the data (enough clusters, series breaks), and last
        how many concerns chance alone would bring.
    """
    found = tuple(_each(panel, estimate, event_study, offence, recording, anticipation, neighbours))
    return (*found, together(found))


def _each(
    panel: Panel,
    estimate: refits.Estimator,
    event_study: refits.Estimator,
    offence: str,
    recording: Recording | NotAvailable,
    anticipation: int,
    neighbours: Borders | None,
) -> Iterator[CheckResult]:
    estimate = refits.remembering(estimate, panel)
    lean = refits.thrifty(estimate, panel)
    yield pretrends(panel, event_study, anticipation=anticipation)
    yield placebo_in_time(panel, estimate, anticipation=anticipation)
    yield drop_anticipation(panel, lean, anticipation=anticipation)
    yield regression_to_the_mean(panel, estimate)
    yield placebo_in_space(panel, lean)
    yield alternative_comparison(panel, estimate, neighbours=neighbours, anticipation=anticipation)
    yield spillover_ring(panel, estimate, neighbours=neighbours)
    yield alternative_windows(panel, estimate, anticipation=anticipation)
    yield influential_periods(panel, lean, offence=offence, recording=recording)
    yield leave_one_out(panel, lean, by="unit")
    if panel.cluster is not None:
        yield leave_one_out(panel, lean, by="cluster")
    if len(panel.cohorts) > 1:
        yield leave_one_out(panel, lean, by="cohort")
    yield few_clusters(panel)
    yield series_breaks(panel, offence=offence, recording=recording)
