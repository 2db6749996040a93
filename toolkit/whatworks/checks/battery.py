"""The checks every study owes, in the order a reader wants them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from whatworks.checks.few_clusters import few_clusters
from whatworks.checks.leave_one_out import leave_one_out
from whatworks.checks.placebo_in_time import placebo_in_time
from whatworks.checks.pretrends import pretrends
from whatworks.checks.series_breaks import series_breaks
from whatworks.panel import Panel
from whatworks.results import CheckResult, Result


def run(
    panel: Panel,
    estimate: Callable[[Panel], Result],
    *,
    event_study: Callable[[Panel], Result],
    offence: str = "",
    anticipation: int = 0,
) -> tuple[CheckResult, ...]:
    """Run every check that this panel permits; one that does not apply says why.

    Args:
        panel: the panel of the study.
        estimate: the study's own estimator, panel in, `Result` out.
        event_study: the same design by event time, for the joint pre-trends test.
        offence: the offence counted, to look up series breaks.
        anticipation: periods before the start in which effects may already begin.

    Returns:
        Pre-trends, placebo in time, leave one unit out, leave one cluster out, enough clusters and
        series breaks.
    """
    return tuple(_each(panel, estimate, event_study, offence, anticipation))


def _each(
    panel: Panel,
    estimate: Callable[[Panel], Result],
    event_study: Callable[[Panel], Result],
    offence: str,
    anticipation: int,
) -> Iterator[CheckResult]:
    yield pretrends(panel, event_study, anticipation=anticipation)
    yield placebo_in_time(panel, estimate, anticipation=anticipation)
    yield leave_one_out(panel, estimate, by="unit")
    if panel.cluster is not None:
        yield leave_one_out(panel, estimate, by="cluster")
    yield few_clusters(panel)
    yield series_breaks(panel, offence=offence)
