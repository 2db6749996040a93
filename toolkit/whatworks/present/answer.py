"""An answer beside the main one, in sentences, or the reason why there is none."""

from __future__ import annotations

from whatworks import verdict
from whatworks.results import NotAvailable, Result
from whatworks.shown import Note, words


def answer(found: Result | NotAvailable, *, subject: str = "", unit: str = "") -> Note:
    """What a further analysis of the same study found and what must be known of it, or why it does not apply.

    Args:
        found: its result, or the reason why there is none.
        subject: what was measured, as it stands in a sentence.
        unit: the unit in words, where a change is better told in it than in percent.
    """
    if isinstance(found, NotAvailable):
        return Note((words.sentence(f"This does not apply here: {found.reason}"),))
    return Note((verdict.beside(found, subject=subject, unit=unit), *map(words.sentence, found.notes)))
