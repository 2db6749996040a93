"""Least squares with unit and period effects under unit weights, gaps allowed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from whatworks.arrays import Bools, Floats, Ints
from whatworks.inference.fits import collinear, rounding
from whatworks.inference.fits.projection import residuals, root
from whatworks.inference.fits.regression import Moments, Regression
from whatworks.inference.fits.rows import Rows, by_cluster

WHERE: Final = "two-way fixed effects"
POOL_THE_ENDS: Final = (
    f"{collinear.LEAVE_OUT} In an event study where every unit is treated in the end, pool the ends, as in "
    "ends=(-12, 18), or use did.att_gt with not-yet-treated comparison."
)


def fit(
    outcome: Floats,
    design: Floats,
    *,
    names: Sequence[str],
    weight: Floats | None = None,
    cluster: Ints | None = None,
    observed: Bools | None = None,
    where: str = WHERE,
    tied: str = POOL_THE_ENDS,
) -> Regression:
    """Weighted least squares of (N, T) outcomes on k regressors (k, N, T) with unit and period effects.

    Units are nested in clusters (codes (N,); each unit its own without). Only cells `observed` (N, T) count,
    all of them unless given. `where` is the method and `tied` what to do about regressors that explain each
    other, for messages.

    Raises:
        DesignError: regressors that the fixed effects or each other explain; `names` (k,) says which.
    """
    mass = np.ones(len(outcome)) if weight is None else weight
    seen = np.ones(outcome.shape, dtype=bool) if observed is None else observed
    outcome, design = np.where(seen, outcome, 0.0), np.where(seen, design, 0.0)
    cells = _cells(mass, seen)
    X, y = residuals(design, cells), residuals(outcome, cells)
    bread = bread_of(X, design, mass, names, where, tied)
    coefficients = bread @ np.einsum("knt,nt,n->k", X, y, mass, optimize=True)
    residual = rounding.settled(y - np.tensordot(coefficients, X, axes=1), outcome)
    products = np.einsum("knt,nt,n->nk", X, residual, mass, optimize=True)
    return _regression(coefficients, bread, products, residual, mass, cluster, seen, lambda: X)


def fit_by_group(
    outcome: Floats,
    design: Floats,
    group: Ints,
    *,
    names: Sequence[str],
    weight: Floats | None = None,
    cluster: Ints | None = None,
    observed: Bools | None = None,
    where: str = WHERE,
    tied: str = POOL_THE_ENDS,
) -> Regression:
    """As `fit`, where the units of a group (codes (N,)) share their cells and their k regressors (k, S, T).

    Only S rows of regressors are ever made, unless the errors ask for every row.

    Raises:
        DesignError: regressors that the fixed effects or each other explain; `names` (k,) says which.
    """
    mass = np.ones(len(outcome)) if weight is None else weight
    seen = np.ones(outcome.shape, dtype=bool) if observed is None else observed
    members = [np.flatnonzero(group == s) for s in range(design.shape[1])]
    inside = np.array([mass[rows].sum() for rows in members])
    alike = seen[[rows[0] for rows in members]]
    X = residuals(design, _cells(inside, alike))
    y = residuals(outcome, _cells(mass, seen))
    bread = bread_of(X, np.where(alike, design, 0.0), inside, names, where, tied)
    sums = np.stack([mass[rows] @ y[rows] for rows in members])
    coefficients = bread @ np.einsum("kst,st->k", X, sums)
    fitted = np.tensordot(coefficients, X, axes=1)
    for s, rows in enumerate(members):
        y[rows] -= fitted[s]
    residual = rounding.settled(y, np.where(seen, outcome, 0.0))
    products = np.empty((len(outcome), len(X)))
    for s, rows in enumerate(members):
        products[rows] = (residual[rows] * mass[rows, None]) @ X[:, s].T
    return _regression(coefficients, bread, products, residual, mass, cluster, seen, lambda: X[:, group])


def _cells(mass: Floats, seen: Bools) -> Floats:
    """Weights of units as `residuals` takes them: of cells only where some are missing."""
    return mass[:, None] if seen.all() else mass[:, None] * seen


def _regression(
    coefficients: Floats,
    bread: Floats,
    products: Floats,
    residual: Floats,
    mass: Floats,
    cluster: Ints | None,
    seen: Bools,
    regressors: Callable[[], Floats],
) -> Regression:
    """The fit as inference needs it, from (N, k) sums of regressors times residuals within units."""
    codes = np.arange(len(mass), dtype=np.int64) if cluster is None else cluster

    def rows() -> Rows:
        return Rows(regressors(), residual, mass, np.unique(codes, return_inverse=True)[1], seen)

    return Regression(
        coefficients,
        bread,
        scores=by_cluster(products, cluster),
        residual_norm=float(np.sqrt(np.einsum("nt,nt,n->", residual, residual, mass))),
        n_obs=int(seen.sum()),
        n_nested=int(seen.any(axis=1).sum()) - 1,
        n_crossing=int(seen.any(axis=0).sum()),
        moments=lambda: _moments(rows()),
        rows=rows,
    )


def _moments(rows: Rows) -> Moments:
    weighted = rows.X * rows.weight[:, None]
    if rows.observed.all():
        loading = np.eye(rows.X.shape[-1]) / np.sqrt(rows.weight.sum())
    else:
        loading = root(rows.weight[:, None] * rows.observed)
    return Moments(
        gram=by_cluster(np.einsum("knt,lnt->nkl", weighted, rows.X, optimize=True), rows.cluster),
        cross=by_cluster(np.moveaxis(weighted, 0, 1), rows.cluster) @ loading,
        carry=by_cluster(rows.residual * rows.weight[:, None], rows.cluster) @ loading,
    )


def bread_of(
    X: Floats,
    design: Floats,
    weight: Floats,
    names: Sequence[str],
    where: str,
    tied: str = collinear.LEAVE_OUT,
) -> Floats:
    """(k, k) inverse of X′WX under unit weights; X are the regressors `design` net of effects, (k, N, T).

    Raises:
        DesignError: regressors that the effects or each other explain, by name.
    """
    return collinear.inverse(
        np.einsum("knt,lnt,n->kl", X, X, weight, optimize=True),
        np.sqrt(np.einsum("knt,knt,n->k", design, design, weight, optimize=True)),
        names,
        where=where,
        flat="A covariate that is constant over time, or the same everywhere, is taken out by the "
        "fixed effects: leave it out here, or adjust for it with did.att_gt (adjust=...).",
        tied=tied,
    )
