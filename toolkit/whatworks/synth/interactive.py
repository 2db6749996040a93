"""Interactive fixed effects: one treated unit whose path is made of its donors' common factors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from whatworks.errors import OptionError
from whatworks.panel import Panel
from whatworks.results import Result
from whatworks.synth.answer import answer
from whatworks.synth.interactive_factors import ByFactors
from whatworks.synth.pool import Pool, pool_of, refuse_covariates
from whatworks.synth.problems import actual
from whatworks.synth.quantify import Inference

WHERE: Final = "synth.interactive"


@dataclass(frozen=True, slots=True, eq=False)
class Factors:
    """What the fit by factors has to show.

    Attributes:
        count: number of factors used.
        errors: mean squared error of predicting each period before the start of the treated unit from its
            others, by number of factors (only the number asked for, where one was).
    """

    count: int
    errors: pd.Series


def interactive(
    panel: Panel,
    *,
    factors: int | None = None,
    most: int = 5,
    donors: Sequence[str] | None = None,
    anticipation: int = 0,
    inference: Inference = None,
    level: float = 0.95,
) -> Result:
    """Effect on one treated unit: its path less what the donors' common factors make of its past.

    Args:
        panel: (N, T) outcomes with one start; several treated units are taken as their mean.
        factors: how many common factors beside the unit and period effects; None: the number that best
            predicts each period before the start from the others, which placebos choose anew.
        most: the largest number tried.
        donors: labels of the units that may be used; None: every unit untreated through the window.
        anticipation: periods just before the start in which the effect may begin; nothing is fitted to them.
        inference: `Placebo`, `Conformal`, `JackknifePlus`, or None for placebos in space.
        level: coverage of the intervals.

    Returns:
        The mean gap from the start on as headline, and the gap of each period; `detail.method` has the
        number of factors and the prediction errors. There are no donor weights.

    Raises:
        DesignError: staggered starts, fewer than two donors or periods before the start, missing cells.
        OptionError: a number of factors that the donors or periods do not allow, a donor that cannot be one,
            inference that does not fit, a level outside (0, 1).

    Source: Xu (2017), Political Analysis 25(1).
    """
    refuse_covariates(panel, WHERE)
    pool = pool_of(panel, WHERE, donors=donors, anticipation=anticipation)
    fit = _fit(pool, factors, most)
    fits, count, errors = fit.solve(actual(pool))
    own = _shown(int(count[0]), errors[0])
    spec: dict[str, Any] = {
        "factors": "cross-validated" if factors is None else int(factors),
        "most": fit.most,
        "donors": list(pool.donor_names),
        "anticipation": anticipation,
    }
    notes = _notes(pool, fit, own)
    return answer(
        pool, fit, fits, method=WHERE, inference=inference, level=level, spec=spec, notes=notes, own=own
    )


def _fit(pool: Pool, factors: int | None, most: int) -> ByFactors:
    """The fit, its largest number of factors within what donors and periods allow."""
    # a placebo has one donor less, and a period left out one period less; the level takes one of each
    room = max(0, min(int(pool.donors.sum()) - int(pool.treated.sum()) - 1, int(pool.pre.sum()) - 3))
    for name, value in (("factors", factors), ("most", most)):
        whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
        if value is not None and not (whole and value >= 0):
            raise OptionError(
                f"{name}={value!r} is not a number of factors",
                where=WHERE,
                remedy="Give a whole number from 0 on.",
            )
    if factors is None:
        return ByFactors(None, min(int(most), room))
    if factors > room:
        raise OptionError(
            f"factors={factors} is more than the {room} that {int(pool.donors.sum())} donors and "
            f"{int(pool.pre.sum())} periods before the start allow",
            where=WHERE,
            remedy=f"Give at most {room}, or leave it out.",
        )
    return ByFactors(int(factors), int(factors))


def _shown(count: int, errors: np.ndarray[Any, np.dtype[np.float64]]) -> Factors:
    table = pd.Series(errors, index=pd.RangeIndex(len(errors), name="factors"), name="squared_error")
    return Factors(count, table[np.isfinite(errors)])


def _notes(pool: Pool, fit: ByFactors, own: Factors) -> tuple[str, ...]:
    words = ["What would have happened is extrapolated along factors: it can leave the range of the donors."]
    if fit.count is not None:
        return tuple(words)
    errors = own.errors
    words.append(
        f"{own.count} common factors of up to {fit.most} predict the periods before the start best (mean "
        f"squared error {errors[own.count]:.4g}; none: {errors[0]:.4g})."
    )
    near = errors.drop(own.count)
    close = [str(r) for r in near.index[near <= 1.05 * errors[own.count]]]
    if close:
        words.append(f"Numbers that predict within 5% as well: {', '.join(close)}; see what they find.")
    if own.count == fit.most and fit.most > 0:
        words.append("It is the largest number tried.")
    return tuple(words)
