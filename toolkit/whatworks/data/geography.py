"""London's places: the 33 local authorities, the Met's command units, LSOA codes across two censuses."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal

import pandas as pd

from whatworks.data import strictcsv
from whatworks.data.tidy import Tidy, from_counts
from whatworks.errors import SourceError, did_you_mean, first_few

Change = Literal["unchanged", "split", "merged", "irregular"]

#: GSS code and name of the 33 London local authorities (Office for National Statistics).
LONDON: Final[Mapping[str, str]] = MappingProxyType(
    {
        "E09000001": "City of London",
        "E09000002": "Barking and Dagenham",
        "E09000003": "Barnet",
        "E09000004": "Bexley",
        "E09000005": "Brent",
        "E09000006": "Bromley",
        "E09000007": "Camden",
        "E09000008": "Croydon",
        "E09000009": "Ealing",
        "E09000010": "Enfield",
        "E09000011": "Greenwich",
        "E09000012": "Hackney",
        "E09000013": "Hammersmith and Fulham",
        "E09000014": "Haringey",
        "E09000015": "Harrow",
        "E09000016": "Havering",
        "E09000017": "Hillingdon",
        "E09000018": "Hounslow",
        "E09000019": "Islington",
        "E09000020": "Kensington and Chelsea",
        "E09000021": "Kingston upon Thames",
        "E09000022": "Lambeth",
        "E09000023": "Lewisham",
        "E09000024": "Merton",
        "E09000025": "Newham",
        "E09000026": "Redbridge",
        "E09000027": "Richmond upon Thames",
        "E09000028": "Southwark",
        "E09000029": "Sutton",
        "E09000030": "Tower Hamlets",
        "E09000031": "Waltham Forest",
        "E09000032": "Wandsworth",
        "E09000033": "Westminster",
    }
)

#: The City of London has its own force; the Metropolitan Police Service polices the other 32.
CITY_OF_LONDON: Final = "E09000001"
MPS_BOROUGHS: Final[Mapping[str, str]] = MappingProxyType(
    {code: name for code, name in LONDON.items() if code != CITY_OF_LONDON}
)

#: The 12 Basic Command Units that the 32 boroughs were merged into between January 2017 and February 2019.
COMMAND_UNITS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "Central East": ("E09000012", "E09000030"),
        "Central North": ("E09000007", "E09000019"),
        "Central South": ("E09000022", "E09000028"),
        "Central West": ("E09000013", "E09000020", "E09000033"),
        "East Area": ("E09000002", "E09000016", "E09000026"),
        "North Area": ("E09000010", "E09000014"),
        "North East": ("E09000025", "E09000031"),
        "North West": ("E09000003", "E09000005", "E09000015"),
        "South Area": ("E09000006", "E09000008", "E09000029"),
        "South East": ("E09000004", "E09000011", "E09000023"),
        "South West": ("E09000021", "E09000024", "E09000027", "E09000032"),
        "West Area": ("E09000009", "E09000017", "E09000018"),
    }
)

_SHORT_NAMES: Final = {
    "city": CITY_OF_LONDON,
    "hammersmith": "E09000013",
    "kensington": "E09000020",
    "kingston": "E09000021",
    "richmond": "E09000027",
    "westminster city": "E09000033",
    "city of westminster": "E09000033",
    "corporation of london": CITY_OF_LONDON,
    "city of london corporation": CITY_OF_LONDON,
}
_TITLES = re.compile(r"^(the )?(london borough of|royal borough of|borough of|lb|rb) ")


def borough_code(name: str, *, where: str = "") -> str:
    """The GSS code of a London local authority from any spelling of its name in use, or from the code itself.

    Upper and lower case, `&` and `and`, hyphens, "London Borough of" and "City of Westminster" make no
    difference. Raises `SourceError` (with `where` as the place) for any other name.
    """
    found = find_borough(name)
    if found is None:
        raise SourceError(
            f"{name!r} is not a London borough",
            where=where,
            remedy=f"{did_you_mean(name, LONDON.values())}Give one of the 33 names or its GSS code.",
        )
    return found


def find_borough(name: str) -> str | None:
    """The GSS code that `borough_code` would give, or None when the name is not a London borough."""
    code = name.strip().upper()
    if code in LONDON:
        return code
    plain = _plain(name)
    return _BY_NAME.get(plain) or _BY_NAME.get(_TITLES.sub("", plain))


def command_unit(code: str) -> str:
    """The command unit (as of 2019) of a borough's GSS code.

    Raises `SourceError` for a code that has none.
    """
    unit = _UNIT_OF.get(code)
    if unit is None:
        raise SourceError(
            f"{code!r} is in none of the 12 command units",
            where="command_unit",
            remedy="Give the GSS code of one of the Met's 32 boroughs; borough_code(name) finds it.",
        )
    return unit


@dataclass(frozen=True, slots=True)
class Vintage:
    """Which census a set of LSOA codes belongs to, with the counts of distinct codes that decide it.

    `kind` is `2011` or `2021` when only codes of that census are among them, `mixed` when both are, `either`
    when all known codes are the same in both. `unknown` counts codes that the lookup does not hold.
    """

    kind: Literal["2011", "2021", "mixed", "either"]
    only_2011: int
    only_2021: int
    both: int
    unknown: int

    def sentence(self) -> str:
        """The finding in words."""
        words = {
            "2011": "codes of the 2011 census",
            "2021": "codes of the 2021 census",
            "mixed": "a mix of 2011 and 2021 census codes",
            "either": "codes that are the same in both censuses",
        }[self.kind]
        return (
            f"{words}: {self.only_2011:,} only in 2011, {self.only_2021:,} only in 2021, "
            f"{self.both:,} in both, {self.unknown:,} not in the lookup"
        )


@dataclass(frozen=True, slots=True)
class LsoaLookup:
    """The official 2011 → 2021 lookup turned into common units that exist in both censuses.

    A common unit is the smallest area that is a whole number of LSOAs in both censuses, so that a count moved
    to it neither invents nor loses a crime. An unchanged LSOA is its own unit. LSOAs that one 2011 LSOA was
    split into form one unit with the 2011 code. 2011 LSOAs merged into one form one unit with the 2021 code.
    Any other tangle forms one unit with its first 2011 code and a `+`.

    `unit_of` maps every code of either census to its unit, `name_of` a unit to its name, `change_of` a unit
    to what happened to it, `borough_of` every code and unit to its local authority's GSS code.
    """

    name: str
    unit_of: Mapping[str, str]
    name_of: Mapping[str, str]
    change_of: Mapping[str, Change]
    borough_of: Mapping[str, str]
    codes_2011: frozenset[str]
    codes_2021: frozenset[str]

    def vintage(self, codes: Iterable[str]) -> Vintage:
        """Say which census the distinct `codes` belong to."""
        given = frozenset(codes)
        old, new = (
            len(given & self.codes_2011 - self.codes_2021),
            len(given & self.codes_2021 - self.codes_2011),
        )
        both = len(given & self.codes_2011 & self.codes_2021)
        kind: Literal["2011", "2021", "mixed", "either"] = "either"
        if old or new:
            kind = "mixed" if old and new else "2011" if old else "2021"
        return Vintage(kind, old, new, both, len(given) - old - new - both)

    def common(self, codes: pd.Series) -> pd.Series:
        """Each code's common unit; a code that the lookup does not hold stays as it is."""
        return codes.map({code: self.unit_of.get(code, code) for code in codes.unique()})


