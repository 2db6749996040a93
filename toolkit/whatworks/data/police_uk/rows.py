"""data.police.uk CSV bytes into columns of codes: whole or not at all, every fault with its line."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from whatworks.data.faults import (
    FETCH_AGAIN,
    WIDE_MARKS,
    refuse_cut_end,
    refuse_other_encoding,
    refuse_ragged,
)
from whatworks.data.police_uk.files import READERS, Kind
from whatworks.errors import SourceError, did_you_mean, first_few

_PLACE: Final = (
    "Crime ID",
    "Month",
    "Reported by",
    "Falls within",
    "Longitude",
    "Latitude",
    "Location",
    "LSOA code",
    "LSOA name",
)
#: The columns of each kind of file as published.
PUBLISHED: Final[Mapping[Kind, tuple[str, ...]]] = {
    "street": (*_PLACE, "Crime type", "Last outcome category", "Context"),
    "outcomes": (*_PLACE, "Outcome type"),
    "stop-and-search": (
        *("Type", "Date", "Part of a policing operation", "Policing operation", "Latitude", "Longitude"),
        *("Gender", "Age range", "Self-defined ethnicity", "Officer-defined ethnicity", "Legislation"),
        *("Object of search", "Outcome", "Outcome linked to object of search"),
        "Removal of more than just outer clothing",
    ),
}
#: The columns a reader cannot do without.
NEEDED: Final[Mapping[Kind, tuple[str, ...]]] = {
    "street": ("Crime ID", "Month", "Reported by", "LSOA code", "LSOA name", "Crime type"),
    "outcomes": ("Crime ID", "Month", "Reported by", "Outcome type"),
    "stop-and-search": ("Date", "Outcome"),
}
_MARK: Final[Mapping[Kind, tuple[str, ...]]] = {
    "street": ("Crime type",),
    "outcomes": ("Outcome type",),
    "stop-and-search": ("Date", "Object of search"),
}
_AS_UTF8: Final = "Save it again as “CSV UTF-8 (comma separated)”, or fetch the publisher's own copy."
_PIECE: Final = 1 << 18
_ASCII: Final = 0x7F
_QUOTE: Final = ord('"')


@dataclass(frozen=True, slots=True)
class Coded:
    """A text column as codes into its distinct labels (in order of first appearance)."""

    codes: npt.NDArray[np.int32]
    labels: tuple[str, ...]

    def first(self, code: int) -> int:
        """The first row that holds a code."""
        return int(np.argmax(self.codes == code))


@dataclass(frozen=True, slots=True)
class Columns:
    """The needed columns of one file: `coded` by name, `ids` as chunked arrow bytes, rows, notes."""

    shown: str
    coded: Mapping[str, Coded]
    ids: Any
    rows: int
    notes: tuple[str, ...]  # each ends in the place in brackets, so that equal ones can be joined

    def where(self, row: int) -> str:
        """File and line (the header is line 1) of a data row counted from 0."""
        return f"{self.shown}, line {row + 2}"


def read_columns(raw: bytes | bytearray, shown: str, kind: Kind) -> Columns:
    """Read the columns that counting needs from the bytes of one file.

    A leading index column without a name is accepted, as are files without the columns that counting does not
    need. Raises `SourceError` for another encoding, a layout that is not data.police.uk's, a line with too
    few or too many cells, a blank line in the middle, or a file that ends in the middle of a line.
    """
    body, quoted = _checked_bytes(raw, shown)
    header, notes = _header(body, shown, kind)
    wanted = [header.index(name) for name in NEEDED[kind]]
    table = _parse(body, shown, header, wanted, quoted)
    coded: dict[str, Coded] = {}
    ids = None
    for name, at in zip(NEEDED[kind], wanted, strict=True):
        column = table.column(str(at))
        if name == "Crime ID":
            ids = column
        else:
            coded[name] = _coded(column)
    return Columns(shown, coded, ids, table.num_rows, notes)


def _coded(column: Any) -> Coded:
    unified = column.unify_dictionaries()
    chunks = [chunk.indices.to_numpy(zero_copy_only=False) for chunk in unified.chunks]
    if not chunks:
        return Coded(np.zeros(0, dtype=np.int32), ())
    codes = np.concatenate(chunks).astype(np.int32, copy=False)
    return Coded(codes, tuple(unified.chunk(0).dictionary.to_pylist()))


def _parse(
    body: bytes | bytearray, shown: str, header: Sequence[str], wanted: Sequence[int], quoted: bool
) -> Any:
    import pyarrow as pa
    from pyarrow import csv as pacsv

    broken: list[tuple[int, int]] = []

    def note(row: Any) -> str:
        broken.append((row.number, row.actual_columns))
        return "skip"

    text = pa.dictionary(pa.int32(), pa.string())
    types = {str(at): pa.binary() if header[at] == "Crime ID" else text for at in wanted}
    try:
        table = pacsv.read_csv(
            pa.BufferReader(pa.py_buffer(body)),
            read_options=pacsv.ReadOptions(
                use_threads=False, column_names=[str(i) for i in range(len(header))], skip_rows=1
            ),
            parse_options=pacsv.ParseOptions(
                # without a quotation mark in the file, the parser need not look for one in every cell
                quote_char='"' if quoted else False,
                double_quote=quoted,
                ignore_empty_lines=False,
                invalid_row_handler=note,
            ),
            convert_options=pacsv.ConvertOptions(
                include_columns=list(types),
                column_types=types,
                # no text is a missing value, and the bytes are known to be UTF-8 by now
                strings_can_be_null=False,
                null_values=[],
                check_utf8=False,
            ),
        )
    except pa.ArrowInvalid as problem:
        # a header without rows is a month with nothing recorded; arrow calls it an empty file
        if not broken and body.count(b"\n") > 1:
            raise SourceError(str(problem), where=shown, remedy=FETCH_AGAIN) from problem
        table = pa.table({name: pa.array([], kind) for name, kind in types.items()})
    refuse_ragged(broken, shown, len(header))
    if quoted and table.num_rows + 1 != body.count(b"\n"):
        raise SourceError(
            "a line break inside a quoted cell, or a quotation mark that is never closed",
            where=shown,
            remedy="Find the quotation mark and close it, or fetch the publisher's own copy.",
        )
    return table


def _checked_bytes(raw: bytes | bytearray, shown: str) -> tuple[bytes | bytearray, bool]:
    """The bytes ready to be parsed, and whether a quotation mark is among them."""
    if not raw or raw.isspace():
        raise SourceError("the file is empty", where=shown, remedy="Fetch it again.")
    zero, beyond_ascii, quoted = _survey(raw)
    if raw.startswith(WIDE_MARKS) or zero:
        at = max(raw.find(b"\x00"), 0)
        wide = raw.startswith(WIDE_MARKS) or b"\x00" in raw[:64]
        found = "the text is UTF-16" if wide else "a zero byte"
        line = 1 if wide else raw.count(b"\n", 0, at) + 1
        raise SourceError(f"{found}, expected UTF-8", where=f"{shown}, line {line}", remedy=_AS_UTF8)
    if beyond_ascii:
        raw = raw.removeprefix(b"\xef\xbb\xbf")
        refuse_other_encoding(raw, shown, remedy=_AS_UTF8)
    refuse_cut_end(raw, shown)
    return (raw.rstrip(b"\r\n") + b"\n" if raw.endswith((b"\n\n", b"\n\r\n")) else raw), quoted


def _survey(raw: bytes | bytearray) -> tuple[bool, bool, bool]:
    """Whether there is a zero byte, a byte beyond ASCII, a quotation mark."""
    whole = np.frombuffer(raw, dtype=np.uint8)
    zero = beyond = quoted = False
    for start in range(0, len(whole), _PIECE):
        # three questions to a piece that stays in the processor's cache cost one pass over memory
        piece = whole[start : start + _PIECE]
        zero = zero or not piece.min()
        beyond = beyond or bool(piece.max() > _ASCII)
        quoted = quoted or bool((piece == _QUOTE).any())
    return zero, beyond, quoted


def _header(body: bytes | bytearray, shown: str, kind: Kind) -> tuple[tuple[str, ...], tuple[str, ...]]:
    line = body[: body.index(b"\n")].decode("utf-8")
    header = tuple(cell.strip() for cell in next(csv.reader([line]), []))
    where = f"{shown}, line 1"
    _refuse_other_kind(header, where, kind)
    notes = []
    named = header
    if header and (not header[0] or header[0].startswith("Unnamed:")):
        named = header[1:]
        notes.append(f"a leading column without a name, a row number from re-saving, was ignored ({shown})")
    unknown = [name for name in named if name not in PUBLISHED[kind]]
    absent = [name for name in NEEDED[kind] if name not in named]
    twice = [name for at, name in enumerate(named) if name in named[:at]]
    if unknown or absent or twice:
        _refuse_layout(unknown, absent, twice, header, where, kind)
    left = [name for name in PUBLISHED[kind] if name not in named]
    if left:
        notes.append(f"re-saved without {', '.join(left)}, which counting does not need ({shown})")
    return header, tuple(notes)


def _refuse_other_kind(header: tuple[str, ...], where: str, kind: Kind) -> None:
    for other, marks in _MARK.items():
        if other != kind and all(mark in header for mark in marks) and not set(_MARK[kind]) <= set(header):
            raise SourceError(
                f"these are the columns of a {other} file, expected a {kind} file",
                where=where,
                remedy=f"Read it with {READERS[other]}.",
            )


def _refuse_layout(
    unknown: list[str],
    absent: list[str],
    twice: list[str],
    header: tuple[str, ...],
    where: str,
    kind: Kind,
) -> None:
    faults = []
    if absent:
        faults.append(f"no column {first_few(map(repr, absent), 12)}")
    if unknown:
        faults.append(f"unknown column {first_few(map(repr, unknown))}")
    if twice:
        faults.append(f"repeated column {first_few(map(repr, twice))}")
    hint = did_you_mean(unknown[0], PUBLISHED[kind]) if unknown else ""
    if {"Easting", "Northing"} & set(header):
        hint = "This is the layout from before 2013; today's archive has every month in the present one. "
    raise SourceError(
        f"{', '.join(faults)}; found {', '.join(header)}; expected {', '.join(PUBLISHED[kind])}",
        where=where,
        remedy=f"{hint}Fetch the file from the data.police.uk archive.",
    )
