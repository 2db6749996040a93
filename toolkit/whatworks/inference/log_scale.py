"""Effects on the log scale, as rate ratios and percent changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from whatworks.results import Estimate, NotAvailable, Number


def mapped(log_effect: Estimate, estimand: str, scale: str, less: float, times: float) -> Estimate:
    """The log effect b as times·(exp b − less), ends alike, the error by the delta method."""

    def change(number: Number) -> Number:
        return number if isinstance(number, NotAvailable) else times * (float(np.exp(number)) - less)

    value, error = log_effect.value, log_effect.std_error
    if not isinstance(error, NotAvailable) and not isinstance(value, NotAvailable):
        error = times * float(np.exp(value)) * error
    return replace(
        log_effect,
        estimand=estimand,
        value=change(value),
        std_error=error,
        low=change(log_effect.low),
        high=change(log_effect.high),
        scale=scale,
    )
