"""The ridge-augmented fit: simplex weights, moved off the simplex as far as a ridge penalty lets them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from whatworks.arrays import Bools, Floats
from whatworks.errors import DesignError
from whatworks.synth.problems import Fits, Problems
from whatworks.synth.simplex import minimise

RULES: Final = ("one_se", "smallest_error")
BALANCES: Final = ("residual", "joint")

STEPS: Final = 21
SPAN: Final = 1e-8
"""The penalties tried run from the largest squared singular value of the donors' paths down to this share."""

FLAT: Final = 1e-12
"""A covariate that varies by less than this share of its size among the donors is left aside."""

_CELLS: Final = 4_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Matched:
    """What is matched in B problems: centred at the donors' mean, zero where nothing is to be matched.

    Attributes:
        features: (B, N, F) of each donor, the T periods first, then covariates if they are matched jointly;
            rows of units not allowed are zero.
        goal: (B, F) of the target.
        covariates: (B, N, K) covariates regressed out beforehand; K may be 0.
        aim: (B, K) of the target.
        levels: (B, N) taken off each unit's path (its mean over the matched periods, or zero).
        level: (B,) the same for the target.
    """

    features: Floats
    goal: Floats
    covariates: Floats
    aim: Floats
    levels: Floats
    level: Floats


@dataclass(frozen=True, slots=True, eq=False)
class RidgeFits:
    """B augmented fits.

    Attributes:
        base: (B, N) weights on the simplex.
        weights: (B, N) augmented weights, summing to one.
        penalty: (B,) λ.
        grid: (B, L) penalties tried; L is 0 where the penalty was given.
        held_out: (B, T, L) squared error of each matched period when it is left out; 0 in other periods.
        matched: what was matched.
    """

    base: Floats
    weights: Floats
    penalty: Floats
    grid: Floats
    held_out: Floats
    matched: Matched

    def gaps(self, problems: Problems, weights: Floats) -> Floats:
        """(B, T) target less the weighted donors."""
        levels = self.matched.level - (weights * self.matched.levels).sum(axis=1)
        return np.asarray(problems.targets - weights @ problems.outcome - levels[:, None])


