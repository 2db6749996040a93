"""Table: rows of text with a caption and headers, ready for a page and for the record."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from whatworks.errors import RecordError, first_few
from whatworks.shown import words
from whatworks.shown.bundle import Part, Shown

EACH = (
    "area",
    "assumption",
    "check",
    "comparison",
    "constraint",
    "donor",
    "effect",
    "fact",
    "file",
    "finding",
    "outcome",
    "period",
    "size",
    "step",
    "variable",
    "way of answering",
)
"""What a row of a table may stand for, if the table is to be kept in a record; never one row of the data."""


LONGEST_CELL = 60
"""Letters of a cell; a longer one holds a sentence."""


@dataclass(frozen=True, slots=True, repr=False)
class Table(Shown):
    """A table to read: every cell is text, the first column names the row.

    Attributes:
        name: a short name, a word of letters, digits and underscores.
        caption: what the table shows.
        columns: headers.
        rows: one tuple of texts a row, as long as `columns`.
        numeric: for each column, whether it holds numbers (set to the right).
        note: a sentence under the table, or nothing.
        each: what one row stands for, a word of `EACH`; a table that does not say is shown in a notebook
            and kept in no record, since its rows could be rows of the data.
    """

    name: str
    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[bool, ...]
    note: str = ""
    each: str = ""

    def __post_init__(self) -> None:
        require_each(self.each, where=f"table {self.name!r}")
        widths = {len(self.columns), len(self.numeric), *(len(row) for row in self.rows)}
        if len(widths) != 1:
            raise RecordError(
                "rows, headers and kinds of column differ in number", where=f"table {self.name!r}"
            )

    @property
    def frame(self) -> pd.DataFrame:
        """The table as a data frame of texts."""
        return pd.DataFrame(list(self.rows), columns=list(self.columns), dtype="str")

    def to_dict(self) -> dict[str, Any]:
        """The table as JSON-ready values."""
        return {
            "kind": "table",
            "name": self.name,
            "caption": self.caption,
            "columns": list(self.columns),
            "rows": [list(row) for row in self.rows],
            "numeric": list(self.numeric),
            "note": self.note,
            "each": self.each,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Table:
        """The table that `to_dict` wrote; raises `RecordError` for anything else."""
        try:
            return cls(
                name=str(data["name"]),
                caption=str(data["caption"]),
                columns=tuple(str(item) for item in data["columns"]),
                rows=tuple(tuple(str(item) for item in row) for row in data["rows"]),
                numeric=tuple(bool(item) for item in data["numeric"]),
                note=str(data["note"]),
                each=str(data["each"]),
            )
        except (KeyError, TypeError) as problem:
            raise RecordError(
                f"not a stored table: {type(problem).__name__} {problem}", where="a table of the notebook"
            ) from problem

    @property
    def text(self) -> str:
        """What it shows, in a line."""
        return self.caption

    def html(self) -> str:
        """The table as HTML, everything escaped, in a region that scrolls by itself on a narrow screen."""
        if not self.rows:
            return f'<p class="ww-note">{html.escape(self.caption)}: none.</p>'
        kinds = ["num" if numeric else "txt" for numeric in self.numeric]
        note = f'<p class="ww-note">{html.escape(self.note)}</p>' if self.note else ""
        caption, cards = html.escape(self.caption), self._prose()
        # a cell shown as a block is no cell any more for a screen reader, unless its role says so
        names = self.columns if cards else ("",) * len(self.columns)
        table, group, line, column = (
            _role(cards, name) for name in ("table", "rowgroup", "row", "columnheader")
        )
        head = "".join(
            f'<th scope="col" class="{kind}"{column}>{html.escape(name)}</th>'
            for name, kind in zip(self.columns, kinds, strict=True)
        )
        body = "".join(_row(row, kinds, names) for row in self.rows)
        return (
            f'<div class="ww-scroll{" ww-cards" if cards else ""}" role="region" tabindex="0" '
            f'aria-label="{caption}"><table class="ww-table"{table}><caption>{caption}</caption>'
            f"<thead{group}><tr{line}>{head}</tr></thead><tbody{group}>{body}</tbody></table></div>{note}"
        )

    def _prose(self) -> bool:
        """Whether it has three columns or more and one of them holds sentences: cards on a narrow screen."""
        return len(self.columns) > 2 and any(len(text) > LONGEST_CELL for row in self.rows for text in row)

    def parts(self) -> tuple[Part, ...]:
        """Itself."""
        return (self,)


def require_each(each: str, *, where: str) -> None:
    """Raise `RecordError` for a word that does not say what a row stands for; nothing at all is allowed."""
    if each and each not in EACH:
        raise RecordError(
            f"a row cannot stand for {each!r}",
            where=where,
            remedy=f"It stands for one of {first_few(EACH, 30)}.",
        )


def from_frame(
    frame: pd.DataFrame, *, name: str, caption: str, missing: str = "no value", each: str = ""
) -> Table:
    """A table from a data frame, numbers rounded for reading; a gap reads as `missing`, never as NaN."""
    columns = tuple(words.capital(str(column).replace("_", " ")) for column in frame.columns)
    numeric = tuple(
        bool(pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_bool_dtype(dtype))
        for dtype in frame.dtypes
    )
    rows = tuple(
        tuple(words.cell(value, missing=missing) for value in row)
        for row in frame.itertuples(index=False, name=None)
    )
    return Table(name, caption, columns, rows, numeric, each=each)


def _row(row: tuple[str, ...], kinds: list[str], names: tuple[str, ...]) -> str:
    """One row; with `names` of columns, each cell carries its own, and the roles that a card takes away."""
    line, head, cell = (_role(any(names), name) for name in ("row", "rowheader", "cell"))
    first = f'<th scope="row" class="{kinds[0]}"{head}>{html.escape(row[0])}</th>'
    rest = "".join(
        f'<td class="{kind}"{cell}{_named(name)}>{html.escape(text)}</td>'
        for text, kind, name in zip(row[1:], kinds[1:], names[1:], strict=True)
    )
    return f"<tr{line}>{first}{rest}</tr>"


def _role(said: bool, name: str) -> str:
    return f' role="{name}"' if said else ""


def _named(column: str) -> str:
    return f' data-name="{html.escape(column)}"' if column else ""
