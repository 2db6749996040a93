"""The effect of assignment from the probabilities of assignment alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from whatworks.errors import DesignError, OptionError, TrialError
from whatworks.inference.default import Choice
from whatworks.inference.draws import check_level
from whatworks.inference.influence import cluster_sums
from whatworks.inference.percent import relative_change
from whatworks.inference.uncertainty import Uncertainty, from_errors
from whatworks.rct.allocation import Allocation
from whatworks.rct.answer import choices, sizes
from whatworks.rct.compared import admissible, require_one_row
from whatworks.rct.default_errors import assigned
from whatworks.rct.listed import against_record
from whatworks.results import Estimate, NotAvailable, Number, Result
from whatworks.trial import Trial

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

WHERE: Final = "rct.horvitz_thompson"

NORMAL: Final = NotAvailable("the interval takes normal quantiles")

NEGATIVE: Final = (
    "the variance estimate comes out negative, as it can where outcomes and allocation are at odds by chance"
)


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """Totals of what was assigned as a whole.

    Attributes:
        total: (G,) outcome summed over the rows of each cluster (each row without clusters).
        arm, block: (G,) codes.
        rows: how many rows there are in all.
    """

    total: Floats
    arm: Ints
    block: Ints
    rows: int


def horvitz_thompson(
    trial: Trial,
    *,
    probability: float | None = None,
    allocation: Allocation | None = None,
    level: float = 0.95,
) -> Result:
    """Effect of assignment by weighting every outcome by its chance of being seen; unbiased by design alone.

    Σ y/p over the treated less Σ y/(1 − p) over the others, over the number of rows; where clusters were
    assigned, of cluster totals, so that it depends on where 0 of the outcome is and is often much noisier
    than `rct.itt`. The variance bounds what no trial can show (both outcomes of one unit) by Young's
    inequality and is conservative on average; the interval takes normal quantiles.

    Args:
        trial: one row a unit, every outcome known.
        probability: the chance of treatment of each unit (or cluster), drawn independently; None where fixed
            numbers were assigned, within blocks if there are any.
        allocation: the record of `rct.randomise`; the trial's units and arms are held against it.
        level: coverage of the interval.

    Raises:
        DesignError: several rows a unit; outcomes missing; several treatment arms with `probability`; an
            allocation that a balance rule let through, whose probabilities no formula gives.
        TrialError: units or arms that are not those of the record; blocks on the record only.
        OptionError: a probability outside (0, 1).

    Source: Aronow & Middleton (2013), Journal of Causal Inference 1(1); Aronow & Samii (2017), Annals of
    Applied Statistics 11(4), equations 8 and 9.
    """
    check_level(level)
    _require(trial, probability, allocation)
    notes = () if allocation is None else against_record(trial, allocation)
    spec = {"probability": probability, "recorded": allocation is not None}
    found = _result(trial, probability, level, spec, admissible(allocation))
    return found.with_notes(*notes)


def _result(
    trial: Trial, probability: float | None, level: float, spec: dict[str, Any], allocations: Number
) -> Result:
    drawn = _drawn(trial)
    both = np.array([effect(drawn, code, probability) for code in range(1, len(trial.arms))])
    found = _uncertainty(both[:, 0], both[:, 1], level, _design_words(trial, probability))
    about = f"{trial.arms[1]!r} instead of {trial.arms[0]!r} on {trial.n_units:,} units (ITT)"
    headline = found.estimate(0, estimand=f"Effect of assignment to {about}", scale=trial.scale)
    return Result(
        method=WHERE,
        headline=headline,
        effects=pd.DataFrame(
            {"term": trial.arms[1:], **found.columns(), "n": np.bincount(trial.arm)[1:].tolist()}
        ),
        design=sizes(trial, headline, allocations=allocations),
        spec=choices(trial, Choice(None, ""), level, **spec),
        input_hash=trial.fingerprint,
        relative=_relative(headline, drawn, probability),
        notes=trial.notes,
    )


def effect(drawn: Drawn, code: int, probability: float | None) -> tuple[float, float]:
    """The estimate and the estimate of its variance for treatment arm `code`."""
    control, treated, variance = 0.0, 0.0, 0.0
    for block in range(int(drawn.block.max()) + 1):
        here = drawn.block == block
        groups = [drawn.total[here & (drawn.arm == arm)] for arm in (0, code)]
        if probability is None:
            count = int(here.sum())
            chances = [len(group) / count for group in groups]
            scaled = [group / p for group, p in zip(groups, chances, strict=True)]
            variance += _fixed(scaled, count)
        else:
            scaled = [groups[0] / (1 - probability), groups[1] / probability]
            variance += sum(float((group**2).sum()) for group in scaled)
        control, treated = control + float(scaled[0].sum()), treated + float(scaled[1].sum())
    return (treated - control) / drawn.rows, variance / drawn.rows**2


def _fixed(scaled: list[Floats], count: int) -> float:
    """Variance of a block in which a fixed number of `count` went to each arm, times the square of its rows.

    `scaled` holds, control first, outcomes over their probabilities. Pairs in one arm have covariance
    (p_ij − p²)/p_ij, pairs across arms 1/n; where an arm has one member its pairs are never seen together,
    and −y_i·y_j is at most (y_i² + y_j²)/2.
    """
    variance = 0.0
    for group in scaled:
        m, squares = len(group), float((group**2).sum())
        variance += squares
        if m > 1:
            together = 1 - m * (count - 1) / (count * (m - 1))
            variance += together * (float(group.sum()) ** 2 - squares)
        else:
            variance += (count - 1) / count * squares
    across = 1 / count
    return variance - 2 * across * float(scaled[0].sum()) * float(scaled[1].sum())


def _require(trial: Trial, probability: float | None, allocation: Allocation | None) -> None:
    require_one_row(trial, WHERE)
    if not trial.observed.all():
        raise DesignError(
            f"{int((~trial.observed).sum()):,} rows have no outcome, and chance did not choose them",
            where=WHERE,
            remedy="Use rct.itt on the rows observed, with rct.attrition_bounds.",
        )
    if probability is not None:
        _require_probability(trial, probability, allocation)
    if allocation is None:
        return
    if allocation.record.get("balance", "none") != "none":
        raise DesignError(
            "the allocation had to keep a balance rule, so no formula gives its probabilities",
            where=WHERE,
            remedy="Use rct.itt with inference=RandomisationInference() and the record.",
        )
    if "block" in allocation.table and trial.block is None:
        raise TrialError(
            "arms were dealt within blocks, and the trial names none",
            where=WHERE,
            remedy="Name it: Trial.from_frame(..., block=...).",
        )


def _require_probability(trial: Trial, probability: float, allocation: Allocation | None) -> None:
    if not 0 < probability < 1:
        raise OptionError(
            f"probability={probability!r} does not lie between 0 and 1",
            where=WHERE,
            remedy="Give the chance of treatment, such as 0.5.",
        )
    if len(trial.arms) > 2 or allocation is not None:
        what = (
            "several treatment arms" if allocation is None else "a record, which says how many each arm has"
        )
        raise DesignError(
            f"probability is one chance of treatment for all and does not go with {what}",
            where=WHERE,
            remedy="Leave probability out: fixed numbers of each arm are then taken as assigned.",
        )


def _drawn(trial: Trial) -> Drawn:
    _, arm, block = assigned(trial)
    total = cluster_sums(trial.outcome[:, None], trial.cluster, trial.n_clusters)[:, 0]
    return Drawn(total, arm, block, trial.n_rows)


def _uncertainty(value: Floats, variance: Floats, level: float, words: str) -> Uncertainty:
    error = np.where(variance > 0, np.sqrt(np.maximum(variance, 0.0)), np.nan)
    reason = tuple("" if known else NEGATIVE for known in variance > 0)
    sentence = (
        f"Standard error from the probabilities of assignment ({words}), bounded by Young's inequality; "
        "normal quantiles."
    )
    return from_errors(value, error, reason, df=NORMAL, level=level, sentence=sentence)


def _design_words(trial: Trial, probability: float | None) -> str:
    word = "cluster" if trial.cluster is not None else "unit"
    if probability is not None:
        return f"each {word} treated with probability {probability:g}, independently"
    within = "" if trial.block is None else f" within {trial.n_blocks} blocks"
    return f"fixed numbers of {word}s dealt to each arm{within}"


def _relative(headline: Estimate, drawn: Drawn, probability: float | None) -> Estimate | NotAvailable:
    """Against what all would have had under control: weighted like the effect, so it may stray far."""
    empty = Drawn(np.where(drawn.arm == 0, drawn.total, 0.0), drawn.arm, drawn.block, drawn.rows)
    control = -effect(empty, 1, probability)[0]
    if isinstance(headline.value, NotAvailable):
        return headline.value
    return relative_change(headline, control + headline.value)
