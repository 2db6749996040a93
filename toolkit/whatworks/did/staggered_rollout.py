"""Roll-outs whose start dates were drawn by lot: the efficient estimator, Fisher's test and its interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import pandas as pd

from whatworks.answer import counted
from whatworks.arrays import Floats, Ints
from whatworks.did.regression import requirements
from whatworks.did.rollout.contrasts import Adjusted, Contrast, Rollout, adjusted, contrast
from whatworks.did.rollout.estimands import ESTIMANDS, WORDS, Row, asked_rows
from whatworks.did.rollout.fisher import Tested, deals, fisher
from whatworks.errors import DesignError, OptionError, choose, first_few, refuse_unused
from whatworks.inference import intervals
from whatworks.inference.chance.chance import Assignments
from whatworks.inference.chance.randomisation import NOT_ABOUT_EFFECTS, UNBOUNDED
from whatworks.inference.draws import DEFAULT_SEED, check_draws, check_level, check_seed
from whatworks.inference.percent import relative_change
from whatworks.panel import Panel
from whatworks.results import Design, Estimate, NotAvailable, Number, Result
from whatworks.shown.words import written

WHERE = "did.staggered_rollout"

Estimand = Literal["simple", "cohort", "calendar", "event_time"]
ErrorKind = Literal["refined", "neyman"]

NO_VARIANCE = "the estimated variance is not above 0, so there is no error of this kind"

NORMAL = NotAvailable("the interval rests on the normal distribution")
NO_DF = NotAvailable("the test refers to the dates that chance could have dealt, not to a t distribution")
NO_MDE = NotAvailable("no smallest detectable effect: Fisher's interval does not rest on a standard error")

FEW_RANDOMISED: Final = 40
"""With fewer randomised units than this a normal interval brings a warning.

On synthetic London (benchmarks/calibration_methods.py) it rejected a true null in 12 to 18% of panels with 12
command units and in 7 to 10% with 32 boroughs.
"""


@dataclass(frozen=True, slots=True, eq=False)
class RolloutDetail:
    """What `did.staggered_rollout` computed on the way.

    Attributes:
        estimate: the headline with both errors and the adjustment β used.
        fisher: Fisher's test of no effect and its interval, whichever the headline shows.
        rollout: the randomised units, by cohort.
        contrast: the headline's weights on cohort means.
    """

    estimate: Adjusted
    fisher: Tested
    rollout: Rollout
    contrast: Contrast


@dataclass(frozen=True, slots=True)
class _Way:
    """How uncertainty is found: by Fisher's test over `design`, or from the error named in `kind`."""

    kind: ErrorKind | None
    beta: float | None
    level: float
    design: Assignments


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """One row's numbers, NaN where `reason` says why."""

    estimate: Adjusted
    fisher: Tested | None
    std_error: float
    low: float
    high: float
    p_value: float
    reason: str


def staggered_rollout(
    panel: Panel,
    *,
    estimand: Estimand = "simple",
    std_error: ErrorKind | None = None,
    beta: float | None = None,
    draws: int = 9999,
    seed: int = DEFAULT_SEED,
    level: float = 0.95,
) -> Result:
    """Effect of a treatment whose start dates were drawn by lot, as exactly as the dates allow.

    Compares each cohort's mean in each treated period with the units not treated yet, and subtracts β times
    the same comparison in the last period before the start, where chance is all that can differ. β = 1 is a
    difference-in-differences, β = 0 a comparison of means; without `beta` it is what makes the variance
    smallest. Tests and intervals are Fisher's: the p-value says how often dates dealt out anew by chance give
    an estimate as large in units of its error, and the interval holds every constant effect not so rejected.

    Args:
        panel: (N, T) outcomes without gaps. With a cluster role the dates were drawn for whole clusters; each
            cluster's mean then counts once.
        estimand: `simple` averages over treated unit-periods; `cohort` over cohorts; `calendar` over periods;
            `event_time` over event times from 0 on, all before and after in the effects table. Periods in
            which everyone is treated do not count.
        std_error: for a normal interval in place of Fisher's: `neyman` (never too small on average) or
            `refined` (takes out what periods before the first start show of unit-level differences in
            effects). Below 40 randomised units that brings a warning: such intervals are too narrow there.
        beta: a fixed adjustment instead of the efficient one.
        draws, seed: deals of the start dates; all are used where there are no more than that (or 10,000).
        level: coverage of the intervals.

    Raises:
        DesignError: missing cells, a cohort of one unit, one start with nobody left untreated, starts that
            differ within a cluster, weights or covariates (which a draw of dates does not have).
        OptionError: an estimand or error that does not exist, draws, seed or level out of range.

    Source: Roth & Sant'Anna (2023), Journal of Political Economy Microeconomics 1(4); Rosenbaum (2002),
    Statistical Science 17(3), for the interval.
    """
    choose("estimand", estimand, ESTIMANDS, where=WHERE)
    if std_error is not None:
        choose("std_error", std_error, ("refined", "neyman"), where=WHERE)
    _check_beta(beta)
    level, draws, seed = check_level(level), check_draws(draws), check_seed(seed)
    rollout = _rollout(panel)
    way = _Way(std_error, beta, level, deals(rollout, draws, seed))
    spec: dict[str, Any] = {"estimand": estimand, "std_error": std_error or "none", "draws": draws}
    spec |= {"level": level, "beta": "efficient" if beta is None else beta}
    return _answer(panel, rollout, estimand, way, spec | {"clustered": panel.cluster is not None})


