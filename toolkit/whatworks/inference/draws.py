"""Random weights for bootstraps, the same on every platform and with every version of numpy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from whatworks.arrays import Floats
from whatworks.errors import OptionError, check_whole

Weights = Literal["rademacher", "webb", "mammen"]

DEFAULT_SEED: Final = 1
"""Seed of every bootstrap that is not given one."""

_BLOCK: Final = 2**21
_HELD: Final = 2**24


def weights(kind: Weights, draws: int, clusters: int, *, seed: int) -> Floats:
    """(draws, clusters) independent weights with mean 0 and variance 1.

    Source: `rademacher` ±1; `webb` six points, Webb (2014, Queen's Economics Department WP 1315);
    `mammen` two points with third moment 1, Mammen (1993, Annals of Statistics 21).
    """
    return np.concatenate(list(_blocks(kind, draws, clusters, seed)))


@dataclass(frozen=True, slots=True)
class Flips:
    """Rows of weights (draws, clusters), made block by block so that they need never exist all at once.

    With `every`, the rows are the 2^(G−1) vectors of signs whose last sign is +, the first of them all +;
    their mirrors give the same two-sided statistic.
    """

    kind: Weights
    draws: int
    clusters: int
    seed: int
    every: bool = False

    def __len__(self) -> int:
        return 2 ** (self.clusters - 1) if self.every else self.draws

    def __iter__(self) -> Iterator[Floats]:
        if not self.every:
            yield from _blocks(self.kind, self.draws, self.clusters, self.seed)
            return
        step = max(1, _BLOCK // self.clusters)
        for low in range(0, len(self), step):
            codes = np.arange(low, min(low + step, len(self)), dtype=np.int64)
            bits = (codes[:, None] >> np.arange(self.clusters, dtype=np.int64)[None, :]) & 1
            yield np.asarray(1.0 - 2.0 * bits, dtype=np.float64)

    def held(self) -> Iterable[Floats]:
        """The blocks kept in memory where they are small, for going through them again and again."""
        return list(self) if len(self) * self.clusters <= _HELD else self


def uniforms(bits: np.random.PCG64, shape: tuple[int, ...]) -> Floats:
    """Uniforms in [0, 1) of the given shape from raw bits, which numpy never changes."""
    raw = np.asarray(bits.random_raw(int(np.prod(shape))), dtype=np.uint64)
    raw >>= np.uint64(11)
    found = raw.astype(np.float64)
    found *= 2.0**-53
    return found.reshape(shape)


def _blocks(kind: Weights, draws: int, clusters: int, seed: int) -> Iterator[Floats]:
    values, limits = _points(kind)
    bits = np.random.PCG64(np.random.SeedSequence(check_seed(seed)))
    step = max(1, _BLOCK // clusters)
    for low in range(0, draws, step):
        u = uniforms(bits, (min(step, draws - low), clusters))
        yield np.asarray(values[np.searchsorted(limits, u, side="right")])


def _points(kind: Weights) -> tuple[Floats, Floats]:
    """Values of the weights, and the cumulative probabilities below each but the first."""
    if kind == "rademacher":
        return np.array([-1.0, 1.0]), np.array([0.5])
    if kind == "webb":
        half = np.sqrt([1.5, 1.0, 0.5])
        return np.concatenate([-half, half[::-1]]), np.arange(1, 6) / 6
    if kind == "mammen":
        root = float(np.sqrt(5.0))
        return np.array([(1 - root) / 2, (1 + root) / 2]), np.array([(root + 1) / (2 * root)])
    raise OptionError(
        f"weights={kind!r} is not a choice",
        where="bootstrap weights",
        remedy="The choices are 'rademacher', 'webb' and 'mammen'.",
    )


def check_seed(seed: int) -> int:
    """The seed as an int; raises `OptionError` unless it is a whole number of at least 0."""
    remedy = "Give any whole number, such as 1; the same number gives the same draws."
    return check_whole("seed", seed, least=0, where="inference", remedy=remedy)


def check_draws(draws: int) -> int:
    """The number of draws as an int; raises `OptionError` below 99 (no 5% test could be told from chance)."""
    remedy = "Give 999 for a quick look and 9999 for a number to publish."
    return check_whole("draws", draws, least=99, where="inference", remedy=remedy)


def check_level(level: float) -> float:
    """The level as a float; raises `OptionError` unless it lies strictly between 0 and 1."""
    if isinstance(level, bool) or not isinstance(level, (int, float, np.floating)) or not 0 < level < 1:
        raise OptionError(
            f"level={level!r} is not a number between 0 and 1",
            where="level",
            remedy="Give the coverage wanted, such as 0.95 for a 95% interval.",
        )
    return float(level)
