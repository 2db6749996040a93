"""Note: sentences where a figure or a table would stand, or beside one."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Any, Protocol

from whatworks.present import words
from whatworks.results import NotAvailable


class Told(Protocol):
    """Whatever says what it found in sentences, such as `did.departures` or `did.bacon`."""

    @property
    def sentences(self) -> tuple[str, ...]:
        """What was found, the answer first."""


@dataclass(frozen=True, slots=True)
class Note:
    """Sentences to read, a paragraph each."""

    sentences: tuple[str, ...]

    def __repr__(self) -> str:
        return " ".join(self.sentences)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        paragraphs = "".join(f"<p>{html.escape(text)}</p>" for text in self.sentences)
        return {"text/html": paragraphs, "text/plain": repr(self)}


def said(found: Told | NotAvailable) -> Note:
    """What was found in sentences, or why there is nothing, a paragraph each."""
    if isinstance(found, NotAvailable):
        return Note((words.sentence(f"Not available: {found.reason}"),))
    return Note(tuple(words.sentence(text) for text in found.sentences))