def read_lsoa_lookup(path: str | os.PathLike[str]) -> LsoaLookup:
    """Read the official lookup (columns `LSOA11CD, LSOA11NM, LSOA21CD, LSOA21NM, LAD22CD`, one row per pair).

    Further columns are ignored. Raises `SourceError` for a file without these columns, a blank or malformed
    code, or a repeated pair. Source: Office for National Statistics, "LSOA (2011) to LSOA (2021) to Local
    Authority District (2022) Exact Fit Lookup for EW".
    """
    table = strictcsv.read(Path(path))
    wanted = ("LSOA11CD", "LSOA11NM", "LSOA21CD", "LSOA21NM", "LAD22CD")
    absent = [column for column in wanted if column not in table.header]
    if absent:
        raise SourceError(
            f"no column {first_few(absent)}; the columns are {first_few(table.header, 12)}",
            where=f"{table.name}, line 1",
            remedy="Give the 2011 to 2021 LSOA exact fit lookup of the Office for National Statistics.",
        )
    columns = [table.texts(table.header.index(column)) for column in wanted]
    seen: set[tuple[str, str]] = set()
    for row, (old, _, new, _, borough) in enumerate(zip(*columns, strict=True)):
        if not all(re.fullmatch(r"[EW]\d{8}", code) for code in (old, new, borough)) or (old, new) in seen:
            raise SourceError(
                f"the pair {old!r} → {new!r} in {borough!r} is malformed or repeated",
                where=table.where(row),
                remedy="Fetch the lookup again from the Office for National Statistics.",
            )
        seen.add((old, new))
    return _lookup(table.name, *columns)


