"""Analytical errors from influence contributions: the sum over clusters of squared cluster sums."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from whatworks.arrays import Floats
from whatworks.errors import choose
from whatworks.inference import intervals
from whatworks.inference.draws import check_level
from whatworks.inference.errors.correction import NORMAL, Correction
from whatworks.inference.uncertainty import Uncertainty

_ROUNDING = 1e-10
"""Errors below this share of the largest contribution are rounding, not information."""


@dataclass(frozen=True, slots=True)
class Analytical:
    """Errors from the influence function, by cluster where clusters are named.

    Attributes:
        correction: `did` is the convention of R's did 2.5.1: no small-sample factor, normal quantiles;
            `clusters` multiplies the variance by G/(G−1) and uses Student's t with G−1 degrees of freedom,
            as `ClusterRobust()` does.

    Source: Callaway & Sant'Anna (2021, Journal of Econometrics 225), Theorem 2 and Remark 10.
    """

    correction: Literal["did", "clusters"] = "did"

    def __post_init__(self) -> None:
        choose("correction", self.correction, ("did", "clusters"), where="Analytical")


def standard_errors(sums: Floats) -> Floats:
    """(k,) root of the sum of squares of (G, k) cluster sums; NaN where nothing but rounding is left."""
    return known(np.sqrt(np.einsum("gk,gk->k", sums, sums)), sums)


def known(std_error: Floats, sums: Floats) -> Floats:
    """Errors with those that are zero up to rounding made NaN: they say nothing about the noise."""
    scale = np.abs(sums).max(axis=0, initial=0.0).max(initial=0.0)
    return np.where(std_error > _ROUNDING * max(scale, np.finfo(float).tiny), std_error, np.nan)


def analytical(
    value: Floats,
    std_error: Floats,
    reason: tuple[str, ...],
    *,
    choice: Analytical,
    n_clusters: int,
    level: float,
    by: str,
) -> Uncertainty:
    """Intervals and p-values of k estimates from their raw errors.

    Args:
        value, std_error: (k,); an error is NaN where `reason` says why.
        reason: k sentences.
        choice: which correction.
        n_clusters: G, the number of independent pieces (units without clusters).
        level: coverage of the intervals.
        by: what the pieces are, in words (`the 12 clusters`).
    """
    check_level(level)
    correction = Correction(1.0, "no small-sample factor, as R's did prints", NORMAL)
    if choice.correction == "clusters":
        words = f"factor {n_clusters:,}/{n_clusters - 1:,}"
        correction = Correction(n_clusters / (n_clusters - 1), words, float(n_clusters - 1))
    df, factor = correction.df, float(np.sqrt(correction.factor))
    error = factor * std_error
    low, high = intervals.interval(value, error, df=df, level=level)
    p = np.maximum(intervals.p_value(value, error, df=df), np.finfo(float).tiny)
    gap = ~np.isfinite(error)
    return Uncertainty(
        value=value,
        std_error=np.where(gap, np.nan, error),
        low=np.where(gap, np.nan, low),
        high=np.where(gap, np.nan, high),
        p_value=np.where(gap, np.nan, p),
        reason=reason,
        level=level,
        df=df,
        sentence=f"Influence function, independent across {by}; {correction.words}; "
        f"{correction.distribution}",
    )
