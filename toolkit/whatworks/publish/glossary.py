"""Terms of art in plain words for readers, and their first use in a report linked to them."""

from __future__ import annotations

import csv
import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

PAGE: Final = "words.html"

_TAG = re.compile(r"(<[^>]*>)")
_CODE_NAME = re.compile(r"\b(?:did|synth|rct)\.[a-z_]+\b")
_BARRED_WORDS = "h1 a summary svg style script title code pre nav button math"
_BARRED = frozenset(_BARRED_WORDS.split())
"""Elements in whose text no link may stand: others, drawings, code."""

_OWN: Final = '<span class="own">'
"""The words of a study's authors about what was done: a verb of theirs is no term of ours."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A term, the forms in which it stands in a text, and what it means in plain words."""

    term: str
    forms: tuple[str, ...]
    plain: str

    @property
    def anchor(self) -> str:
        """The id under which it stands on a page."""
        return f"word-{re.sub(r'[^a-z0-9]+', '-', self.term.lower()).strip('-')}"


@cache
def entries() -> tuple[Entry, ...]:
    """Every term, in order of the alphabet."""
    found = [
        Entry(row["term"], tuple(row["forms"].split("|")), row["plain"]) for row in _read("glossary.csv")
    ]
    return tuple(sorted(found, key=lambda entry: entry.term.casefold()))


@cache
def methods() -> dict[str, str]:
    """Code names of methods (`did.att_gt`) and the words for them."""
    return {row["method"]: row["words"] for row in _read("methods.csv")}


def in_words(method: str) -> str:
    """A method in words, with its code name where it has any: `effects by start and month`."""
    return methods().get(method, method)


def spoken(text: str) -> str:
    """A text with words before every code name of a method."""
    return _CODE_NAME.sub(lambda found: _named(found[0]), text)


def linked(part: str) -> tuple[str, tuple[Entry, ...]]:
    """HTML with the first use of every term linked to its entry on the same page, and the terms it uses.

    Text of headings, tables and captions counts; in links, lines that open and close, drawings and code no
    link can stand, so that a term used only there is listed and not linked. Code names get words.
    """
    used: dict[str, Entry] = {}
    done: set[str] = set()
    out: list[str] = []
    for piece, barred, drawn in _pieces(part):
        text = piece
        if not piece.startswith("<") and not drawn:
            for found in _terms().finditer(piece):
                entry = _by_form()[found[0].casefold()]
                used.setdefault(entry.term, entry)
            text = piece if barred else _marked(spoken(piece), done, used)
        out.append(text)
    return "".join(out), tuple(entry for entry in entries() if entry.term in used)


def _pieces(part: str) -> Iterator[tuple[str, bool, bool]]:
    """Tags and texts in turn, with whether a link is barred there and whether it is no text of the page."""
    open_: list[str] = []
    for piece in _TAG.split(part):
        if piece == _OWN:
            open_.append("own")
        elif piece == "</span>" and "own" in open_:
            open_.remove("own")
        elif piece.startswith("<"):
            name = re.match(r"</?([a-zA-Z0-9]+)", piece)
            tag = name[1].lower() if name else ""
            if tag in _BARRED and piece.startswith("</"):
                if tag in open_:
                    open_.remove(tag)
            elif tag in _BARRED and not piece.endswith("/>"):
                open_.append(tag)
        yield piece, bool(open_), bool({"style", "script", "title", "svg", "own"} & set(open_))


def _marked(text: str, done: set[str], used: dict[str, Entry]) -> str:
    def link(found: re.Match[str]) -> str:
        entry = _by_form()[found[0].casefold()]
        used.setdefault(entry.term, entry)
        if entry.term in done:
            return found[0]
        done.add(entry.term)
        return f'<a class="term" href="#{entry.anchor}">{found[0]}</a>'

    return _terms().sub(link, text)


def _named(code: str) -> str:
    words = methods().get(code)
    return f"{words} ({code})" if words else code


@cache
def _by_form() -> dict[str, Entry]:
    return {html.escape(form).casefold(): entry for entry in entries() for form in entry.forms}


@cache
def _terms() -> re.Pattern[str]:
    """Any form of any term, the longest first; single capitals keep their case."""
    forms = sorted(_by_form(), key=len, reverse=True)
    either = "|".join(re.escape(form) if len(form) > 1 else rf"(?-i:{form.upper()})" for form in forms)
    return re.compile(rf"(?<![\w.-])(?:{either})(?![\w-])", re.IGNORECASE)


def _read(name: str) -> list[dict[str, str]]:
    text = resources.files("whatworks.publish").joinpath(name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))
