"""Finding data.police.uk files: in folders, lists, gzip and zip archives, told apart by their names."""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import threading
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from whatworks.errors import SourceError, first_few

Kind = Literal["street", "outcomes", "stop-and-search"]
Source = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]
READERS: Final[dict[Kind, str]] = {
    "street": "read_street",
    "outcomes": "read_outcomes",
    "stop-and-search": "read_stops",
}
_NAME = re.compile(
    r"(?P<month>\d{4}-(?:0[1-9]|1[0-2]))-(?P<force>[a-z][a-z-]*?)-(?P<kind>street|outcomes|stop-and-search)"
    r"(?:-[\w-]+)?\.csv(?:\.gz)?",
    re.IGNORECASE,
)
_PIECE: Final = 1 << 19
_MEMORY = threading.local()
_GZIP: Final = b"\x1f\x8b"
_DATA = (".csv", ".csv.gz")
_AGAIN: Final = "The file is damaged or cut short: fetch it again and compare its size with the publisher's."


@dataclass(frozen=True, slots=True)
class Member:
    """One data file: on disk, or inside a zip archive (`inner`).

    `shown` is its path inside the source, without any folder of this machine. `kind`, `month` and `force`
    come from a name of the form YYYY-MM-force-street.csv and are None for any other name.
    """

    shown: str
    path: Path
    inner: str | None
    kind: Kind | None
    month: str | None
    force: str | None

    @property
    def name(self) -> str:
        """The file name without folders."""
        return self.shown.rsplit("/", 1)[-1]


def discover(source: Source, kind: Kind) -> tuple[tuple[Member, ...], tuple[str, ...]]:
    """The members of one kind under a source, in the order given and by path inside each, and notes.

    A folder or archive may hold other files, which the notes name; a file given by itself is always taken.
    Raises `SourceError` when nothing is found, or when what is found belongs to another reader.
    """
    given = [source] if isinstance(source, str | os.PathLike) else list(source)
    members: list[Member] = []
    aside: list[Member] = []
    for item in given:
        path = Path(item)
        if path.is_dir() or zipfile.is_zipfile(path):
            for member in _inside(path):
                (members if member.kind == kind else aside).append(member)
        elif path.is_file():
            members.append(_refuse_other_kind(_member(path.name, path, None), kind))
        else:
            raise SourceError(
                "no such file or folder",
                where=path.name,
                remedy="Check the name; relative paths start at the working folder.",
            )
    if not members:
        raise _nothing(given, aside, kind)
    return _told_apart(members), _notes(aside)


def load(member: Member) -> tuple[bytes | bytearray, str, str]:
    """A member's bytes, unpacked, the SHA-256 of the bytes as stored, and of the bytes unpacked.

    Inside an archive the stored bytes are those of the member itself. The bytes are only good until the next
    call in the same thread, which reads into the same memory. Raises `SourceError` for a damaged or
    truncated gzip or zip, or a file that cannot be opened.
    """
    try:
        raw: bytes | bytearray
        if member.inner is None:
            raw, stored = _read(member.path)
        else:
            with zipfile.ZipFile(member.path) as archive:
                raw = archive.read(member.inner)
            stored = hashlib.sha256(raw).hexdigest()
        if raw[:2] != _GZIP:
            return raw, stored, stored
        raw = gzip.decompress(raw)
        return raw, stored, hashlib.sha256(raw).hexdigest()
    except (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile) as problem:
        raise SourceError(
            f"cannot be unpacked ({problem}); expected a whole gzip or zip file",
            where=member.shown,
            remedy=_AGAIN,
        ) from problem
    except RuntimeError as problem:
        raise SourceError(
            "is encrypted", where=member.shown, remedy="Unpack the archive with its password first."
        ) from problem
    except OSError as problem:
        raise SourceError(
            f"cannot be opened ({problem.strerror})",
            where=member.shown,
            remedy="Check the name and the right to read it.",
        ) from problem


def stored_digest(path: Path) -> str:
    """The SHA-256 of a file's bytes, read in pieces that stay in the processor's cache."""
    digest = hashlib.sha256()
    piece = memoryview(bytearray(_PIECE))
    with path.open("rb", buffering=0) as handle:
        while count := handle.readinto(piece):
            digest.update(piece[:count])
    return digest.hexdigest()


