"""An answer beside the main one: its sentence, its table and its notes, or the reason why there is none."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Any

from whatworks.present import sentence, words
from whatworks.present.sentence import Better
from whatworks.present.tables import effects_table
from whatworks.results import NotAvailable, Result


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """A sentence, a table and notes, one after the other, as HTML."""

    said: str
    body: str

    def __repr__(self) -> str:
        return self.said

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return {"text/html": self.body, "text/plain": self.said}


def answer(
    found: Result | NotAvailable, *, subject: str = "", unit: str = "", better: Better = "lower"
) -> Answer:
    """What a further analysis of the same study found, or why it does not apply.

    Args:
        found: its result, or the reason why there is none.
        subject: what was measured, as it stands in a sentence.
        unit: the unit in words, where a change is better told in it than in percent.
        better: whether a lower or a higher outcome is the better one.
    """
    if isinstance(found, NotAvailable):
        said = words.sentence(f"This does not apply here: {found.reason}")
        return Answer(said, f"<p>{html.escape(said)}</p>")
    said = sentence.headline(found, subject=subject or "the outcome", unit=unit, better=better)
    notes = "".join(f"<li>{html.escape(words.sentence(note))}</li>" for note in found.notes)
    listed = f"<ul>{notes}</ul>" if notes else ""
    table = effects_table(found, subject=words.spoken(subject)).html()
    return Answer(said, f"<p>{html.escape(said)}</p>{table}{listed}")
