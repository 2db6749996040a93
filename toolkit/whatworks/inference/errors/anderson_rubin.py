"""The Anderson–Rubin interval of a ratio of two effects: right however small the denominator is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from whatworks.arrays import Floats, Ints
from whatworks.inference.asked import FromRegression
from whatworks.inference.fits.least_squares import fit
from whatworks.inference.intervals import critical_value
from whatworks.inference.uncertainty import Uncertainty
from whatworks.results import NotAvailable, Number

Shape = Literal["interval", "below", "above", "outside", "everything"]

_ROUNDING: Final = 1e-12


@dataclass(frozen=True, slots=True)
class Accepted:
    """The values of a ratio that a test at 1 − level does not reject.

    Attributes:
        shape: `interval` (from low to high), `below` (up to high), `above` (from low on), `outside`
            (up to low and from high on), or `everything`.
        low, high: the ends, or why there is none.
    """

    shape: Shape
    low: Number
    high: Number

    @property
    def ends(self) -> tuple[Number, Number]:
        """The ends as an interval has them; where the set is none, the set in words stands as the reason."""
        if self.shape == "interval":
            return self.low, self.high
        gap = NotAvailable(self.words())
        return (self.low if self.shape == "above" else gap), (self.high if self.shape == "below" else gap)

    def holds(self, value: float) -> bool:
        """Whether a value belongs to the set."""
        above = isinstance(self.low, NotAvailable) or value >= self.low
        below = isinstance(self.high, NotAvailable) or value <= self.high
        if self.shape != "outside":
            return above and below
        return value == self.low or value == self.high or not (above and below)

    def words(self) -> str:
        """The set in words."""
        low, high = (f"{n:.4g}" if isinstance(n, float) else "" for n in (self.low, self.high))
        return {
            "interval": f"values from {low} to {high} are compatible with the data",
            "below": f"every value up to {high} is compatible with the data, and nothing bounds it below",
            "above": f"every value from {low} on is compatible with the data, and nothing bounds it above",
            "outside": f"every value up to {low} and every value from {high} on is compatible with the data, "
            "so no interval bounds it",
            "everything": "every value whatever is compatible with the data, so no interval bounds it",
        }[self.shape]


@dataclass(frozen=True, slots=True)
class Ratio:
    """Two effects with their covariance: the numerator τ, the denominator γ.

    Attributes:
        tau, gamma: the two effects.
        var_tau, var_gamma, covariance: of their errors.
        df: degrees of freedom of the reference distribution, or why it is the normal.
    """

    tau: float
    gamma: float
    var_tau: float
    var_gamma: float
    covariance: float
    df: Number

    def accepted(self, level: float) -> Accepted:
        """The values β that (τ − βγ)² ≤ c²·Var(τ − βγ) lets stand, c the two-sided critical value.

        The set is never empty: τ/γ itself always belongs to it. It is bounded where the t value of γ
        exceeds c.

        Source: Anderson & Rubin (1949), Annals of Mathematical Statistics 20(1); Fieller (1954), Journal of
        the Royal Statistical Society B 16(2).
        """
        c2 = critical_value(level, df=self.df) ** 2
        # both effects in units of their own size, so that rounding is judged alike for any unit
        one = abs(self.tau) + np.sqrt(self.var_tau) or 1.0
        two = abs(self.gamma) + np.sqrt(self.var_gamma) or 1.0
        tau, gamma = self.tau / one, self.gamma / two
        a = gamma**2 - c2 * self.var_gamma / two**2
        b = tau * gamma - c2 * self.covariance / (one * two)
        c = tau**2 - c2 * self.var_tau / one**2
        return _solved(float(a), float(b), float(c), float(one / two))


def _solved(a: float, b: float, c: float, unit: float) -> Accepted:
    """Where aβ² − 2bβ + c ≤ 0, with β in multiples of `unit`."""
    none = NotAvailable("the set has no end on this side")
    if abs(a) <= _ROUNDING:
        if abs(b) <= _ROUNDING:
            return Accepted("everything", none, none)
        end = c / (2 * b) * unit
        return Accepted("above", end, none) if b > 0 else Accepted("below", none, end)
    inside = b**2 - a * c
    if a < 0 and inside < 0:
        return Accepted("everything", none, none)
    root = np.sqrt(max(inside, 0.0))
    low, high = sorted(float(end) * unit for end in ((b - root) / a, (b + root) / a))
    return Accepted("interval" if a > 0 else "outside", low, high)


@dataclass(frozen=True, slots=True, eq=False)
class Stages:
    """Effects of assignment on the outcome and on take-up, and how they vary together."""

    reduced: Uncertainty
    first: Uncertainty
    ratio: Ratio


def stages(
    outcome: Floats,
    taken: Floats,
    design: Floats,
    *,
    names: list[str],
    where: str,
    weight: Floats | None,
    cluster: Ints | None,
    inference: FromRegression,
    level: float,
) -> Stages:
    """Both regressions on the same design (n, k), whose second column is the assignment.

    Every error that `inference` knows is a quadratic form in the outcomes, so the covariance follows from
    the variance of the outcome less a multiple of take-up.

    Raises:
        DesignError: columns that cannot be told apart, by name.
    """
    contrast = np.eye(design.shape[1])[1:2]

    def effect(values: Floats) -> Uncertainty:
        found = fit(values, design, names=names, where=where, weight=weight, cluster=cluster)
        return inference.from_regression(found, contrast, level=level)

    scale = float(np.std(outcome) / np.std(taken)) if np.ptp(taken) > 0 and np.ptp(outcome) > 0 else 1.0
    reduced, first, mixed = effect(outcome), effect(taken), effect(outcome - scale * taken)
    one, two, both = (_variance(found) for found in (reduced, first, mixed))
    covariance = (one + scale**2 * two - both) / (2 * scale)
    df = float(reduced.df[0]) if isinstance(reduced.df, np.ndarray) else reduced.df
    ratio = Ratio(float(reduced.value[0]), float(first.value[0]), one, two, covariance, df)
    return Stages(reduced, first, ratio)


def _variance(found: Uncertainty) -> float:
    """The squared error; 0 where the regression fits exactly."""
    error = float(found.std_error[0])
    return error**2 if np.isfinite(error) else 0.0
