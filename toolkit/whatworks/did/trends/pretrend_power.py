"""Which trend the test of the leads would have missed, and what it would do to the headline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from whatworks.arrays import Floats
from whatworks.did.trends.event_times import EventTimes, event_time_covariance, target_weights, usable
from whatworks.errors import OptionError, choose
from whatworks.inference.draws import check_level
from whatworks.inference.intervals import critical_value
from whatworks.inference.trends import trend_power
from whatworks.results import NotAvailable, Result

WHERE = "did.pretrend_power"

_NORMAL = NotAvailable("a normal reference distribution has no degrees of freedom")


@dataclass(frozen=True, slots=True, eq=False)
class PretrendPower:
    """What the test of the leads can see.

    Attributes:
        table: one row a power: power; slope (outcome units a period) of the straight difference in trends
            that the test notices so often; bias it puts into the headline; bias_if_passed, the same among
            panels whose leads pass the test.
        test: `joint` (largest |t|, its critical value for all leads at once) or `any` (each at `level`).
        critical: the |t| above which a lead fails.
        size: how often the test rejects without any trend.
        n_leads: leads tested.
        estimate: the headline that the bias is compared with.
        weights: event time to weight of that headline.
        scale: the unit of the outcome.
        notes: what a reader must know, in sentences.
        input_hash: fingerprint of the panel.
    """

    table: pd.DataFrame
    test: Literal["joint", "any"]
    critical: float
    size: float
    n_leads: int
    estimate: float
    weights: Mapping[int, float]
    scale: str
    notes: tuple[str, ...]
    input_hash: str


def pretrend_power(
    result: Result,
    *,
    power: Sequence[float] = (0.5, 0.8),
    test: Literal["joint", "any"] = "joint",
    weights: Mapping[int, float] | None = None,
    window: tuple[int, int] | None = None,
    pool: int = 1,
    level: float = 0.95,
) -> PretrendPower:
    """The straight difference in trends that a test of the leads notices with given power, and its bias.

    Args:
        result: effects by event time against one reference, as `did.event_time_covariance` takes them.
        power: probabilities of noticing the trend.
        test: `joint`: the largest |t| against its critical value for all leads at once, the test that results
            carry (here with normal leads instead of a bootstrap); `any`: any lead significant by itself, the
            habit, which rejects true parallel trends more often than 1 − level.
        weights: event time to weight, for any combination of effects; default the average from 0 on.
        window, pool: first and last event time to use, and how many in one block; slopes stay per period.
        level: one less the size of the test.

    Raises:
        OptionError: a choice that does not fit, or a result without event times.
        DesignError: leads against a moving base, gaps, or a singular covariance.

    Source: Roth (2022), American Economic Review: Insights 4(3); `any` is the test of R's pretrends.
    """
    choose("test", test, ("joint", "any"), where=WHERE)
    level, asked = check_level(level), _powers(power)
    found = usable(event_time_covariance(result, where=WHERE), window, WHERE, pool=pool)
    target = target_weights(found, weights, WHERE)
    before = found.covariance[np.ix_(~found.after, ~found.after)]
    joint = test == "joint"
    critical = trend_power.joint_critical(before, level) if joint else critical_value(level, df=_NORMAL)
    tested = trend_power.leads(before, critical)
    table = pd.DataFrame([_row(found, tested, target, p) for p in asked])
    estimate = float(target @ found.estimates[found.after])
    return PretrendPower(
        table=table,
        test=test,
        critical=critical,
        size=1 - tested.passing(np.zeros(len(before)))[0],
        n_leads=len(before),
        estimate=estimate,
        weights=dict(zip(found.times[found.after].tolist(), target.tolist(), strict=True)),
        scale=result.headline.scale,
        notes=(_sentence(table, estimate), *found.notes),
        input_hash=result.input_hash,
    )


def _row(found: EventTimes, tested: trend_power.Leads, target: Floats, power: float) -> dict[str, float]:
    after = found.after
    when = found.width * (found.times - found.reference).astype(np.float64)
    slope = trend_power.slope_for_power(tested, when[~after], power)
    bias = float(slope * (target @ when[after]))
    _, given = tested.passing(slope * when[~after])
    carry = target @ found.covariance[np.ix_(after, ~after)]
    pulled = np.linalg.solve(found.covariance[np.ix_(~after, ~after)], given - slope * when[~after])
    return {
        "power": power,
        "slope": slope,
        "bias": bias,
        "bias_if_passed": bias + float(carry @ pulled),
    }


def _sentence(table: pd.DataFrame, estimate: float) -> str:
    power, slope, bias = (float(table[name].iloc[-1]) for name in ("power", "slope", "bias"))
    return (
        f"A straight difference in trends of {slope:.3g} a period would be noticed with probability "
        f"{power:.0%}, and would move the estimate of {estimate:.3g} by {bias:.3g}."
    )


def _powers(power: Sequence[float]) -> list[float]:
    values = [float(p) for p in power]
    if not values or not all(0 < p < 1 for p in values):
        raise OptionError(
            f"power={power!r} is not a list of probabilities",
            where=WHERE,
            remedy="Give numbers between 0 and 1, such as (0.5, 0.8).",
        )
    return values
