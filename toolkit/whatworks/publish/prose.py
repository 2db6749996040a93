"""Markdown to HTML in one page's order of headings; raw HTML in it shows as text, formulas become MathML."""

from __future__ import annotations

import html
from dataclasses import dataclass, field
from typing import Any

from whatworks.errors import PublishError
from whatworks.publish import clean, formula

_OPEN, _CLOSE = "\ue000", "\ue001"


@dataclass(slots=True)
class Prose:
    """Turns the markdown cells of one page into HTML, one after the other.

    Headings follow on from `level`, the level of the heading they stand under, and never jump.
    """

    level: int
    where: str
    _last: int = 0
    _heading: str = ""
    _formulas: list[str] = field(default_factory=list)

    def html(self, markdown: str) -> str:
        """One cell as HTML; raises `PublishError` for an image or a formula that cannot be shown."""
        import mistune

        self._formulas = []
        renderer = _renderer(self)
        render = mistune.create_markdown(renderer=renderer, plugins=["table", "math"])
        text = clean.markup(str(render(markdown.replace(_OPEN, "").replace(_CLOSE, ""))))
        for i, drawn in enumerate(self._formulas):
            text = text.replace(f"{_OPEN}{i}{_CLOSE}", drawn)
        return clean.tables(text)

    def rank(self, level: int, text: str) -> int:
        """The level a heading gets on this page."""
        last = self._last or self.level
        self._last = min(self.level + level, last + 1, 6)
        self._heading = text
        return self._last

    def keep(self, tex: str, *, display: bool) -> str:
        """A mark that stands for a formula until the text around it is cleaned."""
        drawn = formula.mathml(tex, display=display)
        # a long formula scrolls by itself, and so must be reachable by keyboard
        framed = f'<div class="formula" role="group" aria-label="Formula" tabindex="0">{drawn}</div>'
        self._formulas.append(framed if display else drawn)
        return f"{_OPEN}{len(self._formulas) - 1}{_CLOSE}"

    @property
    def caption(self) -> str:
        """The caption of a table without one of its own: the heading it stands under."""
        return f"Table: {self._heading}" if self._heading else "Table"


def _renderer(prose: Prose) -> Any:
    import mistune

    class Renderer(mistune.HTMLRenderer):
        def __init__(self) -> None:
            super().__init__(escape=True)

        def heading(self, text: str, level: int, **attrs: Any) -> str:
            rank = prose.rank(level, html.unescape(text))
            return f"<h{rank}>{text}</h{rank}>\n"

        def image(self, text: str, url: str, title: str | None = None) -> str:
            raise PublishError(
                f"the text shows an image ({url})",
                where=prose.where,
                remedy="A report carries its own figures: draw it with whatworks.present in a code cell.",
            )

        def link(self, text: str, url: str, title: str | None = None) -> str:
            return f'<a href="{html.escape(url)}">{text}</a>' if clean.is_link(url) else text

        def inline_math(self, text: str) -> str:
            return prose.keep(text, display=False)

        def block_math(self, text: str) -> str:
            return f"{prose.keep(text, display=True)}\n"

        def table(self, text: str) -> str:
            return f"<table><caption>{html.escape(prose.caption)}</caption>{text}</table>\n"

        def table_cell(self, text: str, align: str | None = None, head: bool = False) -> str:
            return f'<th scope="col">{text}</th>' if head else f"<td>{text}</td>"

    return Renderer()
