"""A columnar cache of counted files, keyed by their content; a damaged entry is found out and made again."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import io
import json
import os
import tempfile
from pathlib import Path
from typing import Any, Final

import numpy as np

from whatworks.data.police_uk.files import Kind, Member, stored_digest
from whatworks.data.police_uk.scan import Scan, scan
from whatworks.errors import SourceError

#: Part of every key: raise it whenever a reader would count the same bytes differently.
READER_VERSION: Final = 2
_ARRAYS: Final = ("cells", "counts")
_LONG: Final = ("places", "names")
_FIELDS: Final = tuple(
    field.name for field in dataclasses.fields(Scan) if field.name not in (*_ARRAYS, *_LONG)
)
_ENDING: Final = ".arrow"
_NAME_DIGITS: Final = 16
_KEY_DIGITS: Final = 48
_CHECK_DIGITS: Final = 24


class Cache:
    """A folder of Arrow files, one per data file that was read, safe for several processes at once.

    The key of an entry is the SHA-256 of the data file (of the archive, for a member of a zip) with its
    name in the source and the reader's version, so a changed file is never served from an old entry. The
    name of an entry carries a checksum of its own bytes: one that does not fit is removed and made again.
    The folder is created when first written to and may be deleted at any time. Raises `SourceError` when
    the folder cannot be used.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            names = sorted(os.listdir(self.folder))
        except OSError as problem:
            raise SourceError(
                f"the cache folder cannot be used ({problem.strerror})",
                where=self.folder.name,
                remedy="Name another folder, or read without a cache.",
            ) from problem
        parts = [name.removesuffix(_ENDING).split("-") for name in names if name.endswith(_ENDING)]
        self._entries: dict[str, dict[str, str]] = {}
        for name, key, check in (part for part in parts if len(part) == 3):
            self._entries.setdefault(name, {})[key] = check
        self._archives: dict[Path, str] = {}

    def scan(self, member: Member, kind: Kind) -> Scan:
        """The counts of one file: from its entry when there is a sound one, else read and entered."""
        name = _digest(str(READER_VERSION), kind, member.shown)[:_NAME_DIGITS]
        found = None
        if name in self._entries:
            found = self._load(name, self._content(member))
        if found is None:
            found = scan(member, kind)
            # of the bytes that were counted, not of what the file may have become since
            content = found.sha256 if member.inner is None else self._content(member)
            self._store(name, _key(content), found)
        return found

    def prepare(self, members: tuple[Member, ...]) -> None:
        """Hash each archive once, before members are read side by side."""
        for path in dict.fromkeys(member.path for member in members if member.inner is not None):
            self._archives[path] = stored_digest(path)

    def _content(self, member: Member) -> str:
        if member.inner is not None:
            return self._archives.get(member.path) or stored_digest(member.path)
        try:
            return stored_digest(member.path)
        except OSError as problem:
            raise SourceError(
                f"cannot be opened ({problem.strerror})",
                where=member.shown,
                remedy="Check the name and the right to read it.",
            ) from problem

    def _load(self, name: str, content: str) -> Scan | None:
        check = self._entries[name].get(_key(content))
        if check is None:
            return None
        path = self.folder / f"{name}-{_key(content)}-{check}{_ENDING}"
        try:
            raw = path.read_bytes()
            if _check(raw) != check:
                raise ValueError("checksum")
            return _unpack(raw)
        except (OSError, ValueError, KeyError, TypeError):
            # damaged or gone: the data file itself is there, so nothing is lost by reading it again
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
            return None

    def _store(self, name: str, key: str, found: Scan) -> None:
        raw = _pack(found)
        target = self.folder / f"{name}-{key}-{_check(raw)}{_ENDING}"
        part = ""
        try:
            handle, part = tempfile.mkstemp(dir=self.folder, prefix=".entry-", suffix=".part")
            with os.fdopen(handle, "wb") as file:
                file.write(raw)
            os.replace(part, target)
        except OSError:
            # a full disk or a read-only folder costs the next reading its speed, not this one its result
            if part:
                with contextlib.suppress(OSError):
                    os.unlink(part)
            return
        self._entries.setdefault(name, {})[key] = _check(raw)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode("utf-8")).hexdigest()


def _key(content: str) -> str:
    return content[:_KEY_DIGITS]


def _check(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()[:_CHECK_DIGITS]


def _pack(found: Scan) -> bytes:
    import pyarrow as pa

    facts = {name: getattr(found, name) for name in _FIELDS}
    # no label holds a line break, and splitting a text is much faster than reading a list
    lists = {name: "".join(f"{label}\n" for label in getattr(found, name)) for name in _LONG}
    narrow = np.int32 if found.cells.size and found.cells[-1] <= np.iinfo(np.int32).max else np.int64
    table = pa.table({"cells": found.cells.astype(narrow), "counts": found.counts})
    out = io.BytesIO()
    schema = table.schema.with_metadata({"facts": json.dumps(facts), **lists})
    with pa.ipc.new_stream(out, schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as stream:
        stream.write_table(table.replace_schema_metadata(schema.metadata))
    return out.getvalue()


def _unpack(raw: bytes) -> Scan:
    import pyarrow as pa

    with pa.ipc.open_stream(raw) as stream:
        table = stream.read_all()
    facts: dict[str, Any] = json.loads(table.schema.metadata[b"facts"])
    values = {name: _as_tuple(facts[name]) for name in _FIELDS}
    for name in _LONG:
        values[name] = tuple(table.schema.metadata[name.encode()].decode("utf-8").split("\n")[:-1])
    cells, counts = (table.column(name).to_numpy() for name in _ARRAYS)
    return Scan(**values, cells=cells.astype(np.int64), counts=counts.astype(np.int32))


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
