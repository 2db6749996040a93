"""Roll-outs whose start dates were drawn by lot: the efficient estimator, and Fisher's test of no effect."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb, lgamma
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from whatworks.did import requirements
from whatworks.did.rollout_contrasts import Adjusted, Contrast, Rollout, adjusted, contrast, permuted
from whatworks.errors import DesignError, OptionError, choose, first_few
from whatworks.inference import intervals
from whatworks.inference.draws import DEFAULT_SEED, check_draws, check_level, check_seed
from whatworks.inference.percent import relative_change
from whatworks.panel import Panel
from whatworks.results import Design, Estimate, NotAvailable, Number, Result

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

WHERE = "did.staggered_rollout"

ESTIMANDS = ("simple", "cohort", "calendar", "event_time")
Estimand = Literal["simple", "cohort", "calendar", "event_time"]
ErrorKind = Literal["refined", "neyman"]

WORDS = {
    "simple": "over all treated unit-periods",
    "cohort": "over cohorts, each over its periods",
    "calendar": "over periods, each over the units treated by then",
    "event_time": "over event times from 0 on",
}

NO_VARIANCE = "the estimated variance is not above 0, so there is no error of this kind"

NORMAL = NotAvailable("the interval rests on the normal distribution")


@dataclass(frozen=True, slots=True, eq=False)
class RolloutDetail:
    """What `did.staggered_rollout` computed on the way.

    Attributes:
        estimate: the headline with both errors and the adjustment β used.
        fisher_p: p-value of no effect on any unit, from permuted start dates, the actual ones counted.
        statistic: |estimate / Neyman error|, what the permutations are compared by.
        rollout: the randomised units, by cohort.
        contrast: the headline's weights on cohort means.
    """

    estimate: Adjusted
    fisher_p: float
    statistic: float
    rollout: Rollout
    contrast: Contrast


@dataclass(frozen=True, slots=True)
class _Row:
    """One line of the effects table: its words, its place, and its weights on cells (G, T)."""

    term: str
    place: dict[str, str | int]
    weights: Floats


def staggered_rollout(
    panel: Panel,
    *,
    estimand: Estimand = "simple",
    std_error: ErrorKind | None = None,
    beta: float | None = None,
    draws: int = 999,
    seed: int = DEFAULT_SEED,
    level: float = 0.95,
) -> Result:
    """Effect of a treatment whose start dates were drawn by lot, as exactly as the dates allow.

    Compares each cohort's mean in each treated period with the units not treated yet, and subtracts β times
    the same comparison in the last period before the start, where chance is all that can differ. β = 1 is a
    difference-in-differences, β = 0 a comparison of means; without `beta` it is what makes the variance
    smallest. `detail.fisher_p` and the notes give Fisher's test, which needs no large sample.

    Args:
        panel: (N, T) outcomes without gaps. With a cluster role the dates were drawn for whole clusters; each
            cluster's mean then counts once.
        estimand: `simple` averages over treated unit-periods; `cohort` over cohorts; `calendar` over periods;
            `event_time` over event times from 0 on, all before and after in the effects table. Periods in
            which everyone is treated do not count.
        std_error: `refined` (takes out what periods before the first start show of unit-level differences in
            effects) or `neyman` (never too small on average); by default refined, or Neyman where a cohort
            has too few units for that (no more than such periods plus one).
        beta: a fixed adjustment instead of the efficient one.
        draws, seed: permutations of the start dates for Fisher's test.
        level: coverage of the intervals, which are normal.

    Raises:
        DesignError: missing cells, a cohort of one unit, one start with nobody left untreated, starts that
            differ within a cluster, weights or covariates (which a draw of dates does not have).
        OptionError: an estimand or error that does not exist, draws, seed or level out of range.

    Source: Roth & Sant'Anna (2023), Journal of Political Economy Microeconomics 1(4).
    """
    choose("estimand", estimand, ESTIMANDS, where=WHERE)
    _check_beta(beta)
    level, draws, seed = check_level(level), check_draws(draws), check_seed(seed)
    rollout = _rollout(panel)
    kind, why = _error_kind(std_error, rollout)
    whole, parts = _rows(panel, rollout, estimand)
    detail = _learn(rollout, whole, beta, draws, seed)
    spec: dict[str, Any] = {"estimand": estimand, "std_error": kind, "draws": draws, "level": level}
    spec |= {"beta": "efficient" if beta is None else beta, "clustered": panel.cluster is not None}
    table = _table(rollout, parts or [whole], kind, beta, level)
    how = (f"{kind} standard error ({why})", WORDS[estimand])
    return _result(panel, detail, table, getattr(detail.estimate, kind), how, spec, seed)


def _check_beta(beta: float | None) -> None:
    if beta is not None and not np.isfinite(beta):
        raise OptionError(
            f"beta={beta!r} is not a finite number",
            where=WHERE,
            remedy="Leave it out for the efficient one; 1 is a difference-in-differences.",
        )


def _learn(rollout: Rollout, whole: _Row, beta: float | None, draws: int, seed: int) -> RolloutDetail:
    aim = contrast(rollout, whole.weights)
    statistic, dealt = permuted(rollout, aim, beta, draws, seed)
    fisher = float((1 + (dealt >= statistic * (1 - 1e-9)).sum()) / (1 + draws))
    return RolloutDetail(adjusted(rollout, aim, beta), fisher, statistic, rollout, aim)


def _result(
    panel: Panel,
    detail: RolloutDetail,
    table: pd.DataFrame,
    error: float,
    how: tuple[str, str],
    spec: dict[str, Any],
    seed: int,
) -> Result:
    rollout = detail.rollout
    treated = int(rollout.size[rollout.comparable().any(axis=1)].sum())
    headline = _headline(panel, detail.estimate.value, error, how, treated, spec["level"])
    observed = float((detail.contrast.treated * rollout.means()).sum())
    return Result(
        method=WHERE,
        headline=headline,
        effects=table,
        design=_design(panel, rollout, treated, headline),
        spec=spec,
        input_hash=panel.fingerprint,
        relative=relative_change(headline, observed),
        seed=seed,
        notes=(*panel.notes, *_notes(panel, detail, spec["draws"])),
        detail=detail,
    )


def _rollout(panel: Panel) -> Rollout:
    """The randomised units by cohort, or the reason why the panel is no randomised roll-out."""
    requirements.require_complete(panel, WHERE)
    for name, given in (("weight", panel.weight is not None), ("covariates", bool(panel.covariate_names))):
        if given:
            raise DesignError(
                f"the panel has {name}, which this estimator does not use",
                where=WHERE,
                remedy="Leave the role out: dates drawn by lot make units alike on average, and outcomes "
                "before the start do the adjusting. For weights or covariates use did.att_gt.",
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


def _error_kind(asked: ErrorKind | None, rollout: Rollout) -> tuple[ErrorKind, str]:
    if asked is not None:
        choose("std_error", asked, ("refined", "neyman"), where=WHERE)
        return asked, "as asked for"
    smallest, periods = int(rollout.size.min()), int(rollout.begins[0])
    if smallest <= periods + 1:
        return "neyman", (
            f"the default as the smallest cohort has {smallest} units for {periods} periods before the first "
            "start"
        )
    return "refined", "the default"


def _rows(panel: Panel, rollout: Rollout, estimand: str) -> tuple[_Row, list[_Row]]:
    """The headline's weights on cells, and those of every part of it."""
    cells = rollout.comparable() * rollout.size[:, None].astype(np.float64)
    if estimand == "simple":
        return _Row("ATT", {}, cells / cells.sum()), []
    if estimand == "cohort":
        held = [g for g in range(len(cells)) if cells[g].any()]
        masks = [np.arange(len(cells))[:, None] == g for g in held]
        names = [panel.label(int(panel.periods[rollout.begins[g]])) for g in held]
        parts = [
            _Row(f"cohort {name}", {"cohort": name}, m * cells / cells[g].sum())
            for g, name, m in zip(held, names, masks, strict=True)
        ]
        share = rollout.size[held] / rollout.size[held].sum()
    elif estimand == "calendar":
        held = np.flatnonzero(cells.any(axis=0)).tolist()
        masks = [np.arange(cells.shape[1])[None] == t for t in held]
        parts = [
            _Row(
                f"period {panel.period_labels[t]}",
                {"period": panel.period_labels[t]},
                m * cells / cells[:, t].sum(),
            )
            for t, m in zip(held, masks, strict=True)
        ]
        share = np.full(len(parts), 1 / len(parts))
    else:
        parts = _by_event_time(rollout)
        after = np.array([int(row.place["event_time"]) >= 0 for row in parts])
        share = after / after.sum()
    whole = np.tensordot(share, np.stack([row.weights for row in parts]), axes=1)
    return _Row("ATT", {}, np.asarray(whole)), parts


