"""Estimates whose errors are known by themselves, with normal intervals."""

from __future__ import annotations

from typing import Final

import numpy as np

from whatworks.arrays import Floats
from whatworks.inference.draws import check_level
from whatworks.inference.errors.correction import NORMAL
from whatworks.inference.uncertainty import Uncertainty, from_errors

NO_SPREAD: Final = "the estimates that the error is taken from are all alike, so it would be zero"
NOT_ALWAYS: Final = "some of the samples that the error is taken from hold none of the units it is about"


def normal(value: Floats, std_error: Floats, *, level: float, sentence: str) -> Uncertainty:
    """Uncertainty of k estimates from their standard errors (k,); an error of zero becomes a reason.

    Raises `OptionError` for a level outside (0, 1).
    """
    level = check_level(level)
    lost = np.isnan(std_error)
    none = ~(std_error > 1e-12 * np.maximum(np.abs(value), 1e-300))
    reasons = map(str, np.select([lost, none], [NOT_ALWAYS, NO_SPREAD], ""))
    shown = np.where(none, np.nan, std_error)
    return from_errors(value, shown, reasons, df=NORMAL, level=level, sentence=sentence)
