"""Card: facts about one thing, a name and a value each."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from whatworks.errors import RecordError
from whatworks.shown.bundle import Part, Shown


@dataclass(frozen=True, slots=True, repr=False)
class Card(Shown):
    """Facts about one thing; a value of several lines shows them below each other.

    Attributes:
        caption: what the facts are about.
        facts: (name, value) pairs, texts.
    """

    caption: str
    facts: tuple[tuple[str, str], ...]

    def to_dict(self) -> dict[str, Any]:
        """The card as JSON-ready values."""
        return {"kind": "card", "caption": self.caption, "facts": [list(fact) for fact in self.facts]}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Card:
        """The card that `to_dict` wrote; raises `RecordError` for anything else."""
        try:
            facts = tuple((str(name), str(value)) for name, value in data["facts"])
            return cls(str(data["caption"]), facts)
        except (KeyError, TypeError, ValueError) as problem:
            raise RecordError(
                f"not a stored card: {type(problem).__name__} {problem}", where="a card of the notebook"
            ) from problem

    @property
    def text(self) -> str:
        """What it is about, in a line."""
        return self.caption

    def parts(self) -> tuple[Part, ...]:
        """Itself."""
        return (self,)

    def html(self) -> str:
        """The card as HTML, everything escaped, in a region that scrolls by itself on a narrow screen."""
        rows = "".join(
            f'<tr><th scope="row">{html.escape(name)}</th><td>{_lines(value)}</td></tr>'
            for name, value in self.facts
        )
        caption = html.escape(self.caption)
        return (
            f'<div class="ww-scroll" role="region" tabindex="0" aria-label="{caption}">'
            f'<table class="ww-table"><caption>{caption}</caption><tbody>{rows}</tbody></table></div>'
        )


def _lines(value: str) -> str:
    return "<br>".join(html.escape(line) for line in value.split("\n"))