def _read(path: Path) -> tuple[bytearray, str]:
    # fresh memory for every file costs as much as hashing it; pieces are hashed while still in the cache
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as handle:
        buffer = _sized(os.fstat(handle.fileno()).st_size)
        at = 0
        with memoryview(buffer) as view:
            while count := handle.readinto(view[at : at + _PIECE]):
                digest.update(view[at : at + count])
                at += count
            more = handle.read()
    if more or at < len(buffer):
        raise SourceError(
            "the file changed while it was being read", where=path.name, remedy="Read it again at rest."
        )
    return buffer, digest.hexdigest()


def _sized(size: int) -> bytearray:
    buffer: bytearray = getattr(_MEMORY, "buffer", None) or bytearray()
    try:
        if len(buffer) > size:
            del buffer[size:]
        else:
            buffer.extend(bytes(size - len(buffer)))
    except BufferError:
        # an error in flight still holds the last file's bytes
        buffer = bytearray(size)
    _MEMORY.buffer = buffer
    return buffer


def _inside(path: Path) -> Iterable[Member]:
    if not path.is_dir():
        yield from _archived(path, path.name)
        return
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__")))
        for name in sorted(names):
            file = Path(folder, name)
            shown = file.relative_to(path).as_posix()
            if name.startswith("."):
                continue
            if name.lower().endswith(".zip"):
                yield from _archived(file, shown)
            elif name.lower().endswith(_DATA):
                yield _member(shown, file, None)


def _archived(path: Path, shown: str) -> Iterable[Member]:
    try:
        with zipfile.ZipFile(path) as archive:
            names = sorted(info.filename for info in archive.infolist() if not info.is_dir())
    except (zipfile.BadZipFile, OSError) as problem:
        raise SourceError(f"cannot be unpacked ({problem})", where=shown, remedy=_AGAIN) from problem
    for name in names:
        hidden = any(part.startswith((".", "__MACOSX")) for part in name.split("/"))
        if name.lower().endswith(_DATA) and not hidden:
            yield _member(f"{shown}/{name}", path, name)


def _member(shown: str, path: Path, inner: str | None) -> Member:
    match = _NAME.fullmatch(shown.rsplit("/", 1)[-1])
    if match is None:
        return Member(shown, path, inner, None, None, None)
    kind: Kind = match["kind"].lower()  # type: ignore[assignment]
    return Member(shown, path, inner, kind, match["month"], match["force"].lower())


def _refuse_other_kind(member: Member, kind: Kind) -> Member:
    if member.kind is None or member.kind == kind:
        return member
    raise SourceError(
        f"the name says {member.kind}, expected {kind}",
        where=member.shown,
        remedy=f"Read it with {READERS[member.kind]}.",
    )


def _told_apart(members: list[Member]) -> tuple[Member, ...]:
    # two files given by themselves may have one name; a number tells them apart without naming a folder
    seen: dict[str, int] = {}
    result = []
    for member in members:
        seen[member.shown] = seen.get(member.shown, 0) + 1
        count = seen[member.shown]
        result.append(member if count == 1 else replace(member, shown=f"{member.shown} (copy {count})"))
    return tuple(result)


def _nothing(given: Sequence[object], aside: list[Member], kind: Kind) -> SourceError:
    where = first_few((Path(str(item)).name for item in given), 3) or "source"
    other: list[Kind] = sorted({member.kind for member in aside if member.kind is not None})
    if other:
        readers = " or ".join(READERS[item] for item in other)
        return SourceError(
            f"holds {' and '.join(other)} files, no {kind} file",
            where=where,
            remedy=f"Read it with {readers}.",
        )
    found = f"; found {first_few(member.shown for member in aside)}" if aside else ""
    return SourceError(
        f"no file named YYYY-MM-force-{kind}.csv or .csv.gz{found}",
        where=where,
        remedy="Give the folder or archive as data.police.uk delivers it, or the files one by one.",
    )


def _notes(aside: list[Member]) -> tuple[str, ...]:
    notes = []
    for kind in READERS:
        count = sum(member.kind == kind for member in aside)
        if count:
            notes.append(f"{count:,} {kind} files in the source were not read; {READERS[kind]} reads them.")
    unknown = [member.shown for member in aside if member.kind is None]
    if unknown:
        notes.append(
            f"{len(unknown):,} files were not read because their names do not have the form "
            f"YYYY-MM-force-street.csv: {first_few(unknown, 3)}."
        )
    return tuple(notes)
