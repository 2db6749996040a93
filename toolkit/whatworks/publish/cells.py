"""The cells of a recorded notebook as the parts of a page: figures, and the method in order."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from whatworks.errors import PublishError
from whatworks.present import FIGURE_MIME, TABLE_MIME, Figure, Table
from whatworks.publish import clean, disclosure
from whatworks.publish.prose import Prose

RESULT_MIME = "application/vnd.whatworks.result+json"
_OURS = (FIGURE_MIME, TABLE_MIME, RESULT_MIME)
_RUNS = ("application/javascript", "text/javascript", "application/vnd.jupyter.widget-view+json")
_PICTURES = ("image/png", "image/jpeg", "image/gif", "image/svg+xml", "application/pdf")
_REDRAW = "Draw it with whatworks.present, whose figures bring their words and their data."
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
    decision: str = "",
    above: Mapping[Table, str] | None = None,
    level: int = 2,
) -> Method:
    """Everything a page takes from a notebook.

    Args:
        notebook: the recorded notebook as plain JSON values or as nbformat gives it.
        where: the study's name, for messages.
        decision: the disclosure decision under which rows may be shown; none unless given.
        above: tables that stand elsewhere on the page, with the id of their section; they are not repeated.
        level: level of the heading that the method stands under.

    Raises `PublishError` for a failed cell, a script, a picture without words, rows without a decision.
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
                blocks += _output(output, spot, decision, prose, figures, tables)
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
    output: Mapping[str, Any],
    spot: str,
    decision: str,
    prose: Prose,
    figures: list[Figure],
    tables: dict[Table, str],
) -> Iterator[str]:
    kind = output.get("output_type")
    if kind == "error":
        raise PublishError(
            f"the cell failed: {output.get('ename')}: {output.get('evalue')}",
            where=spot,
            remedy="Mend the study and run it again; a report with a failed cell is not published.",
        )
    if kind == "stream":
        yield _stream(output, spot, decision)
        return
    data = output.get("data", {})
    if FIGURE_MIME in data:
        yield _figure(Figure.from_dict(data[FIGURE_MIME]), figures)
    elif TABLE_MIME in data:
        yield _table(Table.from_dict(data[TABLE_MIME]), tables)
    elif RESULT_MIME in data:
        yield '<p class="shown">The result of the study, given at the top of this page.</p>'
    else:
        yield _plain(data, spot, decision, prose)


def _figure(figure: Figure, figures: list[Figure]) -> str:
    known = [shown.svg for shown in figures]
    if figure.svg not in known:
        figures.append(figure)
        known.append(figure.svg)
    number = known.index(figure.svg) + 1
    return f'<p class="shown">Shown above: <a href="#figure-{number}">Figure {number}</a>.</p>'


def _table(table: Table, tables: dict[Table, str]) -> str:
    caption = html.escape(table.caption)
    if tables.get(table):
        return f'<p class="shown">Shown above: <a href="#{tables[table]}">{caption}</a>.</p>'
    if table in tables:
        return f'<p class="shown">The table “{caption}”, shown before.</p>'
    tables[table] = ""
    return table.html()


def _stream(output: Mapping[str, Any], spot: str, decision: str) -> str:
    text = _joined(output.get("text", ""))
    if output.get("name") == "stderr":
        lines = len([line for line in text.splitlines() if line.strip()])
        many = "" if lines == 1 else "s"
        return f'<p class="shown">{lines} line{many} of warnings, in the recorded notebook.</p>'
    disclosure.refuse_listing(text, where=spot, decision=decision)
    return f'<pre tabindex="0">{html.escape(text)}</pre>'


def _plain(data: Mapping[str, Any], spot: str, decision: str, prose: Prose) -> str:
    for kind in _RUNS:
        if kind in data:
            raise PublishError(f"the cell hands over {kind}", where=spot, remedy="A report runs no script.")
    for kind in _PICTURES:
        if kind in data:
            raise PublishError(
                f"the cell shows a picture ({kind}) without words and data", where=spot, remedy=_REDRAW
            )
    if "text/markdown" in data:
        return f'<div class="prose">{prose.html(_joined(data["text/markdown"]))}</div>'
    if "text/html" in data:
        text = _joined(data["text/html"])
        disclosure.refuse_rows(text, where=spot, decision=decision)
        return f'<div class="prose">{clean.fragment(text)}</div>'
    text = _joined(data.get("text/plain", ""))
    disclosure.refuse_listing(text, where=spot, decision=decision)
    return f'<pre tabindex="0">{html.escape(text)}</pre>' if text else ""


def _joined(source: Any) -> str:
    return "".join(source) if isinstance(source, list) else str(source)
