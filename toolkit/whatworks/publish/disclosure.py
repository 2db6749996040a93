"""What a notebook shows beside our own figures and tables: refused where it could be rows of the data."""

from __future__ import annotations

from html.parser import HTMLParser

from whatworks.errors import PublishError

MOST_LINES = 3
"""Lines of plain output that a page shows without a decision: a sentence, not a listing."""

_REMEDY = (
    "Show a table of whatworks.present, or an aggregate; or record a disclosure decision "
    "(who decided that these rows may be public, and why)."
)


def refuse_rows(html_text: str, *, where: str, decision: str) -> None:
    """Raise `PublishError` for a table in a cell's HTML that is no card, unless a decision stands.

    A card of facts has one named row header and at most one value in every row. Tables of
    `whatworks.present` travel in their own format and never come this way.
    """
    if decision:
        return
    tables = _Tables()
    tables.feed(html_text)
    if tables.rows_of_data:
        raise PublishError("the cell shows a table that may be rows of the data", where=where, remedy=_REMEDY)


def refuse_listing(text: str, *, where: str, decision: str) -> None:
    """Raise `PublishError` for plain output that is longer than a sentence unless a decision stands."""
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) > MOST_LINES and not decision:
        raise PublishError(
            f"the cell prints {len(lines)} lines, which may be rows of the data", where=where, remedy=_REMEDY
        )


class _Tables(HTMLParser):
    """Finds tables that are not cards."""

    def __init__(self) -> None:
        super().__init__()
        self.rows_of_data = False
        self._depth = 0
        self._head = False
        self._names = 0
        self._values = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self._depth += 1
        elif tag == "thead":
            self._head = True
        elif tag == "tr":
            self._names = self._values = 0
        elif tag == "th" and dict(attrs).get("scope") == "row":
            self._names += 1
        elif tag == "td":
            self._values += 1

    def handle_endtag(self, tag: str) -> None:
        if tag == "table":
            self._depth -= 1
        elif tag == "thead":
            self._head = False
        elif tag == "tr" and self._depth and not self._head:
            self.rows_of_data = self.rows_of_data or self._names != 1 or self._values > 1
