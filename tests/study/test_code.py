"""A comment is not a change of numbers; a changed number is."""

from __future__ import annotations

from pathlib import Path

import pytest
import study_workspace as workspace

from whatworks.study import code, places

SOURCE = '''"""What it is for."""

from math import sqrt

LIMIT = 0.05
"""Said of the limit."""


class A:
    """A class."""

    x: int = 3


@staticmethod
def f(a, *, b=2):
    """A function."""
    # why
    return sqrt(a + b) if a < LIMIT else f"{a:.3g}"
'''


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# why", "# another reason"),
        ("What it is for", "What it was for"),
        ("A class.", "The class."),
        ("A function.", "Its \u2212 purpose."),
        ("    return", "\n\n    return"),
        ("a + b", "(a\n        + b)"),
        ("\n", "\r\n"),
        ("sqrt(a + b)", "sqrt( a+b )"),
    ],
)
def test_words_and_layout_do_not_count(old: str, new: str) -> None:
    assert old in SOURCE
    assert code.tree_hash(SOURCE.replace(old, new)) == code.tree_hash(SOURCE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("0.05", "0.051"),
        ("b=2", "b=3"),
        ("b=2", "b=2.0"),
        ("a + b", "a - b"),
        ("a < LIMIT", "a <= LIMIT"),
        ("@staticmethod", "@classmethod"),
        ("from math import sqrt", "from math import exp as sqrt"),
        ("x: int = 3", "x: float = 3"),
        ("x: int = 3", "y: int = 3"),
        (".3g", ".4g"),
        ("Said of the limit", "Said of a limit"),
    ],
)
def test_what_the_code_does_counts(old: str, new: str) -> None:
    assert old in SOURCE
    assert code.tree_hash(SOURCE.replace(old, new, 1)) != code.tree_hash(SOURCE)


def test_a_known_tree_has_the_same_hash_on_every_python() -> None:
    assert code.tree_hash(SOURCE) == KNOWN


KNOWN = "90c1306df7a17939b0227fffe7f8adb98a877382d25c07a8d9f2d16646cbec88"


def test_what_lies_beside_the_library_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "package_folder", lambda: tmp_path)
    rooms = code.rooms.__wrapped__
    workspace.put(tmp_path / "did" / "block.py", "x = 1\n")
    workspace.put(tmp_path / "did" / "linear" / "fit.py", "x = 1\n")
    workspace.put(tmp_path / "result.schema.json", "{}\n")
    first = rooms()
    assert set(first) == {"ground", "did", "did/linear"}
    for name in (
        "did/__pycache__/block.pyc",
        "did/.ipynb_checkpoints/block.py",
        "did/block.py~",
        "did/Thumbs.db",
    ):
        workspace.put(tmp_path / name, "x = 2\n")
    workspace.put(tmp_path / "templates" / "notebooks" / "did.ipynb", "x")
    assert rooms() == first
    workspace.put(tmp_path / "did" / "linear" / "fit.py", "x = 2\n")
    changed = rooms()
    assert {name for name in first if first[name] != changed[name]} == {"did/linear"}
    workspace.put(tmp_path / "result.schema.json", "[]\n")
    assert rooms()["ground"] != first["ground"]
