"""Assignment as an instrument for take-up: the columns, the regressions and the words that need them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np

from whatworks.answer import explained
from whatworks.arrays import Floats, Ints
from whatworks.errors import DesignError, OptionError, choose
from whatworks.inference.asked import Admitted
from whatworks.inference.default import Choice, Default, draws_of
from whatworks.inference.draws import check_level
from whatworks.inference.errors import anderson_rubin
from whatworks.inference.errors.anderson_rubin import Accepted, Stages
from whatworks.inference.errors.cluster import ClusterRobust
from whatworks.inference.errors.heteroskedastic import Heteroskedastic
from whatworks.inference.fits import least_squares
from whatworks.inference.fits.regression import Regression
from whatworks.inference.uncertainty import Uncertainty
from whatworks.rct.assign.allocation import Allocation
from whatworks.rct.assign.listed import against_record
from whatworks.rct.one_row import affordable
from whatworks.rct.one_row.answer import dummies
from whatworks.rct.one_row.compared import compared_rows, observed_rows
from whatworks.rct.one_row.default_errors import pieces, settle
from whatworks.rct.one_row.regression import refuse_constant
from whatworks.results import Estimate, NotAvailable, Number
from whatworks.trial import Trial

Adjust = Literal["ancova", "none"]
ADJUSTS: Final = ("ancova", "none")
Inference = Heteroskedastic | ClusterRobust | Default | None

TWO_STAGES: Final = Admitted(
    Inference,
    "{0.__class__.__name__} does not hold over two stages",
    "Use ClusterRobust('CR2') or Heteroskedastic('HC2'). The null of no effect on anyone can be tested by "
    "any inference of rct.itt, whatever the take-up: the Anderson–Rubin test is that test.",
)

WEAK: Final = 10.0
"""Below this F of the first stage, intervals around a two-stage estimate are not to be trusted.

Staiger & Stock (1997), Econometrica 65(3); Andrews, Stock & Sun (2019), Annual Review of Economics 11.
"""

_NONE: Final = 1e-10
"""A first stage below this share of the range of take-up is rounding: assignment moved nobody."""


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """n rows of two arms, ready for both stages.

    Attributes:
        trial: the rows analysed.
        outcome, taken: (n,) outcome (per unit of exposure where there is one) and take-up.
        design: (n, k) constant, assignment, then blocks, places and periods, and baseline.
        names: k names.
        weight: (n,) exposure, or None.
        cluster: (n,) rows that go together, or None.
        choice: the inference and why.
        scale: the unit of the outcome in words.
        adjust: whether baseline is among the columns.
        notes: what was done, in sentences.
    """

    trial: Trial
    outcome: Floats
    taken: Floats
    design: Floats
    names: list[str]
    weight: Floats | None
    cluster: Ints | None
    choice: Choice
    scale: str
    adjust: Adjust
    notes: tuple[str, ...]

    def two_stages(self, outcome: Floats, where: str) -> Regression:
        """Take-up (coefficient 1) on an outcome (n,), with assignment in its place in the first stage."""
        own = self.design.copy()
        own[:, 1] = self.taken
        names = [self.names[0], "take-up", *self.names[2:]]
        return least_squares.fit(
            outcome,
            own,
            names=names,
            where=where,
            weight=self.weight,
            cluster=self.cluster,
            instruments=self.design,
        )

    def contrast(self) -> Floats:
        """(1, k) the second coefficient."""
        return np.eye(self.design.shape[1])[1:2]


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What both stages say.

    Attributes:
        columns: the rows.
        stages: effects of assignment on outcome and take-up, with their covariance; None without errors.
        effect: the two-stage estimate; None where assignment moved nobody.
        accepted: the Anderson–Rubin set; None without errors or effect.
        f: F of the first stage, or why there is none.
        moved: effect of assignment on take-up, and `itt` on the outcome.
    """

    columns: Columns
    stages: Stages | None
    effect: Uncertainty | None
    accepted: Accepted | None
    f: Number
    moved: float
    itt: float

    @property
    def weak(self) -> bool:
        """Whether the first stage is too weak for the two-stage interval."""
        return isinstance(self.f, float) and self.f < WEAK


