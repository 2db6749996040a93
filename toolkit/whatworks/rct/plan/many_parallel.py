"""Many trials at once in which units keep one arm: estimates, errors and degrees of freedom in arrays."""

from __future__ import annotations

import numpy as np

from whatworks.arrays import Floats, Ints
from whatworks.errors import OptionError

Answer = tuple[Floats, Floats, Floats]
"""Estimates (S,), errors (S,) and degrees of freedom (S,)."""

_WHERE = "rct.power_by_simulation"


def units(outcome: Floats, treated: Floats) -> Answer:
    """Differences in means of S trials (S, N), HC2 errors, Welch's degrees of freedom.

    The default of `rct.itt`; `treated` is 0 or 1.
    """
    means, errors, sizes = _sides(outcome, treated)
    variance = errors.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        df = variance**2 / (errors**2 / (sizes - 1)).sum(axis=0)
    return means[1] - means[0], np.sqrt(variance), np.where(variance > 0, df, np.inf)


def blocks(outcome: Floats, treated: Floats, block: Ints) -> Answer:
    """Block differences weighted by block size, HC2, units less two a block, as `rct.itt` has them.

    Every block (codes (N,)) holds two units or more of each arm.
    """
    total = np.zeros((2, len(outcome)))
    for code in range(int(block.max()) + 1):
        here = block == code
        means, errors, _ = _sides(outcome[:, here], treated[:, here])
        share = float(here.mean())
        total += np.stack([share * (means[1] - means[0]), share**2 * errors.sum(axis=0)])
    df = outcome.shape[1] - 2.0 * (int(block.max()) + 1)
    return total[0], np.sqrt(total[1]), np.full(len(outcome), df)


def clusters(sums: Floats, size: Floats, treated: Floats) -> Answer:
    """Differences in means over members of clusters, CR2 with the degrees of freedom of Bell & McCaffrey.

    `sums` (S, G) over the members of a cluster, `size` (G,) how many. As `rct.itt` has them for a
    trial without blocks.
    """
    means, variance, trace, square = [], [], [], []
    for side in (1 - treated, treated):
        m = side * size
        mass = m.sum(axis=1, keepdims=True)
        mean = (side * sums).sum(axis=1, keepdims=True) / mass
        with np.errstate(divide="ignore"):
            factor = np.where(m < mass, 1 / np.sqrt(1 - m / mass), np.inf)
        score = side * (sums - size * mean) / mass * factor
        inner = (m * factor) ** 2 / mass**3
        own = m * factor**2 / mass**2
        means.append(mean[:, 0])
        variance.append((score**2).sum(axis=1))
        trace.append((own - inner).sum(axis=1))
        square.append((own**2 - 2 * own * inner).sum(axis=1) + inner.sum(axis=1) ** 2)
    return means[1] - means[0], np.sqrt(sum(variance)), sum(trace) ** 2 / sum(square)


def differences(outcome: Floats, treated: Floats, block: Ints, baseline: Floats | None) -> Answer:
    """S regressions of (S, G) means on the arm, block effects and a baseline (S, G) where given.

    What `inference.least_squares` with `Heteroskedastic("HC2")` gives one by one; for pairs the paired t.
    """
    sizes = np.bincount(block).astype(np.float64)
    member = (block[:, None] == np.arange(len(sizes))).astype(np.float64)

    def inside(values: Floats) -> Floats:
        return np.asarray(values - (values @ member / sizes) @ member.T)

    y, d = inside(outcome), inside(treated)
    leverage = np.broadcast_to(1 / sizes[block], y.shape).copy()
    coefficients = len(sizes) + 1
    if baseline is not None:
        b = inside(baseline)
        b = b / np.sqrt((b**2).sum(axis=1, keepdims=True)).clip(1e-300)
        y, d = (values - b * (b * values).sum(axis=1, keepdims=True) for values in (y, d))
        leverage += b**2
        coefficients += 1
    scale = (d**2).sum(axis=1, keepdims=True)
    estimate = (d * y).sum(axis=1, keepdims=True) / scale
    leverage += d**2 / scale
    df = outcome.shape[1] - coefficients
    if df < 1:
        raise OptionError(
            f"{outcome.shape[1]} units leave no error for {coefficients} coefficients",
            where=_WHERE,
            remedy="Use more units, larger blocks or no baseline.",
        )
    room = np.where(leverage > 1 - 1e-9, np.inf, 1 - leverage)
    variance = (d**2 * (y - estimate * d) ** 2 / room).sum(axis=1) / scale[:, 0] ** 2
    return estimate[:, 0], np.sqrt(variance), np.full(len(outcome), float(df))


def _sides(outcome: Floats, treated: Floats) -> tuple[Floats, Floats, Floats]:
    """(2, S) means of either arm, control first, variances of those means, and units."""
    found = []
    for side in (1 - treated, treated):
        size = side.sum(axis=1)
        mean = (side * outcome).sum(axis=1) / size
        inside = (side * (outcome - mean[:, None]) ** 2).sum(axis=1)
        found.append((mean, inside / np.maximum(size - 1, 1) / size, size))
    means, errors, sizes = (np.stack(part) for part in zip(*found, strict=True))
    return means, errors, sizes
