"""What an estimate is made of: the weight of every outcome in it, and why another estimate differs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from whatworks.arrays import Bools, Floats
from whatworks.did.effects import outcome_weights
from whatworks.did.linear.imputed import Imputed
from whatworks.panel import Panel
from whatworks.results import Result

_NOTHING = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Account:
    """What one estimate that is linear in the outcome is made of.

    Attributes:
        weights: (N, T) weight of each outcome; the estimate is the sum of weight × outcome.
        by_cohort: cohort's label and the weight of its treated cells; they sum to 1.
        treated_cells, untreated_cells: how many carry weight.
        negative_cells, negative: treated cells with negative weight, and the sum of those weights.
        last_before: of the weight on treated units' own cells before the start, the share on the last one
            before effects may begin.
        never, later: of the weight on untreated cells from the first start on, the share on the never
            treated, and on units that start after the window.
        observed: the average of the treated outcomes with these weights.
        anticipation: periods before the start in which effects may begin.
    """

    weights: Floats
    by_cohort: tuple[tuple[str, float], ...]
    treated_cells: int
    untreated_cells: int
    negative_cells: int
    negative: float
    last_before: float
    never: float
    later: float
    observed: float
    anticipation: int


@dataclass(frozen=True, slots=True)
class Parts:
    """Why two estimates differ: `weighting` of the same effects, and `comparison` with other untreated cells.

    They sum to the difference.
    """

    weighting: float
    comparison: float


def account(panel: Panel, result: Result, last: int | None, anticipation: int = 0) -> Account | None:
    """What the headline over event times 0 to `last` (to the end without) is made of.

    None for a method whose estimate is not a weighted sum of outcomes.
    """
    weights = outcome_weights(result, last)
    return None if weights is None else _describe(panel, weights, anticipation)


def parts(found: Imputed, yardstick: Floats, weights: Floats) -> Parts | None:
    """Why the estimate with `weights` differs from the yardstick's, itself made of imputed effects.

    Each treated outcome is its imputed value and an effect; weights cancel unit and period effects, so that
    an estimate is its weights on the effects and on what the untreated cells leave unexplained. None where
    it weights a treated cell that cannot be imputed.

    Source: Borusyak, Jaravel & Spiess (2024), Review of Economic Studies 91(6), theorem 1, for the imputed
    effects; the split is an identity.
    """
    if (np.abs(weights[found.lost]) > _NOTHING).any():
        return None
    value = float((weights * found.sample.outcome).sum())
    same = float((weights * found.gap).sum())
    return Parts(weighting=same - float((yardstick * found.gap).sum()), comparison=value - same)


def _describe(panel: Panel, weights: Floats, anticipation: int) -> Account:
    size = np.abs(weights)
    used = size > _NOTHING * max(float(size.max()), 1.0)
    treated = panel.treated & (panel.start <= panel.periods[-1])[:, None]
    late = ~treated & (panel.periods >= panel.cohorts[0])[None, :]
    before = ~treated & (panel.start <= panel.periods[-1])[:, None]
    at_last = before & (panel.periods[None, :] == panel.start[:, None] - 1 - anticipation)
    beyond = late & ((panel.start > panel.periods[-1]) & ~panel.never_treated)[:, None]
    below = treated & used & (weights < 0)
    own = treated * weights
    return Account(
        weights=weights,
        by_cohort=tuple((panel.label(int(g)), float(own[panel.start == g].sum())) for g in panel.cohorts),
        treated_cells=int((treated & used).sum()),
        untreated_cells=int((~treated & used).sum()),
        negative_cells=int(below.sum()),
        negative=float(weights[below].sum()),
        last_before=_share(size, at_last, before),
        never=_share(size, late & panel.never_treated[:, None], late),
        later=_share(size, beyond, late),
        observed=float((own * np.nan_to_num(panel.outcome)).sum()),
        anticipation=anticipation,
    )


def _share(size: Floats, part: Bools, whole: Bools) -> float:
    total = float(size[whole].sum())
    return float(size[part].sum()) / total if total > 0 else 0.0
