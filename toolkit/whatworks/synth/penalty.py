"""A penalty that was given as a number."""

from __future__ import annotations

import math

import numpy as np

from whatworks.errors import OptionError


def given(penalty: object, *, least: float = 0.0, where: str, remedy: str) -> float:
    """The penalty as a float; raises `OptionError` unless it is finite, above 0 and at least `least`."""
    if isinstance(penalty, int | float | np.integer | np.floating) and not isinstance(penalty, bool):
        size = float(penalty)
        if math.isfinite(size) and size > 0 and size >= least:
            return size
    wanted = f"a number of at least {least:g}" if least else "a number above 0"
    raise OptionError(f"penalty={penalty!r} is not {wanted}", where=where, remedy=remedy)
