"""The effect of assignment from the probabilities of assignment alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from whatworks.arrays import Floats, Ints
from whatworks.errors import DesignError, OptionError, TrialError, first_few, refuse_unused
from whatworks.inference.default import Choice
from whatworks.inference.draws import check_level
from whatworks.inference.fits.rows import by_cluster
from whatworks.inference.percent import relative_change
from whatworks.inference.uncertainty import Uncertainty, from_errors
from whatworks.rct.assign.allocation import Allocation
from whatworks.rct.assign.listed import against_record
from whatworks.rct.one_row.answer import choices, in_order, is_number, sizes
from whatworks.rct.one_row.compared import admissible, require_one_row
from whatworks.rct.one_row.default_errors import assigned
from whatworks.results import Estimate, NotAvailable, Number, Result
from whatworks.trial import Trial

WHERE: Final = "rct.horvitz_thompson"

NORMAL: Final = NotAvailable("the interval takes normal quantiles")

CONSTANT: Final = "outcomes do not vary, so an error cannot be learnt from them"

ROUNDING: Final = 1e-12
"""An error below this share of the largest outcome is rounding."""


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
    refuse_unused(
        WHERE,
        "Make the rate the outcome and leave the exposure out; or use rct.itt, whose rate ratio takes it.",
        holder="trial",
        exposure=trial.exposure,
    )
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
    error = np.sqrt(both[:, 1])
    error = np.where(error > ROUNDING * np.abs(drawn.total).max(), error, np.nan)
    found = _uncertainty(both[:, 0], error, level, _design_words(trial, probability))
    about = f"{trial.arms[1]!r} instead of {trial.arms[0]!r} on {trial.n_units:,} units (ITT)"
    headline = found.estimate(0, estimand=f"Effect of assignment to {about}", scale=trial.scale)
    return Result(
        method=WHERE,
        headline=headline,
        effects=in_order(
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
    value, variance = 0.0, 0.0
    for block in range(int(drawn.block.max()) + 1):
        here = drawn.block == block
        groups = [drawn.total[here & (drawn.arm == arm)] for arm in (0, code)]
        if probability is None:
            own, spread = _fixed(groups, int(here.sum()))
        else:
            scaled = groups[0] / (1 - probability), groups[1] / probability
            own = float(scaled[1].sum() - scaled[0].sum())
            spread = sum(float((group**2).sum()) for group in scaled)
        value, variance = value + own, variance + spread
    return value / drawn.rows, variance / drawn.rows**2


def _fixed(groups: list[Floats], count: int) -> tuple[float, float]:
    """Effect and variance of a block in which fixed numbers of `count` went to each arm, in totals.

    `groups` holds the outcomes of control and treatment. A pair in one arm adds (p_ij − p²)/p_ij·y_i·y_j/p²,
    one across arms −1/n·y_i·y_j/(p_i·p_j); where an arm has one member its pairs are never seen together,
    and −y_i·y_j is at most (y_i² + y_j²)/2. Over all pairs that is, with n = `count`, m members and the
    variance s² of an arm, n(n − 1)s²/m for each arm (2n(n − 1)y² for one member) and n times the squared
    difference in means, a form without differences of large numbers.
    """
    effect = float(groups[1].mean() - groups[0].mean())
    variance = count * effect**2
    for group in groups:
        m = len(group)
        own = group.var(ddof=1) / m if m > 1 else 2 * float(group[0]) ** 2
        variance += count * (count - 1) * float(own)
    return count * effect, variance


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
    _require_every_arm(trial)
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


def _require_every_arm(trial: Trial) -> None:
    if trial.block is None:
        return
    for code, label in enumerate(trial.arms):
        empty = np.bincount(trial.block[trial.arm == code], minlength=trial.n_blocks) == 0
        if empty.any():
            names = first_few(trial.block_labels[int(block)] for block in np.flatnonzero(empty))
            raise DesignError(
                f"{int(empty.sum())} blocks have no row of arm {label!r}, so its chance is 0 there: {names}",
                where=WHERE,
                remedy="Leave those blocks out, or use rct.itt, which compares each arm where it was dealt.",
            )


def _require_probability(trial: Trial, probability: float, allocation: Allocation | None) -> None:
    if not is_number(probability) or not 0 < probability < 1:
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
    total = by_cluster(trial.outcome[:, None], trial.cluster, trial.n_clusters)[:, 0]
    return Drawn(total, arm, block, trial.n_rows)


def _uncertainty(value: Floats, error: Floats, level: float, words: str) -> Uncertainty:
    reason = tuple(CONSTANT if np.isnan(one) else "" for one in error)
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
