"""Commands as they are written: every option that a message or a page names exists, every command works."""

from __future__ import annotations

import ast
import functools
import importlib.metadata
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from whatworks import cli

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "toolkit" / "whatworks"
PAGES = sorted(
    path
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "data").rglob("*.md"))
    if path.is_file()
)
OPTION = re.compile(r"(?<![\w\-/])--[a-z][a-z-]*[a-z]")
PLACEHOLDER = re.compile(r"[A-Z]+|…|.*=…")
OTHERS = {
    "--nbval-lax": "pytest, with plain tools",
    "--durations": "pytest, in CONTRIBUTING",
    "--stat": "git, in CONTRIBUTING",
    "--strict": "mkdocs, where there is no make",
    "--sims": "a benchmark script",
    "--size": "a benchmark script",
    "--method": "a benchmark script",
    "--install": "a benchmark script",
}
"""Options of other programs that pages name."""

SHELL = {"source", "head", "ls", "git", "for", "python3", "uv", "py"}
"""What a shell has, and what makes the environment that holds the rest."""


def commands() -> dict[str, set[str]]:
    """Every command by its words, with the options it knows."""

    def below(command: Any, path: str) -> Iterator[tuple[str, set[str]]]:
        names = {name for item in command.params for name in (*item.opts, *item.secondary_opts)}
        yield path, {name for name in names if name.startswith("-")} | {"-h", "--help"}
        for name, inner in getattr(command, "commands", {}).items():
            yield from below(inner, f"{path} {name}".strip())

    return dict(below(typer.main.get_command(cli.app), ""))


COMMANDS = commands()
EVERY = set().union(*COMMANDS.values())


@functools.cache
def messages() -> tuple[tuple[str, str], ...]:
    """Every text of the library that is no docstring, with its place; f-strings with holes as `X`."""
    return tuple(_messages())


def _messages() -> Iterator[tuple[str, str]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        inside = {
            id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values
        }
        other = inside | {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            where = f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.JoinedStr):
                parts = [str(v.value) if isinstance(v, ast.Constant) else "X" for v in node.values]
                yield where, "".join(parts)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in other:
                yield where, node.value


def written() -> Iterator[tuple[str, str, bool]]:
    """Every command that a page shows, with its place and whether it stands in a block."""
    for path in PAGES:
        text = path.read_text(encoding="utf-8")
        where = str(path.relative_to(ROOT))
        for block in re.findall(r"(?ms)^ *```sh\n(.*?)```", text):
            lines = re.sub(r"\\\n\s*", " ", block).splitlines()
            yield from ((where, line.strip(), True) for line in lines if "whatworks " in line)
        prose = re.sub(r"(?ms)^ *```.*?```", "", text)
        yield from ((where, code, False) for code in re.findall(r"`((?:\S+/)?whatworks [^`]+)`", prose))


def blocks(kind: str) -> Iterator[tuple[str, str]]:
    """Every line of every block of a kind on a page, with its place; continued lines as one."""
    for path in PAGES:
        for block in re.findall(rf"(?ms)^ *```{kind}\n(.*?)```", path.read_text(encoding="utf-8")):
            for line in re.sub(r"\\\n\s*", " ", block).splitlines():
                if line.strip():
                    yield str(path.relative_to(ROOT)), line.strip()


def unknown(line: str, programs: set[str], targets: set[str]) -> str:
    """What of a line in a block cannot be found as it is written, or ""."""
    first, *rest = line.split()
    folder, _, name = first.replace("\\", "/").rpartition("/")
    if folder in {".venv/bin", ".venv/Scripts"}:
        return "" if name in programs else f"nothing puts {name} into .venv"
    if first == "make":
        return "" if rest and rest[0] in targets else f"make has no target {rest[:1]}"
    return "" if first in SHELL else f"{first} is not found after make study"


def refused(words: str) -> str:
    """Why a command cannot be typed, or "" where it can."""
    try:
        typed = shlex.split(words, comments=True)
    except ValueError as problem:
        return str(problem)
    start = next(i for i, word in enumerate(typed) if word.rpartition("/")[2] == "whatworks")
    known, rest = "", typed[start + 1 :]
    if rest[:1] == ["--workspace"]:
        rest = rest[2:]
    while rest and f"{known} {rest[0]}".strip() in COMMANDS:
        known, rest = f"{known} {rest[0]}".strip(), rest[1:]
    if not known and rest and not rest[0].startswith("-") and not PLACEHOLDER.fullmatch(rest[0]):
        return f"there is no command {rest[0]!r}"
    wrong = [word for word in rest if word.startswith("-") and word.partition("=")[0] not in COMMANDS[known]]
    return f"{known} has no option {', '.join(wrong)}" if wrong else ""


def test_options_that_messages_name_exist() -> None:
    found = [
        f"{where}: {name}"
        for where, text in messages()
        for name in OPTION.findall(re.sub(r"var\(--[\w-]+\)", "", text))
        if name not in EVERY
    ]
    assert not found, "\n".join(found)


def test_commands_that_messages_name_can_be_typed() -> None:
    found = [
        f"{where}: {code}: {refused(code)}"
        for where, text in messages()
        for code in re.findall(r"`(whatworks [a-zX-][^`]*)`", text)
        if refused(code)
    ]
    assert not found, "\n".join(found)


def test_options_that_pages_name_exist() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in PAGES
        for code in re.findall(r"`([^`\n]*--[^`\n]*)`", path.read_text(encoding="utf-8"))
        for name in OPTION.findall(code)
        if name not in EVERY | set(OTHERS)
    ]
    assert not found, "\n".join(found)
    pages = "".join(path.read_text(encoding="utf-8") for path in PAGES)
    assert not [name for name in OTHERS if name not in pages]


