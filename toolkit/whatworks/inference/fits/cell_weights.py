"""Least squares with unit and period effects under cell weights, and the same for many designs at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from whatworks.arrays import Floats, Ints
from whatworks.inference.fits import collinear, rounding
from whatworks.inference.fits.poisson_effects import prepared
from whatworks.inference.fits.projection import residuals
from whatworks.inference.fits.regression import Regression


def fit(
    outcome: Floats, design: Floats, mass: Floats, cluster: Ints, *, names: Sequence[str], where: str
) -> Regression:
    """Least squares of (N, T) outcomes on k regressors (k, N, T) with unit and period effects.

    With weights that do not vary within units the coefficients are those of `two_way_effects.fit`. CR2 takes
    the variance of a cell as inverse to its weight, as that of a mean of so many rows is.

    Args:
        outcome, design: finite everywhere; what stands in a cell of weight 0 does not matter.
        mass: (N, T) weights, 0 for a cell not in use.
        cluster: (N,) codes 0..G−1 of the pieces that errors take as independent.
        names: (k,) for messages.
        where: the method, for messages.

    Raises:
        DesignError: regressors that the effects or each other explain, by name.
    """
    used = mass > 0
    design = design * used
    net = residuals(np.concatenate([design, outcome[None] * used]), mass)
    X, y = net[:-1], net[-1]
    bread = collinear.inverse(
        np.einsum("knt,lnt,nt->kl", X, X, mass, optimize=True),
        np.sqrt(np.einsum("knt,knt,nt->k", design, design, mass, optimize=True)),
        names,
        where=where,
        flat="Unit and period effects leave nothing to learn it from.",
    )
    coefficients = bread @ np.einsum("knt,nt,nt->k", X, y, mass, optimize=True)
    residual = rounding.settled(y - np.tensordot(coefficients, X, axes=1), outcome * used)
    norm = float(np.sqrt((mass * residual**2).sum()))
    return prepared(coefficients, bread, X, mass * residual, mass, cluster, norm, False)


def functionals(design: Floats, mass: Floats, contrast: Floats) -> Floats:
    """(B, N·T) weights of the outcome in one combination `contrast` (k,) of coefficients, for B designs.

    `design` is (B, k, N, T), `mass` (B, N, T). The sum of weights times outcomes is the
    estimate that `fit` gives. Designs that leave a coefficient open give NaN.
    """
    X = residuals(design, mass)
    heavy = (X * mass[:, None]).reshape(*X.shape[:2], -1)
    gram = heavy @ np.swapaxes(X.reshape(heavy.shape), 1, 2)
    length = np.sqrt(np.maximum(np.einsum("bkk->bk", gram), np.finfo(float).tiny))
    scaled = gram / (length[:, :, None] * length[:, None, :])
    whole = np.sqrt(np.einsum("bknt,bknt,bnt->bk", design, design, mass, optimize=True))
    known = (np.linalg.eigvalsh(scaled)[:, 0] > 1e-10) & (length > 1e-9 * whole).all(axis=1)
    scaled[~known] = np.eye(gram.shape[1])
    right = (contrast / length)[:, :, None]
    share = np.linalg.solve(scaled, right)[:, :, 0] / length
    share[~known] = np.nan
    return np.asarray(np.einsum("bk,bkc->bc", share, heavy))
