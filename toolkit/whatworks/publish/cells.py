"""The cells of a recorded notebook as the parts of a page: figures, and the method in order."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from whatworks.errors import PublishError
from whatworks.present import FIGURE_MIME, Figure
from whatworks.publish.prose import Prose
from whatworks.shown import SHOWN_MIME, Card, Note, Table
from whatworks.shown import read as read_parts

RESULT_MIME = "application/vnd.whatworks.result+json"
_LONGEST = 52
"""Letters of a line of code that fit the width of the page."""
_NAMED = {"parameters": "Parameters of the template", "injected-parameters": "Parameters of this study"}


@dataclass(frozen=True, slots=True)
class Method:
    """The method section of a report: its figures in order, and its cells as HTML."""

    figures: tuple[Figure, ...]
    blocks: tuple[str, ...]


def read(
    notebook: Mapping[str, Any],
    *,
    where: str,
    above: Mapping[Table, str] | None = None,
    level: int = 2,
) -> Method:
    """Everything a page takes from a notebook.

    Args:
        notebook: the recorded notebook as plain JSON values or as nbformat gives it.
        where: the study's name, for messages.
        above: tables that stand elsewhere on the page, with the id of their section; they are not repeated.
        level: level of the heading that the method stands under.

    Raises `PublishError` for a failed cell, and for any output that no presenter of ours made.
    """
    prose = Prose(level, where)
    figures: list[Figure] = []
    tables: dict[Table, str] = dict(above or {})
    blocks: list[str] = []
    for number, cell in enumerate(notebook.get("cells", []), start=1):
        spot = f"{where}, cell {number}"
        source = _joined(cell.get("source", ""))
        if cell.get("cell_type") == "markdown":
            blocks.append(f'<div class="prose">{prose.html(source)}</div>')
        elif cell.get("cell_type") == "code" and source.strip():
            blocks.append(_code(cell, source))
            for output in cell.get("outputs", []):
                blocks += _output(output, spot, figures, tables)
    return Method(tuple(figures), tuple(blocks))


def _code(cell: Mapping[str, Any], source: str) -> str:
    tags = cell.get("metadata", {}).get("tags", [])
    first = next((line for line in source.splitlines() if line.strip()), "")
    named = [title for tag, title in _NAMED.items() if tag in tags]
    shown = first if len(first) <= _LONGEST else f"{first[: _LONGEST - 1]}\u2026"
    title = html.escape(named[0]) if named else f"Code: <code>{html.escape(shown)}</code>"
    return (
        f'<details class="code"><summary>{title}</summary>'
        f'<pre tabindex="0"><code>{html.escape(source)}</code></pre></details>'
    )


def _output(
    output: Mapping[str, Any], spot: str, figures: list[Figure], tables: dict[Table, str]
) -> Iterator[str]:
    if output.get("output_type") == "error":
        raise PublishError(
            f"the cell failed: {output.get('ename')}: {output.get('evalue')}",
            where=spot,
            remedy="Mend the study and run it again; a report with a failed cell is not published.",
        )
    data = output.get("data", {})
    if FIGURE_MIME in data:
        yield _figure(Figure.from_dict(data[FIGURE_MIME]), figures)
    elif SHOWN_MIME in data:
        yield from (_part(part, tables) for part in read_parts(data[SHOWN_MIME]))
    elif RESULT_MIME in data:
        yield '<p class="shown">The result of the study, given at the top of this page.</p>'
    else:
        raise PublishError(
            "the cell shows something that no presenter of whatworks made",
            where=spot,
            remedy="Run the study again: a record keeps only what whatworks itself shows.",
        )


def _figure(figure: Figure, figures: list[Figure]) -> str:
    known = [shown.svg for shown in figures]
    if figure.svg not in known:
        figures.append(figure)
        known.append(figure.svg)
    number = known.index(figure.svg) + 1
    return f'<p class="shown">Shown above: <a href="#figure-{number}">Figure {number}</a>.</p>'


def _part(part: Card | Table | Note, tables: dict[Table, str]) -> str:
    if not isinstance(part, Table):
        return f'<div class="prose">{part.html()}</div>'
    caption = html.escape(part.caption)
    if tables.get(part):
        return f'<p class="shown">Shown above: <a href="#{tables[part]}">{caption}</a>.</p>'
    if part in tables:
        return f'<p class="shown">The table “{caption}”, shown before.</p>'
    tables[part] = ""
    return part.html()


def _joined(source: Any) -> str:
    return "".join(source) if isinstance(source, list) else str(source)
