"""Jackknife+ over time: each period before the start is left out, predicted, and its error kept."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor
from typing import Final

import numpy as np

from whatworks.arrays import Floats
from whatworks.inference import draws as random_draws
from whatworks.inference.uncertainty import Uncertainty
from whatworks.results import NotAvailable

NO_DF: Final = NotAvailable("the interval refers to held-out errors, not to a t distribution")
NO_TEST: Final = "jackknife+ gives an interval, no standard error and no p-value"


@dataclass(frozen=True, slots=True)
class JackknifePlus:
    """Intervals from leaving out each period before the start.

    With n such periods, the interval at level 1 − α for a gap runs from the ⌊α(n+1)⌋-th smallest of the gaps
    found without each period less that period's held-out error, to the mirror image of it. If periods are
    exchangeable it covers at least 1 − 2α, and about 1 − α as a rule. For a mean over many periods it is too
    wide, because a held-out error is that of one period.

    Source: Barber, Candès, Ramdas & Tibshirani (2021), Annals of Statistics 49(1), equation 1.2; over time in
    synthetic control as in Ben-Michael, Feller & Rothstein (2021), JASA 116(536).
    """

    def test(self, value: Floats, without: Floats, errors: Floats, *, level: float) -> Uncertainty:
        """Uncertainty of K estimates.

        Args:
            value: (K,) estimates.
            without: (n, K) the same estimates from fits without each period.
            errors: (n,) size of the held-out error of each period.
            level: coverage of the intervals.
        """
        count = len(errors)
        place = floor((1 - random_draws.check_level(level)) * (count + 1) + 1e-9)
        low = high = np.full(len(value), np.nan)
        reason = NO_TEST
        if place >= 1:
            low = np.sort(without - errors[:, None], axis=0)[place - 1]
            high = np.sort(without + errors[:, None], axis=0)[count - place]
        else:
            least = ceil(1 / (1 - level) - 1e-9) - 1
            reason += f"; at {level:.0%} it needs {least} periods before the start, and there are {count}"
        gap = np.full(len(value), np.nan)
        return Uncertainty(
            value, gap, low, high, gap, (reason,) * len(value), level, NO_DF, self.sentence(count)
        )

    def sentence(self, periods: int) -> str:
        """How the uncertainty was found, for the result."""
        return (
            f"Jackknife+ over the {periods} periods before the start, each left out and predicted; about the "
            "stated coverage if those periods are like the later ones, conservative for a mean over many"
        )
