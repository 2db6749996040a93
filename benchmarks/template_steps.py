"""A template's own code on a table that was never a file: what `result` rests on, without the displays."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from whatworks.data.recording import UNSAID, Recording
from whatworks.results import NotAvailable, Result

TEMPLATES = Path(__file__).resolve().parents[1] / "templates" / "notebooks"


@dataclass(frozen=True, slots=True, eq=False)
class _Read:
    """Stands where a template has what it read from its files."""

    frame: pd.DataFrame
    recording: Recording | NotAvailable


@cache
def steps(template: str) -> tuple[dict[str, Any], Any]:
    """A template's parameters with their defaults, and the code on which its `result` rests."""
    cells = json.loads((TEMPLATES / f"{template}.ipynb").read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    tagged = ["parameters" in cell["metadata"].get("tags", []) for cell in code]
    texts = ["".join(cell["source"]) for cell in code]
    defaults: dict[str, Any] = {}
    exec(texts.pop(tagged.index(True)), defaults)
    names = {name: value for name, value in defaults.items() if not name.startswith("__")}
    body = ast.parse("\n".join(texts)).body
    kept = resting_on("result", body, given={*names, "source"})
    return names, compile(ast.Module(kept, []), template, "exec")


def resting_on(target: str, body: list[ast.stmt], given: set[str]) -> list[ast.stmt]:
    """The imports, and the assignments that `target` needs beyond what is `given`, in their order.

    Notes put to a result are left out: no verdict rests on them, and those on every other method's answer
    take longer than all the rest.
    """
    needed, kept = {target}, []
    for statement in reversed(body):
        if isinstance(statement, ast.Import | ast.ImportFrom):
            kept.append(statement)
        elif isinstance(statement, ast.Assign):
            made = {item.id for item in statement.targets if isinstance(item, ast.Name)}
            if made & needed - given and not _notes(statement.value):
                kept.append(statement)
                needed |= {node.id for node in ast.walk(statement.value) if isinstance(node, ast.Name)}
    return kept[::-1]


def _notes(value: ast.expr) -> bool:
    called = value.func if isinstance(value, ast.Call) else None
    named = isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name)
    return named and called.attr == "with_notes"


def run(
    template: str,
    frame: pd.DataFrame,
    parameters: Mapping[str, Any],
    recording: Recording | NotAvailable = UNSAID,
) -> Result:
    """The result of a template with its checks, on a table in place of its files, and whose recording it is.

    Raises `WhatworksError` where the template would stop, `KeyError` for a parameter it does not have.
    """
    defaults, wanted = steps(template)
    unknown = set(parameters) - set(defaults)
    if unknown:
        raise KeyError(f"{template} has no parameters {sorted(unknown)}")
    room = {**defaults, **parameters, "source": _Read(frame, recording)}
    exec(wanted, room)
    result: Result = room["result"]
    return result
