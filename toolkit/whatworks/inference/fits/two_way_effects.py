"""Least squares with unit and period effects under unit weights, gaps allowed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from whatworks.arrays import Bools, Floats, Ints
from whatworks.inference.fits import collinear
from whatworks.inference.fits.projection import residuals, root
from whatworks.inference.fits.regression import Moments, Regression
from whatworks.inference.fits.rows import Rows, by_cluster


def fit(
    outcome: Floats,
    design: Floats,
    *,
    names: Sequence[str],
    weight: Floats | None = None,
    cluster: Ints | None = None,
    observed: Bools | None = None,
) -> Regression:
    """Weighted least squares of (N, T) outcomes on k regressors (k, N, T) with unit and period effects.

    Units are nested in clusters (codes (N,); each unit its own without). Only cells `observed` (N, T) count,
    all of them unless given.

    Raises:
        DesignError: regressors that the fixed effects or each other explain; `names` (k,) says which.
    """
    n, t = outcome.shape
    mass = np.ones(n) if weight is None else weight
    codes = np.arange(n, dtype=np.int64) if cluster is None else cluster
    seen = np.ones((n, t), dtype=bool) if observed is None else observed
    outcome, design = np.where(seen, outcome, 0.0), np.where(seen, design, 0.0)
    cells = mass[:, None] if seen.all() else mass[:, None] * seen
    X, y = residuals(design, cells), residuals(outcome, cells)
    bread = _bread(design, X, mass, names)
    coefficients = bread @ np.einsum("knt,nt,n->k", X, y, mass, optimize=True)
    residual = y - np.tensordot(coefficients, X, axes=1)
    if np.abs(residual).max() <= 1e-12 * np.abs(outcome).max():
        residual = np.zeros_like(residual)
    scores = by_cluster(np.einsum("knt,nt,n->nk", X, residual, mass, optimize=True), codes)

    def rows() -> Rows:
        return Rows(X, residual, mass, np.unique(codes, return_inverse=True)[1], seen)

    norm = float(np.sqrt(np.einsum("nt,nt,n->", residual, residual, mass)))
    n_obs, periods = int(seen.sum()), int(seen.any(axis=0).sum())
    return Regression(
        coefficients, bread, scores, norm, n_obs, n - 1, periods, lambda: _moments(rows()), rows
    )


def fit_by_group(
    outcome: Floats,
    design: Floats,
    group: Ints,
    *,
    names: Sequence[str],
    weight: Floats | None = None,
    cluster: Ints | None = None,
) -> Regression:
    """As `fit` without gaps, where the units of a group (codes (N,)) share their k regressors (k, S, T).

    Only S rows of regressors are ever made, unless the errors ask for every row.

    Raises:
        DesignError: regressors that the fixed effects or each other explain; `names` (k,) says which.
    """
    n, t = outcome.shape
    mass = np.ones(n) if weight is None else weight
    members = [np.flatnonzero(group == s) for s in range(design.shape[1])]
    inside = np.array([mass[rows].sum() for rows in members])
    X = residuals(design, inside[:, None])
    residual = residuals(outcome, mass[:, None])
    bread = _bread(design, X, inside, names)
    sums = np.stack([mass[rows] @ residual[rows] for rows in members])
    coefficients = bread @ np.einsum("kst,st->k", X, sums)
    fitted = np.tensordot(coefficients, X, axes=1)
    largest = np.abs(outcome).max()
    scores = np.empty((n, len(X)))
    for s, rows in enumerate(members):
        residual[rows] -= fitted[s]
    if np.abs(residual).max() <= 1e-12 * largest:
        residual = np.zeros_like(residual)
    for s, rows in enumerate(members):
        scores[rows] = (residual[rows] * mass[rows, None]) @ X[:, s].T
    codes = np.arange(n, dtype=np.int64) if cluster is None else cluster
    if cluster is not None:
        scores = by_cluster(scores, cluster)

    def rows_of_all() -> Rows:
        seen = np.ones((n, t), dtype=bool)
        return Rows(X[:, group], residual, mass, np.unique(codes, return_inverse=True)[1], seen)

    norm = float(np.sqrt(np.einsum("nt,nt,n->", residual, residual, mass)))
    return Regression(
        coefficients, bread, scores, norm, n * t, n - 1, t, lambda: _moments(rows_of_all()), rows_of_all
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


def _bread(design: Floats, X: Floats, mass: Floats, names: Sequence[str]) -> Floats:
    """Inverse of X′WX, the regressors net of effects."""
    return collinear.inverse(
        np.einsum("knt,lnt,n->kl", X, X, mass, optimize=True),
        np.sqrt(np.einsum("knt,knt,n->k", design, design, mass, optimize=True)),
        names,
        where="two-way fixed effects",
        flat="A covariate that is constant over time, or the same everywhere, is taken out by the "
        "fixed effects: leave it out here, or adjust for it with did.att_gt (adjust=...).",
        tied=f"{collinear.LEAVE_OUT} In an event study where every unit is treated in the end, pool "
        "the ends, as in ends=(-12, 18), or use did.att_gt with not-yet-treated comparison.",
    )
