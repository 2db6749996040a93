"""Least squares on regressors beside absorbed effects, on any set of cells."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from whatworks.did import collinear
from whatworks.did.absorbed import Absorbed
from whatworks.inference.cluster import Moments, Regression
from whatworks.inference.influence import cluster_sums

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


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


def fit_cells(
    absorbed: Absorbed,
    outcome: Floats,
    design: Floats,
    *,
    names: Sequence[str],
    cluster: Ints | None,
    n_clusters: int,
    where: str,
) -> Regression:
    """Weighted least squares of (N, T) outcomes on k regressors (k, N, T) over the fitted cells.

    Raises:
        DesignError: regressors that cannot be told from the absorbed effects or from each other.
    """
    weight = absorbed.weight
    X = np.stack([absorbed.residual(x) for x in design])
    bread = bread_of(X, design * absorbed.used, weight, names, where)
    y = absorbed.residual(outcome)
    coefficients = bread @ np.einsum("knt,nt,n->k", X, y, weight, optimize=True)
    residual = y - np.tensordot(coefficients, X, axes=1)
    if np.abs(residual).max() <= 1e-12 * np.abs(outcome * absorbed.used).max():
        residual = np.zeros_like(residual)
    scores = np.einsum("knt,nt,n->nk", X, residual, weight, optimize=True)

    def moments() -> Moments:
        half = absorbed.half_inverse()
        weighted = X * weight[:, None]
        gram = np.einsum("knt,lnt->nkl", weighted, X, optimize=True)
        cross = _on_classes(absorbed, np.moveaxis(weighted, 0, 1)) @ half
        carry = _on_classes(absorbed, (residual * weight[:, None])[:, None, :])[:, 0] @ half
        k = len(X)
        return Moments(
            gram=cluster_sums(gram.reshape(-1, k * k), cluster, n_clusters).reshape(-1, k, k),
            cross=cluster_sums(cross.reshape(len(cross), -1), cluster, n_clusters).reshape(
                -1, k, half.shape[1]
            ),
            carry=cluster_sums(carry, cluster, n_clusters),
        )

    used = int(absorbed.used.sum())
    norm = float(np.sqrt(np.einsum("nt,nt,n->", residual, residual, weight)))
    nested = int(absorbed.used.any(axis=1).sum()) - 1
    sums = cluster_sums(scores, cluster, n_clusters)
    return Regression(coefficients, bread, sums, norm, used, nested, absorbed.n_classes, moments)


def _on_classes(absorbed: Absorbed, values: Floats) -> Floats:
    """(N, k, C) from (N, k, T): each cell's value in the place of its class."""
    out = np.zeros((*values.shape[:2], len(absorbed.normal)))
    for rows, classes in zip(absorbed.rows, absorbed.classes, strict=True):
        piece = np.zeros((len(values[rows]), values.shape[1], out.shape[2]))
        piece[:, :, classes] = values[rows]
        out[rows] = piece
    return out
