"""What the effect could be when outcomes were lost, and how sure that range is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np
import pandas as pd

from whatworks.arrays import Floats
from whatworks.errors import DesignError, OptionError, TrialError, choose, refuse_unused
from whatworks.inference.default import Choice
from whatworks.inference.draws import check_level
from whatworks.rct.assign.allocation import Allocation
from whatworks.rct.assign.listed import against_record
from whatworks.rct.losses import attrition_rows, trimming
from whatworks.rct.losses.attrition_rows import Told
from whatworks.rct.losses.cells import Cells, cells_of
from whatworks.rct.losses.trimming import Bounds, Sample
from whatworks.rct.one_row.answer import choices, sizes
from whatworks.rct.one_row.compared import admissible, require_one_row
from whatworks.rct.one_row.default_errors import pieces, settle
from whatworks.results import Estimate, NotAvailable, Result
from whatworks.trial import Trial

WHERE: Final = "rct.attrition_bounds"
METHODS: Final = ("lee", "manski")


@dataclass(frozen=True, slots=True, eq=False)
class AttritionDetail:
    """What `rct.attrition_bounds` computed on the way.

    Attributes:
        bounds: lower and upper bound with the influence of each row.
        covariance: (2, 2) of the two bounds, or why there is none.
        cells: one row a cell: rows, shares known by arm, share always known, bounds.
        limits: the least and largest outcome taken as possible (worst case only).
    """

    bounds: Bounds
    covariance: Floats | NotAvailable
    cells: pd.DataFrame
    limits: tuple[float, float] | None


def attrition_bounds(
    trial: Trial,
    *,
    method: Literal["lee", "manski"] = "lee",
    tighten: str | tuple[str, ...] | list[str] = (),
    limits: tuple[float, float] | None = None,
    allocation: Allocation | None = None,
    level: float = 0.95,
) -> Result:
    """Bounds on an effect where some outcomes are missing, and an interval for the effect between them.

    `lee` bounds the effect on those whose outcome would be known in either arm, if assignment changes in one
    direction only whose outcome is known: the arm with more known outcomes is trimmed. `manski` bounds the
    effect on everyone, each missing outcome taken at its least or largest, whatever made it missing.

    The headline has no value where the bounds differ, since the data single out no number between them; its
    interval holds the effect at `level` (Imbens & Manski). Where the bounds meet it is their value.

    Args:
        trial: two arms, one row a unit, read with `allow_missing=True`. With blocks rows are weighted by the
            inverse share of their arm in the block.
        method: `lee` or `manski`.
        tighten: names of baseline variables, or `block`: bounds within each cell, averaged (`lee` only).
            A variable with more than five values is cut into quarters.
        limits: the least and largest outcome possible (`manski` only); those observed where not given.
        allocation: the record of `rct.randomise`; the trial's units and arms are held against it.
        level: coverage of the interval.

    Raises:
        DesignError: more than two arms, several rows a unit, a count with exposure, a cell too small.
        TrialError: an arm without outcomes, a list that does not match the record.
        OptionError: limits or cells that do not belong to the method, limits that outcomes exceed, a name
            that is no baseline variable, a level outside (0, 1).

    Source: Lee (2009), Review of Economic Studies 76(3); Horowitz & Manski (2000), Journal of the American
    Statistical Association 95(449); Imbens & Manski (2004), Econometrica 72(6).
    """
    check_level(level)
    choose("method", method, METHODS, where=WHERE)
    _refuse(trial, method, tighten, limits)
    recorded = () if allocation is None else against_record(trial, allocation)
    sample = _sample(trial)
    cells = cells_of(trial, (tighten,) if isinstance(tighten, str) else tuple(tighten), WHERE)
    used = _limits(sample, limits) if method == "manski" else None
    bounds, table = _bounds(sample, cells, used)
    told = Told(trial, sample, bounds, table, _errors(trial, method), pieces(trial), level)
    made = {"method": method, "tighten": list(cells.by), "limits": used}
    notes = (*recorded, *attrition_rows.notes(told, used, limits is not None))
    return _result(told, made, notes, allocation)


def _result(
    told: Told, made: dict[str, Any], notes: tuple[str, ...], allocation: Allocation | None
) -> Result:
    trial, used = told.trial, made["limits"]
    headline = _headline(told, made["method"])
    design = sizes(trial, headline, allocations=admissible(allocation))
    if isinstance(headline.value, NotAvailable):
        design = replace(design, mde=NotAvailable("bounds are not a single effect that could be detected"))
    return Result(
        method=WHERE,
        headline=headline,
        effects=pd.DataFrame(attrition_rows.rows(told)),
        design=design,
        spec=choices(trial, told.choice, told.level, **made) | {"inference": "influence functions"},
        input_hash=trial.fingerprint,
        relative=NotAvailable("bounds are given in the outcome's own unit only"),
        notes=(*trial.notes, *told.choice.warnings, *notes),
        detail=AttritionDetail(told.bounds, told.covariance, told.cells, used),
    )


def _refuse(trial: Trial, method: str, tighten: object, limits: tuple[float, float] | None) -> None:
    if len(trial.arms) != 2:
        raise DesignError(
            f"the trial has {len(trial.arms)} arms, and bounds compare two",
            where=WHERE,
            remedy=f"Compare one arm with control: trial.against_control({trial.arms[1]!r}).",
        )
    require_one_row(trial, WHERE)
    refuse_unused(
        WHERE,
        "Bounds trim outcomes as they are: make the rate the outcome and leave the exposure out.",
        holder="trial",
        exposure=trial.exposure,
    )
    if method == "manski" and tighten:
        raise OptionError(
            "cells do not narrow worst-case bounds",
            where=WHERE,
            remedy="Leave tighten out, or use method='lee'.",
        )
    if method == "lee" and limits is not None:
        raise OptionError(
            "Lee's bounds use no limits of the outcome",
            where=WHERE,
            remedy="Leave limits out, or use method='manski'.",
        )
    for code, label in enumerate(trial.arms):
        if not trial.observed[trial.arm == code].any():
            raise TrialError(
                f"no row of arm {label!r} has an outcome",
                where=WHERE,
                remedy="Nothing is known about that arm, so nothing bounds the effect but the limits "
                "themselves.",
            )


def _errors(trial: Trial, method: str) -> Choice:
    """Which errors the bounds take: none where an arm's mean rests on a single known outcome or cluster."""
    choice = settle(trial, None)
    if method == "manski" or isinstance(choice.inference, NotAvailable):
        return choice
    joined = pieces(trial)
    codes = np.arange(trial.n_rows) if joined is None else joined
    word = "unit" if joined is None else "cluster" if trial.cluster is not None else "block"
    for code, label in enumerate(trial.arms):
        if len(np.unique(codes[trial.observed & (trial.arm == code)])) == 1:
            lone = f"outcomes are known in only one {word} of arm {label!r}, so nothing shows how they vary"
            return Choice(NotAvailable(lone), lone, (lone,))
    return choice


