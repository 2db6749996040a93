"""Stacked difference-in-differences: clean windows around every start, with corrective weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from whatworks.answer import explained, the_treated
from whatworks.arrays import Ints
from whatworks.did.effects import ByEventTime
from whatworks.did.linear.scores import Sample, lead_test, sample
from whatworks.did.linear.stacks import Stacks, coefficients, effect_cells, regression, stack
from whatworks.did.linear.wild import ScoredErrors
from whatworks.did.regression import requirements
from whatworks.did.regression.answer import choices, sizes
from whatworks.errors import DesignError, OptionError, check_pair, choose, first_few, refuse_unused
from whatworks.inference.default import Choice, count_clusters
from whatworks.inference.draws import check_level
from whatworks.inference.errors.cluster import Regression
from whatworks.inference.errors.joint import JointTest
from whatworks.inference.percent import relative_change
from whatworks.panel import Panel
from whatworks.results import NotAvailable, Result

Comparison = Literal["not_yet", "never"]

WHERE = "did.stacked"


@dataclass(frozen=True, slots=True, eq=False)
class StackedDetail:
    """What `did.stacked` computed on the way.

    Attributes:
        event_times: (k,) ascending, without the reference −1.
        sample: the panel as arrays.
        stacks: the windows, one for each start that has a clean one.
        fit: the stacked regression; its k coefficients are the event times.
        pretrend: joint test that all effects before the start are zero, or why there is none.
        choice: the inference used, and why.
    """

    event_times: Ints
    sample: Sample
    stacks: Stacks
    fit: Regression
    pretrend: JointTest | NotAvailable
    choice: Choice

    @property
    def by_event_time(self) -> ByEventTime:
        """The effects, for every question about event times."""
        data, stacks, count = self.sample, self.stacks, len(self.event_times)
        return ByEventTime(
            times=self.event_times,
            estimates=self.fit.coefficients,
            reference=-1,
            pooled=np.ones(count, dtype=np.int64),
            # the same units are treated at every event time of the window
            mass=np.ones(count),
            headline="equal",
            choice=self.choice,
            n_clusters=self.fit.n_clusters,
            errors=ScoredErrors(
                fit=self.fit,
                choice=self.choice,
                count=count,
                sample=data,
                made_of=lambda weights: coefficients(data, stacks, weights),
                aims=lambda weights: [effect_cells(data, stacks, row != 0) for row in weights],
            ),
        )


def stacked(
    panel: Panel,
    *,
    window: tuple[int, int],
    comparison: Comparison = "not_yet",
    inference: requirements.Inference = None,
    level: float = 0.95,
) -> Result:
    """Effects by event time from one clean window around every start, stacked with corrective weights.

    Every start contributes the same event times, so that the make-up of cohorts does not change along them.
    Starts without the whole window, or without a clean comparison unit, are left out and named. The headline
    is the equal mean from event time 0 to the end of the window.

    Args:
        panel: (N, T) outcomes without gaps and without covariates.
        window: first and last event time, as in (-6, 11); the reference is −1.
        comparison: units not treated by the end of the window (`not_yet`), or in no period (`never`).
        inference: `ClusterRobust`, `WildCluster`, `Jackknife`, `Default`, or None for the default of the
            design.
        level: coverage of the intervals.

    Raises:
        DesignError: missing cells, covariates, no start with a clean window, one cluster.
        OptionError: a window that does not span the start, inference that does not fit.

    Source: Wing, Freedman & Hollingsworth (2024), NBER Working Paper 32054.
    """
    choose("comparison", comparison, ("not_yet", "never"), where=WHERE)
    check_level(level)
    requirements.refuse_sums(inference, WHERE)
    first, last = _window(panel, window)
    _require(panel)
    data = sample(panel)
    stacks = stack(panel, first, last, comparison)
    _refuse_nothing(panel, stacks, first, last)
    treated, compared = stacks.members(panel.n_units)
    choice = requirements.settle(inference, count_clusters(panel.cluster, treated, compared), WHERE)
    detail = _learn(data, stacks, choice)
    return _result(panel, detail, comparison, level)


def _result(panel: Panel, detail: StackedDetail, comparison: str, level: float) -> Result:
    stacks, choice, effects = detail.stacks, detail.choice, detail.by_event_time
    times = effects.times
    share = effects.share(times >= 0, effects.headline)
    found = effects.combine(np.vstack([share, np.eye(len(share))]), level)
    terms = found.only(np.arange(len(share) + 1) > 0)
    count = int(stacks.members(panel.n_units)[0].sum())
    words = f"Average effect on {the_treated(count)}, event times 0 to {times[-1]} (ATT)"
    headline = explained(found.estimate(0, estimand=words, scale=panel.scale), choice)
    window = [min(int(times[0]), -1), int(times[-1])]
    result = Result(
        method=WHERE,
        headline=headline,
        effects=effects.table(terms, np.full(len(times), count), count),
        design=sizes(panel, count, headline),
        spec=choices(panel, choice, level, window=window, comparison=comparison),
        input_hash=panel.fingerprint,
        relative=relative_change(headline, float(share @ stacks.observed(detail.sample))),
        seed=choice.seed(panel.n_clusters),
        notes=(*panel.notes, *_trimmed(panel, stacks), *choice.warnings),
        detail=detail,
    )
    return effects.banded(result, terms)


def _window(panel: Panel, window: object) -> tuple[int, int]:
    first, last = check_pair("window", window, least=int(panel.periods[0] - panel.periods[-1]), where=WHERE)
    if first < 0 <= last:
        return first, last
    raise OptionError(
        f"window={window!r} does not span the start",
        where=WHERE,
        remedy="Give a first event time of at most -1 and a last one of at least 0, such as (-6, 11).",
    )


def _require(panel: Panel) -> None:
    refuse_unused(
        WHERE,
        "Leave them out, or use did.imputation, did.interaction_weighted or did.att_gt.",
        covariates=panel.covariate_names,
    )
    requirements.require_contrast(panel, WHERE)
    requirements.require_complete(panel, WHERE)


def _refuse_nothing(panel: Panel, stacks: Stacks, first: int, last: int) -> None:
    if stacks.starts.size:
        return
    raise DesignError(
        f"no start has a clean window from {first} to {last}: "
        + first_few(f"{panel.label(g)} ({why})" for g, why in stacks.trimmed),
        where=WHERE,
        remedy="Shorten the window, add units that are never treated, or use did.imputation or did.att_gt.",
    )


def _learn(data: Sample, stacks: Stacks, choice: Choice) -> StackedDetail:
    fit = regression(data, stacks)
    times = stacks.event_times
    before = np.flatnonzero(times < 0)
    eye = np.eye(len(times))[before]
    pretrend = lead_test(
        data,
        fit,
        before,
        lambda: coefficients(data, stacks, eye),
        effect_cells(data, stacks, times < 0),
        choice,
    )
    return StackedDetail(times, data, stacks, fit, pretrend, choice)


def _trimmed(panel: Panel, stacks: Stacks) -> tuple[str, ...]:
    if not stacks.trimmed:
        return ()
    who = first_few((f"{panel.label(g)} ({why})" for g, why in stacks.trimmed), 12)
    return (f"Starts without a clean window, whose units' effects are in no average: {who}.",)
