"""Parts of pages that are made from the library when the documentation is built, so that they cannot go stale."""

from __future__ import annotations

from typing import Any

from whatworks.data import breaks

MARK = "[[register of breaks]]"


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put the register of breaks where a page asks for it."""
    return markdown.replace(MARK, _register()) if MARK in markdown else markdown


def _register() -> str:
    rows = ["| months | kind | whose | offences | what | read in |", "|---|---|---|---|---|---|"]
    for item in breaks.register():
        cells = (item.span, item.kind, item.whose, item.affects, item.what, item.source)
        rows.append("| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |")
    return "\n".join(rows)
