"""The effect of a dose, where assignment moved how much of the treatment was given."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final

import numpy as np
import pandas as pd

from whatworks.answer import bare_row
from whatworks.arrays import Bools, Floats
from whatworks.errors import OptionError
from whatworks.inference.default import Choice
from whatworks.inference.errors.anderson_rubin import Accepted
from whatworks.inference.fits import least_squares
from whatworks.rct.assign.allocation import Allocation
from whatworks.rct.one_row.answer import choices, in_order, is_number, sizes
from whatworks.rct.one_row.compared import admissible
from whatworks.rct.take_up.rows import effect_rows, strength
from whatworks.rct.take_up.two_stages import Adjust, Columns, Found, Inference, estimate, headline, prepare
from whatworks.results import NotAvailable, Number, Result
from whatworks.trial import Trial

QUANTILES: Final = (0.1, 0.25, 0.5, 0.75, 0.9)
BANDS: Final = 4

_WHOLE: Final = 1e-9

WHERE: Final = "rct.dosage"
NOBODY: Final = (
    "assignment did not move the mean dose, so nothing can be said about a unit of it; the effect of "
    "assignment (ITT) stands in the table"
)


@dataclass(frozen=True, slots=True, eq=False)
class DosageDetail:
    """What `rct.dosage` computed on the way.

    Attributes:
        doses: one row an arm: mean, quantiles, share at 0 and, with a planned dose, what reached it.
        weights: from, to, weight: where on the scale of doses the effect was learnt.
        f: F of the first stage, or why there is none.
        anderson_rubin: the values that the Anderson–Rubin test lets stand, or why there are none.
        choice: the inference used, and why.
    """

    doses: pd.DataFrame
    weights: pd.DataFrame | NotAvailable
    f: Number
    anderson_rubin: Accepted | NotAvailable
    choice: Choice


def dosage(
    trial: Trial,
    *,
    per: float = 1.0,
    planned: float | None = None,
    adjust: Adjust | None = None,
    allocation: Allocation | None = None,
    inference: Inference = None,
    level: float = 0.95,
) -> Result:
    """Effect per unit of dose, by two-stage least squares with assignment as the instrument of the dose.

    The effect of assignment on the outcome over its effect on the dose: an average of the effects of one more
    unit, over those whose dose assignment moved and weighted by how far it moved them (average causal
    response). Beside it stand the doses by arm, and the plain slope of the outcome on the dose within the
    treatment arm, which is not causal: places that got more differ in other ways.

    Args:
        trial: two arms, take-up as a dose from 0 up, one row a unit or a unit and period. With periods each
            has an effect of its own, so has each unit whose arm changes, and a unit's rows go together.
        per: how many units of dose the effect speaks of (10: per 10 minutes).
        planned: the dose that was planned, in its own unit.
        adjust: `ancova`, baseline variables as regressors in both stages; `none`, without them; None takes
            `ancova` where `rct.itt` would adjust, else `none`, and says why.
        allocation: the record of `rct.randomise`; the trial's units and arms are held against it.
        inference: `Heteroskedastic`, `ClusterRobust`, `Default`, or None for the default of the design.
        level: coverage of the intervals.

    Raises:
        DesignError: more than two arms, no take-up recorded, columns that cannot be told apart.
        TrialError: an arm without outcomes, a list that does not match the record.
        OptionError: a `per` or `planned` that is not positive, an inference object that does not hold over
            two stages, a level outside (0, 1).

    Source: Angrist & Imbens (1995), Journal of the American Statistical Association 90(430), theorem 1.
    """
    _positive(per, planned)
    columns = prepare(
        trial, adjust=adjust, allocation=allocation, inference=inference, level=level, where=WHERE
    )
    columns = replace(columns, taken=columns.taken / per)
    made = {"adjust": columns.adjust, "per": per, "planned": planned}
    return _result(trial, estimate(columns, level=level, where=WHERE), level, made, allocation)


def _result(
    trial: Trial, found: Found, level: float, made: dict[str, Any], allocation: Allocation | None
) -> Result:
    columns, per = found.columns, made["per"]
    unit = f"{per:g} units of dose" if per != 1 else "unit of dose"
    told = headline(
        found,
        estimand=f"Average effect per {unit}, over those whose dose assignment moved "
        "(average causal response)",
        scale=f"{columns.scale} per {unit}",
        nobody=NOBODY,
        level=level,
    )
    detail = _detail(found, made["planned"], per)
    rows = effect_rows(found, (f"effect per {unit}", "ITT, effect of assignment", _caused(per)), NOBODY)
    return Result(
        method=WHERE,
        headline=told,
        effects=in_order([*rows, _slope(columns, level, unit), *_dose_rows(detail.doses)]),
        design=sizes(columns.trial, told, allocations=admissible(allocation)),
        spec=choices(columns.trial, columns.choice, level, **made),
        input_hash=trial.fingerprint,
        relative=NotAvailable("an effect per unit of dose has no mean outcome to be a share of"),
        notes=(*columns.notes, *_notes(found, detail, unit)),
        detail=detail,
    )


def _positive(per: float, planned: float | None) -> None:
    for name, value in (("per", per), ("planned", planned)):
        if value is not None and not (is_number(value) and value > 0):
            raise OptionError(
                f"{name}={value!r} is not a positive dose",
                where=WHERE,
                remedy="Give it in units of the dose.",
            )


def _caused(per: float) -> str:
    return "dose caused by assignment" + (f" (in {per:g} units)" if per != 1 else "")


def _detail(found: Found, planned: float | None, per: float) -> DosageDetail:
    columns = found.columns
    dose, treated = columns.taken * per, columns.trial.treated
    gap = NotAvailable(NOBODY if found.effect is None else columns.choice.reason)
    plain = dose[treated].mean() != dose[~treated].mean()
    return DosageDetail(
        doses(dose, treated, columns.trial.arms, planned),
        moved(dose, treated) if found.effect is not None and plain else NotAvailable(NOBODY),
        found.f,
        gap if found.accepted is None else found.accepted,
        columns.choice,
    )


def doses(dose: Floats, treated: Bools, arms: tuple[str, ...], planned: float | None) -> pd.DataFrame:
    """One row an arm: rows, mean, quantiles, share without any, share of rows that reached the planned dose.

    Args:
        dose: (n,) doses.
        treated: (n,) rows of the treatment arm.
        arms: control and treatment.
        planned: the dose that was planned, or None: the column is then left out.
    """
    rows = []
    for label, here in zip(arms, (~treated, treated), strict=True):
        own = dose[here]
        row: dict[str, object] = {"arm": label, "n": len(own), "mean": own.mean()}
        row |= {f"{q:.0%}": np.quantile(own, q) for q in QUANTILES}
        row["share at 0"] = (own == 0).mean()
        if planned is not None:
            row["mean over planned"] = own.mean() / planned
            row["share that reached the plan"] = (own >= planned).mean()
        rows.append(row)
    return pd.DataFrame(rows)


def moved(dose: Floats, treated: Bools) -> pd.DataFrame:
    """Where on the scale of doses assignment moved people: columns from, to, weight; weights sum to 1.

    The weight of a band is the integral over it of the difference between the arms' shares with at least so
    large a dose, over the difference in mean doses. Bands split the doses of both arms into equal parts. The
    effect per unit of dose averages the effects of one more unit with these weights; a negative one means
    that assignment lowered some doses there.

    Source: Angrist & Imbens (1995), Journal of the American Statistical Association 90(430), theorem 1.
    """
    edges = np.unique([0.0, *np.quantile(dose[dose > 0], np.arange(1, BANDS + 1) / BANDS, method="higher")])
    # the share with at least t, integrated from a to b, is the mean of the dose cut to [a, b] less a
    cut = [np.clip(dose, a, b) - a for a, b in pairwise(edges)]
    gain = np.array([part[treated].mean() - part[~treated].mean() for part in cut])
    return pd.DataFrame({"from": edges[:-1], "to": edges[1:], "weight": gain / gain.sum()})


def lowered(dose: Floats, treated: Bools) -> bool:
    """Whether some dose is reached by a smaller share under treatment than under control."""
    levels = np.unique(dose)
    shares = [
        1 - np.searchsorted(np.sort(dose[here]), levels, side="left") / here.sum()
        for here in (treated, ~treated)
    ]
    return bool((shares[0] < shares[1] - _WHOLE).any())


def _slope(columns: Columns, level: float, unit: str) -> dict[str, object]:
    """The plain slope of outcome on dose within the treatment arm."""
    treated = columns.trial.treated
    term = f"slope of outcome on dose within {columns.trial.arms[1]}, per {unit} (not causal)"
    n, dose = int(treated.sum()), columns.taken[treated]
    if isinstance(columns.choice.inference, NotAvailable):
        return bare_row(term, np.nan, n, columns.choice.reason)
    design = columns.design[treated]
    # assignment is constant within the arm and goes with what else is
    kept = np.ptp(design, axis=0) > 0
    kept[0] = True
    design = np.insert(design[:, kept], 1, dose, axis=1)
    if np.ptp(dose) == 0:
        return bare_row(term, np.nan, n, "the whole arm got the same dose")
    if n <= np.linalg.matrix_rank(design):
        return bare_row(term, np.nan, n, "the arm has no more rows than the regression has columns")
    if np.linalg.matrix_rank(design) < design.shape[1]:
        return bare_row(
            term, np.nan, n, "within the arm the dose cannot be told apart from the other columns"
        )
    codes = None if columns.cluster is None else np.unique(columns.cluster[treated], return_inverse=True)[1]
    if codes is not None and codes.max() == 0:
        return bare_row(term, np.nan, n, "the arm is one cluster")
    fit = least_squares.fit(
        columns.outcome[treated],
        design,
        names=["constant", "dose", *(f"column {j}" for j in range(2, design.shape[1]))],
        where=WHERE,
        weight=None if columns.weight is None else columns.weight[treated],
        cluster=codes,
    )
    told = columns.choice.from_regression(fit, np.eye(design.shape[1])[1:2], level=level)
    return {"term": term, **told.row(0), "n": n}


def _dose_rows(table: pd.DataFrame) -> list[dict[str, object]]:
    """The doses of each arm as rows of the result, for what is read from its record."""
    why = "a description of the arm, without an interval"
    return [
        bare_row(f"dose in {row['arm']}: {name}", float(row[name]), int(row["n"]), why)
        for row in table.to_dict(orient="records")
        for name in table.columns.drop(["arm", "n"])
    ]


def _notes(found: Found, detail: DosageDetail, unit: str) -> list[str]:
    control, treatment = found.columns.trial.arms
    less, more = detail.doses["mean"].tolist()
    notes = [f"Mean dose: {more:.4g} in {treatment!r} and {less:.4g} in {control!r}."]
    if found.effect is None:
        return [*notes, f"No effect of the dose can be told: {NOBODY}."]
    if not isinstance(detail.weights, NotAvailable):
        bands = "; ".join(
            f"{row['weight']:.0%} between {row['from']:.4g} and {row['to']:.4g}"
            for row in detail.weights.to_dict(orient="records")
        )
        notes.append(
            f"The effect per {unit} was learnt where assignment moved doses: {bands}. It is the effect of "
            "one more there, not of a dose that nobody was moved to, and says nothing of where the effect "
            "levels off."
        )
    columns = found.columns
    if lowered(columns.taken, columns.trial.treated):
        notes.append(
            f"Some doses were reached by a smaller share of {treatment!r} than of {control!r}, so "
            "assignment lowered the dose of some, or chance did; where it did, the average of effects has "
            "negative weights."
        )
    return [
        *notes,
        "Two things are taken for granted, and no data can show them: that assignment changes the outcome "
        "only through the dose (exclusion), and that it lowers nobody's dose (monotonicity).",
        f"The slope within {treatment!r} is no effect: who got more was not settled by chance.",
        *strength(found),
    ]
