"""Falsification and robustness, written once for every method: panel and estimator in, verdict out."""

from __future__ import annotations

from whatworks.checks.battery import run
from whatworks.checks.few_clusters import few_clusters
from whatworks.checks.leave_one_out import leave_one_out
from whatworks.checks.placebo_in_time import placebo_in_time
from whatworks.checks.pretrends import pretrends
from whatworks.checks.series_breaks import series_breaks

__all__ = ["few_clusters", "leave_one_out", "placebo_in_time", "pretrends", "run", "series_breaks"]
