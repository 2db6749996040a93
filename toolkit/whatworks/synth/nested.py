"""Predictor weights V by nested optimisation, for many problems and starting points at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from whatworks.arrays import Bools, Floats, Ints
from whatworks.inference import draws as random_draws
from whatworks.synth.simplex import minimise, response

TIE_BREAK: Final = 1e-6
"""Weight of the outcome path in the inner problem, beside predictors scaled alike.

Predictors alone often leave many donor weights equally good; of those the ones nearest to the path are taken,
which makes the answer unique and the search smooth.
"""

STEPS: Final = (3.0, 1.0, 0.3, 0.1, 0.02)
ITERATIONS: Final = 60
LEAST: Final = 1e-12
"""Below this share of the largest a predictor's weight counts as none."""

_STALL: Final = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Nested:
    """B problems of weighing P predictors.

    Attributes:
        apart: (B, P, n) scaled distances of the donors from the target, by predictor.
        path: (B, n, n) Gram matrix of the donors' paths less the target's, mean over the periods that the
            outer loss is taken over.
        allowed: (B, n) donors that may be used.
    """

    apart: Floats
    path: Floats
    allowed: Bools

    def weights(self, v: Floats, start: Floats | None = None) -> Floats:
        """(B, n) donor weights under predictor weights v (B, P)."""
        return minimise(self.gram(v), np.zeros(self.allowed.shape), allowed=self.allowed, start=start).weights

    def gram(self, v: Floats) -> Floats:
        """(B, n, n) the inner problem's matrix, V normalised to sum to one."""
        share = v / v.sum(axis=1, keepdims=True)
        inner = np.matmul((self.apart * share[:, :, None]).transpose(0, 2, 1), self.apart)
        size = np.einsum("bpn,bpn->b", self.apart, self.apart) / self.apart.shape[1]
        whole = np.einsum("bnn->b", self.path)
        even = np.where(whole > 0, np.maximum(size, 1e-12) / np.where(whole > 0, whole, 1.0), 1.0)
        return np.asarray(inner + TIE_BREAK * even[:, None, None] * self.path)

    def loss(self, weights: Floats) -> Floats:
        """(B,) mean squared gap of the path under donor weights (B, n)."""
        return np.asarray(np.einsum("bi,bij,bj->b", weights, self.path, weights))

    def slope(self, v: Floats, weights: Floats) -> Floats:
        """(B, P) derivative of the loss by log v, the support of the weights staying as it is."""
        share = v / v.sum(axis=1, keepdims=True)
        outer = 2 * np.einsum("bij,bj->bi", self.path, weights)
        moved = response(self.gram(v), weights, outer)
        own = np.einsum("bpn,bn->bp", self.apart, weights) * np.einsum("bpn,bn->bp", self.apart, moved)
        return np.asarray(-share * (own - (share * own).sum(axis=1, keepdims=True)))

    def repeated(self, times: int) -> Nested:
        """Each problem `times` in a row."""
        return self.take(np.repeat(np.arange(len(self.apart)), times))

    def take(self, rows: Ints) -> Nested:
        """Some of the problems, or some of them more than once."""
        return Nested(self.apart[rows], self.path[rows], self.allowed[rows])


def search(problem: Nested, starts: Floats, least: float = 0.0) -> tuple[Floats, Floats]:
    """(B, P) predictor weights of the smallest loss found from S starts (B, S, P), and (B, n) donor weights.

    Quasi-Newton steps on log V (BFGS), every start of every problem at once, five step lengths tried
    together. The loss is not convex: what is found is the best of S local minima. No weight falls below
    `least` times the largest.
    """
    count, tries, size = starts.shape
    many = problem.repeated(tries)
    lowest = np.log(max(least, LEAST))
    theta = np.log(np.maximum(starts.reshape(-1, size), LEAST))
    theta = np.maximum(theta - theta.max(axis=1, keepdims=True), lowest)
    weights = many.weights(np.exp(theta))
    loss, slope = many.loss(weights), many.slope(np.exp(theta), weights)
    curve = _plain(slope)
    stalled = np.zeros(len(theta), dtype=np.int64)
    for _ in range(ITERATIONS):
        on = np.flatnonzero(stalled < 2)
        if not len(on):
            break
        here = many.take(on)
        way = _direction(curve[on], slope[on])
        new_theta, new_weights, new_loss = _best_step(here, theta[on], weights[on], loss[on], way, lowest)
        new_slope = here.slope(np.exp(new_theta), new_weights)
        curve[on] = _updated(curve[on], new_theta - theta[on], new_slope - slope[on])
        better = loss[on] - new_loss
        little = better <= _STALL * np.maximum(loss[on], 1e-300)
        stalled[on] = np.where(little, stalled[on] + 1, 0)
        theta[on], weights[on], loss[on], slope[on] = new_theta, new_weights, new_loss, new_slope
        again = on[little]  # a stall may be the curvature's fault: try plain descent once
        curve[again] = _plain(slope[again])
    best = loss.reshape(count, tries).argmin(axis=1) + tries * np.arange(count)
    v = np.exp(theta[best] - theta[best].max(axis=1, keepdims=True))
    return v / v.sum(axis=1, keepdims=True), weights[best]


