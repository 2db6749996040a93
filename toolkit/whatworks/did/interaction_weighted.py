"""Sun and Abraham: cohort by event-time interactions, averaged by sample shares."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from whatworks.arrays import Bools
from whatworks.did.linear.by_event_time import Story, report
from whatworks.did.linear.saturated import CellEffects, Saturated, mass_of, saturate
from whatworks.did.linear.scores import Sample, sample
from whatworks.did.regression import requirements
from whatworks.errors import check_whole, first_few
from whatworks.panel import NEVER, Panel
from whatworks.results import Result

WHERE = "did.interaction_weighted"


def interaction_weighted(
    panel: Panel,
    *,
    anticipation: int = 0,
    inference: requirements.Inference = None,
    level: float = 0.95,
) -> Result:
    """Effects by event time from a regression with an own effect for every cohort and event time.

    Each cohort's interactions are measured against the last period before its start (and anticipation) and
    against the never treated, or the last cohort where every unit is treated; averages weigh cohorts by
    their weight in the sample. The headline averages all of them from the start on.

    Args:
        panel: (N, T) outcomes, missing cells allowed; covariates enter as regressors.
        anticipation: periods before the start in which effects may begin.
        inference: `ClusterRobust`, `WildCluster`, `Jackknife`, `Default`, or None for the default of the
            design.
        level: coverage of the intervals.

    Raises:
        DesignError: nobody treated, nobody to compare with, no effect after the start identified, one
            cluster, covariates that the fixed effects explain.
        OptionError: a choice that does not fit.

    Source: Sun & Abraham (2021), Journal of Econometrics 225(2); numbers as fixest's `sunab`.
    """
    check_whole("anticipation", anticipation, least=0, where=WHERE)
    requirements.refuse_sums(inference, WHERE)
    requirements.require_contrast(panel, WHERE)
    data, used, notes = _cells_used(panel, anticipation)
    s, t = len(data.cohorts), panel.n_periods
    names = [f"covariate {name!r}" for name in panel.covariate_names]
    model = saturate(data, used, np.arange(s * t).reshape(s, t), names, WHERE)
    cells = _effects(panel, model, anticipation)
    story = Story(
        method=WHERE,
        reference=-1 - anticipation,
        anticipation=anticipation,
        level=level,
        spec={"anticipation": anticipation},
        notes=notes,
        no_pretrend="no period before the start besides the reference",
        when_nothing="Every cohort needs an observed period before its start, and the comparison units the "
        "same periods. did.imputation asks for less.",
    )
    return report(panel, model, cells, data.group == s - 1, inference, story)


def _cells_used(panel: Panel, anticipation: int) -> tuple[Sample, Bools, tuple[str, ...]]:
    """All cells, or those before the last cohort's start where nobody stays untreated, with a note."""
    data = sample(panel, anticipation)
    if data.cohorts[-1] == NEVER:
        # a start just after the window may already be anticipated inside it
        return data, data.observed & (data.untouched | (data.cohorts[data.group] != NEVER)[:, None]), ()
    if len(data.cohorts) < 2:
        requirements.require_comparison(panel, WHERE)
    last = int(data.cohorts[-1])
    members = data.group == len(data.cohorts) - 1
    inside = np.asarray(panel.periods < last - anticipation)
    note = (
        f"Every unit is treated in the end. The last to start ({panel.label(last)}: "
        f"{first_few(panel.units[i] for i in np.flatnonzero(members))}) serve only as comparison, and "
        f"nothing can be estimated from {panel.label(last - anticipation)} on."
    )
    return replace(data, observed=data.observed & inside), data.observed & inside, (note,)


def _effects(panel: Panel, model: Saturated, anticipation: int) -> CellEffects:
    data, part, classes = model.sample, model.fit.component, model.classes
    mass = mass_of(data, model.fit.used > 0)
    base = len(data.cohorts) - 1
    rows: list[tuple[int, int, int]] = []
    lost: list[tuple[int, int]] = []
    for s in range(base):
        before = np.flatnonzero(panel.periods < data.cohorts[s] - anticipation)
        if not before.size:
            lost += [(s, int(t)) for t in np.flatnonzero(mass[s] > 0)]
            continue
        ref = int(before[-1])
        linked = (part[classes[s]] == part[classes[s, ref]]) & (
            part[classes[base]] == part[classes[base, ref]]
        )
        seen = mass[s] > 0
        rows += [(s, int(t), ref) for t in np.flatnonzero(seen & linked) if t != ref]
        lost += [(s, int(t)) for t in np.flatnonzero(seen & ~linked)]
    table = np.array(rows, dtype=np.int64).reshape(-1, 3)
    contrast = np.zeros((len(table), classes.size))
    at = np.arange(len(table))
    cohort, period, origin = table.T
    none = np.full_like(cohort, base)
    for sign, row, column in (
        (1, cohort, period),
        (-1, cohort, origin),
        (-1, none, period),
        (1, none, origin),
    ):
        contrast[at, classes[row, column]] += sign
    return CellEffects(cohort, period, mass[cohort, period], contrast, tuple(lost))
