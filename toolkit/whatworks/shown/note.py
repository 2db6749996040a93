"""Note: sentences where a figure or a table would stand, or beside one."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from whatworks.errors import RecordError
from whatworks.shown.bundle import Part, Shown

Style = Literal["plain", "loud", "list"]


@dataclass(frozen=True, slots=True, repr=False)
class Note(Shown):
    """Sentences to read: a paragraph each, in bold where `loud`, or as a list."""

    sentences: tuple[str, ...]
    style: Style = "plain"

    def __repr__(self) -> str:
        return self.text

    def to_dict(self) -> dict[str, Any]:
        """The note as JSON-ready values."""
        return {"kind": "note", "sentences": list(self.sentences), "style": self.style}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Note:
        """The note that `to_dict` wrote; raises `RecordError` for anything else."""
        try:
            found = cls(tuple(str(text) for text in data["sentences"]), data["style"])
        except (KeyError, TypeError) as problem:
            raise RecordError(
                f"not a stored note: {type(problem).__name__} {problem}", where="a note of the notebook"
            ) from problem
        if found.style not in get_args(Style):
            raise RecordError(f"no such style: {found.style!r}", where="a note of the notebook")
        return found

    @property
    def text(self) -> str:
        """The sentences one after the other."""
        return " ".join(self.sentences)

    def html(self) -> str:
        """The note as HTML, everything escaped."""
        texts = [html.escape(text) for text in self.sentences]
        if self.style == "list":
            return f"<ul>{''.join(f'<li>{text}</li>' for text in texts)}</ul>" if texts else ""
        if self.style == "loud":
            texts = [f"<strong>{text}</strong>" for text in texts]
        return "".join(f"<p>{text}</p>" for text in texts)

    def parts(self) -> tuple[Part, ...]:
        """Itself."""
        return (self,)
