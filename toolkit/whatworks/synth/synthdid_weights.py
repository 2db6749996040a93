"""The weights of synthetic difference-in-differences for the actual problem, and what forbids them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from whatworks.arrays import Floats
from whatworks.errors import DesignError, OptionError, choose, first_few
from whatworks.panel import Panel
from whatworks.synth.pool import Pool, refuse_covariates
from whatworks.synth.problems import Fits, actual
from whatworks.synth.synthdid_fit import Sample, Solved, SyntheticDid

WHERE = "synth.synthdid"

_STILL = 1e-10


@dataclass(frozen=True, slots=True, eq=False)
class TwoWeights:
    """What synthetic difference-in-differences found beside the donor weights.

    Attributes:
        periods: time weights λ by label of the period, summing to one.
        noise: standard deviation of the first differences of donors' outcomes before the start.
        ridge: ζ of the donor weights, (treated units × periods after)^¼ × noise.
        slopes: coefficients of the covariates, by name.
    """

    periods: pd.Series
    noise: float
    ridge: float
    slopes: pd.Series


def solved(pool: Pool, fit: SyntheticDid) -> tuple[Fits, TwoWeights]:
    """The fit of the actual problem and its weights.

    Raises `DesignError` where nothing distinguishes the donors, or a covariate cannot be used.
    """
    asked = actual(pool)
    found = fit.solve(Sample(asked, np.ones(asked.members.shape)))
    _refuse(pool, fit, found)
    names = list(pool.panel.covariate_names) if len(fit.covariates) else []
    labels = np.array(pool.panel.period_labels)[pool.pre]
    own = TwoWeights(
        periods=pd.Series(found.periods[0, pool.pre], index=list(labels), name="weight"),
        noise=float(found.noise[0]),
        ridge=float(found.ridge[0]),
        slopes=pd.Series(found.slopes[0], index=names, name="slope", dtype=np.float64),
    )
    return fit.kept(asked, found), own


def covariates_of(panel: Panel, adjust: str) -> Floats:
    """(K, N, T) covariates to take off, K = 0 for none; raises where there are none or cells are missing."""
    choose("adjust", adjust, ("none", "projected"), where=WHERE)
    if adjust == "none":
        refuse_covariates(panel, WHERE)
        return np.empty((0, 0, 0))
    if not panel.covariate_names:
        raise OptionError(
            f"adjust={adjust!r} has nothing to adjust for: the panel has no covariates",
            where=WHERE,
            remedy='Name covariates in Panel.from_frame, or use adjust="none".',
        )
    gaps = np.argwhere(np.isnan(panel.covariates))
    if len(gaps):
        cells = first_few(
            f"{panel.covariate_names[k]} of {panel.units[i]} {panel.period_labels[t]}" for k, i, t in gaps
        )
        raise DesignError(
            f"{len(gaps):,} cells of covariates are missing: {cells}",
            where=WHERE,
            remedy='Mend the source, leave the covariate or the units out, or use adjust="none".',
        )
    return panel.covariates


def _refuse(pool: Pool, fit: SyntheticDid, found: Solved) -> None:
    paths = pool.outcome[pool.donors]
    if found.noise[0] <= _STILL * max(float(np.abs(paths).max()), 1e-300):
        raise DesignError(
            "before the start all donors change by the same amount in every period: nothing tells them "
            "apart, and no noise is left to judge an effect by",
            where=WHERE,
            remedy="Look whether the outcome is constant or zero among the donors; pool offences, areas or "
            "periods, or choose other donors.",
        )
    if len(fit.covariates):
        _refuse_explained(pool, fit.covariates)


def _refuse_explained(pool: Pool, covariates: Floats) -> None:
    rows = covariates[:, pool.donors]
    left = rows - rows.mean(axis=2, keepdims=True) - rows.mean(axis=1, keepdims=True)
    left = (left + rows.mean(axis=(1, 2), keepdims=True)).reshape(len(rows), -1)
    size, whole = np.linalg.norm(left, axis=1), np.linalg.norm(rows.reshape(len(rows), -1), axis=1)
    names = np.array(pool.panel.covariate_names)
    flat = size <= _STILL * np.maximum(whole, 1e-300)
    if flat.any():
        raise DesignError(
            f"unit and period effects explain all of {first_few(names[flat])} among the donors",
            where=WHERE,
            remedy="Leave it out: what is constant over time, or alike for all, is differenced away.",
        )
    if np.linalg.matrix_rank(left / size[:, None], tol=1e-7) < len(rows):
        raise DesignError(
            f"these covariates cannot be told apart among the donors: {first_few(names)}",
            where=WHERE,
            remedy="Leave one of them out.",
        )
