"""The tutorial, followed from an empty folder: its page prints and shows what comes out today."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TUTORIAL = ROOT / "docs" / "tutorial"
RENEW = "follow it anew with .venv/bin/python docs/tutorial/walk.py, and read what changed"


@pytest.mark.notebook
def test_the_tutorial_prints_and_shows_what_comes_out(tmp_path: Path) -> None:
    where = importlib.util.spec_from_file_location("walk", TUTORIAL / "walk.py")
    assert where
    assert where.loader
    walk = importlib.util.module_from_spec(where)
    where.loader.exec_module(walk)
    page, figures = walk.walk((TUTORIAL / "index.md").read_text(encoding="utf-8"), tmp_path)
    assert page == (TUTORIAL / "index.md").read_text(encoding="utf-8"), RENEW
    assert figures.keys() == {path.name for path in TUTORIAL.glob("*.svg")}
    for name, drawn in figures.items():
        assert drawn == (TUTORIAL / name).read_text(encoding="utf-8"), f"{name}: {RENEW}"
    assert (tmp_path / "tutorial" / "site" / "patrols" / "report.html").is_file()
