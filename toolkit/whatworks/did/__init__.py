"""Difference-in-differences, one method a file."""

from __future__ import annotations

from whatworks.did.aggregate import aggregate
from whatworks.did.att_gt import att_gt
from whatworks.did.block import block
from whatworks.did.event_study import average, event_study

__all__ = ["aggregate", "att_gt", "average", "block", "event_study"]
