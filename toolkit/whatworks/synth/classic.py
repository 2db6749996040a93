"""Classic synthetic control: one treated unit against a weighted average of donors."""

from __future__ import annotations

from collections.abc import Sequence

from whatworks.panel import Panel
from whatworks.results import Result
from whatworks.synth.answer import answer
from whatworks.synth.convex import convex
from whatworks.synth.pool import pool_of
from whatworks.synth.problems import actual

WHERE = "synth.classic"


def classic(
    panel: Panel,
    *,
    donors: Sequence[str] | None = None,
    anticipation: int = 0,
    inference: object = None,
    level: float = 0.95,
) -> Result:
    """Effect on one treated unit: its path less that of a weighted average of untreated units.

    Weights are non-negative, sum to one and bring the average nearest to the treated unit's outcome in every
    period before the start.

    Args:
        panel: (N, T) outcomes with one start; several treated units are taken as their mean.
        donors: labels of the units that may be used; None: every unit untreated through the window.
        anticipation: periods just before the start in which the effect may begin; nothing is fitted to them.
        inference: `Placebo`, `Conformal`, `JackknifePlus`, or None for placebos in space.
        level: coverage of the intervals.

    Returns:
        The mean gap from the start on as headline, and the gap of each period; `detail.weights` has the donor
        weights, `detail.space` the placebos.

    Raises:
        DesignError: staggered starts, fewer than two donors or periods before the start, missing cells.
        OptionError: a donor that cannot be one, inference that does not fit, a level outside (0, 1).

    Source: Abadie, Diamond & Hainmueller (2010), JASA 105(490).
    """
    pool = pool_of(panel, WHERE, donors=donors, anticipation=anticipation)
    spec = {"donors": list(pool.donor_names), "anticipation": anticipation}
    return answer(
        pool, convex, convex(actual(pool)), method=WHERE, inference=inference, level=level, spec=spec
    )
