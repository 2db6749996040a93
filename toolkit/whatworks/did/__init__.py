"""Difference-in-differences, one method a file."""

from __future__ import annotations

from whatworks.did.block import block
from whatworks.did.event_study import average, event_study

__all__ = ["average", "block", "event_study"]
