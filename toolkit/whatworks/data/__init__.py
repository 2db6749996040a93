"""Real police files in: readers, places, exposure, known breaks, synthetic London.

Public names load when first used, so that importing the room costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from whatworks.data import breaks, exposure, geography, police_uk, synthetic
    from whatworks.data.breaks import Break, crossing, register
    from whatworks.data.exposure import join_population, join_start
    from whatworks.data.geography import borough_code, read_lsoa_lookup, revintage
    from whatworks.data.intake import IntakeReport
    from whatworks.data.mps.reader import read_mps
    from whatworks.data.police_uk.reader import read_outcomes, read_stops, read_street
    from whatworks.data.recording import Recording
    from whatworks.data.tables import read_table
    from whatworks.data.tidy import Tidy

__all__ = [
    "Break",
    "IntakeReport",
    "Recording",
    "Tidy",
    "borough_code",
    "breaks",
    "crossing",
    "exposure",
    "geography",
    "join_population",
    "join_start",
    "police_uk",
    "read_lsoa_lookup",
    "read_mps",
    "read_outcomes",
    "read_stops",
    "read_street",
    "read_table",
    "register",
    "revintage",
    "synthetic",
]

_HOME = {
    "Break": "breaks",
    "IntakeReport": "intake",
    "Recording": "recording",
    "Tidy": "tidy",
    "borough_code": "geography",
    "crossing": "breaks",
    "join_population": "exposure",
    "join_start": "exposure",
    "read_lsoa_lookup": "geography",
    "read_mps": "mps.reader",
    "read_outcomes": "police_uk.reader",
    "read_stops": "police_uk.reader",
    "read_street": "police_uk.reader",
    "read_table": "tables",
    "register": "breaks",
    "revintage": "geography",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"whatworks.data.{_HOME[name]}"), name)
    if name in __all__:
        return importlib.import_module(f"whatworks.data.{name}")
    raise AttributeError(f"module 'whatworks.data' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
