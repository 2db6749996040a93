"""Wash-out: the first periods after a change of arms, which the analysis leaves out."""

from __future__ import annotations

import numpy as np

from whatworks.arrays import Bools, Ints
from whatworks.errors import NUMBER, check_whole


def washed(arms: Ints, washout: int) -> Bools:
    """(..., T) which periods are among the first `washout` of a run after a change; `arms` is (..., T)."""
    out = np.zeros(arms.shape, dtype=bool)
    changed = arms[..., 1:] != arms[..., :-1]
    for late in range(min(washout, arms.shape[-1] - 1)):
        out[..., 1 + late :] |= changed[..., : changed.shape[-1] - late]
    return out


def whole_number(value: int, name: str, least: int, *, where: str) -> None:
    """Raise `OptionError` unless the value is a whole number of at least `least`."""
    check_whole(name, value, least=least, where=where, remedy="Give whole numbers of periods.", kind=NUMBER)
