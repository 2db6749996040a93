"""Event study: the effect at each distance from the start, with leads and lags in a two-way regression."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from whatworks.answer import explained
from whatworks.arrays import Bools, Floats, Ints
from whatworks.did.linear.bands import banded, plain_band
from whatworks.did.regression import requirements
from whatworks.did.regression.answer import choices, sizes
from whatworks.did.regression.reassign import ReassignedEvents, of_events, recorded
from whatworks.errors import OptionError
from whatworks.inference.chance.randomisation import RandomisationInference
from whatworks.inference.default import Choice, ClusterCounts, count_clusters
from whatworks.inference.errors.cluster import ClusterRobust, Regression
from whatworks.inference.errors.jackknife import Jackknife
from whatworks.inference.errors.joint import JointTest, joint_test
from whatworks.inference.errors.uniform import Band, regression_terms, wild_band
from whatworks.inference.errors.wild import WildCluster
from whatworks.inference.fits import two_way_effects
from whatworks.inference.percent import relative_change
from whatworks.inference.uncertainty import Uncertainty
from whatworks.panel import Panel
from whatworks.results import NotAvailable, Result

WHERE = "did.event_study"

CONTAMINATED = (
    "Starts are staggered. In one two-way regression the coefficient at each distance also takes in effects "
    "at other distances when cohorts differ in their effects (Sun & Abraham 2021), leads included: use "
    "did.att_gt and aggregate(by='event_time') for the answer, and this only beside it."
)


@dataclass(frozen=True, slots=True, eq=False)
class EventStudyDetail:
    """What `did.event_study` computed on the way.

    Attributes:
        event_times: (J,) distances estimated, ascending, without the reference; a pooled end under its edge.
        pooled: (J,) how many distances each term pools, 1 except at pooled ends.
        observed: (J,) mean outcome of the treated units at each term.
        mass: (J,) summed weights of the treated cells of each term.
        fit: the regression; its first J coefficients are the terms.
        pretrend: joint test that every term before the start is zero, or why there is none.
        choice: the inference used, and why.
    """

    event_times: Ints
    pooled: Ints
    observed: Floats
    mass: Floats
    fit: Regression
    pretrend: JointTest | NotAvailable
    choice: Choice


@dataclass(frozen=True, slots=True, eq=False)
class Distances:
    """Event times of the cells of the units that share a start, ends pooled.

    `group` (N,) is the position of each unit's start among S; `cell` is (S, T), meaningful where `treated`
    (S,); `times` (J,) leaves out the reference.
    """

    group: Ints
    cell: Ints
    treated: Bools
    times: Ints
    pooled: Ints
    reference: int
    ends: tuple[int, int] | None

    @property
    def units(self) -> Ints:
        """(S,) how many units share each start."""
        return np.bincount(self.group, minlength=len(self.cell))

    def at(self, times: Ints) -> Bools:
        """(m, S, T) treated units' cells at each of m event times."""
        return np.asarray((self.cell[None] == times[:, None, None]) & self.treated[:, None])


def event_study(
    panel: Panel,
    *,
    reference: int = -1,
    ends: tuple[int, int] | None = None,
    inference: requirements.Inference | RandomisationInference = None,
    level: float = 0.95,
) -> Result:
    """Effects by distance from the start, each against the reference period.

    The headline is the average over all periods from the start on; `did.average` gives any other window.
    `band_low` and `band_high` hold for all event times at once, where the inference can carry them.
    `detail.pretrend` tests all leads together.

    Args:
        panel: (N, T) outcomes without gaps. Starts may be staggered, which the notes then warn against.
        reference: the distance that every effect is measured against, below 0.
        ends: first and last distance kept apart; what lies beyond is pooled into them, as in (-12, 18).
        inference: `ClusterRobust`, `WildCluster`, `TwoWay`, `DriscollKraay`, `Conley`, `Jackknife`,
            `RandomisationInference`, `Default`, or None for the default of the design.
        level: coverage of the intervals.

    Raises:
        DesignError: missing cells, nothing to compare with, one cluster, distances that cannot be told apart.
        OptionError: a reference or ends outside the panel, inference that does not fit, a level outside
            (0, 1).

    Source: Sun & Abraham (2021), Journal of Econometrics 225(2), equation 4.
    """
    requirements.require_complete(panel, WHERE)
    requirements.require_contrast(panel, WHERE)
    if len(panel.cohorts) == 1:
        requirements.require_comparison(panel, WHERE)
    distances = _distances(panel, reference, ends)
    return _result(panel, distances, _learn(panel, distances, inference), level)


