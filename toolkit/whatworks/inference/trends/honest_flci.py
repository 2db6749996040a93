"""Shortest fixed-length confidence intervals when the slope of a trend may bend by so much a period."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from whatworks.arrays import Floats
from whatworks.errors import EstimationError

_STEPS = 500


@dataclass(frozen=True, slots=True, eq=False)
class Frontier:
    """Linear estimators from least bias to least variance; what lies between two neighbours is linear.

    Attributes:
        weights: (K, n) weights on the n coefficients.
        bends: (K,) worst bias per unit of the bound: summed absolute weights on the changes of slope.
        sigma: (n, n) covariance of the coefficients.
    """

    weights: Floats
    bends: Floats
    sigma: Floats

    def at(self, place: float) -> tuple[Floats, float, float]:
        """Weights, bends and standard deviation at a place 0 … K − 1 along the frontier."""
        k = min(int(place), max(len(self.weights) - 2, 0))
        rest = place - k
        if rest == 0:
            weights, bends = self.weights[k], float(self.bends[k])
        else:
            weights = (1 - rest) * self.weights[k] + rest * self.weights[k + 1]
            bends = float((1 - rest) * self.bends[k] + rest * self.bends[k + 1])
        return weights, bends, float(np.sqrt(weights @ self.sigma @ weights))


def folded_normal_quantile(shift: Floats, level: float) -> Floats:
    """The `level` quantile of |N(shift, 1)|, element by element."""
    from scipy.special import ndtr, ndtri

    b = np.abs(np.asarray(shift, dtype=np.float64))
    # from above the root the distribution function is concave, so Newton's steps stay on one side
    c = b + ndtri(0.5 + level / 2)
    for _ in range(60):
        value = ndtr(c - b) - ndtr(-c - b) - level
        density = (np.exp(-0.5 * (c - b) ** 2) + np.exp(-0.5 * (c + b) ** 2)) / np.sqrt(2 * np.pi)
        step = value / density
        c = c - step
        if np.abs(step).max(initial=0.0) < 1e-14 * (1 + np.abs(c).max(initial=0.0)):
            break
    return np.asarray(c)


def frontier(sigma: Floats, n_pre: int, target: Floats) -> Frontier:
    """Unbiased under any straight line, `target` on the post effects, pre coefficients as best they can.

    In the weights g on changes of slope before the reference, the worst bias is an absolute sum and the
    variance a quadratic form: the frontier is the path of a lasso, piecewise linear, found exactly.

    Args:
        sigma: (n, n) covariance, positive definite; n_pre coefficients before the reference, then the others,
            in consecutive periods.
        target: (p,) weights on the p = n − n_pre coefficients after the reference.

    Source: Rambachan & Roth (2023), section 4.1; the path: Osborne, Presnell & Turlach (2000), IMA Journal of
    Numerical Analysis 20(3).
    """
    start, turn, fixed = _bends(n_pre, target)
    gram = turn.T @ sigma @ turn
    pull = -turn.T @ sigma @ start
    path = _lasso_path(gram, pull)
    return Frontier(start + path @ turn.T, fixed + np.abs(path).sum(axis=1), sigma)


def shortest(found: Frontier, beta: Floats, bound: float, level: float) -> tuple[float, float, Floats]:
    """Ends of the shortest interval when slopes change by at most `bound`, and its weights.

    The half-length is the `level` quantile of |N(bias/σ, 1)| times σ.
    """
    from scipy.optimize import minimize_scalar

    def half(place: float) -> float:
        _, bends, sd = found.at(place)
        return float(folded_normal_quantile(np.array(bound * bends / sd), level)) * sd

    last = len(found.weights) - 1
    knots = [half(k) for k in range(last + 1)]
    best = int(np.argmin(knots))
    place = float(best)
    for low in (best - 1, best):
        if 0 <= low < last:
            tried = minimize_scalar(half, bounds=(low, low + 1), method="bounded", options={"xatol": 1e-9})
            place = float(tried.x) if tried.fun < half(place) else place
    weights = found.at(place)[0]
    centre, length = float(weights @ beta), half(place)
    return centre - length, centre + length, weights


def _bends(n_pre: int, target: Floats) -> tuple[Floats, Floats, float]:
    """Weights w = start + turn·g for free bends g (n_pre − 1,), and the absolute bends that are given.

    A trend is its slope at the reference and its changes of slope: δ_h = s·h + Σ_j (h − j)·κ_j. Freedom from
    slope fixes the weight on the change at the reference, and `target` those after it.
    """
    p = len(target)
    ahead = np.arange(1, p + 1)
    at_reference = float(target @ ahead)
    later = [float(target[j:] @ (ahead[j:] - j)) for j in range(1, p)]
    # v₋ₕ = g₋₍ₕ₋₁₎ − 2g₋ₕ + g₋₍ₕ₊₁₎
    second = np.eye(n_pre) - 2 * np.eye(n_pre, k=1) + np.eye(n_pre, k=2)
    before = second[::-1]
    start = np.concatenate([before[:, 0] * at_reference, target])
    turn = np.concatenate([before[:, 1:], np.zeros((p, n_pre - 1))])
    return start, turn, abs(at_reference) + float(np.abs(later).sum())


def _lasso_path(gram: Floats, pull: Floats) -> Floats:
    """(K, k) knots of argmin ½g′Gg − pull′g + λ‖g‖₁ as λ falls to 0, the first being 0."""
    k = len(pull)
    knots = [np.zeros(k)]
    if k == 0:
        return np.array(knots).reshape(1, 0)
    penalty, event = float(np.abs(pull).max()), int(np.abs(pull).argmax())
    if penalty == 0:
        return np.array(knots)
    active, sign = [event], np.sign(pull)
    while len(knots) <= _STEPS * k:
        block = np.ix_(active, active)
        base, tilt = (_floats(np.linalg.solve(gram[block], side[active])) for side in (pull, sign))
        line = _Line(active, sign, base, tilt, pull - gram[:, active] @ base, gram[:, active] @ tilt)
        penalty, event = line.until(penalty)
        g = np.zeros(k)
        g[active] = base - penalty * tilt
        if event in active:
            g[event] = 0.0
        knots.append(g)
        if event < 0:
            return np.array(knots)
        if event in active:
            active = [name for name in active if name != event]
        else:
            active = [*active, event]
            sign[event] = np.sign(line.score[event] + penalty * line.drift[event])
    raise EstimationError(
        "the shortest interval was not found: the path of its weights does not end",
        where="did.honest, fixed-length intervals",
        remedy="Use fewer event times (window=...), or method='conditional'.",
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Line:
    """A stretch of the path: active coefficients base − λ·tilt, scores score + λ·drift."""

    active: list[int]
    sign: Floats
    base: Floats
    tilt: Floats
    score: Floats
    drift: Floats

    def until(self, penalty: float) -> tuple[float, int]:
        """The largest λ up to `penalty` from which a coefficient would change its sign, or a score pass λ.

        What stands at its limit already counts only when it moves across it, so neither ties nor rounding
        lead astray. −1 where nothing happens before λ = 0.
        """
        found = [(0.0, -1)]
        for name, base, tilt in zip(self.active, self.base.tolist(), self.tilt.tolist(), strict=True):
            if tilt * self.sign[name] < 0:
                found.append((base / tilt, name))
        idle = sorted(set(range(len(self.score))) - set(self.active))
        found += [
            (float(self.score[name] / (side - self.drift[name])), name)
            for name in idle
            for side in (1.0, -1.0)
            if side * self.drift[name] < 1
        ]
        at, name = max(found)
        return min(at, penalty), name


def _floats(values: npt.ArrayLike) -> Floats:
    return np.asarray(values, dtype=np.float64)
