"""Hashes of files: of data byte for byte, of our own texts with line ends as LF."""

from __future__ import annotations

import hashlib
from pathlib import Path

_CHUNK = 1 << 20


def file_hash(path: Path) -> str:
    """SHA-256 of the bytes of a file, however large."""
    digest = hashlib.sha256()
    with path.open("rb") as handle:
        while chunk := handle.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def text_hash(path: Path) -> str:
    """SHA-256 of a text file with line ends as LF, so that a checkout on Windows is the same file."""
    return bytes_hash(path.read_bytes().replace(b"\r\n", b"\n"))


def bytes_hash(content: bytes) -> str:
    """SHA-256 of some bytes."""
    return hashlib.sha256(content).hexdigest()
