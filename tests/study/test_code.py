"""A comment is not a change of numbers; a changed number is."""

from __future__ import annotations

import subprocess
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


def g(x, *more, width=9):
    """Everything that one Python writes into its tree and another does not."""
    match x:
        case None | {"a": [1, *_]}:
            return ("\U0001fae8" 'deep', b"x") if (y := 1e400) else ...
        case str(z) if z:
            return f"{x:>{width}}" f"{x!r:}" f"{x=}" "" f"{{}}{z!s:a{width}b}"
    return {**{}, 1j: more[1:, None], -2: [*more]}
'''


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# why", "# another reason"),
        ("What it is for", "What it was for"),
        ("A class.", "The class."),
        ("A function.", "Its \u2212 purpose."),
        ("Said of the limit", "Said of a limit"),
        ("    return sqrt", "\n\n    return sqrt"),
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
        ("'deep", "'deeper"),
    ],
)
def test_what_the_code_does_counts(old: str, new: str) -> None:
    assert old in SOURCE
    assert code.tree_hash(SOURCE.replace(old, new, 1)) != code.tree_hash(SOURCE)


def test_a_known_tree_has_the_same_hash_on_every_python() -> None:
    assert code.tree_hash(SOURCE) == KNOWN


KNOWN = "454afa9d2b9baedebce7deeda9e93e4940899388e1dbc50ea40ce1c5c37f70a2"


def test_every_file_of_the_library_that_is_tracked_counts() -> None:
    package = Path(code.__file__).parents[1]
    root = package.parents[1]
    if not (root / ".git").exists():
        pytest.skip("not a git checkout: nothing is tracked")
    command = ["git", "ls-files", "--", package.relative_to(root).as_posix()]
    listed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout
    assert {Path(name).suffix for name in listed.splitlines()} == set(code.SHIPPED)


def test_what_lies_beside_the_library_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "package_folder", lambda: tmp_path)
    workspace.put(tmp_path / "did" / "block.py", "x = 1\n")
    workspace.put(tmp_path / "did" / "linear" / "fit.py", "x = 1\n")
    workspace.put(tmp_path / "result.schema.json", "{}\n")
    first = code.rooms()
    assert set(first) == {"ground", "did", "did/linear"}
    for name in (
        "did/__pycache__/block.pyc",
        "did/.ipynb_checkpoints/block.py",
        "did/block.py~",
        "did/Thumbs.db",
    ):
        workspace.put(tmp_path / name, "x = 2\n")
    workspace.put(tmp_path / "templates" / "notebooks" / "did.ipynb", "x")
    assert code.rooms() == first
    workspace.put(tmp_path / "did" / "linear" / "fit.py", "x = 2\n")
    changed = code.rooms()
    assert {name for name in first if first[name] != changed[name]} == {"did/linear"}
    workspace.put(tmp_path / "result.schema.json", "[]\n")
    assert code.rooms()["ground"] != first["ground"]


def test_a_file_that_is_no_python_counts_by_its_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "package_folder", lambda: tmp_path)
    workspace.put(tmp_path / "did" / "half.py", "def f(:\n")
    first = code.rooms()
    workspace.put(tmp_path / "did" / "half.py", "def g(:\n")
    assert code.rooms() != first
