"""Falsification and robustness, written once for every method: panel and estimator in, verdict out."""

from __future__ import annotations

from whatworks.checks.alternative_comparison import alternative_comparison
from whatworks.checks.alternative_windows import alternative_windows
from whatworks.checks.battery import run
from whatworks.checks.drop_anticipation import drop_anticipation
from whatworks.checks.few_clusters import few_clusters
from whatworks.checks.honest_bounds import honest_bounds
from whatworks.checks.influential_periods import influential_periods
from whatworks.checks.leave_one_out import leave_one_out
from whatworks.checks.placebo_in_space import placebo_in_space
from whatworks.checks.placebo_in_time import placebo_in_time
from whatworks.checks.pretrends import pretrends
from whatworks.checks.regression_to_the_mean import regression_to_the_mean
from whatworks.checks.series_breaks import series_breaks
from whatworks.checks.spillover_ring import spillover_ring

__all__ = [
    "alternative_comparison",
    "alternative_windows",
    "drop_anticipation",
    "few_clusters",
    "honest_bounds",
    "influential_periods",
    "leave_one_out",
    "placebo_in_space",
    "placebo_in_time",
    "pretrends",
    "regression_to_the_mean",
    "run",
    "series_breaks",
    "spillover_ring",
]
