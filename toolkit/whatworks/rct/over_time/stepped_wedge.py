"""The effect in a stepped-wedge trial: clusters cross in random order, and time passes meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from whatworks.answer import as_share, explained, row
from whatworks.arrays import Bools, Floats, Ints
from whatworks.errors import DesignError, choose, first_few
from whatworks.inference.asked import FromRegression
from whatworks.inference.chance.chance import Assignments
from whatworks.inference.chance.randomisation import RandomisationInference
from whatworks.inference.default import Choice
from whatworks.inference.fits.cell_weights import functionals
from whatworks.inference.fits.regression import Regression
from whatworks.inference.log_scale import mapped
from whatworks.inference.percent import relative_change
from whatworks.rct.assign.allocation import Allocation
from whatworks.rct.one_row.answer import choices, sizes
from whatworks.rct.one_row.default_errors import Inference
from whatworks.rct.over_time.cell_model import CellModel, Model, by_chance, by_model
from whatworks.rct.over_time.correlation import Correlation, correlation, sentence
from whatworks.rct.over_time.default_errors import allocations, over_steps
from whatworks.rct.over_time.rows import rows_of, table
from whatworks.rct.over_time.wedge_cells import (
    WHERE,
    WedgeCells,
    exposure_times,
    recorded_starts,
    wedge_cells,
)
from whatworks.results import RATE_RATIO, Design, Estimate, Result
from whatworks.trial import Trial

Effect = Literal["exposure_time", "constant"]

AVERAGE, CONSTANT = "average over exposure times", "constant effect"


@dataclass(frozen=True, slots=True, eq=False)
class SteppedWedgeDetail:
    """What `rct.stepped_wedge` computed on the way.

    Attributes:
        cells: clusters by periods.
        fit: the regression behind the headline, on the treatment or on each exposure time.
        effect: the headline as estimated: for a rate ratio its log.
        weights: (S,) what the constant-effect model makes of each exposure time; they sum to 1.
        correlation: of rows of a cluster; None for rate ratios.
        dispersion: Pearson φ of counts; None for means.
        choice: the inference used, and why.
    """

    cells: WedgeCells
    fit: Regression
    effect: Estimate
    weights: Floats
    correlation: Correlation | None
    dispersion: float | None
    choice: Choice


def stepped_wedge(
    trial: Trial,
    *,
    effect: Effect = "exposure_time",
    model: Model = "means",
    allocation: Allocation | None = None,
    inference: Inference = None,
    level: float = 0.95,
) -> Result:
    """Effect of a treatment to which clusters cross in random order, net of cluster and period effects.

    Rows of a cluster and period become their mean, weighted by their number (for counts their sum), so that
    means give the estimate of the rows themselves.

    Args:
        trial: one row a unit and period. Clusters cross, or units where no cluster was named. Some may
            never cross, and cells may be missing.
        effect: `exposure_time` gives every period since the start an effect of its own, and averages them;
            `constant` takes one effect for all, which errs where effects grow or fade.
        model: `means`, or `rate_ratio` for counts by Poisson regression.
        allocation: the record of `rct.randomise`, with which the order is compared.
        inference: `RandomisationInference`, dealing the order anew by the record's rule (without a record
            between all clusters, or within the trial's blocks), `ClusterRobust`, `Jackknife`, for means
            `WildCluster`; None for the default.
        level: coverage of the interval.

    Raises:
        DesignError: no periods, more than two arms, a cluster that goes back, all crossing at once, exposure
            times that cannot be told apart, counts without a maximum.
        TrialError: both arms in a cell, clusters or starts that are not those of the record.
        RecordError: randomisation inference under a record without its rule (see `rct.replay`).
        OptionError: a choice that cannot be.

    Source: Hussey & Hughes (2007), Contemporary Clinical Trials 28(2), with fixed cluster effects; Kenny,
    Voldal, Xia, Heagerty & Hughes (2022), Statistics in Medicine 41(22), and Maleyeff, Li, Haneuse & Wang
    (2023), Statistics in Medicine 42(11), for exposure times; Rabideau & Wang (2021), Clinical Trials 18(2).
    """
    choose("effect", effect, ("exposure_time", "constant"), where=WHERE)
    choose("model", model, ("means", "rate_ratio"), where=WHERE)
    return _result(trial, _Asked(effect, model, allocation, inference, level))


@dataclass(frozen=True, slots=True)
class _Asked:
    effect: Effect
    model: Model
    allocation: Allocation | None
    inference: Inference
    level: float


def _result(trial: Trial, asked: _Asked) -> Result:
    cells = wedge_cells(trial, asked.allocation)
    data, kept = _data(cells, asked.model).heard()
    if not kept.any():
        raise DesignError("nothing was counted in any cell", where=WHERE, remedy="Look at the outcome.")
    exposed = cells.exposed[kept]
    answer, reason, detail, beside = _answer(trial, cells, data, kept, asked)
    about, counts, choice = answer.estimand, data.counts, detail.choice
    shown = mapped(answer, about, RATE_RATIO, 0.0, 1.0) if counts else answer
    ratio = f"{about}, as a percent change"
    percent = (
        mapped(answer, ratio, "percent", 1.0, 100.0)
        if counts
        else relative_change(shown, _observed(data, exposed, asked.effect))
    )
    quiet = [label for label, there in zip(cells.labels, kept, strict=True) if not there]
    return Result(
        method=WHERE,
        headline=shown,
        effects=_effects(answer, reason, data, exposed, asked, beside),
        design=_sizes(trial, answer, asked.allocation, cells, counts),
        spec=choices(trial, choice, asked.level, effect=asked.effect, model=asked.model),
        input_hash=trial.fingerprint,
        relative=percent,
        seed=choice.inference.seed if isinstance(choice.inference, RandomisationInference) else None,
        notes=(*trial.notes, *cells.notes, *choice.warnings, *_sentences(detail, quiet)),
        detail=detail,
    )


def _answer(
    trial: Trial, cells: WedgeCells, data: CellModel, kept: Bools, asked: _Asked
) -> tuple[Estimate, str, SteppedWedgeDetail, FromRegression]:
    exposed, level = cells.exposed[kept], asked.level
    design, names = _design(exposed, asked.effect)
    contrast = np.full(len(design), 1 / len(design))
    fit, poisson = data.fit(design, names)
    choice, beside = over_steps(asked.inference, asked.allocation, fit.n_clusters, complete=cells.complete)
    if isinstance(choice.inference, RandomisationInference):
        order, starts, actual = _order(choice.inference, cells, asked.allocation)

        def designs(block: Ints) -> tuple[Floats, Floats]:
            times = exposure_times(starts[block][:, kept], len(cells.names))
            return _stacked(times, asked.effect, len(design)), np.ones(times.shape)

        treated = ((exposed > 0) & (data.mass > 0)).astype(np.float64)
        value = float(contrast @ fit.coefficients)
        found = by_chance(
            choice.inference, order, data, designs, actual, treated, contrast, value=value, level=level
        )
    else:
        found = by_model(choice.inference, fit, contrast[None], data.counts, level)
    scale = "log rate ratio" if data.counts else trial.scale or trial.outcome_name
    about = _estimand(trial, cells, asked.effect, data.counts)
    answer = explained(found.estimate(0, estimand=about, scale=scale), choice)
    alike = None if data.counts else correlation(cells, *_design(cells.exposed, "exposure_time"))
    dispersion = None if poisson is None else poisson.dispersion
    detail = SteppedWedgeDetail(cells, fit, answer, _weights(cells), alike, dispersion, choice)
    return answer, found.reason[0], detail, beside


def _data(cells: WedgeCells, model: Model) -> CellModel:
    counts, seen = model == "rate_ratio", cells.rows > 0
    if counts and (cells.total < 0).any():
        raise DesignError("some outcomes are negative, and no count is", where=WHERE, remedy='Use "means".')
    mass = (seen if counts else cells.rows).astype(np.float64)
    outcome = cells.total if counts else cells.mean
    return CellModel(model, outcome, cells.exposure, mass, np.arange(len(cells.labels)), cells.labels, WHERE)


def _stacked(exposed: Ints, effect: Effect, count: int) -> Floats:
    """(..., k, G, T) regressors from exposure times (..., G, T)."""
    if effect == "constant":
        return np.asarray((exposed > 0)[..., None, :, :], dtype=np.float64)
    return np.stack([exposed == s for s in range(1, count + 1)], axis=-3).astype(np.float64)


def _design(exposed: Ints, effect: Effect) -> tuple[Floats, tuple[str, ...]]:
    most = int(exposed.max())
    if effect == "constant":
        return _stacked(exposed, effect, 1), (CONSTANT,)
    return _stacked(exposed, effect, most), tuple(f"exposure time {s}" for s in range(1, most + 1))


def _order(
    inference: RandomisationInference, cells: WedgeCells, allocation: Allocation | None
) -> tuple[Assignments, Ints, Ints]:
    """The orders chance could have made, as codes (B, G), the start of each code, and the actual codes."""
    if allocation is None:
        starts, actual = np.unique(cells.start, return_inverse=True)
        within = None if cells.block is None else tuple(cells.block.tolist())
        settings = replace(inference, within=within) if inference.within is None else inference
        return settings.assignments(actual), starts, actual
    rule = allocation.require_rule()
    recorded = recorded_starts(allocation, cells.labels)
    labels = np.array([int(label) for label in allocation.record["arms"]])
    actual = np.searchsorted(labels, recorded)
    # one start of each step is enough to learn where on the axis it lies
    starts = np.array([cells.start[actual == code][0] for code in range(len(labels))])
    return inference.under(rule, np.arange(len(actual))), starts, actual


def _weights(cells: WedgeCells) -> Floats:
    """(S,) what the constant-effect model of means makes of each exposure time."""
    exposed = cells.exposed
    L = functionals(_stacked(exposed, "constant", 1)[None], cells.rows[None].astype(np.float64), np.ones(1))[
        0
    ]
    return np.array([L @ (exposed == s).ravel() for s in range(1, int(exposed.max()) + 1)])


def _observed(data: CellModel, exposed: Ints, effect: Effect) -> float:
    """Mean outcome of treated cells, over the same exposure times and with the same weights as the effect."""
    if effect == "constant":
        treated = exposed > 0
        return float((data.outcome * data.mass)[treated].sum() / data.mass[treated].sum())
    each = [(exposed == s) & (data.mass > 0) for s in range(1, int(exposed.max()) + 1)]
    return float(np.mean([np.average(data.outcome[at], weights=data.mass[at]) for at in each]))


def _effects(
    answer: Estimate, reason: str, data: CellModel, exposed: Ints, asked: _Asked, beside: FromRegression
) -> pd.DataFrame:
    """The headline, every exposure time, and the headline of the other model."""
    constant = asked.effect == "constant"
    n = int(((exposed > 0) & (data.mass > 0)).sum())
    rows = [row(CONSTANT if constant else AVERAGE, answer, n, reason)]
    design, names = _design(exposed, "exposure_time")
    wanted = list(zip(names, np.eye(len(names)), strict=True))
    average = (AVERAGE, np.full(len(names), 1 / len(names)))
    rows += rows_of(data, design, names, [average, *wanted] if constant else wanted, beside, asked.level)
    if not constant:
        one, name = _design(exposed, "constant")
        rows += rows_of(data, one, name, [(CONSTANT, np.ones(1))], beside, asked.level)
    return table(rows, counts=data.counts)


def _sizes(
    trial: Trial, answer: Estimate, allocation: Allocation | None, cells: WedgeCells, counts: bool
) -> Design:
    found = sizes(trial, answer, allocations=allocations(allocation))
    found = replace(
        found, n_clusters=len(cells.labels), n_treated=int((cells.start < len(cells.names)).sum())
    )
    return as_share(found) if counts else found


def _estimand(trial: Trial, cells: WedgeCells, effect: str, counts: bool) -> str:
    """What the headline is about."""
    what = "Rate ratio" if counts else "Effect"
    most = int(cells.exposed.max())
    over = (
        f"average over {most} periods since the start" if effect == "exposure_time" else "taken as constant"
    )
    return f"{what} of {trial.arms[1]!r}, {over}, {len(cells.labels)} clusters (ITT)"


def _sentences(detail: SteppedWedgeDetail, quiet: Sequence[str]) -> list[str]:
    """Notes on the steps, the weights of the constant-effect model, correlation and dispersion."""
    cells = detail.cells
    starts, sizes = np.unique(cells.start[cells.start < len(cells.names)], return_counts=True)
    steps = ", ".join(f"{n} in {cells.names[s]}" for s, n in zip(starts, sizes, strict=True))
    words = [f"Clusters cross: {steps}.", _bias(detail)]
    if quiet:
        words.append(
            f"{len(quiet)} of {len(cells.labels)} clusters count nothing throughout or have no row, and were "
            f"left out: {first_few(quiet)}."
        )
    if detail.correlation is not None:
        words.append(sentence(detail.correlation))
    if detail.dispersion is not None:
        words.append(
            f"Counts vary {detail.dispersion:.3g} times as much as Poisson counts would (Pearson φ); the "
            "inference allows for it."
        )
    words.append(
        "Rows of the table below the first have errors by the model and not by chance, and are not "
        "adjusted for their number."
    )
    return words


def _bias(detail: SteppedWedgeDetail) -> str:
    shown = ", ".join(f"{weight:+.2f}" for weight in detail.weights)
    constant = "taken as constant" in detail.effect.estimand
    return (
        f"The constant-effect model{' used here' if constant else ''} weighs the effects of exposure times 1 "
        f"to {len(detail.weights)} by {shown}: where effects grow or fade it is not their average, and with "
        "weights below 0 it can even have the other sign (Kenny et al. 2022)."
    )
