"""Unit and period effects taken out under cell weights: gaps, many columns and many panels at once."""

from __future__ import annotations

from math import prod

import numpy as np

from whatworks.arrays import Bools, Floats, Ints

_LOOSE = 1e-14
"""A tie below this share of what either period has is none: rounding is as large."""
_WEAK = 1e-6
"""A tie below this share of the heaviest period costs digits, which a second pass brings back."""


def residuals(values: Floats, mass: Floats | Bools) -> Floats:
    """What unit and period effects leave of every column, by least squares under cell weights.

    Args:
        values: (*batch, *columns, N, T); what stands in a cell of weight 0 does not matter.
        mass: (*batch, N, T) weights, 0 for a cell not in use, or (*batch, N, 1) weights of units without
            gaps. All columns of a batch share its weights.

    Returns:
        (*batch, *columns, N, T), 0 in cells not in use.

    Source: as `effects`.
    """
    stack, mass = _prepared(values, mass)
    left = _swept(stack, mass)[0]
    used = mass > 0
    if not used.all():
        left *= used[..., None, :, :]
    return np.asarray(left.reshape(values.shape))


def effects(values: Floats, mass: Floats | Bools) -> tuple[Floats, Floats]:
    """Unit (*batch, *columns, N) and period effects (*batch, *columns, T) of what `residuals` takes.

    Only the sum of the two means something, and only where a chain of cells in use leads from the unit to
    the period: in every connected part of the panel one level is free.

    Without gaps and with weights of units they are Ȳ_i and Ȳ_t − Ȳ, means over units weighted. Else the
    larger set of effects is swept out and the normal equations of the smaller are solved: a matrix min(N, T)
    squared for each panel of the batch. Where one light cell alone tells the levels of two parts apart, its
    own residual loses as many digits as it is lighter than the rest; no other does.

    Source: Wooldridge (2010), Econometric Analysis, section 10.5, for the within transformation; the normal
    equations are a graph Laplacian (Jochmans & Weidner 2019, Econometrica 87(5)), singular in one direction
    for each connected part.
    """
    stack, mass = _prepared(values, mass)
    _, unit, period = _swept(stack, mass)
    n, t = values.shape[-2:]
    return unit.reshape(*values.shape[:-2], n), period.reshape(*values.shape[:-2], t)


def effects_of_sums(by_unit: Floats, by_period: Floats, mass: Floats) -> tuple[Floats, Floats]:
    """Effects (*batch, k, N) and (*batch, k, T) whose sums under (*batch, N, T) weights are these.

    The normal equations for a right side that need not come from cells in use.
    """
    return _solved(by_unit, by_period, mass)[:2]


def _prepared(values: Floats, mass: Floats | Bools) -> tuple[Floats, Floats]:
    """Columns (*batch, k, N, T), 0 in cells not in use, and the weights as numbers."""
    batch = mass.shape[:-2]
    columns = values.shape[len(batch) : -2]
    stack = values.reshape(*batch, prod(columns), *values.shape[-2:])
    used = mass > 0
    if not used.all():
        stack = np.where(used[..., None, :, :], stack, 0.0)
    return stack, mass.astype(np.float64, copy=False)


def _swept(stack: Floats, mass: Floats) -> tuple[Floats, Floats, Floats]:
    """Columns (*batch, k, N, T) less their effects, in every cell, and the effects of units and periods."""
    # means of units go first, so that large levels cost no digits
    unit = _unit_means(stack, mass)
    left = stack - unit[..., None]
    period = np.zeros((*stack.shape[:-2], stack.shape[-1]))
    for _ in range(2):
        rows, columns, exact = _fitted(left, mass)
        left -= rows[..., None]
        left -= columns[..., None, :]
        unit, period = unit + rows, period + columns
        if exact:
            break
    return left, unit, period


def _unit_means(stack: Floats, mass: Floats) -> Floats:
    """(*batch, k, N) means of the cells of each unit, 0 where it has none."""
    if mass.shape[-1] == 1:
        return np.asarray(stack.mean(axis=-1))
    return np.asarray(np.einsum("...knt,...nt->...kn", stack, mass) / _total(mass)[..., None, :])


def _fitted(stack: Floats, mass: Floats) -> tuple[Floats, Floats, bool]:
    """Effects of columns (*batch, k, N, T) net of unit means, and whether one pass will do."""
    if mass.shape[-1] == 1:
        share = mass / _positive(mass.sum(axis=-2, keepdims=True))
        # means of units are 0 here but for rounding
        return stack.mean(axis=-1), np.einsum("...nt,...kns->...ks", share, stack), True
    by_unit = np.einsum("...knt,...nt->...kn", stack, mass)
    return _solved(by_unit, np.einsum("...knt,...nt->...kt", stack, mass), mass)


