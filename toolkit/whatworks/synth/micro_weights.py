"""Calibration weights: non-negative, as near to equal as the balance asked for permits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from whatworks.arrays import Bools, Floats, Ints
from whatworks.errors import EstimationError

WHERE: Final = "synth.micro"

HELD: Final = 1e-10
"""A constraint holds when it is missed by no more than this share of its standard deviation over areas."""

_EXACT: Final = 1e-13
_NEARLY: Final = 1e-7
_HARD: Final = 1e4
_FACE: Final = 1e-7
_OUTER: Final = 80
_PATIENCE: Final = 3
_INNER: Final = 200
_DAMPING: Final = (1e-5, 1e-7)


@dataclass(frozen=True, slots=True, eq=False)
class Calibrated:
    """Weights and what they leave of the constraints.

    Attributes:
        weights: (n,) non-negative, summing to one, exactly zero where the bound holds.
        missed: (m,) target less weighted mean; zero (to rounding) where the constraint holds.
    """

    weights: Floats
    missed: Floats


def calibrate(features: Floats, target: Floats, priority: Ints) -> Calibrated:
    """The non-negative weights nearest to equal ones with weighted means of the features on their targets.

    Minimises Σ(w − 1/n)² subject to w ≥ 0, Σw = 1 and features'w = target. Where no weights can meet all
    targets, those first in priority are met or missed by the least sum of squares, then those second without
    giving up any of the first, and so on; among all weights that do so the ones nearest to equal are taken,
    so the answer is unique.

    Solved in the dual, whose size is the number of constraints: a semismooth Newton method on
    w = max(0, 1/n + features·λ) inside proximal-point rounds (the augmented Lagrangian), which find the least
    shift of the targets by themselves where these cannot be met. `synth.simplex` is not used because its
    active sets grow one weight at a time and know no constraint but the sum: with thousands of areas a few
    Newton steps of the dual replace hundreds of exchanges.

    Args:
        features: (n, m), each column on the scale in which its misses count.
        target: (m,).
        priority: (m,) whole numbers; the smallest come first.

    Raises:
        EstimationError: numbers that are not finite, or weights that do not settle.

    Source: distance and estimator, Deville & Särndal (1992), JASA 87(418), case 1, bounded below as in their
    case 7; Newton's method, Qi & Sun (2006), SIAM Journal on Matrix Analysis 28(2), section 3; infeasible
    targets, Chiche & Gilbert (2016), Journal of Convex Analysis 23(2), theorem 3.4.
    """
    if not (np.isfinite(features).all() and np.isfinite(target).all()):
        raise EstimationError("constraints hold numbers that are not finite", where=WHERE)
    table = np.column_stack([np.ones(len(features)), features])
    aim, level = np.append(1.0, target), np.append(int(priority.min(initial=0)) - 1, priority)
    solved = _project(table, aim, np.ones(len(table), dtype=bool))
    if solved is None:
        solved = _by_priority(table, aim, level)
    weights = solved / solved.sum()
    missed = np.asarray(target - weights @ features)
    missed[np.abs(missed) <= HELD] = 0.0
    return Calibrated(weights, missed)


def _by_priority(table: Floats, aim: Floats, level: Ints) -> Floats:
    """(n,) weights in units of the equal one, priority after priority, each kept as it was reached."""
    reached, allowed = aim.copy(), np.ones(len(table), dtype=bool)
    solved = np.ones(len(table))
    for now in np.unique(level).tolist():
        rows, mine = level <= now, level == now
        found = _project(table[:, rows], reached[rows], allowed)
        if found is None:
            reached[mine], allowed = _least(table, reached, level < now, mine, allowed)
            found = _project(table[:, rows], reached[rows], allowed, enough=_NEARLY)
        if found is None:
            raise EstimationError(
                "the calibration weights did not settle",
                where=WHERE,
                remedy="Match on fewer periods at a time (together=), or leave out covariates that are "
                "nearly sums of others.",
            )
        solved = found
    return solved


def _least(table: Floats, aim: Floats, hard: Bools, soft: Bools, allowed: Bools) -> tuple[Floats, Bools]:
    """What the soft targets come to at best with the hard ones held, and which areas may then carry weight.

    An area whose weight would only move the soft targets further off has none in any of the best solutions.
    """
    from scipy.optimize import nnls

    use = np.flatnonzero(allowed)
    scale = np.where(hard, _HARD, 1.0)[hard | soft]
    part = table[use][:, hard | soft] / len(table)
    goal = aim[hard | soft]
    found = nnls((part * scale).T, goal * scale, maxiter=100 * part.shape[1] + 1000)[0]
    left = goal - found @ part
    held = np.flatnonzero(found > 0)
    moved = _reach(part[held], left, hard[hard | soft])
    rows = hard[hard | soft]
    price = np.where(rows, left * scale**2, left - moved)
    price[rows] -= np.linalg.lstsq(part[held][:, rows], part[held] @ price, rcond=1e-9)[0]
    size = np.abs(part).max(axis=1) * np.abs(price).max()
    face = allowed.copy()
    face[use] = (part @ price >= -_FACE * size) | (found > 0)
    return np.asarray((found @ part + moved)[~rows]), face


def _reach(part: Floats, left: Floats, hard: Bools) -> Floats:
    """The change of the constraints, possible with these areas, that holds the hard and betters the soft."""
    values, vectors = np.linalg.eigh(part.T @ part)
    basis = vectors[:, values > 1e-14 * values.max(initial=0.0)]
    first = np.linalg.lstsq(basis[hard], left[hard], rcond=1e-9)[0]
    _, singular, right = np.linalg.svd(basis[hard])
    free = right[int((singular > 1e-9 * singular.max(initial=0.0)).sum()) :].T
    rest = left[~hard] - basis[~hard] @ first
    second = np.linalg.lstsq(basis[~hard] @ free, rest, rcond=1e-9)[0]
    return np.asarray(basis @ (first + free @ second))


def _project(table: Floats, aim: Floats, allowed: Bools, enough: float = HELD) -> Floats | None:
    """(n,) weights nearest to ones that meet all targets; None where there are none."""
    multiplier, before, quiet = np.zeros(len(aim)), np.inf, 0
    for turn in range(_OUTER):
        damping = _DAMPING[min(turn, len(_DAMPING) - 1)]
        multiplier = _newton(table, aim, multiplier, damping, allowed)
        weights = np.where(allowed, np.maximum(1.0 + table @ multiplier, 0.0), 0.0)
        left = float(np.abs(aim - weights @ table / len(table)).max())
        if left <= _EXACT:
            return np.asarray(weights)
        quiet = quiet + 1 if left > 0.5 * before else 0
        if quiet >= _PATIENCE:
            return np.asarray(weights) if left <= enough else None
        before = left
    return None


def _newton(table: Floats, aim: Floats, centre: Floats, damping: float, allowed: Bools) -> Floats:
    """The multipliers of one round: minimise ½·mean(w(λ)²) − aim'λ + ½·damping·‖λ − centre‖²."""
    n, point = len(table), centre
    reach = np.where(allowed, 1.0 + table @ point, -1.0)
    held = reach > 0
    curved = table[held].T @ table[held] / n
    for _ in range(_INNER):
        slope = np.maximum(reach, 0.0) @ table / n - aim + damping * (point - centre)
        if np.abs(slope).max() <= 1e-14 * (1.0 + float(np.abs(aim).max())):
            break
        step = -np.linalg.solve(curved + damping * np.eye(len(point)), slope)
        move = np.where(allowed, table @ step, 0.0)
        offset = float(step @ (damping * (point - centre) - aim))
        length = _length(reach, move, offset, damping * float(step @ step), float(slope @ step))
        point, reach = point + length * step, reach + length * move
        if length * np.abs(step).max() <= 1e-15 * (1.0 + float(np.abs(point).max())):
            break
        now = reach > 0
        curved = curved + (_gram(table, now & ~held) - _gram(table, held & ~now)) / n
        held = now
    return np.asarray(point)


def _gram(table: Floats, rows: Bools) -> Floats:
    part = table[rows]
    return np.asarray(part.T @ part)


def _length(reach: Floats, move: Floats, offset: float, bend: float, first: float) -> float:
    """How far to go along a step: to the end, or where the objective no longer falls."""
    n = len(reach)

    def slope(at: float) -> float:
        return float(np.maximum(reach + at * move, 0.0) @ move) / n + offset + at * bend

    if slope(1.0) <= 0.3 * abs(first):
        return 1.0
    low, high = 0.0, 1.0
    for _ in range(60):
        at = 0.5 * (low + high)
        value = slope(at)
        if abs(value) <= 0.1 * abs(first):
            return at
        low, high = (at, high) if value < 0 else (low, at)
    return low
