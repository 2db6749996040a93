"""The constant effects that a test does not reject, found by taking them out and testing again."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from whatworks.arrays import Bools, Floats, Ints
from whatworks.inference.chance.chance import Assignments
from whatworks.inference.chance.randomisation import (
    NO_ERROR,
    Collected,
    RandomisationInference,
    as_far,
    collect,
)
from whatworks.inference.errors.wild_refits import REACH, TIE
from whatworks.inference.uncertainty import Uncertainty
from whatworks.rct.chance.effects import Effects
from whatworks.rct.chance.reassign import Redrawn
from whatworks.results import NotAvailable
from whatworks.trial import Trial

Made = Callable[[Floats], Effects]
"""From (R,) outcomes to the statistic as a function of assignments (B, G)."""

NO_EFFECT: Final = (
    "taking out a constant effect never brings this statistic to 0, so it says nothing about the size of one"
)
BEYOND: Final = "no effect on this side is rejected at this level, however large"

_HELD: Final = 2**27
_DIGITS: Final = 1e-13
_FEW: Final = 0.05
"""The share of assignments still open below which they alone are gone through."""


def searched(
    trial: Trial, made: Made, inference: RandomisationInference, chance: Redrawn, level: float
) -> tuple[Uncertainty, Collected]:
    """The effect at which a statistic is 0, and the interval of those that its test does not reject.

    An effect τ, the same for everybody, is taken out of the treated outcomes and the test done again. The
    ends are sought outward from the estimate, by doubling and halving.

    Raises:
        EstimationError: a statistic without a value.

    Source: Hodges & Lehmann (1963), Annals of Mathematical Statistics 34(2); Rosenbaum (2002).
    """
    design = inference.under(chance.rule, np.arange(len(chance.actual)))
    found = collect(design, chance.actual, made(trial.outcome))
    D = trial.treated.astype(np.float64)

    def without(effect: float) -> Effects:
        return made(trial.outcome - effect * D)

    def own(effect: float) -> float:
        return float(without(effect)(chance.actual[None]).ravel()[0])

    value, ends, reason = _zero(own, float(np.ptp(trial.outcome))), np.full(2, np.nan), NO_EFFECT
    if np.isfinite(value):
        search = _Search(_held(design, found), without, chance.actual, value, found, design.share.rank(level))
        unit = max(float(trial.outcome.std()) / np.sqrt(trial.n_rows), 1e-300)
        ends = value + np.array([-search.end(-1, unit), search.end(1, unit)])
        ends = np.where(np.isfinite(ends), ends, np.nan)
        reason = NO_ERROR if np.isfinite(ends).all() else f"{NO_ERROR}; {BEYOND}"
    uncertainty = Uncertainty(
        value=np.array([value]),
        std_error=np.array([np.nan]),
        low=ends[:1],
        high=ends[1:],
        p_value=design.share.p_value(as_far(found.actual, found.values)),
        reason=(reason,),
        level=level,
        df=NotAvailable("the test refers to the assignments themselves, not to a t distribution"),
        sentence=f"{inference.sentence(design)}, found by search over effects",
    )
    return uncertainty, found


@dataclass(frozen=True, slots=True, eq=False)
class _Search:
    """The test of effects about an estimate `value`; one is kept where `rank` assignments lie as far out."""

    held: Iterable[Ints]
    without: Callable[[float], Effects]
    actual: Ints
    value: float
    found: Collected
    rank: int

    def end(self, side: int, unit: float) -> float:
        """The largest distance from the estimate, below (-1) or above (1), that the test keeps.

        Once few assignments lie as far out at one end of the bracket and not at the other, those alone decide
        how it is halved; all are asked again at the end, and if they disagree, all along.
        """
        held = self.held

        def far(distance: float, among: Iterable[Ints]) -> Bools:
            return self._far(self.value + side * distance, among)

        low, high, inside, outside = self._bracket(far, unit)
        if not np.isfinite(high):
            return float(np.inf)
        bracket = low, high
        while high - low > _DIGITS * max(high, unit) and (inside ^ outside).mean() > _FEW:
            middle = (low + high) / 2
            now = far(middle, held)
            low, high, inside, outside = (
                (middle, high, now, outside) if now.sum() >= self.rank else (low, middle, inside, now)
            )
        open_ = inside ^ outside
        rows, settled = _rows(held, open_), int((inside & ~open_).sum())
        found = _halved(lambda d: settled + far(d, [rows]).sum() >= self.rank, low, high, unit)
        step = 2 * _DIGITS * max(found, unit)
        if far(max(found - step, 0.0), held).sum() >= self.rank > far(found + step, held).sum():
            return found
        return _halved(lambda d: far(d, held).sum() >= self.rank, *bracket, unit)

    def _bracket(
        self, far: Callable[[float, Iterable[Ints]], Bools], unit: float
    ) -> tuple[float, float, Bools, Bools]:
        """A distance kept and the next one that is not, nor is its double; who is as far out at either."""
        low, inside = 0.0, far(0.0, self.held)
        high, outside = np.inf, inside
        distance = unit
        while distance <= REACH * unit:
            now = far(distance, self.held)
            if now.sum() >= self.rank:
                low, inside, high = distance, now, np.inf
            elif np.isfinite(high):
                break
            else:
                high, outside = distance, now
            distance *= 2
        return low, high, inside, outside

    def _far(self, effect: float, among: Iterable[Ints]) -> Bools:
        theta = self.without(effect)
        actual = abs(float(theta(self.actual[None]).ravel()[0]))
        values = np.concatenate([np.abs(theta(block).reshape(len(block))) for block in among])
        return np.asarray(values >= actual - TIE * np.abs(self.found.values).max())


def _held(design: Assignments, found: Collected) -> Iterable[Ints]:
    """The assignments kept in memory where they are small, for going through them again and again."""
    if found.values.size * len(design.unit) > _HELD:
        return design
    return [block.astype(np.min_scalar_type(int(block.max()))) for block in design]


def _rows(held: Iterable[Ints], wanted: Bools) -> Ints:
    """Some of the assignments."""
    parts, low = [], 0
    for block in held:
        parts.append(block[wanted[low : low + len(block)]])
        low += len(block)
    return np.concatenate(parts)


def _halved(accepted: Callable[[float], bool], low: float, high: float, unit: float) -> float:
    while high - low > _DIGITS * max(high, unit):
        middle = (low + high) / 2
        low, high = (middle, high) if accepted(middle) else (low, middle)
    return low


def _zero(own: Callable[[float], float], span: float) -> float:
    """Where a statistic that falls as more effect is taken out passes 0; NaN where it never does."""
    reach = 2 * span if span > 0 else 1.0
    size = max(abs(own(-reach)), abs(own(reach)), 1e-300)
    sides = []
    for least in (1e-12 * size, -1e-12 * size):
        if not (own(-reach) > least >= own(reach)):
            return np.nan
        low, high = -reach, reach
        while high - low > _DIGITS * reach:
            middle = (low + high) / 2
            low, high = (middle, high) if own(middle) > least else (low, middle)
        sides.append((low + high) / 2)
    return float(np.mean(sides))
