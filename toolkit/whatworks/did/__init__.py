"""Difference-in-differences, one method a file."""

from __future__ import annotations

from whatworks.did.aggregate import aggregate
from whatworks.did.att_gt import att_gt
from whatworks.did.bacon import Bacon, bacon
from whatworks.did.block import block
from whatworks.did.etwfe import etwfe
from whatworks.did.event_study import event_study
from whatworks.did.imputation import imputation
from whatworks.did.interaction_weighted import interaction_weighted
from whatworks.did.poisson import poisson
from whatworks.did.side_by_side.compare import compare
from whatworks.did.side_by_side.comparison import Comparison
from whatworks.did.stacked import stacked
from whatworks.did.staggered_rollout import staggered_rollout
from whatworks.did.suggest import Suggestion, suggest
from whatworks.did.switching import switching
from whatworks.did.trends.average import average
from whatworks.did.trends.departures import Departures, departures
from whatworks.did.trends.event_times import EventTimes, event_time_covariance
from whatworks.did.trends.honest import Honest, honest
from whatworks.did.trends.pretrend_power import PretrendPower, pretrend_power
from whatworks.did.triple import triple
from whatworks.did.twoway import twoway

__all__ = [
    "Bacon",
    "Comparison",
    "Departures",
    "EventTimes",
    "Honest",
    "PretrendPower",
    "Suggestion",
    "aggregate",
    "att_gt",
    "average",
    "bacon",
    "block",
    "compare",
    "departures",
    "etwfe",
    "event_study",
    "event_time_covariance",
    "honest",
    "imputation",
    "interaction_weighted",
    "poisson",
    "pretrend_power",
    "stacked",
    "staggered_rollout",
    "suggest",
    "switching",
    "triple",
    "twoway",
]
