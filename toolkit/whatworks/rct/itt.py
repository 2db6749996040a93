"""The intention-to-treat effect of a trial: what assignment did, whoever took the treatment up."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
import pandas as pd

from whatworks.answer import as_share, explained
from whatworks.arrays import Floats
from whatworks.errors import choose
from whatworks.inference.chance.randomisation import RandomisationInference
from whatworks.inference.default import Choice
from whatworks.inference.draws import check_level
from whatworks.inference.fits.regression import Regression
from whatworks.inference.multiplicity import holm
from whatworks.inference.percent import relative_change
from whatworks.inference.uncertainty import Uncertainty, unknown
from whatworks.rct.assign.allocation import Allocation
from whatworks.rct.assign.listed import against_record
from whatworks.rct.chance import reassign
from whatworks.rct.one_row import adjust as itt_adjust
from whatworks.rct.one_row import counts
from whatworks.rct.one_row.adjust import Adjust
from whatworks.rct.one_row.answer import choices, in_order, sizes
from whatworks.rct.one_row.compared import admissible, compared_rows, observed_rows, require_one_row
from whatworks.rct.one_row.default_errors import Inference, settle
from whatworks.rct.one_row.regression import WHERE, Prepared
from whatworks.results import RATE_RATIO, Design, Estimate, NotAvailable, Result
from whatworks.trial import Trial

MODELS: Final = ("means", "quasi_poisson", "negative_binomial")
Model = Literal["means", "quasi_poisson", "negative_binomial"]


@dataclass(frozen=True, slots=True, eq=False)
class Arm:
    """What `rct.itt` found on one treatment arm against the control arm.

    Attributes:
        trial: the rows compared; for CUPED with the outcome as it was.
        fit: the regression; of the log rate for counts.
        contrast: (1, k) the combination of its coefficients that is the effect.
        control_mean: mean outcome of the control arm, weighted and adjusted as the effect is; its rate for
            counts.
        choice: the inference used, and why.
        uncertainty: the effect with its errors, on the scale reported.
        estimate: the same as an `Estimate`.
    """

    trial: Trial
    fit: Regression
    contrast: Floats
    control_mean: float
    choice: Choice
    uncertainty: Uncertainty
    estimate: Estimate


@dataclass(frozen=True, slots=True, eq=False)
class IttDetail:
    """What `rct.itt` computed on the way: one `Arm` for each treatment arm, in order."""

    arms: tuple[Arm, ...]


@dataclass(frozen=True, slots=True)
class _Asked:
    """The choices of a call, the model settled."""

    adjust: Adjust | None
    model: Model
    allocation: Allocation | None
    inference: Inference
    level: float


def itt(
    trial: Trial,
    *,
    adjust: Adjust | None = None,
    model: Model | None = None,
    allocation: Allocation | None = None,
    inference: Inference = None,
    level: float = 0.95,
) -> Result:
    """Effect of being assigned to treatment, on everybody assigned, whatever they took up.

    With `means`, the difference of the arms' means as the design has it: over all rows, weighted over block
    differences, over pairs, or over clusters. With the count models, the ratio of the arms' rates. `relative`
    is the effect as a percent change against the control arm, blocks and baseline adjusted for.

    Args:
        trial: one row a unit; blocks, clusters, exposure and baseline count where the trial names them. Rows
            without an outcome are left out, counted by arm.
        adjust: `lin` (baseline centred, slopes by arm), `ancova` (one slope, blocks as dummies), `cuped` (the
            outcome less what baseline predicts of it), `none`; None takes `lin` where units are enough for
            the number of baseline variables (for counts `ancova`), else `none`, and says so.
        model: `means`, `quasi_poisson`, `negative_binomial`; None takes `quasi_poisson` for a trial with
            exposure, `means` for others. `means` of a trial with exposure compares rates.
        allocation: the record of `rct.randomise`; the trial's units and arms are held against it.
        inference: `Heteroskedastic`, `ClusterRobust`, `WildCluster`, `RandomisationInference`, `Default`, or
            None for the default of the design.
        level: coverage of the interval.

    Returns:
        A result with one row of effects for each treatment arm against the control arm; the headline is the
        first named. With several, a note gives p-values adjusted by Holm. `detail` is `IttDetail`.

    Raises:
        DesignError: several rows a unit; baseline that is constant or cannot be told apart; an arm of a count
            that counts nothing.
        TrialError: an arm without outcomes; units or arms that are not those of the record.
        OptionError: a choice that does not exist or does not fit the model.

    Source: Imbens & Rubin (2015), Causal Inference, chapters 6, 7, 9 and 10; Lin (2013), Annals of Applied
    Statistics 7(1); Deng et al. (2013), WSDM; Cameron & Trivedi (2013), Regression Analysis of Count Data.
    """
    require_one_row(trial, WHERE)
    check_level(level)
    asked = _Asked(adjust, _model(trial, model), allocation, inference, level)
    return _result(trial, asked)


def _result(trial: Trial, asked: _Asked) -> Result:
    """Every treatment arm against control, put together."""
    compared, scale_notes = _rates(trial) if asked.model == "means" else (trial, [])
    recorded = () if asked.allocation is None else against_record(trial, asked.allocation)
    observed, lost = observed_rows(compared)
    found = [_against(observed, label, asked) for label in trial.arms[1:]]
    arms = tuple(arm for arm, _, _ in found)
    headline = arms[0].estimate
    said = list(dict.fromkeys(note for _, words, _ in found for note in words))
    design, seed = _redealt(_sizes(observed, arms[0], asked.model, asked.allocation), arms[0], asked)
    return Result(
        method=WHERE,
        headline=headline,
        effects=_effects(arms),
        design=design,
        spec=choices(
            trial,
            arms[0].choice,
            asked.level,
            adjust=found[0][2],
            model=asked.model,
            recorded=asked.allocation is not None,
        ),
        input_hash=trial.fingerprint,
        relative=_relative(arms[0], asked.model),
        seed=seed,
        notes=(*trial.notes, *recorded, *scale_notes, *lost, *said, *_several(arms)),
        detail=IttDetail(arms),
    )


def _model(trial: Trial, model: Model | None) -> Model:
    if model is None:
        return "means" if trial.exposure is None else "quasi_poisson"
    choose("model", model, MODELS, where=WHERE)
    return model


def _rates(trial: Trial) -> tuple[Trial, list[str]]:
    """Counts per unit of exposure, where there is one."""
    if trial.exposure is None:
        return trial, []
    rated = trial.with_outcome(
        trial.outcome / trial.exposure, scale=f"{trial.outcome_name} per unit of exposure"
    )
    return rated, ["Outcomes are counts over exposure, each unit's rate with the same weight."]


def _against(trial: Trial, label: str, asked: _Asked) -> tuple[Arm, list[str], str]:
    """One treatment arm against the control arm, sentences on it, and the adjustment used."""
    pair, left_out = compared_rows(trial, label)
    counted = asked.model != "means"
    if asked.model != "means":
        counts.refuse(asked.inference)
        pair, prepared, notes, adjust = counts.prepare(pair, asked.model, asked.adjust)
    elif asked.adjust is None:
        prepared, notes, adjust = itt_adjust.default(pair)
    else:
        (prepared, notes), adjust = itt_adjust.prepare(pair, asked.adjust), asked.adjust
    if isinstance(asked.inference, RandomisationInference):
        choice = Choice(asked.inference, "as asked for", reassign.uneven(pair))
        chance = reassign.redrawn(pair, asked.allocation)
        found = reassign.of_itt(pair, adjust, asked.inference, chance, level=asked.level)
    else:
        choice = settle(pair, asked.inference, form=prepared.form, clustered=prepared.clustered)
        found = _uncertainty(prepared, choice, asked.level)
    if counted:
        found = counts.ratio(found)
    word = "Rate ratio" if counted else "Effect"
    about = f"{word} of assignment to {label!r} instead of {trial.arms[0]!r} on {pair.n_units:,} units (ITT)"
    estimate = explained(
        found.estimate(0, estimand=about, scale=RATE_RATIO if counted else trial.scale), choice
    )
    arm = Arm(pair, prepared.fit, prepared.contrast, prepared.control_mean, choice, found, estimate)
    return arm, [*left_out, *notes, *choice.warnings], adjust


def _uncertainty(prepared: Prepared, choice: Choice, level: float) -> Uncertainty:
    found = choice.from_regression(prepared.fit, prepared.contrast, level=level)
    # where nothing is left to learn an error from, degrees of freedom mean nothing either
    return unknown(found.value, found.reason[0], level=level) if np.isnan(found.p_value[0]) else found


def _effects(arms: tuple[Arm, ...]) -> pd.DataFrame:
    return in_order(
        [
            {"term": arm.trial.arms[1], **arm.uncertainty.row(0), "n": int(arm.trial.treated.sum())}
            for arm in arms
        ]
    )


def _relative(arm: Arm, model: Model) -> Estimate | NotAvailable:
    """The effect as a percent change against the control arm."""
    if model == "means":
        if isinstance(arm.estimate.value, NotAvailable):
            return arm.estimate.value
        return relative_change(arm.estimate, arm.control_mean + arm.estimate.value)
    about = f"{arm.estimate.estimand}, as a percent change"
    return explained(counts.percent(arm.uncertainty).estimate(0, estimand=about, scale="percent"), arm.choice)


def _sizes(trial: Trial, arm: Arm, model: Model, allocation: Allocation | None) -> Design:
    """Sizes; for counts the smallest detectable fall, as a share."""
    allocations = admissible(allocation)
    if model == "means":
        return sizes(trial, arm.estimate, allocations=allocations)
    log = counts.logged(arm.uncertainty).estimate(0, estimand="", scale="log rate ratio")
    return as_share(sizes(trial, log, allocations=allocations))


def _redealt(design: Design, arm: Arm, asked: _Asked) -> tuple[Design, int | None]:
    """The design with the number of allocations a randomisation test drew on, and its seed, if any."""
    if not isinstance(asked.inference, RandomisationInference):
        return design, None
    possible, seed = reassign.redrawn(arm.trial, asked.allocation).possible(asked.inference)
    return replace(design, allocations=possible), seed


def _several(arms: tuple[Arm, ...]) -> list[str]:
    """Holm's p-values where there is more than one treatment arm."""
    if len(arms) == 1:
        return []
    p = [arm.estimate.p_value for arm in arms]
    known = [float(value) for value in p if not isinstance(value, NotAvailable)]
    if len(known) < len(p):
        return ["Not every treatment arm has a p-value, so none is adjusted for their number."]
    words = ", ".join(
        f"{arm.trial.arms[1]} {value:.3g}" for arm, value in zip(arms, holm(known).tolist(), strict=True)
    )
    return [
        f"{len(arms)} treatment arms against one control arm; the headline is the first named. p-values "
        f"adjusted for their number (Holm): {words}."
    ]
