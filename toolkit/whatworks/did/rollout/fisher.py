"""Fisher's test for start dates drawn by lot, and the interval of constant effects not rejected."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from whatworks.arrays import Floats, Ints
from whatworks.did.rollout.contrasts import Adjusted, Contrast, Rollout, adjusted
from whatworks.inference.chance.chance import Assignments
from whatworks.inference.chance.randomisation import RandomisationInference
from whatworks.inference.errors.wild_refits import TIE, Share, last_accepted

_NOTHING = 1e-12
"""A variance below this share of the one before adjustment, or of the square of the outcomes, is none."""


@dataclass(frozen=True, slots=True)
class Tested:
    """What the test says of one contrast.

    Attributes:
        statistic: |estimate / Neyman error|.
        p_value: of no effect on any unit; NaN without a statistic.
        low, high: lowest and highest constant effect that is not rejected; infinite where every one beyond is
            accepted, NaN where the contrast does not hold a constant effect in full.
    """

    statistic: float
    p_value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, eq=False)
class Dealt:
    """The moments of one contrast under B deals, as polynomials in the constant effect taken out.

    Attributes:
        mean: (4, B) θ̂ and X̂ of the outcomes, then of the indicator of treatment under the actual dates.
        spread: (4, 4, B) their covariances.
        floor: below it a variance is rounding.
        share: from counts of deals to p-values.
    """

    mean: Floats
    spread: Floats
    floor: float
    share: Share

    def squares(self, effect: float, beta: float | None) -> Floats:
        """(B,) squared statistics once `effect` is taken out; infinite where the variance is 0."""
        s, d = self.spread, effect
        theta, before = self.mean[0] - d * self.mean[2], self.mean[1] - d * self.mean[3]
        first = s[0, 0] - 2 * d * s[0, 2] + d**2 * s[2, 2]
        cross = s[0, 1] - d * (s[0, 3] + s[1, 2]) + d**2 * s[2, 3]
        second = s[1, 1] - 2 * d * s[1, 3] + d**2 * s[3, 3]
        with np.errstate(divide="ignore", invalid="ignore"):
            used = np.where(second > 0, cross / second, 0.0) if beta is None else np.full_like(theta, beta)
            variance = first - 2 * used * cross + used**2 * second
            some = variance > np.maximum(self.floor, _NOTHING * first)
            return np.where(some, (theta - used * before) ** 2 / variance, np.inf)


def deals(rollout: Rollout, draws: int, seed: int) -> Assignments:
    """The deals of start dates over the randomised units: all of them where they are few, or random ones."""
    return RandomisationInference(draws, seed).assignments(np.repeat(rollout.begins, rollout.size))


def fisher(
    rollout: Rollout, aims: list[Contrast], beta: float | None, design: Assignments, level: float
) -> list[Tested]:
    """Test every contrast, and invert the test where a constant effect moves the estimate one for one.

    The hypothesis that treatment adds τ to every treated cell gives every outcome without treatment, so that
    the statistic of every other deal can be computed; β is estimated anew in each. Its moments are
    polynomials in τ, found once.

    Source: Roth & Sant'Anna (2023) on randomisation tests with a studentised statistic; Rosenbaum (2002),
    Statistical Science 17(3), for the interval.
    """
    return [
        _invert(dealt(rollout, aim, design), adjusted(rollout, aim, beta), _slope(rollout, aim), beta, level)
        for aim in aims
    ]


def dealt(rollout: Rollout, aim: Contrast, design: Assignments) -> Dealt:
    """The moments of one contrast under every deal of `design`."""
    stack = _projected(rollout, aim)
    parts = [_moments(rollout, stack, np.argsort(block, axis=1, kind="stable")) for block in design]
    mean, spread = (np.concatenate([part[i] for part in parts], axis=-1) for i in range(2))
    return Dealt(mean, spread, (_NOTHING * float(np.abs(stack[0]).max())) ** 2, design.share)


def _invert(drawn: Dealt, found: Adjusted, slope: float, beta: float | None, level: float) -> Tested:
    if not np.isfinite(found.neyman):
        return Tested(np.nan, np.nan, np.nan, np.nan)
    share, unit = drawn.share, found.neyman

    def count(effect: float) -> int:
        actual = ((found.value - slope * effect) / unit) ** 2
        return int((drawn.squares(effect, beta) >= actual * (1 - TIE)).sum())

    p_value = float(share.p_value(np.array(count(0.0))))
    statistic = abs(found.value) / unit
    if abs(slope - 1) > 1e-9:
        return Tested(statistic, p_value, np.nan, np.nan)
    rank = share.rank(level)
    below = last_accepted(lambda d: count(found.value - d) >= rank, unit)
    above = last_accepted(lambda d: count(found.value + d) >= rank, unit)
    return Tested(statistic, p_value, found.value - below, found.value + above)


def _treated(rollout: Rollout) -> Floats:
    """(N, T) 1 in treated cells under the actual dates."""
    begins = np.repeat(rollout.begins, rollout.size)
    return np.asarray(np.arange(rollout.outcome.shape[1]) >= begins[:, None], dtype=np.float64)


def _slope(rollout: Rollout, aim: Contrast) -> float:
    """By how much θ̂ moves with a constant effect: 1 for averages of treated cells, less before the start."""
    t = np.arange(rollout.outcome.shape[1])
    return float((aim.effect * (t >= rollout.begins[:, None])).sum())


def _projected(rollout: Rollout, aim: Contrast) -> Floats:
    """(4, N, G) what every unit would add to θ̂ and X̂ in each cohort, by its outcome and by its treatment."""
    treated = _treated(rollout)
    return np.stack(
        [y @ weights.T for y in (rollout.outcome, treated) for weights in (aim.effect, aim.before)]
    )


def _moments(rollout: Rollout, stack: Floats, order: Ints) -> tuple[Floats, Floats]:
    """(4, B) means and (4, 4, B) covariances of them when the units come in each row of `order` (B, N)."""
    mean, spread = np.zeros((4, len(order))), np.zeros((4, 4, len(order)))
    for g, (low, size) in enumerate(zip(rollout.edges, rollout.size, strict=False)):
        part = stack[:, order[:, low : low + size], g]
        centre = part.mean(axis=2)
        part = part - centre[:, :, None]
        mean += centre
        for i in range(4):
            for j in range(i, 4):
                spread[i, j] += np.einsum("dn,dn->d", part[i], part[j]) / (size - 1) / size
    for i in range(4):
        for j in range(i):
            spread[i, j] = spread[j, i]
    return mean, spread
