"""Words of judgement are written in one room: what fell, rose or stays open is for `verdict` to say."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "toolkit" / "whatworks"
JUDGEMENT = re.compile(
    r"\b(?:\w+ (?:fell|rose) by|fairly sure|no detectable|no clear change|change that matters|inconclusive)",
    re.IGNORECASE,
)
FILES = [path for path in sorted(PACKAGE.rglob("*.py")) if "verdict" not in path.relative_to(PACKAGE).parts]


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_no_other_room_judges(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documented = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    said = [
        f"{path.name}:{node.lineno}: {node.value[:80]!r}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in documented
        and JUDGEMENT.search(node.value)
    ]
    assert not said, "\n".join(said)


def test_the_room_itself_would_be_found() -> None:
    words = (PACKAGE / "verdict" / "sentences.py").read_text(encoding="utf-8")
    assert JUDGEMENT.search(words)
    assert JUDGEMENT.search("Robbery fell by about 8%")
