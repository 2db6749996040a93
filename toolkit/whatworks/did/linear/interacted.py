"""Covariates that do not change over time, interacted with periods and with treated cells."""

from __future__ import annotations

import numpy as np

from whatworks.arrays import Bools, Floats, Ints
from whatworks.errors import DesignError, first_few
from whatworks.panel import Panel

_FLAT = 1e-9


def interact(panel: Panel, mass: Floats, label: Ints, where: str) -> tuple[Floats, Bools, tuple[str, ...]]:
    """Regressors (K, N, T), which of them treatment switches on (K,), and their names.

    Each covariate has a slope of its own in every period but the first, and in every treated cell of a cohort
    and period a further one around the mean of that cell's units, so that the cell's effect is the one at
    their mean. Where a cell has too few units for as many slopes, it gets as many as it can tell apart.

    Args:
        panel: covariates constant over time.
        mass: (N, T) weights, 0 for cells not in use.
        label: (N, T) number of the cohort and period of a treated cell, −1 elsewhere.
        where: the method, for messages.

    Raises:
        DesignError: no covariate, or one that varies over time.

    Source: Wooldridge (2021), Two-Way Fixed Effects, the Two-Way Mundlak Regression, and
    Difference-in-Differences Estimators; for counts Wooldridge (2023), Econometrics Journal
    26(3).
    """
    x = _constant(panel, mass, where)
    scale = np.sqrt((x**2).mean(axis=1, keepdims=True))
    x = x / np.where(scale > 0, scale, 1.0)
    columns: list[Floats] = []
    names: list[str] = []
    untreated = ((label < 0) & (mass > 0)).any(axis=0)
    for t in np.flatnonzero(untreated)[1:]:
        for p, name in enumerate(panel.covariate_names):
            column = np.zeros(mass.shape)
            column[:, t] = x[p]
            columns.append(column)
            names.append(f"covariate {name!r} in {panel.period_labels[int(t)]}")
    common = len(columns)
    for number in range(int(label.max()) + 1):
        inside = (label == number) & (mass > 0)
        units, periods = np.nonzero(inside)
        if not len(units):
            continue
        for basis in _around_mean(x[:, units], mass[inside]):
            column = np.zeros(mass.shape)
            column[units, periods] = basis
            columns.append(column)
            names.append(
                f"covariates around the mean of treated units in {panel.period_labels[int(periods[0])]}"
            )
    return np.array(columns).reshape(-1, *mass.shape), np.arange(len(columns)) >= common, tuple(names)


def _constant(panel: Panel, mass: Floats, where: str) -> Floats:
    """(P, N) covariates around their overall mean."""
    if not panel.covariate_names:
        raise DesignError(
            "there is no covariate to interact",
            where=where,
            remedy='Name covariates in the panel, or leave out covariates="interacted".',
        )
    seen = mass > 0
    low = np.where(seen, panel.covariates, np.inf).min(axis=2)
    high = np.where(seen, panel.covariates, -np.inf).max(axis=2)
    alive = seen.any(axis=1)
    size = np.abs(np.where(seen, panel.covariates, 0.0)).max(axis=(1, 2))
    moving = ((high - low)[:, alive] > _FLAT * size[:, None]).any(axis=1)
    if moving.any():
        raise DesignError(
            "covariates to be interacted must not vary over time: "
            f"{first_few(panel.covariate_names[int(p)] for p in np.flatnonzero(moving))}",
            where=where,
            remedy='Give their value before the start to every period, or use covariates="plain".',
        )
    value = np.where(alive, np.where(alive, low, 0.0), 0.0)
    return np.asarray(np.where(alive, value - value[:, alive].mean(axis=1, keepdims=True), 0.0))


def _around_mean(x: Floats, weight: Floats) -> Floats:
    """(r, n) independent combinations of (P, n) covariates around their weighted mean."""
    centred = x - (x @ weight)[:, None] / weight.sum()
    values, vectors = np.linalg.eigh((centred * weight) @ centred.T / weight.sum())
    return np.asarray(vectors[:, values > _FLAT].T @ centred)
