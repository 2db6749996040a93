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
from whatworks.checks.synth.battery import run_synth
from whatworks.checks.synth.fit import convex_hull, pre_fit, pre_period_length
from whatworks.checks.synth.refits import back_in_time, leave_one_donor_out, shorter_pre_period
from whatworks.checks.synth.weights import donors_left_alone, interpolation, weight_concentration
from whatworks.checks.trial.battery import carry_over, over_exposure, run_trial, without_one
from whatworks.checks.trial.design import allocation_record, balance_before, enough_assigned
from whatworks.checks.trial.losses import attrition, take_up

__all__ = [
    "allocation_record",
    "alternative_comparison",
    "alternative_windows",
    "attrition",
    "back_in_time",
    "balance_before",
    "carry_over",
    "convex_hull",
    "donors_left_alone",
    "drop_anticipation",
    "enough_assigned",
    "few_clusters",
    "honest_bounds",
    "influential_periods",
    "interpolation",
    "leave_one_donor_out",
    "leave_one_out",
    "over_exposure",
    "placebo_in_space",
    "placebo_in_time",
    "pre_fit",
    "pre_period_length",
    "pretrends",
    "regression_to_the_mean",
    "run",
    "run_synth",
    "run_trial",
    "series_breaks",
    "shorter_pre_period",
    "spillover_ring",
    "take_up",
    "weight_concentration",
    "without_one",
]
