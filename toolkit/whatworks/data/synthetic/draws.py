"""Draws that come out the same on every platform and with every version of numpy and scipy.

numpy promises that the raw 64-bit stream of PCG64 and the spawning of SeedSequence never change; it makes no
such promise for the samplers of `Generator`. So every draw here is a uniform taken from raw bits and turned
by an inverse distribution function. Only whole numbers leave the generator: a last-bit difference between
two maths libraries (1e-12 of a mean, say) would have to straddle one of ten thousand uniforms to move one
count, a chance of about one in ten million.
"""

from __future__ import annotations

import numpy as np

from whatworks.arrays import Floats, Ints
from whatworks.errors import check_whole


def is_number(value: object) -> bool:
    """True for a whole or floating number of Python or numpy, not for true or false."""
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


def uniforms(seed: int, stream: int, shape: tuple[int, ...]) -> Floats:
    """Independent uniforms strictly between 0 and 1, of the given shape, from one numbered stream of a seed.

    Raises `OptionError` when the seed is not a whole number of at least 0.
    """
    remedy = "Give any whole number, such as 2020; the same number gives the same data."
    seed = check_whole("seed", seed, least=0, where="synthetic London", remedy=remedy)
    bits = np.random.PCG64(np.random.SeedSequence([seed, stream]))
    raw = np.asarray(bits.random_raw(int(np.prod(shape))), dtype=np.uint64)
    # 52 bits and a half, so that neither 0 nor 1 can come out
    return (((raw >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52).reshape(shape)


def normals(seed: int, stream: int, shape: tuple[int, ...]) -> Floats:
    """Independent standard normal draws of the given shape."""
    from scipy.special import ndtri

    return np.asarray(ndtri(uniforms(seed, stream, shape)))


def poisson_quantile(probability: Floats, mean: Floats) -> Ints:
    """The smallest count whose Poisson distribution function reaches `probability` (same shape as `mean`)."""
    from scipy.special import ndtri, pdtr

    z = np.asarray(ndtri(probability)).ravel()
    mean, probability = mean.ravel(), probability.ravel()
    # Cornish–Fisher start: at most a step or two off
    count = np.maximum(np.floor(mean + np.sqrt(mean) * z + (z * z - 1) / 6 + 0.5), 0.0)
    rising = np.flatnonzero(pdtr(count, mean) < probability)
    settled = np.ones(count.shape, dtype=bool)
    settled[rising] = False
    while rising.size:
        count[rising] += 1
        rising = rising[pdtr(count[rising], mean[rising]) < probability[rising]]
    falling = np.flatnonzero(settled & (count > 0))
    while falling.size:
        falling = falling[pdtr(count[falling] - 1, mean[falling]) >= probability[falling]]
        count[falling] -= 1
        falling = falling[count[falling] > 0]
    return count.astype(np.int64)
