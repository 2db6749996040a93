"""The dated register of known series breaks and shocks, and which of them a series meets in its months."""

from __future__ import annotations

import csv
import functools
import re
from dataclasses import dataclass
from importlib import resources
from typing import Final, Literal, get_args

from whatworks.data.recording import ENGLAND_AND_WALES, SERIES, Counts, Level, Recording, Series
from whatworks.errors import OptionError, SourceError, did_you_mean

Kind = Literal["recording", "vocabulary", "shock", "policy"]
COUNTING: Final[tuple[Kind, ...]] = ("recording", "vocabulary")
"""Changes of counting belong to a series; shocks and policies to a place and a time."""

_FILE: Final = "breaks.csv"
_MONTH: Final = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
_EVERYTHING: Final = "all"
_NOT: Final = "!"
_CRIME: Final = {name for name, (counts, _) in SERIES.items() if counts == "crime"}


@dataclass(frozen=True, slots=True)
class Break:
    """One dated fact that moves a series for another reason than the intervention under study.

    `last_month` is None when the change is lasting. A change of counting (`kind` recording or vocabulary)
    names the `series` it stands in; a shock or policy moves what is counted itself and names that in
    `counts`, whatever the series. `forces` are those whose recording, or whose place, it is; `("all",)` is
    England and Wales. `levels` are the areas it can touch, empty for any. An offence is affected when one of
    the terms in `offences` stands in its name and none of those that begin with `!`; `("all",)` is every
    offence. `name` is short, `what` says it in full, `source` is what was read for it, files that were
    counted included.
    """

    id: str
    first_month: str
    last_month: str | None
    kind: Kind
    series: tuple[Series, ...]
    counts: tuple[Counts, ...]
    forces: tuple[str, ...]
    levels: tuple[Level, ...]
    offences: tuple[str, ...]
    name: str
    what: str
    source: str

    @property
    def span(self) -> str:
        """The months in words."""
        if self.last_month is None:
            return f"from {self.first_month}"
        if self.last_month == self.first_month:
            return self.first_month
        return f"{self.first_month} to {self.last_month}"

    @property
    def everywhere(self) -> bool:
        """Whether it belongs to all of England and Wales."""
        return self.forces == (_EVERYTHING,)

    @property
    def changes_counting(self) -> bool:
        """Whether counting changed, not what is counted."""
        return self.kind in COUNTING

    @property
    def whose(self) -> str:
        """Whose it is in words: the series of a change of counting, the place of a shock or policy."""
        place = "England and Wales" if self.everywhere else ", ".join(self.forces)
        if not self.changes_counting:
            return place
        by = f", by {' or '.join(self.levels)}" if self.levels else ""
        series = "all recorded crime" if set(self.series) == _CRIME else ", ".join(self.series)
        return f"{series} of {place}{by}"

    @property
    def affects(self) -> str:
        """The offences in words: the terms that stand in their names."""
        terms = [term for term in self.offences if not term.startswith(_NOT)]
        without = [term.removeprefix(_NOT) for term in self.offences if term.startswith(_NOT)]
        return ", ".join(terms) + (f"; not {', '.join(without)}" if without else "")

    def sentence(self) -> str:
        """The break in one line with its kind, months, owner and source."""
        return f"{self.span} ({self.kind}; {self.whose}): {self.what} [{self.source}]"

    def touches(self, offence: str) -> bool:
        """Whether the break affects an offence, in any naming of the published tables."""
        name = offence.lower().replace("_", " ")
        if any(term[1:] in name for term in self.offences if term.startswith(_NOT)):
            return False
        return self.offences == (_EVERYTHING,) or any(term in name for term in self.offences)

    def belongs_to(self, recording: Recording) -> bool:
        """Whether a series meets the break: its own series (or what it counts), forces and areas."""
        place = set(ENGLAND_AND_WALES if self.everywhere else self.forces)
        return (
            (recording.series in self.series if self.changes_counting else recording.counts in self.counts)
            and bool(place & set(recording.forces))
            and (not self.levels or recording.level in self.levels)
        )


