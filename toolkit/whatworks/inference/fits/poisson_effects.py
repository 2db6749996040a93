"""Poisson regression with unit and period effects on dense arrays: exact Newton steps, gaps allowed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from whatworks.arrays import Floats, Ints
from whatworks.errors import DesignError, EstimationError
from whatworks.inference.fits import collinear, projection
from whatworks.inference.fits.poisson_rows import working_rows
from whatworks.inference.fits.regression import Moments, Regression
from whatworks.inference.fits.rows import Rows, by_cluster

WHERE = "Poisson regression"

CONVERGED = 1e-12
MOST_STEPS = 100
_PATIENCE = 8
_LONGEST = 5.0


class SeparationError(Exception):
    """The likelihood has no maximum: along `direction` (N, T) it rises for ever while counts of 0 go to 0."""

    def __init__(self, direction: Floats, steps: Floats) -> None:
        super().__init__("separation")
        self.direction = direction
        self.steps = steps


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """The cells a Poisson regression uses.

    Attributes:
        outcome: (N, T) at least 0, 0 where a cell is missing; no used unit or period is 0 throughout.
        offset: (N, T) log exposure, 0 where a cell is missing.
        mass: (N, T) weights, 0 where a cell is missing.
    """

    outcome: Floats
    offset: Floats
    mass: Floats


@dataclass(frozen=True, slots=True, eq=False)
class PoissonFit:
    """A maximum of the likelihood.

    Attributes:
        cells: what was fitted.
        names: (k,) names of the regressors.
        coefficients: (k,).
        predictor: (N, T) log of the mean, exposure and effects included.
        residualised: (k, N, T) regressors net of unit and period effects, weighted by mass times mean.
        bread: (k, k) inverse of the information about the coefficients.
    """

    cells: Cells
    names: tuple[str, ...]
    coefficients: Floats
    predictor: Floats
    residualised: Floats
    bread: Floats

    @property
    def mean(self) -> Floats:
        """(N, T) fitted means."""
        return np.exp(self.predictor)

    @property
    def residual(self) -> Floats:
        """(N, T) mass times outcome less mean."""
        return np.asarray(self.cells.mass * (self.cells.outcome - self.mean))

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Cells, units and periods in use."""
        used = self.cells.mass > 0
        return int(used.sum()), int(used.any(axis=1).sum()), int(used.any(axis=0).sum())

    @property
    def pearson(self) -> float:
        """Sum of squared Pearson residuals."""
        return float((self.residual * (self.cells.outcome - self.mean) / self.mean).sum())

    @property
    def dispersion(self) -> float:
        """Pearson statistic over its degrees of freedom: 1 for Poisson counts, more when overdispersed."""
        n, units, periods = self.sizes
        return self.pearson / max(n - units - periods + 1 - len(self.coefficients), 1)


def fit(
    cells: Cells,
    regressors: Floats,
    names: Sequence[str],
    *,
    start: Floats | None = None,
) -> PoissonFit:
    """Maximise Σ mass·(y·η − exp η) over η = offset + unit + period + β·x by Newton's method.

    Every step solves the weighted least squares of the working response exactly (the smaller of the two sets
    of effects densely, the other in closed form) and is halved until the likelihood does not fall. It stops
    after a step whose mean square, weighted by the fitted means, is at most 1e-12: steps shrink with their
    square, so the next one would be of the order 1e-12.

    Args:
        cells: outcome, offset and mass.
        regressors: (k, N, T), finite everywhere; k may be 0.
        names: (k,) for messages.
        start: (N, T) predictor to start from.

    Raises:
        SeparationError: no maximum exists.
        DesignError: regressors that the effects or each other explain.
        EstimationError: no convergence.

    Source: McCullagh & Nelder (1989), Generalized Linear Models, section 2.5; separation as in Correia,
    Guimarães & Zylkin (2019), arXiv 1903.01633, section 2.
    """
    y, mass = cells.outcome, cells.mass
    eta = _multiplicative(cells) if start is None else start
    beta = np.zeros(len(regressors))
    total = float((mass * y).sum())
    for number in range(MOST_STEPS):
        weight = mass * np.exp(eta)
        found, step = _newton(cells, regressors, names, eta, weight)
        _watch(step, found - beta, y, mass, number)
        share = _halve(eta, step, y, mass)
        eta, beta = eta + share * step, beta + share * (found - beta)
        if (weight * step**2).sum() <= CONVERGED * total and np.abs(step).max() < 1e-3:
            return _finished(cells, regressors, names, beta, eta)
    raise EstimationError(
        f"no convergence after {MOST_STEPS} Newton steps",
        where=WHERE,
        remedy="Look for covariates of very different size, or a cell with a count far from the others.",
    )


