"""The estimators of a study with several start dates, from the words of its parameters."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from whatworks import did
from whatworks.errors import OptionError, choose
from whatworks.panel import Panel
from whatworks.results import Result
from whatworks.study.panels import Estimator, chain

WHERE = "study.staggered"

METHODS = ("imputation", "group_time")
"""Methods for several start dates that a template can name."""


def staggered(
    method: str,
    *,
    comparison: str = "",
    adjust: str = "",
    base: str = "",
    anticipation: int = 0,
    inference: Any = None,
    level: float = 0.95,
) -> partial[Result]:
    """A method for several start dates with its choices made, ready to be given a panel.

    Args:
        method: `imputation` (did.imputation, measured from all untreated periods) or `group_time`
            (did.att_gt, measured from the last period before the start).
        comparison: for `group_time`, `never` (without a word) or `not_yet`.
        adjust: for `group_time`, `none` (without a word), `outcome`, `weights` or `doubly_robust`;
            did.imputation takes covariates as regressors.
        base: for `group_time`, `universal` (without a word) or `varying`.
        anticipation: periods before the start in which effects may begin.
        inference: an inference object, as of `inference.choose`.
        level: coverage of the intervals.

    Raises:
        OptionError: a method that is none, or a choice that the method does not have.
    """
    choose("method", method, METHODS, where=WHERE)
    shared: dict[str, Any] = {"anticipation": anticipation, "inference": inference, "level": level}
    own = {"comparison": comparison, "adjust": adjust, "base": base}
    if method == "group_time":
        shared |= {"comparison": comparison or "never", "adjust": adjust or "none"}
        shared["base"] = base or "universal"
        return partial(did.att_gt, **shared)
    for name, word in own.items():
        if word:
            raise OptionError(
                f"{name}: {word} is a choice of group_time, and the method is imputation",
                where=WHERE,
                remedy=f"Leave {name} empty, or use method: group_time.",
            )
    return partial(did.imputation, by="cohort", leads=0, **shared)


def by_event_time(estimate: partial[Result]) -> Estimator:
    """The estimator of `staggered` by event time: the study's own event study."""
    if estimate.func is did.att_gt:
        return chain(estimate, partial(did.aggregate, by="event_time"))
    return partial(estimate, by="event_time", leads=None)


def from_one_base(estimate: partial[Result]) -> Estimator:
    """Effects before and after the start against one period, as bounds on departures from trends need them.

    For did.att_gt the study's own event study. Imputed effects have no such period: for them group-time
    effects against units not treated yet, or, with covariates or missing cells, did.interaction_weighted.
    """
    if estimate.func is did.att_gt:
        return by_event_time(estimate)
    asked = {name: estimate.keywords[name] for name in ("anticipation", "inference", "level")}

    def run(panel: Panel) -> Result:
        if panel.covariate_names or not panel.balanced:
            interacted: Callable[..., Result] = did.interaction_weighted
            return interacted(panel, **asked)
        found = did.att_gt(panel, comparison="not_yet", base="universal", **asked)
        return did.aggregate(found, by="event_time")

    return run
