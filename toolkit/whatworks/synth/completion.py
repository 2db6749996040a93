"""Matrix completion: what would have happened, filled in so that the whole table has few strong patterns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from whatworks.arrays import Bools, Floats
from whatworks.errors import EstimationError
from whatworks.panel import Panel
from whatworks.results import Result
from whatworks.synth.answer import answer
from whatworks.synth.penalty import given
from whatworks.synth.pool import Pool, pool_of, refuse_covariates
from whatworks.synth.problems import Fits, Problems, actual, each_as_treated
from whatworks.synth.quantify import Inference

WHERE: Final = "synth.completion"

GRID: Final = 12
"""So many penalties are tried, from the one that leaves no pattern down to `LEAST` of it."""

LEAST: Final = 0.01
ROUNDS: Final = 3000
_STILL: Final = 1e-9
_NEAR: Final = 1e-8


@dataclass(frozen=True, slots=True, eq=False)
class Completed:
    """The fit as a function that can be asked again.

    Attributes:
        penalty: λ, what every singular value of the pattern is lowered by, in the outcome's unit.
    """

    penalty: float

    def __call__(self, problems: Problems) -> Fits:
        """Fill the target's periods that are not matched; donors are known throughout."""
        targets = problems.targets
        fitted = _filled(problems, targets, self.penalty)
        return Fits(fitted, targets - fitted, None)


@dataclass(frozen=True, slots=True, eq=False)
class Patterns:
    """What matrix completion has to show.

    Attributes:
        penalty: λ used.
        errors: mean squared error from the start on with each donor in turn in the treated unit's place, by
            penalty; empty where the penalty was given.
    """

    penalty: float
    errors: pd.Series


def completion(
    panel: Panel,
    *,
    penalty: float | None = None,
    donors: Sequence[str] | None = None,
    anticipation: int = 0,
    inference: Inference = None,
    level: float = 0.95,
) -> Result:
    """Effect on one treated unit: its path less what a table of low nuclear norm fills in for it.

    Unit and period effects are free; what is left of the table, donors and treated unit together, pays λ for
    every unit of its nuclear norm. λ is the one with which donors, each in turn in the treated unit's place,
    are predicted best from the start on; placebos and other refits keep it.

    Args:
        panel: (N, T) outcomes with one start; several treated units are taken as their mean.
        penalty: λ above 0 in the outcome's unit; None chooses it.
        donors: labels of the units that may be used; None: every unit untreated through the window.
        anticipation: periods just before the start in which the effect may begin; nothing is fitted to them.
        inference: `Placebo`, `Conformal`, `JackknifePlus`, or None for placebos in space.
        level: coverage of the intervals.

    Raises:
        DesignError: staggered starts, fewer than two donors or periods before the start, missing cells.
        OptionError: a penalty that is not above 0, a donor that cannot be one, inference that does not fit, a
            level outside (0, 1).
        EstimationError: the filling did not settle.

    Source: Athey, Bayati, Doudchenko, Imbens & Khosravi (2021), JASA 116(536), equation 4.1.
    """
    refuse_covariates(panel, WHERE)
    pool = pool_of(panel, WHERE, donors=donors, anticipation=anticipation)
    own = _chosen(pool) if penalty is None else Patterns(_given(penalty), pd.Series(dtype=np.float64))
    fit = Completed(own.penalty)
    word = "by donors" if penalty is None else own.penalty
    spec = {"penalty": word, "donors": list(pool.donor_names), "anticipation": anticipation}
    fits, notes = fit(actual(pool)), _notes(own)
    return answer(
        pool, fit, fits, method=WHERE, inference=inference, level=level, spec=spec, notes=notes, own=own
    )


def _given(penalty: object) -> float:
    remedy = "Leave it out to have it chosen, or give a size in the unit of the outcome."
    return given(penalty, where=WHERE, remedy=remedy)


def _chosen(pool: Pool) -> Patterns:
    each = each_as_treated(pool, np.eye(len(pool.donors), dtype=bool)[pool.donors])
    largest = float(np.linalg.svd(_centred(pool.outcome[pool.donors]), compute_uv=False)[0])
    if largest <= 0:
        return Patterns(1.0, pd.Series(dtype=np.float64))
    grid = largest * np.geomspace(1.0, LEAST, GRID)
    found, fitted = [], None
    for size in grid:  # from one penalty to the next the filled cells move little
        fitted = _filled(each, each.targets, float(size), start=fitted, still=_NEAR)
        found.append(float(((each.targets - fitted)[:, pool.post] ** 2).mean()))
    errors = pd.Series(found, index=pd.Index(grid, name="penalty"), name="squared_error")
    return Patterns(float(grid[int(np.argmin(found))]), errors)


