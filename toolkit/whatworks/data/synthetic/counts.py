"""Many simulated panels of counts at once: gamma–Poisson, correlated along months and between neighbours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from whatworks.arrays import Floats, Ints
from whatworks.data.synthetic.city import london
from whatworks.data.synthetic.draws import is_number, normals, poisson_quantile, uniforms
from whatworks.errors import OptionError, check_whole

_FRAILTY, _POISSON = 1, 2


@dataclass(frozen=True, slots=True)
class Noise:
    """How noisy the counts are.

    Attributes:
        dispersion: variance over mean of an untreated count, φ from 1 (Poisson) to 100.
        serial: correlation of one month's hidden rate with the next in the same borough, 0 to below 1.
        spatial: strength ρ of the pull between bordering boroughs, 0 to below 1, as in a spatial
            autoregression z = ρWz + ε with W the average over neighbours.

    The defaults follow recorded crime by borough, 2012–18, after a trend per borough and a common month
    effect: variance over mean about 3 for robbery, 4 for burglary, 2 for violence, 5 for vehicle offences;
    correlation with the next month 0.15–0.4; bordering boroughs 0.1–0.2 above distant ones. Counts show
    (φ − 1)/φ of the correlation of the hidden rates.

    Raises:
        OptionError: a value outside its range.
    """

    dispersion: float = 3.0
    serial: float = 0.6
    spatial: float = 0.5

    def __post_init__(self) -> None:
        if not is_number(self.dispersion) or not 1 <= self.dispersion <= 100:
            raise OptionError(
                f"dispersion={self.dispersion!r} is not a number from 1 to 100",
                where="Noise",
                remedy="Give variance over mean: 1 for Poisson counts, about 3 for recorded crime.",
            )
        for name in ("serial", "spatial"):
            value = getattr(self, name)
            if not is_number(value) or not 0 <= value < 1:
                raise OptionError(
                    f"{name}={value!r} is not a number from 0 to below 1",
                    where="Noise",
                    remedy="Give 0 for none, or a number below 1 such as 0.5.",
                )


@dataclass(frozen=True, slots=True, eq=False)
class Simulated:
    """R simulated panels of N boroughs by T months.

    Attributes:
        counts: (R, N, T) whole numbers of at least 0.
        treated: (R, N, T) mean of each count given its hidden rate, with the treatment.
        untreated: (R, N, T) the mean it would have had without. Their difference is the true effect.
    """

    counts: Ints
    treated: Floats
    untreated: Floats


def simulate_counts(
    mean: Floats,
    *,
    seed: int,
    replications: int = 1,
    rate_ratio: Floats | float = 1.0,
    noise: Noise | None = None,
) -> Simulated:
    """Draw panels of monthly counts for the 32 boroughs with a known effect.

    A hidden rate g with mean 1 multiplies each mean: gamma with shape mean/(φ − 1), so that an untreated
    count has variance φ × mean; its normal score is autoregressive along months and between bordering
    boroughs (a Gaussian copula, which leaves the gamma as it is). The count is then
    Poisson(mean × rate_ratio × g).

    Args:
        mean: (32, T) untreated expected counts, boroughs in the order of `london()`, all above 0.
        seed: the same seed gives the same panels.
        replications: R, how many panels.
        rate_ratio: multiplies the mean: a number, (32, T), or (R, 32, T) for an assignment per panel; 1 where
            untreated.
        noise: `Noise()` unless told.

    Raises:
        OptionError: shapes that do not fit, means or ratios not above 0, fewer than one replication.

    Source: gamma–Poisson mixture with linear variance, Cameron & Trivedi (2013), section 3.3 (NB1).
    """
    noise = noise or Noise()
    mean = np.asarray(mean, dtype=np.float64)
    ratio = np.asarray(rate_ratio, dtype=np.float64)
    shape = _panel_shape(mean, ratio, replications)
    untreated = mean * _frailty(mean, shape, seed, noise)
    # nine decimals, so that the same numbers meet the Poisson step whatever the maths library
    untreated = np.round(untreated, 9)
    treated = np.round(untreated * ratio, 9)
    counts = poisson_quantile(uniforms(seed, _POISSON, shape), treated).reshape(shape)
    return Simulated(counts, treated, untreated)


def _panel_shape(mean: Floats, ratio: Floats, replications: int) -> tuple[int, int, int]:
    n = len(london().codes)
    remedy = "Give the number of panels to draw, such as 1000."
    many = check_whole("replications", replications, least=1, where="simulate_counts", remedy=remedy)
    if mean.ndim != 2 or mean.shape[0] != n or mean.shape[1] < 1 or not _positive(mean):
        raise OptionError(
            f"mean has shape {mean.shape} or holds numbers that are not above 0",
            where="simulate_counts",
            remedy=f"Give {n} rows (boroughs by GSS code) by months, as expected_counts does.",
        )
    shape = (many, n, mean.shape[1])
    fits = ratio.ndim <= 3 and all(
        have in (1, want) for have, want in zip(ratio.shape[::-1], shape[::-1], strict=False)
    )
    if not fits or not _positive(ratio):
        raise OptionError(
            f"rate_ratio has shape {ratio.shape}, which does not fit {shape}, or holds numbers not above 0",
            where="simulate_counts",
            remedy="Give 1 where untreated and, say, 0.88 where the treatment takes 12% off.",
        )
    return shape


def _positive(values: Floats) -> bool:
    return bool(np.all(np.isfinite(values) & (values > 0)))


def _frailty(mean: Floats, shape: tuple[int, int, int], seed: int, noise: Noise) -> Floats:
    """Gamma with mean 1 and variance (φ − 1)/mean, correlated as its normal score is."""
    if noise.dispersion == 1:
        return np.ones(shape)
    from scipy.special import gammaincinv, ndtr

    gamma_shape = mean / (noise.dispersion - 1)
    return np.asarray(gammaincinv(gamma_shape, ndtr(_scores(shape, seed, noise))) / gamma_shape)


def _scores(shape: tuple[int, int, int], seed: int, noise: Noise) -> Floats:
    """Standard normal scores (R, N, T), autoregressive along T and spread over neighbours."""
    scores: Floats = np.matmul(_spatial_mixing(noise.spatial), normals(seed, _FRAILTY, shape))
    fresh = np.sqrt(1 - noise.serial**2)
    for month in range(1, shape[2]):
        scores[..., month] = noise.serial * scores[..., month - 1] + fresh * scores[..., month]
    return scores


def _spatial_mixing(spatial: float) -> Floats:
    """Rows of (I − ρW)⁻¹ scaled to length 1, so that every borough keeps variance 1."""
    borders = london().neighbours.astype(np.float64)
    weights = borders / borders.sum(axis=1, keepdims=True)
    mixing = np.linalg.inv(np.eye(len(weights)) - spatial * weights)
    return np.asarray(mixing / np.sqrt((mixing**2).sum(axis=1, keepdims=True)))