def _result(panel: Panel, distances: Distances, detail: EventStudyDetail, level: float) -> Result:
    choice, ends = detail.choice, distances.ends
    share = (distances.times >= 0) * distances.pooled / distances.pooled[distances.times >= 0].sum()
    words = f"Average effect, event times 0 to {distances.times[-1]}"
    found = combine(detail, share[None], level)
    headline = explained(found.estimate(0, estimand=words, scale=panel.scale), choice)
    design, seed = recorded(
        panel, choice, sizes(panel, int(requirements.treated_units(panel).sum()), headline)
    )
    terms = combine(detail, np.eye(len(distances.times)), level)
    result = Result(
        method=WHERE,
        headline=headline,
        effects=_effects(distances, terms),
        design=design,
        spec=choices(
            panel, choice, level, reference=distances.reference, ends=None if ends is None else list(ends)
        ),
        input_hash=panel.fingerprint,
        relative=relative_change(headline, float(share @ detail.observed)),
        seed=seed,
        notes=(*panel.notes, *((CONTAMINATED,) if len(panel.cohorts) > 1 else ()), *choice.warnings),
        detail=detail,
    )
    known = np.isfinite(terms.std_error)
    return banded(result, distances.times[known], _band(detail, terms, known))


def combine(detail: EventStudyDetail, combos: Floats, level: float) -> Uncertainty:
    """Uncertainty of combinations (m, J) of the effects by event time, by the inference of the result."""
    rest = len(detail.fit.coefficients) - combos.shape[1]
    contrasts = np.pad(combos, ((0, 0), (0, rest)))
    return detail.choice.from_regression(detail.fit, contrasts, level=level)


def _learn(
    panel: Panel, distances: Distances, inference: requirements.Inference | RandomisationInference
) -> EventStudyDetail:
    fit = _fit(panel, distances)
    if isinstance(inference, RandomisationInference):
        choice = Choice(of_events(panel, inference, distances.times, distances.ends), "as asked for")
    else:
        choice = requirements.settle(inference, _counts(panel, requirements.treated_units(panel)), WHERE)
    observed, mass = _observed(panel, distances)
    return EventStudyDetail(
        event_times=distances.times,
        pooled=distances.pooled,
        observed=observed,
        mass=mass,
        fit=fit,
        pretrend=_pretrend(fit, distances.times, choice),
        choice=choice,
    )


def _distances(panel: Panel, reference: int, ends: tuple[int, int] | None) -> Distances:
    starts, group = np.unique(np.minimum(panel.start, panel.periods[-1] + 1), return_inverse=True)
    treated = np.asarray(starts <= panel.periods[-1])
    cell = panel.periods[None, :] - starts[:, None]
    raw = np.unique(cell[treated])
    if ends is not None:
        first, last = ends
        if not raw[0] <= first < last <= raw[-1] or not first < 0 <= last:
            raise OptionError(
                f"ends={ends!r} do not lie on both sides of the start inside {raw[0]} to {raw[-1]}",
                where=WHERE,
                remedy="Give the first and last distance to keep apart, such as (-12, 18).",
            )
        cell = np.clip(cell, first, last)
    kept, pooled = np.unique(raw if ends is None else np.clip(raw, *ends), return_counts=True)
    if reference not in kept or reference >= 0 or pooled[kept == reference][0] > 1:
        raise OptionError(
            f"reference={reference} is not a period before the start that stands alone in the panel",
            where=WHERE,
            remedy=f"Distances before the start are {kept[0]} to -1; the usual reference is -1.",
        )
    apart = kept != reference
    return Distances(group.ravel(), cell, treated, kept[apart], pooled[apart], reference, ends)


