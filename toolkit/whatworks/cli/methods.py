"""The methods by their public names, and what each asks for: read from the library's own sources.

Names are needed while somebody types, so nothing is imported to find them; signatures and docstrings are
read from the function itself once it is asked for.
"""

from __future__ import annotations

import ast
import functools
import importlib
import importlib.util
import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from whatworks.errors import OptionError, did_you_mean

ROOMS = ("did", "synth", "rct", "counts")
NOT_OPTIONS = ("panel", "trial", "inference", "level", "allocation", "own", "progress")
"""Arguments of methods that have a way of their own on the command line, or none there."""
_IN_TWO_STEPS = "did.att_gt"

_ENTRY = re.compile(r"([a-z_]+(?:, [a-z_]+)*):(?: |$)(.*)")


@dataclass(frozen=True, slots=True)
class Method:
    """A public function that takes a panel or a trial and says something about it."""

    name: str
    takes: str
    purpose: str


@functools.cache
def catalogue() -> Mapping[str, Method]:
    """Every method by its name, such as `did.att_gt`, found without importing any of them."""
    found = {}
    for room in ROOMS:
        spec = importlib.util.find_spec(f"whatworks.{room}")
        if spec is not None and spec.origin is not None:
            found.update({method.name: method for method in _in_room(room, Path(spec.origin))})
    return dict(sorted(found.items()))


def load(name: str) -> Callable[..., Any]:
    """The function behind a name; raises `OptionError` naming the nearest where there is none."""
    known = catalogue()
    if name not in known:
        raise OptionError(
            f"there is no method {name!r}",
            where="METHOD",
            remedy=f"{did_you_mean(name, known)}The methods are {', '.join(known)}.",
        )
    room, _, short = name.partition(".")
    found: Callable[..., Any] = getattr(importlib.import_module(f"whatworks.{room}"), short)
    return found


def options(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """The choices of a method that are given as `--option NAME=VALUE`."""
    parameters = inspect.signature(function).parameters
    return {name: parameter for name, parameter in parameters.items() if name not in NOT_OPTIONS}


def aggregation(name: str) -> Callable[..., Any] | None:
    """The step that averages the effects of a method, `--option by=…`, where it has one."""
    if name != _IN_TWO_STEPS:
        return None
    found: Callable[..., Any] = importlib.import_module("whatworks.did").aggregate
    return found


def described(function: Callable[..., Any]) -> dict[str, str]:
    """What the docstring of a function says of each of its arguments."""
    lines = inspect.cleandoc(function.__doc__ or "").splitlines()
    if "Args:" not in lines:
        return {}
    found: dict[str, str] = {}
    names: list[str] = []
    for line in lines[lines.index("Args:") + 1 :]:
        if line.strip() and not line.startswith("    "):
            break
        entry = None if line.startswith("     ") else _ENTRY.fullmatch(line.strip())
        if entry is not None:
            names = entry[1].split(", ")
            found.update(dict.fromkeys(names, entry[2]))
        elif line.strip():
            found.update({name: f"{found[name]} {line.strip()}" for name in names})
    return found


def _in_room(room: str, origin: Path) -> Iterator[Method]:
    tree = ast.parse(origin.read_text(encoding="utf-8"))
    package = origin.parents[1]
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith("whatworks."):
            continue
        file = package.joinpath(*str(node.module).split(".")[1:]).with_suffix(".py")
        wanted = {alias.name for alias in node.names if alias.asname is None and alias.name[0].islower()}
        for function in _functions(file, wanted) if wanted and file.is_file() else ():
            arguments = [item.arg for item in (*function.args.args, *function.args.kwonlyargs)]
            # a panel's diagnostics take no level and give no estimate
            if arguments[:1] == ["trial"] or (arguments[:1] == ["panel"] and "level" in arguments):
                purpose = (ast.get_docstring(function) or "").partition("\n\n")[0]
                yield Method(f"{room}.{function.name}", arguments[0], " ".join(purpose.split()))


def _functions(file: Path, wanted: set[str]) -> Iterator[ast.FunctionDef]:
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name in wanted:
            yield node
