"""Cards, tables and notes read back from the values that a notebook stores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from whatworks.errors import RecordError
from whatworks.shown.card import Card
from whatworks.shown.note import Note
from whatworks.shown.table import Table

_KINDS: Mapping[str, type[Card] | type[Table] | type[Note]] = {"card": Card, "table": Table, "note": Note}


def read(data: Any) -> tuple[Card | Table | Note, ...]:
    """The parts of an output of type `SHOWN_MIME`; raises `RecordError` for anything else."""
    if not isinstance(data, Sequence) or isinstance(data, str):
        raise RecordError("not a list of parts", where="an output of the notebook")
    found: list[Card | Table | Note] = []
    for item in data:
        kind = item.get("kind") if isinstance(item, Mapping) else None
        if kind not in _KINDS:
            raise RecordError(f"no part of a page is of kind {kind!r}", where="an output of the notebook")
        found.append(_KINDS[str(kind)].from_dict(item))
    return tuple(found)
