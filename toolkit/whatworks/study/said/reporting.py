"""The items that a report of a trial answers, and the keys under `reporting:` where a study answers them."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Final

ITEMS, EXTENSIONS = "consort_2025.csv", "consort_extensions.csv"
KINDS: Final = ("cluster", "crossover", "stepped wedge")


def items() -> list[dict[str, str]]:
    """The 42 items: number, topic, what it asks, what is needed, `field` where another key answers."""
    return _read(ITEMS)


def extensions() -> list[dict[str, str]]:
    """The items of the extensions, with the kind of trial, and whether they are `confirmed` or `memory`."""
    return _read(EXTENSIONS)


def key(item: Mapping[str, str]) -> str:
    """The key of an item: its topic in small letters, for an extension after the kind (`cluster_title`)."""
    return "_".join(f"{item.get('kind', '')} {item['topic']}".lower().replace("-", " ").split())


@cache
def keys(kind: str = "") -> tuple[str, ...]:
    """The keys that a trial may answer: of CONSORT, and of the extension where a kind is named."""
    own = [item for item in items() if not item["field"]]
    return tuple(key(item) for item in (*own, *(one for one in extensions() if one["kind"] == kind)))


def every_key() -> tuple[str, ...]:
    """The keys of all kinds of trial, each once."""
    return tuple(dict.fromkeys(name for kind in KINDS for name in keys(kind)))


def _read(name: str) -> list[dict[str, str]]:
    text = resources.files("whatworks.study.said").joinpath(name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))
