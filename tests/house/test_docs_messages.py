"""The page of things that go wrong quotes messages that the library still has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.house.test_commands import messages

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "troubleshooting.md"
QUOTED = re.findall(r"^### `(.+)`$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
OTHERS = {"command not found"}
"""Said by the shell."""


def written(quoted: str) -> list[str]:
    """Where the library says so: its messages, with any words in their holes."""
    found = []
    for where, text in messages():
        words = text.replace("X", "")
        if len(words) > 12 and re.fullmatch(re.escape(text).replace("X", "(?s:.*?)"), quoted):
            found.append(where)
    return found


def test_the_page_has_the_errors_met_most_often() -> None:
    assert len(QUOTED) > 25
    assert len(set(QUOTED)) == len(QUOTED)
    assert set(QUOTED) >= OTHERS


@pytest.mark.parametrize("quoted", [quoted for quoted in QUOTED if quoted not in OTHERS])
def test_a_quoted_message_is_still_said(quoted: str) -> None:
    assert written(quoted), f"the library says nowhere: {quoted}"


def test_the_test_sees_what_it_is_for() -> None:
    assert not written("the table has no row 'robery'")
