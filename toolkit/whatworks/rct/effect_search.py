"""The constant effects that a test does not reject, found by taking them out and testing again."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

import numpy as np
import numpy.typing as npt

from whatworks.inference.randomisation import NO_ERROR, Collected, RandomisationInference, as_far, collect
from whatworks.inference.uncertainty import Uncertainty
from whatworks.inference.wild_refits import last_accepted
from whatworks.rct.reassign import Redrawn
from whatworks.rct.reassign_effects import Effects
from whatworks.results import NotAvailable
from whatworks.trial import Trial

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Made = Callable[[Floats], Effects]
"""From (R,) outcomes to the statistic as a function of assignments (B, G)."""

NO_EFFECT: Final = (
    "taking out a constant effect never brings this statistic to 0, so it says nothing about the size of one"
)
BEYOND: Final = "no effect on this side is rejected at this level, however large"

_HELD: Final = 2**25


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
    p_value = design.share.p_value(as_far(found.actual, found.values))
    D = trial.treated.astype(np.float64)

    def own(effect: float) -> float:
        return float(made(trial.outcome - effect * D)(chance.actual[None]).ravel()[0])

    value, ends, reason = _zero(own, float(np.ptp(trial.outcome))), np.full(2, np.nan), NO_EFFECT
    if np.isfinite(value):
        rank = design.share.rank(level)
        held: Iterable[Ints] = list(design) if len(found.values) * len(chance.actual) <= _HELD else design

        def accepted(effect: float) -> bool:
            theta = made(trial.outcome - effect * D)
            values = np.concatenate([theta(block).reshape(len(block), 1) for block in held])
            return bool(as_far(theta(chance.actual[None]).reshape(1), values)[0] >= rank)

        unit = max(float(trial.outcome.std()) / np.sqrt(trial.n_rows), 1e-300)
        ends = np.array(
            [
                value - last_accepted(lambda d: accepted(value - d), unit),
                value + last_accepted(lambda d: accepted(value + d), unit),
            ]
        )
        ends = np.where(np.isfinite(ends), ends, np.nan)
        reason = NO_ERROR if np.isfinite(ends).all() else f"{NO_ERROR}; {BEYOND}"
    uncertainty = Uncertainty(
        value=np.array([value]),
        std_error=np.array([np.nan]),
        low=ends[:1],
        high=ends[1:],
        p_value=p_value,
        reason=(reason,),
        level=level,
        df=NotAvailable("the test refers to the assignments themselves, not to a t distribution"),
        sentence=f"{inference.sentence(design)}, found by search over effects",
    )
    return uncertainty, found


def _zero(own: Callable[[float], float], span: float) -> float:
    """Where a statistic that falls as more effect is taken out passes 0; NaN where it never does."""
    reach = 2 * span if span > 0 else 1.0
    size = max(abs(own(-reach)), abs(own(reach)), 1e-300)
    sides = []
    for least in (1e-12 * size, -1e-12 * size):
        low, high = -reach, reach
        if not (own(low) > least >= own(high)):
            return np.nan
        for _ in range(80):
            middle = (low + high) / 2
            low, high = (middle, high) if own(middle) > least else (low, middle)
        sides.append((low + high) / 2)
    return float(np.mean(sides))
