"""Multiplier bootstrap of influence contributions: errors, and bands that hold for all terms at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from whatworks.arrays import Bools, Floats
from whatworks.errors import choose
from whatworks.inference import intervals
from whatworks.inference.draws import DEFAULT_SEED, check_draws, check_level, check_seed
from whatworks.inference.errors.influence import known
from whatworks.inference.uncertainty import Uncertainty
from whatworks.results import NotAvailable

Floats32 = npt.NDArray[np.float32]
Rows = Callable[[int, int], Floats]

_IQR: Final = 1.3489795003921634
_ROWS: Final = 8192
_CHUNK: Final = 1024
"""Clusters per step: 999 draws of float32 weights take 4 MB and stay in the processor's cache."""
_LARGE_CRITICAL_VALUE: Final = 7.0
_ROOT5: Final = float(np.sqrt(5.0))
_SIGNS_OF_BYTE: Final = (2.0 * np.unpackbits(np.arange(256, dtype=np.uint8)).reshape(256, 8) - 1).astype(
    np.float32
)


@dataclass(frozen=True, slots=True)
class MultiplierBootstrap:
    """Multiplies each cluster's influence by a random weight of mean 0 and variance 1.

    Attributes:
        draws: how many.
        seed: the same seed gives the same draws.
        weights: `rademacher` (±1) or `mammen` (two points, third moment 1).

    Source: Callaway & Sant'Anna (2021, Journal of Econometrics 225), Algorithm 1 and Remark 10; the error is
    the interquartile range of the draws over 1.349, quantiles as order statistics, as in R's did 2.5.1.
    """

    draws: int = 999
    seed: int = DEFAULT_SEED
    weights: Literal["rademacher", "mammen"] = "rademacher"

    def __post_init__(self) -> None:
        check_draws(self.draws)
        check_seed(self.seed)
        choose("weights", self.weights, ("rademacher", "mammen"), where="MultiplierBootstrap")


@dataclass(frozen=True, slots=True, eq=False)
class Bootstrapped:
    """(k,) errors from the draws and the critical value that covers all terms at once."""

    std_error: Floats
    critical: float


def bootstrap(
    rows: Rows,
    n: int,
    k: int,
    *,
    choice: MultiplierBootstrap,
    level: float,
    together: Bools | None = None,
) -> Bootstrapped:
    """Errors and simultaneous critical value of k estimates.

    Args:
        rows: gives the contributions of clusters lo..hi as an array (hi − lo, k), so that they need never
            exist all at once; a column of zeros is a term without information and gets NaN.
        n: how many clusters (units without clusters).
        k: how many terms.
        choice: draws, seed and weights.
        level: coverage of the simultaneous band.
        together: (k,) the terms that the band covers; all of them unless given.
    """
    check_level(level)
    sample, sums = draw(rows, n, k, choice=choice)
    order = np.sort(sample, axis=0)
    upper, lower = (order[int(np.ceil(q * choice.draws)) - 1] for q in (0.75, 0.25))
    std_error = known((upper - lower) / _IQR, sums)
    fine = np.isfinite(std_error) if together is None else np.isfinite(std_error) & together
    if not fine.any():
        return Bootstrapped(std_error, float("nan"))
    largest = np.sort((np.abs(sample[:, fine]) / std_error[fine]).max(axis=1))
    critical = float(largest[int(np.ceil(level * choice.draws)) - 1])
    return Bootstrapped(std_error, critical)


def draw(rows: Rows, n: int, k: int, *, choice: MultiplierBootstrap) -> tuple[Floats, Floats]:
    """(draws, k) bootstrap deviations, and the (1, k) largest absolute contribution of each term."""
    bits = np.random.PCG64(np.random.SeedSequence(choice.seed))
    sample = np.zeros((choice.draws, k))
    largest = np.zeros((1, k))
    for lo in range(0, n, _ROWS):
        block = rows(lo, min(lo + _ROWS, n))
        top = np.maximum(block.max(axis=0), -block.min(axis=0))
        largest = np.maximum(largest, top)
        # float32 keeps seven digits of every term, and nothing underflows once the largest is about 1
        scale = 2.0 ** np.ceil(np.log2(top.max())) if top.any() else 1.0
        scaled = np.multiply(block, 1 / scale, out=np.empty(block.shape, np.float32), casting="same_kind")
        for at in range(0, len(block), _CHUNK):
            part = scaled[at : at + _CHUNK]
            live = part.any(axis=0)
            sample[:, live] += (random_weights(bits, choice, len(part)) @ part[:, live]) * scale
    return sample, largest


def simultaneous(value: Floats, result: Bootstrapped, *, level: float) -> tuple[Floats, Floats, str]:
    """Ends of the band for all terms at once, and a warning where the band is not to be trusted.

    Never narrower than the pointwise interval.
    """
    pointwise = intervals.critical_value(level, df=NotAvailable("normal"))
    critical = max(result.critical, pointwise) if np.isfinite(result.critical) else pointwise
    warning = ""
    if critical >= _LARGE_CRITICAL_VALUE:
        warning = (
            f"The critical value of the simultaneous band is {critical:.1f}: some terms rest on so few units "
            "that their bootstrap distribution is a handful of points. Read the band with caution."
        )
    return value - critical * result.std_error, value + critical * result.std_error, warning


def uncertainty(
    value: Floats,
    result: Bootstrapped,
    reason: tuple[str, ...],
    *,
    choice: MultiplierBootstrap,
    level: float,
    by: str,
) -> Uncertainty:
    """Pointwise intervals and p-values of k estimates from bootstrap errors.

    A p-value is never below 1/(draws + 1), which is all that many draws can show.
    """
    df = NotAvailable("a normal reference distribution has no degrees of freedom")
    low, high = intervals.interval(value, result.std_error, df=df, level=level)
    p = np.maximum(intervals.p_value(value, result.std_error, df=df), 1 / (choice.draws + 1))
    sentence = (
        f"Multiplier bootstrap of the influence function, {choice.draws:,} {choice.weights} draws (seed "
        f"{choice.seed}), independent across {by}; error from the interquartile range, normal quantiles; "
        f"p-values no smaller than 1/{choice.draws + 1:,}"
    )
    return Uncertainty(value, result.std_error, low, high, p, reason, level, df, sentence)


def random_weights(bits: np.random.PCG64, choice: MultiplierBootstrap, n: int) -> Floats32:
    """(draws, n) float32 weights from the next raw bits."""
    total = choice.draws * n
    if choice.weights == "rademacher":
        raw = np.asarray(bits.random_raw(-(-total // 64)), dtype="<u8")
        return _SIGNS_OF_BYTE[raw.view(np.uint8)].reshape(-1)[:total].reshape(choice.draws, n)
    raw = np.asarray(bits.random_raw(-(-total // 2)), dtype="<u8").view("<u4")[:total]
    low, high = (1 - _ROOT5) / 2, (1 + _ROOT5) / 2
    cut = np.uint32((_ROOT5 + 1) / (2 * _ROOT5) * 2**32)
    return np.where(raw < cut, np.float32(low), np.float32(high)).astype(np.float32).reshape(choice.draws, n)
