"""Randomisation tests of any statistic, under the rule by which the arms of a trial were drawn."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pandas as pd

from whatworks.answer import bare_row
from whatworks.arrays import Floats
from whatworks.errors import DesignError, TrialError, choose, refuse_unused
from whatworks.inference.chance.randomisation import NO_ERROR, Collected, RandomisationInference
from whatworks.inference.default import Choice
from whatworks.inference.draws import check_level
from whatworks.inference.errors.wild_refits import TIE
from whatworks.inference.uncertainty import Uncertainty
from whatworks.rct.assign.allocation import Allocation
from whatworks.rct.chance import rank_statistics, reassign
from whatworks.rct.chance.effect_search import Made, searched
from whatworks.rct.chance.rank_statistics import Statistic
from whatworks.rct.chance.reassign import Redrawn
from whatworks.rct.chance.studentised import studentised
from whatworks.rct.one_row import adjust as itt_adjust
from whatworks.rct.one_row.answer import choices, sizes
from whatworks.results import Result
from whatworks.trial import Trial

WHERE: Final = "rct.randomisation_test"
LINEAR: Final = ("difference", "studentised", "lin", "ancova", "cuped")
STATISTICS: Final = (*LINEAR, "median", "rank_sum")

_WORDS: Final = {
    "difference": "the difference in means by design",
    "studentised": "the difference in means over its error",
    "lin": "the difference in means, adjusted for baseline by arm",
    "ancova": "the difference in means, adjusted for baseline with one slope",
    "cuped": "the difference in means of what baseline leaves of the outcome",
    "median": "the difference in medians",
    "rank_sum": "the difference in mean ranks",
}


@dataclass(frozen=True, slots=True, eq=False)
class Tested:
    """What a randomisation test computed on the way.

    Attributes:
        statistic: its name; `actual` its value, 0 meaning that the arms are alike.
        p_lower, p_upper: shares of assignments with a value at most, or at least, the actual one.
        draws: (B,) its values under the assignments used.
    """

    statistic: str
    actual: float
    p_lower: float
    p_upper: float
    draws: Floats


def randomisation_test(
    trial: Trial,
    *,
    statistic: str | Statistic = "difference",
    allocation: Allocation | None = None,
    inference: RandomisationInference | None = None,
    level: float = 0.95,
) -> Result:
    """Test that assignment did nothing to anyone, by what chance could have assigned instead.

    Args:
        trial: two arms.
        statistic: `difference`, `studentised`, `lin`, `ancova`, `cuped` (one row a unit, as in `rct.itt`),
            `median`, `rank_sum`, or a function from outcomes (R,) and who is treated (B, R) to B numbers that
            are 0 where the arms are alike; the farther from 0 either way, the more it speaks against chance.
        allocation: the record of `rct.randomise`; draws then follow its rule, balance and schedule included.
            Without it arms are dealt anew over clusters within blocks, as the trial's roles say.
        inference: draws and seed.
        level: coverage of the interval.

    Returns:
        The constant effect that the data speak for, with the interval of all those that the test does not
        reject; for a statistic that is not linear in the outcome both come from a search over effects taken
        out of the treated outcomes. `detail` is `Tested`, with one-sided shares.

    Raises:
        OptionError: a statistic that does not exist, `within`, or more than two arms.
        TrialError: an analysed list that is not the recorded one, or an arm without outcomes.
        RecordError: a record read from JSON, which has no rule before `rct.replay`.
        DesignError: a design that permits one assignment only, or that the statistic does not fit.

    Source: Fisher (1935), The Design of Experiments, chapter 2; Imbens & Rubin (2015), chapter 5; Rosenbaum
    (2002), Statistical Science 17(3).
    """
    level = check_level(level)
    chance = RandomisationInference() if inference is None else inference
    if isinstance(statistic, str):
        choose("statistic", statistic, STATISTICS, where=WHERE)
        _require_one_row(trial)
    refuse_unused(
        WHERE,
        "Make the rate the outcome and leave the exposure out; or use rct.itt, whose rate ratio takes it.",
        holder="trial",
        exposure=trial.exposure,
    )
    reassign.refuse(trial, chance)
    kept = trial.drop_missing()
    if len(np.unique(kept.arm)) < 2:
        raise TrialError("an arm has no outcome left", where=WHERE, remedy="There is nothing to compare.")
    return _result(kept, trial.fingerprint, statistic, chance, allocation, level)


def _result(
    trial: Trial,
    fingerprint: str,
    statistic: str | Statistic,
    inference: RandomisationInference,
    allocation: Allocation | None,
    level: float,
) -> Result:
    named = statistic if isinstance(statistic, str) else f"{getattr(statistic, '__name__', 'one')} (given)"
    drawn = reassign.redrawn(trial, allocation)
    uncertainty, tested = _tested(trial, statistic, named, inference, drawn, level)
    possible, seed = drawn.possible(inference)
    about = f"Effect of assignment to {trial.arms[1]!r} instead of {trial.arms[0]!r}, the same for everybody"
    headline = uncertainty.estimate(0, estimand=about, scale=trial.scale)
    headline = replace(headline, inference=f"{headline.inference}. Statistic: {_WORDS.get(named, named)}.")
    choice = Choice(inference, "as asked for")
    return Result(
        method=WHERE,
        headline=headline,
        effects=_table(trial, uncertainty, tested),
        design=sizes(trial, headline, allocations=possible),
        spec={**choices(trial, choice, level, statistic=named), "recorded": allocation is not None},
        input_hash=fingerprint,
        seed=seed,
        notes=(*trial.notes, *drawn.notes),
        detail=tested,
    )


def _tested(
    trial: Trial,
    statistic: str | Statistic,
    named: str,
    inference: RandomisationInference,
    chance: Redrawn,
    level: float,
) -> tuple[Uncertainty, Tested]:
    if statistic in LINEAR:
        adjust: Any = "none" if statistic in ("difference", "studentised") else statistic
        itt_adjust.prepare(trial, adjust)  # refuses what cannot be adjusted for
        found = reassign.collected(trial, trial.outcome[None], adjust, inference, chance)
        if statistic == "studentised":
            uncertainty = studentised(trial, inference, chance, level=level)
        else:
            uncertainty = inference.uncertainty(found, level)
        return uncertainty, _shares(found, named)
    uncertainty, found = searched(trial, _made(trial, statistic, chance), inference, chance, level)
    return uncertainty, _shares(found, named)


def _made(trial: Trial, statistic: str | Statistic, chance: Redrawn) -> Made:
    """The statistic of any outcomes, as a function of assignments."""
    if statistic == "rank_sum":
        return lambda outcome: rank_statistics.rank_sum(trial, outcome, chance)
    rows = rank_statistics.median_difference(trial) if isinstance(statistic, str) else statistic
    return lambda outcome: rank_statistics.by_rows(
        rows, outcome, lambda drawn: chance.treated(trial, drawn), WHERE
    )


def _shares(found: Collected, named: str) -> Tested:
    values, actual, share = found.values[:, 0], float(found.actual[0]), found.design.share
    tie = TIE * np.abs(values).max(initial=0.0)
    counts = np.array([(values <= actual + tie).sum(), (values >= actual - tie).sum()])
    lower, upper = share.p_value(counts).tolist()
    return Tested(named, actual, lower, upper, values)


def _table(trial: Trial, uncertainty: Uncertainty, tested: Tested) -> pd.DataFrame:
    rows = [{"term": trial.arms[1], **uncertainty.row(0), "n": int(trial.treated.sum())}]
    if tested.statistic not in LINEAR:
        why = f"{NO_ERROR}; the interval is that of the effect"
        bare = bare_row(f"statistic: {tested.statistic}", tested.actual, trial.n_rows, why)
        rows.append(bare | {"p_value": rows[0]["p_value"]})
    return pd.DataFrame(rows)


def _require_one_row(trial: Trial) -> None:
    if trial.n_rows == trial.n_units:
        return
    raise DesignError(
        f"the trial has {trial.n_rows:,} rows for {trial.n_units:,} units, each seen in several periods",
        where=WHERE,
        remedy="Give a statistic of your own that says what the periods are for, or use rct.crossover or "
        "rct.stepped_wedge.",
    )
