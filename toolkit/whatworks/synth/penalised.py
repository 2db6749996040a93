"""Penalised synthetic control: between the best-fitting average and the nearest neighbour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import pandas as pd

from whatworks.errors import DesignError, choose
from whatworks.panel import Panel
from whatworks.results import Result
from whatworks.synth.answer import answer
from whatworks.synth.convex import convex
from whatworks.synth.penalised_fit import GRID, RULES, PenalisedFit, one_optimum
from whatworks.synth.penalty import given
from whatworks.synth.pool import Pool, pool_of, refuse_covariates
from whatworks.synth.problems import Fits, actual
from whatworks.synth.quantify import Inference

WHERE: Final = "synth.penalised"

LEAST: Final = 1e-8
"""A smaller penalty would drown in rounding."""


@dataclass(frozen=True, slots=True, eq=False)
class Penalty:
    """How the penalty was chosen and what it does.

    Attributes:
        penalty: λ, a pure number.
        grid: penalties tried and the mean squared error by which they were judged; empty for a given one.
        unique: whether no other weights do as well.
        donors: how many donors have weight.
        discrepancy: Σ wⱼ‖x₁ − xⱼ‖ / √P, the weighted distance of the donors used from the target, in the
            outcome's unit for one period (root mean square over the P matched periods).
        free_discrepancy: the same of the fit without penalty.
        free_rmspe: root mean squared gap before the start of the fit without penalty.
    """

    penalty: float
    grid: pd.DataFrame
    unique: bool
    donors: int
    discrepancy: float
    free_discrepancy: float
    free_rmspe: float


def penalised(
    panel: Panel,
    *,
    penalty: Literal["holdout", "leave_one_out"] | float = "holdout",
    donors: Sequence[str] | None = None,
    anticipation: int = 0,
    inference: Inference = None,
    level: float = 0.95,
) -> Result:
    """Effect on one treated unit, its path less that of an average of donors that are near it themselves.

    Weights are non-negative, sum to one and minimise ‖x₁ − X₀w‖² + λΣⱼwⱼ‖x₁ − xⱼ‖² over the outcomes x before
    the start: between the best-fitting average (λ near 0) and the nearest donor (λ large). They are unique
    unless donors lie in a special position, such as twins; the result says whether.

    Args:
        panel: (N, T) outcomes with one start; several treated units are taken as their mean.
        penalty: λ, at least 1e-8; or how to choose it from 1e-6 to 10 by the mean squared gap: `holdout`, of
            the treated unit in the second half of the time before the start, with weights from the first;
            `leave_one_out`, of each donor in turn after the start. Placebos and other refits choose theirs.
        donors: labels of the units that may be used; None: every unit untreated through the window.
        anticipation: periods just before the start in which the effect may begin; nothing is fitted to them.
        inference: `Placebo`, `Conformal`, `JackknifePlus`, or None for placebos in space.
        level: coverage of the intervals.

    Returns:
        The mean gap from the start on, and the gap of each period; `detail.method` is a `Penalty`.

    Raises:
        DesignError: staggered starts, too few donors or periods, missing cells.
        OptionError: a donor or penalty that cannot be one, inference that does not fit.

    Source: Abadie & L'Hour (2021), JASA 116(536), equation 5 and theorem 1.
    """
    refuse_covariates(panel, WHERE)
    pool = pool_of(panel, WHERE, donors=donors, anticipation=anticipation)
    fit = PenalisedFit(_check_penalty(penalty, pool))
    chosen, errors, fits = fit.solve(actual(pool))
    own = _own(pool, float(chosen[0]), errors[0], fits)
    notes, spec = _notes(pool, fit, own, fits), _spec(pool, fit, anticipation)
    return answer(
        pool, fit, fits, method=WHERE, inference=inference, level=level, spec=spec, notes=notes, own=own
    )


def _spec(pool: Pool, fit: PenalisedFit, anticipation: int) -> dict[str, Any]:
    return {"donors": list(pool.donor_names), "anticipation": anticipation, "penalty": fit.penalty}


def _check_penalty(penalty: object, pool: Pool) -> str | float:
    if isinstance(penalty, str):
        rule = choose("penalty", penalty, RULES, where=WHERE)
        if pool.pre.sum() < 3:
            raise DesignError(
                f"there are {int(pool.pre.sum())} periods before the start to choose a penalty on",
                where=WHERE,
                remedy="Begin the panel earlier, or give the penalty a number.",
            )
        if rule == "leave_one_out" and pool.donors.sum() < 3:
            raise DesignError(
                f"with {int(pool.donors.sum())} donors, leaving one out leaves nothing to weight",
                where=WHERE,
                remedy='Add untreated units, use penalty="holdout", or give the penalty a number.',
            )
        return rule
    rules = ", ".join(map(repr, RULES))
    remedy = f"Give λ, such as 0.1, or one of {rules}. Without a penalty this is synth.classic."
    return given(penalty, least=LEAST, where=WHERE, remedy=remedy)


def _own(pool: Pool, penalty: float, errors: np.ndarray, fits: Fits) -> Penalty:
    problem, weights = actual(pool), fits.weights
    if weights is None:
        raise TypeError("a penalised fit has weights")
    free = convex(problem)
    far = (pool.outcome - pool.observed[None])[:, pool.pre]
    # units outside the pool may have gaps
    distance = np.where(pool.donors, np.sqrt((far**2).mean(axis=1)), 0.0)
    grid = pd.DataFrame({"penalty": GRID[: len(errors)], "error": errors})
    return Penalty(
        penalty=penalty,
        grid=grid,
        unique=bool(one_optimum(problem, np.array([penalty]), weights)[0]),
        donors=int((weights[0] > 1e-9).sum()),
        discrepancy=float(weights[0] @ distance),
        free_discrepancy=float(np.asarray(free.weights)[0] @ distance),
        free_rmspe=float(np.sqrt((free.gaps[0, pool.pre] ** 2).mean())),
    )


def _notes(pool: Pool, fit: PenalisedFit, own: Penalty, fits: Fits) -> tuple[str, ...]:
    how = {
        "holdout": "the best at predicting the second half of the time before the start from the first",
        "leave_one_out": "the best at predicting each donor from the others in the periods not matched",
    }
    chosen = how[fit.penalty] if isinstance(fit.penalty, str) else "as given"
    rmspe = float(np.sqrt((fits.gaps[0, pool.pre] ** 2).mean()))
    words = [
        f"Penalty {own.penalty:.3g} ({chosen}): {own.donors} donors have weight, on average "
        f"{own.discrepancy:.4g} away from the treated unit's path ({own.free_discrepancy:.4g} without "
        f"penalty), and the RMSPE before the start is {rmspe:.4g} ({own.free_rmspe:.4g} without penalty)."
    ]
    if not own.unique:
        words.append(
            "Other weights do as well: some donors have the same path before the start, or lie in another "
            "special position. Donors with the very same path share their weight evenly."
        )
    if len(own.grid) and own.penalty == own.grid["penalty"].iloc[0]:
        words.append("The smallest penalty tried was chosen: all but the fit without penalty.")
    if len(own.grid) and own.penalty == own.grid["penalty"].iloc[-1]:
        words.append("The largest penalty tried was chosen: all but matching with the nearest donor.")
    return tuple(words)
