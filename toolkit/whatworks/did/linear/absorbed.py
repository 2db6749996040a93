"""Unit effects and effects of classes of cells, by weighted least squares on any set of cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from whatworks.arrays import Bools, Floats, Ints
from whatworks.inference.fits.projection import inverse, parts, ties

Rows = slice | Ints


@dataclass(frozen=True, slots=True, eq=False)
class Absorbed:
    """A unit effect for each of N units and an effect for each of C classes of cells.

    A class holds the cells of one cohort or several in one period, and no unit has two cells in one class.

    Attributes:
        used: (N, T) 1.0 for cells that are fitted, else 0.0.
        weight: (N,) unit weights.
        count: (N,) fitted cells per unit, at least 1.
        rows: S sets of units that share their classes.
        classes: (S, T) class of each of their cells.
        tied: (C,) classes that some unit compares with another class.
        inverse: (C, C) generalised inverse of the weighted cross-products of class indicators net of unit
            effects.
        component: (C,) label of the connected part; effects compare only within one.
    """

    used: Floats
    weight: Floats
    count: Floats
    rows: tuple[Rows, ...]
    classes: Ints
    tied: Bools
    inverse: Floats
    component: Ints

    def centre(self, values: Floats) -> Floats:
        """(N, T) values less the mean of each unit's fitted cells; 0 outside."""
        kept = values * self.used
        kept -= (kept.sum(axis=1) / self.count)[:, None] * self.used
        return kept

    def by_class(self, values: Floats) -> Floats:
        """(C,) sums of (N, T) values over units, by class."""
        out = np.zeros(len(self.component))
        for rows, classes in zip(self.rows, self.classes, strict=True):
            out[classes] += values[rows].sum(axis=0)
        return out

    def spread(self, effects: Floats) -> Floats:
        """(N, T) the effect of each cell's class, from (C,)."""
        if len(self.rows) == 1:
            return np.broadcast_to(effects[self.classes[0]], self.used.shape)
        out = np.empty_like(self.used)
        for rows, classes in zip(self.rows, self.classes, strict=True):
            out[rows] = effects[classes]
        return out

    def class_effects(self, values: Floats) -> Floats:
        """(C,) least-squares class effects of (N, T) values; a level is free in each connected part."""
        return np.asarray(self.inverse @ self.by_class(self.weight[:, None] * self.centre(values)))

    def residual(self, values: Floats, effects: Floats | None = None) -> Floats:
        """(N, T) residuals on fitted cells, 0 outside."""
        found = self.class_effects(values) if effects is None else effects
        return self.centre(values - self.spread(found))

    def beyond(self, values: Floats) -> Floats:
        """(N, T) values less unit and class effects, in every cell, fitted or not."""
        left = values - self.spread(self.class_effects(values))
        left -= ((left * self.used).sum(axis=1) / self.count)[:, None]
        return left

    def reached(self) -> Bools:
        """(N, T) cells whose unit and class effects can be compared."""
        part = np.full(self.used.shape[0], -1)
        out = np.zeros(self.used.shape, dtype=bool)
        fitted = np.asarray(self.used.any(axis=1))
        for rows, classes in zip(self.rows, self.classes, strict=True):
            first = self.used[rows].argmax(axis=1)
            part[rows] = self.component[classes[first]]
            out[rows] = np.equal.outer(part[rows], self.component[classes])
        return out & fitted[:, None]


def absorb(used: Bools, weight: Floats, groups: Ints | None = None, classes: Ints | None = None) -> Absorbed:
    """Prepare the fit of unit and class effects.

    Args:
        used: (N, T) cells to fit.
        weight: (N,) unit weights.
        groups: (N,) codes 0..S−1 of units that share their classes; one group without.
        classes: (S, T) class codes 0..C−1; the periods without.

    Source: the within transformation, Wooldridge (2010), Econometric Analysis, section 10.5; unit effects are
    swept out exactly, so that a system of the size of the classes remains.
    """
    t = used.shape[1]
    mask = used.astype(np.float64)
    count = np.maximum(mask.sum(axis=1), 1.0)
    labels = np.arange(t, dtype=np.int64)[None] if classes is None else classes
    rows: tuple[Rows, ...] = (slice(None),)
    if groups is not None and len(labels) > 1:
        rows = tuple(np.flatnonzero(groups == s) for s in range(len(labels)))
    mass = mask * weight[:, None]
    tie = np.zeros((int(labels.max()) + 1,) * 2)
    for part, own in zip(rows, labels, strict=True):
        tie[np.ix_(own, own)] += ties(mass[part])
    return Absorbed(mask, weight, count, rows, labels, tie.sum(axis=1) > 0, inverse(tie), parts(tie))