def _answer(panel: Panel, rollout: Rollout, estimand: str, way: _Way, spec: dict[str, Any]) -> Result:
    whole, parts = asked_rows(panel, rollout, estimand)
    aims = [contrast(rollout, row.weights) for row in (whole, *parts)]
    # Fisher's p-value of the headline stands in the notes whatever was asked for
    asked = len(aims) if way.kind is None else 1
    tested = fisher(rollout, aims[:asked], way.beta, way.design, way.level)
    found = [
        _found(adjusted(rollout, aim, way.beta), tested[i] if i < asked else None, way)
        for i, aim in enumerate(aims)
    ]
    table = _table(rollout, parts or [whole], found[1:] or found)
    detail = RolloutDetail(found[0].estimate, tested[0], rollout, aims[0])
    return _result(panel, detail, table, _headline(panel, rollout, found[0], way, WORDS[estimand]), way, spec)


def _check_beta(beta: float | None) -> None:
    if beta is not None and not np.isfinite(beta):
        raise OptionError(
            f"beta={beta!r} is not a finite number",
            where=WHERE,
            remedy="Leave it out for the efficient one; 1 is a difference-in-differences.",
        )


def _found(estimate: Adjusted, tested: Tested | None, way: _Way) -> _Found:
    """The numbers beside one estimate: by Fisher's test, or from the error asked for."""
    if way.kind is None and tested is not None:
        reason = NO_VARIANCE if np.isnan(estimate.neyman) else ""
        ends = np.array([tested.low, tested.high])
        if not reason and not np.isfinite(ends).all():
            open_ended = UNBOUNDED.format(count=written(way.design.possible))
            reason = NOT_ABOUT_EFFECTS if np.isnan(ends).any() else open_ended
        low, high = np.where(np.isfinite(ends), ends, np.nan)
        error = estimate.neyman
        return _Found(estimate, tested, error, float(low), float(high), tested.p_value, reason)
    error = estimate.refined if way.kind == "refined" else estimate.neyman
    value, spread = np.array(estimate.value), np.array(error)
    ends = np.array(intervals.interval(value, spread, df=NORMAL, level=way.level))
    p_value = float(intervals.p_value(value, spread, df=NORMAL))
    reason = NO_VARIANCE if np.isnan(error) else ""
    return _Found(estimate, tested, error, float(ends[0]), float(ends[1]), p_value, reason)


def _result(
    panel: Panel,
    detail: RolloutDetail,
    table: pd.DataFrame,
    headline: Estimate,
    way: _Way,
    spec: dict[str, Any],
) -> Result:
    rollout = detail.rollout
    observed = float((detail.contrast.treated * rollout.means()).sum())
    return Result(
        method=WHERE,
        headline=headline,
        effects=table,
        design=_design(panel, rollout, headline, way),
        spec=spec,
        input_hash=panel.fingerprint,
        relative=relative_change(headline, observed),
        seed=way.design.seed,
        notes=(*panel.notes, *_notes(panel, detail, way)),
        detail=detail,
    )


def _rollout(panel: Panel) -> Rollout:
    """The randomised units by cohort, or the reason why the panel is no randomised roll-out."""
    requirements.require_complete(panel, WHERE)
    refuse_unused(
        WHERE,
        "Leave the role out: dates drawn by lot make units alike on average, and outcomes before the start "
        "do the adjusting. For weights or covariates use did.att_gt.",
        covariates=panel.covariate_names,
        weight=panel.weight,
    )
    requirements.require_contrast(panel, WHERE)
    if len(panel.cohorts) == 1:
        requirements.require_comparison(panel, WHERE)
    outcome, start = _randomised(panel)
    begins = np.where(start > panel.periods[-1], panel.n_periods, np.searchsorted(panel.periods, start))
    order = np.argsort(begins, kind="stable")
    cohorts, size = np.unique(begins, return_counts=True)
    if size.min() < 2:
        alone = [panel.label(int(panel.periods[b])) for b in cohorts[size < 2] if b < panel.n_periods]
        raise DesignError(
            f"a single unit starts in {first_few(alone)}" if alone else "a single unit stays untreated",
            where=WHERE,
            remedy="With one unit nothing shows how units of that cohort differ by chance. Leave it out with "
            "panel.select, or join neighbouring dates with panel.with_start.",
        )
    return Rollout(outcome[order], size.astype(np.int64), cohorts.astype(np.int64))


