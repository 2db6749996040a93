"""Generalised synthetic control: two-way effects and factors from the donors, loadings from the past."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from whatworks.arrays import Bools, Floats, Ints
from whatworks.synth.problems import Fits, Problems

_FLAT: Final = 1e-10


@dataclass(frozen=True, slots=True)
class ByFactors:
    """The fit by interactive fixed effects as a function that can be asked again.

    The donors' outcomes are α_i + ξ_t + λ_i'f_t: two-way means taken out, then the leading singular vectors.
    The target's level and loadings come from least squares on its periods before the start.

    Attributes:
        count: number of factors r, or None for the number from 0 to `most` that best predicts each period
            before the start of the target from its others, found anew for each problem.
        most: the largest number tried.

    Source: Xu (2017), Political Analysis 25(1).
    """

    count: int | None
    most: int

    def __call__(self, problems: Problems) -> Fits:
        """Counterfactual paths; there are no donor weights."""
        return self.solve(problems)[0]

    def solve(self, problems: Problems) -> tuple[Fits, Ints, Floats]:
        """The fits, the number of factors of each (B,), and the prediction errors (B, most + 1)."""
        common, factors = _of_donors(problems, self.most)
        targets = problems.targets
        left = targets - common
        errors = np.full((len(left), self.most + 1), np.inf)
        paths = np.empty((self.most + 1, *left.shape))
        tried = range(self.most + 1) if self.count is None else (self.count,)
        for r in tried:
            paths[r], errors[:, r] = _loadings(left, factors[:, :, :r], problems.pre)
        # fewer factors where more predict no better
        best = errors <= errors.min(axis=1, keepdims=True) * (1 + 1e-9)
        chosen = best.argmax(axis=1) if self.count is None else np.full(len(left), self.count)
        counterfactual = common + paths[chosen, np.arange(len(left))]
        return Fits(counterfactual, targets - counterfactual, None), chosen, errors


def _of_donors(problems: Problems, most: int) -> tuple[Floats, Floats]:
    """(B, T) the donors' mean path and (B, T, most) their factors, once for each pool."""
    pools, which = np.unique(problems.allowed, axis=0, return_inverse=True)
    share = pools / pools.sum(axis=1, keepdims=True)
    mean = share @ problems.outcome
    apart = problems.outcome - problems.outcome.mean(axis=1, keepdims=True)
    apart = (apart[None] - (share @ apart)[:, None]) * pools[:, :, None]
    _, size, right = np.linalg.svd(apart, full_matrices=False)
    # a direction without variation is no factor
    real = size[:, :most] > _FLAT * np.maximum(size[:, :1], np.abs(problems.outcome).max())
    factors = right[:, :most].transpose(0, 2, 1) * real[:, None]
    which = which.reshape(-1)
    return mean[which], factors[which]


def _loadings(left: Floats, factors: Floats, pre: Bools) -> tuple[Floats, Floats]:
    """(B, T) level and loadings times factors, and (B,) mean squared error, each period left out in turn."""
    design = np.concatenate([np.ones((*left.shape, 1)), factors], axis=2)
    inside = design * pre[:, :, None]
    solve = np.linalg.pinv(inside, rcond=_FLAT)
    path = np.matmul(design, np.matmul(solve, (left * pre)[:, :, None]))[:, :, 0]
    leverage = np.einsum("btk,bkt->bt", inside, solve)
    room = np.where(pre, 1 - leverage, 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        missed = np.where(room > _FLAT, (left - path) / room, np.inf)
    return path, np.asarray(np.where(pre, missed**2, 0.0).sum(axis=1) / pre.sum(axis=1))
