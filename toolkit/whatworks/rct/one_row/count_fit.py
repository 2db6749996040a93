"""Regression of counts on one row a unit: Poisson, and negative binomial by maximum likelihood."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from whatworks.arrays import Floats, Ints
from whatworks.errors import EstimationError
from whatworks.inference.fits import least_squares
from whatworks.inference.fits.regression import Regression

MOST_STEPS: Final = 200
_STILL: Final = 1e-10
_FAR: Final = 30.0
"""A log mean that moves this far from the data's own runs off to infinity."""

_FLATTEST: Final = 1e-8
"""A negative binomial with less than this extra variance per squared mean is Poisson."""


class RunsOffError(Exception):
    """The likelihood has no maximum: coefficient `index` runs off to infinity."""

    def __init__(self, index: int) -> None:
        super().__init__("no maximum")
        self.index = index


@dataclass(frozen=True, slots=True, eq=False)
class CountFit:
    """A maximum of the likelihood.

    Attributes:
        coefficients: (k,).
        mean: (n,) fitted means.
        extra: α of the variance μ + αμ²; 0 for Poisson.
        regression: the weighted least squares of the last Newton step, as inference takes it; rows are
            multiplied by the root of their working weight, so that errors take the model's variance as their
            working variance.
        dispersion: Pearson φ: squared residuals over the model's variance, a degree of freedom each.
    """

    coefficients: Floats
    mean: Floats
    extra: float
    regression: Regression
    dispersion: float


def poisson(
    outcome: Floats,
    design: Floats,
    offset: Floats,
    *,
    names: Sequence[str],
    where: str,
    cluster: Ints | None = None,
) -> CountFit:
    """Poisson regression of (n,) counts on a design (n, k), the constant among its columns.

    Raises:
        RunsOffError: counts of 0 line up with a regressor.
        DesignError: columns that cannot be told apart.
        EstimationError: no convergence.

    Source: McCullagh & Nelder (1989), Generalized Linear Models, section 2.5 and chapter 6.
    """
    beta = _newton(outcome, design, offset, 0.0, _start(outcome, design, offset))
    return _finished(outcome, design, offset, beta, 0.0, names, where, cluster)


def negative_binomial(
    outcome: Floats,
    design: Floats,
    offset: Floats,
    *,
    names: Sequence[str],
    where: str,
    cluster: Ints | None = None,
) -> CountFit:
    """Negative binomial regression (NB2, variance μ + αμ²), α by maximum likelihood.

    Coefficients and α take turns; they are orthogonal in the information, so few turns are needed. Where no
    α above 0 raises the likelihood the fit is Poisson and `extra` is 0.

    Raises:
        RunsOffError, DesignError, EstimationError: as for `poisson`.

    Source: Cameron & Trivedi (2013), Regression Analysis of Count Data, section 3.3.
    """
    beta = _newton(outcome, design, offset, 0.0, _start(outcome, design, offset))
    extra = 0.0
    for _ in range(MOST_STEPS):
        found = _extra(outcome, np.exp(offset + design @ beta), extra)
        moved = abs(found - extra) / max(found, _FLATTEST)
        extra = found
        beta = _newton(outcome, design, offset, extra, beta)
        if extra == 0.0 or moved < _STILL:
            return _finished(outcome, design, offset, beta, extra, names, where, cluster)
    raise EstimationError(
        f"no convergence of the negative binomial after {MOST_STEPS} turns",
        where=where,
        remedy="Use model='quasi_poisson'.",
    )


def _start(outcome: Floats, design: Floats, offset: Floats) -> Floats:
    mean = (outcome + outcome.mean()) / 2
    return np.asarray(np.linalg.lstsq(design, np.log(mean) - offset, rcond=None)[0])


def _log_likelihood(outcome: Floats, predictor: Floats, extra: float) -> float:
    """Up to terms that do not hold the predictor."""
    if extra == 0.0:
        return float((outcome * predictor - np.exp(predictor)).sum())
    return float((outcome * predictor - (outcome + 1 / extra) * np.log1p(extra * np.exp(predictor))).sum())


def _newton(outcome: Floats, design: Floats, offset: Floats, extra: float, beta: Floats) -> Floats:
    """(k,) coefficients that maximise the likelihood at a given α."""
    middle = float(np.log(outcome.sum() / np.exp(offset).sum()))
    for _ in range(MOST_STEPS):
        mean = np.exp(offset + design @ beta)
        spread = 1 + extra * mean
        weight = mean * (1 + extra * outcome) / spread**2
        gram = design.T @ (design * weight[:, None])
        step = np.linalg.lstsq(gram, design.T @ ((outcome - mean) / spread), rcond=None)[0]
        move, share = design @ step, 1.0
        before = _log_likelihood(outcome, np.log(mean), extra)
        while share > 1e-8 and np.abs(move).max() > 1e-6:
            with np.errstate(over="ignore"):
                after = _log_likelihood(outcome, offset + design @ (beta + share * step), extra)
            if after >= before - 1e-12 * abs(before):
                break
            share /= 2
        beta = beta + share * step
        if np.abs(design @ beta - middle).max() > _FAR:
            raise RunsOffError(int(np.argmax(np.abs(step) * np.ptp(design, axis=0))))
        if np.abs(move).max() < _STILL:
            return np.asarray(beta)
    raise RunsOffError(int(np.argmax(np.abs(step) * np.ptp(design, axis=0))))


def _extra(outcome: Floats, mean: Floats, guess: float) -> float:
    """The α that maximises the likelihood at given means, by bounded Newton steps on its logarithm."""
    from scipy.special import digamma, polygamma

    if ((outcome - mean) ** 2 - outcome).sum() <= 0:
        return 0.0
    moment = float((((outcome - mean) ** 2 - mean) / mean**2).mean())
    log = np.log(guess if guess > 0 else max(moment, 1e-3))
    low, high = np.log(_FLATTEST), np.log(1e4)
    for _ in range(MOST_STEPS):
        theta = float(np.exp(-log))
        score = (
            digamma(outcome + theta)
            - digamma(theta)
            + np.log(theta / (theta + mean))
            + 1
            - (outcome + theta) / (mean + theta)
        ).sum()
        bend = (
            polygamma(1, outcome + theta)
            - polygamma(1, theta)
            + 1 / theta
            - 2 / (mean + theta)
            + (outcome + theta) / (mean + theta) ** 2
        ).sum()
        # the same derivatives with respect to log α = −log θ
        slope, curve = -theta * score, theta * score + theta**2 * bend
        low, high = (log, high) if slope > 0 else (low, log)
        moved = log - slope / curve if curve < 0 else np.inf
        moved = moved if low < moved < high else (low + high) / 2
        if abs(moved - log) < 1e-12 or high - low < 1e-12:
            break
        log = moved
    return float(np.exp(moved)) if np.exp(moved) > 2 * _FLATTEST else 0.0


def _finished(
    outcome: Floats,
    design: Floats,
    offset: Floats,
    beta: Floats,
    extra: float,
    names: Sequence[str],
    where: str,
    cluster: Ints | None,
) -> CountFit:
    mean = np.exp(offset + design @ beta)
    root = np.sqrt(mean / (1 + extra * mean))
    working = design @ beta + (outcome - mean) / mean
    fit = least_squares.fit(root * working, root[:, None] * design, names=names, where=where, cluster=cluster)
    n, k = design.shape
    pearson = float(((outcome - mean) ** 2 / (mean + extra * mean**2)).sum())
    return CountFit(beta, mean, extra, replace(fit, likelihood=True), pearson / max(n - k, 1))
