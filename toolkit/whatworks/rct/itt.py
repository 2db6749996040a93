"""The intention-to-treat effect of a trial: what assignment did, whoever took the treatment up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from whatworks.errors import DesignError, OptionError, TrialError, first_few
from whatworks.inference.default import Choice
from whatworks.inference.multiplicity import holm
from whatworks.inference.percent import relative_change
from whatworks.inference.randomisation import RandomisationInference
from whatworks.inference.regression import Regression
from whatworks.inference.uncertainty import Uncertainty, unknown
from whatworks.rct import itt_adjust
from whatworks.rct.answer import choices, explained, sizes
from whatworks.rct.default_errors import settle
from whatworks.rct.itt_adjust import Adjust
from whatworks.rct.itt_rows import WHERE
from whatworks.results import Estimate, NotAvailable, Result
from whatworks.trial import Trial

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Arm:
    """What `rct.itt` found on one treatment arm against the control arm.

    Attributes:
        trial: the rows compared.
        fit: the regression.
        contrast: (1, k) the combination of its coefficients that is the effect.
        control_mean: mean outcome of the control arm, weighted and adjusted as the effect is.
        choice: the inference used, and why.
        estimate: the effect.
    """

    trial: Trial
    fit: Regression
    contrast: Floats
    control_mean: float
    choice: Choice
    estimate: Estimate


@dataclass(frozen=True, slots=True, eq=False)
class IttDetail:
    """What `rct.itt` computed on the way: one `Arm` for each treatment arm, in order."""

    arms: tuple[Arm, ...]


def itt(
    trial: Trial,
    *,
    adjust: Adjust | None = None,
    inference: object = None,
    level: float = 0.95,
) -> Result:
    """Effect of being assigned to treatment, on everybody assigned, whatever they took up."""
    if isinstance(inference, RandomisationInference):
        raise OptionError(
            "RandomisationInference is not ready for rct.itt",
            where=WHERE,
            remedy="Use inference=None, the default of the design.",
        )
    _require_one_row(trial)
    observed, notes = _observed(trial)
    found = [_against(observed, label, adjust, inference, level) for label in trial.arms[1:]]
    arms = tuple(arm for arm, _, _ in found)
    headline = arms[0].estimate
    said = list(dict.fromkeys(note for _, _, words in found for note in words))
    return Result(
        method=WHERE,
        headline=headline,
        effects=_effects([(arm, uncertainty) for arm, uncertainty, _ in found]),
        design=sizes(observed, headline),
        spec=choices(trial, arms[0].choice, level, adjust=adjust or "default"),
        input_hash=trial.fingerprint,
        relative=_relative(headline, arms[0].control_mean),
        notes=(*trial.notes, *notes, *said, *_several(arms)),
        detail=IttDetail(arms),
    )


def _against(
    trial: Trial, label: str, adjust: Adjust | None, inference: object, level: float
) -> tuple[Arm, Uncertainty, list[str]]:
    pair, left_out = _paired_up(trial, label)
    if adjust is None:
        prepared, notes, _ = itt_adjust.default(pair)
    else:
        prepared, notes = itt_adjust.prepare(pair, adjust)
    choice = settle(pair, inference, form=prepared.form, clustered=prepared.clustered)
    if isinstance(choice.inference, NotAvailable):
        value = prepared.contrast @ prepared.fit.coefficients
        uncertainty = unknown(value, choice.inference.reason, level=level)
    else:
        uncertainty = choice.inference.from_regression(prepared.fit, prepared.contrast, level=level)
    about = f"Effect of assignment to {label!r} instead of {trial.arms[0]!r} on {pair.n_units:,} units (ITT)"
    estimate = explained(uncertainty.estimate(0, estimand=about, scale=trial.scale), choice)
    arm = Arm(pair, prepared.fit, prepared.contrast, prepared.control_mean, choice, estimate)
    return arm, uncertainty, [*left_out, *notes, *choice.warnings]


def _effects(found: list[tuple[Arm, Uncertainty]]) -> pd.DataFrame:
    rows = []
    for arm, uncertainty in found:
        columns = {name: np.asarray(value)[0] for name, value in uncertainty.columns().items()}
        rows.append({"term": arm.trial.arms[1], **columns, "n": int(arm.trial.treated.sum())})
    return pd.DataFrame(rows)


def _relative(headline: Estimate, control: float) -> Estimate | NotAvailable:
    if isinstance(headline.value, NotAvailable):
        return headline.value
    return relative_change(headline, control + headline.value)


def _require_one_row(trial: Trial) -> None:
    if trial.n_rows == trial.n_units:
        return
    raise DesignError(
        f"the trial has {trial.n_rows:,} rows for {trial.n_units:,} units, each seen in several periods",
        where=WHERE,
        remedy="Where units change arms from period to period use rct.crossover; where all cross over, each "
        "at its own date, rct.stepped_wedge; else give one row a unit, such as its total after the start.",
    )


def _observed(trial: Trial) -> tuple[Trial, list[str]]:
    """The trial without missing outcomes and without blocks that this leaves with no control or treatment."""
    kept = trial.drop_missing()
    notes = (
        [f"{kept.notes[-1]} rct.attrition_bounds shows what the loss could hide."]
        if kept is not trial
        else []
    )
    counts = np.bincount(kept.arm, minlength=len(trial.arms))
    if (counts == 0).any():
        gone = ", ".join(repr(label) for label, n in zip(trial.arms, counts, strict=True) if not n)
        raise TrialError(
            f"no row with an outcome is left in arm {gone}",
            where=WHERE,
            remedy="There is nothing to compare; see how the outcome was collected in that arm.",
        )
    return kept, notes


def _paired_up(trial: Trial, label: str) -> tuple[Trial, list[str]]:
    """One treatment arm and the control arm, without blocks that hold one of them only."""
    pair = trial.against_control(label)
    if pair.block is None:
        return pair, []
    both = [np.bincount(pair.block[pair.arm == code], minlength=pair.n_blocks) > 0 for code in (0, 1)]
    alone = ~(both[0] & both[1])
    if not alone.any():
        return pair, []
    if alone.all():
        raise DesignError(
            f"no block holds both {trial.arms[0]!r} and {label!r}",
            where=WHERE,
            remedy="Within blocks there is nothing to compare.",
        )
    names = first_few(pair.block_labels[int(code)] for code in np.flatnonzero(alone))
    note = (
        f"{int(alone.sum())} of {pair.n_blocks} blocks hold rows of one arm only and were left out of "
        f"{label!r} against {trial.arms[0]!r}: {names}. The effect is that of the others."
    )
    return pair.select(~alone[pair.block]), [note]


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
