"""What keeps a red test a wrong number: no wall clocks, and the same checks wherever they are run."""

from __future__ import annotations

import ast
from pathlib import Path

from hypothesis import settings

ROOT = Path(__file__).parents[2]


def test_no_property_is_judged_by_the_clock() -> None:
    assert settings().deadline is None, "tests/conftest.py loads a Hypothesis profile without a deadline"
    own = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sorted((ROOT / "tests").rglob("*.py"))
        if path != ROOT / "tests" / "conftest.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.keyword) and node.arg == "deadline"
    ]
    assert not own, f"the profile says it once: {own}"
