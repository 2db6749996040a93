"""One of the Met's wide crime tables, read and checked: who, what, where, one column a month."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np

from whatworks.arrays import Ints
from whatworks.data import strictcsv, strictparquet
from whatworks.data.geography import CITY_OF_LONDON, LONDON, find_borough
from whatworks.data.intake import SourceFile, source_file
from whatworks.data.mps.vocabulary import (
    MAJORS,
    OTHER_AREAS,
    ROLES,
    NamingVintage,
    Role,
    may_be_cut,
    plain,
    vintage_of,
)
from whatworks.errors import SourceError, did_you_mean, first_few

Level = Literal["borough", "ward", "lsoa"]
Table = strictcsv.TextTable | strictparquet.ParquetTable
_CODE: Final = {"ward": r"E05\d{6}", "lsoa": r"[EW]01\d{6}"}
_KEY_ROLE: Final[dict[Level, Role]] = {"borough": "borough", "ward": "ward_code", "lsoa": "lsoa_code"}
# a month whose total is under this share of its neighbours' is a stub, where chance cannot explain it
STUB_SHARE: Final = 0.2
STUB_FLOOR: Final = 25.0


@dataclass(frozen=True, slots=True)
class MpsFile:
    """One file: per row its area, place outside the boroughs (or ""), major, minor; counts rows × months.

    `stubs` are the months whose column is only a fragment. Labels are in our spelling, months sorted.
    """

    source: SourceFile
    vintage: NamingVintage
    level: Level
    area: tuple[str, ...]
    outside: tuple[str, ...]
    major: tuple[str, ...]
    minor: tuple[str, ...]
    names: dict[str, str]
    months: tuple[str, ...]
    counts: Ints
    stubs: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def name(self) -> str:
        """The file's name without folders."""
        return self.source.name

    def totals(self) -> Ints:
        """All crimes of the file by month."""
        found: Ints = self.counts.sum(axis=0)
        return found


def read_file(path: Path) -> MpsFile:
    """Read one borough, ward or LSOA table (CSV or Parquet) of any naming vintage.

    Raises `SourceError` naming file, line and column for whatever is not as the publisher writes it.
    """
    if path.suffix.lower() == ".parquet":
        table: Table = strictparquet.read(path)
    elif path.suffix.lower() == ".csv":
        table = strictcsv.read(path)
    else:
        raise SourceError(
            "neither .csv nor .parquet",
            where=path.name,
            remedy="Unpack it, or give it the ending of its format.",
        )
    if not table.rows:
        raise SourceError("a header and no rows", where=table.name, remedy="Fetch the file again.")
    roles, months = _header(table)
    level: Level = "lsoa" if "lsoa_code" in roles else "ward" if "ward_code" in roles else "borough"
    counts = np.column_stack(
        [table.whole_numbers(column, what="Counts of crimes") for _, column in sorted(months.items())]
    )
    area, outside, names = _areas(table, roles, level)
    major, minor = (_labels(table, roles[role]) for role in ("major", "minor"))
    spelled = {label: plain(label) for label in {*major, *minor}}
    _refuse_repeated_keys(table, area, outside, major, minor, spelled)
    header = frozenset(_reduced(cell) for cell in table.header)
    vintage = vintage_of(frozenset(table.texts(roles["major"])), header)
    ordered = tuple(sorted(months))
    return MpsFile(
        source=source_file(path, table.rows),
        vintage=vintage,
        level=level,
        area=area,
        outside=outside,
        major=tuple(spelled[label] for label in major),
        minor=tuple(spelled[label] for label in minor),
        names=names,
        months=ordered,
        counts=counts,
        stubs=_stubs(ordered, counts.sum(axis=0)),
        notes=_label_notes(table.name, vintage, major, minor),
    )


def months_between(first: str, last: str) -> tuple[str, ...]:
    """Every month from `first` to `last`, both YYYY-MM and both included."""
    start, stop = (int(month[:4]) * 12 + int(month[5:]) - 1 for month in (first, last))
    return tuple(f"{number // 12:04d}-{number % 12 + 1:02d}" for number in range(start, stop + 1))


def _reduced(cell: str) -> str:
    return re.sub(r"[\s_-]+", "", cell).lower()


def _header(table: Table) -> tuple[dict[Role, int], dict[str, int]]:
    roles: dict[Role, int] = {}
    months: dict[str, int] = {}
    where = f"{table.name}, line 1"
    for column, cell in enumerate(table.header):
        role = ROLES.get(_reduced(cell))
        month = re.fullmatch(r"(\d{4})(0[1-9]|1[0-2])", cell)
        if role is not None and role not in roles:
            roles[role] = column
        elif month and f"{month[1]}-{month[2]}" not in months:
            months[f"{month[1]}-{month[2]}"] = column
        else:
            fault = "stands twice" if role or month else "is not recognised"
            raise SourceError(
                f"column {column + 1}, {cell!r}, {fault}",
                where=where,
                remedy=f"{did_you_mean(_reduced(cell), ROLES)}Expected an area, a major and a minor category "
                "and one column a month written yyyymm. Remove any other column.",
            )
    _refuse_incomplete(table, roles, months, where)
    return roles, months


