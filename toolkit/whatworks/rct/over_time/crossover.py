"""The effect in a repeat-crossover trial of place-days, every spot its own control."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import pandas as pd

from whatworks.answer import as_share, explained, row
from whatworks.arrays import Bools, Floats, Ints
from whatworks.errors import DesignError, OptionError, choose, first_few
from whatworks.inference.asked import FromRegression
from whatworks.inference.chance.randomisation import RandomisationInference
from whatworks.inference.default import Choice
from whatworks.inference.fits.regression import Regression
from whatworks.inference.log_scale import mapped
from whatworks.inference.percent import relative_change
from whatworks.inference.uncertainty import Uncertainty
from whatworks.rct.assign.allocation import Allocation
from whatworks.rct.assign.washout import washed
from whatworks.rct.one_row.answer import choices, sizes
from whatworks.rct.one_row.default_errors import Inference
from whatworks.rct.over_time.cell_model import CellModel, Model, by_chance, by_model
from whatworks.rct.over_time.default_errors import allocations, over_time
from whatworks.rct.over_time.place_days import WHERE, PlaceDayCells, before, place_days
from whatworks.rct.over_time.rows import rows_of, table
from whatworks.results import RATE_RATIO, Design, Estimate, Result
from whatworks.trial import Trial

Carryover = Literal["test", "adjust", "none"]

DAY, YESTERDAY = "the treatment", "the treatment of the period before"

CARRY_OVER: Final = "carry-over"
"""The term of `effects` that holds what the period before brought."""


ADJUSTED = (
    "With carry-over in the model the headline rests on all periods, wash-out included: once that is over, "
    "yesterday's arm is today's and the two could not be told apart."
)


@dataclass(frozen=True, slots=True, eq=False)
class CrossoverDetail:
    """What `rct.crossover` computed on the way.

    Attributes:
        days: units by periods.
        fit: the regression behind the headline; its first coefficient is the effect (log of the ratio).
        effect: the effect as estimated: for a rate ratio its log.
        dispersion: Pearson φ of counts, 1 for Poisson counts; None for means.
        delivered: shares of treated and of control cells in which the treatment was taken, where recorded.
        choice: the inference used, and why.
    """

    days: PlaceDayCells
    fit: Regression
    effect: Estimate
    dispersion: float | None
    delivered: tuple[float, float] | None
    choice: Choice


def crossover(
    trial: Trial,
    *,
    model: Model = "means",
    carryover: Carryover = "test",
    washout: int | None = None,
    allocation: Allocation | None = None,
    inference: Inference = None,
    level: float = 0.95,
) -> Result:
    """Effect of a treatment that units get in some periods and not in others, with unit and period effects.

    Args:
        trial: one row a unit and period; missing rows and outcomes are left out and counted. With an
            exposure, `means` compares rates.
        model: `means` for the mean difference per unit and period; `rate_ratio` for counts, by Poisson
            regression. Units that count nothing throughout are then left out and named.
        carryover: the effect of the period before, as one more term: `test` reports it beside a headline
            without it, `adjust` takes the headline from the model with it, `none` leaves it out. It is
            learned from all periods, wash-out included.
        washout: first periods of a run to leave out after a change; None for those the record marks.
        allocation: the record of `rct.randomise`, with which the rows are compared.
        inference: `RandomisationInference` under the record's rule, `ClusterRobust`, `TwoWay`,
            `DriscollKraay`, `Jackknife`, for means `WildCluster`; None for the default.
        level: coverage of the interval.

    Returns:
        The effect of assignment; with `model="rate_ratio"` the ratio. `effects` holds it, the effect on the
        first and on later periods of a run, in either half of the trial, and of the period before.

    Raises:
        DesignError: no periods, more than two arms, no unit in both arms, counts without a maximum.
        TrialError: rows that the record does not have or has in another arm.
        RecordError: randomisation inference under a record without its rule (see `rct.replay`).
        OptionError: a choice that cannot be.

    Source: Jones & Kenward (2014), Design and Analysis of Cross-Over Trials, chapter 5; Imbens & Rubin
    (2015), Causal Inference, chapter 5.
    """
    choose("model", model, ("means", "rate_ratio"), where=WHERE)
    choose("carryover", carryover, ("test", "adjust", "none"), where=WHERE)
    return _result(trial, _Asked(model, carryover, washout, allocation, inference, level))


@dataclass(frozen=True, slots=True)
class _Asked:
    model: Model
    carryover: Carryover
    washout: int | None
    allocation: Allocation | None
    inference: Inference
    level: float


@dataclass(frozen=True, slots=True, eq=False)
class _Headline:
    """The effect, the fit behind it, the inference of this and of other rows, and the cells (N, T) used."""

    effect: Estimate
    fit: Regression
    dispersion: float | None
    choice: Choice
    beside: FromRegression
    reason: str
    used: Bools


def _result(trial: Trial, asked: _Asked) -> Result:
    days = place_days(trial, asked.allocation, asked.washout)
    cells, notes = _cells(days, asked.model)
    headline = _headline(trial, days, cells, asked)
    effect, choice = headline.effect, headline.choice
    shown, about = effect, f"{effect.estimand}, as a percent change"
    treated = headline.used & (days.arm == 1)
    relative = relative_change(effect, float(cells.outcome[treated].mean()))
    if cells.counts:
        shown = mapped(effect, effect.estimand, RATE_RATIO, 0.0, 1.0)
        relative = mapped(effect, about, "percent", 1.0, 100.0)
    taken = _delivered(days)
    detail = CrossoverDetail(days, headline.fit, effect, headline.dispersion, taken, choice)
    options = {"model": asked.model, "carryover": asked.carryover, "washout": asked.washout}
    return Result(
        method=WHERE,
        headline=shown,
        effects=_effects(headline, days, cells, asked),
        design=_design(trial, effect, asked.allocation, cells.counts),
        spec=choices(trial, choice, asked.level, **options),
        input_hash=trial.fingerprint,
        relative=relative,
        seed=choice.inference.seed if isinstance(choice.inference, RandomisationInference) else None,
        notes=(
            *trial.notes,
            *days.notes,
            *notes,
            *choice.warnings,
            *_sentences(detail, trial),
        ),
        detail=detail,
    )


def _cells(days: PlaceDayCells, model: Model) -> tuple[CellModel, list[str]]:
    counts = model == "rate_ratio"
    if counts and (days.outcome < 0).any():
        raise DesignError("some outcomes are negative, and no count is", where=WHERE, remedy='Use "means".')
    outcome = days.outcome if counts else days.outcome / days.exposure
    mass = days.seen.astype(np.float64)
    whole = CellModel(model, outcome, days.exposure, mass, days.cluster, days.labels, WHERE)
    return whole, _silent(whole)


def _headline(trial: Trial, days: PlaceDayCells, cells: CellModel, asked: _Asked) -> _Headline:
    adjust = asked.carryover == "adjust"
    arm = days.arm.astype(np.float64)
    design = np.stack([arm, days.yesterday]) if adjust else arm[None]
    used = days.seen if adjust else days.seen & ~days.washed
    fit, poisson = cells.fit(design, (DAY, YESTERDAY)[: len(design)], used)
    choice, beside = over_time(asked.inference, asked.allocation, fit.n_clusters)
    if isinstance(choice.inference, RandomisationInference):
        found = _redrawn(choice.inference, days, cells, asked, float(fit.coefficients[0]))
    else:
        first = np.eye(len(design))[:1]
        found = by_model(choice.inference, fit, first, cells.counts, asked.level)
    about = _estimand(trial, days, cells.counts, adjust)
    scale = "log rate ratio" if cells.counts else trial.scale or trial.outcome_name
    effect = explained(found.estimate(0, estimand=about, scale=scale), choice)
    dispersion = None if poisson is None else poisson.dispersion
    return _Headline(effect, fit, dispersion, choice, beside, found.reason[0], used)


def _redrawn(
    inference: RandomisationInference, days: PlaceDayCells, cells: CellModel, asked: _Asked, value: float
) -> Uncertainty:
    """Randomisation inference under the schedule's rule, wash-out and yesterday's arm drawn along."""
    rule = _require_record(asked.allocation).require_rule()
    schedule = rule.crossover
    if schedule is None:
        raise DesignError("the record's rule is not that of a schedule", where=WHERE)
    heard, kept = cells.heard()
    late = schedule.washout if asked.washout is None else asked.washout
    adjust = asked.carryover == "adjust"

    def designs(block: Ints) -> tuple[Floats, Floats]:
        arms = block.reshape(len(block), rule.units, -1)[:, days.place[kept]]
        if not adjust:
            return arms[:, None].astype(np.float64), (~washed(arms, late)).astype(np.float64)
        both = np.stack([arms, before(arms) * days.next_day], axis=1)
        return both.astype(np.float64), np.ones(arms.shape)

    actual = np.zeros((rule.units, days.arm.shape[1]), dtype=np.int64)
    actual[days.place] = days.arm
    return by_chance(
        inference,
        inference.under(rule, np.arange(actual.size)),
        heard,
        designs,
        actual.ravel(),
        days.arm[kept].astype(np.float64) * (heard.mass > 0),
        np.eye(2)[0] if adjust else np.ones(1),
        value=value,
        level=asked.level,
    )


def _effects(headline: _Headline, days: PlaceDayCells, cells: CellModel, asked: _Asked) -> pd.DataFrame:
    """The headline, and what the effect is made of, each by a regression of its own."""
    used, inference = headline.used, headline.beside
    rows = [row("overall", headline.effect, int((days.arm == 1)[used].sum()), headline.reason)]

    def more(terms: tuple[str, str], parts: tuple[Any, Any], inside: Bools) -> None:
        design = np.stack(parts).astype(np.float64)
        wanted = list(zip(terms, np.eye(2), strict=True))
        rows.extend(rows_of(cells, design, terms, wanted, inference, asked.level, inside))

    first = days.first_of_run
    later = (days.arm == 1) & ~first & ~days.washed
    if (first & used).any() and (later & used).any():
        word = "first counted period of a run" if days.washed.any() else "first period of a run"
        more((word, "later periods of a run"), (first, later), used)
    half = np.arange(days.arm.shape[1]) < days.arm.shape[1] / 2
    more(
        ("first half of the periods", "second half of the periods"), (days.arm * half, days.arm * ~half), used
    )
    if asked.carryover != "none":
        more((f"overall, {CARRY_OVER} in the model", CARRY_OVER), (days.arm, days.yesterday), days.seen)
    return table(rows, counts=cells.counts)


def _design(trial: Trial, effect: Estimate, allocation: Allocation | None, counts: bool) -> Design:
    found = sizes(trial, effect, allocations=allocations(allocation))
    return as_share(found) if counts else found


def _estimand(trial: Trial, days: PlaceDayCells, counts: bool, adjusted: bool) -> str:
    """What the headline is about."""
    what = "Rate ratio" if counts else "Effect per unit and period"
    net = ", net of the period before" if adjusted else ""
    return f"{what}, {trial.arms[1]!r} against {trial.arms[0]!r}, {len(days.labels)} units (ITT){net}"


def _delivered(days: PlaceDayCells) -> tuple[float, float] | None:
    """Shares of treated and of control cells seen in which the treatment was taken; None if not recorded."""
    if days.taken is None:
        return None
    treated, control = (float((days.taken > 0)[days.seen & (days.arm == arm)].mean()) for arm in (1, 0))
    return treated, control


def _silent(cells: CellModel) -> list[str]:
    """Notes on units and periods that count nothing; raises `DesignError` where nothing at all is counted."""
    if not cells.counts:
        return []
    counts = cells.outcome * (cells.mass > 0)
    if not counts.any():
        raise DesignError("nothing was counted in any cell", where=WHERE, remedy="Look at the outcome.")
    quiet = [cells.labels[i] for i in np.flatnonzero(counts.sum(axis=1) == 0)]
    empty = int(((counts.sum(axis=0) == 0) & (cells.mass > 0).any(axis=0)).sum())
    notes = []
    if quiet:
        notes.append(
            f"{len(quiet)} of {len(cells.labels)} units count 0 in every period and were left out: whatever "
            f"the effect, they would ({first_few(quiet)})."
        )
    if empty:
        notes.append(f"{empty} periods in which no unit counts anything do not enter.")
    return notes


def _require_record(allocation: Allocation | None) -> Allocation:
    """The record; raises `OptionError` without one."""
    if allocation is None:
        raise OptionError(
            "RandomisationInference needs the rule by which chance assigned, and no record was given",
            where=WHERE,
            remedy="Give allocation=, the record of rct.randomise.",
        )
    return allocation


def _sentences(detail: CrossoverDetail, trial: Trial) -> list[str]:
    """Notes on cells, take-up, dispersion and one-armed units."""
    days = detail.days
    treated, control = (int((days.seen & (days.arm == arm)).sum()) for arm in (1, 0))
    words = [
        f"{len(days.labels)} units over {days.arm.shape[1]} periods: {treated:,} cells in {trial.arms[1]!r}, "
        f"{control:,} in {trial.arms[0]!r}."
    ]
    out = int((days.washed & days.seen).sum())
    if "net of the period before" in detail.effect.estimand:
        words.append(ADJUSTED)
    elif out:
        words.append(f"{out:,} of them are wash-out and do not enter the headline.")
    used = days.seen & ~days.washed
    alone = [
        label
        for label, own, cells in zip(days.labels, days.arm, used, strict=True)
        if cells.any() and len(np.unique(own[cells])) < 2
    ]
    if alone:
        words.append(
            f"{len(alone)} units are in one arm only and say nothing about the effect; they help to "
            f"learn the period effects ({first_few(alone)})."
        )
    if detail.delivered is not None:
        words.append(
            f"Treatment was delivered in {detail.delivered[0]:.1%} of the cells assigned to it and in "
            f"{detail.delivered[1]:.1%} of the others. The effect is that of assignment; rct.cace gives that "
            "of delivery."
        )
    if detail.dispersion is not None:
        words.append(
            f"Counts vary {detail.dispersion:.3g} times as much as Poisson counts would (Pearson φ); the "
            "inference allows for it."
        )
    words.append(
        "Rows of the table below the first are regressions of their own, with errors by "
        "the model and not by chance; none is adjusted for their number."
    )
    return words
