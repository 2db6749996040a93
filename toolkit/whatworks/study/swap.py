"""A record changes whole or not at all: one run at a time, written beside, renamed in, mended if killed."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from whatworks.errors import RunError

RECORD = "record"
LOCK = ".whatworks-lock"
TEMPORARY = ".whatworks-run-"
_NEW, _OLD = "record", "old"


@contextmanager
def locked(folder: Path, *, name: str) -> Iterator[None]:
    """Hold the study for one run; raises `RunError` when another run holds it.

    The lock is the operating system's and ends with the process that holds it, killed or not.
    """
    handle = _open_lock(folder / LOCK, name)
    try:
        yield
    finally:
        # removing the name while still holding the lock: whoever waits on the old file looks again
        with contextlib.suppress(OSError):
            (folder / LOCK).unlink()
        os.close(handle)


def replace_whole(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Make `files` (relative name to bytes) the record of a study; call it only while `locked`.

    At any moment the study holds the old record or the new one, or `recover` can bring one back.
    Raises `OSError` with the old record untouched and nothing left behind.
    """
    temporary = folder / f"{TEMPORARY}{os.getpid()}"
    record = folder / RECORD
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        for name, content in sorted(files.items()):
            _write(temporary / _NEW / name, content)
        if record.exists():
            record.rename(temporary / _OLD)
        try:
            (temporary / _NEW).rename(record)
        except OSError:
            if (temporary / _OLD).exists():
                (temporary / _OLD).rename(record)
            raise
        _sync_folder(folder)
    finally:
        if record.exists() or not (temporary / _OLD).exists():
            shutil.rmtree(temporary, ignore_errors=True)
    return record


def recover(folder: Path) -> None:
    """Mend what a killed run left: a record back if the kill fell between two renames, the rest cleared."""
    leftovers = sorted(folder.glob(f"{TEMPORARY}*"))
    for leftover in leftovers:
        # the old record is moved away only once the new one is complete, so the new one is whole here
        for part in (_NEW, _OLD):
            if not (folder / RECORD).exists() and (leftover / _OLD).exists() and (leftover / part).exists():
                (leftover / part).rename(folder / RECORD)
    for leftover in leftovers:
        shutil.rmtree(leftover, ignore_errors=True)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError:
        return
    finally:
        os.close(handle)


def _open_lock(path: Path, name: str) -> int:
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        if not _take(handle):
            os.close(handle)
            raise RunError(
                "another run of this study is under way",
                where=name,
                remedy="Wait for it to end. Its record and the old one are both safe.",
            )
        try:
            current = os.stat(path).st_ino
        except FileNotFoundError:
            current = -1
        if os.name != "posix" or current == os.fstat(handle).st_ino:
            return handle
        os.close(handle)


def _take(handle: int) -> bool:
    try:
        if os.name == "posix":
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
    except OSError:
        return False
    return True
