"""Every coefficient without each cluster in turn, from sums within clusters instead of from refits."""

from __future__ import annotations

from typing import Final

import numpy as np

from whatworks.arrays import Floats
from whatworks.inference.fits.regression import Regression
from whatworks.inference.fits.rows import Rows, by_cluster, period_gram

NOT_WITHOUT: Final = (
    "leaving out a single cluster makes this effect impossible to estimate, so refits without each cluster "
    "in turn say nothing about its error"
)

_FLAT: Final = 1e-9


def deviations(fit: Regression, rows: Rows, contrasts: Floats) -> Floats:
    """(m, G): each combination `contrasts @ coefficients` without each cluster, less that of all.

    NaN where a combination cannot be estimated without that cluster. Taking cluster g out of the normal
    equations moves the coefficients by −(A − A_g)⁻¹ s_g, with s_g its scores on regressors and periods; unit
    effects lie within clusters and go with them.

    Source: MacKinnon, Nielsen & Webb (2023), Journal of Applied Econometrics 38(5).
    """
    if rows.design is not None:
        return _from_design(fit, rows, rows.design, contrasts)
    weighted = rows.X * rows.weight[:, None]
    cross = by_cluster(np.moveaxis(weighted, 0, 1), rows.cluster)
    carry = by_cluster(rows.residual * rows.weight[:, None], rows.cluster)
    gram = by_cluster(np.einsum("knt,lnt->nkl", weighted, rows.X, optimize=True), rows.cluster)
    turned = _over_other_periods(rows, np.concatenate([cross, carry[:, None]], axis=1))
    k = cross.shape[1]
    total = gram.sum(axis=0)
    schur = total - gram - cross @ np.moveaxis(turned[:, :k], 1, 2)
    right = fit.scores + np.einsum("gkt,gt->gk", cross, turned[:, k])
    length = np.sqrt(np.diag(total))
    values, vectors = np.linalg.eigh(schur / np.outer(length, length))
    known = values > _FLAT
    inverse = np.where(known, 1 / np.where(known, values, 1.0), 0.0)
    half = np.einsum("mk,gkl->gml", contrasts / length, vectors)
    moved = -np.einsum("gml,gl,gkl,gk->mg", half, inverse, vectors, right / length, optimize=True)
    lost = (half**2 * ~known[:, None, :]).sum(axis=2) > 1e-8 * ((contrasts / length) ** 2).sum(axis=1)
    return np.asarray(np.where(lost.T, np.nan, moved))


def _over_other_periods(rows: Rows, values: Floats) -> Floats:
    """(G, r, T) rows of each cluster times the inverse of all other clusters' period normal equations."""
    if rows.observed.all():
        mass = np.bincount(rows.cluster, rows.weight)
        return np.asarray(values / (rows.weight.sum() - mass)[:, None, None])
    out = np.empty_like(values)
    for g, units in enumerate(rows.members()):
        others = np.ones(len(rows.weight), dtype=bool)
        others[units] = False
        gram = period_gram(rows.weight[others], rows.observed[others], unit_effects=rows.unit_effects)
        out[g] = values[g] @ np.linalg.pinv(gram, rcond=1e-12, hermitian=True)
    return out


def _from_design(fit: Regression, rows: Rows, design: Floats, contrasts: Floats) -> Floats:
    """The same from a design that spans everything not nested in clusters, of which X are combinations."""
    r = design.shape[-1]
    heavy = design * rows.weight[:, None, None]
    gram = np.tensordot(heavy, design, axes=([0, 1], [0, 1]))
    length = np.sqrt(np.diag(gram))
    length = np.where(length > 0, length, 1.0)
    aim = contrasts @ fit.bread @ np.tensordot(rows.X, heavy, axes=([1, 2], [0, 1])) / length
    moved = np.empty((len(aim), fit.n_clusters))
    for g, units in enumerate(rows.members()):
        own, mine = heavy[units].reshape(-1, r), design[units].reshape(-1, r)
        values, vectors = np.linalg.eigh((gram - own.T @ mine) / np.outer(length, length))
        known = values > _FLAT
        half = aim @ vectors
        score = vectors.T @ (own.T @ rows.residual[units].ravel() / length)
        moved[:, g] = -(half[:, known] / values[known]) @ score[known]
        lost = (half[:, ~known] ** 2).sum(axis=1) > 1e-8 * (aim**2).sum(axis=1)
        moved[lost, g] = np.nan
    return moved
