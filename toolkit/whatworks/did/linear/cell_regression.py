"""Least squares on regressors beside absorbed effects, on any set of cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from whatworks.arrays import Floats, Ints
from whatworks.did.linear.absorbed import Absorbed
from whatworks.inference.errors.cluster import Moments, Regression
from whatworks.inference.fits import collinear
from whatworks.inference.fits.rows import by_cluster


def bread_of(fitted: Floats, design: Floats, weight: Floats, names: Sequence[str], where: str) -> Floats:
    """(k, k) inverse of X′WX from residualised regressors `fitted` (k, N, T); `design` are those as given.

    Raises:
        DesignError: regressors that the absorbed effects or each other explain, by name.
    """
    return collinear.inverse(
        np.einsum("knt,lnt,n->kl", fitted, fitted, weight, optimize=True),
        np.sqrt(np.einsum("knt,knt,n->k", design, design, weight, optimize=True)),
        names,
        where=where,
        flat="A covariate that is constant over time, or the same everywhere, is taken out by the "
        "fixed effects: leave it out, or adjust for it with did.att_gt (adjust=...).",
    )


@dataclass(frozen=True, slots=True, eq=False)
class Folds:
    """Units that have the same cells and the same regressors, M groups of them.

    Attributes:
        group: (N,) codes 0..M−1.
        first: (M,) one unit of each group.
    """

    group: Ints
    first: Ints

    def members(self) -> list[Ints]:
        """The units of each group."""
        order = np.argsort(self.group, kind="stable")
        return np.split(order, np.flatnonzero(np.diff(self.group[order])) + 1)


def fit_cells(
    absorbed: Absorbed,
    outcome: Floats,
    design: Floats,
    *,
    names: Sequence[str],
    cluster: Ints | None,
    n_clusters: int,
    where: str,
    folds: Folds | None = None,
) -> Regression:
    """Weighted least squares of (N, T) outcomes on k regressors (k, N, T) over the fitted cells.

    With `folds` the regressors are (k, M, T), one row a group, and no more rows of them are made.

    Raises:
        DesignError: regressors that cannot be told from the absorbed effects or from each other.
    """
    weight = absorbed.weight
    rows = absorbed if folds is None else absorbed.folded(folds.group, folds.first)
    X = np.stack([rows.residual(x) for x in design])
    bread = bread_of(X, design * rows.used, rows.weight, names, where)
    y = absorbed.residual(outcome)
    coefficients = bread @ _products(X, y * weight[:, None], folds).sum(axis=0)
    residual = y - _to_units(np.tensordot(coefficients, X, axes=1), folds)
    if np.abs(residual).max() <= 1e-12 * np.abs(outcome * absorbed.used).max():
        residual = np.zeros_like(residual)
    scores = _products(X, residual * weight[:, None], folds)

    def moments() -> Moments:
        half = absorbed.half_inverse()
        every = _to_units(X, folds)
        weighted = every * weight[:, None]
        gram = np.einsum("knt,lnt->nkl", weighted, every, optimize=True)
        cross = _on_classes(absorbed, np.moveaxis(weighted, 0, 1)) @ half
        carry = _on_classes(absorbed, (residual * weight[:, None])[:, None, :])[:, 0] @ half
        k = len(X)
        return Moments(
            gram=by_cluster(gram.reshape(-1, k * k), cluster, n_clusters).reshape(-1, k, k),
            cross=by_cluster(cross.reshape(len(cross), -1), cluster, n_clusters).reshape(
                -1, k, half.shape[1]
            ),
            carry=by_cluster(carry, cluster, n_clusters),
        )

    used = int(absorbed.used.sum())
    norm = float(np.sqrt(np.einsum("nt,nt,n->", residual, residual, weight)))
    nested = int(absorbed.used.any(axis=1).sum()) - 1
    sums = by_cluster(scores, cluster, n_clusters)
    return Regression(coefficients, bread, sums, norm, used, nested, absorbed.n_classes, moments)


def _products(X: Floats, values: Floats, folds: Folds | None) -> Floats:
    """(N, k) sums over periods of each regressor times (N, T) values."""
    if folds is None:
        return np.asarray(np.einsum("knt,nt->nk", X, values, optimize=True))
    out = np.empty((len(values), len(X)))
    for m, units in enumerate(folds.members()):
        out[units] = values[units] @ X[:, m].T
    return out


def _to_units(values: Floats, folds: Folds | None) -> Floats:
    """(..., N, T) from one row a group."""
    return values if folds is None else values[..., folds.group, :]


def _on_classes(absorbed: Absorbed, values: Floats) -> Floats:
    """(N, k, C) from (N, k, T): each cell's value in the place of its class."""
    out = np.zeros((*values.shape[:2], len(absorbed.normal)))
    for rows, classes in zip(absorbed.rows, absorbed.classes, strict=True):
        piece = np.zeros((len(values[rows]), values.shape[1], out.shape[2]))
        piece[:, :, classes] = values[rows]
        out[rows] = piece
    return out
