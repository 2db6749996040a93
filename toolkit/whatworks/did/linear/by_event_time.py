"""From a saturated regression to a result: averages by event time, their errors, the table."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from whatworks.answer import explained
from whatworks.arrays import Bools, Floats, Ints
from whatworks.did.linear.bands import banded, plain_band
from whatworks.did.linear.saturated import CellEffects, Saturated, coefficients, regression
from whatworks.did.linear.scores import lead_test, stacked_scores
from whatworks.did.linear.wild import THIN_SHARE, pieces, thin_reason, wild
from whatworks.did.regression import requirements
from whatworks.did.regression.answer import choices, sizes
from whatworks.did.regression.requirements import Inference
from whatworks.errors import DesignError, first_few
from whatworks.inference.default import Choice, count_clusters
from whatworks.inference.errors.cluster import Regression
from whatworks.inference.errors.joint import JointTest
from whatworks.inference.errors.uniform import Band, score_terms, wild_band
from whatworks.inference.errors.wild import WildCluster
from whatworks.inference.percent import relative_change
from whatworks.inference.uncertainty import Uncertainty
from whatworks.panel import Panel
from whatworks.results import NotAvailable, Result


@dataclass(frozen=True, slots=True, eq=False)
class SaturatedDetail:
    """What a saturated regression computed on the way.

    Attributes:
        event_times: (k,) of the averages, ascending, without the reference.
        shares: (k, M) weight of each cohort and period in each average.
        cells: the M effects of a cohort in a period.
        estimates: (M,) their values.
        model: the fit.
        fit: the averages as a regression; its k coefficients are the event times.
        pretrend: joint test that all averages before the start are zero, or why there is none.
        choice: the inference used, and why.
        reference: event time that every effect is measured against; None where that is all earlier ones.
    """

    event_times: Ints
    shares: Floats
    cells: CellEffects
    estimates: Floats
    model: Saturated
    fit: Regression
    pretrend: JointTest | NotAvailable
    choice: Choice
    reference: int | None


@dataclass(frozen=True, slots=True, eq=False)
class Story:
    """Words and choices of one method: name, `span` of the headline, reference event time, spec and notes."""

    method: str
    reference: int | None
    anticipation: int
    level: float
    spec: dict[str, object]
    notes: tuple[str, ...]
    no_pretrend: str
    when_nothing: str


def report(
    panel: Panel, model: Saturated, cells: CellEffects, compared: Bools, inference: Inference, story: Story
) -> Result:
    """Averages by event time and overall, cells weighted by their units (the sample shares).

    `compared` (N,) are the units that serve as comparison.

    Raises:
        DesignError: no effect after the start is identified.
        OptionError: an inference object that does not fit.
    """
    data = model.sample
    e = panel.periods[cells.period] - data.cohorts[cells.cohort]
    _refuse_nothing(e, story)
    treated = np.isin(data.group, cells.cohort[e >= 0])
    choice = requirements.settle(inference, count_clusters(panel.cluster, treated, compared), story.method)
    detail = _learn(model, cells, e, choice, story)
    combos = np.vstack([_overall(cells, e, detail.event_times), np.eye(len(detail.event_times))])
    found = combine(detail, combos, story.level)
    words = f"Average effect on the {int(treated.sum())} treated units, all periods from the start"
    headline = explained(
        found.estimate(0, estimand=f"{words}, cohorts by size (ATT)", scale=panel.scale), choice
    )
    units = [int(aim.any(axis=1).sum()) for aim in aims(model, cells, detail.shares)]
    result = Result(
        method=story.method,
        headline=headline,
        effects=_table(found, detail.event_times, units, story.reference),
        design=sizes(panel, int(treated.sum()), headline),
        spec=choices(panel, choice, story.level, **story.spec),
        input_hash=panel.fingerprint,
        relative=relative_change(headline, _observed(model, cells, combos[0] @ detail.shares)),
        seed=choice.seed(panel.n_clusters),
        notes=(*panel.notes, *story.notes, *_lost(panel, model, cells), *choice.warnings),
        detail=detail,
    )
    terms = found.only(np.arange(len(combos)) > 0)
    return banded(result, detail.event_times, _band(detail, terms))


def _refuse_nothing(event_time: Ints, story: Story) -> None:
    if (event_time >= 0).any():
        return
    raise DesignError(
        "no effect after the start is identified", where=story.method, remedy=story.when_nothing
    )


def _overall(cells: CellEffects, event_time: Ints, times: Ints) -> Floats:
    size = ((event_time == times[:, None]) * cells.mass).sum(axis=1) * (times >= 0)
    return np.asarray(size / size.sum())


def _learn(
    model: Saturated, cells: CellEffects, event_time: Ints, choice: Choice, story: Story
) -> SaturatedDetail:
    times = np.unique(event_time)
    size = (event_time == times[:, None]) * cells.mass
    shares = size / size.sum(axis=1, keepdims=True)
    fit = regression(model, shares @ cells.contrast)
    before = np.flatnonzero(times < -story.anticipation)
    pretrend: JointTest | NotAvailable = NotAvailable(story.no_pretrend)
    if before.size:
        rows = shares[before]
        together = np.logical_or.reduce(aims(model, cells, rows))
        pretrend = lead_test(
            model.sample, fit, before, lambda: coefficients(model, rows @ cells.contrast), together, choice
        )
    estimates = cells.contrast @ model.level
    return SaturatedDetail(times, shares, cells, estimates, model, fit, pretrend, choice, story.reference)


def aims(model: Saturated, cells: CellEffects, shares: Floats) -> list[Bools]:
    """(N, T) cells that each average (k, M) is about."""
    out = []
    for row in shares:
        mask = np.zeros(model.classes.shape, dtype=bool)
        mask[cells.cohort[row != 0], cells.period[row != 0]] = True
        out.append(mask[model.sample.group] & (model.fit.used > 0))
    return out


def combine(detail: SaturatedDetail, combos: Floats, level: float) -> Uncertainty:
    """Uncertainty of combinations (m, k) of the averages by event time, by the inference of the result."""
    model, cells, fit, choice = detail.model, detail.cells, detail.fit, detail.choice
    shares = combos @ detail.shares
    if isinstance(choice.inference, NotAvailable):
        return choice.from_regression(fit, combos, level=level)
    if isinstance(choice.inference, WildCluster):
        a = coefficients(model, shares @ cells.contrast)
        return wild(model.sample, a, aims(model, cells, shares), choice.inference, level)
    found = choice.from_regression(fit, combos, level=level)
    alone = pieces(model.sample, model.fit.used > 0)[cells.cohort, cells.period] <= 1 + model.spent
    thin = np.abs(shares) @ alone
    reason = tuple(
        thin_reason(float(s), model.sample, model.spent) if s > THIN_SHARE else words
        for s, words in zip(thin, found.reason, strict=True)
    )
    gap = np.array([bool(words) for words in reason])

    def blank(values: Floats) -> Floats:
        return np.where(gap, np.nan, values)

    return replace(
        found,
        reason=reason,
        std_error=blank(found.std_error),
        low=blank(found.low),
        high=blank(found.high),
        p_value=blank(found.p_value),
    )


def _band(detail: SaturatedDetail, terms: Uncertainty) -> Band | None:
    model, method, fit = detail.model, detail.choice.inference, detail.fit
    if isinstance(method, WildCluster):
        a = coefficients(model, detail.shares @ detail.cells.contrast)
        scores = stacked_scores(model.sample, a, aims(model, detail.cells, detail.shares))
        parts = [score_terms(method, *scores)]
        return wild_band(method, parts, fit.n_clusters, level=terms.level)
    return plain_band(detail.choice, terms, fit.bread @ (fit.scores.T @ fit.scores) @ fit.bread.T)


def _observed(model: Saturated, cells: CellEffects, weights: Floats) -> float:
    data = model.sample
    sums = data.outcome * model.fit.used * data.weight[:, None]
    means = np.stack([sums[data.members(s)].sum(axis=0) for s in range(len(data.cohorts))])
    return float(weights @ (means[cells.cohort, cells.period] / cells.mass))


def _table(found: Uncertainty, times: Ints, units: list[int], reference: int | None) -> pd.DataFrame:
    table = pd.DataFrame(found.columns()).iloc[1:].assign(event_time=times, n=units)
    if reference is not None:
        gap = dict.fromkeys(("std_error", "low", "high", "p_value"), np.nan)
        reason = "the reference period, which every effect is measured against"
        own = {"estimate": 0.0, **gap, "event_time": reference, "n": max(units), "reason": reason}
        table = pd.concat([table, pd.DataFrame([own])])
    table = table.sort_values("event_time", ignore_index=True)
    table["term"] = [f"event time {e}" for e in table["event_time"]]
    return table[["term", "event_time", "estimate", "std_error", "low", "high", "p_value", "n", "reason"]]


def _lost(panel: Panel, model: Saturated, cells: CellEffects) -> tuple[str, ...]:
    notes = []
    gaps = int(panel.outcome.size - model.sample.observed.sum())
    if gaps:
        notes.append(
            f"{gaps:,} of {panel.outcome.size:,} cells are missing; the regression uses those that are there."
        )
    if cells.lost:
        names = first_few(
            (
                f"cohort {panel.label(int(model.sample.cohorts[s]))} in {panel.period_labels[t]}"
                for s, t in cells.lost
            ),
            12,
        )
        notes.append(
            f"{len(cells.lost)} effects of a cohort in a period are not identified (no observed cell of the "
            f"cohort, of its reference period or of the comparison links them) and are in no "
            f"average: {names}."
        )
    return tuple(notes)