def revintage(tidy: Tidy, lookup: LsoaLookup) -> Tidy:
    """Count a table by LSOA, whatever its vintage, on the common units of both censuses.

    The total is the same before and after. A unit has rows in a month when any of its LSOAs has. The intake
    report gains the vintage found and how many codes were joined; codes outside the lookup stay as they are.
    """
    frame = tidy.frame
    before = lookup.vintage(frame["area_code"].unique())
    moved = frame.assign(area_code=lookup.common(frame["area_code"]))
    keys = ["area_code", "month", "offence"]
    counts = moved.groupby(keys, sort=True, observed=True)["count"].sum().reset_index()
    named = frame[["area_code", "area_name"]].drop_duplicates("area_code")
    names = dict(zip(named["area_code"], named["area_name"], strict=True))
    areas = {code: lookup.name_of.get(code, names.get(code, code)) for code in counts["area_code"].unique()}
    months = tidy.months
    pairs = counts[["area_code", "month"]].drop_duplicates()
    have = set(zip(pairs["area_code"], pairs["month"], strict=True))
    absent = {(area, month) for area in areas for month in months} - have
    joined = [code for code in areas if lookup.change_of.get(code, "unchanged") != "unchanged"]
    sentence = (
        f"{before.sentence()}; counted on {len(areas):,} units common to both censuses by {lookup.name}, "
        f"{len(joined):,} of them joining split or merged codes"
    )
    intake = dataclasses.replace(tidy.intake, code_vintages=(*tidy.intake.code_vintages, sentence))
    return from_counts(
        counts,
        areas=areas,
        months=months,
        offences=tidy.offences,
        intake=intake,
        coverage=tidy.coverage,
        missing=absent,
    )


def _lookup(
    name: str, old: list[str], old_name: list[str], new: list[str], new_name: list[str], borough: list[str]
) -> LsoaLookup:
    unit_of: dict[str, str] = {}
    name_of: dict[str, str] = {}
    change_of: dict[str, Change] = {}
    names_2011, names_2021 = dict(zip(old, old_name, strict=True)), dict(zip(new, new_name, strict=True))
    for olds, news in _tangles(old, new):
        unit, change = _unit(olds, news)
        name_of[unit] = names_2021[news[0]] if change == "merged" else names_2011[olds[0]]
        change_of[unit] = change
        unit_of.update(dict.fromkeys((*olds, *news), unit))
    borough_of = dict(zip(old, borough, strict=True)) | dict(zip(new, borough, strict=True))
    borough_of |= {unit_of[code]: lad for code, lad in borough_of.items()}
    return LsoaLookup(
        name,
        MappingProxyType(unit_of),
        MappingProxyType(name_of),
        MappingProxyType(change_of),
        MappingProxyType(borough_of),
        frozenset(old),
        frozenset(new),
    )


def _unit(olds: list[str], news: list[str]) -> tuple[str, Change]:
    if olds == news and len(olds) == 1:
        return olds[0], "unchanged"
    if len(olds) == 1 and len(news) > 1:
        return olds[0], "split"
    if len(news) == 1 and len(olds) > 1:
        return news[0], "merged"
    return f"{olds[0]}+", "irregular"


def _tangles(old: list[str], new: list[str]) -> list[tuple[list[str], list[str]]]:
    import numpy as np
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    olds, news = sorted(set(old)), sorted(set(new))
    at_old, at_new = ({code: i for i, code in enumerate(codes)} for codes in (olds, news))
    size = len(olds) + len(news)
    links = ([at_old[code] for code in old], [len(olds) + at_new[code] for code in new])
    graph = coo_array((np.ones(len(old), dtype=np.int8), links), shape=(size, size))
    count, labels = connected_components(graph, directed=False)
    parts: list[tuple[list[str], list[str]]] = [([], []) for _ in range(count)]
    for code, label in zip(olds, labels[: len(olds)], strict=True):
        parts[label][0].append(code)
    for code, label in zip(news, labels[len(olds) :], strict=True):
        parts[label][1].append(code)
    return parts


def _plain(name: str) -> str:
    words = re.sub(r"[^a-z0-9]+", " ", name.lower().replace("&", " and "))
    return re.sub(r"\s+", " ", words).strip()


_BY_NAME: Final = {_plain(name): code for code, name in LONDON.items()} | _SHORT_NAMES
_UNIT_OF: Final = {code: unit for unit, codes in COMMAND_UNITS.items() for code in codes}
