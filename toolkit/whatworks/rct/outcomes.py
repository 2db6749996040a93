"""One primary outcome and several secondary ones, their p-values adjusted for how many they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from whatworks import answer
from whatworks.arrays import Floats
from whatworks.errors import OptionError, TrialError, choose, first_few
from whatworks.inference import multiplicity
from whatworks.inference.chance.randomisation import RandomisationInference
from whatworks.rct.assign.allocation import Allocation
from whatworks.rct.chance import reassign
from whatworks.rct.itt import itt
from whatworks.rct.one_row.adjust import Adjust
from whatworks.rct.one_row.default_errors import Inference
from whatworks.results import Number, Result
from whatworks.trial import Trial

Correction = Literal["holm", "benjamini_hochberg", "romano_wolf"]

WHERE: Final = "rct.outcomes"
CORRECTIONS: Final = ("holm", "benjamini_hochberg", "romano_wolf")


def outcomes(
    trial: Trial,
    secondary: Mapping[str, npt.ArrayLike],
    *,
    adjust: Adjust | None = None,
    correction: Correction = "holm",
    allocation: Allocation | None = None,
    inference: Inference = None,
    level: float = 0.95,
) -> Result:
    """The effect on the trial's own outcome, which is the primary one, and on every secondary outcome.

    The primary p-value stands as it is: it was named beforehand, and is one. Those of the secondary outcomes
    are adjusted for how many of them there are.

    Args:
        trial: the trial with its primary outcome; two arms for `romano_wolf`.
        secondary: name and values of each, NaN where unknown: a Series indexed by unit, in any order, or (R,)
            numbers in the order of the trial's rows (as `trial.to_frame()` has them).
        adjust, allocation, inference, level: as in `rct.itt`, for all outcomes alike; the adjustment that
            None settles on for the primary outcome serves all.
        correction: `holm` (any dependence), `benjamini_hochberg` (the share of false findings among all) or
            `romano_wolf` (as safe as Holm, with more power where outcomes move together; it re-draws the
            allocation by the recorded rule with the draws and seed of `inference`, if that is
            `RandomisationInference`, else 9,999 draws).

    Returns:
        The result of `rct.itt` for the primary outcome, `secondary` filled, in the order given.

    Raises:
        OptionError: no secondary outcome, one under the primary's name, values of another length, or a
            correction that does not exist.
        TrialError, DesignError: as `rct.itt`.

    Source: as in `inference.multiplicity`.
    """
    choose("correction", correction, CORRECTIONS, where=WHERE)
    trials = _trials(trial, secondary)
    result = itt(trial, adjust=adjust, allocation=allocation, inference=inference, level=level)
    settled: Adjust = result.spec["adjust"]
    found = {
        name: itt(other, adjust=settled, allocation=allocation, inference=inference, level=level)
        for name, other in trials.items()
    }
    if correction == "romano_wolf":
        chosen = inference if isinstance(inference, RandomisationInference) else RandomisationInference()
        return _filled(result, found, correction, *_stepped_down(trials, settled, chosen, allocation))
    p_values = [item.headline.p_value for item in found.values()]
    return _filled(result, found, correction, *multiplicity.secondary(p_values, correction))


def _filled(
    result: Result, found: Mapping[str, Result], correction: Correction, adjusted: list[Number], words: str
) -> Result:
    filled = result.with_secondary(*answer.secondary(found, adjusted, words))
    return replace(filled, spec={**filled.spec, "correction": correction, "secondary": list(found)})


def _trials(trial: Trial, secondary: Mapping[str, npt.ArrayLike]) -> dict[str, Trial]:
    if not secondary or trial.outcome_name in secondary:
        raise OptionError(
            "no secondary outcome is given"
            if not secondary
            else f"the secondary outcome {trial.outcome_name!r} has the name of the primary one",
            where=WHERE,
            remedy="Give each further outcome once, by a name of its own; with none, use rct.itt.",
        )
    trials = {}
    for name, values in secondary.items():
        column = _numbers(name, _by_unit(trial, name, values) if isinstance(values, pd.Series) else values)
        if column.shape != (trial.n_rows,):
            raise OptionError(
                f"{name!r} has shape {column.shape}, and the trial has {trial.n_rows:,} rows",
                where=WHERE,
                remedy="Give a value for each row, in the order of trial.to_frame().",
            )
        if np.isinf(column).any() or np.isnan(column).all():
            raise TrialError(f"{name!r} is infinite somewhere or known nowhere", where=WHERE)
        trials[name] = trial.with_outcome(column, name=name, scale=name)
    return trials


def _numbers(name: str, values: npt.ArrayLike) -> Floats:
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise TrialError(f"{name!r} holds values that are no numbers", where=WHERE) from None


def _by_unit(trial: Trial, name: str, values: pd.Series) -> pd.Series:
    """The values in the order of the trial's rows, by the labels of its index.

    A column of the table that a trial was read from is in the table's order, which is not the trial's: taken
    by place it would give people one another's outcomes.
    """
    labels = [str(int(at) if isinstance(at, float) and at.is_integer() else at) for at in values.index]
    by_label = values.set_axis(labels)
    gone = [label for label in trial.units if label not in by_label.index]
    if gone or not by_label.index.is_unique:
        what = (
            f"has no value for {len(gone)} units: {first_few(gone)}" if gone else "names units more than once"
        )
        raise OptionError(
            f"{name!r} is a column whose index {what}",
            where=WHERE,
            remedy=f"Index it by unit: frame.set_index({trial.unit_name!r})[{name!r}].",
        )
    return by_label.loc[[trial.units[unit] for unit in trial.unit]]


def _stepped_down(
    trials: Mapping[str, Trial],
    adjust: Adjust,
    inference: RandomisationInference,
    allocation: Allocation | None,
) -> tuple[list[Number], str]:
    """Romano and Wolf's p-values from the effects under the same draws, each in units of its spread.

    Outcomes known for the same rows go through the draws together, in one pass.
    """
    chance = reassign.redrawn(next(iter(trials.values())), allocation)
    groups: dict[bytes, list[str]] = {}
    for name, trial in trials.items():
        groups.setdefault(trial.observed.tobytes(), []).append(name)
    actual: dict[str, float] = {}
    values: dict[str, Floats] = {}
    for names in groups.values():
        rows = trials[names[0]].observed
        kept = trials[names[0]].select(rows)
        here = replace(chance, place=chance.place[rows])
        together = np.stack([trials[name].outcome[rows] for name in names])
        found = reassign.collected(kept, together, adjust, inference, here)
        actual |= dict(zip(names, found.actual.tolist(), strict=True))
        values |= dict(zip(names, found.values.T, strict=True))
    design = inference.under(chance.rule, np.arange(len(chance.actual)))
    t, draws = np.array([actual[name] for name in trials]), np.column_stack([values[name] for name in trials])
    spread = np.sqrt((draws**2).mean(axis=0))
    spread = np.where(spread > 0, spread, 1.0)
    adjusted: list[Number] = multiplicity.romano_wolf(t / spread, draws / spread, every=design.every).tolist()
    return adjusted, f"Romano-Wolf step-down, {len(t)} secondary outcomes, {design.how}"
