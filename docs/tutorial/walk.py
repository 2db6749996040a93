"""Types the tutorial as a reader would, and renews what its page prints and shows.

    .venv/bin/python docs/tutorial/walk.py

A block of `sh` is run line by line; a block of `text` after it is what the lines printed. A block with a
title is a file to write. A picture is a figure of the study's record, with its alternative text.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "tutorial" / "index.md"
FIGURES = Path("tutorial", "studies", "patrols", "record", "figures")
PART = re.compile(
    r"^```sh\n(?P<typed>.*?)^```\n(?:\n```text\n(?P<printed>.*?)^```\n)?"
    r'|^```\w+ title="(?P<file>[^"]+)"\n(?P<content>.*?)^```\n'
    r"|!\[[^\]]*\]\((?P<figure>[\w-]+\.svg)\)",
    re.MULTILINE | re.DOTALL,
)


def walk(page: str, folder: Path) -> tuple[str, dict[str, str]]:
    """The page as it comes out when it is followed in an empty folder, and its figures by name.

    Raises `RuntimeError` with what was printed where a command fails.
    """
    _install(folder)
    figures: dict[str, str] = {}

    def follow(part: re.Match[str]) -> str:
        if part["typed"] is not None:
            printed = "".join(_run(line, folder) for line in _lines(part["typed"]))
            shown = f"\n```text\n{printed}```\n" if part["printed"] is not None else ""
            return f"```sh\n{part['typed']}```\n{shown}"
        if part["file"]:
            (folder / part["file"]).write_text(part["content"], encoding="utf-8", newline="\n")
            return part[0]
        drawn = (folder / FIGURES / part["figure"]).read_text(encoding="utf-8")
        figures[part["figure"]] = drawn
        said = re.search(r"<desc[^>]*>(.*?)</desc>", drawn, re.DOTALL)
        return f"![{said[1] if said else ''}]({part['figure']})"

    return PART.sub(follow, page), figures


def _install(folder: Path) -> None:
    """Put the program where `make study` puts it, and what the page names of this repository."""
    programs = folder / ".venv" / "bin"
    programs.mkdir(parents=True)
    (folder / "docs").symlink_to(ROOT / "docs")
    _executable(programs / "python", f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    _executable(programs / "whatworks", f"#!{sys.executable}\nfrom whatworks.cli import main\n\nmain()\n")


def _executable(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


def _lines(block: str) -> Iterator[str]:
    for line in re.sub(r"\\\n\s*", " ", block).splitlines():
        if line.strip():
            yield line


def _run(line: str, folder: Path) -> str:
    done = subprocess.run(
        line,
        shell=True,
        cwd=folder,
        env=os.environ | {"COLUMNS": "80", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{line}\n{done.stdout}{done.stderr}")
    return done.stdout


def main() -> None:
    """Renew the page and its figures."""
    with tempfile.TemporaryDirectory() as folder:
        page, figures = walk(PAGE.read_text(encoding="utf-8"), Path(folder))
    PAGE.write_text(page, encoding="utf-8", newline="\n")
    for name, drawn in figures.items():
        (PAGE.parent / name).write_text(drawn, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
