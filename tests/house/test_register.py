"""The register of breaks rests on what was read: every entry names its source, and none rests on memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from whatworks.data import breaks

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("item", breaks.register(), ids=lambda item: item.id)
def test_an_entry_names_what_was_read(item: breaks.Break) -> None:
    assert len(item.source) > 10, "name the page, paper or file that was read"
    said = f"{item.source} {item.what}".lower()
    for word in ("memory", "unverified", "to check", "tbc"):
        assert word not in said
    counted = "counted" in item.source
    named = any(letter.isdigit() for letter in item.source) or item.source[0].isupper()
    assert counted or named, "a source has a name or a date, or is a file that was counted"


def test_nothing_that_shows_the_register_speaks_of_memory() -> None:
    shown = ["docs/methods/breaks.md", "docs/build_pages.py", "toolkit/whatworks/data/breaks.csv"]
    shown += ["toolkit/whatworks/data/breaks.py", "toolkit/whatworks/checks/series_breaks.py"]
    assert not [name for name in shown if "memory" in (ROOT / name).read_text(encoding="utf-8").lower()]
