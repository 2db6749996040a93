"""Callaway and Sant'Anna: an effect for every cohort and period of a staggered design."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pandas as pd

from whatworks.answer import explained, the_treated
from whatworks.arrays import Bools, Floats
from whatworks.did.effects import ByEventTime
from whatworks.did.group_time.by_event_time import overall_outcomes
from whatworks.did.group_time.cells import Base, Comparison, lay_out
from whatworks.did.group_time.effects import GroupTime, estimate
from whatworks.did.group_time.nuisance import Adjust
from whatworks.did.group_time.quantify import Inference, Quantified, quantify, settle
from whatworks.did.group_time.summary import Averages, by_size, usable
from whatworks.did.regression.answer import choices, sizes
from whatworks.did.regression.reassign import recorded
from whatworks.did.regression.requirements import require_complete
from whatworks.errors import (
    DesignError,
    EstimationError,
    OptionError,
    check_whole,
    choose,
    first_few,
    refuse_unused,
)
from whatworks.inference.default import Choice
from whatworks.inference.draws import check_level
from whatworks.inference.errors.joint import JointTest
from whatworks.inference.percent import relative_change
from whatworks.panel import Panel
from whatworks.results import Estimate, NotAvailable, Result

WHERE = "did.att_gt"

NOT_BY_EVENT_TIME: Final = NotAvailable("effects are not averaged by event time")


@dataclass(frozen=True, slots=True, eq=False)
class AttGtDetail:
    """What `did.aggregate` needs of `did.att_gt`.

    Attributes:
        effects: the group-time effects, their influence contributions, cohorts and weights.
        anticipation: periods before the start in which effects may begin.
        choice: the inference used, and why.
        headline_notes: notes that hold for the errors of the headline alone.
        pretrend: joint test that every effect before the start is zero, after `aggregate` by event time.
        by_event_time: the averages, for every question about event times; after `aggregate` by event time.
    """

    effects: GroupTime
    anticipation: int
    choice: Choice
    headline_notes: tuple[str, ...] = ()
    pretrend: JointTest | NotAvailable = NOT_BY_EVENT_TIME
    by_event_time: ByEventTime | None = None

    def outcome_weights(self, last: int | None) -> Floats | None:
        """(N, T) weight of each outcome in the overall average to event time `last`; None with covariates."""
        return overall_outcomes(self.effects, last, self.anticipation)


def att_gt(
    panel: Panel,
    *,
    comparison: Comparison = "never",
    adjust: Adjust = "none",
    base: Base = "varying",
    anticipation: int = 0,
    inference: Inference = None,
    level: float = 0.95,
) -> Result:
    """Average effect on the treated for every cohort and period, and their overall average.

    Args:
        panel: (N, T) outcomes without gaps, with its unit weights, clusters and covariates; covariates are
            taken at the earlier of base and period.
        comparison: `never` treated units (no start inside the window), or those `not_yet` treated.
        adjust: `none`; `outcome` regression; inverse probability `weights`; `doubly_robust`.
        base: `varying` (periods before the start against the one before them) or `universal`.
        anticipation: periods before the start in which effects may begin; the base lies before them, and a
            unit stops serving as comparison that many periods before its own start.
        inference: `Analytical`, `MultiplierBootstrap`, `WildCluster` or `RandomisationInference` (both
            without covariates), `Default`, or None for the default of the design.
        level: coverage of the intervals.

    The headline weights every effect from the start on by the size of its cohort. Effects: one row per cohort
    and period, with `band_low` and `band_high` (all cells at once) where a multiplier bootstrap was run.

    Raises:
        DesignError: missing cells, nobody treated inside the window, nobody to compare with, one cluster.
        EstimationError: covariates that permit no comparison anywhere after the start.
        OptionError: a choice that does not exist or does not fit.

    Source: Callaway & Sant'Anna (2021, Journal of Econometrics 225), equations 2.3, 2.8, 2.9 and 3.10;
    numbers as in R's did 2.5.1.
    """
    _check_options(panel, comparison, adjust, base, anticipation)
    check_level(level)
    require_complete(panel, WHERE)
    _refuse_one_cluster(panel)
    cells = lay_out(panel, comparison=comparison, base=base, anticipation=int(anticipation))
    detail = estimate(panel, cells, adjust)
    _after_the_start(detail)
    choice = settle(detail, inference, where=WHERE)
    kept = AttGtDetail(detail, int(anticipation), choice)
    return _result(kept, level, {"comparison": comparison, "adjust": adjust, "base": base})


def _result(kept: AttGtDetail, level: float, asked: dict[str, str]) -> Result:
    detail, choice, panel = kept.effects, kept.choice, kept.effects.panel
    used = _after_the_start(detail)
    overall = by_size(detail, used[None, :])
    found = quantify(detail, choice, overall, None, anticipation=kept.anticipation, level=level)
    n_treated = int(np.isin(panel.start, detail.cells.cohort[used]).sum())
    words = f"Average effect on {the_treated(n_treated)}, all periods from the start"
    headline = explained(found.estimate(f"{words}, cohorts by size (ATT)", panel.scale), choice)
    return Result(
        method=WHERE,
        headline=headline,
        effects=_table(detail, found),
        design=recorded(panel, choice, sizes(panel, n_treated, headline))[0],
        spec=choices(panel, choice, level, **asked, anticipation=kept.anticipation),
        input_hash=panel.fingerprint,
        relative=relative(detail, overall, headline),
        seed=found.seed,
        notes=(*panel.notes, *detail.cells.notes, *_failed(detail), *choice.warnings, *found.notes),
        detail=replace(kept, headline_notes=found.notes),
    )


def _after_the_start(detail: GroupTime) -> Bools:
    used: Bools = usable(detail, None, None) & detail.post
    if used.any():
        return used
    reasons = first_few(sorted(set(detail.reason) - {""}), 3)
    raise EstimationError(
        f"no effect after the start could be estimated: {reasons}",
        where=f"{WHERE}, adjust={detail.adjust!r}",
        remedy='Use fewer or other covariates, or adjust="none".',
    )


def relative(detail: GroupTime, overall: Averages, headline: Estimate) -> Estimate | NotAvailable:
    """The overall effect as a percent change: observed is the same average of the treated outcomes."""
    return relative_change(headline, float((overall.weights @ detail.observed)[0]))


def _check_options(panel: Panel, comparison: str, adjust: str, base: str, anticipation: object) -> None:
    choose("comparison", comparison, ("never", "not_yet"), where=WHERE)
    choose("adjust", adjust, ("none", "outcome", "weights", "doubly_robust"), where=WHERE)
    choose("base", base, ("varying", "universal"), where=WHERE)
    remedy = "Give the number of periods before the start in which effects may begin."
    check_whole("anticipation", anticipation, least=0, where=WHERE, remedy=remedy)
    if adjust != "none" and not panel.covariate_names:
        raise OptionError(
            f"adjust={adjust!r} has nothing to adjust for: the panel has no covariates",
            where=WHERE,
            remedy='Name covariates in Panel.from_frame, or use adjust="none".',
        )
    if adjust == "none":
        refuse_unused(
            WHERE,
            'Say how they enter, as in adjust="doubly_robust", or leave them out.',
            covariates=panel.covariate_names,
        )


def _refuse_one_cluster(panel: Panel) -> None:
    if panel.n_clusters > 1:
        return
    raise DesignError(
        f"there is one cluster in all ({first_few(panel.cluster_labels or panel.units)}), so nothing shows "
        "how clusters differ by chance",
        where=WHERE,
        remedy="Cluster by the level at which treatment was assigned, with several such clusters on each "
        "side; or leave the cluster role out when units were assigned one by one.",
    )


def _table(detail: GroupTime, found: Quantified) -> pd.DataFrame:
    label = detail.panel.label
    cohorts = [label(int(g)) for g in detail.cells.cohort]
    periods = [label(int(t)) for t in detail.period]
    columns: dict[str, Any] = {
        "term": [f"ATT({g}, {t})" for g, t in zip(cohorts, periods, strict=True)],
        **found.terms.columns(),
        "n": detail.treated,
        "cohort": cohorts,
        "period": periods,
        "event_time": detail.event_time,
        "n_comparison": detail.compared,
    }
    if found.band is not None:
        columns["band_low"], columns["band_high"] = found.band
    reason = columns.pop("reason")
    return pd.DataFrame({**columns, "reason": reason})


def _failed(detail: GroupTime) -> tuple[str, ...]:
    """Cells that a covariate adjustment could not estimate, by reason."""
    gone = ~np.isfinite(detail.att)
    label = detail.panel.label
    notes = []
    for reason in sorted({detail.reason[c] for c in np.flatnonzero(gone)}):
        cells = [
            f"ATT({label(int(detail.cells.cohort[c]))}, {label(int(detail.period[c]))})"
            for c in np.flatnonzero(gone)
            if detail.reason[c] == reason
        ]
        notes.append(
            f"{len(cells)} group-time effects could not be estimated and are left out of every average: "
            f"{first_few(cells)}. Reason: {reason}."
        )
    return tuple(notes)