def test_commands_on_pages_can_be_typed() -> None:
    shown = list(written())
    assert len(shown) > 30
    found = [f"{where}: {words}: {refused(words)}" for where, words, _ in shown if refused(words)]
    assert not found, "\n".join(found)


def test_commands_on_pages_work_after_make_study() -> None:
    """In blocks, and wherever arguments follow, the program is where `make study` puts it."""
    bare = [
        f"{where}: {words}"
        for where, words, block in written()
        if ".venv/bin/whatworks " not in words and (block or len(words.split()) > 2)
        if where != "CHANGELOG.md"
    ]
    assert not bare, "\n".join(bare)


def test_programs_in_blocks_are_found_as_they_are_written() -> None:
    programs = {script.name for script in importlib.metadata.entry_points(group="console_scripts")}
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    shown = [*blocks("sh"), *blocks("powershell")]
    assert len(shown) > 50
    missed = [(line, unknown(line, programs | {"python"}, targets)) for _, line in shown]
    assert not [item for item in missed if item[1]]
    assert unknown("whatworks list", programs, targets)
    assert unknown(".venv/bin/whatwroks list", programs, targets)
    assert unknown("make stduy", programs, targets)


def test_the_way_without_make_is_what_make_does() -> None:
    recipe = (ROOT / "Makefile").read_text(encoding="utf-8").partition("/.ready-%:")[2]
    steps = re.findall(r"pip install -q --python \$\(BIN\)/python (.*)", recipe.replace("$*", "run"))
    assert len(steps) == 2
    for kind, pip in (
        ("sh", ".venv/bin/python -m pip install"),
        ("sh", "uv pip install"),
        ("powershell", r".venv\Scripts\python -m pip install"),
    ):
        typed = [
            line for where, line in blocks(kind) if where.endswith("install.md") and line.startswith(pip)
        ]
        assert [line.removeprefix(pip).strip().replace("\\", "/") for line in typed] == steps


def test_data_in_commands_is_there() -> None:
    named = [
        (where, word)
        for where, words, _ in written()
        for word in re.findall(r"(?:data|studies)/synthetic[\w./-]*(?![\w./*-])", words)
    ]
    assert len(named) > 3
    assert not [item for item in named if not (ROOT / item[1]).exists()]


def test_the_test_sees_what_it_is_for() -> None:
    assert refused("whatworks list --json") == ""
    assert "--jsn" in refused("whatworks list --jsn")
    assert "no command 'lits'" in refused("whatworks lits")
    assert "--fields" in refused(".venv/bin/whatworks run one --fields")
    assert any("--workspace" in text for _, text in messages())
