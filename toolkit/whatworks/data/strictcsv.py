"""Comma-separated files read as text, whole or not at all: every fault names the file and the line."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from whatworks.data.faults import (
    FETCH_AGAIN,
    WIDE_MARKS,
    refuse_cut_end,
    refuse_other_encoding,
    refuse_ragged,
)
from whatworks.errors import SourceError, first_few

_AS_UTF8 = "Save it again as “CSV UTF-8 (comma separated)”."
_WHOLE = r"^[ \t]*[0-9]{1,15}[ \t]*$"


@dataclass(frozen=True, slots=True)
class TextTable:
    """A CSV file as columns of text: its name, its header, one column (a pyarrow array) per header cell."""

    name: str
    header: tuple[str, ...]
    columns: tuple[Any, ...]

    @property
    def rows(self) -> int:
        """The number of data rows."""
        return len(self.columns[0]) if self.columns else 0

    def where(self, row: int, column: int | None = None) -> str:
        """File, line (1-based, the header is line 1) and column of a data row counted from 0."""
        place = f"{self.name}, {self._at(row)}"
        return place if column is None else f"{place}, column {self.header[column]!r}"

    def _at(self, row: int) -> str:
        return f"line {row + 2}"

    def texts(self, column: int) -> list[str]:
        """One column as stripped text; a blank cell is the empty string."""
        return [value.strip() for value in self.columns[column].to_pylist()]

    def whole_numbers(self, column: int, *, what: str) -> Any:
        """One column as an int64 array; raises `SourceError` at the first cell that is not a count."""
        import pyarrow as pa
        import pyarrow.compute as pc

        cells = self.columns[column]
        good = pc.match_substring_regex(cells, _WHOLE)
        if not pc.all(good, min_count=0).as_py():
            row = pc.index(good, False).as_py()
            raise SourceError(
                not_a_count(cells[row].as_py()),
                where=self.where(row, column),
                remedy=f"{what} are whole numbers from 0 up, written without separators.",
            )
        return pc.cast(pc.utf8_trim_whitespace(cells), pa.int64()).to_numpy(zero_copy_only=False)


def read(path: Path) -> TextTable:
    """Read a CSV file (UTF-8, with or without a byte-order mark, LF or CRLF) as text.

    Raises `SourceError` naming file and line for a missing or empty file, another encoding, a row with too
    few or too many cells, or a file that ends in the middle of a line.
    """
    import pyarrow as pa
    from pyarrow import csv as pacsv

    raw = read_bytes(path)
    header = _header(raw, path.name)
    broken: list[tuple[int, int]] = []

    def note(row: Any) -> str:
        broken.append((row.number, row.actual_columns))
        return "skip"

    try:
        table = pacsv.read_csv(
            pa.BufferReader(raw),
            read_options=pacsv.ReadOptions(
                use_threads=False, column_names=[str(i) for i in range(len(header))], skip_rows=1
            ),
            parse_options=pacsv.ParseOptions(invalid_row_handler=note, ignore_empty_lines=False),
            convert_options=pacsv.ConvertOptions(
                column_types={str(i): pa.string() for i in range(len(header))}, strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid as problem:
        if not broken and b"\n" in raw.rstrip(b"\r\n"):
            raise SourceError(str(problem), where=path.name, remedy=FETCH_AGAIN) from problem
        table = None
    refuse_ragged(broken, path.name, len(header))
    columns = [pa.array([], pa.string()) for _ in header]
    if table is not None:
        columns = [column.combine_chunks() for column in table.columns]
    found = TextTable(path.name, header, tuple(columns))
    _refuse_shifted_lines(found, raw)
    return found


def read_bytes(path: Path) -> bytes:
    """The bytes of a UTF-8 text file without its byte-order mark.

    Blank lines at the end are left off. Raises `SourceError` when the file is missing, empty, in another
    encoding, or ends in the middle of a line.
    """
    try:
        raw = path.read_bytes()
    except OSError as problem:
        raise SourceError(
            f"cannot be opened ({problem.strerror})", where=path.name, remedy="Check the name and the folder."
        ) from problem
    if not raw.strip():
        raise SourceError("the file is empty", where=path.name, remedy="Fetch it again.")
    if raw.startswith(WIDE_MARKS) or b"\x00" in raw[:4096]:
        raise SourceError("the text is UTF-16, expected UTF-8", where=f"{path.name}, line 1", remedy=_AS_UTF8)
    raw = raw.removeprefix(b"\xef\xbb\xbf")
    refuse_other_encoding(raw, path.name, remedy=_AS_UTF8)
    refuse_cut_end(raw, path.name)
    return raw.rstrip(b"\r\n") + b"\n"


def not_a_count(cell: object) -> str:
    """Say in words why a cell is not a count: blank, negative, fractional, or no number at all."""
    text = str(cell).strip() if cell is not None else ""
    if not text:
        return "a blank cell, expected a whole number"
    if re.fullmatch(r"-\d+(\.0*)?", text):
        return f"a negative count, {text}"
    if re.fullmatch(r"-?\d*\.\d+", text):
        return f"a fractional count, {text}"
    return f"{text!r} is not a whole number"


def refuse_repeated(header: tuple[str, ...], name: str) -> None:
    """Raise `SourceError` when a column name stands twice in a header."""
    twice = [cell for i, cell in enumerate(header) if cell in header[:i]]
    if twice:
        raise SourceError(
            f"repeated column {first_few(map(repr, dict.fromkeys(twice)))}",
            where=f"{name}, line 1",
            remedy="Each column may stand once; find out which copy is right.",
        )


def _refuse_shifted_lines(table: TextTable, raw: bytes) -> None:
    import pyarrow.compute as pc

    shifted = table.rows + 1 != raw.count(b"\n")
    for row in range(0 if shifted else max(table.rows - 1, 0), table.rows):
        if any("\n" in column[row].as_py() for column in table.columns):
            raise SourceError(
                "a line break inside a quoted cell, or a quotation mark that is never closed",
                where=table.where(row),
                remedy="Remove the line break or close the quotation mark.",
            )
    if len(table.columns) > 1:
        blank = pc.equal(table.columns[0], "")
        for column in table.columns[1:]:
            blank = pc.and_(blank, pc.equal(column, ""))
        if pc.any(blank, min_count=0).as_py():
            raise SourceError(
                "a blank line", where=table.where(pc.index(blank, True).as_py()), remedy="Remove the line."
            )


def _header(raw: bytes, name: str) -> tuple[str, ...]:
    first = raw.split(b"\n", 1)[0].decode("utf-8")
    rows: Iterator[list[str]] = csv.reader([first])
    header = tuple(cell.strip() for cell in next(rows, []))
    refuse_repeated(header, name)
    return header
