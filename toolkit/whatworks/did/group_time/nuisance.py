"""One comparison, many periods: average effect on the treated and its influence, by the chosen adjustment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from whatworks.arrays import Bools, Floats

Adjust = Literal["none", "outcome", "weights", "doubly_robust"]

OVERLAP: Final = 0.999
"""A propensity at or above this means that no comparison unit is like some treated unit."""
TRIM: Final = 0.995
"""Comparison units above this propensity get no weight."""
_SINGULAR: Final = 1e-7
_STEPS: Final = 60
_CLOSE: Final = 1e-12


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a comparison could not be made."""

    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Influences:
    """(m,) effects and their (n, m) influence contributions, whose squares sum to the variance."""

    att: Floats
    influence: Floats


def contrast(
    change: Floats, treated: Bools, weight: Floats, covariates: Floats, adjust: Adjust
) -> Influences | Failure:
    """Average effect on the treated of m outcome changes.

    Args:
        change: (n, m) outcome minus base outcome of the treated and comparison units.
        treated: (n,) which are treated.
        weight: (n,) positive unit weights.
        covariates: (n, p) without a constant.
        adjust: `none`, `outcome` (regression on the comparison units), `weights` (inverse probability,
            normalised), `doubly_robust` (both).

    Source: Sant'Anna & Zhao (2020, Journal of Econometrics 219), equations 2.2, 2.4, 4.1 and the influence
    functions of section 3, in the traditional form (logit by maximum likelihood, line by least squares).
    """
    if adjust == "none" or covariates.shape[1] == 0:
        return _plain(change, treated, weight)
    x = _design(covariates)
    line = None if adjust == "weights" else _line(change, treated, weight, x)
    if isinstance(line, Failure):
        return line
    if adjust == "outcome" and line is not None:
        return _outcome(line, treated, weight, x)
    logit = _propensity(treated, weight, x)
    if isinstance(logit, Failure):
        return logit
    return _weighted(change, treated, weight, x, logit, line)


def _plain(change: Floats, treated: Bools, weight: Floats) -> Influences:
    share, mirror = (np.where(mask, weight, 0.0) / weight[mask].sum() for mask in (treated, ~treated))
    mean_treated, mean_mirror = share @ change, mirror @ change
    influence = (share - mirror)[:, None] * change
    influence -= np.column_stack([share, -mirror]) @ np.stack([mean_treated, mean_mirror])
    return Influences(mean_treated - mean_mirror, influence)


@dataclass(frozen=True, slots=True, eq=False)
class _Line:
    residual: Floats
    bread: Floats


def _line(change: Floats, treated: Bools, weight: Floats, x: Floats) -> _Line | Failure:
    """Weighted least squares among comparison units; residuals of everybody."""
    inside = x[~treated]
    if len(inside) < x.shape[1]:
        return Failure(
            f"{len(inside)} comparison units cannot carry a regression with {x.shape[1]} coefficients"
        )
    if _collinear(inside):
        return Failure(
            "the covariates are collinear (or constant) among the comparison units, so no regression line "
            "exists"
        )
    weighted = inside * weight[~treated, None]
    bread = np.asarray(np.linalg.inv(weighted.T @ inside), dtype=np.float64)
    slopes = bread @ (weighted.T @ change[~treated])
    return _Line(change - x @ slopes, bread)


def _collinear(x: Floats) -> bool:
    # columns to unit length first, so that the verdict does not hang on a covariate's unit
    lengths = np.linalg.norm(x, axis=0)
    spectrum = np.linalg.svd(x / np.where(lengths > 0, lengths, 1.0), compute_uv=False)
    return bool(spectrum[-1] < _SINGULAR * spectrum[0])


def _outcome(line: _Line, treated: Bools, weight: Floats, x: Floats) -> Influences:
    share = weight[treated] / weight[treated].sum()
    att = share @ line.residual[treated]
    influence = np.empty_like(line.residual)
    influence[treated] = share[:, None] * (line.residual[treated] - att)
    reach = weight[~treated] * (x[~treated] @ (line.bread @ (share @ x[treated])))
    influence[~treated] = -reach[:, None] * line.residual[~treated]
    return Influences(att, influence)


@dataclass(frozen=True, slots=True, eq=False)
class _Logit:
    propensity: Floats
    inverse_hessian: Floats


def _propensity(treated: Bools, weight: Floats, x: Floats) -> _Logit | Failure:
    """Logit of being treated by Newton's method, or why there is none."""
    if _collinear(x):
        return Failure(
            "the covariates are collinear (or constant), so the logit of being treated has no answer"
        )
    y = treated.astype(np.float64)
    scaled = weight / weight.mean()
    beta = np.zeros(x.shape[1])
    beta[0] = np.log(scaled[treated].sum() / scaled[~treated].sum())
    deviance = np.inf
    for _ in range(_STEPS):
        eta = np.clip(x @ beta, -30, 30)
        p = 1 / (1 + np.exp(-eta))
        now = -2 * float(scaled @ np.where(treated, np.log(p), np.log1p(-p)))
        hessian = (x * (scaled * p * (1 - p))[:, None]).T @ x
        try:
            step = np.linalg.solve(hessian, x.T @ (scaled * (y - p)))
        except np.linalg.LinAlgError:
            return _no_logit(p)
        if abs(deviance - now) <= _CLOSE * (abs(now) + 0.1) and np.abs(x @ step).max() < 1e-9:
            break
        beta, deviance = beta + step, now
    else:
        return _no_logit(p)
    if p.max() >= OVERLAP:
        return _no_logit(p)
    return _Logit(np.minimum(p, 1 - 1e-6), np.linalg.inv(hessian) / weight.mean())


def _no_logit(p: Floats) -> Failure:
    if p.max() >= OVERLAP or p.min() <= 1 - OVERLAP:
        return Failure(
            "the covariates tell treated from comparison units (almost) perfectly, so there is no overlap to "
            "weight by"
        )
    return Failure("the logit of being treated did not converge; the covariates may be collinear")


def _weighted(
    change: Floats, treated: Bools, weight: Floats, x: Floats, logit: _Logit, line: _Line | None
) -> Influences | Failure:
    """Inverse probability weighting, of residuals where a line is given."""
    p = logit.propensity
    odds = np.where(treated | (p >= TRIM), 0.0, weight * p / (1 - p))
    if odds.sum() <= 0:
        return Failure("no comparison unit is like the treated ones, so there is no overlap to weight by")
    share, mirror = np.where(treated, weight, 0.0), odds / odds.sum()
    share = share / share.sum()
    gap = change if line is None else line.residual
    mean_treated, mean_mirror = share @ gap, mirror @ gap
    tilt = logit.inverse_hessian @ ((x * mirror[:, None]).T @ gap - np.outer(mirror @ x, mean_mirror))
    on_gap = share - mirror
    if line is not None:
        on_gap -= np.where(treated, 0.0, weight) * (x @ (line.bread @ (on_gap @ x)))
    # one pass over the (n, m) array, the rest as a product of thin matrices
    influence = on_gap[:, None] * gap
    thin = np.column_stack([share, -mirror, x * (weight * (treated - p))[:, None]])
    influence -= thin @ np.vstack([mean_treated, mean_mirror, tilt])
    return Influences(mean_treated - mean_mirror, influence)


def _design(covariates: Floats) -> Floats:
    """A constant and the covariates, centred and scaled: the same estimate by safer arithmetic."""
    centred = covariates - covariates.mean(axis=0)
    spread = np.sqrt((centred**2).mean(axis=0))
    return np.column_stack([np.ones(len(covariates)), centred / np.where(spread > 0, spread, 1.0)])
