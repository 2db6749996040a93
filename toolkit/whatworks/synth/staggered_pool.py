"""Several treated units, each with its own start and its own donors, seen in event time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from whatworks.arrays import Bools, Floats, Ints
from whatworks.errors import DesignError, OptionError, first_few
from whatworks.panel import NEVER, Panel
from whatworks.synth.pool import ENOUGH_BEFORE, named_donors, nobody_starts, require_known, require_some


@dataclass(frozen=True, slots=True, eq=False)
class Cohorts:
    """J treated units with their starts, and the event times that all of them reach.

    Attributes:
        source: the panel as it came.
        panel: it in event time (the calendar where all start together): each unit's outcome at each
            distance from the starts, averaged over the starts; what figures are drawn on.
        members: (J,) rows of the treated units, in the panel's order.
        starts: (J,) their starts as period numbers.
        share: (J,) weights of the treated units in their mean, summing to one.
        columns: (J, E) position of each event time in the source's periods.
        allowed: (J, N) donors of each treated unit: never treated, or not before its last event time.
        pre: (E,) event times that are matched.
        post: (E,) event times from the start on.
        start: 0, or the common start.
        notes: which periods and units were left out, and why.
    """

    source: Panel
    panel: Panel
    members: Ints
    starts: Ints
    share: Floats
    columns: Ints
    allowed: Bools
    pre: Bools
    post: Bools
    start: int
    notes: tuple[str, ...]

    @property
    def outcome(self) -> Floats:
        """(N, T) outcomes."""
        return self.source.outcome

    @property
    def treated(self) -> Bools:
        """(N,) treated units."""
        return np.isin(np.arange(self.source.n_units), self.members)

    @property
    def donors(self) -> Bools:
        """(N,) units that some treated unit may be compared with."""
        return np.asarray(self.allowed.any(axis=0))

    @property
    def observed(self) -> Floats:
        """(E,) mean outcome of the treated units at each event time."""
        paths = self.source.outcome[self.members[:, None], self.columns]
        return np.asarray(self.share @ paths)

    @property
    def event_times(self) -> Ints:
        """(E,) periods since the start; the first treated period is 0."""
        return np.arange(self.columns.shape[1]) - int(np.flatnonzero(self.post)[0])

    @property
    def names(self) -> tuple[str, ...]:
        """Labels of the J treated units."""
        return tuple(str(self.source.units[i]) for i in self.members)

    @property
    def donor_names(self) -> tuple[str, ...]:
        """Labels of the donors, in the panel's order."""
        return tuple(str(self.source.units[i]) for i in np.flatnonzero(self.donors))

    @property
    def treated_name(self) -> str:
        """The treated unit, or `mean of A, B and C`."""
        return self.names[0] if len(self.names) == 1 else f"mean of {first_few(self.names)}"

    @property
    def together(self) -> bool:
        """Whether all start in the same period."""
        return bool((self.starts == self.starts[0]).all())


def cohorts_of(
    panel: Panel,
    where: str,
    *,
    lags: int | None = None,
    leads: int | None = None,
    donors: Sequence[str] | None = None,
    anticipation: int = 0,
) -> Cohorts:
    """The treated units of a panel, their donors, and the window of event times that all of them reach.

    Args:
        panel: (N, T) outcomes.
        where: the method that asks, for messages.
        lags: periods before each start (and before anticipation) that are matched; None: as many as the
            earliest start has.
        leads: periods from each start on; None: as many as the latest start has.
        donors: labels of the units that may serve as donors; None: every unit not treated in time.
        anticipation: periods just before each start that are matched by nothing.

    Raises:
        DesignError: nobody treated, fewer than two lags, fewer than two donors for a treated unit, missing
            cells, or a treated unit whose outcome is zero throughout.
        OptionError: a number of periods that cannot be, or a donor that is no unit or can serve nobody.
    """
    gap = _whole("anticipation", anticipation, 0, where)
    members = _members(panel, where)
    starts = panel.start[members]
    first = np.searchsorted(panel.periods, starts)
    before, after = first - gap, panel.n_periods - first
    length = _length("lags", lags, before, panel, members, where)
    ahead = _length("leads", leads, after, panel, members, where)
    weight = np.ones(len(members)) if panel.weight is None else panel.weight[members]
    event_times = np.arange(-length - gap, ahead)
    outside = bool((before > length).any() or (after > ahead).any())
    found = Cohorts(
        source=panel,
        panel=panel,
        members=members,
        starts=starts,
        share=weight / weight.sum(),
        columns=first[:, None] + event_times,
        allowed=_allowed(panel, starts, ahead, donors, where),
        pre=np.asarray(event_times < -gap),
        post=np.asarray(event_times >= 0),
        start=int(starts[0]) if (starts == starts[0]).all() else 0,
        notes=(),
    )
    _require(found, where)
    return replace(found, panel=_aligned(found), notes=_notes(found, outside, donors is not None))


