"""Studies: read, conclude (inside a notebook), open, run, verify (around it)."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from whatworks.study.closing import about, conclude
    from whatworks.study.folder import Study, new_study, open_study
    from whatworks.study.following import Followed, follows, where_possible
    from whatworks.study.panels import chain, on_rates, panel, rates, secondary
    from whatworks.study.places import Workspace
    from whatworks.study.running import run
    from whatworks.study.source import Source, read
    from whatworks.study.staggered_choice import by_event_time, from_one_base, staggered
    from whatworks.study.synthetic_choice import answers, synthetic
    from whatworks.study.trials import Drawn, asked, drawn, enrolment, further, trial
    from whatworks.study.verifying import Verification, verify

__all__ = [
    "Drawn",
    "Followed",
    "Source",
    "Study",
    "Verification",
    "Workspace",
    "about",
    "answers",
    "asked",
    "by_event_time",
    "chain",
    "conclude",
    "drawn",
    "enrolment",
    "follows",
    "from_one_base",
    "further",
    "new_study",
    "on_rates",
    "open_study",
    "panel",
    "rates",
    "read",
    "run",
    "secondary",
    "staggered",
    "synthetic",
    "trial",
    "verify",
    "where_possible",
]

# loaded when first used: a notebook needs the readers, not the engine that runs it
_HOME = {
    "Drawn": "trials",
    "Followed": "following",
    "Source": "source",
    "Study": "folder",
    "Verification": "verifying",
    "Workspace": "places",
    "about": "closing",
    "answers": "synthetic_choice",
    "asked": "trials",
    "by_event_time": "staggered_choice",
    "chain": "panels",
    "conclude": "closing",
    "drawn": "trials",
    "enrolment": "trials",
    "follows": "following",
    "from_one_base": "staggered_choice",
    "further": "trials",
    "new_study": "folder",
    "on_rates": "panels",
    "open_study": "folder",
    "panel": "panels",
    "rates": "panels",
    "read": "source",
    "run": "running",
    "secondary": "panels",
    "staggered": "staggered_choice",
    "synthetic": "synthetic_choice",
    "trial": "trials",
    "verify": "verifying",
    "where_possible": "following",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"whatworks.study.{_HOME[name]}"), name)
    raise AttributeError(f"module 'whatworks.study' has no attribute {name!r}")
