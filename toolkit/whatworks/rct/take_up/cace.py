"""The effect of taking it up, on those who took it up because they were offered it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from whatworks.answer import bare_row
from whatworks.errors import DesignError
from whatworks.inference.default import Choice
from whatworks.inference.errors.anderson_rubin import Accepted
from whatworks.inference.fits.regression import Regression
from whatworks.inference.percent import relative_change
from whatworks.rct.assign.allocation import Allocation
from whatworks.rct.one_row.answer import choices, in_order, sizes
from whatworks.rct.one_row.compared import admissible
from whatworks.rct.take_up.rows import effect_rows, strength
from whatworks.rct.take_up.two_stages import Adjust, Columns, Found, Inference, estimate, headline, prepare
from whatworks.results import NotAvailable, Number, Result
from whatworks.trial import Trial

WHERE: Final = "rct.cace"
NOBODY: Final = (
    "assignment moved nobody's take-up, so there is nobody whose take-up the offer changed; the effect of "
    "the offer itself (ITT) stands in the table"
)


@dataclass(frozen=True, slots=True, eq=False)
class CaceDetail:
    """What `rct.cace` computed on the way.

    Attributes:
        taken_treatment, taken_control: share of rows with take-up in either arm.
        f: F of the first stage, or why there is none.
        anderson_rubin: the values that the Anderson–Rubin test lets stand, or why there are none.
        fit: the two-stage regression, take-up its second coefficient; None where assignment moved nobody.
        choice: the inference used, and why.
    """

    taken_treatment: float
    taken_control: float
    f: Number
    anderson_rubin: Accepted | NotAvailable
    fit: Regression | None
    choice: Choice


def cace(
    trial: Trial,
    *,
    adjust: Adjust | None = None,
    allocation: Allocation | None = None,
    inference: Inference = None,
    level: float = 0.95,
) -> Result:
    """Complier average causal effect: two-stage least squares with assignment as the instrument.

    Without blocks and baseline it is the difference in mean outcomes over the difference in take-up (Wald).
    Where the F of the first stage is below 10 the interval and p-value are those of the Anderson–Rubin test,
    which holds however weak the first stage is; it may then be open on one side or both, and says so.

    Args:
        trial: two arms, take-up 0 or 1, one row a unit or a unit and period. Rows without an outcome are left
            out, with a note. With an exposure effects are differences in rates.
        adjust: `ancova`, baseline variables as regressors in both stages; `none`, without them; None takes
            `ancova` where `rct.itt` would adjust, else `none`, and says why.
        allocation: the record of `rct.randomise`; the trial's units and arms are held against it.
        inference: `Heteroskedastic`, `ClusterRobust`, `Default`, or None for the default of the design.
        level: coverage of the intervals.

    Raises:
        DesignError: more than two arms, no take-up recorded, a dose, columns that cannot be told apart.
        TrialError: an arm without outcomes, a list that does not match the record.
        OptionError: an inference object that does not hold over two stages, a level outside (0, 1).

    Source: Angrist, Imbens & Rubin (1996), Journal of the American Statistical Association 91(434);
    Anderson & Rubin (1949), Annals of Mathematical Statistics 20(1).
    """
    if trial.graded:
        raise DesignError(
            "take-up is a dose, not yes or no",
            where=WHERE,
            remedy="Use rct.dosage, which gives the effect per unit of dose.",
        )
    columns = prepare(
        trial, adjust=adjust, allocation=allocation, inference=inference, level=level, where=WHERE
    )
    return _result(trial, estimate(columns, level=level, where=WHERE), level, allocation)


def _result(trial: Trial, found: Found, level: float, allocation: Allocation | None) -> Result:
    columns = found.columns
    told = headline(
        found,
        estimand="Average effect of take-up on those who took it up because they were offered it (CACE)",
        scale=columns.scale,
        nobody=NOBODY,
        level=level,
    )
    fit = None if found.effect is None else columns.two_stages(columns.outcome, WHERE)
    detail = _detail(found, fit)
    return Result(
        method=WHERE,
        headline=told,
        effects=in_order(_rows(found, detail)),
        design=sizes(columns.trial, told, allocations=admissible(allocation)),
        spec=choices(columns.trial, columns.choice, level, adjust=columns.adjust),
        input_hash=trial.fingerprint,
        relative=NotAvailable(NOBODY) if fit is None else relative_change(told, _treated_mean(columns)),
        notes=(*columns.notes, *_notes(found, detail)),
        detail=detail,
    )


def _treated_mean(columns: Columns) -> float:
    """Mean outcome of the compliers when treated: two stages on the outcome of those who took it up.

    Source: Abadie (2002), Journal of the American Statistical Association 97(457), lemma 2.1.
    """
    return float(columns.two_stages(columns.outcome * columns.taken, WHERE).coefficients[1])


def _detail(found: Found, fit: Regression | None) -> CaceDetail:
    columns = found.columns
    treated = columns.trial.treated
    accepted: Accepted | NotAvailable = (
        found.accepted
        if found.accepted is not None
        else NotAvailable(NOBODY if found.effect is None else columns.choice.reason)
    )
    return CaceDetail(
        float(columns.taken[treated].mean()),
        float(columns.taken[~treated].mean()),
        found.f,
        accepted,
        fit,
        columns.choice,
    )


def _rows(found: Found, detail: CaceDetail) -> list[dict[str, object]]:
    treated = found.columns.trial.treated
    shown = "a share of the rows of one arm, without an interval"
    control, treatment = found.columns.trial.arms
    return [
        *effect_rows(
            found,
            ("CACE", "ITT, effect of the offer", "compliers, take-up caused by the offer (share)"),
            NOBODY,
        ),
        bare_row(
            f"always-takers, take-up in {control} (share)", detail.taken_control, int((~treated).sum()), shown
        ),
        bare_row(
            f"never-takers, no take-up in {treatment} (share)",
            1 - detail.taken_treatment,
            int(treated.sum()),
            shown,
        ),
    ]


def _notes(found: Found, detail: CaceDetail) -> list[str]:
    control, treatment = found.columns.trial.arms
    taken, untreated = detail.taken_treatment, detail.taken_control
    if found.effect is None:
        return [
            f"Take-up: {taken:.1%} in {treatment!r} and {untreated:.1%} in {control!r}. No effect of take-up "
            f"can be told: {NOBODY}."
        ]
    notes = [
        f"Take-up: {taken:.1%} in {treatment!r} and {untreated:.1%} in {control!r}. About "
        f"{found.moved:.1%} took it up because they were offered it (compliers); the effect speaks of them "
        "alone.",
        *_sides(taken, untreated, treatment, control),
        "Two things are taken for granted, and no data can show them: that the offer changes the outcome "
        "only through take-up (exclusion), and that nobody does the opposite of what was offered "
        "(monotonicity).",
        *strength(found),
    ]
    if found.moved < 0:
        notes.append(
            f"Take-up is lower in {treatment!r} than in {control!r}: check the labels of the arms and the "
            "take-up column before reading anything into this."
        )
    return notes


def _sides(taken: float, untreated: float, treatment: str, control: str) -> list[str]:
    if untreated == 0 and taken == 1:
        return ["Everyone did as assigned, so the CACE is the ITT."]
    if untreated == 0:
        return [
            f"Non-compliance is one-sided: nobody in {control!r} took it up, so all who took it up are "
            "compliers, monotonicity holds by itself, and the effect is that on those treated."
        ]
    if taken == 1:
        return [
            f"Non-compliance is one-sided: everyone in {treatment!r} took it up, and {untreated:.1%} of "
            f"{control!r} did without the offer."
        ]
    return [
        f"Non-compliance is two-sided: {untreated:.1%} took it up without the offer (always-takers) and "
        f"{1 - taken:.1%} did not take it up with the offer (never-takers). Nothing is learnt about the "
        "effect on either."
    ]
