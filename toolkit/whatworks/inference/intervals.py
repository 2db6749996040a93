"""From an estimate and its standard error to an interval, a p-value and the smallest detectable effect."""

from __future__ import annotations

import numpy as np

from whatworks.arrays import Floats
from whatworks.results import NotAvailable, Number


def critical_value(level: float, *, df: Number) -> float:
    """The quantile that leaves (1 − level)/2 above it: Student's t, or normal without `df`."""
    return float(_quantile(0.5 + level / 2, df))


def interval(value: Floats, std_error: Floats, *, df: Number | Floats, level: float) -> tuple[Floats, Floats]:
    """Ends of the symmetric interval, element by element (shapes broadcast, degrees of freedom too)."""
    half = _quantile(0.5 + level / 2, df) * std_error
    return value - half, value + half


def p_value(value: Floats, std_error: Floats, *, df: Number | Floats, null: float = 0.0) -> Floats:
    """Two-sided p-value of `null`, element by element; NaN where the standard error is 0."""
    from scipy import special

    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(std_error > 0, -np.abs(value - null) / std_error, np.nan)
    if isinstance(df, NotAvailable):
        return np.asarray(2 * special.ndtr(t))
    return np.asarray(2 * special.stdtr(df, t))


def smallest_detectable(std_error: Number, df: Number, level: float, *, power: float = 0.8) -> Number:
    """The effect that a test at 1 − level finds with probability `power`: (t₁₋α/₂ + t_power) × std_error.

    Passes on the reason where there is no standard error.

    Source: Bloom (1995), Evaluation Review 19(5), p. 548.
    """
    if isinstance(std_error, NotAvailable):
        return NotAvailable(f"no smallest detectable effect without a standard error: {std_error.reason}")
    return (critical_value(level, df=df) + float(_quantile(power, df))) * float(std_error)


def _quantile(probability: float, df: Number | Floats) -> Floats:
    from scipy import special

    if isinstance(df, NotAvailable):
        return np.asarray(special.ndtri(probability))
    return np.asarray(special.stdtrit(df, probability))