@functools.cache
def register() -> tuple[Break, ...]:
    """Every known break, by first month.

    Raises `SourceError` naming the line when the register itself is not well formed.
    """
    text = resources.files("whatworks.data").joinpath(_FILE).read_text(encoding="utf-8")
    found = tuple(_parse(row, line) for line, row in enumerate(csv.DictReader(text.splitlines()), start=2))
    ids = [item.id for item in found]
    if len(set(ids)) != len(ids):
        raise SourceError("an id stands twice", where=_FILE, remedy="Each break has an id of its own.")
    return tuple(sorted(found, key=lambda item: (item.first_month, item.id)))


def crossing(
    first: str, last: str, offence: str | None = None, *, recording: Recording | None = None
) -> tuple[Break, ...]:
    """The breaks that a window of months, `first` to `last` (YYYY-MM, both included), runs into.

    A lasting change counts when it begins after the first month and not after the last: then some months lie
    before it and some after. A passing one counts when any of its months lies in the window. `offence` keeps
    those that affect it (in any naming of the tables), `recording` those that belong to one series. Raises
    `OptionError` for a month that is not YYYY-MM or a window that runs backwards.
    """
    for name, month in (("first", first), ("last", last)):
        if not _MONTH.fullmatch(month):
            raise OptionError(
                f"{name}={month!r} is not a month", where="breaks", remedy="Write it as 2024-03."
            )
    if first > last:
        raise OptionError(f"the window {first} to {last} runs backwards", where="breaks", remedy="Swap them.")
    return tuple(
        item
        for item in register()
        if _meets(item, first, last)
        and (not offence or item.touches(offence))
        and (recording is None or item.belongs_to(recording))
    )


def by_id(name: str) -> Break:
    """One break by its id. Raises `OptionError` naming the nearest for an id that is not in the register."""
    for item in register():
        if item.id == name:
            return item
    raise OptionError(
        f"there is no break {name!r}",
        where="breaks",
        remedy=f"{did_you_mean(name, [item.id for item in register()])}breaks.register() lists them.",
    )


def _meets(item: Break, first: str, last: str) -> bool:
    if item.last_month is None:
        return first < item.first_month <= last
    return item.first_month <= last and item.last_month >= first


def _parse(row: dict[str, str], line: int) -> Break:
    first, last = row["first_month"], row["last_month"]
    lists = {name: _listed(row[name]) for name in ("series", "counts", "forces", "levels", "offences")}
    allowed = {
        "series": set(SERIES),
        "counts": set(get_args(Counts)),
        "forces": {*ENGLAND_AND_WALES, _EVERYTHING},
        "levels": set(get_args(Level)),
    }
    owner, other = ("series", "counts") if row["kind"] in COUNTING else ("counts", "series")
    good = (
        _MONTH.fullmatch(first)
        and (not last or (_MONTH.fullmatch(last) and last >= first))
        and row["kind"] in get_args(Kind)
        and all(set(lists[name]) <= names for name, names in allowed.items())
        and lists[owner]
        and not lists[other]
        and all(row[name].strip() for name in ("id", "forces", "offences", "name", "what", "source"))
    )
    if not good:
        raise SourceError(
            f"the break {row['id']!r} is not well formed",
            where=f"{_FILE}, line {line}",
            remedy=f"Months as YYYY-MM; kind one of {', '.join(get_args(Kind))}; a change of counting names "
            "its series, a shock or policy what it moves (counts); forces, levels and series by their names; "
            "a source that was read.",
        )
    return Break(
        id=row["id"],
        first_month=first,
        last_month=last or None,
        kind=row["kind"],  # type: ignore[arg-type]
        name=row["name"],
        what=row["what"],
        source=row["source"],
        **lists,  # type: ignore[arg-type]
    )


def _listed(text: str) -> tuple[str, ...]:
    return tuple(text.split(";")) if text else ()
