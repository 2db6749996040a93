"""Synthetic difference-in-differences as a function from problems to fits, many problems at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np

from whatworks.arrays import Bools, Floats
from whatworks.synth.problems import Fits, Problems
from whatworks.synth.simplex import minimise

Weights = Literal["both", "units", "periods", "equal"]

EVEN: Final = 1e-7
"""Ridge, as a share of the largest curvature, that chooses where to look among equally good time weights."""

_CELLS: Final = 2**24


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """B problems, each on units counted so many times.

    Attributes:
        problems: whom to match, with whom, over which periods.
        copies: (B, N) how often each unit counts; zero for units that are not in the sample.
    """

    problems: Problems
    copies: Floats

    @property
    def controls(self) -> Floats:
        """(B, N) how often each unit counts as a control."""
        return np.asarray(np.where(self.problems.allowed, self.copies, 0.0))

    def blocks(self, size: int) -> Iterator[Sample]:
        """The same problems, at most `size` at a time."""
        asked = self.problems
        for low in range(0, len(self.copies), size):
            now = slice(low, low + size)
            shift = None if asked.shift is None else asked.shift[now]
            part = Problems(asked.outcome, asked.members[now], asked.allowed[now], asked.pre[now], shift)
            yield Sample(part, self.copies[now])


@dataclass(frozen=True, slots=True, eq=False)
class Solved:
    """Weights of B problems.

    Attributes:
        units: (B, N) ω, summing to one over the donors.
        periods: (B, T) λ, summing to one over the periods before the start.
        noise: (B,) standard deviation of the first differences of donors' outcomes before the start.
        ridge: (B,) ζ of the unit weights.
        slopes: (B, K) coefficients of the covariates.
    """

    units: Floats
    periods: Floats
    noise: Floats
    ridge: Floats
    slopes: Floats


@dataclass(frozen=True, slots=True, eq=False)
class SyntheticDid:
    """Unit weights that make paths parallel, time weights that make periods alike, and the double difference.

    Attributes:
        post: (T,) periods under treatment; time weights make the periods before resemble their mean.
        covariates: (K, N, T) whose part is taken off the outcome first; K may be 0.
        weights: which are fitted, the others being equal: `both`; `units`; `periods`; or `equal`, which is
            the plain difference in differences.
        noise: noise level to use; None: that of each problem's own donors.

    Source: Arkhangelsky, Athey, Hirshberg, Imbens & Wager (2021), AER 111(12), equations 1 and 4 to 6 and
    algorithm 1; covariates by footnote 4, projected as in Kranz (2022), from the donors alone.
    """

    post: Bools
    covariates: Floats = field(default_factory=lambda: np.empty((0, 0, 0)))
    weights: Weights = "both"
    noise: float | None = None

    def __call__(self, problems: Problems) -> Fits:
        """Paths without the treatment, level set by the time-weighted gap before the start."""
        return self.resampled(problems, np.ones(problems.members.shape))

    def resampled(self, problems: Problems, copies: Floats) -> Fits:
        """The same with each unit counted `copies` (B, N) times, as in a bootstrap of units."""
        parts = [self.kept(part.problems, self.solve(part)) for part in self._blocks(problems, copies)]
        weights = [part.weights for part in parts if part.weights is not None]
        return Fits(
            np.concatenate([part.counterfactual for part in parts]),
            np.concatenate([part.gaps for part in parts]),
            np.concatenate(weights),
        )

    def kept(self, problems: Problems, solved: Solved) -> Fits:
        """What given weights say, without fitting anything; ω is renormalised over the donors allowed."""
        units = np.where(problems.allowed, solved.units, 0.0)
        units = units / units.sum(axis=1, keepdims=True)
        paths = self._adjusted(problems, solved.slopes)
        target, synthetic = _target(problems, paths), _mean(units, paths)
        level = (solved.periods * (target - synthetic)).sum(axis=1, keepdims=True)
        gaps = target - synthetic - level
        return Fits(problems.targets - gaps, gaps, units)

    def keeping(self, first: Problems, others: Problems) -> Fits:
        """B other problems answered with the weights (and slopes) of one, nothing fitted anew."""
        return self.kept(others, self.solve(Sample(first, np.ones(first.members.shape))))

    def solve(self, sample: Sample) -> Solved:
        """Slopes of the covariates, noise level, unit weights and time weights of each problem."""
        problems = sample.problems
        slopes = self._slopes(sample)
        paths = self._adjusted(problems, slopes)
        before = np.asarray(problems.pre & ~self.post)
        noise = _noise(paths, before, sample.controls)
        if self.noise is not None:
            noise = np.full(len(noise), self.noise)
        treated = np.where(problems.members > 0, sample.copies, 0.0).sum(axis=1)
        ridge = (treated * self.post.sum()) ** 0.25 * noise
        return Solved(
            self._units(sample, paths, ridge),
            self._periods(sample, paths, before),
            noise,
            ridge,
            slopes,
        )

    def _units(self, sample: Sample, paths: Floats, ridge: Floats) -> Floats:
        """(B, N) ω: the donors' average that runs parallel to the target before the start (equation 4)."""
        controls, problems = sample.controls, sample.problems
        if self.weights in ("periods", "equal"):
            return np.asarray(controls / controls.sum(axis=1, keepdims=True))
        used = problems.pre.any(axis=0)
        mask = problems.pre[:, None, used]
        donors = _centred(paths[:, :, used], mask)
        target = _centred(_target(problems, paths)[:, None, used], mask)[:, 0]
        # copies of a unit share its weight alike: the ridge on them all is the ridge over their number
        penalty = (mask.sum(axis=(1, 2)) * ridge**2)[:, None] / np.maximum(controls, 1.0)
        apart = donors - target[:, None]
        gram = np.matmul(apart, apart.transpose(0, 2, 1)) + penalty[:, :, None] * np.eye(donors.shape[1])
        allowed = np.asarray(controls > 0)
        return minimise(gram, np.zeros(allowed.shape), allowed=allowed, start=_relaxed(gram, allowed)).weights

    def _periods(self, sample: Sample, paths: Floats, before: Bools) -> Floats:
        """(B, T) λ: the average of periods before that lies equally far from the mean after for all."""
        found = before / before.sum(axis=1, keepdims=True)
        if self.weights in ("units", "equal"):
            return np.asarray(found)
        controls, used = sample.controls, before.any(axis=0)
        total = controls.sum(axis=1)
        after = paths[:, :, self.post].mean(axis=2, keepdims=True)
        both = np.concatenate([paths[:, :, used], after], axis=2)
        rows = (both - _mean(controls / total[:, None], both)[:, None]) * np.sqrt(controls)[:, :, None]
        found = np.zeros(before.shape)
        found[:, used] = _most_even(rows[:, :, :-1] - rows[:, :, -1:], before[:, used])
        return found

    def _slopes(self, sample: Sample) -> Floats:
        """(B, K) least squares of the donors' outcome on covariates, unit and period effects."""
        controls = sample.controls
        if not len(self.covariates):
            return np.empty((len(controls), 0))
        both = np.concatenate([self.covariates, sample.problems.outcome[None]])
        rows = both - both.mean(axis=2, keepdims=True)
        mean = np.einsum("bn,knt->bkt", controls, rows) / controls.sum(axis=1)[:, None, None]
        gram = np.einsum("bn,nkl->bkl", controls, np.einsum("knt,lnt->nkl", rows, rows))
        gram = gram - np.einsum("bkt,blt->bkl", mean, mean) * controls.sum(axis=1)[:, None, None]
        return np.asarray((np.linalg.pinv(gram[:, :-1, :-1], hermitian=True) @ gram[:, :-1, -1:])[:, :, 0])

    def _adjusted(self, problems: Problems, slopes: Floats) -> Floats:
        """(1 or B, N, T) outcomes less the covariates' part."""
        if not len(self.covariates):
            return problems.outcome[None]
        return np.asarray(problems.outcome - np.einsum("bk,knt->bnt", slopes, self.covariates))

    def _blocks(self, problems: Problems, copies: Floats) -> Iterator[Sample]:
        units, periods = problems.outcome.shape
        return Sample(problems, copies).blocks(max(1, _CELLS // (units * (units + 2 * periods))))


def _target(problems: Problems, paths: Floats) -> Floats:
    """(B, T) paths to be matched, from outcomes (1 or B, N, T)."""
    found = _mean(problems.members, paths)
    return found if problems.shift is None else found - problems.shift


def _mean(weights: Floats, paths: Floats) -> Floats:
    if len(paths) == 1:
        return np.asarray(weights @ paths[0])
    return np.asarray(np.matmul(weights[:, None, :], paths)[:, 0])


def _relaxed(gram: Floats, allowed: Bools) -> Floats:
    """(B, n) minimum of ½w'Gw over weights of either sign that sum to one, the negative ones cut off.

    With many small weights, as the ridge makes them, most of the support is found in this one step.
    """
    size = np.einsum("bii->bi", gram).max(axis=1)
    lent = (1e-12 * np.where(size > 0, size, 1.0))[:, None, None] * np.eye(gram.shape[1])
    pair = allowed[:, :, None] & allowed[:, None, :]
    system = np.where(pair, gram, 0.0) + lent + ~allowed[:, :, None] * np.eye(gram.shape[1])
    found = np.linalg.solve(system, allowed[:, :, None].astype(np.float64))[:, :, 0]
    found = np.where(allowed, np.maximum(found, 0.0), 0.0)
    total = found.sum(axis=1, keepdims=True)
    return np.asarray(
        np.where(
            total > 0, found / np.where(total > 0, total, 1.0), allowed / allowed.sum(axis=1, keepdims=True)
        )
    )


def _most_even(apart: Floats, allowed: Bools) -> Floats:
    """(B, n) weights that minimise ‖Aw‖² and, among those, ‖w‖²: the ridge of the paper at its limit, zero.

    Its 10⁻⁶ noise levels are lost in rounding beside the first term, so the least uneven weights are sought
    with a ridge that is not, and the minimum is then found from there without one.
    """
    gram = np.matmul(apart.transpose(0, 2, 1), apart)
    flat, size = np.zeros(gram.shape[:2]), np.einsum("bii->bi", gram).max(axis=1)
    ridge = EVEN * np.where(size > 0, size, 1.0)[:, None, None] * np.eye(gram.shape[1])
    first = minimise(gram + ridge, flat, allowed=allowed).weights
    return minimise(gram, flat, allowed=allowed, start=first).weights


def _centred(paths: Floats, mask: Bools) -> Floats:
    """(B, n, T) each path less its mean over the periods of the mask (B, 1, T), zero off them."""
    mean = (paths * mask).sum(axis=2, keepdims=True) / mask.sum(axis=2, keepdims=True)
    return np.asarray((paths - mean) * mask)


def _noise(paths: Floats, before: Bools, controls: Floats) -> Floats:
    """(B,) standard deviation (divisor n − 1) of the controls' first differences before the start."""
    steps = np.diff(paths, axis=2)
    steps = steps - steps.mean(axis=(1, 2), keepdims=True)
    both = np.asarray(before[:, 1:] & before[:, :-1])
    count = controls.sum(axis=1) * both.sum(axis=1)
    first, second = ((_mean(controls, part) * both).sum(axis=1) for part in (steps, steps**2))
    squares = np.maximum(second - first**2 / np.maximum(count, 1.0), 0.0)
    return np.asarray(np.sqrt(squares / np.maximum(count - 1, 1.0)))
