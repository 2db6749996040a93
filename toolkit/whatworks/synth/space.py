"""Placebos in space for any method that can be asked again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from whatworks.arrays import Bools, Floats
from whatworks.inference.synthetic.placebo import Placebo, PlaceboRank, precision
from whatworks.inference.uncertainty import Uncertainty
from whatworks.synth.pool import Pool
from whatworks.synth.problems import Fit, Fits, actual, each_as_treated


@dataclass(frozen=True, slots=True, eq=False)
class InSpace:
    """The actual fit beside its placebos.

    Attributes:
        gaps: (B + 1, T), the treated unit first.
        sets: (B, N) who stood in for the treated.
        rank: the treated unit's place, by the statistic of the test.
        by_ratio: its place by RMSPE ratio, the figure's order.
        found: mean effect and the effect of each period, with their uncertainty.
        none_below: size up to which a gap counts as none.
    """

    gaps: Floats
    sets: Bools
    rank: PlaceboRank
    by_ratio: PlaceboRank
    found: Uncertainty
    none_below: float


def in_space(pool: Pool, fit: Fit, placebo: Placebo, *, level: float, fitted: Fits | None = None) -> InSpace:
    """Ask `fit` again with each set of donors in the treated units' place.

    Raises `DesignError` when there are too few donors for that.
    """
    own = fit(actual(pool)) if fitted is None else fitted
    sets = placebo.sets(pool.donors, int(pool.treated.sum()))
    others = fit(each_as_treated(pool, sets, treated_as_donor=placebo.treated_as_donor))
    gaps = np.concatenate([own.gaps, others.gaps])
    ratio = Placebo("rmspe_ratio", placebo.side, placebo.worst_fit)
    none_below = precision(pool.outcome[pool.donors | pool.treated])
    return InSpace(
        gaps,
        sets,
        placebo.rank(gaps, pool.pre, pool.post, none_below=none_below),
        ratio.rank(gaps, pool.pre, pool.post, none_below=none_below),
        placebo.test(gaps, pool.pre, pool.post, level=level, none_below=none_below),
        none_below,
    )
