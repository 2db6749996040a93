"""The files of data.police.uk as tidy counts: street-level crime, outcomes, stop and search.

Public names load when first used, so that importing the room costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from whatworks.data.police_uk.reader import read_outcomes, read_stops, read_street

__all__ = ["read_outcomes", "read_stops", "read_street"]

_HOME = {
    "read_outcomes": "reader",
    "read_stops": "reader",
    "read_street": "reader",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"whatworks.data.police_uk.{_HOME[name]}"), name)
    raise AttributeError(f"module 'whatworks.data.police_uk' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
