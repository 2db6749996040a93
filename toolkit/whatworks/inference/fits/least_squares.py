"""Least squares on one row a unit, plain or in two stages, as every inference object takes it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from whatworks.arrays import Floats, Ints
from whatworks.inference.fits import collinear, rounding
from whatworks.inference.fits.regression import Moments, Regression
from whatworks.inference.fits.rows import Rows, by_cluster


def fit(
    outcome: Floats,
    design: Floats,
    *,
    names: Sequence[str],
    where: str,
    weight: Floats | None = None,
    cluster: Ints | None = None,
    instruments: Floats | None = None,
    flat: str = collinear.LEAVE_OUT,
) -> Regression:
    """Weighted least squares of (n,) outcomes on a design (n, k), the constant among its columns.

    Args:
        outcome: (n,) outcomes.
        design: (n, k) regressors as they are; nothing is added or absorbed.
        names: (k,) for messages.
        where: the method, for messages.
        weight: (n,) weights; equal where None.
        cluster: (n,) codes 0..G−1; each row its own where None.
        instruments: (n, l) instruments, l ≥ k, the included regressors among them: two-stage least squares,
            whose rows hold the fitted regressors, so errors take their leverage from the second stage.
        flat: what to do about a column that is 0 throughout.

    Raises:
        DesignError: columns that cannot be told apart, by name; instruments that do not move a regressor.

    Source: Wooldridge (2010), Econometric Analysis of Cross Section and Panel Data, sections 4.2 and 5.2.
    """
    w = np.ones(len(outcome)) if weight is None else np.asarray(weight, dtype=np.float64)
    X = design if instruments is None else _first_stage(design, instruments, w, where)
    bread = collinear.inverse(
        X.T @ (X * w[:, None]), np.sqrt(w @ design**2), names, where=where, flat=flat, by="zeros"
    )
    coefficients = bread @ (X.T @ (w * outcome))
    residual = rounding.settled(outcome - design @ coefficients, outcome)
    return _prepared(design, X, bread, coefficients, residual, w, cluster)


def _prepared(
    design: Floats,
    X: Floats,
    bread: Floats,
    coefficients: Floats,
    residual: Floats,
    weight: Floats,
    cluster: Ints | None,
) -> Regression:
    """The fit as inference takes it: a panel of one period, every column spelt out."""
    n, k = X.shape
    count = n if cluster is None else int(cluster.max()) + 1

    def moments() -> Moments:
        gram = np.einsum("nk,nl,n->nkl", X, design, weight, optimize=True).reshape(-1, k * k)
        by = by_cluster(gram, cluster, count).reshape(-1, k, k)
        return Moments(by, np.empty((count, k, 0)), np.empty((count, 0)))

    def rows() -> Rows:
        codes = np.arange(n) if cluster is None else cluster
        seen = np.ones((n, 1), dtype=bool)
        return Rows(X.T[:, :, None], residual[:, None], weight, codes, seen, False, X[:, None, :])

    return Regression(
        coefficients=coefficients,
        bread=bread,
        scores=by_cluster(X * (weight * residual)[:, None], cluster, count),
        residual_norm=float(np.sqrt(weight @ residual**2)),
        n_obs=n,
        n_nested=0,
        n_crossing=0,
        moments=moments,
        rows=rows,
    )


def _first_stage(design: Floats, instruments: Floats, weight: Floats, where: str) -> Floats:
    """(n, k) the design as the instruments predict it."""
    heavy = instruments * weight[:, None]
    names = [f"instrument {j + 1}" for j in range(instruments.shape[1])]
    length = np.sqrt(weight @ instruments**2)
    inverse = collinear.inverse(
        instruments.T @ heavy, length, names, where=where, flat=collinear.LEAVE_OUT, by="zeros"
    )
    return np.asarray(instruments @ (inverse @ (heavy.T @ design)))
