"""Parquet files of labels and counts: every fault names the file, the row and the column."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from whatworks.data.strictcsv import TextTable, not_a_count
from whatworks.errors import SourceError


@dataclass(frozen=True, slots=True)
class ParquetTable(TextTable):
    """A Parquet file as pyarrow columns of any type; a place is a row, counted from 1."""

    def _at(self, row: int) -> str:
        return f"row {row + 1}"

    def texts(self, column: int) -> list[str]:
        """One column as stripped text; a missing value is the empty string."""
        return ["" if value is None else str(value).strip() for value in self.columns[column].to_pylist()]

    def whole_numbers(self, column: int, *, what: str) -> Any:
        """One column as an int64 array; raises `SourceError` at the first value that is not a count."""
        import numpy as np
        import pyarrow as pa

        cells = self.columns[column]
        number = pa.types.is_integer(cells.type) or pa.types.is_floating(cells.type)
        values = cells.to_numpy(zero_copy_only=False).astype(float) if number else np.full(len(cells), np.nan)
        # a missing value compares false on both sides
        wrong = ~((values >= 0) & (values == np.floor(values)))
        if wrong.any():
            row = int(np.argmax(wrong))
            raise SourceError(
                not_a_count(cells[row].as_py()),
                where=self.where(row, column),
                remedy=f"{what} are whole numbers from 0 up; this column is {cells.type}.",
            )
        return values.astype(np.int64)


def read(path: Path) -> ParquetTable:
    """Read a Parquet file whole. Raises `SourceError` for a missing, damaged or empty file."""
    import pyarrow as pa
    from pyarrow import parquet

    try:
        table = parquet.read_table(path.open("rb"))
    except OSError as problem:
        raise SourceError(
            f"cannot be read as Parquet ({problem})",
            where=path.name,
            remedy="Check the name and the folder; if it is there, fetch it again.",
        ) from problem
    except pa.ArrowInvalid as problem:
        raise SourceError(
            "is not a whole Parquet file",
            where=path.name,
            remedy="Fetch it again and compare its size with the publisher's: it may be cut short.",
        ) from problem
    if not table.num_rows:
        raise SourceError("the file has no rows", where=path.name, remedy="Fetch it again.")
    return ParquetTable(
        path.name, tuple(table.column_names), tuple(column.combine_chunks() for column in table.columns)
    )
