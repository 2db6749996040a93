"""Effects before the start from one regression on untreated cells, and their joint test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from whatworks.arrays import Bools, Floats, Ints
from whatworks.did.linear.imputed import Imputed
from whatworks.did.linear.scores import Sample
from whatworks.errors import DesignError
from whatworks.inference.default import Choice
from whatworks.inference.errors.cluster import ClusterRobust, Regression
from whatworks.inference.errors.joint import JointTest, joint_test
from whatworks.inference.errors.wild import WildCluster
from whatworks.inference.fits import two_way_effects
from whatworks.inference.fits.collinear import LEAVE_OUT
from whatworks.inference.uncertainty import Uncertainty
from whatworks.panel import Panel
from whatworks.results import NotAvailable

MOST = 12
"""Leads estimated unless asked otherwise: more would test less."""


@dataclass(frozen=True, slots=True, eq=False)
class Leads:
    """Effects at event times before the start, against all earlier ones.

    Attributes:
        event_time: (k,) ascending.
        numbers: their uncertainty.
        units: (k,) treated units behind each.
        fit: the regression; its first k coefficients are the leads.
        test: joint test that all are zero.
    """

    event_time: Ints
    numbers: Uncertainty
    units: Ints
    fit: Regression
    test: JointTest | NotAvailable


def fit_leads(
    panel: Panel,
    found: Imputed,
    leads: int | None,
    anticipation: int,
    choice: Choice,
    level: float,
    where: str,
) -> Leads | NotAvailable:
    """Regress untreated cells on indicators of the last `leads` periods before the start.

    With the wild bootstrap its p-values and intervals; else CR1 with fixest's small-sample factor.

    Source: Borusyak, Jaravel & Spiess (2024), Review of Economic Studies 91(6).
    """
    data = found.sample
    distance = panel.periods[None, :] - data.cohorts[:, None] + anticipation
    have = np.stack([data.untouched[data.members(s)].any(axis=0) for s in range(len(data.cohorts))])
    inside = data.cohorts <= panel.periods[-1]
    distance = np.where(inside[:, None], distance, 0)
    count = _count(distance, inside, leads)
    if count == 0:
        return NotAvailable("no period before the start is left to compare with earlier ones")
    candidates = np.arange(-count, 0)
    times = np.array([e for e in candidates if (have & (distance == e)).any()], dtype=np.int64)
    if not times.size:
        return NotAvailable("no untreated cell lies that close before the start")
    folds = folds_of(data)
    rows = slice(None) if folds is None else folds.first
    cell = distance[data.group[rows]]
    here = (cell[None] == times[:, None, None]) & data.untouched[None, rows]
    names = [f"event time {e - anticipation}" for e in times]
    names += [f"covariate {c!r}" for c in panel.covariate_names]
    design = here.astype(np.float64)
    if folds is None:
        design = np.concatenate([design, data.covariates])
    try:
        fit = _regress(data, design, folds, names, where)
    except DesignError as problem:
        if leads is not None:
            raise
        return NotAvailable(f"the periods before the start cannot be told apart ({problem.what})")
    size = np.ones(here.shape[1], dtype=np.int64) if folds is None else np.bincount(folds.group)
    return Leads(
        times - anticipation, _numbers(fit, len(times), choice, level), here.any(axis=2) @ size, fit,
        _test(fit, len(times), choice),
    )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Folds:
    """Units that have the same cells and the same regressors, M groups of them.

    Attributes:
        group: (N,) codes 0..M−1.
        first: (M,) one unit of each group.
    """

    group: Ints
    first: Ints


def folds_of(data: Sample) -> Folds | None:
    """Units of one start with the same cells, or None where gaps or covariates tell each unit apart."""
    if len(data.covariates) or not data.observed.all():
        return None
    # anticipation cuts units that start after the window short, each start by another count
    keys = data.group * (data.outcome.shape[1] + 1) + data.untouched.sum(axis=1)
    _, first, group = np.unique(keys, return_index=True, return_inverse=True)
    return Folds(group.ravel(), first)


def _regress(
    data: Sample, design: Floats, folds: Folds | None, names: Sequence[str], where: str
) -> Regression:
    """Untouched cells on regressors (k, N, T), with `folds` (k, M, T), and unit and period effects."""
    fit = two_way_effects.fit if folds is None else partial(two_way_effects.fit_by_group, group=folds.group)
    return fit(
        data.outcome, design, names=names, weight=data.weight, cluster=data.cluster,
        observed=data.untouched, where=where, tied=LEAVE_OUT,
    )  # fmt: skip


def _count(distance: Ints, inside: Bools, leads: int | None) -> int:
    if leads is not None:
        return leads
    room = -distance[inside].min(axis=1)
    return int(min(MOST, max(1, room.min() - 1), room.max() - 1))


def _numbers(fit: Regression, k: int, choice: Choice, level: float) -> Uncertainty:
    contrasts = np.eye(len(fit.coefficients))[:k]
    if isinstance(choice.inference, NotAvailable | WildCluster):
        return choice.from_regression(fit, contrasts, level=level)
    return ClusterRobust("CR1", correction="fixest").from_regression(fit, contrasts, level=level)


def _test(fit: Regression, k: int, choice: Choice) -> JointTest | NotAvailable:
    if isinstance(choice.inference, NotAvailable):
        return choice.inference
    wild = choice.inference if isinstance(choice.inference, WildCluster) else ClusterRobust()
    return joint_test(fit, np.arange(k), wild)
