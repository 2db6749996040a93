"""What is left by rounding alone, by one rule: relative to the size of the outcome."""

from __future__ import annotations

from typing import Final

import numpy as np

from whatworks.arrays import Floats

SHARE: Final = 1e-12
"""Below this share of the largest outcome a residual, gap or error is rounding, not information."""

LOG_UNIT: Final = np.ones(1)
"""In place of outcomes for effects on the log scale, which have a unit of their own: 1 is a factor of e."""


def below(outcome: Floats) -> float:
    """The size up to which numbers in the outcomes' unit are rounding; missing outcomes do not count."""
    return SHARE * float(np.nanmax(np.abs(outcome), initial=0.0))


def settled(values: Floats, outcome: Floats) -> Floats:
    """The values, or zeros where all of them are rounding beside the outcomes that they were taken from."""
    nothing = np.abs(values).max(initial=0.0) <= below(outcome)
    return np.zeros_like(values) if nothing else values


def settled_each(statistics: Floats, outcome: Floats) -> Floats:
    """Statistics in the unit of the outcomes, 0 one by one where they are rounding beside them."""
    return np.where(np.abs(statistics) <= below(outcome), 0.0, statistics)
