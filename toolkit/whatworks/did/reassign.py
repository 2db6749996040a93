"""Randomisation inference of two-way regressions: the estimate under many assignments at once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from whatworks.did import requirements
from whatworks.did.partialled import partialled
from whatworks.did.twoway_core import block_estimates
from whatworks.errors import DesignError, OptionError
from whatworks.inference.default import Choice
from whatworks.inference.few_treated import FewTreated
from whatworks.inference.randomisation import RandomisationInference, Theta
from whatworks.inference.uncertainty import Uncertainty
from whatworks.panel import Panel
from whatworks.results import Design, NotAvailable

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

Inference = requirements.Inference | RandomisationInference | FewTreated


def recorded(panel: Panel, choice: Choice, design: Design) -> tuple[Design, int | None]:
    """The design with the number of assignments that chance could have made, and the seed used, if any.

    Both as for any regression where treatment was not re-assigned.
    """
    chance = choice.inference
    if isinstance(chance, FewTreated):
        return design, chance.seed
    if not isinstance(chance, RandomisationInference):
        return design, requirements.seed_used(choice, panel.n_clusters)
    found = chance.assignments(panel.start, panel.cluster)
    many = NotAvailable("more assignments than can be written as a number")
    number = float(found.possible) if found.possible < 10**300 else many
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
        return lambda starts: block_estimates(outcome, starts <= last, post, panel.weight)

    return inference.test(
        theta(panel.outcome),
        panel.start,
        cluster=panel.cluster,
        slope=theta(panel.treated.astype(np.float64)),
        level=level,
    )


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
        lambda starts: twoway_estimates(panel, panel.outcome, starts),
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
    weight = np.ones(panel.n_units) if panel.weight is None else panel.weight
    y, Z = partialled(panel, outcome)
    kinds, code = np.unique(starts, return_inverse=True)
    code = code.reshape(starts.shape)
    paths = (panel.periods[None, :] >= kinds[:, None]).astype(np.float64)
    units = np.arange(panel.n_units)
    sums = np.einsum("knt,ct,n->knc", np.concatenate([y[None], Z]), paths, weight, optimize=True)
    top = np.stack([part[units, code].sum(axis=1) for part in sums])
    return np.asarray(top[0] / (_squares(paths, code, weight) - (top[1:] ** 2).sum(axis=0)))


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