def _counts(panel: Panel, treated: Bools) -> ClusterCounts:
    # where every unit is treated in the end, those of later cohorts serve as comparison
    comparison = ~treated if not treated.all() else panel.start > panel.cohorts[0]
    return count_clusters(panel.cluster, treated, comparison)


def _fit(panel: Panel, distances: Distances) -> Regression:
    leads_and_lags = distances.at(distances.times).astype(np.float64)
    names = [f"event time {e}" for e in distances.times] + [f"covariate {c!r}" for c in panel.covariate_names]
    if not len(panel.covariates):
        return two_way_effects.fit_by_group(
            panel.outcome, leads_and_lags, distances.group, names=names, weight=panel.weight,
            cluster=panel.cluster,
        )  # fmt: skip
    regressors = np.concatenate([leads_and_lags[:, distances.group], panel.covariates])
    return two_way_effects.fit(
        panel.outcome, regressors, names=names, weight=panel.weight, cluster=panel.cluster
    )


def _pretrend(fit: Regression, times: Ints, choice: Choice) -> JointTest | NotAvailable:
    before = np.flatnonzero(times < 0)
    if len(before) == 0:
        return NotAvailable("no period before the start besides the reference")
    if isinstance(choice.inference, NotAvailable):
        return choice.inference
    if isinstance(choice.inference, Jackknife):
        return joint_test(fit, before, ClusterRobust())
    if isinstance(choice.inference, ReassignedEvents):
        return choice.inference.joint(before)
    if not isinstance(choice.inference, ClusterRobust | WildCluster):
        return NotAvailable(
            "the joint test of the leads flips residuals of whole clusters, so it needs one-way clusters: "
            "ask for ClusterRobust() or WildCluster()"
        )
    return joint_test(fit, before, choice.inference)


def _observed(panel: Panel, distances: Distances) -> tuple[Floats, Floats]:
    weight = panel.unit_weight
    members = [np.flatnonzero(distances.group == s) for s in range(len(distances.cell))]
    mass = np.array([weight[rows].sum() for rows in members])
    sums = np.stack([weight[rows] @ panel.outcome[rows] for rows in members])
    here = distances.at(distances.times)
    masses = np.asarray((here * mass[:, None]).sum(axis=(1, 2)))
    return np.asarray((here * sums).sum(axis=(1, 2)) / masses), masses


def _band(detail: EventStudyDetail, terms: Uncertainty, known: Bools) -> Band | None:
    if not known.any():
        return None
    fit, method = detail.fit, detail.choice.inference
    contrasts = np.eye(len(fit.coefficients))[: len(known)][known]
    if isinstance(method, WildCluster):
        parts = [regression_terms(method, fit, contrasts)]
        return wild_band(method, parts, fit.n_clusters, level=terms.level)
    half = contrasts @ fit.bread
    return plain_band(detail.choice, terms.only(known), half @ (fit.scores.T @ fit.scores) @ half.T)


def _effects(distances: Distances, found: Uncertainty) -> pd.DataFrame:
    table = pd.DataFrame({**found.columns(), "event_time": distances.times})
    gap = dict.fromkeys(("std_error", "low", "high", "p_value"), np.nan)
    reason = "the reference period, which every effect is measured against"
    own = pd.DataFrame([{"estimate": 0.0, **gap, "event_time": distances.reference, "reason": reason}])
    table = pd.concat([table, own]).sort_values("event_time", ignore_index=True)
    here = distances.at(table["event_time"].to_numpy()).any(axis=2)
    table["n"] = here @ distances.units
    table["term"] = [_term(int(time), distances) for time in table["event_time"]]
    front = ["term", "event_time", "estimate", "std_error", "low", "high", "p_value", "n", "reason"]
    return table[front]


def _term(time: int, distances: Distances) -> str:
    pooled = dict(zip(distances.times.tolist(), distances.pooled.tolist(), strict=True)).get(time, 1) > 1
    if not pooled:
        return f"event time {time}"
    return f"event time {time} and {'earlier' if time < 0 else 'later'}"