def _newton(
    cells: Cells, regressors: Floats, names: Sequence[str], eta: Floats, weight: Floats
) -> tuple[Floats, Floats]:
    """Coefficients (k,) after a full step from the predictor, and the change of the predictor (N, T).

    `weight` (N, T) is the mass times the mean at the predictor.
    """
    used = weight > 0
    working = cells.mass * cells.outcome
    working -= weight
    np.divide(working, weight, out=working, where=used)
    stack = np.empty((len(regressors) + 1, *eta.shape))
    stack[:-1] = regressors
    np.subtract(eta, cells.offset, out=stack[-1])
    stack[-1] += working
    residualised = projection.residuals(stack, weight)
    X, left = residualised[:-1], residualised[-1]
    bread = inverse(regressors, X, weight, names)
    found = bread @ (_flat(X) @ (weight * left).ravel())
    step = working - left
    step += (found @ _flat(X)).reshape(eta.shape)
    step *= used
    return found, step


def _flat(X: Floats) -> Floats:
    """(k, N·T) from (k, N, T)."""
    return X.reshape(len(X), X.shape[1] * X.shape[2])


def regression(found: PoissonFit, cluster: Ints) -> Regression:
    """The fit as clustered inference needs it: scores and the weighted least squares of the last step."""
    weight = found.cells.mass * found.mean
    norm = float(np.sqrt(found.pearson))
    return prepared(
        found.coefficients, found.bread, found.residualised, found.residual, weight, cluster, norm, True
    )


def prepared(
    coefficients: Floats,
    bread: Floats,
    X: Floats,
    residual: Floats,
    weight: Floats,
    cluster: Ints,
    norm: float,
    likelihood: bool,
) -> Regression:
    """A regression under cell weights, as clustered inference needs it.

    Args:
        coefficients, bread: (k,) and (k, k) inverse of X′WX.
        X: (k, N, T) regressors net of effects.
        residual: (N, T) weighted residuals, 0 where the weight (N, T) is.
        weight: (N, T), 0 for a cell not in use.
        cluster: (N,) codes 0..G−1.
        norm: root of the weighted sum of squared residuals.
        likelihood: whether a likelihood was maximised.
    """
    scores = by_cluster(np.einsum("knt,nt->nk", X, residual), cluster)
    weighted, used = X * weight, weight > 0

    def rows() -> Rows:
        return working_rows(X, X, weight, residual, cluster)

    def moments() -> Moments:
        root = projection.root(weight)
        return Moments(
            gram=by_cluster(np.einsum("knt,lnt->nkl", weighted, X), cluster),
            cross=by_cluster(np.moveaxis(weighted, 0, 1), cluster) @ root,
            carry=by_cluster(residual, cluster) @ root,
        )

    sizes = int(used.sum()), int(used.any(axis=1).sum()), int(used.any(axis=0).sum())
    return Regression(coefficients, bread, scores, norm, *sizes, moments, rows, likelihood=likelihood)


def hold(found: PoissonFit, regressors: Floats, value: float, start: Floats | None = None) -> PoissonFit:
    """The fit with the first coefficient held at `value`, its score and information kept.

    The first regressor stays in `residualised` and `bread`, so that `regression` gives the scores of a test
    of `value`: those of the others sum to 0, the first does not.
    """
    cells = found.cells
    moved = replace(cells, offset=cells.offset + value * regressors[0])
    rest = fit(moved, regressors[1:], found.names[1:], start=start)
    held = np.concatenate([[value], rest.coefficients])
    return _finished(cells, regressors, found.names, held, rest.predictor)


