"""Randomisation inference of two-way regressions: the estimate under many assignments at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import numpy as np

from whatworks.answer import counted
from whatworks.arrays import Bools, Floats, Ints
from whatworks.did.regression import requirements
from whatworks.errors import DesignError, OptionError
from whatworks.inference.chance.few_treated import FewTreated
from whatworks.inference.chance.randomisation import Collected, RandomisationInference, Theta
from whatworks.inference.default import Choice
from whatworks.inference.errors.joint import JointTest
from whatworks.inference.fits.projection import residuals
from whatworks.inference.fits.regression import Regression
from whatworks.inference.fits.rounding import settled_each
from whatworks.inference.uncertainty import Uncertainty
from whatworks.panel import Panel
from whatworks.results import Design

_AT_ONCE: Final = 2**22

Inference = requirements.Inference | RandomisationInference | FewTreated


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ReassignedEvents:
    """Randomisation inference of the effects by event time, each assignment estimated already.

    Attributes:
        inference: what was asked for.
        collected: the effects (J of them) under every assignment.
    """

    inference: RandomisationInference
    collected: Collected

    def from_regression(self, fit: Regression, contrasts: Floats, *, level: float) -> Uncertainty:
        """Uncertainty of combinations (m, k) of the coefficients, the first J being the effects."""
        del fit
        combos = contrasts[:, : len(self.collected.actual)]
        return self.inference.uncertainty(self.collected.combined(combos), level)

    def joint(self, columns: Ints) -> JointTest:
        """Joint test of the effects at `columns`."""
        rows = np.eye(len(self.collected.actual))[columns]
        return self.inference.largest(self.collected.combined(rows))

    def __repr__(self) -> str:
        return repr(self.inference)


def recorded(panel: Panel, choice: Choice, design: Design) -> tuple[Design, int | None]:
    """The design with the number of assignments that chance could have made, and the seed used, if any.

    Both as for any regression where treatment was not re-assigned.
    """
    chance = choice.inference
    if isinstance(chance, ReassignedEvents):
        chance = chance.inference
    if isinstance(chance, FewTreated):
        return design, chance.seed
    if not isinstance(chance, RandomisationInference):
        return design, choice.seed(panel.n_clusters)
    found = chance.assignments(panel.start, panel.cluster)
    number = counted(found.possible, "more assignments than can be written as a number")
    return replace(design, allocations=number), None if found.every else chance.seed


def of_block(panel: Panel, inference: RandomisationInference, post: Bools, level: float) -> Uncertainty:
    """Randomisation inference of the block estimate without covariates; `post` is (T,).

    Raises:
        OptionError: covariates, for which `did.twoway` gives the same estimate and can re-assign.
    """
    if panel.covariate_names:
        raise OptionError(
            "did.block cannot re-assign treatment beside covariates",
            where="did.block, RandomisationInference",
            remedy="Use did.twoway, which gives the same estimate with one start and can; or leave them out.",
        )
    last = panel.periods[-1]

    def theta(outcome: Floats) -> Theta:
        return lambda starts: settled_each(
            block_estimates(outcome, starts <= last, post, panel.weight), outcome
        )

    return inference.test(
        theta(panel.outcome),
        panel.start,
        cluster=panel.cluster,
        slope=theta(panel.treated.astype(np.float64)),
        level=level,
    )


def block_estimates(
    outcome: Floats, treated_sets: Bools, post: Bools, weight: Floats | None = None
) -> Floats:
    """Block difference-in-differences of many outcomes and many assignments at once.

    Args:
        outcome: (..., N, T).
        treated_sets: (B, N), each row a set of treated units that leaves at least one comparison unit.
        post: (T,) periods under treatment.
        weight: (N,) unit weights.

    Returns:
        (..., B): change of the weighted mean of the treated less that of the others, which is the two-way
        fixed-effects coefficient when one date separates before from after.
    """
    change = outcome[..., post].mean(axis=-1) - outcome[..., ~post].mean(axis=-1)
    mass = treated_sets * (np.ones(treated_sets.shape[1]) if weight is None else weight)
    rest = ~treated_sets * (np.ones(treated_sets.shape[1]) if weight is None else weight)
    contrast = mass / mass.sum(axis=1, keepdims=True) - rest / rest.sum(axis=1, keepdims=True)
    return np.asarray(change @ contrast.T)


def of_twoway(panel: Panel, inference: RandomisationInference, level: float) -> Uncertainty:
    """Randomisation inference of the two-way coefficient, covariates held fixed, timing re-assigned too.

    Raises:
        DesignError: missing cells, which do not move with treatment.
    """
    if not panel.balanced:
        raise DesignError(
            "randomisation inference of the two-way coefficient needs every cell",
            where="did.twoway, RandomisationInference",
            remedy="Keep complete units only with panel.drop_incomplete(), or use WildCluster().",
        )
    D = panel.treated.astype(np.float64)
    return inference.test(
        lambda starts: settled_each(twoway_estimates(panel, panel.outcome, starts), panel.outcome),
        panel.start,
        cluster=panel.cluster,
        slope=lambda starts: twoway_estimates(panel, D, starts),
        level=level,
    )


def twoway_estimates(panel: Panel, outcome: Floats, starts: Ints) -> Floats:
    """(B,) two-way coefficients of treatment on (N, T) outcomes for (B, N) starts, no cell missing.

    By Frisch–Waugh: both sides are freed of covariates first, and sums over each unit's treated periods serve
    every assignment, since treatment takes one path per start.
    """
    weight = panel.unit_weight
    y, Z = partialled(panel, outcome)
    kinds, code = np.unique(starts, return_inverse=True)
    code = code.reshape(starts.shape)
    paths = (panel.periods[None, :] >= kinds[:, None]).astype(np.float64)
    units = np.arange(panel.n_units)
    sums = np.einsum("knt,ct,n->knc", np.concatenate([y[None], Z]), paths, weight, optimize=True)
    top = np.stack([part[units, code].sum(axis=1) for part in sums])
    return np.asarray(top[0] / (_squares(paths, code, weight) - (top[1:] ** 2).sum(axis=0)))


def partialled(panel: Panel, values: Floats) -> tuple[Floats, Floats]:
    """(..., N, T) values net of both effects and of the panel's covariates, and those covariates (k, N, T)
    net of the effects and orthonormal under unit weights. No cell is missing.
    """
    weight = panel.unit_weight
    Z = _orthonormal(residuals(panel.covariates, weight[:, None]), weight)
    net = residuals(values, weight[:, None])
    if len(Z):
        slopes = np.einsum("knt,...nt,n->...k", Z, net, weight, optimize=True)
        net = net - np.tensordot(slopes, Z, axes=1)
    return net, Z


def _orthonormal(Z: Floats, weight: Floats) -> Floats:
    """Covariates (k, N, T) made orthonormal under unit weights."""
    if not len(Z):
        return Z
    root = np.sqrt(weight)[:, None]
    left, values, _ = np.linalg.svd((Z * root).reshape(len(Z), -1).T, full_matrices=False)
    kept = left[:, values > 1e-10 * values[0]]
    return np.asarray(kept.T.reshape(-1, *Z.shape[1:]) / root)


def of_events(
    panel: Panel, inference: RandomisationInference, times: Ints, ends: tuple[int, int] | None
) -> ReassignedEvents:
    """Effects at the event times (J,) under every assignment of starts; no cell is missing.

    Raises:
        DesignError, OptionError: as `RandomisationInference.assignments`.
    """
    thetas = [
        partial(event_estimates, panel, values, times, ends)
        for values in (panel.outcome, panel.treated.astype(np.float64))
    ]
    own = thetas[0]
    collected = inference.collect(
        lambda starts: settled_each(own(starts), panel.outcome),
        panel.start,
        cluster=panel.cluster,
        slope=thetas[1],
    )
    return ReassignedEvents(inference, collected)


def event_estimates(
    panel: Panel, outcome: Floats, times: Ints, ends: tuple[int, int] | None, starts: Ints
) -> Floats:
    """(B, J) coefficients of event times on (N, T) outcomes for (B, N) starts; distances beyond `ends` pool.

    By Frisch–Waugh: indicators take one path per start, so that sums within starts make the normal equations,
    which are solved once for every distinct distribution of weight over starts.
    """
    weight = panel.unit_weight
    y, Z = partialled(panel, outcome)
    kinds = np.unique(starts)
    cell = panel.periods[None, :] - np.where(kinds <= panel.periods[-1], kinds, 0)[:, None]
    cell = cell if ends is None else np.clip(cell, *ends)
    inside = (kinds <= panel.periods[-1])[:, None, None]
    paths = ((cell[:, None, :] == times[None, :, None]) & inside).astype(np.float64)
    paths -= paths.mean(axis=2, keepdims=True)
    squares = np.einsum("sjt,slt->sjl", paths, paths)
    out = np.empty((len(starts), len(times)))
    step = max(1, _AT_ONCE // (starts.shape[1] * len(kinds) + len(times) * (1 + len(Z)) * outcome.shape[1]))
    for low in range(0, len(starts), step):
        here = (starts[low : low + step, :, None] == kinds) * weight[:, None]
        right = sum(here[:, :, s] @ y @ paths[s].T for s in range(len(kinds)))
        crossed = [sum(here[:, :, s] @ z @ paths[s].T for s in range(len(kinds))) for z in Z]
        out[low : low + step] = _solved(
            here.sum(axis=1), squares, paths, right, np.array(crossed), float(weight.sum())
        )
    return out


def _solved(
    mass: Floats, squares: Floats, paths: Floats, right: Floats, crossed: Floats, total: float
) -> Floats:
    """(B, J) solutions of the normal equations given weights per start (B, S), and covariates (k, B, J)."""
    distinct, code = np.unique(np.round(mass, 9), axis=0, return_inverse=True)
    out = np.empty_like(right)
    for number, row in enumerate(distinct):
        here = np.flatnonzero(code.ravel() == number)
        common = np.tensordot(row, paths, axes=1)
        gram = np.tensordot(row, squares, axes=1) - common @ common.T / total
        if not len(crossed):
            out[here] = np.linalg.solve(gram, right[here].T).T
            continue
        c = crossed[:, here]
        grams = gram - np.einsum("kbj,kbl->bjl", c, c)
        out[here] = np.linalg.solve(grams, right[here][:, :, None])[:, :, 0]
    return out


def _squares(paths: Floats, code: Ints, weight: Floats) -> Floats:
    """(B,) weighted sums of squares of treatment net of unit and period effects."""
    mass = np.stack([(code == c) @ weight for c in range(len(paths))], axis=1)
    long = paths.sum(axis=1)
    t, total = paths.shape[1], weight.sum()
    by_period = mass @ paths
    return np.asarray(
        mass @ long
        - mass @ long**2 / t
        - (by_period**2).sum(axis=1) / total
        + (mass @ long) ** 2 / (t * total)
    )
