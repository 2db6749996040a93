"""Borusyak, Jaravel and Spiess: impute what would have happened from untreated cells only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from whatworks.answer import explained, the_treated
from whatworks.arrays import Bools, Floats, Ints
from whatworks.did.effects import ByEventTime, Covariance, from_contributions
from whatworks.did.linear.imputed import (
    Imputed,
    Targets,
    average,
    coefficients,
    contributions,
    impute,
    masses,
    targets,
)
from whatworks.did.linear.imputed_errors import IMPUTED, Inference, uncertainty, wild_scores
from whatworks.did.linear.leads import Leads, fit_leads
from whatworks.did.regression import requirements
from whatworks.did.regression.answer import choices, sizes
from whatworks.errors import DesignError, check_pair, check_whole, choose, first_few
from whatworks.inference.default import Choice, count_clusters
from whatworks.inference.errors.joint import JointTest
from whatworks.inference.errors.uniform import Terms, regression_terms, score_terms
from whatworks.inference.errors.wild import WildCluster
from whatworks.inference.fits.rows import by_cluster
from whatworks.inference.percent import relative_change
from whatworks.inference.uncertainty import Uncertainty
from whatworks.panel import Panel
from whatworks.results import NotAvailable, Result

By = Literal["event_time", "cohort", "overall"]

WHERE = "did.imputation"

_TWO_BASES = (
    "effects after the start are measured against all untreated cells together, leads against the earliest "
    "of them: the two have no reference in common"
)


@dataclass(frozen=True, slots=True, eq=False)
class ImputationDetail:
    """What `did.imputation` computed on the way.

    Attributes:
        effects: the imputed effects and what their averages need.
        distance: (S, T) event time of each cohort's cells; far below 0 for the never treated.
        anticipation: periods before the start in which effects may begin.
        event_times: (k,) of the averages, ascending; empty unless `by="event_time"`.
        targets: the k averages.
        lost: one row per treated cell that could not be imputed: unit, period.
        leads: effects before the start from one regression on untreated cells, or why there are none.
        pretrend: joint test that they are all zero, or why there is none.
        choice: the inference used, and why.
    """

    effects: Imputed
    distance: Ints
    anticipation: int
    event_times: Ints
    targets: Targets
    lost: pd.DataFrame
    leads: Leads | NotAvailable
    pretrend: JointTest | NotAvailable
    choice: Choice

    @property
    def by_event_time(self) -> ByEventTime | None:
        """The l leads and k averages, for every question about event times; None where rows are others."""
        if not self.event_times.size:
            return None
        times, values = self.event_times, average(self.effects, self.targets, self.effects.gap)
        mass = ((self.targets.share != 0) * masses(self.effects)).sum(axis=(1, 2))
        if isinstance(self.leads, Leads):
            times = np.append(self.leads.event_time, times)
            values = np.append(self.leads.numbers.value, values)
            mass = np.append(np.zeros(len(self.leads.event_time)), mass)
        return ByEventTime(
            times=times,
            estimates=values,
            reference=-1 - self.anticipation,
            pooled=np.ones(len(times), dtype=np.int64),
            mass=mass,
            headline="cells",
            choice=self.choice,
            n_clusters=self.effects.sample.n_clusters,
            errors=ImputedErrors(self.effects, self.targets, self.leads, self.choice),
            apart=_TWO_BASES,
            earliest=int(self.event_times[0]),
        )

    def outcome_weights(self, last: int | None) -> Floats:
        """(N, T) weight of each outcome in the average of all cells at event times 0 to `last`."""
        inside = (self.distance >= 0) & (True if last is None else self.distance <= last)
        aim = np.asarray(inside & (masses(self.effects) > 0))
        return coefficients(self.effects, targets(self.effects, aim[None]))[0]


@dataclass(frozen=True, slots=True, eq=False)
class ImputedErrors:
    """Of leads from a regression and of averages of imputed effects, in this order."""

    effects: Imputed
    targets: Targets
    leads: Leads | NotAvailable
    choice: Choice

    @property
    def _count(self) -> int:
        return len(self.leads.event_time) if isinstance(self.leads, Leads) else 0

    def _combined(self, weights: Floats) -> Targets:
        return Targets(np.tensordot(weights[:, self._count :], self.targets.share, axes=1))

    def uncertainty(self, weights: Floats, level: float) -> Uncertainty:
        """Conservative, or from scores; of averages alone."""
        return uncertainty(self.effects, self._combined(weights), self.choice, level)

    def covariance(self) -> Covariance:
        """From contributions within clusters, those of the leads with the factor of their own errors."""
        data, piece = self.effects.sample, "unit" if self.effects.sample.cluster is None else "cluster"
        sums = by_cluster(contributions(self.effects, self.targets), data.cluster, data.n_clusters)
        return from_contributions(
            sums, self.choice, "conservative contributions", piece, before=self._lead_contributions()
        )

    def outcomes(self, weights: Floats) -> list[Floats]:
        """Of the averages."""
        return coefficients(self.effects, self._combined(weights))

    def redrawn(self, method: WildCluster, keep: Bools) -> list[Terms]:
        """Leads refitted, averages from scores, in the same draws."""
        parts = []
        if isinstance(self.leads, Leads) and keep[: self._count].any():
            contrasts = np.eye(self._count, len(self.leads.fit.coefficients))[keep[: self._count]]
            parts.append(regression_terms(method, self.leads.fit, contrasts))
        if keep[self._count :].any():
            own = Targets(self.targets.share[keep[self._count :]])
            parts.append(score_terms(method, *wild_scores(self.effects, own)))
        return parts

    def _lead_contributions(self) -> Floats:
        if isinstance(self.leads, NotAvailable):
            return np.zeros((self.effects.sample.n_clusters, 0))
        fit, own = self.leads.fit, np.nan_to_num(self.leads.numbers.std_error)
        sums = fit.scores @ fit.bread[:, : self._count]
        return np.asarray(sums * (own / np.maximum(np.sqrt((sums**2).sum(axis=0)), np.finfo(float).tiny)))


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    by: By
    horizons: tuple[int, int] | None
    anticipation: int
    level: float


def imputation(
    panel: Panel,
    *,
    by: By = "event_time",
    horizons: tuple[int, int] | None = None,
    leads: int | None = None,
    anticipation: int = 0,
    inference: Inference = None,
    level: float = 0.95,
) -> Result:
    """Average effect on the treated against outcomes imputed from untreated cells.

    Unit and period effects (and covariates) are fitted on untreated cells alone, so that no unit already
    treated serves as comparison. Starts may be staggered and cells may be missing. The headline averages
    every treated cell that can be imputed, by unit weight. `band_low` and `band_high` hold for all event
    times at once, leads included, where the inference can carry them.

    Args:
        panel: (N, T) outcomes, missing cells allowed.
        by: rows of the effects table: `event_time`, `cohort` or `overall`.
        horizons: first and last event time averaged; all from the start on without.
        leads: periods before the start that the pre-trend regression estimates, against all earlier ones;
            without, one fewer than the earliest cohort has, 12 at most.
        anticipation: periods before the start in which effects may begin; they are imputed, too.
        inference: `Analytical` (conservative errors), `WildCluster`, `Default`, or None for the default.
        level: coverage of the intervals.

    Raises:
        DesignError: nobody treated, no treated cell whose unit and period effects are identified, covariates
            that the fixed effects explain, one cluster.
        OptionError: a choice that does not exist or does not fit.

    Source: Borusyak, Jaravel & Spiess (2024), Review of Economic Studies 91(6), theorems 2 and 3.
    """
    choose("by", by, ("event_time", "cohort", "overall"), where=WHERE)
    check_whole("anticipation", anticipation, least=0, where=WHERE)
    if leads is not None:
        check_whole("leads", leads, least=0, where=WHERE)
    if horizons is not None:
        check_pair("horizons", horizons, least=-anticipation, where=WHERE)
    requirements.require_contrast(panel, WHERE)
    found = impute(panel, anticipation, WHERE)
    asked = _Asked(by, horizons, anticipation, level)
    aim = _cells(panel, found, horizons or (0, int(panel.periods[-1] - panel.periods[0])))
    _refuse_nothing(panel, found, aim)
    treated = np.asarray((found.cells & aim[found.sample.group]).any(axis=1))
    later = np.asarray(panel.start > panel.cohorts[0])
    choice = IMPUTED.settle(inference, count_clusters(panel.cluster, treated, later), WHERE)
    before = fit_leads(panel, found, leads, anticipation, choice, level, WHERE)
    return _result(panel, found, aim, choice, before, asked)


def _result(
    panel: Panel, found: Imputed, aim: Bools, choice: Choice, before: Leads | NotAvailable, asked: _Asked
) -> Result:
    masks, keys = _terms(panel, found, aim, asked)
    together = targets(found, np.concatenate([aim[None], masks]))
    numbers = uncertainty(found, together, choice, asked.level)
    count = int(_units(found, aim[None])[0])
    span = (
        "all periods from the start"
        if asked.horizons is None
        else f"event times {asked.horizons[0]} to {asked.horizons[1]}"
    )
    words = f"Average effect on {the_treated(count)}, {span}, every treated cell by its weight (ATT)"
    headline = explained(numbers.estimate(0, estimand=words, scale=panel.scale), choice)
    pretrend = before if isinstance(before, NotAvailable) else before.test
    spec: dict[str, object] = {"by": asked.by, "anticipation": asked.anticipation}
    spec |= {"horizons": None if asked.horizons is None else list(asked.horizons)}
    spec |= {"leads": 0 if isinstance(before, NotAvailable) else len(before.event_time)}
    times = keys if asked.by == "event_time" else keys[:0]
    own = Targets(together.share[1 : 1 + len(times)])
    detail = ImputationDetail(
        found, _event_time(panel, found), asked.anticipation, times, own, _lost(panel, found), before,
        pretrend, choice,
    )  # fmt: skip
    terms, units = numbers.only(np.arange(len(masks) + 1) > 0), _units(found, masks)
    effects = detail.by_event_time
    if effects is not None and isinstance(before, Leads):
        terms, units = before.numbers.followed_by(terms), np.append(before.units, units)
    result = Result(
        method=WHERE,
        headline=headline,
        effects=_rows(panel, asked.by, terms, keys, units)
        if effects is None
        else effects.table(terms, units),
        design=sizes(panel, count, headline),
        spec=choices(panel, choice, asked.level, **spec),
        input_hash=panel.fingerprint,
        relative=relative_change(
            headline, float(average(found, Targets(together.share[:1]), found.sample.outcome)[0])
        ),
        seed=choice.seed(panel.n_clusters),
        notes=(*panel.notes, *_notes(panel, found), *choice.warnings),
        detail=detail,
    )
    return result if effects is None else effects.banded(result, terms)


def _event_time(panel: Panel, found: Imputed) -> Ints:
    """(S, T) period − start; far below 0 for the cohort never treated."""
    return np.asarray(panel.periods[None, :] - found.sample.cohorts[:, None])


def _cells(panel: Panel, found: Imputed, window: tuple[int, int]) -> Bools:
    e = _event_time(panel, found)
    return np.asarray((e >= window[0]) & (e <= window[1]) & (masses(found) > 0))


def _terms(panel: Panel, found: Imputed, aim: Bools, asked: _Asked) -> tuple[Bools, Ints]:
    """Masks (k, S, T) of the rows of the effects table, and their event times or cohorts."""
    if asked.by == "overall":
        return aim[None], np.zeros(1, dtype=np.int64)
    if asked.by == "cohort":
        keep = np.flatnonzero(aim.any(axis=1))
        rows = np.arange(len(aim))[None, :] == keep[:, None]
        return rows[:, :, None] & aim[None], found.sample.cohorts[keep]
    e = _event_time(panel, found)
    first = -asked.anticipation if asked.horizons is None else asked.horizons[0]
    shown = aim | ((e >= first) & (e < 0) & (masses(found) > 0))
    keys = np.unique(e[shown])
    return (e[None] == keys[:, None, None]) & shown[None], keys


def _rows(panel: Panel, by: By, found: Uncertainty, keys: Ints, units: Ints) -> pd.DataFrame:
    """The effects table by cohort or overall."""
    table = pd.DataFrame({**found.columns(), "n": units})
    front = table[["estimate", "std_error", "low", "high", "p_value", "n", "reason"]]
    if by == "overall":
        return pd.DataFrame({"term": ["overall"], **front})
    labels = [panel.label(int(g)) for g in keys]
    return pd.DataFrame({"term": [f"cohort {g}" for g in labels], "cohort": labels, **front})


def _units(found: Imputed, masks: Bools) -> Ints:
    """(k,) units with a cell in each (k, S, T) mask."""
    out = np.zeros(len(masks), dtype=np.int64)
    for s in np.flatnonzero(masks.any(axis=(0, 2))):
        cells = found.cells[found.sample.members(int(s))].astype(np.float64)
        out += (cells @ masks[:, s].T > 0).sum(axis=0)
    return out


def _refuse_nothing(panel: Panel, found: Imputed, aim: Bools) -> None:
    if aim.any():
        return
    if found.cells.any():
        raise DesignError(
            "no treated cell that can be imputed lies inside the event times asked for",
            where=WHERE,
            remedy="Widen horizons, or leave them out for every period from the start on.",
        )
    raise DesignError(
        "no treated cell can be imputed: wherever units are treated, nobody is left untreated in that "
        "period, or the unit has no untreated cell of its own",
        where=WHERE,
        remedy="Add units that are not treated, end the window before the last start, begin it earlier, or "
        "shorten the anticipation.",
    )


def _lost(panel: Panel, found: Imputed) -> pd.DataFrame:
    labels = panel.period_labels
    rows = [(panel.units[i], labels[t]) for i, t in np.argwhere(found.lost)]
    return pd.DataFrame(rows, columns=["unit", "period"])


def _notes(panel: Panel, found: Imputed) -> tuple[str, ...]:
    notes = []
    gaps = int(panel.outcome.size - found.sample.observed.sum())
    if gaps:
        notes.append(
            f"{gaps:,} of {panel.outcome.size:,} cells are missing. The fit uses the untreated cells that "
            "are there, and the average the treated cells that are there."
        )
    if found.lost.any():
        cells = first_few(
            (f"{panel.units[i]} {panel.period_labels[t]}" for i, t in np.argwhere(found.lost)), 12
        )
        notes.append(
            f"{int(found.lost.sum()):,} treated cells cannot be imputed and are in no average, because their "
            "unit has no untreated cell or their period no untreated unit to link it with the rest: "
            f"{cells}."
        )
    return tuple(notes)
