"""The one form in which cards, tables and notes leave a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

SHOWN_MIME = "application/vnd.whatworks.shown+json"


class Part(Protocol):
    """A card, a table or a note."""

    @property
    def text(self) -> str:
        """What it shows, in a line."""

    def html(self) -> str:
        """It as HTML, everything escaped."""

    def to_dict(self) -> dict[str, Any]:
        """It as JSON-ready values."""


class Shown:
    """What shows itself as cards, tables and notes: one line as text, never rows of data.

    A frozen dataclass that derives from it sets `repr=False` and defines `parts`.
    """

    __slots__ = ()

    def parts(self) -> tuple[Part, ...]:
        """What is shown, from top to bottom."""
        raise TypeError(f"{type(self).__name__} does not say what it shows")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.parts()[0].text})"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        return bundle(self.parts())


def bundle(parts: Sequence[Part]) -> dict[str, Any]:
    """Parts as a notebook's output: stored values, HTML and text."""
    return {
        SHOWN_MIME: [part.to_dict() for part in parts],
        "text/html": in_notebook(page(parts)),
        "text/plain": "\n".join(part.text for part in parts),
    }


def page(parts: Sequence[Part]) -> str:
    """Parts as HTML, one below the other."""
    return "".join(part.html() for part in parts)


def in_notebook(html: str) -> str:
    """HTML of ours as a notebook shows it: JupyterLab sets every cell to the right, so prose says left."""
    return html.replace(' class="txt"', ' class="txt" style="text-align: left"')
