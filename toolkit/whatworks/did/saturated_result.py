"""From a saturated regression to a result: averages by event time, their errors, the table."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from whatworks.did import requirements
from whatworks.did.null_scores import null_scores
from whatworks.did.regression_result import choices, explained, sizes
from whatworks.did.saturated import CellEffects, Saturated, coefficients, regression
from whatworks.did.thin import THIN_SHARE
from whatworks.did.wild_scores import pieces, thin_reason, wild
from whatworks.errors import first_few
from whatworks.inference.cluster import Regression
from whatworks.inference.default import Choice
from whatworks.inference.draws import DEFAULT_SEED, check_level
from whatworks.inference.joint import REFITTED_CLUSTERS, JointTest, largest_normal, largest_score
from whatworks.inference.percent import relative_change
from whatworks.inference.uncertainty import Uncertainty, unknown
from whatworks.inference.wild import WildCluster
from whatworks.panel import Panel
from whatworks.results import NotAvailable, Result

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


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
    """

    event_times: Ints
    shares: Floats
    cells: CellEffects
    estimates: Floats
    model: Saturated
    fit: Regression
    pretrend: JointTest | NotAvailable
    choice: Choice


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


def report(panel: Panel, model: Saturated, cells: CellEffects, choice: Choice, story: Story) -> Result:
    """Averages by event time and overall, cells weighted by their units (the sample shares)."""
    data = model.sample
    e = panel.periods[cells.period] - data.cohorts[cells.cohort]
    times = np.unique(e)
    member = e[None, :] == times[:, None]
    shares = member * cells.mass / (member * cells.mass).sum(axis=1, keepdims=True)
    after = times >= 0
    overall = (after * (member * cells.mass).sum(axis=1)) / cells.mass[e >= 0].sum()
    fit = regression(model, shares @ cells.contrast)
    combos = np.vstack([overall, np.eye(len(times))])
    found = _uncertainty(model, cells, combos @ shares, combos, fit, choice, story.level)
    pretrend = _pretrend(model, cells, shares, times, fit, choice, story)
    treated = np.isin(data.group, cells.cohort[e >= 0])
    words = f"Average effect on the {int(treated.sum())} treated units, all periods from the start"
    headline = explained(
        found.estimate(0, estimand=f"{words}, cohorts by size (ATT)", scale=panel.scale), choice
    )
    observed = _observed(model, cells, overall @ shares)
    return Result(
        method=story.method,
        headline=headline,
        effects=_table(found, times, _units(model, cells, member), story.reference),
        design=sizes(panel, int(treated.sum()), headline),
        spec=choices(panel, choice, story.level, **story.spec),
        input_hash=panel.fingerprint,
        relative=relative_change(headline, observed),
        seed=requirements.seed_used(choice, panel.n_clusters),
        notes=(*panel.notes, *story.notes, *_lost(panel, model, cells), *choice.warnings),
        detail=SaturatedDetail(
            times, shares, cells, cells.contrast @ model.level, model, fit, pretrend, choice
        ),
    )


def aims(model: Saturated, cells: CellEffects, shares: Floats) -> list[Bools]:
    """(N, T) cells that each average (k, M) is about."""
    out = []
    for row in shares:
        mask = np.zeros(model.classes.shape, dtype=bool)
        mask[cells.cohort[row != 0], cells.period[row != 0]] = True
        out.append(mask[model.sample.group] & (model.fit.used > 0))
    return out


def _uncertainty(
    model: Saturated, cells: CellEffects, shares: Floats, combos: Floats, fit: Regression, choice: Choice,
    level: float,
) -> Uncertainty:  # fmt: skip
    if isinstance(choice.inference, NotAvailable):
        check_level(level)
        return unknown(combos @ fit.coefficients, choice.inference.reason, level=level)
    if isinstance(choice.inference, WildCluster):
        a = coefficients(model, shares @ cells.contrast)
        return wild(model.sample, a, aims(model, cells, shares), choice.inference, level)
    found = requirements.uncertainty(choice, fit, combos, level)
    alone = pieces(model.sample, model.fit.used > 0)[cells.cohort, cells.period] == 1
    thin = np.abs(shares) @ alone
    reason = tuple(
        thin_reason(float(s), model.sample) if s > THIN_SHARE else words
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


def _pretrend(
    model: Saturated, cells: CellEffects, shares: Floats, times: Ints, fit: Regression, choice: Choice,
    story: Story,
) -> JointTest | NotAvailable:  # fmt: skip
    if isinstance(choice.inference, NotAvailable):
        return choice.inference
    before = np.flatnonzero(times < -story.anticipation)
    if not before.size:
        return NotAvailable(story.no_pretrend)
    wild_signs = choice.inference if isinstance(choice.inference, WildCluster) else WildCluster(draws=1999)
    if not isinstance(choice.inference, WildCluster) and fit.n_clusters > REFITTED_CLUSTERS:
        return largest_normal(fit, before, draws=9999, seed=DEFAULT_SEED)
    rows = shares[before]
    together = np.logical_or.reduce(aims(model, cells, rows))
    a = coefficients(model, rows @ cells.contrast)
    scores = [null_scores(model.sample, one, together)[0] for one in a]
    return largest_score(np.stack(scores, axis=1), wild_signs)


def _observed(model: Saturated, cells: CellEffects, weights: Floats) -> float:
    data = model.sample
    sums = data.outcome * model.fit.used * data.weight[:, None]
    means = np.stack([sums[data.members(s)].sum(axis=0) for s in range(len(data.cohorts))])
    return float(weights @ (means[cells.cohort, cells.period] / cells.mass))


def _units(model: Saturated, cells: CellEffects, member: Bools) -> list[int]:
    return [int(aim.any(axis=1).sum()) for aim in aims(model, cells, member.astype(np.float64))]


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
