"""The weights of several treated units at once: one quadratic programme over a product of simplices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from whatworks.arrays import Bools, Floats
from whatworks.errors import EstimationError
from whatworks.synth.simplex import minimise

WHERE: Final = "synth.staggered"

STIFFNESS: Final = (64.0, 4.0, 0.5)
"""Weights of the penalty on block sums, in units of the largest curvature; the next where one fails."""

GAP: Final = 1e-10
"""A programme is solved when its objective is certain to be within this of its minimum ..."""

PRECISION: Final = 1e-12
"""... or within this share of its largest curvature, where rounding allows no better."""

ROUNDS: Final = 80

WIDENING: Final = 4
"""How many weights of each block join those in use each time the programme is widened."""


@dataclass(frozen=True, slots=True, eq=False)
class Blocks:
    """B solved programmes over J simplices each.

    Attributes:
        weights: (B, J, n), each row non-negative and summing to one.
        objective: (B,) ½w'Gw.
        gap: (B,) how far the objective can be above its minimum (Frank–Wolfe gap on the product).
    """

    weights: Floats
    objective: Floats
    gap: Floats


def over_blocks(gram: Floats, allowed: Bools, start: Floats) -> Blocks:
    """Minimise ½w'Gw over w = (w₁, …, w_J), each w_j non-negative and summing to one, for B programmes.

    A product of J simplices is not one simplex. But w/J lies on the simplex of all J·n weights and meets J
    equality constraints, that each block sums to 1/J. Those are brought in by the method of multipliers
    (Hestenes 1969; Nocedal & Wright 2006, section 17.3): each round is a programme on one simplex, solved by
    `simplex.minimise` from the weights of the round before. Most weights end at zero, so at first only the
    likeliest few of each block take part; more come in until the duality gap of the whole programme, on the
    product of simplices, is closed.

    Args:
        gram: (B, J, n, J, n) symmetric, positive semi-definite.
        allowed: (B, J, n) weights that may differ from zero.
        start: (B, J, n) feasible weights to begin from; among several optima one near them is found.

    Raises:
        EstimationError: a programme that does not come within the stated gap of its minimum.
    """
    scale = np.einsum("bjiji->bji", gram).max(axis=(1, 2))
    tolerance = np.maximum(GAP, PRECISION * scale)
    weights, gap = start.copy(), _gap(gram, start, allowed)
    open_ = np.flatnonzero(gap > tolerance)
    for stiffness in STIFFNESS:
        width = 0
        while len(open_) and width < start.shape[2]:
            width = min(start.shape[2], max(width, int((weights[open_] > 0).sum(axis=2).max())) + WIDENING)
            some = gram[open_], allowed[open_], weights[open_]
            weights[open_] = _likeliest(*some, width, stiffness * scale[open_], tolerance[open_] / 2)
            gap[open_] = _gap(gram[open_], weights[open_], allowed[open_])
            open_ = open_[gap[open_] > tolerance[open_]]
    if len(open_):
        raise EstimationError(
            f"{len(open_)} of {len(start)} problems of joint weights did not converge (gap {gap.max():.1e})",
            where=WHERE,
            remedy="Levels that lie far apart make this happen: use intercept=True, or pooling=0.",
        )
    return Blocks(weights, 0.5 * np.einsum("bji,bji->b", _slope(gram, weights), weights), gap)


def _likeliest(
    gram: Floats, allowed: Bools, weights: Floats, width: int, stiff: Floats, tolerance: Floats
) -> Floats:
    """The minimum over `width` weights a block: those in use, and those that would lower it fastest."""
    key = np.where(weights > 0, -np.inf, np.where(allowed, _slope(gram, weights), np.inf))
    index = np.argsort(key, axis=2, kind="stable")[:, :, :width]
    b, j = np.arange(len(index))[:, None, None, None, None], np.arange(index.shape[1])
    part = gram[b, j[:, None, None, None], index[:, :, :, None, None], j[:, None], index[:, None, None]]
    found = _multipliers(
        part,
        np.take_along_axis(allowed, index, axis=2),
        np.take_along_axis(weights, index, axis=2),
        stiff,
        tolerance,
    )
    answer = np.zeros_like(weights)
    np.put_along_axis(answer, index, found, axis=2)
    return answer


def _multipliers(gram: Floats, allowed: Bools, start: Floats, stiff: Floats, tolerance: Floats) -> Floats:
    """The best weights that the method of multipliers finds within its rounds."""
    weights, gap = start.copy(), _gap(gram, start, allowed)
    price = -np.einsum("bji,bji->bj", _slope(gram, start), start)
    z, open_ = start / start.shape[1], np.flatnonzero(gap > tolerance)
    for _ in range(ROUNDS):
        if not len(open_):
            break
        some = gram[open_], allowed[open_], z[open_]
        try:
            z[open_], price[open_] = _round(*some, price[open_], stiff[open_])
        except EstimationError:
            # a stiff penalty can leave the solver of one simplex too few digits; a softer one is tried next
            break
        totals = z[open_].sum(axis=2, keepdims=True)
        found = np.where(totals > 0, z[open_] / np.where(totals > 0, totals, 1.0), weights[open_])
        certain = _gap(gram[open_], found, allowed[open_])
        better = certain < gap[open_]
        weights[open_[better]], gap[open_[better]] = found[better], certain[better]
        open_ = open_[gap[open_] > tolerance[open_]]
    return weights


def _round(gram: Floats, allowed: Bools, z: Floats, price: Floats, stiff: Floats) -> tuple[Floats, Floats]:
    """One round: z on one simplex that minimises ½w'Gw + p'h + ½s‖h‖², w = Jz, h = block sums − 1; new p."""
    count, slots, size = z.shape
    square = gram.copy()
    for j in range(slots):
        square[:, j, :, j, :] += stiff[:, None, None]
    linear = np.repeat((stiff[:, None] - price) / slots, size, axis=1)
    found = minimise(
        square.reshape(count, slots * size, slots * size),
        linear,
        allowed=allowed.reshape(count, -1),
        start=z.reshape(count, -1),
    ).weights.reshape(z.shape)
    over = slots * found.sum(axis=2) - 1.0
    return found, price + stiff[:, None] * over


def _slope(gram: Floats, weights: Floats) -> Floats:
    count, slots, size = weights.shape
    flat = np.matmul(gram.reshape(count, slots * size, -1), weights.reshape(count, -1, 1))
    return np.asarray(flat.reshape(weights.shape))


def _gap(gram: Floats, weights: Floats, allowed: Bools) -> Floats:
    slope = _slope(gram, weights)
    best = np.where(allowed, slope, np.inf).min(axis=2)
    return np.asarray(((slope * weights).sum(axis=2) - best).sum(axis=1))
