"""What an object says of itself: a card, a table or a note, as HTML, as text and as stored values."""

from __future__ import annotations

from whatworks.shown.bundle import SHOWN_MIME, Part, Shown, bundle, page
from whatworks.shown.card import Card
from whatworks.shown.note import Note
from whatworks.shown.stored import read
from whatworks.shown.table import EACH, Table, from_frame

__all__ = [
    "EACH",
    "SHOWN_MIME",
    "Card",
    "Note",
    "Part",
    "Shown",
    "Table",
    "bundle",
    "from_frame",
    "page",
    "read",
]
