"""Many quadratic programmes over the simplex at once, solved exactly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from whatworks.arrays import Bools, Floats, Ints
from whatworks.errors import EstimationError

WHERE: Final = "synth.simplex"

PROXIMAL: Final = 1e-9
"""Curvature lent to flat directions, as a share of the largest; each round takes it back."""

GAP: Final = 1e-13
"""A programme is solved when no change of weights could lower it by more than this share of its scale."""

ROUNDED: Final = 1e-10
"""What is accepted after `PATIENT` rounds, where rounding keeps the gap from closing further."""

PATIENT: Final = 10
ROUNDS: Final = 60
_FLAT: Final = 1e-8


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """B solved programmes.

    Attributes:
        weights: (B, n) non-negative, summing to one, exactly zero off the support.
        objective: (B,) ½w'Gw − c'w.
        gap: (B,) how far the objective can be above its minimum (Frank–Wolfe duality gap).
    """

    weights: Floats
    objective: Floats
    gap: Floats


def minimise(
    gram: Floats, linear: Floats, *, allowed: Bools | None = None, start: Floats | None = None
) -> Solution:
    """Minimise ½w'Gw − c'w over weights that are non-negative and sum to one, for B programmes.

    An active-set method (Wolfe 1976 for the nearest point of a polytope; Nocedal & Wright 2006, section 16.5)
    inside proximal-point rounds, so that flat directions (more donors than periods, twin donors) need no
    care: among several optima the one reached depends continuously on nothing but the input.

    Args:
        gram: (B, n, n) symmetric, positive semi-definite.
        linear: (B, n).
        allowed: (B, n) weights that may differ from zero; all by default.
        start: (B, n) weights to begin from, such as those of a programme nearby; they save time only.

    Raises:
        EstimationError: numbers that are not finite, a programme without an allowed weight, or one that does
            not come within the stated gap of its minimum.
    """
    gram, linear, allowed = _checked(gram, linear, allowed)
    scale = _scale(gram, linear)
    gram, linear = gram / scale[:, None, None], linear / scale[:, None]
    weights = _best_vertex(gram, linear, allowed) if start is None else np.where(allowed, start, 0.0)
    open_, gap = np.arange(len(gram)), np.full(len(gram), np.inf)
    for done in range(ROUNDS):
        weights[open_] = _round(gram[open_], linear[open_], allowed[open_], weights[open_])
        gap[open_] = _gap(gram[open_], linear[open_], allowed[open_], weights[open_])
        open_ = open_[gap[open_] > (GAP if done < PATIENT else ROUNDED)]
        if not len(open_):
            break
    if len(open_):
        raise EstimationError(
            f"{len(open_)} of {len(gram)} weight problems did not converge (gap {gap.max():.1e} of scale)",
            where=WHERE,
            remedy="Outcomes or predictors of very different size make this happen: rescale them.",
        )
    objective = 0.5 * np.einsum("bi,bij,bj->b", weights, gram, weights) - (linear * weights).sum(axis=1)
    return Solution(weights, objective * scale, gap * scale)


def nearest(
    donors: Floats, target: Floats, *, ridge: Floats | float = 0.0, allowed: Bools | None = None
) -> Solution:
    """The point of each convex hull that lies nearest to its target: minimise ½‖x − Xw‖² + ½ζ‖w‖².

    Args:
        donors: (B, K, n), or (K, n) shared by all.
        target: (B, K).
        ridge: ζ, one number, (B,), or (B, n) with one for each weight: ½Σζⱼwⱼ².
        allowed: (B, n) donors that may be used.

    Raises:
        EstimationError: as `minimise`.
    """
    apart = donors - target[:, :, None]
    gram = np.matmul(apart.transpose(0, 2, 1), apart)
    size = np.asarray(ridge, dtype=np.float64)
    each = np.broadcast_to(size[..., None] if size.ndim < 2 else size, gram.shape[:2])
    gram = gram + each[:, :, None] * np.eye(gram.shape[1])
    return minimise(gram, np.zeros(gram.shape[:2]), allowed=allowed)


def response(gram: Floats, weights: Floats, slope: Floats) -> Floats:
    """(B, n) u with G u = slope on the support up to a constant, u summing to zero, zero off the support.

    How far the weights of a solved programme move when their slope changes, as long as the support stays.
    """
    scale = _scale(gram, slope)[:, None]
    moved, _ = _on_support(
        gram / scale[:, :, None] + PROXIMAL * np.eye(gram.shape[1]), slope / scale, weights > 0, total=0.0
    )
    return moved


def unique(gram: Floats, linear: Floats, weights: Floats, *, allowed: Bools | None = None) -> Bools:
    """(B,) whether the optimum is the only one.

    It is when no direction that keeps the sum, moves only weights whose reduced cost is zero, and has no
    curvature exists. A False may rarely be too cautious (such a direction may leave the simplex at once).
    """
    gram, linear, allowed = _checked(gram, linear, allowed)
    scale = _scale(gram, linear)
    slope = np.einsum("bij,bj->bi", gram, weights) - linear
    slope[~allowed] = np.inf
    answer = np.empty(len(gram), dtype=bool)
    for b in range(len(gram)):
        tied = np.flatnonzero(slope[b] - slope[b].min() <= _FLAT * scale[b])
        keep = np.eye(len(tied))[:, 1:] - np.eye(len(tied))[:, :1]
        inner = keep.T @ gram[b][np.ix_(tied, tied)] @ keep
        answer[b] = len(tied) == 1 or np.linalg.eigvalsh(inner)[0] > _FLAT * scale[b]
    return answer


def _checked(gram: Floats, linear: Floats, allowed: Bools | None) -> tuple[Floats, Floats, Bools]:
    gram, linear = np.asarray(gram, dtype=np.float64), np.asarray(linear, dtype=np.float64)
    free = np.ones(linear.shape, dtype=bool) if allowed is None else np.broadcast_to(allowed, linear.shape)
    if not np.isfinite(gram).all() or not np.isfinite(linear).all():
        raise EstimationError(
            "a weight problem holds numbers that are not finite",
            where=WHERE,
            remedy="Look for overflow or missing values in the outcome and the predictors.",
        )
    if not free.any(axis=1).all():
        raise EstimationError(
            "a weight problem has no donor left",
            where=WHERE,
            remedy="Keep at least one donor for every unit that is to be matched.",
        )
    return gram, linear, free


def _scale(gram: Floats, linear: Floats) -> Floats:
    """(B,) the size of a programme: its largest curvature or slope, or one where all is zero."""
    size = np.maximum(np.abs(np.einsum("bii->bi", gram)).max(axis=1), np.abs(linear).max(axis=1))
    return np.where(size > 0, size, 1.0)


def _best_vertex(gram: Floats, linear: Floats, allowed: Bools) -> Floats:
    cost = np.where(allowed, 0.5 * np.einsum("bii->bi", gram) - linear, np.inf)
    weights = np.zeros_like(linear)
    weights[np.arange(len(cost)), cost.argmin(axis=1)] = 1.0
    return weights


def _gap(gram: Floats, linear: Floats, allowed: Bools, weights: Floats) -> Floats:
    slope = np.einsum("bij,bj->bi", gram, weights) - linear
    return np.asarray((slope * weights).sum(axis=1) - np.where(allowed, slope, np.inf).min(axis=1))


def _round(gram: Floats, linear: Floats, allowed: Bools, weights: Floats) -> Floats:
    """One proximal-point round: the programme plus ½ε‖w − w₀‖², solved by active sets."""
    count, size = linear.shape
    gram = gram + PROXIMAL * np.eye(size)
    linear = linear + PROXIMAL * weights
    weights, support = weights.copy(), weights > 0
    running = np.arange(count)
    for _ in range(20 * size + 100):
        held = support[running]
        found, level = _on_support(gram[running], linear[running], held)
        inside = np.asarray(~((found <= 0) & held).any(axis=1))
        weights[running], support[running] = _advance(weights[running], found, held, inside)
        entering, gain = _steepest(gram[running], linear[running], allowed[running], found, level, held)
        grow = inside & (gain > GAP / 10)
        support[running[grow], entering[grow]] = True
        running = running[~inside | grow]
        if not len(running):
            break
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def _on_support(gram: Floats, linear: Floats, held: Bools, total: float = 1.0) -> tuple[Floats, Floats]:
    """Minimum over weights on the support that sum to `total`: (B, n), and the common slope (B,) there."""
    width = int(held.sum(axis=1).max())
    index = np.argsort(~held, axis=1, kind="stable")[:, :width]
    real = np.take_along_axis(held, index, axis=1)
    rows = np.arange(len(held))[:, None]
    system = np.zeros((len(held), width + 1, width + 1))
    pair = real[:, :, None] & real[:, None, :]
    system[:, :width, :width] = np.where(
        pair, gram[rows[:, :, None], index[:, :, None], index[:, None, :]], 0.0
    )
    system[:, np.arange(width), np.arange(width)] += ~real
    system[:, :width, width] = system[:, width, :width] = real
    right = np.full((len(held), width + 1), total)
    right[:, :width] = np.where(real, linear[rows, index], 0.0)
    solved = np.linalg.solve(system, right[:, :, None])[:, :, 0]
    found = np.zeros_like(linear)
    np.put_along_axis(found, index, np.where(real, solved[:, :width], 0.0), axis=1)
    return found, np.asarray(-solved[:, width])


def _advance(weights: Floats, found: Floats, held: Bools, inside: Bools) -> tuple[Floats, Bools]:
    """Go to the minimum on the support where it is feasible, else as far as the first weight to vanish."""
    falling = held & (found <= 0)
    drop = np.where(falling, weights - found, 1.0)
    reach = np.where(falling, weights / np.where(drop > 0, drop, 1.0), np.inf)
    step = np.where(inside, 1.0, reach.min(axis=1))[:, None]
    moved = np.where(inside[:, None], found, weights + step * (found - weights))
    gone = falling & (reach <= step) & ~inside[:, None]
    return np.where(gone, 0.0, np.maximum(moved, 0.0)), held & ~gone


def _steepest(
    gram: Floats, linear: Floats, allowed: Bools, found: Floats, level: Floats, held: Bools
) -> tuple[Ints, Floats]:
    """The allowed weight off the support whose growth lowers the objective fastest, and how fast."""
    slope = np.einsum("bij,bj->bi", gram, found) - linear
    slope = np.where(allowed & ~held, slope, np.inf)
    entering = slope.argmin(axis=1)
    return entering, level - slope[np.arange(len(slope)), entering]
