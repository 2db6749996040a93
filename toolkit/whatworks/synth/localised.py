"""How far donor weights could have strayed: the fit's programme around its answer, for simulated errors."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from whatworks.arrays import Floats
from whatworks.synth.simplex import minimise, response

CLOSE: Final = 1e-6
"""Share of the largest possible movement by which an answer may exceed the true extreme."""

ROUNDS: Final = 60
_BLOCK: Final = 2**21
_WIDER: Final = 16.0


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    """B programmes: minimise p'y over the simplex, subject to y'Gy ≤ 2g'y; all share one G."""

    gram: Floats
    slope: Floats
    aim: Floats
    begin: Floats


def extremes(
    donors: Floats, weights: Floats, *, least: float, errors: Floats, directions: Floats
) -> tuple[Floats, Floats]:
    """The smallest and largest p'δ over movements δ of the weights that the errors could have brought.

    For each simulated error u over the periods fitted, δ'X'Xδ − 2u'Xδ ≤ 0, the weights so moved sum to one,
    those of at least `least` stay non-negative, and smaller ones, taken to be zero in truth, do not fall.
    Each extreme is a quadratic programme on the simplex for a given price of the quadratic constraint, so
    `simplex.minimise` serves; the price is found by Newton steps between brackets. What is returned is the
    dual value, which is never inside the true extreme.

    Args:
        donors: (K, n) X, donors' outcomes over the periods fitted.
        weights: (n,) donor weights that were found.
        least: the weight from which on a donor counts as truly weighted, at most the largest weight.
        errors: (S, K).
        directions: (M, n) p.

    Returns:
        (S, M) smallest and (S, M) largest.

    Source: Cattaneo, Feng & Titiunik (2021), JASA 116(536), with their simplex constraint.
    """
    kept = np.where(weights >= min(least, float(weights.max())), weights, 0.0)
    share = float(kept.sum())
    centre = kept / share
    apart = share * (donors - (donors @ centre)[:, None])
    aims = share * (directions - (directions @ centre)[:, None])
    slopes = errors @ apart
    count = len(aims)
    gram = apart.T @ apart
    both = np.concatenate([aims, -aims])
    found = np.empty((len(slopes), 2 * count))
    step = max(1, _BLOCK // (2 * count * gram.size))
    for first in range(0, len(slopes), step):
        rows = slopes[first : first + step]
        slope, aim = np.repeat(rows, 2 * count, axis=0), np.tile(both, (len(rows), 1))
        asked = _Asked(gram, slope, aim, np.repeat(centre[None], len(aim), axis=0))
        found[first : first + step] = _smallest(asked).reshape(len(rows), -1)
    return np.minimum(found[:, :count], 0.0), np.maximum(-found[:, count:], 0.0)


def _smallest(asked: _Asked) -> Floats:
    """(B,) minima, to `CLOSE` of the spread of p and never above them."""
    size = len(asked.aim)
    best, tolerance = np.full(size, -np.inf), CLOSE * np.abs(asked.aim).max(axis=1)
    below, above, price = np.zeros(size), np.full(size, np.inf), _first_price(asked)
    begin, open_ = asked.begin.copy(), np.arange(size)
    for _ in range(ROUNDS):
        here = replace(asked, slope=asked.slope[open_], aim=asked.aim[open_], begin=begin[open_])
        root = np.sqrt(price[open_])
        weights, loss, curve = _at_price(here, root)
        value = (here.aim * weights).sum(axis=1)
        best[open_] = np.maximum(best[open_], value + loss / (2 * root))
        begin[open_] = weights
        over = loss > 0
        above[open_[over]], below[open_[~over]] = price[open_[over]], price[open_[~over]]
        price[open_] = _next(price[open_], loss, curve, below[open_], above[open_])
        # a feasible answer bounds the minimum from above, the dual value from below
        reached = ((loss <= 0) & (value - best[open_] <= tolerance[open_])) | (
            np.abs(loss) / (2 * root) <= tolerance[open_]
        )
        pinned = below[open_] >= (1 - 1e-12) * above[open_]
        open_ = open_[~(reached | pinned)]
        if not len(open_):
            break
    return best


def _at_price(asked: _Asked, root: Floats) -> tuple[Floats, Floats, Floats]:
    """Weights at a price, what they leave of y'Gy − 2g'y, and how fast that grows with the price."""
    gram = np.broadcast_to(asked.gram, (len(root), *asked.gram.shape))
    weights = minimise(gram, asked.slope - root[:, None] * asked.aim, start=asked.begin).weights
    loss = ((weights @ asked.gram - 2 * asked.slope) * weights).sum(axis=1)
    moved = response(np.asarray(gram), weights, -asked.aim)
    return weights, np.asarray(loss), np.asarray(-(asked.aim * moved).sum(axis=1))


def _first_price(asked: _Asked) -> Floats:
    """The price were no weight to reach zero and none to enter."""
    gram = np.broadcast_to(asked.gram, (len(asked.aim), *asked.gram.shape))
    pushed = response(gram, asked.begin, asked.slope)
    moved = response(gram, asked.begin, -asked.aim)
    gain, curve = (asked.slope * pushed).sum(axis=1), -(asked.aim * moved).sum(axis=1)
    # one weight alone cannot move: any price serves to begin with
    steepest = np.maximum((asked.aim**2).max(axis=1), 1e-300)
    usual = 1e-4 * float(np.diag(asked.gram).max()) ** 2 / steepest + 1e-300
    known = (gain > 0) & (curve > 0)
    return np.asarray(np.where(known, gain / np.where(known, curve, 1.0), usual))


def _next(price: Floats, loss: Floats, curve: Floats, below: Floats, above: Floats) -> Floats:
    """The next price: on one face the loss is linear in it, so Newton's step is exact there."""
    newton = price - loss / np.where(curve > 0, curve, 1.0)
    inside = (curve > 0) & (newton > below) & (newton < above)
    open_above = np.isinf(above)
    middle = np.where(
        open_above,
        price * _WIDER,
        np.where(below > 0, np.sqrt(below * np.where(open_above, 1.0, above)), price / _WIDER),
    )
    far = open_above & (newton > price * _WIDER**4)
    return np.where(inside & ~far, newton, middle)
