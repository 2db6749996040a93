"""From the LSOA of a row to the area of the table, and to the force whose files cover that area."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from whatworks.data.geography import CITY_OF_LONDON, LONDON, LsoaLookup, find_borough
from whatworks.data.police_uk.settle import Counts
from whatworks.data.police_uk.words import CITY_OF_LONDON as CITY_FORCE
from whatworks.data.police_uk.words import FORCE_CODES, METROPOLITAN
from whatworks.errors import SourceError, first_few

By = Literal["lsoa", "borough", "force"]
Vintage = Literal["common", "as_published"]
#: A district with a smaller share of a force's rows is taken for a neighbour's, reached by border points.
_BORDER_SHARE: Final = 0.01
_MOST: Final = 0.5
#: Why a place has no area: positions 0, 1, 2 of the reasons.
REASONS: Final = (
    "no location given, or no LSOA for it",
    "an LSOA that the lookup does not hold",
    "an LSOA outside the area of the forces read",
)


@dataclass(frozen=True, slots=True)
class Areas:
    """The areas of a table: `code`, `name`, and `cover`, the force (its position) whose files cover each.

    `of` gives the area of each place, or minus one with a position in `REASONS` in `why`; it is None when the
    area is the force itself. `absent` are area × month pairs outside a code's own vintage.
    """

    code: tuple[str, ...]
    name: tuple[str, ...]
    cover: npt.NDArray[np.int16]
    of: npt.NDArray[np.int32] | None
    why: npt.NDArray[np.int8]
    absent: frozenset[tuple[str, str]]
    notes: tuple[str, ...]


def force_areas(counts: Counts) -> Areas:
    """One area per force; rows without a location count too."""
    own = [force for force in counts.forces if force not in FORCE_CODES]
    return Areas(
        tuple(FORCE_CODES.get(force, force) for force in counts.forces),
        tuple(_title(force) for force in counts.forces),
        np.arange(len(counts.forces), dtype=np.int16),
        None,
        np.full(len(counts.places), -1, dtype=np.int8),
        frozenset(),
        (f"No GSS code is known for {first_few(own)}; the name stands for it.",) if own else (),
    )


def place_areas(counts: Counts, by: By, lookup: LsoaLookup | None, vintage: Vintage) -> Areas:
    """Areas by LSOA or borough.

    The borough of an LSOA comes from the lookup, else from the first words of its name. London's boroughs
    belong to their two forces; any other district to the force that has most rows in it, if they are at
    least one in a hundred of its rows. Raises `SourceError` when the lookup is of another part of the
    country.
    """
    boroughs = {words: find_borough(words) or words for words in set(map(_words, counts.names))}
    districts = [
        _district(code, name, lookup, boroughs)
        for code, name in zip(counts.places, counts.names, strict=True)
    ]
    covers = _covers(counts, districts)
    why = np.array(
        [
            _reason(code, district, lookup, covers)
            for code, district in zip(counts.places, districts, strict=True)
        ],
        dtype=np.int8,
    )
    _refuse_wrong_lookup(counts, why, lookup)
    common = lookup if vintage == "common" and by == "lsoa" else None
    found: dict[str, tuple[str, int]] = {}
    at: dict[str, int] = {}
    of = np.full(len(counts.places), -1, dtype=np.int32)
    for place in np.flatnonzero(why < 0).tolist():
        district = districts[place]
        code = district if by == "borough" else counts.places[place]
        if common:
            code = common.unit_of.get(code, code)
        of[place] = at.setdefault(code, len(at))
        name = _name(code, counts.names[place], by, common)
        found[code] = (name, covers[district])
    for code, (name, force) in _whole_universe(by, lookup, vintage, covers).items():
        at.setdefault(code, len(at))
        found.setdefault(code, (name, force))
    codes = tuple(at)
    return Areas(
        codes,
        tuple(found[code][0] for code in codes),
        np.array([found[code][1] for code in codes], dtype=np.int16),
        of,
        why,
        _outside_vintage(counts, codes, lookup) if by == "lsoa" and not common else frozenset(),
        _notes(codes, by),
    )


def census_codes(counts: Counts, lookup: LsoaLookup | None, vintage: Vintage, by: By) -> tuple[str, ...]:
    """What census the LSOA codes of each month belong to, in sentences that name the months."""
    if by == "force":
        return ()
    if lookup is None:
        extra = (
            "" if by == "borough" else " A code that was split or merged between censuses is not continued."
        )
        return (f"No LSOA lookup was given, so the census of the codes is not known.{extra}",)
    runs: list[list[str]] = []
    places = np.array(counts.places, dtype=object)
    for month, label in enumerate(counts.months):
        used = places[np.unique(counts.place[counts.month == month])]
        found = lookup.vintage(code for code in used if code)
        if found.kind == "either":
            # nothing in such a month says which census it follows
            continue
        kind = "2011 and 2021 codes mixed" if found.kind == "mixed" else f"{found.kind} codes"
        if runs and runs[-1][2] == kind:
            runs[-1][1] = label
        else:
            runs.append([label, label, kind])
    sentences = [f"{first if first == last else f'{first} to {last}'}: {kind}." for first, last, kind in runs]
    if not runs:
        sentences.append("Every code is the same in the 2011 and 2021 censuses.")
    if by == "lsoa" and vintage == "common":
        sentences.append(f"Counted on the units common to both censuses by {lookup.name}.")
    elif by == "lsoa":
        sentences.append(
            "A code of one census only has rows only in the months in which such codes are in use."
        )
    return tuple(sentences)


def _title(force: str) -> str:
    small = {"of", "and"}
    return " ".join(word if word in small else word.capitalize() for word in force.split("-"))


def _district(code: str, name: str, lookup: LsoaLookup | None, boroughs: Mapping[str, str]) -> str:
    known = None if lookup is None else lookup.borough_of.get(code)
    return known or boroughs[_words(name)]


def _words(name: str) -> str:
    return name.rsplit(" ", 1)[0]


def _covers(counts: Counts, districts: Sequence[str]) -> dict[str, int]:
    """The force (its position) that covers each district."""
    known = {name: i for i, name in enumerate(dict.fromkeys(districts))}
    district_at = np.array([known[name] for name in districts], dtype=np.int64)
    shape = (len(counts.forces), len(known))
    totals = np.zeros(shape)
    for at in range(len(counts.forces)):
        mine = slice(None) if len(counts.forces) == 1 else counts.force == at
        by_place = np.bincount(counts.place[mine], weights=counts.n[mine], minlength=len(counts.places))
        totals[at] = np.bincount(district_at, weights=by_place, minlength=len(known))
    covers = {}
    london = {METROPOLITAN, CITY_FORCE}
    for district in LONDON:
        owner = CITY_FORCE if district == CITY_OF_LONDON else METROPOLITAN
        if owner in counts.forces:
            covers[district] = counts.forces.index(owner)
    outer = np.array([[force not in london] for force in counts.forces])
    shares = np.where(outer, totals / np.maximum(totals.sum(axis=1, keepdims=True), 1), 0)
    for district, i in known.items():
        force = int(np.argmax(np.where(outer[:, 0], totals[:, i], -1)))
        if district and district not in LONDON and shares[force, i] >= _BORDER_SHARE:
            covers[district] = force
    return covers


def _reason(code: str, district: str, lookup: LsoaLookup | None, covers: Mapping[str, int]) -> int:
    if not code:
        return 0
    if lookup is not None and code not in lookup.unit_of:
        return 1
    return -1 if district in covers else 2


def _refuse_wrong_lookup(counts: Counts, why: npt.NDArray[np.int8], lookup: LsoaLookup | None) -> None:
    if lookup is None:
        return
    for at, force in enumerate(counts.forces):
        mine = counts.n[counts.force == at]
        reason = why[counts.place[counts.force == at]]
        located, strange = int(mine[reason != 0].sum()), int(mine[reason == 1].sum())
        if strange > _MOST * located:
            raise SourceError(
                f"{strange:,} of {located:,} located rows of {force} have an LSOA that is not in the lookup",
                where=lookup.name,
                remedy="Give the lookup for the area of this force.",
            )


def _name(code: str, published: str, by: By, common: LsoaLookup | None) -> str:
    if by == "borough":
        return LONDON.get(code) or published.rsplit(" ", 1)[0]
    return (common.name_of.get(code) if common else None) or published or code


def _whole_universe(
    by: By, lookup: LsoaLookup | None, vintage: Vintage, covers: Mapping[str, int]
) -> dict[str, tuple[str, int]]:
    """Areas that must have zeros even if no row ever falls in them: code to name and covering force."""
    if by == "borough":
        return {code: (LONDON[code], force) for code, force in covers.items() if code in LONDON}
    if lookup is None:
        return {}
    codes = lookup.unit_of if vintage == "as_published" else set(lookup.unit_of.values())
    return {
        code: (lookup.name_of.get(code, code), covers[lookup.borough_of[code]])
        for code in sorted(codes)
        if lookup.borough_of[code] in covers
    }


def _outside_vintage(
    counts: Counts, codes: Sequence[str], lookup: LsoaLookup | None
) -> frozenset[tuple[str, str]]:
    """Area × month pairs in which a code of one census was not in use: no zero may stand there."""
    if lookup is None:
        return frozenset()
    old, new = lookup.codes_2011 - lookup.codes_2021, lookup.codes_2021 - lookup.codes_2011
    absent = set()
    for only, keep_from_first in ((old, False), (new, True)):
        places = np.array([code in only for code in counts.places])
        used = np.unique(counts.month[places[counts.place]]) if len(counts.place) else np.zeros(0)
        for at, month in enumerate(counts.months):
            in_use = len(used) and (at >= used.min() if keep_from_first else at <= used.max())
            if not in_use:
                absent |= {(code, month) for code in codes if code in only}
    return frozenset(absent)


def _notes(codes: Sequence[str], by: By) -> tuple[str, ...]:
    named = [code for code in codes if by == "borough" and not code.startswith(("E0", "W0", "N0"))]
    if not named:
        return ()
    return (f"No GSS code is known for {first_few(named)} without a lookup; the name stands for it.",)
