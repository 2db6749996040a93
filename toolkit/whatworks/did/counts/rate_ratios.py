"""The extended two-way regression for counts: rate ratios by event time and overall, with their errors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from whatworks.answer import as_share, explained, numbers, the_treated
from whatworks.arrays import Bools, Floats, Ints
from whatworks.did.counts.counted import Counted, counted
from whatworks.did.counts.layout import Layout, cohort_effects, layout_of, model_of, notes_of
from whatworks.did.counts.saturated import Saturation, null_scores, regression, saturate
from whatworks.did.linear.wild import THIN_SHARE, pieces, thin_reason
from whatworks.did.regression import requirements
from whatworks.did.regression.answer import choices, sizes
from whatworks.errors import DesignError
from whatworks.inference.default import Choice, count_clusters, placed
from whatworks.inference.errors.score_wild import invert_scores
from whatworks.inference.errors.wild import WildCluster
from whatworks.inference.fits.poisson_effects import SeparationError
from whatworks.inference.fits.poisson_rows import worded
from whatworks.inference.fits.rounding import LOG_UNIT
from whatworks.inference.log_scale import mapped
from whatworks.inference.uncertainty import Uncertainty, unknown
from whatworks.panel import Panel
from whatworks.results import RATE_RATIO, Estimate, NotAvailable, Result

By = Literal["event_time", "overall"]

NOWHERE = -(10**6)
OVERALL = "all event times from 0 on"
NOTHING = (
    "nothing was counted in these treated cells, so that the rate ratio is 0 and its logarithm has no error"
)


@dataclass(frozen=True, slots=True, eq=False)
class CountDetail:
    """What the count form of `did.etwfe` computed on the way.

    Attributes:
        log_effect: the log of the overall rate ratio, with its error.
        additive: the average effect on a treated cell in the outcome's unit, observed counts taken as given.
        dispersion: Pearson φ; 1 for Poisson counts.
        event_times: (k,) ascending.
        cohort_effects: one row per cohort and period: counts, counts expected without treatment, their ratio.
        fit: the regression.
        panel: the units used.
        silent_units: units left out because they count 0 in every period.
        choice: the inference used, and why.
    """

    log_effect: Estimate
    additive: Estimate
    dispersion: float
    event_times: Ints
    cohort_effects: pd.DataFrame
    fit: Saturation
    panel: Panel
    silent_units: tuple[str, ...]
    choice: Choice


def etwfe_counts(
    panel: Panel,
    *,
    anticipation: int,
    interacted: bool,
    inference: requirements.Inference,
    level: float,
    where: str,
    by: By = "event_time",
    last: int | None = None,
) -> Result:
    """The count form of `did.etwfe`; see there.

    With `by="overall"` there are no rows by event time, whose bootstraps cost many times the headline's;
    `last` ends the window of the headline.

    Raises:
        DesignError: negative outcomes, no effect after the start identified, counts of 0 without a limit.
        OptionError: an inference object that does not fit.

    Source: Wooldridge (2023), Econometrics Journal 26(3), sections 4 and 5.
    """
    counts = counted(panel, where)
    used = counts.panel
    layout = layout_of(used, anticipation, where)
    found = saturate(model_of(used, layout, interacted, where), where)
    e = _event_time(used, layout, found)
    treated, later = np.asarray((e >= 0).any(axis=1)), np.asarray(used.start > used.cohorts[0])
    choice = requirements.settle(inference, count_clusters(used.cluster, treated, later), where)
    choice = placed(choice, counts.kept)
    spec = {"model": "poisson", "interacted": interacted, "anticipation": anticipation}
    spec |= {"exposure": panel.exposure is not None, "left_out": list(counts.silent)}
    if by == "overall":
        spec |= {"by": by, "last": last}
    times = np.unique(e[e > NOWHERE]) if by == "event_time" else np.empty(0, dtype=np.int64)
    return _result(panel, counts, layout, found, e, last, times, choice, level, where, spec)


def _event_time(panel: Panel, layout: Layout, found: Saturation) -> Ints:
    """(N, T) event time of the treated cells in the estimate; far below 0 elsewhere."""
    inside = (layout.label >= 0) & (found.model.cells.mass > 0)
    start = np.where(panel.start <= panel.periods[-1], panel.start, 0)
    return np.where(inside, panel.periods[None, :] - start[:, None], NOWHERE)


def _result(
    panel: Panel, counts: Counted, layout: Layout, found: Saturation, e: Ints, last: int | None,
    times: Ints, choice: Choice, level: float, where: str, spec: dict[str, object],
) -> Result:  # fmt: skip
    used, aim = counts.panel, (e >= 0) & (last is None or e <= last)
    _require_effect(found, aim, where)
    numbers = uncertainty(found, layout, aim, choice, level)
    treated = int(aim.any(axis=1).sum())
    window = "all periods from the start" if last is None else f"event times 0 to {last}"
    words = f"ratio on {the_treated(treated)}, {window} (ATT, counts over expected counts)"
    log_effect = explained(
        numbers.estimate(0, estimand=f"Log of the rate {words}", scale="log rate ratio"), choice
    )
    headline = mapped(log_effect, f"Rate {words}", RATE_RATIO, 0.0, 1.0)
    additive = _additive(found, aim, log_effect, panel.scale)
    rows = [(int(t), uncertainty(found, layout, e == t, choice, level), e == t) for t in times]
    detail = CountDetail(
        log_effect, additive, found.fit.dispersion, times, cohort_effects(used, layout, found), found, used,
        counts.silent, choice,
    )  # fmt: skip
    return Result(
        method=where,
        headline=headline,
        effects=_effects(
            rows,
            log_effect,
            additive,
            numbers.reason[0] or (OVERALL if last is None else window),
            found,
            treated,
        ),
        design=as_share(sizes(used, treated, log_effect)),
        spec=choices(panel, choice, level, **spec),
        input_hash=panel.fingerprint,
        relative=mapped(log_effect, f"Rate {words}, as a percent change", "percent", 1.0, 100.0),
        seed=choice.seed(used.n_clusters),
        notes=(*panel.notes, *counts.notes, *notes_of(used, layout, found), *choice.warnings),
        detail=detail,
    )


def _require_effect(found: Saturation, aim: Bools, where: str) -> None:
    if not aim.any():
        raise DesignError(
            "no effect after the start is identified",
            where=where,
            remedy="Wherever units are treated, nobody is left untreated who counts anything in that period. "
            "Add units that are not treated, end the window before the last start, or pool periods.",
        )
    if (found.model.cells.mass * found.treated * aim).sum() == 0:
        raise DesignError(
            "every treated unit counts 0 in every treated period, so the rate ratio runs off to 0 and has no "
            "error",
            where=where,
            remedy="Pool periods, areas or offences until both sides count something after the start; or "
            "take the difference in rates with did.imputation(panel.as_rate()).",
        )


def uncertainty(found: Saturation, layout: Layout, aim: Bools, choice: Choice, level: float) -> Uncertainty:
    """Uncertainty of the log rate ratio of the treated cells `aim` (N, T), or why there is none."""
    if (found.model.cells.mass * found.treated * aim).sum() == 0:
        return unknown(np.array([np.nan]), NOTHING, level=level)
    fit = regression(found, aim)
    method = choice.inference
    if not isinstance(method, WildCluster):
        plain = worded(choice.from_regression(fit, np.eye(1), level=level).beyond_rounding(LOG_UNIT))
        return plain if isinstance(method, NotAvailable) else _blanked(plain, found, layout, aim)
    error = float(np.sqrt((fit.bread @ fit.scores.T @ fit.scores @ fit.bread)[0, 0]))
    value = float(fit.coefficients[0])
    scores = _scores_at(found, aim)
    try:
        centre = scores(value).sum()
        drawn = invert_scores(
            method,
            value,
            error,
            lambda theta: _with_distance(scores(theta), centre),
            level=level,
        )
    except SeparationError:
        return unknown(fit.coefficients, "counts of 0 leave no fit with this effect imposed", level=level)
    return _lone(drawn.beyond_rounding(LOG_UNIT), found, layout, aim)


def _scores_at(found: Saturation, aim: Bools) -> Callable[[float], Floats]:
    """Cluster scores at any value tested; each fit starts from the one before where that is near."""
    near: list[tuple[float, Floats]] = []

    def scores(theta: float) -> Floats:
        close = near and abs(theta - near[0][0]) < 1
        start = near[0][1] + (theta - near[0][0]) * aim if close else None
        own, predictor = null_scores(found, aim, theta, start)
        near[:] = [(theta, predictor)]
        return own

    return scores


def _with_distance(own: Floats, centre: float) -> tuple[Floats, float]:
    """Scores and their sum less that at the estimate, which is 0 but for what is not linear in the effect."""
    return own, float(own.sum() - centre)


def _lone(found: Uncertainty, fit: Saturation, layout: Layout, aim: Bools) -> Uncertainty:
    """Flipping signs still tests a single treated cluster, but its standard error would be an artefact."""
    if len(np.unique(fit.model.cluster[aim.any(axis=1)])) > 1:
        return found
    words = (found.reason[0], thin_reason(1.0, layout.data))
    return replace(found, std_error=np.array([np.nan]), reason=("; ".join(w for w in words if w),))


def _blanked(plain: Uncertainty, found: Saturation, layout: Layout, aim: Bools) -> Uncertainty:
    """No sandwich error where much of the weight lies on cohorts of a single unit or cluster."""
    weight = found.model.cells.mass * found.untreated * aim
    spent = len(layout.data.covariates) if found.model.switched.any() else 0
    alone = pieces(layout.data, found.model.cells.mass > 0)[layout.data.group] <= 1 + spent
    share = float((weight * alone).sum() / weight.sum())
    if share <= THIN_SHARE:
        return plain
    gap = np.array([np.nan])
    reason = (thin_reason(share, layout.data, spent),)
    return replace(plain, std_error=gap, low=gap, high=gap, p_value=gap, reason=reason)


def _additive(found: Saturation, aim: Bools, log_effect: Estimate, scale: str) -> Estimate:
    """Counts less expected counts for an average treated cell; the observed counts are taken as given."""
    mass = found.model.cells.mass * aim
    observed = float((mass * found.treated).sum() / mass.sum())
    value, error = log_effect.value, log_effect.std_error

    def change(number: float | NotAvailable) -> float | NotAvailable:
        return number if isinstance(number, NotAvailable) else observed * float(-np.expm1(-number))

    if not isinstance(error, NotAvailable) and not isinstance(value, NotAvailable):
        error = observed * float(np.exp(-value)) * error
    return replace(
        log_effect,
        estimand="Average effect on a treated unit in a treated period",
        value=change(value),
        std_error=error,
        low=change(log_effect.low),
        high=change(log_effect.high),
        scale=scale,
    )


def _effects(
    rows: list[tuple[int, Uncertainty, Bools]], log_effect: Estimate, additive: Estimate, reason: str,
    found: Saturation, treated: int,
) -> pd.DataFrame:  # fmt: skip
    """Rate ratios by event time, then overall: ratio, its log and the additive effect."""
    table = []
    for time, part, aim in rows:
        log = part.estimate(0, estimand="", scale="log rate ratio")
        row = numbers(mapped(log, "", RATE_RATIO, 0.0, 1.0))
        if part.reason[0] == NOTHING:
            row["estimate"] = 0.0
        units = int((aim & (found.model.cells.mass > 0)).any(axis=1).sum())
        place: dict[str, object] = {"term": f"event time {time}", "event_time": float(time)}
        table.append({**place, **row, "reason": part.reason[0], "n": units})
    ratio = mapped(log_effect, "", RATE_RATIO, 0.0, 1.0)
    for term, one in (("rate ratio", ratio), ("log rate ratio", log_effect), ("additive effect", additive)):
        table.append({"term": term, "event_time": np.nan, **numbers(one), "reason": reason, "n": treated})
    return pd.DataFrame(table)
