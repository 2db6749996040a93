"""A Poisson regression as the weighted least squares of its last Newton step, row by row."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from whatworks.arrays import Floats, Ints
from whatworks.inference.fits.rows import Rows
from whatworks.inference.uncertainty import Uncertainty

_LINEAR: Final = ("refits without each", "one Newton step without each")


def working_rows(X: Floats, regressors: Floats, weight: Floats, residual: Floats, cluster: Ints) -> Rows:
    """Rows multiplied by the root of their working weight, so that plain least squares gives the fit.

    Errors that build on these rows take the Poisson variance as their working model, as clubSandwich does
    for a glm, and leave a cluster out by one Newton step instead of a refit.

    Args:
        X: (k, N, T) design net of unit and period effects, whose coefficients are estimated.
        regressors: (r, N, T) all regressors net of them, of which X are combinations.
        weight: (N, T) mass times mean, 0 for a cell not in use.
        residual: (N, T) mass times outcome less mean.
        cluster: (N,) codes.

    Source: McCaffrey & Bell (2006), Statistics in Medicine 25(23).
    """
    root = np.sqrt(weight)
    units = np.maximum(weight.sum(axis=1, keepdims=True), np.finfo(float).tiny)
    periods = root[:, :, None] * (np.eye(weight.shape[1]) - (weight / units)[:, None, :])
    return Rows(
        X=X * root,
        residual=np.where(weight > 0, residual / np.where(weight > 0, root, 1.0), 0.0),
        weight=np.ones(len(weight)),
        cluster=np.unique(cluster, return_inverse=True)[1].astype(np.int64),
        observed=weight > 0,
        design=np.concatenate([periods, np.moveaxis(regressors * root, 0, -1)], axis=-1),
    )


def worded(found: Uncertainty) -> Uncertainty:
    """The same with a sentence that says how a cluster was left out."""
    return replace(found, sentence=found.sentence.replace(*_LINEAR))