def _centred(table: Floats) -> Floats:
    return np.asarray(
        table - table.mean(axis=1, keepdims=True) - table.mean(axis=0, keepdims=True) + table.mean()
    )


def _filled(
    problems: Problems,
    targets: Floats,
    penalty: float,
    *,
    start: Floats | None = None,
    still: float = _STILL,
) -> Floats:
    """(B, T) the target's row of unit effect, period effects and pattern, at the minimum.

    Cells that are missing are filled, the table is centred both ways, and its singular values are lowered by
    λ: as a function of the filled cells the objective is convex and its slope is filled less fitted. Nesterov
    steps with restarts (O'Donoghue & Candès 2015, Foundations of Computational Mathematics 15) follow it.
    """
    kept = np.concatenate([problems.allowed, np.ones((len(targets), 1), dtype=bool)], axis=1)[:, :, None]
    table = np.zeros((len(targets), problems.outcome.shape[0] + 1, problems.outcome.shape[1]))
    table[:, :-1] = problems.outcome
    pre = problems.pre
    known = np.where(pre, targets, 0.0).sum(axis=1) / pre.sum(axis=1)
    fitted = np.repeat(known[:, None], targets.shape[1], axis=1) if start is None else start.copy()
    ahead, pace = fitted.copy(), np.ones(len(targets))
    scale = float(np.abs(problems.outcome).max()) or 1.0
    open_ = np.arange(len(targets))
    for _ in range(ROUNDS):
        tried = ahead[open_]
        table[open_, -1] = np.where(pre[open_], targets[open_], tried)
        new = _row(table[open_] * kept[open_], kept[open_], penalty)
        step, slope = new - fitted[open_], np.where(pre[open_], 0.0, tried - new)
        fitted[open_] = new
        next_pace = (1 + np.sqrt(1 + 4 * pace[open_] ** 2)) / 2
        back = (slope * step).sum(axis=1) > 0
        push = np.where(back, 0.0, (pace[open_] - 1) / next_pace)
        pace[open_] = np.where(back, 1.0, next_pace)
        ahead[open_] = new + push[:, None] * step
        open_ = open_[np.abs(slope).max(axis=1) > still * scale]
        if not len(open_):
            return fitted
    raise EstimationError(
        f"{len(open_)} of {len(targets)} tables did not settle in {ROUNDS} rounds",
        where=WHERE,
        remedy="Give a larger penalty: the smaller it is, the slower the missing cells settle.",
    )


def _row(table: Floats, kept: Bools, penalty: float) -> Floats:
    """(B, T) the last row of the fit to complete tables (B, M, T), rows not kept being zero."""
    count = kept.sum(axis=1, keepdims=True)
    rows, columns = table.mean(axis=2, keepdims=True), table.sum(axis=1, keepdims=True) / count
    level = rows.sum(axis=1, keepdims=True) / count
    centred = (table - rows - columns + level) * kept
    values, vectors = np.linalg.eigh(np.matmul(centred, centred.transpose(0, 2, 1)))
    size = np.sqrt(np.maximum(values, 0.0))
    share = np.maximum(1 - penalty / np.where(size > 0, size, np.inf), 0.0) * (size > 0)
    last = np.einsum("bk,bk,bmk->bm", vectors[:, -1], share, vectors)
    pattern = np.einsum("bm,bmt->bt", last, centred)
    return np.asarray(pattern + rows[:, -1] + columns[:, 0] - level[:, 0])


def _notes(own: Patterns) -> tuple[str, ...]:
    words = ["What would have happened is filled in: it can leave the range of the donors."]
    if len(own.errors):
        best, none = own.errors.min(), own.errors.iloc[0]
        words.append(
            f"The penalty {own.penalty:.4g} predicts donors in the treated unit's place best from the start "
            f"on (mean squared error {best:.4g}; without any pattern {none:.4g}), and is kept in every refit."
        )
    return tuple(words)
