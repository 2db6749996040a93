"""How far from parallel may trends have been before the finding falls?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from whatworks.arrays import Floats
from whatworks.did.trends.event_times import EventTimes, event_time_covariance, target_weights, usable
from whatworks.errors import OptionError, choose
from whatworks.inference.draws import DEFAULT_SEED, check_draws, check_level, check_seed
from whatworks.inference.intervals import critical_value
from whatworks.inference.trends import honest_conditional, honest_flci
from whatworks.results import NotAvailable, Number, Result

Restriction = Literal["relative_magnitudes", "smoothness"]
Method = Literal["conditional", "fixed_length"]
Bounds = Callable[[float], tuple[float, float]]

WHERE = "did.honest"

_HALVINGS = 12
_NORMAL = NotAvailable("a normal reference distribution has no degrees of freedom")
_EMPTY = "the test keeps no value: the leads contradict every trend that the restriction permits"
_MEANING = {
    "relative_magnitudes": "steps of the trend after the start are at most M times its largest step before",
    "smoothness": "the slope of the trend changes by at most M from one period to the next",
}


@dataclass(frozen=True, slots=True, eq=False)
class Honest:
    """Bounds on an effect that hold although trends were not parallel.

    Attributes:
        restriction: `relative_magnitudes` or `smoothness`; `meaning` says it in words.
        method: `conditional` (C-LF) or `fixed_length` (FLCI).
        table: one row a bound M: m, low, high, reason.
        estimate, std_error, low, high: the effect as if trends were parallel, with its normal interval.
        breakdown: the least M whose interval includes zero, or why there is none.
        weights: event time to weight: which combination of effects is bounded.
        event_times: those that were used, before and after.
        level: coverage of the intervals.
        scale: the unit of the outcome.
        seed: seed of the simulated cutoff, or None where nothing was drawn.
        notes: what a reader must know, in sentences.
        input_hash: fingerprint of the panel.
    """

    restriction: Restriction
    meaning: str
    method: Method
    table: pd.DataFrame
    estimate: float
    std_error: float
    low: float
    high: float
    breakdown: Number
    weights: Mapping[int, float]
    event_times: tuple[int, ...]
    level: float
    scale: str
    seed: int | None
    notes: tuple[str, ...]
    input_hash: str


def honest(
    result: Result,
    *,
    restriction: Restriction = "relative_magnitudes",
    method: Method | None = None,
    grid: Iterable[float] | None = None,
    weights: Mapping[int, float] | None = None,
    window: tuple[int, int] | None = None,
    pool: int = 1,
    level: float = 0.95,
    draws: int = 10_000,
    seed: int = DEFAULT_SEED,
) -> Honest:
    """Intervals that hold although trends were not parallel, for each bound M on how far they were not.

    Args:
        result: effects by event time against one reference, as `did.event_time_covariance` takes them.
        restriction: `relative_magnitudes`: steps of the trend after the start are at most M times its
            largest step before; `smoothness`: its slope changes by at most M a period.
        method: `conditional` (C-LF), the default, or `fixed_length` (FLCI), that of smoothness alone.
        grid: values of M, from 0 up; default 0 to 2 by 0.25, or, for smoothness, nine from 0 to the largest
            change of slope that the leads do not exclude.
        weights: event time to weight, for any combination of effects; default the average from 0 on.
        window: first and last event time to use. Relative magnitudes look at the leads inside it only.
        pool: event times in one block (12 months, say): steps go from block to block, `weights` name blocks.
        level, draws, seed: coverage of the intervals; the simulated cutoff of the conditional test.

    Raises:
        OptionError: a choice that does not exist or does not fit, or a result without event times.
        DesignError: leads against a moving base, gaps, or a singular covariance.

    Source: Rambachan & Roth (2023), Review of Economic Studies 90(5); numbers as in R's HonestDiD 0.2.6.
    """
    choose("restriction", restriction, tuple(_MEANING), where=WHERE)
    method = _method(method, restriction)
    level, simulation = check_level(level), (check_draws(draws), check_seed(seed))
    found = usable(event_time_covariance(result, where=WHERE), window, WHERE, pool=pool)
    target = target_weights(found, weights, WHERE)
    bounds = _bounds(found, target, restriction, method, level, simulation)
    return Honest(
        restriction=restriction,
        meaning=_MEANING[restriction],
        method=method,
        **_as_if_parallel(found, target, level),
        **_sensitivity(bounds, _grid(grid, found, restriction)),
        level=level,
        scale=result.headline.scale,
        seed=simulation[1] if method == "conditional" else None,
        input_hash=result.input_hash,
    )


def _as_if_parallel(found: EventTimes, target: Floats, level: float) -> dict[str, Any]:
    """The combination itself with its standard error and normal interval."""
    after = found.after
    estimate = float(target @ found.estimates[after])
    error = float(np.sqrt(target @ found.covariance[np.ix_(after, after)] @ target))
    half = critical_value(level, df=_NORMAL) * error
    return {
        "estimate": estimate,
        "std_error": error,
        "low": estimate - half,
        "high": estimate + half,
        "weights": dict(zip(found.times[after].tolist(), target.tolist(), strict=True)),
        "event_times": tuple(found.times.tolist()),
        "notes": found.notes,
    }


def _method(method: str | None, restriction: Restriction) -> Any:
    if method is None:
        return "conditional" if restriction == "relative_magnitudes" else "fixed_length"
    choose("method", method, ("conditional", "fixed_length"), where=WHERE)
    if method == "fixed_length" and restriction == "relative_magnitudes":
        raise OptionError(
            "no interval of fixed length exists under relative magnitudes: the worst bias has no bound",
            where=WHERE,
            remedy='Use method="conditional", or restriction="smoothness".',
        )
    return method


def _grid(grid: Iterable[float] | None, found: EventTimes, restriction: Restriction) -> list[float]:
    if grid is None:
        top = 2.0 if restriction == "relative_magnitudes" else _largest_bend(found)
        return [float(m) for m in np.linspace(0, top, 9)]
    values = sorted({float(m) for m in grid})
    if not values or not np.isfinite(values).all() or values[0] < 0:
        raise OptionError(
            f"grid={values!r} is not a list of bounds",
            where=WHERE,
            remedy="Give numbers from 0 up, such as (0, 0.5, 1, 2).",
        )
    return values


def _largest_bend(found: EventTimes) -> float:
    """Upper 95% bound of the largest change of slope among the leads; a standard error where none shows."""
    before = ~found.after
    whole = np.append(found.estimates[before], 0.0)
    spread = np.zeros((len(whole), len(whole)))
    spread[:-1, :-1] = found.covariance[np.ix_(before, before)]
    if len(whole) < 3:
        return float(np.sqrt(spread[0, 0]))
    second = np.diff(np.eye(len(whole)), n=2, axis=0)
    error = np.sqrt(np.einsum("kj,jl,kl->k", second, spread, second))
    return float((np.abs(second @ whole) + critical_value(0.9, df=_NORMAL) * error).max())


def _bounds(
    found: EventTimes,
    target: Floats,
    restriction: Restriction,
    method: Method,
    level: float,
    simulation: tuple[int, int],
) -> Bounds:
    """The function from M to the interval's ends (NaN where the set is empty)."""
    beta, sigma = found.estimates, found.covariance
    n_post = int(found.after.sum())
    n_pre = len(beta) - n_post
    if method == "fixed_length":
        path = honest_flci.frontier(sigma, n_pre, target)
        return lambda m: honest_flci.shortest(path, beta, m, level)[:2]
    root = np.asarray(np.linalg.cholesky(sigma), dtype=np.float64)
    normals = honest_conditional.normals(simulation[0], len(beta), simulation[1])
    restrict = getattr(honest_conditional, restriction)
    share = honest_conditional.SHARE * (1 - level)

    def conditional(m: float) -> tuple[float, float]:
        corners = honest_conditional.vertices(restrict(n_pre, n_post, m), beta, sigma, target)
        cutoff = honest_conditional.least_favourable(corners, root, normals, share)
        return honest_conditional.confidence_set(corners, cutoff, 1 - level)

    return conditional


def _sensitivity(bounds: Bounds, values: list[float]) -> dict[str, Any]:
    """The table of intervals and the breakdown value."""
    ends = [(m, *bounds(m)) for m in values]
    table = pd.DataFrame(ends, columns=["m", "low", "high"])
    table["reason"] = np.where(np.isfinite(table["low"]), "", _EMPTY)
    return {"table": table, "breakdown": _breakdown(bounds, table)}


def _breakdown(bounds: Bounds, table: pd.DataFrame) -> Number:
    """The least M whose interval includes zero, by halving inside the first stretch that has it."""
    includes = ((table["low"] <= 0) & (table["high"] >= 0)).to_numpy()
    values = table["m"].to_numpy()
    if not includes.any():
        return NotAvailable(f"no interval includes zero up to M = {values[-1]:.4g}")
    first = int(includes.argmax())
    if first == 0:
        if values[0] == 0:
            return 0.0
        return NotAvailable(f"the interval includes zero already at the least M given, {values[0]:.4g}")
    low, high = float(values[first - 1]), float(values[first])
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        ends = bounds(middle)
        low, high = (low, middle) if ends[0] <= 0 <= ends[1] else (middle, high)
    return high