def _members(panel: Panel, where: str) -> Ints:
    members = np.flatnonzero((panel.start != NEVER) & (panel.start <= panel.periods[-1]))
    if not len(members):
        raise nobody_starts(panel, where)
    return members


def _whole(name: str, value: object, least: int, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise OptionError(
            f"{name}={value!r} is not a whole number of periods of at least {least}",
            where=where,
            remedy=f"Give {least} or more.",
        )
    return int(value)


def _length(name: str, asked: int | None, have: Ints, panel: Panel, members: Ints, where: str) -> int:
    """How many lags or leads are used: those asked for, or those that every treated unit has."""
    least, short = int(have.min()), panel.units[int(members[have.argmin()])]
    wanted = 2 if name == "lags" else 1
    if asked is not None and _whole(name, asked, wanted, where) > least:
        raise OptionError(
            f"{name}={asked} is more than the {least} periods that {short} has",
            where=where,
            remedy=f"Give at most {least}, or leave {short} out with panel.select.",
        )
    if least < wanted:
        raise DesignError(
            f"{short} has {least} periods before its start (less anticipation)",
            where=where,
            remedy="Weights are found on the path before the start: begin the panel earlier "
            f"({ENOUGH_BEFORE} periods at the least, better many more) or leave that unit out.",
        )
    return least if asked is None else int(asked)


def _allowed(panel: Panel, starts: Ints, leads: int, donors: Sequence[str] | None, where: str) -> Bools:
    """(J, N): units whose start, if any, lies beyond the last event time of each treated unit."""
    allowed = np.asarray((panel.start[None] == NEVER) | (panel.start[None] >= starts[:, None] + leads))
    if donors is None:
        return allowed
    kept = named_donors(
        panel,
        np.asarray(allowed.any(axis=0)),
        donors,
        "too early to be compared with any treated unit",
        "Leave it out, or shorten leads.",
        where,
    )
    return np.asarray(allowed & kept)


def _require(found: Cohorts, where: str) -> None:
    panel = found.source
    for name, free in zip(found.names, found.allowed, strict=True):
        if free.sum() < 2:
            raise DesignError(
                f"the donor pool of {name} holds {int(free.sum())} unit(s); there is nothing to weight",
                where=where,
                remedy="Add untreated units, or shorten leads so that units treated later can serve.",
            )
    for name, row, free, columns in zip(
        found.names, found.members, found.allowed, found.columns, strict=True
    ):
        rows = np.append(np.flatnonzero(free), row)
        require_known(panel, rows, columns, f"that {name} needs, its own or its donors',", where)
        require_some(panel.outcome[row], f"the treated unit {name}", where)


def _notes(found: Cohorts, outside: bool, named: bool) -> tuple[str, ...]:
    lags, words = int(found.pre.sum()), []
    if outside:
        words.append(
            f"Every treated unit is matched on its {lags} periods before the start and followed for "
            f"{int(found.post.sum())} from it on, so that each event time averages over the same units; what "
            "lies outside is unused."
        )
    late = found.treated & found.donors
    if late.any():
        names = first_few(found.source.units[i] for i in np.flatnonzero(late))
        words.append(f"Treated later, and donors of those that start well before them: {names}.")
    if named:
        words.append(f"The donor pool holds the {int(found.donors.sum())} units named.")
    if lags < ENOUGH_BEFORE:
        words.append(
            f"There are only {lags} periods before the start: a close fit may be luck, and the gap after it "
            "noise."
        )
    return tuple(words)


def _aligned(found: Cohorts) -> Panel:
    panel, columns = found.source, found.columns
    outcome = np.einsum("j,nje->ne", found.share, panel.outcome[:, columns])
    start = np.where(found.treated, found.start, NEVER)
    periods, kind = found.event_times, panel.period_kind
    if found.together:
        periods = panel.periods[columns[0]]
    else:
        kind = "integer"
    return Panel(
        units=panel.units,
        periods=np.asarray(periods, dtype=np.int64),
        period_kind=kind,
        outcome=outcome,
        start=start.astype(np.int64),
        weight=panel.weight,
        outcome_name=panel.outcome_name,
        unit_name=panel.unit_name,
        scale=panel.scale,
    )