def _by_event_time(rollout: Rollout) -> list[_Row]:
    """Cohorts weighted by size at each event time but −1, where any comparison is with itself."""
    t = np.arange(rollout.outcome.shape[1])
    distance = t - rollout.begins[:, None]
    dated = (rollout.begins < len(t)) & (rollout.begins < rollout.begins[-1])
    usable = dated[:, None] & (t < rollout.begins[-1])
    rows = []
    for e in np.unique(distance[usable]):
        if e == -1:
            continue
        weights = (usable & (distance == e)) * rollout.size[:, None].astype(np.float64)
        rows.append(_Row(f"event time {e}", {"event_time": int(e)}, weights / weights.sum()))
    return rows


def _table(
    rollout: Rollout, rows: list[_Row], kind: ErrorKind, beta: float | None, level: float
) -> pd.DataFrame:
    found = [adjusted(rollout, contrast(rollout, row.weights), beta) for row in rows]
    value = np.array([one.value for one in found])
    error = np.array([getattr(one, kind) for one in found])
    low, high = intervals.interval(value, error, df=NORMAL, level=level)
    table = pd.DataFrame(
        {
            "term": [row.term for row in rows],
            "estimate": value,
            "std_error": error,
            "low": low,
            "high": high,
            "p_value": intervals.p_value(value, error, df=NORMAL),
            "n": [int(rollout.size[(row.weights != 0).any(axis=1)].sum()) for row in rows],
            "reason": [NO_VARIANCE if np.isnan(e) else "" for e in error],
        }
    )
    for name in rows[0].place:
        table[name] = [row.place[name] for row in rows]
    return table


