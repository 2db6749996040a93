"""From a saturated regression to a result: averages by event time, their errors, the table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from whatworks.answer import explained, the_treated
from whatworks.arrays import Bools, Floats, Ints
from whatworks.did.effects import ByEventTime
from whatworks.did.linear.saturated import CellEffects, Saturated, coefficients, regression
from whatworks.did.linear.scores import lead_test
from whatworks.did.linear.wild import THIN_SHARE, ScoredErrors, pieces, thin_reason
from whatworks.did.regression import requirements
from whatworks.did.regression.answer import choices, sizes
from whatworks.did.regression.requirements import Inference
from whatworks.errors import DesignError, first_few
from whatworks.inference.default import Choice, count_clusters
from whatworks.inference.errors.cluster import Regression
from whatworks.inference.errors.joint import JointTest
from whatworks.inference.percent import relative_change
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
        reference: event time that every effect is measured against; where `apart`, the last one before
            effects may begin.
        apart: why effects are not measured against one event time; empty where they are.
    """

    event_times: Ints
    shares: Floats
    cells: CellEffects
    estimates: Floats
    model: Saturated
    fit: Regression
    pretrend: JointTest | NotAvailable
    choice: Choice
    reference: int
    apart: str = ""

    @property
    def by_event_time(self) -> ByEventTime:
        """The averages, for every question about event times."""
        count = len(self.event_times)
        return ByEventTime(
            times=self.event_times,
            estimates=self.fit.coefficients,
            reference=self.reference,
            pooled=np.ones(count, dtype=np.int64),
            mass=(self.shares > 0) @ self.cells.mass,
            headline="cells",
            choice=self.choice,
            n_clusters=self.fit.n_clusters,
            errors=ScoredErrors(
                fit=self.fit,
                choice=self.choice,
                count=count,
                sample=self.model.sample,
                made_of=lambda weights: coefficients(self.model, weights @ self.shares @ self.cells.contrast),
                aims=lambda weights: aims(self.model, self.cells, weights @ self.shares),
                lone=self._lone,
            ),
            apart=self.apart,
        )

    def _lone(self, weights: Floats) -> tuple[str, ...]:
        model, cells = self.model, self.cells
        alone = pieces(model.sample, model.fit.used > 0)[cells.cohort, cells.period] <= 1 + model.spent
        thin = np.abs(weights @ self.shares) @ alone
        return tuple(thin_reason(float(s), model.sample, model.spent) if s > THIN_SHARE else "" for s in thin)


@dataclass(frozen=True, slots=True, eq=False)
class Story:
    """Words and choices of one method: name, why there is no reference (`apart`), spec and notes."""

    method: str
    apart: str
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
    effects = detail.by_event_time
    share = effects.share(effects.times >= 0, effects.headline)
    found = effects.combine(np.vstack([share, np.eye(len(share))]), story.level)
    terms = found.only(np.arange(len(share) + 1) > 0)
    words = f"Average effect on {the_treated(int(treated.sum()))}, all periods from the start"
    headline = explained(
        found.estimate(0, estimand=f"{words}, cohorts by size (ATT)", scale=panel.scale), choice
    )
    units = np.array([aim.any(axis=1).sum() for aim in aims(model, cells, detail.shares)])
    result = Result(
        method=story.method,
        headline=headline,
        effects=effects.table(terms, units, units.max()),
        design=sizes(panel, int(treated.sum()), headline),
        spec=choices(panel, choice, story.level, **story.spec),
        input_hash=panel.fingerprint,
        relative=relative_change(headline, _observed(model, cells, share @ detail.shares)),
        seed=choice.seed(panel.n_clusters),
        notes=(*panel.notes, *story.notes, *_lost(panel, model, cells), *choice.warnings),
        detail=detail,
    )
    return effects.banded(result, terms)


def _refuse_nothing(event_time: Ints, story: Story) -> None:
    if (event_time >= 0).any():
        return
    raise DesignError(
        "no effect after the start is identified", where=story.method, remedy=story.when_nothing
    )


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
    reference = -1 - story.anticipation
    return SaturatedDetail(
        times, shares, cells, estimates, model, fit, pretrend, choice, reference, story.apart
    )


def aims(model: Saturated, cells: CellEffects, shares: Floats) -> list[Bools]:
    """(N, T) cells that each average (k, M) is about."""
    out = []
    for row in shares:
        mask = np.zeros(model.classes.shape, dtype=bool)
        mask[cells.cohort[row != 0], cells.period[row != 0]] = True
        out.append(mask[model.sample.group] & (model.fit.used > 0))
    return out


def _observed(model: Saturated, cells: CellEffects, weights: Floats) -> float:
    data = model.sample
    sums = data.outcome * model.fit.used * data.weight[:, None]
    means = np.stack([sums[data.members(s)].sum(axis=0) for s in range(len(data.cohorts))])
    return float(weights @ (means[cells.cohort, cells.period] / cells.mass))


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
