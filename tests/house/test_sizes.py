"""Files under about 400 lines, functions under about 50, public names documented, one import budget."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "toolkit" / "whatworks"
FILES = sorted(PACKAGE.rglob("*.py"))
TEMPLATES = sorted((ROOT / "templates" / "notebooks").glob("*.ipynb"))

FILE_LINES = 400
FUNCTION_LINES = 50
EXCEPTIONS: dict[str, str] = {}
"""`file.py` or `file.py:function` with the reason it may be longer."""


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_sizes(path: Path) -> None:
    name = str(path.relative_to(PACKAGE)).replace("\\", "/")
    text = path.read_text(encoding="utf-8")
    lines = len(text.splitlines())
    assert lines <= FILE_LINES or name in EXCEPTIONS, (
        f"{name} has {lines} lines: which room wants to come out?"
    )
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= FUNCTION_LINES or f"{name}:{node.name}" in EXCEPTIONS, (
                f"{name}:{node.lineno} {node.name} has {length} lines"
            )


def test_every_exception_is_still_needed() -> None:
    for key in EXCEPTIONS:
        name, _, function = key.partition(":")
        text = (PACKAGE / name).read_text(encoding="utf-8")
        if not function:
            assert len(text.splitlines()) > FILE_LINES, f"{key} no longer needs its exception"
            continue
        lengths = [
            (node.end_lineno or 0) - node.lineno + 1
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.FunctionDef) and node.name == function
        ]
        assert max(lengths, default=0) > FUNCTION_LINES, f"{key} no longer needs its exception"


def test_no_file_is_named_for_nothing() -> None:
    assert not [p.name for p in FILES if p.stem in {"utils", "helpers", "base", "common", "misc"}]
    assert not (ROOT / "toolkit" / "__init__.py").exists()


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_public_names_are_documented(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree), f"{path.name} does not say what it is for"
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{path.name}:{node.lineno} {node.name} has no docstring"


def _modules_after_import(statement: str) -> tuple[float, list[str]]:
    program = (
        f"import sys, time, pandas; before = time.process_time(); {statement}; "
        "import json; print(json.dumps([time.process_time() - before, sorted(sys.modules)]))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    seconds, modules = json.loads(done.stdout)
    return seconds, modules


def test_import_loads_nothing_heavy() -> None:
    _, modules = _modules_after_import("import whatworks, whatworks.panel, whatworks.results")
    heavy = {
        "matplotlib",
        "scipy",
        "papermill",
        "nbconvert",
        "nbformat",
        "typer",
        "rich",
        "IPython",
        "jinja2",
    }
    assert not heavy & set(modules), f"import whatworks loads {sorted(heavy & set(modules))}"


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda p: p.name)
def test_templates_are_thin(path: Path) -> None:
    notebook = json.loads(path.read_text(encoding="utf-8"))
    tagged = [c for c in notebook["cells"] if "parameters" in c["metadata"].get("tags", [])]
    assert len(tagged) == 1, "one `parameters` cell"
    forbidden = (
        ast.FunctionDef, ast.Lambda, ast.ClassDef, ast.For, ast.While, ast.If, ast.IfExp, ast.BinOp, ast.Try,
        ast.ListComp, ast.DictComp, ast.SetComp, ast.GeneratorExp, ast.Compare, ast.BoolOp, ast.With,
    )  # fmt: skip
    for cell in notebook["cells"]:
        if cell["cell_type"] != "code":
            continue
        assert not cell["outputs"], "templates are committed without outputs"
        assert cell["execution_count"] is None
        source = "".join(cell["source"])
        for node in ast.walk(ast.parse(source)):
            assert not isinstance(node, forbidden), (
                f"{path.name}: {type(node).__name__} in a template cell:\n{source}"
            )


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda p: p.name)
def test_no_section_of_a_template_has_an_only_child(path: Path) -> None:
    """A heading below another one with no sibling is a section of its own, or it seems to belong there."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    text = "\n".join("".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "markdown")
    sections = ("\n" + text).split("\n## ")[1:]
    assert len(sections) > 5
    assert [one.splitlines()[0] for one in sections if one.count("\n### ") == 1] == []
