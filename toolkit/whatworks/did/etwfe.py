"""Wooldridge's extended two-way regression: an own effect for every cohort and treated period."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np

from whatworks.arrays import Bools, Ints
from whatworks.did.counts.rate_ratios import etwfe_counts
from whatworks.did.linear.by_event_time import Story, report
from whatworks.did.linear.interacted import interact
from whatworks.did.linear.saturated import CellEffects, Saturated, mass_of, saturate
from whatworks.did.linear.scores import Sample, sample
from whatworks.did.regression import requirements
from whatworks.did.regression.requirements import Inference
from whatworks.errors import check_whole, choose
from whatworks.panel import NEVER, Panel
from whatworks.results import Result

Model = Literal["linear", "poisson"]
Covariates = Literal["plain", "interacted"]

WHERE = "did.etwfe"


def etwfe(
    panel: Panel,
    *,
    model: Model = "linear",
    covariates: Covariates = "plain",
    anticipation: int = 0,
    inference: Inference = None,
    level: float = 0.95,
) -> Result:
    """Effects from a two-way regression with one indicator for every cohort and treated period.

    Periods before the start share the comparison's period effects, so that all of them serve as base and
    there are no effects before the start to test. On a panel without gaps and without covariates the
    estimates are those of `did.imputation`; the errors are the regression's own.

    For counts, `model="poisson"` takes the same indicators into a Poisson regression with unit and period
    effects and exposure. The headline is then a rate ratio: the counts of all treated cells over those
    expected of them without treatment; `relative` is its percent change and `detail.additive` the average
    effect on a treated cell in the outcome's unit. Only the mean needs to be right, not the distribution. A
    cohort and period that counts 0 enters with 0 counts and with the counts expected of it.

    Args:
        panel: (N, T) outcomes, missing cells allowed.
        model: `linear`, or `poisson` for counts (outcomes of at least 0, `exposure` as offset).
        covariates: `plain` regressors, or `interacted` with periods and, around the mean of each cohort, with
            every treated cell: for covariates that do not vary over time.
        anticipation: periods before the start in which effects may begin; they get indicators, too.
        inference: `ClusterRobust`, `WildCluster`, `Jackknife`, `Default`, or None for the default of the
            design.
        level: coverage of the intervals.

    Raises:
        DesignError: nobody treated, no effect after the start identified, one cluster, covariates that the
            fixed effects explain or that vary over time although they are to be interacted; negative counts
            and counts of 0 without a limit.
        OptionError: a choice that does not fit.

    Source: Wooldridge (2021), Two-Way Fixed Effects, the Two-Way Mundlak Regression, and
    Difference-in-Differences Estimators; for counts Wooldridge (2023), Econometrics Journal 26(3).
    """
    choose("model", model, ("linear", "poisson"), where=WHERE)
    choose("covariates", covariates, ("plain", "interacted"), where=WHERE)
    check_whole("anticipation", anticipation, least=0, where=WHERE)
    requirements.refuse_sums(inference, WHERE)
    interacted = covariates == "interacted"
    fit = etwfe_counts if model == "poisson" else _linear
    return fit(
        panel, anticipation=anticipation, interacted=interacted, inference=inference, level=level, where=WHERE
    )


def _linear(
    panel: Panel, *, anticipation: int, interacted: bool, inference: Inference, level: float, where: str
) -> Result:
    requirements.require_contrast(panel, where)
    data = sample(panel, anticipation)
    names = [f"covariate {name!r}" for name in panel.covariate_names]
    classes, own = _classes(panel, data.cohorts, anticipation)
    used = data.observed & (data.untouched | own[data.group])
    if interacted:
        label = np.where(own, classes - panel.n_periods, -1)[data.group]
        data, names = _interacted(panel, data, used, np.where(used, label, -1))
    fit = saturate(data, used, classes, names, where)
    if interacted:
        fit = replace(fit, spent=len(panel.covariate_names))
    story = Story(
        method=where,
        reference=None,
        anticipation=anticipation,
        level=level,
        spec={"model": "linear", "interacted": interacted, "anticipation": anticipation},
        notes=(),
        no_pretrend="this regression sets every effect before the start to zero; did.imputation tests them "
        "on untreated cells alone",
        when_nothing="Wherever units are treated, nobody is left untreated in that period. Add units that "
        "are not treated, end the window before the last start, or shorten the anticipation.",
    )
    later = np.asarray(panel.start > panel.cohorts[0])
    return report(panel, fit, _effects(fit, own), later, inference, story)


def _interacted(panel: Panel, data: Sample, used: Bools, label: Ints) -> tuple[Sample, list[str]]:
    """The sample with interactions in place of the covariates, and their names."""
    regressors, _, names = interact(panel, used * data.weight[:, None], label, WHERE)
    return replace(data, covariates=regressors), list(names)


def _classes(panel: Panel, cohorts: Ints, anticipation: int) -> tuple[Ints, Bools]:
    """(S, T) class codes, common to all cohorts before the start, and which cells have their own."""
    first = np.where(cohorts == NEVER, NEVER, cohorts - np.where(cohorts == NEVER, 0, anticipation))
    own = panel.periods[None, :] >= first[:, None]
    classes = np.tile(np.arange(panel.n_periods), (len(cohorts), 1))
    classes[own] = panel.n_periods + np.arange(int(own.sum()))
    return classes, np.asarray(own)


def _effects(model: Saturated, own: Bools) -> CellEffects:
    part, classes = model.fit.component, model.classes
    mass = mass_of(model.sample, model.fit.used > 0)
    seen = own & (mass > 0)
    linked = part[classes] == part[: classes.shape[1]][None, :]
    cohort, period = np.nonzero(seen & linked)
    contrast = np.zeros((len(cohort), len(part)))
    at = np.arange(len(cohort))
    contrast[at, classes[cohort, period]] = 1
    contrast[at, period] = -1
    lost = tuple((int(s), int(t)) for s, t in np.argwhere(seen & ~linked))
    return CellEffects(cohort, period, mass[cohort, period], contrast, lost)
