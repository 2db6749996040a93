"""Many trials at once through the two-way regression: estimates and errors in arrays."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from whatworks.arrays import Bools, Floats, Ints
from whatworks.inference.fits.cell_weights import functionals
from whatworks.inference.fits.projection import residuals

_NONE = 1e-10


def demeaned(values: Floats, kept: Bools | None = None) -> Floats:
    """Residuals of (S, N, T) arrays on unit and period effects, each by itself over its `kept` cells."""
    if kept is None or bool(kept.all()):
        return residuals(values, np.ones((values.shape[1], 1)))
    return residuals(values, kept)


@dataclass(frozen=True, slots=True, eq=False)
class Schedules:
    """S trials with a schedule each: regressions on the arm with unit and period effects.

    Attributes:
        x: (S, N, T) arms net of effects, 0 outside the cells kept.
        kept: (S, N, T) cells that count; None for all.
        scale: (S,) sums of squares of x.
        factor: (S, N) what turns the score of a unit into that of CR2.
        df: (S,) degrees of freedom of Bell & McCaffrey.

    Without gaps these are the numbers of `ClusterRobust("CR2")`. With gaps, period effects are taken to lean
    on the units of their own period only: for ten units or more that comes within about a hundredth.
    """

    x: Floats
    kept: Bools | None
    scale: Floats
    factor: Floats
    df: Floats

    @classmethod
    def of(cls, treated: Floats, kept: Bools | None = None) -> Schedules:
        """Whatever does not depend on the outcome."""
        if kept is not None and bool(kept.all()):
            kept = None
        x = demeaned(treated, kept)
        own = np.einsum("snt,snt->sn", x, x)
        scale = own.sum(axis=1)
        units = np.full(x[:, 0].shape, float(x.shape[1])) if kept is None else kept.sum(axis=1)
        shared = x / np.sqrt(np.maximum(units, 1))[:, None]
        safe = np.where(own > 0, own, 1.0)
        lean = np.einsum("snt,snt->sn", shared, shared) / safe + own / scale[:, None]
        factor = 1 / np.sqrt(np.where((own > 0) & (lean < 1 - _NONE), 1 - lean, np.inf))
        a = shared * factor[:, :, None]
        along = factor * own / np.sqrt(scale)[:, None]
        inner = a @ np.swapaxes(a, 1, 2) + along[:, :, None] * along[:, None, :]
        return cls(x, kept, scale, factor, _degrees(factor**2 * own, inner, np.ones(own.shape[1])))

    def tests(self, outcome: Floats) -> tuple[Floats, Floats]:
        """Estimates (S,) and errors (S,) from outcomes (S, N, T)."""
        if self.kept is None:
            # x sums to 0 in every unit, so unit means of the outcome need not be taken off
            sums = np.einsum("snt,snt->sn", self.x, outcome)
            sums -= np.einsum("snt,st->sn", self.x, outcome.mean(axis=1))
        else:
            sums = np.einsum("snt,snt->sn", self.x, demeaned(outcome, self.kept))
        estimate = sums.sum(axis=1) / self.scale
        scores = sums - estimate[:, None] * np.einsum("snt,snt->sn", self.x, self.x)
        return estimate, np.sqrt(((self.factor * scores) ** 2).sum(axis=1)) / self.scale


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """Units of a stepped wedge, sorted by their step: the design is the same whoever the units are.

    Attributes:
        many: (A,) units of each step.
        weight: (A, T) of the outcome of a unit in the estimate.
        turned: (A, T) of the residuals of a unit in its CR2 score.
        learned: (A, T, k) of the outcome of a unit in each coefficient.
        through: (A, k) what a coefficient takes off the score.
        df: degrees of freedom of Bell & McCaffrey.

    Estimates and errors are those of the regression on the regressors with unit and period effects and of
    `ClusterRobust("CR2")`; weights are NaN where a coefficient is left open.
    """

    many: Ints
    weight: Floats
    turned: Floats
    learned: Floats
    through: Floats
    df: float

    @classmethod
    def of(cls, regressors: Floats, many: Ints) -> Steps:
        """From regressors (k, A, T), whose coefficients are averaged, and units (A,) of each step."""
        k, _, periods = regressors.shape
        weight = steps_weight(regressors, many)
        X = np.moveaxis(residuals(regressors, many[:, None].astype(np.float64)), 0, 2)
        B = np.linalg.pinv(np.einsum("atk,atl,a->kl", X, X, many), rcond=1e-12, hermitian=True)
        level = np.eye(periods) - 1 / periods
        total = many.sum()
        aim = X @ B @ np.full(k, 1 / k)
        turned = np.stack(
            [_root(level * (1 - 1 / total) - x @ B @ x.T, u) for x, u in zip(X, aim, strict=True)]
        )
        through = np.einsum("atk,at->ak", X, turned)
        inner = turned @ turned.T / total + through @ B @ through.T
        df = _degrees((turned**2).sum(axis=1)[None], inner[None], many.astype(np.float64))
        return cls(many, weight, turned, X @ B, through, float(df[0]))

    def tests(self, outcome: Floats) -> tuple[Floats, Floats]:
        """Estimates (S,) and errors (S,) from outcomes (S, N, T), units sorted by step."""
        ends = np.concatenate([[0], np.cumsum(self.many)])
        groups = [outcome[:, low:high] for low, high in pairwise(ends.tolist())]
        sums = np.stack([group.sum(axis=1) for group in groups], axis=1)
        estimate = np.einsum("sat,at->s", sums, self.weight)
        taken = np.einsum("sat,atk->sk", sums, self.learned) @ self.through.T
        taken += sums.sum(axis=1) / self.many.sum() @ self.turned.T
        variance = np.zeros(len(outcome))
        for a, group in enumerate(groups):
            variance += ((group @ self.turned[a] - taken[:, [a]]) ** 2).sum(axis=1)
        return estimate, np.sqrt(variance)


def steps_weight(regressors: Floats, many: Ints) -> Floats:
    """(A, T) weights of a unit's outcome in the mean of k coefficients, from regressors (k, A, T)."""
    k, steps, periods = regressors.shape
    mass = np.broadcast_to(many[:, None].astype(np.float64), (1, steps, periods))
    found = functionals(regressors[None], mass, np.full(k, 1 / k))[0]
    return np.asarray(found.reshape(steps, periods) / many[:, None])


def _root(block: Floats, aim: Floats) -> Floats:
    """(T,) the pseudo-inverse square root of `block` applied to `aim`."""
    values, vectors = np.linalg.eigh((block + block.T) / 2)
    scale = np.where(values > _NONE, 1 / np.sqrt(np.maximum(values, _NONE)), 0.0)
    return np.asarray((vectors * scale) @ (vectors.T @ aim))


def _degrees(square: Floats, inner: Floats, many: Floats) -> Floats:
    """(S,) (tr P)²/tr P², P being diag(`square`) less `inner`, kinds (S, A) that occur `many` (A,) times."""
    own = np.einsum("saa->sa", inner)
    trace = ((square - own) * many).sum(axis=1)
    both = ((square**2 - 2 * square * own) * many).sum(axis=1)
    both = both + np.einsum("sab,sab,a,b->s", inner, inner, many, many)
    return np.asarray(trace**2 / both)
