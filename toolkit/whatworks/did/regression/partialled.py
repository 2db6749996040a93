"""Outcomes and treatment freed of unit and period effects and of covariates (Frisch–Waugh)."""

from __future__ import annotations

import numpy as np

from whatworks.arrays import Floats
from whatworks.inference.fits.two_way_effects import demean_two_way
from whatworks.panel import Panel


def partialled(panel: Panel, values: Floats) -> tuple[Floats, Floats]:
    """(..., N, T) values net of both effects and of the panel's covariates, and those covariates (k, N, T)
    net of the effects and orthonormal under unit weights. No cell is missing.
    """
    weight = panel.unit_weight
    Z = _orthonormal(demean_two_way(panel.covariates, panel.weight), weight)
    net = demean_two_way(values, panel.weight)
    if len(Z):
        slopes = np.einsum("knt,...nt,n->...k", Z, net, weight, optimize=True)
        net = net - np.tensordot(slopes, Z, axes=1)
    return net, Z


def _orthonormal(Z: Floats, weight: Floats) -> Floats:
    """Covariates (k, N, T) made orthonormal under unit weights."""
    if not len(Z):
        return Z
    root = np.sqrt(weight)[:, None]
    left, values, _ = np.linalg.svd((Z * root).reshape(len(Z), -1).T, full_matrices=False)
    kept = left[:, values > 1e-10 * values[0]]
    return np.asarray(kept.T.reshape(-1, *Z.shape[1:]) / root)