def _solved(by_unit: Floats, by_period: Floats, mass: Floats) -> tuple[Floats, Floats, bool]:
    """Effects with these weighted sums, and whether they are good to the last digits."""
    across = np.swapaxes(mass, -2, -1)
    if mass.shape[-2] < mass.shape[-1]:
        period, unit, exact = _solved(by_period, by_unit, across)
        return unit, period, exact
    total = _total(mass)
    own = by_unit / total[..., None, :]
    tie = ties(mass)
    whole, scale = _whole(tie)
    right = (by_period - own @ mass) / scale[..., None, :]
    period = np.swapaxes(np.linalg.solve(whole, np.swapaxes(right, -2, -1)), -2, -1) / scale[..., None, :]
    weakest = np.min(tie, where=tie > 0, initial=np.inf)
    exact = bool(weakest >= _WEAK * _total(across).max())
    return own - period @ across / total[..., None, :], period, exact


def _total(mass: Floats) -> Floats:
    """(..., N) weight of the cells of each unit, 1 where it has none."""
    return _positive(mass @ np.ones(mass.shape[-1]))


def ties(mass: Floats) -> Floats:
    """(..., T, T) how units tie periods to each other, Σ_i m_it·m_is / m_i of (..., N, T) weights; 0 on the
    diagonal.

    The normal equations of the period effects net of unit effects are their Laplacian: minus the ties off
    the diagonal and their sums on it, which as sums lose no digits however far weights lie apart.
    """
    tie = np.swapaxes(mass, -2, -1) @ (mass / _total(mass)[..., None])
    every = np.arange(mass.shape[-1])
    tie[..., every, every] = 0.0
    return np.asarray(tie)


def laplacian(tie: Floats) -> Floats:
    """(..., T, T) normal equations of the period effects, from their ties."""
    return np.asarray(tie.sum(axis=-1)[..., None] * np.eye(tie.shape[-1]) - tie)


def parts(tie: Floats) -> Ints:
    """(..., T) label of the connected part of each period, the first period of it, from ties (..., T, T)."""
    own = tie.sum(axis=-1)
    if (tie[..., 0, 1:] > _LOOSE * np.minimum(own[..., :1], own[..., 1:])).all():
        return np.zeros(own.shape, dtype=np.int64)
    linked = tie > _LOOSE * np.minimum(own[..., :, None], own[..., None, :])
    every = np.arange(tie.shape[-1])
    linked[..., every, every] = True
    label = np.broadcast_to(every, own.shape)
    while True:
        least = np.where(linked, label[..., None, :], len(every)).min(axis=-1)
        least = np.take_along_axis(least, least, axis=-1)
        if (least == label).all():
            return np.asarray(least)
        label = least


def inverse(tie: Floats) -> Floats:
    """(T, T) generalised inverse of the normal equations; effects are 0 on average in every connected part,
    periods weighted by the sums of their ties."""
    whole, scale = _whole(tie)
    label = parts(tie)
    same = (label[:, None] == label[None, :]).astype(np.float64)
    return np.asarray(np.linalg.inv(whole) / np.outer(scale, scale) - same / (same @ scale**2))


def root(mass: Floats) -> Floats:
    """(T, T) matrix R for weights (N, T): R·R′ inverts the normal equations of the period effects, for sums
    that vanish in every unit."""
    whole, scale = _whole(ties(mass))
    size, vectors = np.linalg.eigh(whole)
    kept = size > _LOOSE
    return np.asarray(vectors[:, kept] / np.sqrt(size[kept]) / scale[:, None])


def _whole(tie: Floats) -> tuple[Floats, Floats]:
    """Normal equations (..., T, T) scaled to a diagonal near 1, the free level of every part filled in, and
    the scale (..., T) of each period."""
    own = tie.sum(axis=-1)
    scale = np.sqrt(_positive(own))
    whole = tie / -scale[..., :, None]
    whole /= scale[..., None, :]
    label = parts(tie)
    if label.any():
        same = label[..., :, None] == label[..., None, :]
        level = scale / np.sqrt((same @ (scale**2)[..., None])[..., 0])
        whole += same * level[..., :, None] * level[..., None, :]
    else:
        level = scale / np.sqrt((scale**2).sum(axis=-1, keepdims=True))
        whole += level[..., :, None] * level[..., None, :]
    every = np.arange(tie.shape[-1])
    whole[..., every, every] += own > 0
    return whole, scale


def _positive(values: Floats) -> Floats:
    """Zeros, which belong to units and periods without a cell in use, as ones."""
    return np.where(values > 0, values, 1.0)