def prepare(
    trial: Trial,
    *,
    adjust: Adjust | None,
    allocation: Allocation | None,
    inference: Inference,
    level: float,
    where: str,
) -> Columns:
    """The columns of both stages.

    Raises:
        DesignError: more than two arms, no take-up recorded.
        TrialError: an arm without outcomes, a list that does not match the allocation record.
        OptionError: an inference object for one stage only.
    """
    check_level(level)
    _refuse(trial, adjust, inference, where)
    notes = [*trial.notes, *(() if allocation is None else against_record(trial, allocation))]
    kept, lost = observed_rows(trial)
    left: list[str] = []
    if trial.period is None:
        kept, left = compared_rows(kept, trial.arms[1])
    adjust, design, names, made = _settled(kept, adjust, where)
    codes, choice = _errors(kept, inference)
    weight, outcome, scale = None, kept.outcome, kept.scale
    if kept.exposure is not None:
        weight, outcome = np.asarray(kept.exposure), kept.outcome / kept.exposure
        scale = f"{kept.outcome_name} per unit of exposure"
        made.append(
            "Counts are divided by their exposure and weighted by it: effects are differences in rates."
        )
    taken = np.asarray(kept.taken, dtype=np.float64)
    said = (*notes, *lost, *left, *made, *choice.warnings)
    return Columns(kept, outcome, taken, design, names, weight, codes, choice, scale, adjust, said)


def _refuse(trial: Trial, adjust: Adjust | None, inference: Inference, where: str) -> None:
    if adjust is not None:
        choose("adjust", adjust, ADJUSTS, where=where)
    if adjust == "ancova" and not trial.baseline_names:
        raise OptionError(
            "adjust='ancova' needs baseline, and the trial has none",
            where=where,
            remedy="Name baseline columns in Trial.from_frame, or use adjust='none'.",
        )
    if len(trial.arms) != 2:
        raise DesignError(
            f"the trial has {len(trial.arms)} arms, and one offer can be an instrument at a time",
            where=where,
            remedy=f"Compare one arm with control: trial.against_control({trial.arms[1]!r}).",
        )
    if trial.taken is None:
        raise DesignError(
            "nobody recorded who took it up",
            where=where,
            remedy="Name the column in Trial.from_frame(..., taken=...); without it rct.itt is what can be "
            "said.",
        )
    TWO_STAGES.require(inference, where)
    if isinstance(inference, Heteroskedastic) and inference.df == "welch":
        raise OptionError(
            "Welch's degrees of freedom are for a difference in means, not for two stages",
            where=where,
            remedy="Use Heteroskedastic(df='satterthwaite').",
        )


def _settled(trial: Trial, adjust: Adjust | None, where: str) -> tuple[Adjust, Floats, list[str], list[str]]:
    """The adjustment used, and its design: by default baseline enters where it can and is affordable."""
    if adjust is not None:
        return adjust, *_design(trial, adjust, where)
    adjust, why = affordable.one_slope(trial)
    if adjust == "ancova":
        try:
            design, names, notes = _design(trial, adjust, where)
            least_squares.fit(trial.outcome, design, names=names, where=where)
            return adjust, design, names, notes
        except DesignError as problem:
            adjust, why = "none", [affordable.left_out(trial, problem.what)]
    design, names, notes = _design(trial, adjust, where)
    return adjust, design, names, [*notes, *why]


def _design(trial: Trial, adjust: Adjust, where: str) -> tuple[Floats, list[str], list[str]]:
    """(n, k) columns, their names, and notes."""
    columns: list[Floats] = [np.ones((trial.n_rows, 1)), trial.treated[:, None].astype(np.float64)]
    names, notes = ["constant", "assignment"], list[str]()
    crossed = trial.period is not None and _varies(trial.arm, trial.unit)
    if crossed:
        parts, labels = dummies(trial.unit, trial.units, trial.unit_name)
        columns, names = [*columns, parts], [*names, *labels]
        notes.append(f"Each {trial.unit_name} has an effect of its own, since arms change within it.")
    elif trial.block is not None:
        parts, labels = dummies(trial.block, trial.block_labels, "block")
        columns, names = [*columns, parts], [*names, *labels]
        notes.append("Blocks enter as dummies, so each weighs by how much it tells.")
    if trial.period is not None:
        when, codes = np.unique(trial.period, return_inverse=True)
        parts, labels = dummies(codes.astype(np.int64), [str(p) for p in when], "period")
        columns, names = [*columns, parts], [*names, *labels]
        notes.append("Each period has an effect of its own.")
    if adjust == "ancova":
        refuse_constant(trial, where)
        usable = [k for k, row in enumerate(trial.baseline) if not crossed or _varies(row, trial.unit)]
        columns.append((trial.baseline[usable] - trial.baseline[usable].mean(axis=1, keepdims=True)).T)
        names += [trial.baseline_names[k] for k in usable]
        if usable:
            shown = ", ".join(trial.baseline_names[k] for k in usable)
            notes.append(f"Adjusted for baseline ({shown}) with one slope for both arms, in both stages.")
        if len(usable) < len(trial.baseline_names):
            notes.append(f"Baseline that is constant within a {trial.unit_name} is part of its own effect.")
    return np.hstack(columns), names, notes


