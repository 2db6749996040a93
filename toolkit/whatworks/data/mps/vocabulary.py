"""The words of the Met's tables: three vintages of offence labels, what compares across them, places."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

NamingVintage = Literal["old", "LOOKUP", "CONNECT"]
Role = Literal["borough", "ward_name", "ward_code", "lsoa_code", "lsoa_name", "major", "minor"]

#: Header cells (lower case, without spaces, underscores and hyphens) and what they hold.
ROLES: Final[Mapping[str, Role]] = MappingProxyType(
    {
        "borough": "borough",
        "boroughname": "borough",
        "lookupboroughname": "borough",
        "wardname": "ward_name",
        "wardcode": "ward_code",
        "lsoacode": "lsoa_code",
        "lsoaname": "lsoa_name",
        "majorcategory": "major",
        "majortext": "major",
        "minorcategory": "minor",
        "minortext": "minor",
    }
)

#: Places in the tables that are not boroughs, with codes of our own (they have no GSS code).
OTHER_AREAS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "london heathrow and london city airports": (
            "MPS-AIRPORTS",
            "London Heathrow and London City Airports",
        ),
        "aviation security (so18)": ("MPS-SO18", "Aviation Security (SO18)"),
        "unknown": ("MPS-UNKNOWN", "Unknown"),
    }
)

MAJORS: Final[Mapping[NamingVintage, tuple[str, ...]]] = MappingProxyType(
    {
        "old": (
            "Burglary",
            "Criminal damage",
            "Drugs",
            "Fraud or forgery",
            "Other notifiable offences",
            "Robbery",
            "Sexual offences",
            "Theft and handling",
            "Violence against the person",
        ),
        "LOOKUP": (
            "Arson and criminal damage",
            "Burglary",
            "Drug offences",
            "Historical fraud and forgery",
            "Miscellaneous crimes against society",
            "Possession of weapons",
            "Public order offences",
            "Robbery",
            "Sexual offences",
            "Theft",
            "Vehicle offences",
            "Violence against the person",
        ),
        "CONNECT": (
            "Arson and criminal damage",
            "Burglary",
            "Drug offences",
            "Fraud and forgery",
            "Miscellaneous crimes against society",
            "NFIB fraud",
            "Possession of weapons",
            "Public order offences",
            "Robbery",
            "Sexual offences",
            "Theft",
            "Vehicle offences",
            "Violence against the person",
        ),
    }
)

_NEW: Final = frozenset(MAJORS["LOOKUP"]) & frozenset(MAJORS["CONNECT"])

#: Majors that may stand in one table across two vintages, and the label they stand under. In borough totals
#: 2012-2016 the old labels lie within 0.5% (burglary, robbery, sexual offences), 2% (drugs) and 4% (criminal
#: damage) of LOOKUP; theft, violence and fraud are cut differently and do not compare. CONNECT leaves more
#: crimes in "Unknown" (about 9% of sexual offences, 3% of robberies), so the step to it is larger by that.
ACROSS: Final[Mapping[frozenset[NamingVintage], Mapping[str, str]]] = MappingProxyType(
    {
        frozenset[NamingVintage](("LOOKUP", "CONNECT")): {name: name for name in _NEW},
        **{
            frozenset[NamingVintage](("old", *others)): {
                "Burglary": "Burglary",
                "Robbery": "Robbery",
                "Sexual offences": "Sexual offences",
                "Drugs": "Drug offences",
                "Criminal damage": "Arson and criminal damage",
            }
            | {name: name for name in ("Drug offences", "Arson and criminal damage")}
            for others in (("LOOKUP",), ("CONNECT",), ("LOOKUP", "CONNECT"))
        },
    }
)

# LOOKUP cuts labels at 50 characters; these are the Home Office's full titles
_CUT: Final = {
    "disclosure, obstruction, false or misleading state": (
        "Disclosure, obstruction, false or misleading statements etc"
    ),
    "making, supplying or possessing articles for use i": (
        "Making, supplying or possessing articles for use in fraud"
    ),
    "racially or religiously aggravated public fear, al": (
        "Racially or religiously aggravated public fear, alarm or distress"
    ),
    "threat or possession with intent to commit crimina": (
        "Threat or possession with intent to commit criminal damage"
    ),
}
# one thing, two labels, inside the old vintage (2008-2016 and 2017-2018 files)
_OLD_SPELLINGS: Final = {
    "criminal damage to m/v": "Criminal damage to motor vehicle",
    "criminal damage to other bldg": "Criminal damage to other building",
    "criminal damage to a dwelling": "Criminal damage to dwelling",
    "m/v interference & tampering": "Motor vehicle interference & tampering",
    "other drug offences": "Other drugs",
    "theft from m/v": "Theft from motor vehicle",
    "theft person": "Other theft person",
    "theft/taking of m/v": "Theft/taking of motor vehicle",
    "theft/taking of pedal cycles": "Theft/taking of pedal cycle",
}
_UPPER: Final = {"nfib": "NFIB", "gbh": "GBH"}
LABEL_LIMIT: Final = 50


def plain(label: str) -> str:
    """Our spelling of a published offence label: sentence case, single spaces, cut titles restored."""
    key = re.sub(r"\s+", " ", label).strip().lower()
    if key in _CUT:
        return _CUT[key]
    if key in _OLD_SPELLINGS:
        return _OLD_SPELLINGS[key]
    words = re.sub(r"[a-z]+", lambda word: _UPPER.get(word.group(), word.group()), key)
    return words[:1].upper() + words[1:]


def may_be_cut(label: str) -> bool:
    """Whether a published label is as long as the limit and not one whose full title is known."""
    text = label.strip()
    return len(text) == LABEL_LIMIT and text.lower() not in _CUT


def vintage_of(labels: frozenset[str], header: frozenset[str]) -> NamingVintage:
    """The naming vintage of a file, from its published majors and its header cells (reduced as in `ROLES`).

    CONNECT writes its labels in capitals; its ward and LSOA files keep header names of the older vintages.
    """
    if all(label == label.upper() for label in labels):
        return "CONNECT"
    return "LOOKUP" if "majortext" in header else "old"
