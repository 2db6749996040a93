"""How alike the outcomes of a cluster are, within a period and from period to period."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from whatworks.arrays import Floats
from whatworks.inference.fits.cell_weights import fit
from whatworks.inference.fits.projection import effects
from whatworks.rct.over_time.wedge_cells import WHERE, WedgeCells
from whatworks.results import NotAvailable, Number

NONE_WITHIN = NotAvailable(
    "each cluster and period has one row, so differences between persons and between periods of a cluster "
    "cannot be told apart"
)


@dataclass(frozen=True, slots=True)
class Correlation:
    """Nested exchangeable correlation: of two rows of a cluster.

    Attributes:
        within_period: in the same period (ICC).
        between_periods: in different periods.
        autocorrelation: their ratio (CAC).
        means: correlation of a cluster's cell means between periods, sampling noise included.
    """

    within_period: Number
    between_periods: Number
    autocorrelation: Number
    means: Number


def correlation(cells: WedgeCells, design: Floats, names: tuple[str, ...]) -> Correlation:
    """Moment estimates from cell means net of periods and of the effects in `design` (k, G, T).

    With a for clusters, b for their periods and e for rows: the mean square about clusters and periods has
    expectation σ²b + σ²e/n; the variance of cluster effects σ²a plus that mean square over the number of
    periods; the mean square within cells σ²e. A negative component counts as 0.

    Source: Hooper, Teerenstra, de Hoop & Eldridge (2016), Statistics in Medicine 35(26), for the model;
    Searle, Casella & McCulloch (1992), Variance Components, section 3.6, for estimates from mean squares.
    """
    seen = (cells.rows > 0).astype(np.float64)
    clusters = np.arange(len(seen))
    found = fit(cells.mean, design, seen, clusters, names=names, where=WHERE)
    left = cells.mean - np.tensordot(found.coefficients, design, axes=1)
    cluster, month = effects(left, seen)
    additive = cluster[:, None] + month
    df = int(seen.sum()) - seen.shape[0] - seen.shape[1] + 1 - len(design)
    if df < 1:
        gap = NotAvailable("there are too few cells to tell the variances apart")
        return Correlation(gap, gap, gap, gap)
    square = float((seen * (left - additive) ** 2).sum()) / df
    effect = additive.mean(axis=1)
    between = max(float(effect.var(ddof=1)) - square * float((1 / seen.sum(axis=1)).mean()), 0.0)
    means: Number = between / (between + square) if between + square > 0 else NotAvailable("nothing varies")
    squares, inside = cells.within
    if inside < 1:
        return Correlation(NONE_WITHIN, NONE_WITHIN, NONE_WITHIN, means)
    noise = squares / inside
    period = max(square - noise * float((1 / cells.rows[cells.rows > 0]).mean()), 0.0)
    total = between + period + noise
    if total <= 0 or between + period <= 0:
        none = NotAvailable("clusters do not differ by more than chance, so there is no ratio")
        return Correlation(0.0, 0.0, none, means)
    return Correlation((between + period) / total, between / total, between / (between + period), means)


def sentence(found: Correlation) -> str:
    """The correlations in words."""
    if isinstance(found.within_period, NotAvailable):
        if isinstance(found.means, NotAvailable):
            return f"Correlation within clusters is not available: {found.within_period.reason}."
        return (
            f"Two periods of a cluster correlate {found.means:.2g}, sampling noise included; "
            f"{found.within_period.reason}."
        )
    ratio = found.autocorrelation
    words = "" if isinstance(ratio, NotAvailable) else f" (cluster autocorrelation {ratio:.2g})"
    return (
        f"Two rows of a cluster correlate {found.within_period:.2g} within a period (ICC) and "
        f"{found.between_periods:.2g} between periods{words}: numbers for the power of the next trial."
    )