def _varies(values: Floats | Ints, unit: Ints) -> bool:
    """Whether anything varies within units."""
    first = np.unique(unit, return_index=True)[1]
    return bool((values != values[first][unit]).any())


def _errors(trial: Trial, inference: Inference) -> tuple[Ints | None, Choice]:
    """Which rows go together, and the inference."""
    if trial.period is not None and trial.cluster is None:
        trial = replace(trial, cluster=trial.unit, cluster_labels=trial.units)
    if trial.period is not None and _varies(trial.arm, trial.unit):
        usual = Choice(ClusterRobust("CR2"), f"the default where rows of a {trial.unit_name} go together")
        return trial.cluster, Choice(inference, "as asked for") if draws_of(inference) is None else usual
    return pieces(trial), settle(trial, inference)


def estimate(columns: Columns, *, level: float, where: str) -> Found:
    """Both stages and their ratio.

    Raises:
        DesignError: columns that cannot be told apart, by name.
    """
    options: dict[str, Any] = {"weight": columns.weight, "cluster": columns.cluster, "where": where}
    itt, moved = (
        float(least_squares.fit(values, columns.design, names=columns.names, **options).coefficients[1])
        for values in (columns.outcome, columns.taken)
    )
    inference, stages = columns.choice.inference, None
    if not isinstance(inference, NotAvailable):
        stages = anderson_rubin.stages(
            columns.outcome,
            columns.taken,
            columns.design,
            names=columns.names,
            inference=inference,
            level=level,
            **options,
        )
    if abs(moved) <= _NONE * float(np.abs(columns.taken).max()):
        return Found(columns, stages, None, None, _f(stages, columns), 0.0, itt)
    fit = columns.two_stages(columns.outcome, where)
    effect = columns.choice.from_regression(fit, columns.contrast(), level=level)
    accepted = None if stages is None else stages.ratio.accepted(level)
    return Found(columns, stages, effect, accepted, _f(stages, columns), moved, itt)


def _f(stages: Stages | None, columns: Columns) -> Number:
    if stages is None:
        return NotAvailable(columns.choice.reason)
    if stages.ratio.gamma == 0 or np.ptp(columns.taken) == 0:
        return 0.0
    if stages.ratio.var_gamma <= 0:
        return NotAvailable(
            "take-up follows assignment exactly, so the first stage has no error to divide by"
        )
    return float(stages.ratio.gamma**2 / stages.ratio.var_gamma)


def headline(found: Found, *, estimand: str, scale: str, nobody: str, level: float) -> Estimate:
    """The estimate that answers: two stages, or with the Anderson–Rubin interval where these are weak."""
    if found.effect is None:
        gap = NotAvailable(nobody)
        return Estimate(estimand, gap, gap, gap, gap, level, gap, gap, f"None: {nobody}", scale)
    told = found.effect.estimate(0, estimand=estimand, scale=scale)
    if not found.weak or found.accepted is None or found.stages is None:
        return explained(told, found.columns.choice)
    low, high = found.accepted.ends
    tested = found.stages.reduced.estimate(0, estimand="", scale="")
    sentence = (
        f"Anderson–Rubin test turned round, since the first stage is weak (F = {found.f:.3g}, below "
        f"{WEAK:.0f}): its p-value is that of the effect of assignment. {found.stages.reduced.sentence}"
    )
    told = replace(told, low=low, high=high, p_value=tested.p_value, df=tested.df, inference=sentence)
    return explained(told, found.columns.choice)
