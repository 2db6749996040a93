"""Regressions with an own effect for every cohort and period: averages, errors, coefficients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from whatworks.arrays import Bools, Floats, Ints
from whatworks.did.linear.absorbed import Absorbed, absorb
from whatworks.did.linear.scores import Sample
from whatworks.errors import EstimationError
from whatworks.inference.errors.cluster import Moments, Regression
from whatworks.inference.fits import rounding
from whatworks.inference.fits.rows import Rows, by_cluster
from whatworks.inference.fits.two_way_effects import bread_of


@dataclass(frozen=True, slots=True, eq=False)
class Saturated:
    """A fit of unit effects, class effects and covariates.

    Attributes:
        sample: the panel as arrays.
        fit: unit and class effects on the cells used.
        classes: (S, T) class of each cohort and period.
        level: (C,) class effects of the outcome, covariates held fixed.
        residual: (N, T).
        inside: (P, N, T) residualised covariates.
        slant: (P, C) class effects of the covariates.
        bread: (P, P).
        spent: slopes on units' differences that each cohort has of its own in each treated period.
    """

    sample: Sample
    fit: Absorbed
    classes: Ints
    level: Floats
    residual: Floats
    inside: Floats
    slant: Floats
    bread: Floats
    spent: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class CellEffects:
    """M effects of a cohort in a period, each a contrast of class effects.

    Attributes:
        cohort, period: (M,) positions.
        mass: (M,) summed unit weights of the observed cells.
        contrast: (M, C).
        lost: cohort and period positions of treated cells whose effect is not identified.
    """

    cohort: Ints
    period: Ints
    mass: Floats
    contrast: Floats
    lost: tuple[tuple[int, int], ...]


def saturate(data: Sample, used: Bools, classes: Ints, names: Sequence[str], where: str) -> Saturated:
    """Fit the cells used on unit effects, class effects (S, T) and covariates.

    Raises:
        DesignError: covariates that the effects or each other explain.
    """
    fit = absorb(used, data.weight, data.group, classes)
    level = fit.class_effects(data.outcome)
    residual = fit.residual(data.outcome, level)
    slant, inside = np.zeros((0, len(level))), data.covariates
    bread = np.zeros((0, 0))
    if len(data.covariates):
        slant = np.stack([fit.class_effects(x) for x in data.covariates])
        inside = np.stack([fit.residual(x, b) for x, b in zip(data.covariates, slant, strict=True)])
        bread = bread_of(inside, data.covariates * fit.used, data.weight, names, where)
        slopes = bread @ np.einsum("pnt,nt,n->p", inside, residual, data.weight, optimize=True)
        residual = residual - np.tensordot(slopes, inside, axes=1)
        level = level - slopes @ slant
    residual = rounding.settled(residual, data.outcome * used)
    return Saturated(data, fit, classes, level, residual, inside, slant, bread)


def mass_of(data: Sample, used: Bools) -> Floats:
    """(S, T) summed unit weights of the cells used of each cohort and period."""
    mass = used * data.weight[:, None]
    return np.stack([mass[data.members(s)].sum(axis=0) for s in range(len(data.cohorts))])


def regression(model: Saturated, contrasts: Floats) -> Regression:
    """The k averages `contrasts` (k, C) as a regression that has them as its coefficients.

    Scores and bread give the sandwich of the full regression; every other parameter counts as absorbed.
    """
    data, fit = model.sample, model.fit
    pull = fit.inverse @ contrasts.T
    lean = contrasts @ model.slant.T
    spread = np.empty((len(data.weight), len(contrasts)))
    for rows, classes in zip(fit.rows, fit.classes, strict=True):
        spread[rows] = model.residual[rows] @ pull[classes]
    if len(model.inside):
        by_unit = np.einsum("pnt,nt->np", model.inside, model.residual, optimize=True)
        spread -= by_unit @ model.bread @ lean.T
    sums = by_cluster(spread * data.weight[:, None], data.cluster, data.n_clusters)
    bread = contrasts @ pull + lean @ model.bread @ lean.T
    free = int(fit.tied.sum()) - len(np.unique(fit.component[fit.tied])) + 1 + len(model.inside)
    return Regression(
        coefficients=contrasts @ model.level,
        bread=bread,
        scores=sums @ np.linalg.inv(bread),
        residual_norm=float(np.sqrt(np.einsum("nt,nt,n->", model.residual, model.residual, data.weight))),
        n_obs=int(fit.used.sum()),
        n_nested=int(fit.used.any(axis=1).sum()) - 1,
        n_crossing=free - len(contrasts),
        moments=_no_moments,
        rows=lambda: _rows(model, contrasts, bread),
    )


def _rows(model: Saturated, contrasts: Floats, bread: Floats) -> Rows:
    """The averages as regressors, among class indicators and covariates net of unit effects."""
    data, fit = model.sample, model.fit
    shares = np.stack(_net_coefficients(model, contrasts))
    labels = np.empty(fit.used.shape, dtype=np.int64)
    for rows, classes in zip(fit.rows, fit.classes, strict=True):
        labels[rows] = classes
    alive = np.flatnonzero(fit.tied)
    seen = fit.used > 0
    design = (labels[:, :, None] == alive) * fit.used[:, :, None]
    design -= (design.sum(axis=1) / fit.count[:, None])[:, None, :] * fit.used[:, :, None]
    codes = np.arange(len(data.weight)) if data.cluster is None else data.cluster
    return Rows(
        X=np.tensordot(np.linalg.inv(bread), shares, axes=1),
        residual=model.residual * fit.used,
        weight=data.weight,
        cluster=np.unique(codes, return_inverse=True)[1].astype(np.int64),
        observed=seen,
        design=np.concatenate([design, np.moveaxis(model.inside * fit.used, 0, -1)], axis=-1),
    )


def coefficients(model: Saturated, contrasts: Floats) -> list[Floats]:
    """(N, T) coefficient of each outcome in each average."""
    return [a * model.sample.weight[:, None] for a in _net_coefficients(model, contrasts)]


def _net_coefficients(model: Saturated, contrasts: Floats) -> list[Floats]:
    """(N, T) the same less the factor of the units' weights."""
    fit = model.fit
    pull = fit.inverse @ contrasts.T
    lean = model.bread @ (contrasts @ model.slant.T).T
    out = []
    for k in range(len(contrasts)):
        a = fit.centre(np.array(fit.spread(pull[:, k])))
        if len(model.inside):
            a = a - np.tensordot(lean[:, k], model.inside, axes=1)
        out.append(a)
    return out


def _no_moments() -> Moments:
    raise EstimationError(
        "averages of a saturated regression are bootstrapped by their scores, not by refits",
        where="wild cluster bootstrap",
    )
