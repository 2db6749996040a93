"""Which group-time cells exist: for each cohort and period its base period and who it is compared with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from whatworks.arrays import Bools, Ints
from whatworks.errors import DesignError, first_few
from whatworks.panel import NEVER, Panel

Comparison = Literal["never", "not_yet"]
Base = Literal["varying", "universal"]


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """C group-time cells of a staggered design, sorted by cohort and period.

    Attributes:
        cohort: (C,) period number of the cohort's start.
        period, base: (C,) positions in `panel.periods`.
        later_than: (C,) comparison units are those, outside the cohort, that start after this period number.
        starts: (S,) distinct starts in the panel, ascending; the last may be `NEVER`.
        horizon: position of the last period in which anybody is left to compare with.
        notes: what could not be estimated and why, in sentences.
    """

    cohort: Ints
    period: Ints
    base: Ints
    later_than: Ints
    starts: Ints
    horizon: int
    notes: tuple[str, ...]

    @property
    def cohorts(self) -> Ints:
        """Ascending cohorts that have a cell."""
        return np.unique(self.cohort)

    @property
    def reference(self) -> Bools:
        """(C,) cells whose period is their own base: 0 by construction."""
        mask: Bools = self.period == self.base
        return mask

    def post(self, panel: Panel) -> Bools:
        """(C,) cells at or after the start."""
        mask: Bools = panel.periods[self.period] >= self.cohort
        return mask

    def event_time(self, panel: Panel) -> Ints:
        """(C,) period − cohort."""
        return panel.periods[self.period] - self.cohort


def lay_out(panel: Panel, *, comparison: Comparison, base: Base, anticipation: int) -> Cells:
    """The cells that can be estimated, with notes on those that cannot.

    Base: the last period more than `anticipation` before the start; with `base="varying"`, cells before the
    start take the period before them. A unit serves as comparison while its own start lies more than
    `anticipation` after the later of period and base.

    Raises:
        DesignError: nobody starts inside the window, or nobody is left to compare with.

    Source: Callaway & Sant'Anna (2021, Journal of Econometrics 225), equations 2.8 and 2.9; rules at the
    edges as in R's did 2.5.1.
    """
    periods = panel.periods
    last = int(periods[-1])
    starts = np.unique(panel.start)
    untreated = panel.start > min(last + anticipation, NEVER - 1)
    if len(panel.cohorts) == 0:
        raise DesignError(
            "no unit starts inside the window",
            where="did.att_gt",
            remedy=f"The panel runs from {panel.period_labels[0]} to {panel.period_labels[-1]}: widen it, or "
            "name the start column.",
        )
    horizon, notes = _horizon(panel, untreated, comparison, anticipation)
    candidates = starts[starts <= last + anticipation]
    usable = candidates[candidates > periods[0] + anticipation]
    notes += _dropped_early(panel, candidates[candidates <= periods[0] + anticipation], anticipation)
    if not untreated.any():
        usable = usable[usable < candidates[-1]]
    rows = [
        row for g in usable for row in _cohort(periods[: horizon + 1], int(g), comparison, base, anticipation)
    ]
    table = np.array(rows, dtype=np.int64).reshape(-1, 4)
    if comparison == "never":
        table[:, 3] = last + anticipation
    cells = Cells(table[:, 0], table[:, 1], table[:, 2], table[:, 3], starts, horizon, ())
    if not cells.post(panel).any():
        raise DesignError(
            "no cohort can be compared with anybody after its start",
            where="did.att_gt",
            remedy="Every unit that could serve as comparison is treated (or within its anticipation) by the "
            "time the first usable cohort starts. Lengthen the window before the first start, shorten the "
            "anticipation, or add units that are never treated.",
        )
    return replace(cells, notes=notes + _lost(panel, usable, horizon))


def _horizon(
    panel: Panel, untreated: Bools, comparison: Comparison, anticipation: int
) -> tuple[int, tuple[str, ...]]:
    """Position of the last period with a comparison unit, and what to say about it."""
    final = panel.n_periods - 1
    if untreated.any():
        later = untreated & ~panel.never_treated
        if comparison == "never" and later.any():
            return final, (
                f"{int(later.sum())} units start only after the window and serve as never treated: "
                f"{first_few(panel.units[i] for i in np.flatnonzero(later))}.",
            )
        return final, ()
    if comparison == "never":
        raise DesignError(
            "every unit is treated sooner or later, so no unit is never treated",
            where='did.att_gt, comparison="never"',
            remedy='Use comparison="not_yet": units serve as comparison until just before their own start.',
        )
    newest = int(panel.start.max())
    cutoff = newest - anticipation
    usable = np.flatnonzero(panel.periods < cutoff)
    members = np.flatnonzero(panel.start == newest)
    note = (
        f"Every unit is treated sooner or later. The last to start ({panel.label(newest)}: "
        f"{first_few(panel.units[i] for i in members)}) serve only as comparison, and nothing can be "
        f"estimated from {panel.label(cutoff)} on"
        + (f" ({anticipation} periods of anticipation before their start)." if anticipation else ".")
    )
    return (int(usable[-1]) if usable.size else -1), (note,)


def _cohort(
    periods: Ints, g: int, comparison: Comparison, base: Base, anticipation: int
) -> list[tuple[int, int, int, int]]:
    """(cohort, period, base, later_than) of one cohort's cells."""
    fixed = int(np.searchsorted(periods + anticipation, g)) - 1
    if fixed < 0:
        return []
    cells = []
    for t in range(0 if base == "universal" else 1, len(periods)):
        before = fixed if base == "universal" or periods[t] >= g else t - 1
        cells.append((g, t, before, int(max(periods[t], periods[before])) + anticipation))
    return cells


def _dropped_early(panel: Panel, early: Ints, anticipation: int) -> tuple[str, ...]:
    if not early.size:
        return ()
    members = np.flatnonzero(np.isin(panel.start, early))
    why = f" more than {anticipation} periods before their start" if anticipation else " before their start"
    return (
        f"{members.size} units have no period{why} and were left out: "
        f"{first_few(panel.units[i] for i in members)}.",
    )


def _lost(panel: Panel, usable: Ints, horizon: int) -> tuple[str, ...]:
    """Name the post-treatment cells beyond the horizon."""
    beyond = panel.periods[horizon + 1 :]
    gone = [(int(g), beyond[beyond >= g]) for g in usable]
    gone = [(g, periods) for g, periods in gone if periods.size]
    if not gone:
        return ()
    words = (
        f"cohort {panel.label(g)} from {panel.label(int(p[0]))} to {panel.label(int(p[-1]))}" for g, p in gone
    )
    total = sum(p.size for _, p in gone)
    without = [panel.label(g) for g, _ in gone if not (panel.periods[: horizon + 1] >= g).any()]
    note = (
        f"Not estimable, since no comparison unit is left: {total} group-time effects "
        f"({first_few(words, 12)})."
    )
    if without:
        note += f" Nothing at all after the start can be said about cohort {first_few(without, 12)}."
    return (note,)
