"""Small made-up files in the layouts of data.police.uk."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

STREET = (
    "Crime ID,Month,Reported by,Falls within,Longitude,Latitude,Location,LSOA code,LSOA name,Crime type,"
    "Last outcome category,Context"
)
OUTCOMES = (
    "Crime ID,Month,Reported by,Falls within,Longitude,Latitude,Location,LSOA code,LSOA name,Outcome type"
)
STOPS = (
    "Type,Date,Part of a policing operation,Policing operation,Latitude,Longitude,Gender,Age range,"
    "Self-defined ethnicity,Officer-defined ethnicity,Legislation,Object of search,Outcome,"
    "Outcome linked to object of search,Removal of more than just outer clothing"
)
MET = "Metropolitan Police Service"
CAMDEN = ("E01000001", "Camden 001A")
BARNET = ("E01000002", "Barnet 001A")
NOWHERE = ("", "")
#: Since 2013-05.
ALL_TYPES = (
    "Anti-social behaviour",
    "Bicycle theft",
    "Burglary",
    "Criminal damage and arson",
    "Drugs",
    "Other crime",
    "Other theft",
    "Possession of weapons",
    "Public order",
    "Robbery",
    "Shoplifting",
    "Theft from the person",
    "Vehicle crime",
    "Violence and sexual offences",
)
FIRST_TYPES = (
    "Anti-social behaviour",
    "Burglary",
    "Other crime",
    "Robbery",
    "Vehicle crime",
    "Violent crime",
)
SECOND_TYPES = (
    *FIRST_TYPES,
    "Criminal damage and arson",
    "Drugs",
    "Other theft",
    "Public disorder and weapons",
    "Shoplifting",
)


def identifier(number: int) -> str:
    """A Crime ID as published: 64 hexadecimal digits."""
    return f"{number:064x}"


def row(
    month: str,
    kind: str = "Burglary",
    place: tuple[str, str] = CAMDEN,
    *,
    crime_id: str = "",
    force: str = MET,
) -> str:
    """One line of a street file."""
    point = ("-0.1", "51.5", "On or near Fox Lane") if place[0] else ("", "", "No Location")
    return ",".join((crime_id, month, force, force, *point, *place, kind, "", ""))


def every_type(month: str, types: Sequence[str] = ALL_TYPES, place: tuple[str, str] = CAMDEN) -> list[str]:
    """One row of each crime type, so that a file counts as whole."""
    return [row(month, kind, place) for kind in types]


def write(
    root: Path,
    month: str,
    rows: Iterable[str],
    *,
    slug: str = "metropolitan",
    kind: str = "street",
    header: str = STREET,
) -> Path:
    """A file where the archive has it: YYYY-MM/YYYY-MM-force-kind.csv."""
    path = root / month / f"{month}-{slug}-{kind}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in (header, *rows)), encoding="utf-8", newline="\n")
    return path