def _refuse_incomplete(table: Table, roles: dict[Role, int], months: dict[str, int], where: str) -> None:
    missing = [role for role in ("major", "minor") if role not in roles]
    if not {"borough", "ward_code", "lsoa_code"} & set(roles):
        missing.insert(0, "borough, ward code or LSOA code")
    if "ward_name" in roles and "ward_code" not in roles:
        raise SourceError(
            "ward names without ward codes; names are shared between wards, so they cannot be told apart",
            where=where,
            remedy="Use the edition of the file that carries a ward code.",
        )
    if not months:
        missing.append("any month (yyyymm)")
    if missing:
        raise SourceError(
            f"no column for {first_few(missing)}; the columns are {first_few(map(repr, table.header), 8)}",
            where=where,
            remedy="Give a borough, ward or LSOA crime table as the London Datastore publishes it.",
        )


def _areas(
    table: Table, roles: dict[Role, int], level: Level
) -> tuple[tuple[str, ...], tuple[str, ...], dict[str, str]]:
    blank = [""] * table.rows
    boroughs = table.texts(roles["borough"]) if "borough" in roles else blank
    resolved = {label: _borough(label) for label in dict.fromkeys(boroughs)}
    for label, found in resolved.items():
        if found is None and not (label == "" and "borough" not in roles):
            raise SourceError(
                f"{label!r} is not a London borough" if label else "a blank borough",
                where=table.where(boroughs.index(label), roles["borough"]),
                remedy=f"{did_you_mean(label, LONDON.values())}Expected one of London's local authorities, "
                "an airport, Aviation Security or Unknown.",
            )
    places = [resolved[label] or ("", "", "") for label in boroughs]
    outside = tuple(place[2] for place in places)
    if level == "borough":
        return tuple(place[0] for place in places), outside, {place[0]: place[1] for place in places}
    codes = table.texts(roles[_KEY_ROLE[level]])
    for code in dict.fromkeys(codes):
        if not re.fullmatch(_CODE[level], code):
            raise SourceError(
                f"{code!r} is not the code of {'an LSOA' if level == 'lsoa' else 'a ward'}",
                where=table.where(codes.index(code), roles[_KEY_ROLE[level]]),
                remedy="Expected a code like E01000001 (LSOA) or E05000026 (ward).",
            )
    named: Role = "lsoa_name" if level == "lsoa" else "ward_name"
    labels = table.texts(roles[named]) if named in roles else codes
    return tuple(codes), outside, dict(zip(codes, labels, strict=True))


def _borough(label: str) -> tuple[str, str, str] | None:
    other = OTHER_AREAS.get(label.lower())
    if other:
        return (*other, other[1])
    code = find_borough(label)
    if code is None:
        return None
    return code, LONDON[code], LONDON[code] if code == CITY_OF_LONDON else ""


def _labels(table: Table, column: int) -> tuple[str, ...]:
    labels = table.texts(column)
    if "" in labels:
        raise SourceError(
            "a blank offence",
            where=table.where(labels.index(""), column),
            remedy="Each row names its offence.",
        )
    return tuple(labels)


def _refuse_repeated_keys(
    table: Table,
    area: tuple[str, ...],
    outside: tuple[str, ...],
    major: tuple[str, ...],
    minor: tuple[str, ...],
    spelled: dict[str, str],
) -> None:
    seen: dict[tuple[str, ...], int] = {}
    for row, (code, place, upper, lower) in enumerate(zip(area, outside, major, minor, strict=True)):
        # by our spelling: two published labels that read as one offence would be added up silently
        key = (code, place, spelled[upper], spelled[lower])
        if key in seen:
            first = table.where(seen[key]).split(", ")[-1]
            raise SourceError(
                f"{code}, {key[3]} stands a second time; first in {first}",
                where=table.where(row),
                remedy="One row per area and offence; find out which is right.",
            )
        seen[key] = row


def _stubs(months: tuple[str, ...], totals: Ints) -> tuple[str, ...]:
    found = []
    for i, month in enumerate(months):
        others = sorted((j for j in range(len(months)) if j != i), key=lambda j: abs(j - i))
        # the median of four: one neighbour may be a stub too, or a riot
        near = [totals[j] for j in others[:4]]
        usual = float(np.median(near)) if near else 0.0
        if usual >= STUB_FLOOR and totals[i] < STUB_SHARE * usual:
            found.append(month)
    return tuple(found)


def _label_notes(
    name: str, vintage: NamingVintage, major: tuple[str, ...], minor: tuple[str, ...]
) -> tuple[str, ...]:
    notes = []
    cut = [label for label in dict.fromkeys(minor) if may_be_cut(label)]
    if cut:
        notes.append(f"{name}: labels of exactly 50 characters may be cut short: {first_few(map(repr, cut))}")
    unknown = sorted({plain(label) for label in dict.fromkeys(major)} - set(MAJORS[vintage]))
    if unknown:
        notes.append(f"{name}: major categories not seen before in {vintage} files: {first_few(unknown)}")
    return tuple(notes)
