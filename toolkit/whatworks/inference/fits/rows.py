"""The rows of a regression on a panel, for errors that need more than sums within clusters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from whatworks.arrays import Bools, Floats, Ints
from whatworks.inference.fits.projection import laplacian, ties


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Residualised rows of a regression with period effects, on N units and T periods.

    Attributes:
        X: (k, N, T) design residualised on the absorbed effects; 0 where not observed.
        residual: (N, T) residuals; 0 where not observed.
        weight: (N,) unit weights.
        cluster: (N,) cluster codes 0..G−1.
        observed: (N, T) cells that exist.
        unit_effects: whether unit effects were absorbed beside period effects.
        design: (N, T, r) columns that span every effect not nested in clusters, X among them, net of the
            nested ones; None where those are the periods and X themselves.
    """

    X: Floats
    residual: Floats
    weight: Floats
    cluster: Ints
    observed: Bools
    unit_effects: bool = True
    design: Floats | None = None

    def members(self) -> list[Ints]:
        """The units of each cluster."""
        order = np.argsort(self.cluster, kind="stable")
        return np.split(order, np.flatnonzero(np.diff(self.cluster[order])) + 1)

    def influence(self, combination: Floats) -> Floats:
        """(N, T) of one combination Σ aₖXₖ·û·w; with a = bread·c these sum to zero and their squares to
        a variance of c′β."""
        return np.asarray(np.tensordot(combination, self.X, axes=1) * self.residual * self.weight[:, None])


def by_cluster(values: Floats, codes: Ints | None, n_clusters: int | None = None) -> Floats:
    """Sums of (n, ...) values within clusters, (G, ...); without clusters the values as they are.

    Codes are 0..G−1. Where some of them may be missing, `n_clusters` is G: their sums are 0.
    """
    if codes is None:
        return values
    order = np.argsort(codes, kind="stable")
    present, first = np.unique(codes[order], return_index=True)
    sums = np.add.reduceat(values[order], first, axis=0)
    if n_clusters is None or len(sums) == n_clusters:
        return np.asarray(sums)
    every = np.zeros((n_clusters, *sums.shape[1:]))
    every[present] = sums
    return every


def period_gram(weight: Floats, observed: Bools, *, unit_effects: bool = True) -> Floats:
    """(T, T) weighted normal equations of period effects, net of unit effects; gaps permitted."""
    mass = weight[:, None] * observed
    return laplacian(ties(mass)) if unit_effects else np.diag(mass.sum(axis=0))


def period_dummies(observed: Bools, *, unit_effects: bool = True) -> Floats:
    """(n, T, T) period dummies of each unit's rows, net of unit effects, 0 in rows not observed."""
    m = observed.astype(np.float64)
    dummies = m[:, :, None] * np.eye(m.shape[1])
    if unit_effects:
        dummies -= m[:, :, None] * (m / np.maximum(m.sum(axis=1, keepdims=True), 1))[:, None, :]
    return np.asarray(dummies)
