"""Random weights for bootstraps, the same on every platform and with every version of numpy."""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from whatworks.errors import OptionError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Weights = Literal["rademacher", "webb", "mammen"]

DEFAULT_SEED: Final = 1
"""Seed of every bootstrap that is not given one."""

_WEBB: Final = np.array([-np.sqrt(1.5), -1.0, -np.sqrt(0.5), np.sqrt(0.5), 1.0, np.sqrt(1.5)])
_ROOT5: Final = float(np.sqrt(5.0))


def uniforms(seed: int, shape: tuple[int, ...]) -> Floats:
    """Independent uniforms in [0, 1) of the given shape, from the raw bits of PCG64, which never change.

    Raises `OptionError` when the seed is not a whole number of at least 0.
    """
    bits = np.random.PCG64(np.random.SeedSequence(check_seed(seed)))
    raw = np.asarray(bits.random_raw(int(np.prod(shape))), dtype=np.uint64)
    return np.asarray((raw >> np.uint64(11)).astype(np.float64) * 2.0**-53).reshape(shape)


def weights(kind: Weights, draws: int, clusters: int, *, seed: int) -> Floats:
    """(draws, clusters) independent weights with mean 0 and variance 1.

    Source: `rademacher` ±1; `webb` six points, Webb (2014, Queen's Economics Department WP 1315);
    `mammen` two points with third moment 1, Mammen (1993, Annals of Statistics 21).
    """
    u = uniforms(seed, (draws, clusters))
    if kind == "rademacher":
        return np.where(u < 0.5, -1.0, 1.0)
    if kind == "webb":
        return np.asarray(_WEBB[np.minimum((u * 6).astype(np.int64), 5)])
    if kind == "mammen":
        values = np.array([(1 - _ROOT5) / 2, (1 + _ROOT5) / 2])
        return np.asarray(values[(u >= (_ROOT5 + 1) / (2 * _ROOT5)).astype(np.int64)])
    raise OptionError(
        f"weights={kind!r} is not a choice",
        where="bootstrap weights",
        remedy="The choices are 'rademacher', 'webb' and 'mammen'.",
    )


def half_of_all_signs(clusters: int) -> Floats:
    """(2^(G−1), G) every vector of signs whose last sign is +; the first row is all +.

    The other half are their mirrors, which give the same two-sided statistic.
    """
    codes = np.arange(2 ** (clusters - 1), dtype=np.int64)
    bits = (codes[:, None] >> np.arange(clusters, dtype=np.int64)[None, :]) & 1
    return np.asarray(1.0 - 2.0 * bits, dtype=np.float64)


def check_seed(seed: int) -> int:
    """The seed as an int; raises `OptionError` unless it is a whole number of at least 0."""
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise OptionError(
            f"seed={seed!r} is not a whole number of at least 0",
            where="inference",
            remedy="Give any whole number, such as 1; the same number gives the same draws.",
        )
    return int(seed)


def check_draws(draws: int) -> int:
    """The number of draws as an int; raises `OptionError` below 99 (no 5% test could be told from chance)."""
    if isinstance(draws, bool) or not isinstance(draws, (int, np.integer)) or draws < 99:
        raise OptionError(
            f"draws={draws!r} is not a whole number of at least 99",
            where="inference",
            remedy="Give 999 for a quick look and 9999 for a number to publish.",
        )
    return int(draws)


def check_level(level: float) -> float:
    """The level as a float; raises `OptionError` unless it lies strictly between 0 and 1."""
    if isinstance(level, bool) or not isinstance(level, (int, float, np.floating)) or not 0 < level < 1:
        raise OptionError(
            f"level={level!r} is not a number between 0 and 1",
            where="level",
            remedy="Give the coverage wanted, such as 0.95 for a 95% interval.",
        )
    return float(level)
