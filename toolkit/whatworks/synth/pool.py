"""The treated unit, its donors, and the periods before and after: where every synthetic control starts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from whatworks.arrays import Bools, Floats, Ints
from whatworks.errors import DesignError, OptionError, did_you_mean, first_few, refuse_unused
from whatworks.panel import Panel

ENOUGH_BEFORE = 10
"""Fewer periods than this before the start and a note says that a close fit may be luck."""


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """One treated unit (or the mean of several that start together) and its donors.

    Rows are the panel's units in the panel's order.

    Attributes:
        panel: where it came from.
        treated: (N,) treated units.
        members: (N,) weights of the treated units in their mean; zero elsewhere, summing to one.
        donors: (N,) units that may be used for comparison.
        pre: (T,) periods before the start, less anticipation.
        post: (T,) periods from the start on.
        start: period number of the start.
        notes: who was left out of the pool and why.
    """

    panel: Panel
    treated: Bools
    members: Floats
    donors: Bools
    pre: Bools
    post: Bools
    start: int
    notes: tuple[str, ...]

    @property
    def outcome(self) -> Floats:
        """(N, T) outcomes; zero for units that are neither treated nor donors, whose gaps must not matter."""
        used = (self.treated | self.donors)[:, None]
        return self.panel.outcome if used.all() else np.where(used, self.panel.outcome, 0.0)

    @property
    def observed(self) -> Floats:
        """(T,) mean outcome of the treated units."""
        return np.asarray(self.members @ self.outcome)

    @property
    def donor_names(self) -> tuple[str, ...]:
        """Labels of the donors, in the panel's order."""
        return tuple(str(self.panel.units[i]) for i in np.flatnonzero(self.donors))

    @property
    def treated_name(self) -> str:
        """The treated unit, or `mean of A, B and C`."""
        names = [str(self.panel.units[i]) for i in np.flatnonzero(self.treated)]
        return names[0] if len(names) == 1 else f"mean of {first_few(names)}"


def pool_of(panel: Panel, where: str, *, donors: Sequence[str] | None = None, anticipation: int = 0) -> Pool:
    """The pool of a panel with one start; the treated are taken as their (weighted) mean.

    Args:
        panel: (N, T) outcomes; no missing cell among the units used.
        where: the method that asks, for messages.
        donors: labels of the units that may serve as donors; None: every unit never treated in the window.
        anticipation: periods just before the start in which the effect may begin; they are fitted by nothing.

    Raises:
        DesignError: nobody treated, starts that differ, fewer than two donors, fewer than two periods before
            the start, missing cells, or an outcome that is zero throughout.
        OptionError: a donor that is no unit, is treated, or an anticipation below 0.
    """
    start = _one_start(panel, where)
    if isinstance(anticipation, bool) or int(anticipation) != anticipation or anticipation < 0:
        raise OptionError(
            f"anticipation={anticipation!r} is not a number of periods",
            where=where,
            remedy="Give 0, or the periods before the start in which effects may begin.",
        )
    treated = np.asarray(panel.start == start)
    later = np.asarray(~panel.never_treated & (panel.start > panel.periods[-1]))
    free = ~treated & (panel.never_treated | later)
    kept, notes = _chosen(panel, free, donors, where)
    pre = np.asarray(panel.periods < start - anticipation)
    _require(panel, treated, kept, pre, where)
    refuse_unused(
        where,
        "Leave the role out: donors are weighted by the fit, and a weight could only share out several "
        "treated units.",
        weight=panel.weight if treated.sum() == 1 else None,
    )
    weight = panel.unit_weight
    members = np.where(treated, weight, 0.0)
    found = Pool(
        panel, treated, members / members.sum(), kept, pre, np.asarray(panel.periods >= start), start, notes
    )
    return found


def _one_start(panel: Panel, where: str) -> int:
    if len(panel.cohorts) == 0:
        raise nobody_starts(panel, where)
    if len(panel.cohorts) > 1:
        dates = first_few(panel.label(int(g)) for g in panel.cohorts)
        raise DesignError(
            f"treatment starts on {len(panel.cohorts)} dates ({dates}); this method takes one",
            where=where,
            remedy="Use synth.staggered, which fits each treated unit at its own start, or keep one treated "
            "unit and the untreated ones with panel.select.",
        )
    return int(panel.cohorts[0])


