"""whatworks: did this work? From police files to published evidence.

Quasi-experimental evaluation of policing. Public names load when first used, so that
`import whatworks` costs little more than `import pandas`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from whatworks import (
        checks,
        data,
        did,
        errors,
        inference,
        present,
        publish,
        rct,
        shown,
        study,
        synth,
        verdict,
    )
    from whatworks.errors import WhatworksError
    from whatworks.panel import Panel
    from whatworks.results import CheckResult, Design, Estimate, NotAvailable, Result
    from whatworks.trial import Trial

__version__ = "0.1.0"

__all__ = [
    "CheckResult",
    "Design",
    "Estimate",
    "NotAvailable",
    "Panel",
    "Result",
    "Trial",
    "WhatworksError",
    "checks",
    "data",
    "did",
    "errors",
    "inference",
    "present",
    "publish",
    "rct",
    "shown",
    "study",
    "synth",
    "verdict",
]

_HOME = {
    "CheckResult": "results",
    "Design": "results",
    "Estimate": "results",
    "NotAvailable": "results",
    "Panel": "panel",
    "Result": "results",
    "Trial": "trial",
    "WhatworksError": "errors",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"whatworks.{_HOME[name]}"), name)
    if name in __all__:
        return importlib.import_module(f"whatworks.{name}")
    raise AttributeError(f"module 'whatworks' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
