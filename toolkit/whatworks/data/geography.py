"""London's places: the 33 local authorities, the Met's command units."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from whatworks.errors import SourceError, did_you_mean

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
    """The command unit (as of 2019) of a borough's GSS code. Raises `SourceError` for a code that has none."""
    unit = _UNIT_OF.get(code)
    if unit is None:
        raise SourceError(
            f"{code!r} is in none of the 12 command units",
            where="command_unit",
            remedy="Give the GSS code of one of the Met's 32 boroughs; borough_code(name) finds it.",
        )
    return unit


def _plain(name: str) -> str:
    words = re.sub(r"[^a-z0-9]+", " ", name.lower().replace("&", " and "))
    return re.sub(r"\s+", " ", words).strip()


_BY_NAME: Final = {_plain(name): code for code, name in LONDON.items()} | _SHORT_NAMES
_UNIT_OF: Final = {code: unit for unit, codes in COMMAND_UNITS.items() for code in codes}
