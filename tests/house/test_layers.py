"""The house keeps its floors: who may import whom, and what may be imported only when it is needed."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "toolkit" / "whatworks"

METHODS = {"did", "synth", "rct", "counts"}

# from the ground up; a room may import rooms of lower floors, never of its own floor
FLOORS = [
    {"errors", "_version"},
    {
        "absence",
        "arrays",
        "shown",
        "periods",
        "whole_dates",
        "columns",
        "labels",
        "panel_grid",
        "panel_starts",
        "panel_rules",
        "panel_totals",
        "panel",
        "trial_rules",
        "trial",
        "results",
        "result_json",
    },
    {"inference", "data"},
    {"answer"},
    METHODS,
    {"checks", "design", "causal", "safety", "evidence"},
    {"verdict"},
    {"present", "governance"},
    {"study"},
    {"publish"},
    {"cli"},
]
GROUND = 1  # the modules of this floor make one room together
ONLY_INSIDE_FUNCTIONS = {
    "matplotlib": {"present"},
    "dowhy": {"causal"},
    "papermill": {"study"},
    "nbclient": {"study"},
    "nbconvert": {"publish"},
    "IPython": {"study", "present"},
    "scipy": None,
    "pyarrow": None,
    "jinja2": {"publish"},
    "duckdb": set(),
    "polars": set(),
}

FILES = sorted(PACKAGE.rglob("*.py"))


def room(path: Path) -> str:
    parts = path.relative_to(PACKAGE).parts
    return parts[0].removesuffix(".py")


def imports(path: Path) -> list[tuple[str, str | None, bool, int]]:
    """(module, name, inside a function or under TYPE_CHECKING, line) of every import of a file."""
    found = []

    def visit(node: ast.AST, late: bool) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                found.extend((alias.name, None, late, child.lineno) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                assert child.level == 0, f"{path.name}:{child.lineno} imports relatively"
                found.extend((child.module or "", alias.name, late, child.lineno) for alias in child.names)
            guarded = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test)
            inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            visit(child, late or guarded or inside)

    visit(ast.parse(path.read_text(encoding="utf-8")), False)
    return found


def floor_of(name: str) -> int:
    for number, rooms in enumerate(FLOORS):
        if name in rooms:
            return number
    raise AssertionError(f"room {name!r} stands on no floor: add it to FLOORS")


def our_rooms(module: str, name: str | None) -> str | None:
    if module == "whatworks":
        return name
    return module.split(".")[1] if module.startswith("whatworks.") else None


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_go_downward(path: Path) -> None:
    here = room(path)
    if here == "__init__":
        return
    for module, name, _, line in imports(path):
        there = our_rooms(module, name)
        if there is None or there == here or there == "__version__":
            continue
        below = floor_of(there) < floor_of(here)
        same_ground = floor_of(here) == floor_of(there) == GROUND
        assert below or same_ground, f"{path.name}:{line}: {here} may not import {there}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_sharper_rules(path: Path) -> None:
    here = room(path)
    for module, name, late, line in imports(path):
        there = our_rooms(module, name)
        spot = f"{path.name}:{line}"
        if here == "inference":
            assert there != "panel", f"{spot}: inference takes arrays, not panels"
        if here == "present":
            assert there not in METHODS, f"{spot}: present may not import a method, so a plot cannot refit"
        if there is not None and there != here and name is not None:
            assert not name.startswith("_") or name.startswith("__"), f"{spot}: {name} is private to {there}"
        if there is not None and there != here:
            private = [part for part in module.split(".")[2:] if part.startswith("_")]
            assert not private, f"{spot}: {module} is private"
        top = module.split(".")[0]
        if top in ONLY_INSIDE_FUNCTIONS:
            allowed = ONLY_INSIDE_FUNCTIONS[top]
            assert allowed is None or here in allowed, f"{spot}: {here} may not import {top}"
            assert late, f"{spot}: import {top} inside the function that uses it"
        assert top != "toolkit", f"{spot}: the package is `whatworks`"


def test_private_attributes_stay_at_home() -> None:
    offenders = []
    for path in FILES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        modules = {
            alias.asname or alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("whatworks")
            for alias in node.names
        }
        offenders += [
            f"{path.name}:{node.lineno}: {node.value.id}.{node.attr}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id in modules
            and node.attr.startswith("_")
            and not node.attr.startswith("__")
        ]
    assert not offenders, "\n".join(offenders)
