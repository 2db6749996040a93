"""Untreated outcomes imputed from untreated cells, and averages of what is left in treated cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from whatworks.arrays import Bools, Floats
from whatworks.did.linear.absorbed import Absorbed, absorb
from whatworks.did.linear.scores import Sample, sample
from whatworks.inference.fits import rounding
from whatworks.inference.fits.two_way_effects import bread_of
from whatworks.panel import Panel


@dataclass(frozen=True, slots=True, eq=False)
class Imputed:
    """Effects of single cells, and what an average of them needs.

    Attributes:
        sample: the panel as arrays.
        fit: unit and period effects on the untouched cells.
        gap: (N, T) outcome less imputed outcome in `cells`, else 0.
        cells: (N, T) observed cells from the start (and its anticipation) on whose outcome can be imputed.
        lost: (N, T) such cells whose unit or period effect is not identified.
        residual: (N, T) residuals on the untouched cells, else 0.
        slopes: (P,) of the covariates.
        inside: (P, N, T) covariates net of effects on the untouched cells.
        ahead: (P, N, T) covariates less their imputed values in `cells`.
        bread: (P, P).
        centred: (N, T) `gap` around the mean of its cohort and period, weighted by squared weights.
        mass: (S, T) summed unit weights of the cells of each cohort and period.
    """

    sample: Sample
    fit: Absorbed
    gap: Floats
    cells: Bools
    lost: Bools
    residual: Floats
    slopes: Floats
    inside: Floats
    ahead: Floats
    bread: Floats
    centred: Floats
    mass: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Targets:
    """k averages of cell effects.

    Attributes:
        share: (k, S, T) weight of a cell of cohort s in period t per unit of its unit's weight.
    """

    share: Floats


def impute(panel: Panel, anticipation: int, where: str) -> Imputed:
    """Fit unit and period effects (and covariates) on untouched cells only; impute all others.

    Raises:
        DesignError: covariates that the effects or each other explain on the untouched cells.

    Source: Borusyak, Jaravel & Spiess (2024), Review of Economic Studies 91(6), theorem 2.
    """
    data = sample(panel, anticipation)
    fit = absorb(data.untouched, data.weight)
    later = data.observed & ~data.untouched
    cells = later & fit.reached()
    effects = [fit.class_effects(x) for x in data.covariates]
    inside = (
        np.stack([fit.residual(x, b) for x, b in zip(data.covariates, effects, strict=True)])
        if effects
        else data.covariates
    )
    ahead = np.stack([fit.beyond(x) * cells for x in data.covariates]) if effects else data.covariates
    left = fit.beyond(data.outcome)
    residual = left * fit.used
    slopes, bread = np.zeros(0), np.zeros((0, 0))
    if effects:
        names = [f"covariate {name!r}" for name in panel.covariate_names]
        bread = bread_of(inside, data.covariates * fit.used, data.weight, names, where)
        slopes = bread @ np.einsum("pnt,nt,n->p", inside, residual, data.weight, optimize=True)
        residual = residual - np.tensordot(slopes, inside, axes=1)
        left = left - np.tensordot(slopes, ahead, axes=1)
    gap = np.where(cells, left, 0.0)
    residual = rounding.settled(residual, data.outcome)
    return Imputed(
        data, fit, gap, cells, later & ~cells, residual, slopes, inside, ahead, bread,
        _centred(data, gap, cells), _by_cohort(data, cells * data.weight[:, None]),
    )  # fmt: skip


def _centred(data: Sample, gap: Floats, cells: Bools) -> Floats:
    out = gap.copy()
    for s in range(len(data.cohorts)):
        rows = data.members(s)
        mass = cells[rows] * (data.weight[rows] ** 2)[:, None]
        total = mass.sum(axis=0)
        out[rows] -= cells[rows] * ((mass * gap[rows]).sum(axis=0) / np.where(total > 0, total, 1.0))
    return rounding.settled(out, data.outcome)


def masses(found: Imputed) -> Floats:
    """(S, T) summed unit weights of the cells of each cohort and period."""
    return found.mass


def targets(found: Imputed, masks: Bools) -> Targets:
    """Averages over the cells of each (k, S, T) mask, cells weighted by their units."""
    total = (masks * masses(found)).sum(axis=(1, 2))
    return Targets(masks / total[:, None, None])


def _by_cohort(data: Sample, values: Floats) -> Floats:
    return np.stack([values[data.members(s)].sum(axis=0) for s in range(len(data.cohorts))])


def average(found: Imputed, which: Targets, values: Floats) -> Floats:
    """(k,) averages of (N, T) values over the cells of each target."""
    sums = _by_cohort(found.sample, values * found.cells * found.sample.weight[:, None])
    return np.tensordot(which.share, sums, axes=2)


@dataclass(frozen=True, slots=True, eq=False)
class _Pull:
    """How much each target leans on period effects (T, k), net of unit effects, and on covariates (P, k)."""

    period: Floats
    covariate: Floats


def _pull(found: Imputed, which: Targets) -> _Pull:
    """Solve for the weights on untouched cells that make every target unbiased, by the exact projection."""
    data, fit = found.sample, found.fit
    period = (which.share * found.mass).sum(axis=1).T
    for s in np.flatnonzero(which.share.any(axis=(0, 2))):
        rows = data.members(int(s))
        lean = (fit.used[rows] * (data.weight[rows] / fit.count[rows])[:, None]).T @ found.cells[rows]
        period = period - lean @ which.share[:, s].T
    sums = [_by_cohort(data, x * data.weight[:, None]) for x in found.ahead]
    reach = (
        np.stack([np.tensordot(which.share, s, axes=2) for s in sums])
        if sums
        else np.zeros((0, len(which.share)))
    )
    return _Pull(fit.inverse @ period, found.bread @ reach)


def contributions(found: Imputed, which: Targets) -> Floats:
    """(N, k) sums of v·ε̃ within units; their squares, summed within clusters first, give the variance.

    On untouched cells ε̃ are the residuals; in treated cells the effect around its cohort and period's mean.

    Source: Borusyak, Jaravel & Spiess (2024), Review of Economic Studies 91(6).
    """
    data = found.sample
    pull = _pull(found, which)
    # residuals sum to zero within units, so that the pull on unit effects drops out
    out = found.residual @ -pull.period
    if len(found.inside):
        out -= np.einsum("nt,pnt->np", found.residual, found.inside, optimize=True) @ pull.covariate
    for s in np.flatnonzero(which.share.any(axis=(0, 2))):
        rows = data.members(int(s))
        out[rows] += found.centred[rows] @ which.share[:, s].T
    out *= data.weight[:, None]
    return out


def coefficients(found: Imputed, which: Targets) -> list[Floats]:
    """(N, T) coefficient of each outcome in each target."""
    data, fit = found.sample, found.fit
    pull = _pull(found, which)
    out = []
    for k in range(len(which.share)):
        direct = found.cells * which.share[k][data.group]
        fitted = fit.used * pull.period[:, k]
        unit = (direct.sum(axis=1) - fitted.sum(axis=1)) / fit.count
        back = fitted + fit.used * unit[:, None]
        if len(found.inside):
            back = back + np.tensordot(pull.covariate[:, k], found.inside, axes=1)
        out.append((direct - back) * data.weight[:, None])
    return out
