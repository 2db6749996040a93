"""A plain table from CSV or Parquet, every column as text: nothing is guessed, nothing silently lost."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pandas as pd

from whatworks.data import strictcsv, strictparquet
from whatworks.errors import SourceError


def read_table(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read a CSV (UTF-8, commas) or Parquet file as text, so that `007` stays `007`.

    Returns one text column per column of the file, in its order; an empty cell is missing (NA), while the
    words `NA` and `nan` stay words. Numbers in Parquet come back at full precision.
    Raises `SourceError` naming file, line and what was expected: another ending or encoding, an empty file,
    a row with too few or too many cells, a column named twice, a table without rows, a file separated by
    semicolons or tabs.
    """
    source = Path(path)
    if source.suffix.lower() == ".csv":
        return _from_csv(source)
    if source.suffix.lower() in (".parquet", ".pq"):
        return _from_parquet(source)
    raise SourceError(
        f"cannot tell a format from the ending {source.suffix!r}",
        where=source.name,
        remedy="Give a .csv (UTF-8, commas) or a .parquet file.",
    )


def _from_csv(path: Path) -> pd.DataFrame:
    table = strictcsv.read(path)
    if len(table.header) == 1 and any(mark in table.header[0] for mark in (";", "\t")):
        raise SourceError(
            "the header has one column and semicolons or tabs in it",
            where=f"{path.name}, line 1",
            remedy="Save the file with commas between the columns.",
        )
    if not table.rows:
        raise SourceError("a header and no rows", where=path.name, remedy="Check the file and its filters.")
    return _frame(table.header, table.columns)


def _from_parquet(path: Path) -> pd.DataFrame:
    table = strictparquet.read(path)
    strictcsv.refuse_repeated(table.header, path.name)
    return _frame(table.header, tuple(_as_text(column) for column in table.columns))


def _frame(header: tuple[str, ...], columns: tuple[Any, ...]) -> pd.DataFrame:
    import pyarrow as pa
    import pyarrow.compute as pc

    frame = pd.DataFrame(index=pd.RangeIndex(len(columns[0])))
    for name, column in zip(header, columns, strict=True):
        blank = pc.equal(column, "")
        values = pc.if_else(blank, pa.scalar(None, column.type), column)
        frame[name] = pd.array(values, dtype="str")
    return frame


def _as_text(column: Any) -> Any:
    import pyarrow as pa

    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return column.cast(pa.large_string())
    if pa.types.is_dictionary(kind):
        return _as_text(column.dictionary_decode())
    # repr keeps every digit of a float; dates and times give their ISO form
    texts = [None if value is None or value != value else _word(value) for value in column.to_pylist()]
    return pa.array(texts, pa.large_string())


def _word(value: Any) -> str:
    return str(value.isoformat()) if hasattr(value, "isoformat") else str(value)
