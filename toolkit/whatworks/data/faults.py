"""Faults that every reader of text files meets, found and told in one way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from whatworks.errors import SourceError

WIDE_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")
"""The byte-order marks of UTF-16."""

FETCH_AGAIN: Final = "The file may be cut short: fetch it again and compare its size with the publisher's."


def refuse_other_encoding(raw: bytes | bytearray, shown: str, *, remedy: str) -> None:
    """Raise `SourceError` with the line of the first byte that is not UTF-8."""
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as problem:
        line = raw.count(b"\n", 0, problem.start) + 1
        raise SourceError(
            f"byte 0x{raw[problem.start]:02x} is not UTF-8, which was expected; "
            "the file looks saved as Windows-1252",
            where=f"{shown}, line {line}",
            remedy=remedy,
        ) from problem


def refuse_cut_end(raw: bytes | bytearray, shown: str) -> None:
    """Raise `SourceError` when the last line has no line end: its last cell may be half a number."""
    if not raw.endswith(b"\n"):
        line = raw.count(b"\n") + 1
        raise SourceError(
            "the last line has no line end, so the file may be cut short",
            where=f"{shown}, line {line}",
            remedy=f"{FETCH_AGAIN} If it is whole, add a line end.",
        )


def refuse_ragged(lines: Sequence[tuple[int, int]], shown: str, width: int) -> None:
    """Raise `SourceError` for lines (number, cells) that have other than `width` cells; none pass."""
    if lines:
        number, cells = lines[0]
        raise SourceError(
            f"{cells} cells where the header has {width}; {len(lines):,} such lines in all",
            where=f"{shown}, line {number}",
            remedy=FETCH_AGAIN,
        )
