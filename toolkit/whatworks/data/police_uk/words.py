"""The words of data.police.uk: forces and their codes, crime types and search outcomes by period."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

_ENGLAND: Final = (
    *("metropolitan", "cumbria", "lancashire", "merseyside", "greater-manchester", "cheshire"),
    *("northumbria", "durham", "north-yorkshire", "west-yorkshire", "south-yorkshire", "humberside"),
    *("cleveland", "west-midlands", "staffordshire", "west-mercia", "warwickshire", "derbyshire"),
    *("nottinghamshire", "lincolnshire", "leicestershire", "northamptonshire", "cambridgeshire"),
    *("norfolk", "suffolk", "bedfordshire", "hertfordshire", "essex", "thames-valley", "hampshire"),
    *("surrey", "kent", "sussex", "city-of-london", "devon-and-cornwall", "avon-and-somerset"),
    *("gloucestershire", "wiltshire", "dorset"),
)
_WALES: Final = ("north-wales", "gwent", "south-wales", "dyfed-powys")

#: GSS code of each police force area, by the name data.police.uk gives the force in its file names
#: (Office for National Statistics, police force areas). The British Transport Police has no area, so no code.
FORCE_CODES: Final[Mapping[str, str]] = MappingProxyType(
    {slug: f"E23{number:06d}" for number, slug in enumerate(_ENGLAND, 1)}
    | {slug: f"W15{number:06d}" for number, slug in enumerate(_WALES, 1)}
    | {"northern-ireland": "N92000002"}
)
METROPOLITAN: Final = "metropolitan"
CITY_OF_LONDON: Final = "city-of-london"

_ODD_FORCES: Final = {
    "british transport police": "btp",
    "police service of northern ireland": "northern-ireland",
}


def force_slug(name: str) -> str:
    """The file-name form of a force's name: `Devon & Cornwall Police` gives `devon-and-cornwall`."""
    plain = re.sub(r"[^a-z]+", " ", name.lower().replace("&", " and ")).strip()
    if plain in _ODD_FORCES:
        return _ODD_FORCES[plain]
    words = [word for word in plain.split() if word not in ("police", "constabulary", "service")]
    return "-".join(words)


@dataclass(frozen=True, slots=True)
class Era:
    """A run of months in which one list of labels was in use: its first month, and label → meaning.

    Two labels mean the same only if their meanings are the same text, so a label whose scope changed has
    two meanings. `common` maps a meaning to the widest label under which neighbouring eras can be compared.
    """

    first: str
    meanings: Mapping[str, str]
    common: Mapping[str, str]


_STEADY: Final = ("Anti-social behaviour", "Burglary", "Robbery", "Vehicle crime")
_SINCE_2011: Final = ("Criminal damage and arson", "Drugs", "Shoplifting", "Other crime")
_VIOLENCE: Final = "Violence and sexual offences"
_WIDE_THEFT: Final = "Other theft, theft from the person and bicycle theft"
_WIDE_ORDER: Final = "Public order and possession of weapons"

#: The three crime-type vocabularies of data.police.uk, as counted in its files from 2010-12 to 2025-02.
CRIME_ERAS: Final = (
    Era(
        "0000-00",
        MappingProxyType(
            {label: label for label in _STEADY}
            | {"Violent crime": "violent crime to 2011-08", "Other crime": "other crime to 2011-08"}
        ),
        MappingProxyType({label: label for label in _STEADY}),
    ),
    Era(
        "2011-09",
        MappingProxyType(
            {label: label for label in (*_STEADY, *_SINCE_2011)}
            | {
                "Violent crime": "violent crime from 2011-09",
                "Other theft": "other theft to 2013-04",
                "Public disorder and weapons": "Public disorder and weapons",
            }
        ),
        MappingProxyType(
            {label: label for label in (*_STEADY, *_SINCE_2011)}
            | {
                "violent crime from 2011-09": _VIOLENCE,
                "other theft to 2013-04": _WIDE_THEFT,
                "Public disorder and weapons": _WIDE_ORDER,
            }
        ),
    ),
    Era(
        "2013-05",
        MappingProxyType(
            {
                label: label
                for label in (
                    *_STEADY,
                    *_SINCE_2011,
                    *(_VIOLENCE, "Public order", "Possession of weapons"),
                    *("Other theft", "Theft from the person", "Bicycle theft"),
                )
            }
        ),
        MappingProxyType(
            {label: label for label in (*_STEADY, *_SINCE_2011, _VIOLENCE)}
            | dict.fromkeys(("Other theft", "Theft from the person", "Bicycle theft"), _WIDE_THEFT)
            | dict.fromkeys(("Public order", "Possession of weapons"), _WIDE_ORDER)
        ),
    ),
)

_NO_ACTION: Final = "A no further action disposal"
_CAUTION: Final = "Caution (simple or conditional)"
BLANK_OUTCOME: Final = "Outcome not recorded"

_SEARCH_NEW: Final = {
    label: label
    for label in (
        *(_NO_ACTION, "Arrest", "Community resolution", "Summons / charged by post", _CAUTION),
        *("Penalty Notice for Disorder", "Khat or Cannabis warning", BLANK_OUTCOME),
    )
}
_SEARCH_OLD: Final = {
    "Nothing found - no further action": _NO_ACTION,
    "Suspected psychoactive substances seized - No further action": _NO_ACTION,
    "Suspect arrested": "Arrest",
    "Local resolution": "Community resolution",
    "Suspect summonsed to court": "Summons / charged by post",
    "Offender given penalty notice": "Penalty Notice for Disorder",
    "Offender cautioned": _CAUTION,
    "Offender given drugs possession warning": "Khat or Cannabis warning",
    "Article found - Detailed outcome unavailable": "Article found - Detailed outcome unavailable",
    BLANK_OUTCOME: BLANK_OUTCOME,
}

#: Search outcomes were renamed at 2018-01; the old labels are counted under the new ones.
SEARCH_ERAS: Final = (
    Era("0000-00", MappingProxyType(_SEARCH_OLD), MappingProxyType({})),
    Era("2018-01", MappingProxyType(_SEARCH_NEW), MappingProxyType({})),
)


def eras_of(months: Iterable[str], eras: tuple[Era, ...]) -> tuple[Era, ...]:
    """The eras that any of the months lies in, in order."""
    found = {era_of(month, eras).first for month in months} if eras else set()
    return tuple(era for era in eras if era.first in found)


def era_of(month: str, eras: tuple[Era, ...]) -> Era:
    """The era a month (YYYY-MM) lies in."""
    return [era for era in eras if era.first <= month][-1]


def labels_of(eras: tuple[Era, ...]) -> frozenset[str]:
    """Every label in use in any of the eras."""
    return frozenset(label for era in eras for label in era.meanings)
