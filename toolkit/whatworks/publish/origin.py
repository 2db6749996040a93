"""Where the numbers come from: provenance as tables to read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from whatworks.shown import Table, words

_LONG = (
    ("parameters", "values", "Stored parameters"),
    ("template", "cells", "Fingerprints of the template's cells"),
    ("code", "rooms", "Fingerprints of the library's rooms"),
)
_SHA = {"sha256": "fingerprint (SHA-256)"}


def main_table(provenance: Mapping[str, Any]) -> Table:
    """Fingerprints, versions and seeds, without the long lists."""
    skipped = {(group, name) for group, name, _ in _LONG}
    rows = tuple(
        (_label(path), value) for path, value in _flat(provenance, ()) if tuple(path[:2]) not in skipped
    )
    return Table("provenance", "Fingerprints, versions and seeds", ("What", "Value"), rows, (False, False))


def long_tables(provenance: Mapping[str, Any]) -> list[Table]:
    """The long lists: stored parameters, and a fingerprint for each cell and each room of the library."""
    found = []
    for group, name, caption in _LONG:
        values = provenance.get(group, {})
        items = values.get(name, {}) if isinstance(values, Mapping) else {}
        if items:
            rows = tuple((str(key), _value(value)) for key, value in items.items())
            found.append(Table(f"provenance_{name}", caption, ("Name", "Value"), rows, (False, False)))
    return found


def _flat(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _flat(item, (*path, str(key)))
    elif isinstance(value, (list, tuple)) and any(isinstance(item, Mapping) for item in value):
        for i, item in enumerate(value, start=1):
            yield from _flat(item, (*path, str(i)))
    else:
        yield path, _value(value)


def _label(path: tuple[str, ...]) -> str:
    return words.capital(" › ".join(_SHA.get(part, part.replace("_", " ")) for part in path))


def _value(value: Any) -> str:
    if value is None:
        return "none"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
