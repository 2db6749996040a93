"""Labels that are easily taken for one another, and words that stand for a blank."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

from whatworks.columns import Refusal
from whatworks.errors import first_few

_BLANK_WORDS: Final = frozenset(
    (
        *("na", "n/a", "n.a.", "#n/a", "#na", "<na>", "nan", "nat"),
        *("null", "(null)", "none", "nil", "(blank)", "#value!", "#ref!"),
        *("-", "--", "\N{EN DASH}", "\N{EM DASH}", ".", ".."),
    )
)
_MARKS: Final = str.maketrans(
    dict.fromkeys("\N{HYPHEN}\N{NON-BREAKING HYPHEN}\N{EN DASH}\N{EM DASH}\N{MINUS SIGN}", "-")
    | dict.fromkeys("\N{RIGHT SINGLE QUOTATION MARK}\N{LEFT SINGLE QUOTATION MARK}`", "'")
)


def stands_for_blank(label: object) -> bool:
    """Whether a label is a word that programs write where there is none: NA, N/A, NULL, None, nan, a dash."""
    return str(label).strip().casefold() in _BLANK_WORDS


def plain(label: object) -> str:
    """The label without what the eye does not see: Unicode form, case, spaces, invisible marks, dashes."""
    text = unicodedata.normalize("NFKC", str(label)).translate(_MARKS).casefold()
    text = "".join(mark for mark in text if unicodedata.category(mark) != "Cf")
    return re.sub(r"\s*-\s*", "-", " ".join(unicodedata.normalize("NFKC", text).split()))


def refuse_alike(labels: Iterable[str], refusal: Refusal, *, role: str, where: str) -> None:
    """Raise `refusal` for different labels that differ only in what the eye does not see."""
    first: dict[str, str] = {}
    twins: list[tuple[str, str]] = []
    for label in dict.fromkeys(labels):
        kept = first.setdefault(plain(label), label)
        if kept != label:
            twins.append((kept, label))
    if twins:
        shown = first_few(f"{ascii_where_needed(a)} and {ascii_where_needed(b)}" for a, b in twins)
        raise refusal(
            f"these {role} labels differ only by space, case or form of writing: {shown}",
            where=where,
            remedy="Write each label in one way on every row. Nothing was joined for you.",
        )


def refuse_blank_words(labels: Iterable[str], refusal: Refusal, *, role: str, where: str) -> None:
    """Raise `refusal` for a label that stands for a blank: it would join what has nothing in common."""
    found = [label for label in dict.fromkeys(labels) if stands_for_blank(label)]
    if found:
        raise refusal(
            f"{first_few(map(repr, found))} stands where a {role} should be",
            where=where,
            remedy=f"Find out the {role} of these rows, or leave them out and say so; "
            "if it is the name of one, write it in full.",
        )


def ascii_where_needed(label: str) -> str:
    """The label in quotation marks, its unusual marks as escapes where they would look like others."""
    return repr(label) if label.isascii() else ascii(label)