def _finished(
    cells: Cells, regressors: Floats, names: Sequence[str], beta: Floats, eta: Floats
) -> PoissonFit:
    weight = cells.mass * np.exp(eta)
    X = projection.residuals(regressors, weight)
    return PoissonFit(cells, tuple(names), beta, eta, X, inverse(regressors, X, weight, names))


def start_from_totals(cells: Cells, regressors: Floats, group: Ints, names: Sequence[str]) -> Floats | None:
    """Predictor (N, T) from the fit of summed cells, for units of a group (codes (N,)) alike in regressors.

    Where exposure does not change over time the first-order conditions of the units of a group add up to that
    of one unit with their totals, so this is the maximum itself, and Newton's method has one step left to
    take. None where a cell is missing or the totals have no maximum.
    """
    if not (cells.mass > 0).all():
        return None
    _, first = np.unique(group, return_index=True)
    counts, exposed = (by_cluster(cells.mass * x, group) for x in (cells.outcome, np.exp(cells.offset)))
    try:
        found = fit(Cells(counts, np.log(exposed), np.ones_like(counts)), regressors[:, first], names)
    except (SeparationError, DesignError, EstimationError):
        return None
    rate = cells.offset + (found.predictor - found.cells.offset)[group]
    own = (cells.mass * cells.outcome).sum(axis=1) / (cells.mass * np.exp(rate)).sum(axis=1)
    return np.asarray(rate + np.log(own)[:, None])


def _multiplicative(cells: Cells) -> Floats:
    """Logs of means that reproduce the total: exposure × unit rate × period rate ÷ overall rate."""
    exposed = cells.mass * np.exp(cells.offset)
    counts = cells.mass * cells.outcome
    overall = counts.sum() / exposed.sum()
    rows = np.log(_positive(counts.sum(axis=1)) / _positive(exposed.sum(axis=1)))
    columns = np.log(_positive(counts.sum(axis=0)) / _positive(exposed.sum(axis=0)) / overall)
    return np.asarray(cells.offset + rows[:, None] + columns[None, :])


def _positive(values: Floats) -> Floats:
    """Zeros, which belong to units and periods without a cell in use, as ones."""
    return np.where(values > 0, values, 1.0)


def _watch(step: Floats, change: Floats, y: Floats, mass: Floats, number: int) -> None:
    """Raise once the step leaves every positive count alone and only carries zeros towards minus infinity."""
    if number < _PATIENCE or step.min() > -0.5:
        return
    zero = (y == 0) & (mass > 0)
    if np.abs(step[~zero]).max(initial=0.0) < 1e-3 and step[zero].max(initial=0.0) < 1e-3:
        raise SeparationError(step, change)


def _halve(eta: Floats, step: Floats, y: Floats, mass: Floats) -> float:
    """The largest of 1, ½, ¼, … at which the likelihood does not fall; 1 for the smallest steps."""
    share = _LONGEST / float(np.abs(step).max(initial=_LONGEST))
    if np.abs(step).max() < 1e-3:
        return share
    mu = np.exp(eta)
    while share > 1e-10:
        delta = share * step
        with np.errstate(over="ignore"):
            gain = mass * (y * delta - mu * np.expm1(delta))
        if gain.sum() >= -1e-12 * np.abs(gain).sum():
            return share
        share /= 2
    return share


def inverse(regressors: Floats, X: Floats, weight: Floats, names: Sequence[str]) -> Floats:
    """(k, k) inverse of X′WX, X the `regressors` net of effects, all (k, N, T) with cell weights (N, T).

    Columns are scaled to length 1 first, so that units of measurement do not matter.

    Raises:
        DesignError: regressors that the effects or each other explain.
    """
    return collinear.inverse(
        _flat(X * weight) @ _flat(X).T,
        np.sqrt(np.einsum("knt,knt,nt->k", regressors, regressors, weight)),
        names,
        where=WHERE,
        flat="Leave out a covariate that is constant over time or the same everywhere: the fixed "
        "effects take it out.",
    )
