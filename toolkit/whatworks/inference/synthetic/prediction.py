"""Prediction intervals: errors of the weights, by simulation, and errors to come, by bounds, added up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from whatworks.arrays import Floats
from whatworks.errors import choose
from whatworks.inference import draws as random_draws
from whatworks.inference.uncertainty import Uncertainty, unknown
from whatworks.results import NotAvailable

NO_DF: Final = NotAvailable("the interval refers to simulated and bounded errors, not to a t distribution")
NO_TEST: Final = "prediction intervals come without a standard error and without a p-value"
PERFECT: Final = (
    "the gaps before the start do not vary, or there are as many weights as periods, so nothing is known "
    "about errors; Placebo() asks the donors instead"
)
LARGEST_SHARE: Final = 0.2
_HIGHEST: Final = 0.95


@dataclass(frozen=True, slots=True, eq=False)
class Errors:
    """What the gaps before the start say about errors: an autoregression of order one around a mean.

    Attributes:
        gaps: (n,) gaps before the start.
        middle: their mean.
        scale: standard deviation of one error, 0 where it cannot be known.
        carried: correlation of one period's error with the next one's.
    """

    gaps: Floats
    middle: float
    scale: float
    carried: float

    def spread(self, periods: int) -> float:
        """Standard deviation of the mean error of so many successive periods."""
        apart = np.arange(1, periods)
        inflated = 1 + 2 * float(((1 - apart / periods) * self.carried**apart).sum())
        return self.scale * float(np.sqrt(inflated / periods))

    def simulated(self, count: int, seed: int) -> Floats:
        """(count, n) normal errors of the same scale and correlation."""
        from scipy.special import ndtri

        bits = np.random.PCG64(np.random.SeedSequence(seed))
        uniforms = random_draws.uniforms(bits, (count, len(self.gaps)))
        made = ndtri(np.clip(uniforms, 2.0**-54, None))
        step = np.sqrt(1 - self.carried**2)
        for t in range(1, made.shape[1]):
            made[:, t] = self.carried * made[:, t - 1] + step * made[:, t]
        return np.asarray(self.scale * made)


@dataclass(frozen=True, slots=True)
class PredictionIntervals:
    """Intervals for what would have happened, from two sources of error, each given half of what may fail.

    In sample, the weights found differ from those that are best in truth. Errors like those before the start
    are simulated, and for each the programme of the weights, taken around its answer, says how far the
    prediction can lie off to either side. Out of sample, the outcome will differ from the best prediction by
    an error like those before the start. Both bounds are added, so that the interval covers at least the
    stated share if the errors are as described; mostly more.

    Attributes:
        errors: bounds for the error to come: `gaussian`, ±√(2 ln(2/α)) standard deviations, which holds for
            every sub-Gaussian error; or `location_scale`, quantiles of the gaps before the start.
        dependence: `ar1`, errors correlated from one period to the next as the gaps before the start are; or
            `none`.
        simulations: simulated sets of errors.
        seed: seed of these.

    Source: Cattaneo, Feng & Titiunik (2021), JASA 116(536); choices as in Cattaneo,
    Feng, Palomba & Titiunik (2025), Journal of Statistical Software, apart from `ar1`.
    """

    errors: Literal["gaussian", "location_scale"] = "gaussian"
    dependence: Literal["ar1", "none"] = "ar1"
    simulations: int = 199
    seed: int = random_draws.DEFAULT_SEED

    def __post_init__(self) -> None:
        choose("errors", self.errors, ("gaussian", "location_scale"), where="PredictionIntervals")
        choose("dependence", self.dependence, ("ar1", "none"), where="PredictionIntervals")
        random_draws.check_draws(self.simulations)
        random_draws.check_seed(self.seed)

    def learn(self, gaps: Floats, weighted: int, *, size: float) -> Errors:
        """Errors from the gaps before the start (n,) of a fit with so many positive weights.

        `size` is that of the outcomes; gaps that vary by less than a billionth of it vary by rounding only.
        """
        apart = gaps - gaps.mean()
        total, count = float((apart**2).sum()), len(gaps)
        # weights that sum to one use up one less than their number, the mean another
        left = count - weighted
        if left < 1 or total <= (1e-9 * size) ** 2:
            return Errors(gaps, float(gaps.mean()), 0.0, 0.0)
        carried = 0.0
        if self.dependence == "ar1":
            seen = float((apart[1:] * apart[:-1]).sum()) / total
            carried = float(np.clip(seen + (1 + 3 * seen) / count, 0.0, _HIGHEST))
        return Errors(gaps, float(gaps.mean()), float(np.sqrt(total / left)), carried)

    def least_weight(self, errors: Errors, spread: Floats) -> float:
        """The weight below which a donor is taken to have none, from each donor's standard deviation (n,)."""
        count, smallest = len(errors.gaps), float(spread.min())
        if smallest <= 0:
            return LARGEST_SHARE
        return min(errors.scale / smallest * float(np.sqrt(np.log(count) / count)), LARGEST_SHARE)

    def test(
        self, value: Floats, errors: Errors, below: Floats, above: Floats, periods: Floats, *, level: float
    ) -> Uncertainty:
        """Uncertainty of K estimates.

        Args:
            value: (K,) gaps, or means of gaps.
            errors: as learnt.
            below, above: (S, K) how far moved weights can lower and raise the prediction found.
            periods: (K,) how many periods each is the mean of.
            level: coverage of the intervals.
        """
        half = (1 - random_draws.check_level(level)) / 2
        if errors.scale <= 0:
            return unknown(value, PERFECT, level=level)
        low, high = np.quantile(below, half / 2, axis=0), np.quantile(above, 1 - half / 2, axis=0)
        spread = np.array([errors.spread(int(count)) for count in periods])
        ahead = errors.middle + spread * self._bounds(errors, half)[:, None]
        none = np.full(len(value), np.nan)
        return Uncertainty(
            value,
            none,
            value + low - ahead[1],
            value + high - ahead[0],
            none,
            (NO_TEST,) * len(value),
            level,
            NO_DF,
            self.sentence(errors, half),
        )

    def sentence(self, errors: Errors, half: float) -> str:
        """How the uncertainty was found, for the result."""
        bound = (
            f"the bound of sub-Gaussian errors ({self._bounds(errors, half)[1]:.2f} standard deviations)"
            if self.errors == "gaussian"
            else f"the quantiles of the {len(errors.gaps)} gaps before the start"
        )
        alike = (
            f"correlated by {errors.carried:.2f} from one period to the next, as they are before the start"
            if self.dependence == "ar1"
            else "taken to be independent"
        )
        return (
            f"Prediction interval: the weights' error from {self.simulations:,} simulations of the localised "
            f"programme, the error to come by {bound}, each at {1 - half:.4g}; errors of one standard "
            f"deviation {errors.scale:.4g} around {errors.middle:.4g}, {alike}; conservative, as both bounds "
            "are added"
        )

    def _bounds(self, errors: Errors, half: float) -> Floats:
        """(2,) lower and upper bound of a standardised error."""
        if self.errors == "gaussian":
            reach = float(np.sqrt(2 * np.log(2 / half)))
            return np.array([-reach, reach])
        apart = (errors.gaps - errors.middle) / errors.scale
        return np.asarray(np.quantile(apart, [half / 2, 1 - half / 2]))