def _sample(trial: Trial) -> Sample:
    weight = np.ones(trial.n_rows)
    if trial.block is not None:
        both = trial.block * 2 + trial.arm
        size = np.bincount(both, minlength=2 * trial.n_blocks)
        weight = np.bincount(trial.block)[trial.block] / size[both]
    return Sample(np.nan_to_num(trial.outcome, nan=0.0), trial.observed, trial.treated, weight)


def _limits(sample: Sample, limits: tuple[float, float] | None) -> tuple[float, float]:
    known = sample.outcome[sample.seen]
    seen = (float(known.min()), float(known.max()))
    if limits is None:
        return seen
    try:
        low, high = (float(end) for end in limits)
    except (TypeError, ValueError):
        raise OptionError(
            f"limits={limits!r} are not two numbers",
            where=WHERE,
            remedy="Give the least and the largest outcome possible, such as (0, 1).",
        ) from None
    if not (np.isfinite([low, high]).all() and low <= seen[0] and seen[1] <= high):
        raise OptionError(
            f"outcomes from {seen[0]:.4g} to {seen[1]:.4g} do not lie within limits {low:.4g} to {high:.4g}",
            where=WHERE,
            remedy="Give the least and the largest outcome that anyone could have had.",
        )
    return low, high


def _bounds(sample: Sample, cells: Cells, limits: tuple[float, float] | None) -> tuple[Bounds, pd.DataFrame]:
    found, rows = [], []
    for code, label in enumerate(cells.labels):
        here = cells.code == code
        part = sample.only(here)
        bounds = trimming.lee(part) if limits is None else trimming.worst_case(part, limits)
        found.append((here, bounds))
        control, treatment = part.shares
        rows.append((label, int(here.sum()), control, treatment, bounds.kept, *bounds.value.tolist()))
    names = ["cell", "n", "known in control", "known in treatment", "known in either", "lower", "upper"]
    whole = found[0][1] if len(found) == 1 else trimming.averaged(found)
    return whole, pd.DataFrame(rows, columns=names)


def _headline(told: Told, method: str) -> Estimate:
    whom = "those whose outcome would be known in either arm" if method == "lee" else "everyone assigned"
    estimand = f"Effect of assignment on {whom}, with outcomes missing"
    low, high = told.bounds.value.tolist()
    met = high - low <= told.rounding
    value: float | NotAvailable = (low + high) / 2
    if not met:
        value = NotAvailable(
            f"with outcomes missing the effect lies between {low:.4g} and {high:.4g}, and nothing in the "
            "data says where"
        )
    gap = NotAvailable(attrition_rows.NO_SINGLE)
    if isinstance(told.covariance, NotAvailable):
        lost = told.covariance
        return Estimate(
            estimand,
            value,
            lost,
            lost,
            lost,
            told.level,
            lost,
            lost,
            f"None: {lost.reason}",
            told.trial.scale,
        )
    one, two = told.errors
    if max(one, two) == 0:
        gap = NotAvailable("outcomes do not vary, so an error cannot be learnt from them")
        return Estimate(
            estimand, value, gap, gap, gap, told.level, gap, told.df, f"None: {gap.reason}", told.trial.scale
        )
    ends = trimming.imbens_manski(low, high, (one, two), df=told.df, level=told.level)
    same = met and abs(one - two) <= 1e-9 * max(one, two)
    return Estimate(
        estimand,
        value,
        one if same else gap,
        *ends,
        told.level,
        attrition_rows.p_value(low, high, (one, two), told.df),
        told.df,
        "Interval of Imbens and Manski for the effect between its bounds; errors of the bounds from "
        f"influence functions over {told.pieces:,} independent {told.word}; t with {told.df:,.0f} degrees "
        "of freedom.",
        told.trial.scale,
    )
