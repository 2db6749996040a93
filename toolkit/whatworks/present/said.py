"""What was found in sentences, or why there is nothing."""

from __future__ import annotations

from typing import Protocol

from whatworks.results import NotAvailable
from whatworks.shown import Note, words


class Told(Protocol):
    """Whatever says what it found in sentences, such as `did.departures` or `did.bacon`."""

    @property
    def sentences(self) -> tuple[str, ...]:
        """What was found, the answer first."""


def said(found: Told | NotAvailable) -> Note:
    """What was found in sentences, or why there is nothing, a paragraph each."""
    if isinstance(found, NotAvailable):
        return Note((words.sentence(f"Not available: {found.reason}"),))
    return Note(tuple(words.sentence(text) for text in found.sentences))