def starting_points(regression: Floats, random: int, seed: int, least: float = 0.0) -> Floats:
    """(B, S, P): the regression's weights (B, P), equal ones, each predictor nearly alone, and random ones.

    Corners matter: the best V often gives all weight to predictors that can be matched exactly.
    """
    problems, size = regression.shape
    bits = np.random.PCG64(np.random.SeedSequence(seed))
    drawn = np.clip(random_draws.uniforms(bits, (random, size)), 1e-12, 1 - 1e-12)
    corners = np.full((size, size), max(least, LEAST)) + np.eye(size)
    fixed = np.concatenate([np.ones((1, size)), corners, np.log(drawn) ** 2])
    fixed = fixed / fixed.sum(axis=1, keepdims=True)
    return np.concatenate([regression[:, None], np.repeat(fixed[None], problems, axis=0)], axis=1)


def by_regression(apart: Floats, gaps: Floats, involved: Bools) -> Floats:
    """(B, P) shares of the squared coefficients when each period's outcome is regressed on the predictors.

    Args:
        apart: (B, P, N) scaled predictors of all units.
        gaps: (B, N, T0) outcomes before the start.
        involved: (B, N) units that enter the regression.

    Source: the option of R Synth's `dataprep` fit; Abadie, Diamond & Hainmueller (2011), JSS 42(13).
    """
    found = np.empty(apart.shape[:2])
    for b in range(len(apart)):
        use = involved[b]
        design = np.column_stack([np.ones(int(use.sum())), apart[b][:, use].T])
        beta = np.linalg.lstsq(design, gaps[b][use], rcond=None)[0][1:]
        size = (beta**2).sum(axis=1)
        found[b] = size / size.sum() if size.sum() > 0 else 1 / len(size)
    return found


def _plain(slope: Floats) -> Floats:
    """Inverse Hessians whose first step changes some predictor's weight by a factor e."""
    rate = 1 / np.maximum(np.abs(slope).max(axis=1), 1e-300)
    return np.asarray(rate[:, None, None] * np.eye(slope.shape[1]))


def _direction(curve: Floats, slope: Floats) -> Floats:
    way = -np.einsum("bij,bj->bi", curve, slope)
    uphill = (way * slope).sum(axis=1) > 0
    way[uphill] = -slope[uphill]
    # V is a share: more than e³ at one step only overshoots
    return np.asarray(way * np.minimum(1.0, 3.0 / np.maximum(np.abs(way).max(axis=1, keepdims=True), 1e-300)))


def _best_step(
    problem: Nested, theta: Floats, weights: Floats, loss: Floats, way: Floats, lowest: float
) -> tuple[Floats, Floats, Floats]:
    tried = theta[:, None] + np.array(STEPS)[None, :, None] * way[:, None]
    tried = np.clip(tried - tried.max(axis=2, keepdims=True), lowest, 0.0)
    many = problem.repeated(len(STEPS))
    flat = tried.reshape(-1, theta.shape[1])
    found = many.weights(np.exp(flat), start=np.repeat(weights, len(STEPS), axis=0))
    losses = many.loss(found).reshape(len(theta), len(STEPS))
    best = losses.argmin(axis=1)
    row = np.arange(len(theta))
    gained = losses[row, best] < loss
    chosen = found.reshape(len(theta), len(STEPS), -1)[row, best]
    return (
        np.where(gained[:, None], tried[row, best], theta),
        np.where(gained[:, None], chosen, weights),
        np.where(gained, losses[row, best], loss),
    )


def _updated(curve: Floats, moved: Floats, turned: Floats) -> Floats:
    """Inverse Hessians after a step `moved` over which the slope `turned`; as they were where it did not."""
    along = (moved * turned).sum(axis=1)
    size = np.sqrt((moved**2).sum(axis=1) * (turned**2).sum(axis=1))
    sound = along > 1e-10 * np.maximum(size, 1e-300)
    rate = 1 / np.where(sound, along, 1.0)
    eye = np.eye(curve.shape[1])
    left = eye - rate[:, None, None] * moved[:, :, None] * turned[:, None, :]
    new = left @ curve @ left.transpose(0, 2, 1) + rate[:, None, None] * moved[:, :, None] * moved[:, None, :]
    return np.asarray(np.where(sound[:, None, None], new, curve))
