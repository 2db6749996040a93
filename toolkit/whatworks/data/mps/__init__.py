"""The Met's published crime tables as tidy counts.

Public names load when first used, so that importing the room costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from whatworks.data.mps.reader import read_mps

__all__ = ["read_mps"]

_HOME = {
    "read_mps": "reader",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"whatworks.data.mps.{_HOME[name]}"), name)
    raise AttributeError(f"module 'whatworks.data.mps' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