def _headline(
    panel: Panel, value: float, error: float, how: tuple[str, str], treated: int, level: float
) -> Estimate:
    low, high = intervals.interval(np.array(value), np.array(error), df=NORMAL, level=level)
    p_value = intervals.p_value(np.array(value), np.array(error), df=NORMAL)
    kind, over = how

    def number(found: float) -> Number:
        return found if np.isfinite(found) else NotAvailable(NO_VARIANCE)

    word = "units" if panel.cluster is None else "clusters"
    return Estimate(
        estimand=f"Average effect on the {treated} {word} treated while others are not yet, {over} (ATT)",
        value=value,
        std_error=number(error),
        low=number(float(low)),
        high=number(float(high)),
        level=level,
        p_value=number(float(p_value)),
        df=NORMAL,
        inference=f"Start dates drawn by lot: {kind}; normal interval.",
        scale=panel.scale,
    )


def _design(panel: Panel, rollout: Rollout, treated: int, headline: Estimate) -> Design:
    return Design(
        n_units=panel.n_units,
        n_periods=panel.n_periods,
        n_clusters=panel.n_clusters,
        n_treated=treated,
        allocations=_allocations(rollout.size.tolist()),
        mde=intervals.smallest_detectable(headline.std_error, NORMAL, headline.level),
    )


def _allocations(size: list[int]) -> Number:
    """How many ways there are to deal out the start dates."""
    if lgamma(sum(size) + 1) - sum(lgamma(n + 1) for n in size) > 700:
        return NotAvailable("more than 10^300 ways to deal out the start dates")
    ways, left = 1, sum(size)
    for n in size:
        ways, left = ways * comb(left, n), left - n
    return float(ways)


def _notes(panel: Panel, detail: RolloutDetail, draws: int) -> list[str]:
    rollout = detail.rollout
    word = "units" if panel.cluster is None else "clusters"
    notes = [
        f"Assumes that chance alone decided which {word} started when, and that nothing changed before the "
        "start because it was coming.",
        f"Fisher's randomisation test, {draws:,} permutations of the start dates over {len(rollout.outcome)} "
        f"{word}, the actual dates counted: p = {detail.fisher_p:.3g} for no effect on any of them.",
        f"Adjustment for the last period before the start: β = {detail.estimate.beta:.3g} (1 would be a "
        "difference-in-differences, 0 a comparison of means).",
    ]
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