@dataclass(frozen=True, slots=True, eq=False)
class RidgeAugmented:
    """The method as a function that can be asked again; the penalty is chosen anew for each problem.

    Attributes:
        covariates: (K, N) fixed covariates; K may be 0.
        balance: `residual` or `joint`.
        penalty: `one_se`, `smallest_error`, or λ itself.
        unit_effects: whether each path is taken from its own mean over the matched periods.
    """

    covariates: Floats
    balance: str
    penalty: str | float
    unit_effects: bool

    def __call__(self, problems: Problems) -> Fits:
        """Augmented weights and gaps for each problem."""
        count, units = problems.members.shape
        held = 1 if not isinstance(self.penalty, str) else problems.outcome.shape[1]
        step = max(1, _CELLS // (units * units * held))
        parts = [self._answer(part) for part in _parts(problems, count, step)]
        gaps, weights = (np.concatenate(both) for both in zip(*parts, strict=True))
        return Fits(problems.targets - gaps, gaps, weights)

    def solve(self, problems: Problems) -> RidgeFits:
        """Everything found on the way, for a few problems at once.

        Raises `DesignError` where a penalty is to be chosen on fewer than two matched periods.
        """
        matched = matched_in(problems, self.covariates, self.balance, self.unit_effects)
        gram = _gram(matched)
        base = minimise(gram, np.zeros(gram.shape[:2]), allowed=problems.allowed).weights
        curve, vectors = _spectrum(problems, matched.features)
        if isinstance(self.penalty, str):
            _require_periods(problems.pre)
            grid = np.where(curve[:, -1:] > 0, curve[:, -1:], 1.0) * SPAN ** (np.arange(STEPS) / (STEPS - 1))
            held_out = _held_out(problems, matched, gram, base, (curve, vectors), grid)
            penalty = _chosen(grid, *errors(held_out, problems.pre), self.penalty)
        else:
            penalty = np.full(len(gram), float(self.penalty))
            grid, held_out = np.empty((len(gram), 0)), np.empty((*problems.pre.shape, 0))
        weights = _augmented(matched, base, (curve, vectors), penalty)
        return RidgeFits(base, weights, penalty, grid, held_out, matched)

    def _answer(self, problems: Problems) -> tuple[Floats, Floats]:
        found = self.solve(problems)
        return found.gaps(problems, found.weights), found.weights


def errors(held_out: Floats, pre: Bools) -> tuple[Floats, Floats]:
    """(B, L) mean squared held-out error at each penalty, and its standard error over the periods."""
    count = pre.sum(axis=1)[:, None]
    mean = held_out.sum(axis=1) / count
    spread = ((held_out - mean[:, None, :]) ** 2 * pre[:, :, None]).sum(axis=1) / (count - 1)
    return mean, np.asarray(np.sqrt(spread / count))


def matched_in(problems: Problems, covariates: Floats, balance: str, unit_effects: bool) -> Matched:
    """The donors' and the target's paths, and covariates, in the form in which they are matched."""
    pre, allowed, targets = problems.pre, problems.allowed, problems.targets
    length = pre.sum(axis=1)
    levels, level = np.zeros(allowed.shape), np.zeros(len(pre))
    if unit_effects:
        levels, level = (pre @ problems.outcome.T) / length[:, None], (targets * pre).sum(axis=1) / length
    share = allowed / allowed.sum(axis=1, keepdims=True)
    middle = share @ problems.outcome - (share * levels).sum(axis=1)[:, None]
    paths = problems.outcome[None] - levels[:, :, None] - middle[:, None, :]
    features = paths * (allowed[:, :, None] & pre[:, None, :])
    goal = (targets - level[:, None] - middle) * pre
    far, aim = _centred(covariates, problems)
    if balance == "residual" and len(covariates):
        slopes = _hat(far) @ features
        features, goal = features - far @ slopes, goal - np.einsum("bk,bkf->bf", aim, slopes)
    elif len(covariates):
        unit = _size(features, allowed, pre)[:, None] / _spread(far, allowed)
        features = np.concatenate([features, far * unit[:, None, :]], axis=2)
        goal = np.concatenate([goal, aim * unit], axis=1)
        far, aim = far[:, :, :0], aim[:, :0]
    return Matched(features, goal, far, aim, levels, level)


def _parts(problems: Problems, count: int, step: int) -> list[Problems]:
    return [
        replace(
            problems,
            members=problems.members[i : i + step],
            allowed=problems.allowed[i : i + step],
            pre=problems.pre[i : i + step],
            shift=None if problems.shift is None else problems.shift[i : i + step],
        )
        for i in range(0, count, step)
    ]


def _require_periods(pre: Bools) -> None:
    if (pre.sum(axis=1) < 2).any():
        raise DesignError(
            "the penalty cannot be cross-validated on a single period",
            where="synth.augmented",
            remedy="Begin the panel earlier, or give the penalty a number.",
        )


def _centred(covariates: Floats, problems: Problems) -> tuple[Floats, Floats]:
    """(B, N, K) donors' and (B, K) target's covariates, less the donors' mean; zero for one that is flat."""
    share = problems.allowed / problems.allowed.sum(axis=1, keepdims=True)
    middle = share @ covariates.T
    far = (covariates.T[None] - middle[:, None, :]) * problems.allowed[:, :, None]
    aim = problems.members @ covariates.T - middle
    varies = np.abs(far).max(axis=1) > FLAT * np.abs(covariates).max(axis=1)
    return far * varies[:, None, :], aim * varies


def _hat(far: Floats) -> Floats:
    """(B, K, N): (Z'Z)⁻¹Z', what turns a column over donors into its slopes on the covariates."""
    inner = far.transpose(0, 2, 1) @ far
    scale = np.sqrt(np.maximum(np.einsum("bkk->bk", inner), np.finfo(float).tiny))
    inverse = np.linalg.pinv(inner / scale[:, :, None] / scale[:, None, :], hermitian=True)
    return np.asarray((inverse / scale[:, :, None] / scale[:, None, :]) @ far.transpose(0, 2, 1))


def _size(features: Floats, allowed: Bools, pre: Bools) -> Floats:
    """(B,) standard deviation over all matched cells of the donors, which are centred by period."""
    cells = allowed.sum(axis=1) * pre.sum(axis=1)
    return np.asarray(np.sqrt((features**2).sum(axis=(1, 2)) / (cells - 1)))


def _spread(far: Floats, allowed: Bools) -> Floats:
    """(B, K) standard deviation of each covariate over the donors; infinite for one that does not vary."""
    size = np.sqrt((far**2).sum(axis=1) / np.maximum(allowed.sum(axis=1) - 1, 1)[:, None])
    return np.asarray(np.where(size > 0, size, np.inf))


def _gram(matched: Matched) -> Floats:
    apart = matched.features - matched.goal[:, None, :]
    return np.asarray(apart @ apart.transpose(0, 2, 1))


def _spectrum(problems: Problems, features: Floats) -> tuple[Floats, Floats]:
    """(B, F) eigenvalues of X'X, rising, and (B, F, F) its eigenvectors; X is one per pool and periods."""
    asked = np.concatenate([problems.allowed, problems.pre], axis=1)
    _, first, which = np.unique(asked, axis=0, return_index=True, return_inverse=True)
    own = features[first]
    curve, vectors = np.linalg.eigh(own.transpose(0, 2, 1) @ own)
    which = which.reshape(-1)
    return np.maximum(curve, 0.0)[which], vectors[which]


def _held_out(
    problems: Problems,
    matched: Matched,
    gram: Floats,
    base: Floats,
    spectrum: tuple[Floats, Floats],
    grid: Floats,
) -> Floats:
    """(B, T, L) squared errors of each matched period, predicted by a fit without it.

    The simplex weights are found again without the period. The ridge part needs no refit: with
    Q = (X'X + λI)⁻¹ the regression of feature t on the others has coefficients −Q_st / Q_tt, whichever λ.
    """
    (curve, vectors), features, goal = spectrum, matched.features, matched.goal
    length = problems.pre.shape[1]
    weights = _without_each(problems, features[:, :, :length], goal[:, :length], gram, base)
    missed = goal[:, None, :] - weights @ features
    each = np.arange(length)
    own = missed[:, each, each].copy()
    missed[:, each, each] = 0.0
    row = vectors[:, :length]
    inverse = 1.0 / (curve[:, :, None] + grid[:, None, :])
    slopes = ((row * (missed @ vectors)) @ inverse) / (row**2 @ inverse)
    return np.asarray((own[:, :, None] + slopes) ** 2 * problems.pre[:, :, None])


def _without_each(problems: Problems, paths: Floats, goal: Floats, gram: Floats, base: Floats) -> Floats:
    """(B, T, N) simplex weights without each matched period; zero for other periods."""
    which, period = np.nonzero(problems.pre)
    apart = paths[which, :, period] - goal[which, period][:, None]
    left = gram[which] - apart[:, :, None] * apart[:, None, :]
    found = minimise(left, np.zeros(apart.shape), allowed=problems.allowed[which], start=base[which])
    weights = np.zeros((*goal.shape, apart.shape[1]))
    weights[which, period] = found.weights
    return weights


def _chosen(grid: Floats, mean: Floats, error: Floats, rule: str) -> Floats:
    """(B,) the penalty with the smallest error, or the largest whose error is within one standard error."""
    rows, best = np.arange(len(grid)), mean.argmin(axis=1)
    if rule == "smallest_error":
        return np.asarray(grid[rows, best])
    near = mean <= (mean[rows, best] + error[rows, best])[:, None]
    return np.asarray(np.where(near, grid, 0.0).max(axis=1))


def _augmented(matched: Matched, base: Floats, spectrum: tuple[Floats, Floats], penalty: Floats) -> Floats:
    """w + X(X'X + λI)⁻¹(x₁ − X'w), and then what brings the covariates regressed out into balance."""
    (curve, vectors), features = spectrum, matched.features
    missed = matched.goal - np.matmul(base[:, None, :], features)[:, 0]
    turned = np.matmul(missed[:, None, :], vectors)[:, 0] / (curve + penalty[:, None])
    weights = base + np.einsum("bnf,bfk,bk->bn", features, vectors, turned, optimize=True)
    far = matched.covariates
    if far.shape[2]:
        left = matched.aim - np.einsum("bn,bnk->bk", weights, far)
        weights = weights + np.einsum("bk,bkn->bn", left, _hat(far))
    return np.asarray(weights)