def _randomised(panel: Panel) -> tuple[Floats, Ints]:
    """Outcomes and starts of what was randomised: units, or clusters as their means."""
    if panel.cluster is None:
        return panel.outcome, panel.start
    size = np.bincount(panel.cluster, minlength=panel.n_clusters)
    first = np.full(panel.n_clusters, np.iinfo(np.int64).max)
    np.minimum.at(first, panel.cluster, panel.start)
    mixed = np.unique(panel.cluster[panel.start != first[panel.cluster]])
    if len(mixed):
        raise DesignError(
            f"starts differ within {first_few(panel.cluster_labels[int(c)] for c in mixed)}",
            where=WHERE,
            remedy="A cluster role says that dates were drawn for whole clusters. Where they were drawn for "
            "units, leave the role out.",
        )
    sums = np.zeros((panel.n_clusters, panel.n_periods))
    np.add.at(sums, panel.cluster, panel.outcome)
    return sums / size[:, None], first


def _table(rollout: Rollout, rows: list[Row], found: list[_Found]) -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "term": [row.term for row in rows],
            "estimate": [one.estimate.value for one in found],
            "std_error": [one.std_error for one in found],
            "low": [one.low for one in found],
            "high": [one.high for one in found],
            "p_value": [one.p_value for one in found],
            "n": [int(rollout.size[(row.weights != 0).any(axis=1)].sum()) for row in rows],
            "reason": [one.reason for one in found],
        }
    )
    for name in rows[0].place:
        table[name] = [row.place[name] for row in rows]
    return table


def _headline(panel: Panel, rollout: Rollout, found: _Found, way: _Way, over: str) -> Estimate:
    def number(one: float) -> Number:
        return one if np.isfinite(one) else NotAvailable(found.reason)

    word = "units" if panel.cluster is None else "clusters"
    how = _test_words(panel, way)
    how += "; the interval holds every constant effect that it does not reject, and the error is Neyman's"
    if way.kind is not None:
        how = f"{way.kind} standard error, as asked for; normal interval"
    return Estimate(
        estimand=f"Average effect on the {_treated(rollout)} {word} treated while others are not yet, {over} "
        "(ATT)",
        value=found.estimate.value,
        std_error=number(found.std_error),
        low=number(found.low),
        high=number(found.high),
        level=way.level,
        p_value=number(found.p_value),
        df=NO_DF if way.kind is None else NORMAL,
        inference=f"Start dates drawn by lot: {how}.",
        scale=panel.scale,
    )


def _test_words(panel: Panel, way: _Way) -> str:
    design = way.design
    how = design.used_of("deals of the start dates")
    word = "units" if panel.cluster is None else "clusters"
    return f"Fisher's randomisation test over {len(design.unit)} {word} ({how}, the actual one counted)"


def _treated(rollout: Rollout) -> int:
    return int(rollout.size[rollout.comparable().any(axis=1)].sum())


def _design(panel: Panel, rollout: Rollout, headline: Estimate, way: _Way) -> Design:
    error = headline.std_error
    return Design(
        n_units=panel.n_units,
        n_periods=panel.n_periods,
        n_clusters=panel.n_clusters,
        n_treated=_treated(rollout),
        allocations=counted(way.design.possible, "more than 10^300 ways to deal out the start dates"),
        mde=NO_MDE if way.kind is None else intervals.smallest_detectable(error, NORMAL, headline.level),
    )


def _notes(panel: Panel, detail: RolloutDetail, way: _Way) -> list[str]:
    rollout = detail.rollout
    word = "units" if panel.cluster is None else "clusters"
    notes = [
        f"Assumes that chance alone decided which {word} started when, and that nothing changed before the "
        "start because it was coming.",
        f"Adjustment for the last period before the start: β = {detail.estimate.beta:.3g} (1 would be a "
        "difference-in-differences, 0 a comparison of means).",
    ]
    if way.kind is not None:
        notes += _beside_normal(panel, detail, way)
    if panel.cluster is not None:
        notes.append(
            f"Dates were drawn for whole clusters: the mean of each of the {panel.n_clusters} counts once."
        )
    if rollout.begins[-1] < panel.n_periods:
        last = panel.period_labels[int(rollout.begins[-1])]
        notes.append(
            f"From {last} on everyone is treated; those periods have no comparison and do not count."
        )
    return notes


def _beside_normal(panel: Panel, detail: RolloutDetail, way: _Way) -> list[str]:
    notes = []
    if np.isfinite(detail.fisher.p_value):
        notes.append(f"{_test_words(panel, way)}: p = {detail.fisher.p_value:.3g} for no effect on any.")
    units = len(detail.rollout.outcome)
    if units < FEW_RANDOMISED:
        word = "units" if panel.cluster is None else "clusters"
        notes.append(
            f"Only {units} {word} were randomised, too few for a normal interval: on simulated panels like "
            "London's such a 5% test rejected a true null in 12 to 18% of cases with 12 of them and in 7 to "
            "10% with 32. Leave std_error out for Fisher's test, which keeps its 5%."
        )
    return notes