def _chosen(
    panel: Panel, free: Bools, donors: Sequence[str] | None, where: str
) -> tuple[Bools, tuple[str, ...]]:
    if donors is None:
        return free, ()
    kept = named_donors(
        panel, free, donors, "inside the window", "Leave it out, or end the window before its start.", where
    )
    left = int(free.sum() - kept.sum())
    note = (
        f"The donor pool holds the {int(kept.sum())} units named; {left} other untreated units are left out."
    )
    return kept, (note,)


def _require(panel: Panel, treated: Bools, donors: Bools, pre: Bools, where: str) -> None:
    if donors.sum() < 2:
        raise DesignError(
            f"the donor pool holds {int(donors.sum())} unit(s); there is nothing to weight",
            where=where,
            remedy="Add untreated units. Against a single comparison unit, did.block gives the difference in "
            "differences (without an error).",
        )
    if pre.sum() < 2:
        raise DesignError(
            f"there are {int(pre.sum())} periods before the start",
            where=where,
            remedy="Weights are found on the path before the start: begin the panel earlier "
            f"({ENOUGH_BEFORE} periods at the least, better many more) or use did.block.",
        )
    used = np.flatnonzero(treated | donors)
    require_known(panel, used, np.arange(panel.n_periods), "of the treated unit or of donors", where)
    require_some(panel.outcome[treated], "the treated unit", where)


def nobody_starts(panel: Panel, where: str) -> DesignError:
    """The error for a panel in which no unit is treated."""
    return DesignError(
        f"no unit starts treatment inside the window ({panel.period_labels[0]} to {panel.period_labels[-1]})",
        where=where,
        remedy="Check the start column and the window.",
    )


def named_donors(
    panel: Panel, free: Bools, donors: Sequence[str], when: str, remedy: str, where: str
) -> Bools:
    """(N,) units named as donors; `free` (N,) are those that can be.

    Raises:
        OptionError: a name that is no unit, or a unit that is treated `when` (words), with its remedy.
    """
    names = [str(unit) for unit in panel.units]
    position = {name: i for i, name in enumerate(names)}
    asked = [donors] if isinstance(donors, str) else list(donors)
    for name in asked:
        if name not in position:
            raise OptionError(
                f"the donor {name!r} is no unit of the panel",
                where=where,
                remedy=f"{did_you_mean(name, names)}Give labels of units.",
            )
        if not free[position[name]]:
            raise OptionError(f"the donor {name!r} is itself treated {when}", where=where, remedy=remedy)
    kept = np.zeros(panel.n_units, dtype=bool)
    kept[[position[name] for name in asked]] = True
    return kept


def refuse_covariates(panel: Panel, where: str, *, used: Sequence[str] = ()) -> None:
    """Raise `DesignError` for covariates of the panel that are not among the names `used`."""
    refuse_unused(
        where,
        "Leave them out, or name them in Predictors(covariates=...) of synth.classic, in covariates= of "
        'synth.augmented, or say adjust="projected" of synth.synthdid.',
        covariates=[name for name in panel.covariate_names if name not in used],
    )


def require_known(panel: Panel, rows: Ints, columns: Ints, whose: str, where: str) -> None:
    """Raise `DesignError` naming the missing cells among units `rows` and periods `columns` (positions)."""
    gaps = np.argwhere(np.isnan(panel.outcome[np.ix_(rows, columns)]))
    if not len(gaps):
        return
    cells = first_few(f"{panel.units[rows[i]]} {panel.period_labels[columns[j]]}" for i, j in gaps)
    raise DesignError(
        f"{len(gaps):,} cells {whose} are missing: {cells}",
        where=where,
        remedy="Mend the source, name the donors without gaps in donors=, or keep complete units with "
        "panel.drop_incomplete(). Nothing was dropped for you.",
    )


def require_some(outcome: Floats, whose: str, where: str) -> None:
    """Raise `DesignError` where the outcome of a treated unit is zero throughout."""
    if not outcome.any():
        raise DesignError(
            f"the outcome of {whose} is zero throughout",
            where=where,
            remedy="There is nothing to match and nothing to measure: pool offences, areas or periods.",
        )
