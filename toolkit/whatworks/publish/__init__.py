"""Report and site: self-contained, accessible pages, and the refusal of what is not fit to go out."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from whatworks.publish import checklist, report, site
    from whatworks.publish.site import StudyPages
    from whatworks.publish.words import StudyWords

__all__ = ["StudyPages", "StudyWords", "checklist", "report", "site"]

_HOME = {"StudyPages": "site", "StudyWords": "words"}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"whatworks.publish.{_HOME[name]}"), name)
    if name in __all__:
        return importlib.import_module(f"whatworks.publish.{name}")
    raise AttributeError(f"module 'whatworks.publish' has no attribute {name!r}")
