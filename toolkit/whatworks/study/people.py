"""Studies whose units are people: their labels, which must stand in nothing that a study leaves behind."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import pandas as pd

from whatworks.errors import RunError, StudyError, WhatworksError, first_few
from whatworks.results import Result
from whatworks.study.folder import Study

PEOPLE = "people"

_WORD = re.compile(r"[^\W_]+")
_ESCAPED = re.compile(r"\\(?=[\"\\/])|\\[bfnrt]")
_SHAPES = re.compile(r'\b(?:d|points|transform|style|viewBox)="[^"]*"')
_PLAIN = re.compile(r"\d{1,5}")
"""A label that is a short number stands for nobody outside its list, and every page is full of numbers."""


def labels(study: Study) -> frozenset[str]:
    """The labels of the units of a study, where its units are people; nothing elsewhere.

    The units are people where `study.yaml` says `units: people` or the template does. Raises `StudyError`
    where the data cannot be read for it.
    """
    if PEOPLE not in (study.spec.units, study.template.units):
        return frozenset()
    applied = study.parameters.applied
    column, data = str(applied.get("unit", "")), applied.get("data", [])
    try:
        found = [_column(study, name, column) for name in ([data] if isinstance(data, str) else data)]
    except (OSError, KeyError, ValueError, WhatworksError) as problem:
        raise StudyError(
            f"the names of its people cannot be read, so nothing can be kept free of them: {problem}",
            where=f"study {study.slug}",
            remedy="Give the data that the study was run on.",
        ) from problem
    return frozenset(text for values in found for text in values)


def named(text: str, people: frozenset[str]) -> int:
    """How many of the people a text names, whatever the case and the signs between the words of a label."""
    known = _known(people)
    if not known:
        return 0
    longest = max(label.count(" ") for label in known) + 1
    plain = html.unescape(_SHAPES.sub("", _ESCAPED.sub(" ", text)))
    words = _WORD.findall(plain.casefold())
    return len({phrase for phrase in _phrases(words, longest) if phrase in known})


def anonymous(result: Result, people: frozenset[str]) -> tuple[Result, tuple[str, ...]]:
    """The result with checks that name nobody, and what was left out of it, a sentence each.

    Evidence that lists people, such as one row for each who was left out, is left out whole: such a row says
    what that person's outcome was. In a check's sentences a label becomes "one person".
    """
    left_out = []
    checks = []
    for check in result.checks:
        listed = named(check.table.to_csv(), people)
        left_out += [f"the evidence of the check {check.name!r}, which names {listed} of the people"] * bool(
            listed
        )
        checks.append(
            replace(
                check,
                table=pd.DataFrame() if listed else check.table,
                reason=_unnamed(check.reason, people),
                would_change_if=_unnamed(check.would_change_if, people),
            )
        )
    return replace(result, checks=tuple(checks)), tuple(left_out)


def refuse_named(files: Mapping[str, bytes], people: frozenset[str], *, where: str) -> None:
    """Raise `RunError` where a file that would be kept names one of the people; it says which file."""
    said = {name: named(content.decode("utf-8", "replace"), people) for name, content in files.items()}
    guilty = [f"{name} names {count}" for name, count in said.items() if count]
    if guilty:
        raise RunError(
            f"the units are people, and the record would name them: {first_few(guilty)}",
            where=where,
            remedy="Take the names out of parameters, notes and labels; nothing was written.",
        )


@cache
def _known(people: frozenset[str]) -> frozenset[str]:
    """The labels as `named` compares them: words in small letters, without those that are short numbers."""
    phrases = (" ".join(_WORD.findall(text.casefold())) for text in people)
    return frozenset(text for text in phrases if text and not _PLAIN.fullmatch(text))


def _unnamed(text: str, people: frozenset[str]) -> str:
    if not named(text, people):
        return text
    there = sorted((label for label in people if label in text and named(label, people)), key=len)
    for label in reversed(there):
        text = re.sub(rf"(?<!\w){re.escape(label)}(?!\w)", "one person", text)
    return text


def _column(study: Study, name: str, column: str) -> list[str]:
    from whatworks.data.tables import read_table

    found: list[str] = []
    for _, path in study.workspace.expand(name):
        values: Any = read_table(path)[column]
        found += pd.Series(values).dropna().astype("str").unique().tolist()
    return found


def _phrases(words: list[str], longest: int) -> Iterator[str]:
    for size in range(1, longest + 1):
        for i in range(len(words) - size + 1):
            yield " ".join(words[i : i + size])
