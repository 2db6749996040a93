"""Text in lines that fit the terminal: paragraphs, and lists of names with what they are."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterable

import typer

_WIDEST = 110
_GAP = 2
_COLUMN = 26
Row = tuple[str, str]


def width() -> int:
    """How many characters a line may take: those of the terminal, up to what reads well."""
    return min(max(shutil.get_terminal_size().columns, 40), _WIDEST)


def section(title: str, rows: Iterable[Row]) -> list[str]:
    """Lines of a titled list: a name and what it is; nothing where there is nothing to list."""
    told = list(rows)
    if not told:
        return []
    wide = min(max(len(name) for name, _ in told), _COLUMN) + 2 + _GAP
    lines = [heading(title)]
    for name, text in told:
        head = f"  {name}".ljust(wide)
        if len(head) > wide:
            lines.append(head)
            head = " " * wide
        lines += wrapped(text, first=head, then=" " * wide)
    return [*lines, ""]


def heading(title: str) -> str:
    """A title, bold on a terminal."""
    return typer.style(title, bold=True)


def wrapped(text: str, *, first: str = "", then: str = "") -> list[str]:
    """Text in lines that fit the terminal."""
    lines = textwrap.wrap(
        text,
        width(),
        initial_indent=first,
        subsequent_indent=then,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return lines or [first.rstrip()]
