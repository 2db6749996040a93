"""The dated register of known series breaks and shocks, and which of them a window of months crosses."""

from __future__ import annotations

import csv
import functools
import re
from dataclasses import dataclass
from importlib import resources
from typing import Final, Literal, get_args

from whatworks.errors import OptionError, SourceError, choose, did_you_mean

Kind = Literal["recording", "vocabulary", "shock", "policy"]
Confidence = Literal["verified", "from memory"]
Source = Literal["mps", "police_uk", "stop_and_search", "outcomes", "pas"]
_FILE: Final = "breaks.csv"
_MONTH: Final = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
_EVERYTHING: Final = "all"


@dataclass(frozen=True, slots=True)
class Break:
    """One dated fact that moves a series for another reason than the intervention under study.

    `last_month` is None when the change is lasting. `sources` and `offences` name what it affects; `("all",)`
    is everything, otherwise an offence is affected when one of the terms stands in its name.
    `confidence` says whether the date was checked against the source or the data, or stands from memory.
    """

    id: str
    first_month: str
    last_month: str | None
    kind: Kind
    sources: tuple[str, ...]
    offences: tuple[str, ...]
    what: str
    source: str
    confidence: Confidence

    @property
    def span(self) -> str:
        """The months in words."""
        if self.last_month is None:
            return f"from {self.first_month}"
        if self.last_month == self.first_month:
            return self.first_month
        return f"{self.first_month} to {self.last_month}"

    def sentence(self) -> str:
        """The break in one line with its kind, months and source."""
        doubt = "" if self.confidence == "verified" else "; date from memory"
        return f"{self.span} ({self.kind}): {self.what} [{self.source}{doubt}]"

    def touches(self, offence: str) -> bool:
        """Whether the break affects an offence, in any naming of the published tables."""
        name = offence.lower()
        return self.offences == (_EVERYTHING,) or any(term in name for term in self.offences)


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
    first: str, last: str, offence: str | None = None, *, source: Source | None = None
) -> tuple[Break, ...]:
    """The breaks that a window of months, `first` to `last` (YYYY-MM, both included), runs into.

    A lasting change counts when it begins after the first month and not after the last: then some months lie
    before it and some after. A passing one counts when any of its months lies in the window. `offence` keeps
    those that affect it (in any naming of the tables), `source` those of one kind of file. Raises
    `OptionError` for a month that is not YYYY-MM, a window that runs backwards or an unknown source.
    """
    for name, month in (("first", first), ("last", last)):
        if not _MONTH.fullmatch(month):
            raise OptionError(
                f"{name}={month!r} is not a month", where="breaks", remedy="Write it as 2024-03."
            )
    if first > last:
        raise OptionError(f"the window {first} to {last} runs backwards", where="breaks", remedy="Swap them.")
    if source is not None:
        choose("source", source, get_args(Source), where="breaks")
    return tuple(
        item
        for item in register()
        if _meets(item, first, last)
        and (offence is None or item.touches(offence))
        and (source is None or item.sources == (_EVERYTHING,) or source in item.sources)
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
    sources = tuple(row["sources"].split(";"))
    good = (
        _MONTH.fullmatch(first)
        and (not last or (_MONTH.fullmatch(last) and last >= first))
        and row["kind"] in get_args(Kind)
        and row["confidence"] in get_args(Confidence)
        and (sources == (_EVERYTHING,) or set(sources) <= set(get_args(Source)))
        and all(row[name] for name in ("id", "offences", "what", "source"))
    )
    if not good:
        raise SourceError(
            f"the break {row['id']!r} is not well formed",
            where=f"{_FILE}, line {line}",
            remedy=f"Months as YYYY-MM; kind one of {', '.join(get_args(Kind))}; "
            f"confidence one of {', '.join(get_args(Confidence))}; no blank text.",
        )
    return Break(
        id=row["id"],
        first_month=first,
        last_month=last or None,
        kind=row["kind"],  # type: ignore[arg-type]
        sources=sources,
        offences=tuple(row["offences"].split(";")),
        what=row["what"],
        source=row["source"],
        confidence=row["confidence"],  # type: ignore[arg-type]
    )
