"""Cluster scores of any estimate that is linear in the outcome, with the effect it is about imposed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from whatworks.arrays import Bools, Floats, Ints
from whatworks.did.linear.absorbed import Absorbed, absorb
from whatworks.inference.default import Choice
from whatworks.inference.draws import DEFAULT_SEED
from whatworks.inference.errors.cluster import Regression
from whatworks.inference.errors.joint import REFITTED_CLUSTERS, JointTest, largest_normal, largest_score
from whatworks.inference.errors.wild import WildCluster
from whatworks.inference.fits import rounding
from whatworks.inference.fits.rows import by_cluster
from whatworks.panel import NEVER, Panel
from whatworks.results import NotAvailable

DRAWS = 1999
"""Sign vectors where the inference asked for draws none of its own."""


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """The cells that are there, with zeros where nothing was observed.

    Attributes:
        outcome: (N, T).
        observed: (N, T) cells with an outcome.
        untouched: (N, T) observed cells before the start and its anticipation.
        covariates: (P, N, T).
        weight: (N,) unit weights, 1 without.
        cluster: (N,) codes, or None where each unit is its own.
        n_clusters: G.
        cohorts: (S,) starts, those after the window last and together.
        group: (N,) position of each unit's start in `cohorts`.
    """

    outcome: Floats
    observed: Bools
    untouched: Bools
    covariates: Floats
    weight: Floats
    cluster: Ints | None
    n_clusters: int
    cohorts: Ints
    group: Ints

    def members(self, s: int) -> Ints:
        """Units of one cohort."""
        return np.flatnonzero(self.group == s)


def sample(panel: Panel, anticipation: int = 0) -> Sample:
    """The panel as arrays without gaps and masks that say what is there."""
    observed = np.isfinite(panel.outcome)
    start = np.where(panel.start <= panel.periods[-1], panel.start, NEVER)
    cohorts, group = np.unique(start, return_inverse=True)
    return Sample(
        outcome=np.where(observed, panel.outcome, 0.0),
        observed=observed,
        untouched=observed & (panel.periods[None, :] < panel.start[:, None] - anticipation),
        covariates=np.where(observed, panel.covariates, 0.0),
        weight=panel.unit_weight,
        cluster=panel.cluster,
        n_clusters=panel.n_clusters,
        cohorts=cohorts,
        group=group.ravel().astype(np.int64),
    )


def null_scores(
    data: Sample, coefficient: Floats, effect: Bools, shared: Ints | None = None
) -> tuple[Floats, Floats]:
    """Scores (G,) of one estimate with no effect imposed, and their slopes (G,) per unit of effect.

    Args:
        data: the panel.
        coefficient: (N, T) a, the estimate being Σ a·y; a must cancel unit and period effects, covariates,
            each level of `shared` and, in cells that are neither untouched nor of these two, anything common
            to a cohort in a period.
        effect: (N, T) cells whose effect the estimate is about.
        shared: (N, T) labels above 0 of cells at one level that nothing is known about, 0 elsewhere. Where an
            effect is the change from a cell that may carry one itself, no effect means that both carry
            the same.

    Σ a·û within clusters, û the residuals of a two-way fit on the untouched cells, those of `effect`, with
    the effect there imposed, and those of `shared`, with a free effect for each level; other cells enter
    around the mean of their cohort and period.

    Source: Kline & Santos (2012), Journal of Econometric Methods 1(1), section 2.
    """
    columns = np.stack([data.outcome, (effect & data.observed).astype(np.float64)])
    out = column_scores(data, coefficient, effect, columns, shared)
    return out[:, 0], out[:, 1] / out[:, 1].sum()


def column_scores(
    data: Sample, coefficient: Floats, effect: Bools, columns: Floats, shared: Ints | None = None
) -> Floats:
    """(G, r) scores as `scores` gives them of r outcomes (r, N, T), from one fit."""
    used = data.untouched | (effect & data.observed)
    beside = data.covariates
    if shared is not None and shared.any():
        used = used | (data.observed & (shared > 0))
        levels = shared == np.unique(shared[shared > 0])[:, None, None]
        beside = np.concatenate([beside, levels.astype(np.float64)])
    fit = absorb(used, data.weight)
    aside = data.observed & ~used & (coefficient != 0)
    left = [fit.beyond(column) for column in columns]
    if len(beside):
        left = _net_of(beside, data.weight, fit, left)
    if aside.any():
        left = [_around_cohort(data, column, aside) for column in left]
    keep = used | aside
    left = [rounding.settled(one * keep, column) for one, column in zip(left, columns, strict=True)]
    by_unit = np.stack([(coefficient * column).sum(axis=1) for column in left], axis=1)
    return by_cluster(by_unit, data.cluster, data.n_clusters)


def stacked_scores(data: Sample, coefficients: list[Floats], effects: list[Bools]) -> tuple[Floats, Floats]:
    """Scores and slopes (G, k) of k estimates, each with its own effect imposed.

    Without gaps and covariates the weighted means of units that share cluster and start carry everything.
    """
    order, first = _folds(data)
    if len(first) < len(order):
        coefficients = [np.add.reduceat(a[order], first, axis=0) for a in coefficients]
        effects = [cells[order[first]] for cells in effects]
    small = fold(data)
    pairs = [null_scores(small, a, cells) for a, cells in zip(coefficients, effects, strict=True)]
    return np.stack([s for s, _ in pairs], axis=1), np.stack([slope for _, slope in pairs], axis=1)


def lead_test(
    data: Sample,
    fit: Regression,
    before: Ints,
    coefficients: Callable[[], list[Floats]],
    effects: Bools,
    choice: Choice,
) -> JointTest | NotAvailable:
    """Test that the coefficients of `fit` at `before` are all zero, by the largest |t|.

    Up to a thousand clusters, and under the wild bootstrap, from scores of a fit without any effect in the
    cells `effects` (N, T); beyond, from correlated normal variables. `coefficients` makes the (N, T)
    coefficients of each of them.
    """
    if isinstance(choice.inference, NotAvailable):
        return choice.inference
    if not before.size:
        return NotAvailable("no period before the start besides the reference")
    wild = isinstance(choice.inference, WildCluster)
    if not wild and fit.n_clusters > REFITTED_CLUSTERS:
        return largest_normal(fit, before, draws=9999, seed=DEFAULT_SEED)
    scores = [null_scores(data, a, effects)[0] for a in coefficients()]
    return largest_score(np.stack(scores, axis=1), choice.inference if wild else WildCluster(draws=DRAWS))


def _folds(data: Sample) -> tuple[Ints, Ints]:
    """Units in the order of cluster and start, and where in it each pair begins."""
    units = np.arange(len(data.weight))
    if data.cluster is None or len(data.covariates) or not data.observed.all():
        return units, units
    keys = np.column_stack([data.cluster, data.group, data.untouched.sum(axis=1)])
    _, code = np.unique(keys, axis=0, return_inverse=True)
    order = np.argsort(code.ravel(), kind="stable")
    return order, np.unique(code.ravel()[order], return_index=True)[1]


def fold(data: Sample) -> Sample:
    """One row, their weighted mean, for all units that share cluster and start; each its own with gaps,
    covariates or no clusters."""
    order, first = _folds(data)
    if len(first) == len(order):
        return data
    weight = np.add.reduceat(data.weight[order], first)
    total = np.add.reduceat((data.outcome * data.weight[:, None])[order], first, axis=0)
    head = order[first]
    return replace(
        data,
        outcome=total / weight[:, None],
        observed=data.observed[head],
        untouched=data.untouched[head],
        covariates=np.empty((0, *total.shape)),
        weight=weight,
        cluster=None if data.cluster is None else data.cluster[head],
        group=data.group[head],
    )


def _net_of(beside: Floats, weight: Floats, fit: Absorbed, left: list[Floats]) -> list[Floats]:
    """Columns net of effects, less what P regressors (P, N, T) explain of them in the fitted cells."""
    free = np.stack([fit.beyond(x) for x in beside])
    inside = free * fit.used
    gram = np.einsum("pnt,qnt,n->pq", inside, inside, weight, optimize=True)
    right = np.stack([np.einsum("pnt,nt,n->p", inside, y, weight, optimize=True) for y in left], axis=1)
    length = np.sqrt(np.maximum(np.diag(gram), np.finfo(float).tiny))
    slopes = np.linalg.lstsq(gram / np.outer(length, length), right / length[:, None], rcond=1e-12)[0]
    slopes /= length[:, None]
    return [y - np.tensordot(slopes[:, i], free, axes=1) for i, y in enumerate(left)]


def _around_cohort(data: Sample, values: Floats, aside: Bools) -> Floats:
    out = values.copy()
    for s in range(len(data.cohorts)):
        rows = data.members(s)
        mask = aside[rows]
        mass = mask * data.weight[rows, None]
        total = mass.sum(axis=0)
        mean = (mass * values[rows]).sum(axis=0) / np.where(total > 0, total, 1.0)
        out[rows] -= np.where(mask, mean[None, :], 0.0)
    return out
