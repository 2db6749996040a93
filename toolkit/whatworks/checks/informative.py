"""A check may pass only where it could have failed: what it would have seen, beside what is claimed."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

from whatworks.checks import readings
from whatworks.results import CheckResult, Estimate

POWER: Final = 0.8
HALF: Final = 0.5
"""A check supports an effect where it would have seen a departure that explains away half of it."""


def least_seen(low: float, high: float, level: float, *, tries: int = 1, threshold: float = 0.05) -> float:
    """The smallest departure that a two-sided test at `threshold` sees four times in five.

    `low` and `high` are the ends of its interval at `level`; with several tries the best p-value has to pass
    `threshold` over their number (Bonferroni, which Holm's first step is).
    """
    from scipy.stats import norm

    error = (high - low) / (2 * norm.ppf((1 + level) / 2))
    return float(error * (norm.ppf(1 - threshold / (2 * tries)) + norm.ppf(POWER)))


def supported(check: CheckResult, seen: float, effect: float, *, like: Estimate | None = None) -> CheckResult:
    """The check with what it would have seen; a pass that could not have been a concern is not informative.

    Args:
        check: what the check found.
        seen: the smallest departure it sees four times in five, as a distance from no effect.
        effect: the effect that it is to support, measured alike.
        like: an estimate on whose scale both are told; as they stand without.
    """
    if not math.isfinite(seen) or not math.isfinite(effect):
        return check
    number, own = (one if like is None else readings.shown(like, one) for one in (seen, effect))
    told = (
        f"It would have seen a departure of {number:.3g} four times in five, beside an effect of {own:.3g}."
    )
    whole = replace(check, reason=f"{check.reason} {told}", would_have_seen=number)
    if check.verdict != "pass" or seen <= HALF * abs(effect):
        return whole
    blind = "That could hide more than half of the effect, so that nothing was seen supports nothing."
    return replace(whole, verdict="not_informative", reason=f"{whole.reason} {blind}")
