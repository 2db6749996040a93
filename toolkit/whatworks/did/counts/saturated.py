"""Poisson regression with an own effect for every cohort and treated period: fit, rate ratios, influence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from whatworks.arrays import Bools, Floats, Ints
from whatworks.errors import DesignError, EstimationError, first_few
from whatworks.inference.fits import poisson_effects
from whatworks.inference.fits.poisson_effects import Cells, PoissonFit, SeparationError
from whatworks.inference.fits.poisson_rows import working_rows
from whatworks.inference.fits.projection import effects, effects_of_sums, residuals
from whatworks.inference.fits.regression import Moments, Regression
from whatworks.inference.fits.rows import by_cluster


@dataclass(frozen=True, slots=True, eq=False)
class CountModel:
    """What is fitted.

    Attributes:
        cells: outcome, offset and mass of every observed cell that counts in the estimate.
        label: (N, T) number of the cohort and period that a treated cell belongs to, −1 for the others.
        regressors: (P, N, T) covariates, and their interactions with treated cells.
        switched: (P,) which of them treatment switches on.
        names: (P,) for messages.
        cell_names: (M,) for messages.
        cluster: (N,) codes.
    """

    cells: Cells
    label: Ints
    regressors: Floats
    switched: Bools
    names: tuple[str, ...]
    cell_names: tuple[str, ...]
    cluster: Ints


@dataclass(frozen=True, slots=True, eq=False)
class Saturation:
    """A fit, with treated cells that count 0 beside it.

    Attributes:
        model: what was fitted.
        fit: on all cells but those of a cohort and period that count 0 in all, whose mean is 0.
        regressors: (k, N, T) indicators of treated cells, then covariates.
        switched: (k,) which of them treatment switches on.
        treated: (N, T) expected counts at the estimate.
        untreated: (N, T) expected counts of the treated cells without the treatment.
        dropped: cells left out because effects alone fit them as 0.
    """

    model: CountModel
    fit: PoissonFit
    regressors: Floats
    switched: Bools
    treated: Floats
    untreated: Floats
    dropped: int


def saturate(model: CountModel, where: str) -> Saturation:
    """Fit every cohort and treated period with its own effect.

    Raises:
        DesignError: counts of 0 that let a coefficient run off, regressors that cannot be told apart.
    """
    total = np.bincount(
        model.label[model.label >= 0], (model.cells.mass * model.cells.outcome)[model.label >= 0]
    )
    empty = np.flatnonzero(total == 0)
    cells = replace(model.cells, mass=np.where(np.isin(model.label, empty), 0.0, model.cells.mass))
    regressors, switched, names = _design(model, np.flatnonzero(total > 0), cells.mass)
    gone = 0
    while True:
        try:
            fit = poisson_effects.fit(cells, regressors, names)
            break
        except SeparationError as separation:
            _refuse_separation(separation, cells, regressors, names, where)
            out = separation.direction < -0.5
            gone += int(out.sum())
            cells = replace(cells, mass=np.where(out, 0.0, cells.mass))
    alive = (cells.mass.sum(axis=1) > 0)[:, None] & (cells.mass.sum(axis=0) > 0)
    kept = np.where(alive & ((cells.mass > 0) | np.isin(model.label, empty)), model.cells.mass, 0.0)
    held = replace(model, cells=replace(model.cells, mass=kept))
    treated, untreated = _means(held, fit, regressors, switched)
    return Saturation(held, fit, regressors, switched, treated, untreated, gone)


def log_ratio(found: Saturation, aim: Bools) -> float:
    """Log of counts over expected counts without treatment, summed over treated cells (N, T); −inf for 0."""
    mass = found.model.cells.mass * aim
    with np.errstate(divide="ignore"):
        return float(np.log((mass * found.treated).sum()) - np.log((mass * found.untreated).sum()))


def regression(found: Saturation, aim: Bools) -> Regression:
    """The log rate ratio of the cells (N, T) as a regression with it as its only coefficient."""
    fit = found.fit
    weight = fit.cells.mass * fit.mean
    f = _influence(found.model.cells.mass, found.treated, found.untreated, aim, fit, found)
    bread = np.array([[(weight * f**2).sum()]])
    X = (f / bread[0, 0])[None]
    n, units, periods = fit.sizes
    return Regression(
        coefficients=np.array([log_ratio(found, aim)]),
        bread=bread,
        scores=by_cluster((X[0] * fit.residual).sum(axis=1)[:, None], found.model.cluster),
        residual_norm=float(np.sqrt(fit.pearson)),
        n_obs=n,
        n_nested=units,
        n_crossing=periods + len(found.regressors) - 1,
        moments=_no_moments,
        rows=lambda: working_rows(X, fit.residualised, weight, fit.residual, found.model.cluster),
        likelihood=True,
    )


def null_scores(found: Saturation, aim: Bools, value: float, start: Floats | None) -> tuple[Floats, Floats]:
    """Cluster scores (G,) of the log rate ratio of the cells with it held at `value`, and the predictor.

    The fit uses untreated cells and those of `aim`, all with one rate ratio; other treated cells have effects
    of their own and stay aside. The scores are orthogonal to all nuisance coefficients of the full model.

    Source: Kline & Santos (2012), Journal of Econometric Methods 1(1), section 2.
    """
    model = found.model
    mass = _heard(model.cells.outcome, np.where(aim | (model.label < 0), model.cells.mass, 0.0))
    offset = model.cells.offset + value * aim
    regressors, switched, names = _design(model, np.zeros(0, dtype=np.int64), mass)
    fit = poisson_effects.fit(Cells(model.cells.outcome, offset, mass), regressors, names, start=start)
    own = np.unique(model.label[aim & (mass > 0)])
    regressors, switched, names = _design(model, own, mass)
    weight = mass * fit.mean
    X = residuals(regressors, weight)
    bread = poisson_effects.inverse(regressors, X, weight, names)
    full = replace(fit, residualised=X, bread=bread, names=tuple(names))
    lifted = replace(found, regressors=regressors, switched=switched)
    loading = np.tensordot(_slopes(fit, len(regressors)) * switched, regressors, axes=1)
    untreated = np.where(aim, fit.mean * np.exp(-value - loading), 0.0)
    f = _influence(mass, fit.mean, untreated, aim & (mass > 0), full, lifted)
    return by_cluster((f * fit.residual).sum(axis=1), model.cluster), fit.predictor


def _slopes(fit: PoissonFit, k: int) -> Floats:
    """(k,) slopes of the fit behind indicators that it did not have."""
    return np.concatenate([np.zeros(k - len(fit.coefficients)), fit.coefficients])


def _influence(
    mass: Floats, treated: Floats, untreated: Floats, aim: Bools, fit: PoissonFit, found: Saturation
) -> Floats:
    """(N, T) f with d log ratio = Σ f·residual, by the delta method over all coefficients.

    The log of treated counts moves with their predictors, weighted by expected counts; that of untreated
    counts with the same less what treatment switches on. f is the element of the design's span that
    represents the difference under the working weights.
    """
    one, none = mass * treated * aim, mass * untreated * aim
    if one.sum() > 0:
        one = one / one.sum()
    none = none / none.sum()
    a = one - none
    reach = np.einsum("knt,nt->k", found.regressors, a, optimize=True)
    reach += found.switched * np.einsum("knt,nt->k", found.regressors, none, optimize=True)
    weight = fit.cells.mass * fit.mean
    # some cells of the aim are not in the fit, so the sums are not those of values in its cells
    unit, period = effects_of_sums(a.sum(axis=1)[None], a.sum(axis=0)[None], weight)
    base = unit[0][:, None] + period[0]
    reach -= np.einsum("knt,nt->k", found.regressors, weight * base, optimize=True)
    return np.asarray(
        np.where(weight > 0, base + np.tensordot(fit.bread @ reach, fit.residualised, axes=1), 0.0)
    )


def _design(model: CountModel, own: Ints, mass: Floats) -> tuple[Floats, Bools, tuple[str, ...]]:
    """Indicators of the cohorts and periods `own`, then covariates that are not 0 in all cells in use."""
    live = [bool((x * (mass > 0)).any()) for x in model.regressors]
    kept = np.flatnonzero(live)
    indicators = (model.label[None] == own[:, None, None]).astype(np.float64)
    names = tuple(model.cell_names[int(m)] for m in own) + tuple(model.names[int(p)] for p in kept)
    switched = np.concatenate([np.ones(len(own), dtype=bool), model.switched[kept]])
    return np.concatenate([indicators, model.regressors[kept]]), switched, names


def _means(model: CountModel, fit: PoissonFit, regressors: Floats, switched: Bools) -> tuple[Floats, Floats]:
    """(N, T) expected counts as they are and, in treated cells, without treatment; 0 for no cell."""
    weight = fit.cells.mass * fit.mean
    common = np.tensordot(fit.coefficients * ~switched, regressors, axes=1)
    lift = np.tensordot(fit.coefficients * switched, regressors, axes=1)
    unit, period = effects(fit.predictor - fit.cells.offset - common - lift, weight)
    base = unit[:, None] + period
    inside = (model.label >= 0) & (model.cells.mass > 0)
    plain = np.exp(np.where(inside, model.cells.offset + common + base, 0.0))
    with_effect = np.where(fit.cells.mass > 0, np.exp(np.where(inside, lift, 0.0)), 0.0)
    return np.where(inside, plain * with_effect, 0.0), np.where(inside, plain, 0.0)


def _heard(outcome: Floats, mass: Floats) -> Floats:
    """The mass without units and periods that count nothing in the cells left."""
    while True:
        counts = mass * outcome
        kept = mass * (counts.sum(axis=1) > 0)[:, None] * (counts.sum(axis=0) > 0)
        if (kept == mass).all():
            return np.asarray(mass)
        mass = kept


def _refuse_separation(
    separation: SeparationError, cells: Cells, regressors: Floats, names: Sequence[str], where: str
) -> None:
    used = cells.mass > 0
    spread = np.array([np.ptp(x[used]) for x in regressors])
    moved = np.abs(separation.steps) * spread > 0.01
    if not moved.any():
        return
    guilty = first_few(names[int(i)] for i in np.flatnonzero(moved))
    raise DesignError(
        f"counts of 0 are fitted the better the farther these run off: {guilty}",
        where=where,
        remedy="Leave the covariate out, pool periods (quarters for months), areas or offences until those "
        "cells count something, or take the difference in rates with did.imputation(panel.as_rate()).",
    )


def _no_moments() -> Moments:
    raise EstimationError(
        "averages of a saturated regression are bootstrapped by their scores, not by refits",
        where="wild cluster bootstrap",
    )
