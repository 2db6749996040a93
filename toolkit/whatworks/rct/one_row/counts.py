"""The effect of assignment on a count, as a rate ratio."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, Literal

import numpy as np

from whatworks.errors import DesignError, OptionError, choose, first_few
from whatworks.inference.chance.randomisation import RandomisationInference
from whatworks.inference.errors.wild import WildCluster
from whatworks.inference.uncertainty import Uncertainty
from whatworks.rct.one_row import affordable, count_fit
from whatworks.rct.one_row.adjust import Adjust
from whatworks.rct.one_row.count_fit import CountFit, RunsOffError
from whatworks.rct.one_row.default_errors import Inference, pieces
from whatworks.rct.one_row.regression import WHERE, Prepared, refuse_constant, regressors
from whatworks.trial import Trial

Counted = Literal["quasi_poisson", "negative_binomial"]
ADJUST: Final = ("none", "ancova")


def prepare(trial: Trial, model: Counted, adjust: str | None) -> tuple[Trial, Prepared, list[str], Adjust]:
    """The rows that count, their fit on log rates, sentences on what was done, and the adjustment used.

    Blocks enter as dummies and baseline as it is; log exposure is an offset. A block in which nobody counts
    anything says nothing about a ratio and is left out by name.

    Raises:
        DesignError: outcomes that are no counts, an arm that counts nothing, counts of 0 that line up with a
            regressor, baseline that is constant or cannot be told apart.
        OptionError: an adjustment that counts do not have.
    """
    if adjust is None:
        return _default(trial, model)
    choose("adjust", adjust, ADJUST, where=f"{WHERE}, model={model!r}")
    covariates = adjust == "ancova"
    if covariates and not trial.baseline_names:
        raise OptionError(
            "adjust='ancova' needs baseline, and the trial has none",
            where=WHERE,
            remedy="Name baseline columns in Trial.from_frame, or use adjust='none'.",
        )
    _require_counts(trial)
    used, notes = _heard(trial)
    if covariates:
        refuse_constant(used)
        names = ", ".join(used.baseline_names)
        notes.append(f"Adjusted for baseline ({names}), which enters the log of the rate in a straight line.")
    fit = _fit(used, model, covariates)
    prepared = Prepared(
        fit.regression,
        np.eye(len(fit.coefficients))[1:2],
        _control_rate(used, fit, covariates),
        "regression",
        pieces(used) is not None,
    )
    return used, prepared, [*notes, *_sentences(used, model, fit)], "ancova" if covariates else "none"


def _default(trial: Trial, model: Counted) -> tuple[Trial, Prepared, list[str], Adjust]:
    """The same with baseline where the smaller arm is large enough for it and it can be told apart."""
    adjust, why = affordable.one_slope(trial)
    if adjust != "none":
        try:
            return prepare(trial, model, adjust)
        except DesignError as problem:
            why = [affordable.left_out(trial, problem.what)]
    used, prepared, notes, _ = prepare(trial, model, "none")
    return used, prepared, [*why, *notes], "none"


def ratio(log: Uncertainty) -> Uncertainty:
    """Rate ratios from their logarithms, ends alike, errors by the delta method."""
    value = np.exp(log.value)
    return replace(
        log, value=value, std_error=value * log.std_error, low=np.exp(log.low), high=np.exp(log.high)
    )


def logged(found: Uncertainty) -> Uncertainty:
    """The way back from `ratio`."""
    return replace(
        found,
        value=np.log(found.value),
        std_error=found.std_error / found.value,
        low=np.log(found.low),
        high=np.log(found.high),
    )


def percent(found: Uncertainty) -> Uncertainty:
    """Rate ratios as percent changes."""
    return replace(
        found,
        value=100 * (found.value - 1),
        std_error=100 * found.std_error,
        low=100 * (found.low - 1),
        high=100 * (found.high - 1),
    )


def refuse(inference: Inference) -> None:
    """Raise `OptionError` for a bootstrap or test that would work on squares instead of the likelihood."""
    if isinstance(inference, WildCluster | RandomisationInference):
        word = "wild bootstrap" if isinstance(inference, WildCluster) else "randomisation test"
        raise OptionError(
            f"the {word} of rct.itt is for means, not for count models",
            where=WHERE,
            remedy="Use ClusterRobust('CR2'), or model='means', which compares rates if exposure is given.",
        )


def _fit(trial: Trial, model: Counted, covariates: bool) -> CountFit:
    X, names = regressors(trial, trial.baseline_names if covariates else ())
    offset = np.zeros(trial.n_rows) if trial.exposure is None else np.log(trial.exposure)
    run = count_fit.poisson if model == "quasi_poisson" else count_fit.negative_binomial
    try:
        return run(trial.outcome, X, offset, names=names, where=WHERE, cluster=pieces(trial))
    except RunsOffError as problem:
        raise DesignError(
            f"counts of 0 are fitted the better the larger the coefficient of {names[problem.index]}",
            where=WHERE,
            remedy="Leave it out, count something more frequent, or use model='means'.",
        ) from None


def _require_counts(trial: Trial) -> None:
    odd = (trial.outcome < 0) | (trial.outcome != np.floor(trial.outcome))
    if odd.any():
        shown = first_few(
            f"{trial.units[trial.unit[row]]} = {trial.outcome[row]:g}" for row in np.flatnonzero(odd)[:6]
        )
        raise DesignError(
            f"{int(odd.sum()):,} outcomes are no counts: {shown}",
            where=WHERE,
            remedy="A rate ratio is for counts; use model='means' for other outcomes.",
        )


def _heard(trial: Trial) -> tuple[Trial, list[str]]:
    """The trial without blocks that count nothing; refuses an arm that counts nothing."""
    for code, label in enumerate(trial.arms):
        if trial.outcome[trial.arm == code].sum() == 0:
            runs = "infinity" if code == 0 else "0"
            raise DesignError(
                f"arm {label!r} counts nothing at all, so the rate ratio runs off to {runs} and has no error",
                where=WHERE,
                remedy="Count something more frequent or over a longer time, or use model='means'.",
            )
    if trial.block is None:
        return trial, []
    quiet = np.bincount(trial.block, trial.outcome, minlength=trial.n_blocks) == 0
    if not quiet.any():
        return trial, []
    names = first_few(trial.block_labels[int(code)] for code in np.flatnonzero(quiet))
    note = (
        f"{int(quiet.sum())} of {trial.n_blocks} blocks count nothing and say nothing about a ratio; they "
        f"were left out: {names}."
    )
    return trial.select(~quiet[trial.block]), [note]


def _control_rate(trial: Trial, fit: CountFit, covariates: bool) -> float:
    """Counts per unit of exposure had everybody been in the control arm."""
    exposure = np.ones(trial.n_rows) if trial.exposure is None else trial.exposure
    without = fit.mean * np.exp(-fit.coefficients[1] * trial.treated)
    return float(without.sum() / exposure.sum())


def _sentences(trial: Trial, model: Counted, fit: CountFit) -> list[str]:
    exposed = "" if trial.exposure is None else " per unit of exposure"
    totals = ", ".join(
        f"{label} {trial.outcome[trial.arm == code].sum():,.0f}" for code, label in enumerate(trial.arms)
    )
    words = [f"Rate ratio of counts{exposed}. Totals: {totals}."]
    if trial.block is not None:
        words.append(f"The {trial.n_blocks} blocks enter as dummies.")
    if model == "quasi_poisson":
        words.append(
            f"Counts vary {fit.dispersion:.3g} times as much as Poisson counts would (Pearson φ); the errors "
            "come from the residuals and allow for it."
        )
    elif fit.extra > 0:
        words.append(
            f"Negative binomial with variance μ + {fit.extra:.3g}·μ² (θ = {1 / fit.extra:.3g}) by maximum "
            f"likelihood; left over: Pearson φ {fit.dispersion:.3g}."
        )
    else:
        words.append(
            "The counts vary no more than Poisson counts do, so the negative binomial's θ runs off to "
            "infinity: this is the Poisson fit."
        )
    return words
