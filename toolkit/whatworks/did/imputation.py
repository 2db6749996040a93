"""Borusyak, Jaravel and Spiess: impute what would have happened from untreated cells only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from whatworks.answer import explained
from whatworks.arrays import Bools, Floats, Ints
from whatworks.did.linear.bands import banded, plain_band
from whatworks.did.linear.imputed import Imputed, Targets, average, contributions, impute, masses, targets
from whatworks.did.linear.imputed_errors import IMPUTED, Inference, uncertainty, wild_scores
from whatworks.did.linear.leads import Leads, fit_leads
from whatworks.did.regression import requirements
from whatworks.did.regression.answer import choices, sizes
from whatworks.errors import DesignError, check_pair, check_whole, choose, first_few
from whatworks.inference.default import Choice, count_clusters
from whatworks.inference.errors.joint import JointTest
from whatworks.inference.errors.uniform import Band, regression_terms, score_terms, wild_band
from whatworks.inference.errors.wild import WildCluster
from whatworks.inference.fits.rows import by_cluster
from whatworks.inference.percent import relative_change
from whatworks.inference.uncertainty import Uncertainty
from whatworks.panel import Panel
from whatworks.results import NotAvailable, Result

By = Literal["event_time", "cohort", "overall"]

WHERE = "did.imputation"


@dataclass(frozen=True, slots=True, eq=False)
class ImputationDetail:
    """What `did.imputation` computed on the way.

    Attributes:
        effects: the imputed effects and what their averages need.
        event_times: (k,) of the averages, ascending; empty unless `by="event_time"`.
        targets: the k averages.
        lost: one row per treated cell that could not be imputed: unit, period.
        leads: effects before the start from one regression on untreated cells, or why there are none.
        pretrend: joint test that they are all zero, or why there is none.
        choice: the inference used, and why.
    """

    effects: Imputed
    event_times: Ints
    targets: Targets
    lost: pd.DataFrame
    leads: Leads | NotAvailable
    pretrend: JointTest | NotAvailable
    choice: Choice

    @property
    def all_times(self) -> Ints:
        """(l + k,) event times of the leads and of the averages."""
        return (
            self.event_times
            if isinstance(self.leads, NotAvailable)
            else np.append(self.leads.event_time, self.event_times)
        )

    def spread(self) -> Floats:
        """(G, l + k) influence of each cluster on the leads and on the averages, without any factor."""
        data = self.effects.sample
        own = by_cluster(contributions(self.effects, self.targets), data.cluster, data.n_clusters)
        if isinstance(self.leads, NotAvailable):
            return own
        fit, count = self.leads.fit, len(self.leads.event_time)
        return np.concatenate([fit.scores @ fit.bread[:, :count], own], axis=1)


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
    words = f"Average effect on the {count} treated units, {span}, every treated cell by its weight (ATT)"
    headline = explained(numbers.estimate(0, estimand=words, scale=panel.scale), choice)
    table = pd.DataFrame({**numbers.columns()}).iloc[1:].reset_index(drop=True)
    pretrend = before if isinstance(before, NotAvailable) else before.test
    spec: dict[str, object] = {"by": asked.by, "anticipation": asked.anticipation}
    spec |= {"horizons": None if asked.horizons is None else list(asked.horizons)}
    spec |= {"leads": 0 if isinstance(before, NotAvailable) else len(before.event_time)}
    times = keys if asked.by == "event_time" else keys[:0]
    own = Targets(together.share[1 : 1 + len(times)])
    detail = ImputationDetail(found, times, own, _lost(panel, found), before, pretrend, choice)
    result = Result(
        method=WHERE,
        headline=headline,
        effects=_effects(panel, found, table, keys, masks, before, asked.by),
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
    if not times.size:
        return result
    terms = numbers.only(np.arange(len(masks) + 1) > 0)
    if not isinstance(before, NotAvailable):
        terms = before.numbers.followed_by(terms)
    known = np.isfinite(terms.low) | np.isfinite(terms.high) | np.isfinite(terms.std_error)
    return banded(result, detail.all_times[known], _band(detail, terms, known))


def combine(detail: ImputationDetail, combos: Floats, level: float) -> Uncertainty:
    """Uncertainty of combinations (m, k) of the averages by event time, by the inference of the result."""
    share = np.tensordot(combos, detail.targets.share, axes=1)
    return uncertainty(detail.effects, Targets(share), detail.choice, level)


def _band(detail: ImputationDetail, terms: Uncertainty, known: Bools) -> Band | None:
    method, data, before = detail.choice.inference, detail.effects.sample, detail.leads
    if not known.any():
        return None
    if not isinstance(method, WildCluster):
        spread = detail.spread()[:, known]
        return plain_band(detail.choice, terms.only(known), spread.T @ spread)
    count = 0 if isinstance(before, NotAvailable) else len(before.event_time)
    own = Targets(detail.targets.share[known[count:]])
    parts = [score_terms(method, *wild_scores(detail.effects, own))] if len(own.share) else []
    if not isinstance(before, NotAvailable) and known[:count].any():
        contrasts = np.eye(len(before.fit.coefficients))[:count][known[:count]]
        parts.insert(0, regression_terms(method, before.fit, contrasts))
    return wild_band(method, parts, data.n_clusters, level=terms.level)


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


def _effects(
    panel: Panel, found: Imputed, table: pd.DataFrame, keys: Ints, masks: Bools,
    before: Leads | NotAvailable, by: By,
) -> pd.DataFrame:  # fmt: skip
    table["n"] = _units(found, masks)
    front = ["estimate", "std_error", "low", "high", "p_value", "n", "reason"]
    if by == "overall":
        return pd.DataFrame({"term": ["overall"], **table[front]})
    if by == "cohort":
        labels = [panel.label(int(g)) for g in keys]
        return pd.DataFrame({"term": [f"cohort {g}" for g in labels], "cohort": labels, **table[front]})
    table["event_time"] = keys
    if not isinstance(before, NotAvailable):
        table = pd.concat([before.table(), table], ignore_index=True)
    terms = [f"event time {e}" for e in table["event_time"]]
    return pd.DataFrame({"term": terms, "event_time": table["event_time"], **table[front]})


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
