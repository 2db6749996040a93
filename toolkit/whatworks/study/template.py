"""A template: the notebook, and the typed parameters its first code cell declares."""

from __future__ import annotations

import ast
import hashlib
import io
import json
import keyword
import tokenize
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from whatworks.errors import StudyError, first_few

_WORDS = {"str": "a text", "int": "a whole number", "float": "a number", "bool": "true or false"}
_SCALARS: dict[str, type] = {"str": str, "int": int, "float": float, "bool": bool}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One line of the parameters cell: name, type, default, comment."""

    name: str
    kind: Any
    kind_text: str
    default: Any
    comment: str

    @property
    def kind_words(self) -> str:
        """The type in words."""
        return _in_words(ast.parse(self.kind_text, mode="eval").body)


@dataclass(frozen=True, slots=True)
class Template:
    """A template notebook as read from disk.

    Attributes:
        name: its name, such as `did`.
        notebook: the notebook (nbformat node), without outputs; treat as read-only.
        parameters: what its parameters cell declares, in order.
        sha256: of the file's bytes with line ends as LF.
        cells: SHA-256 of the source of each cell, by cell id.
        units: `people` where its units are people, whatever a study says; else `places`. It stands in the
            notebook's metadata as `whatworks.units`.
    """

    name: str
    notebook: Any
    parameters: tuple[Parameter, ...]
    sha256: str
    cells: dict[str, str]
    units: str = "places"


def read(path: Path) -> Template:
    """Read a template; raises `StudyError` where it is not a notebook with one typed parameters cell."""
    import nbformat

    where = f"template {path.stem}"
    try:
        raw = path.read_bytes()
        notebook = nbformat.reads(raw.decode("utf-8"), as_version=4)
        nbformat.validate(notebook)
    except (OSError, UnicodeDecodeError, nbformat.ValidationError, nbformat.reader.NotJSONError) as problem:
        raise StudyError(
            f"not a notebook: {str(problem).splitlines()[0]}",
            where=where,
            remedy="Take the template from version control again.",
        ) from problem
    _refuse_outputs(notebook, where)
    ids = [cell.get("id", "") for cell in notebook.cells]
    if "" in ids or len(set(ids)) != len(ids):
        raise StudyError("cells without an id, or two with the same", where=where, remedy="Save it as 4.5.")
    tagged = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    if len(tagged) != 1 or tagged[0].cell_type != "code":
        raise StudyError(
            f"{len(tagged)} cells are tagged `parameters`",
            where=where,
            remedy="Tag exactly one code cell `parameters`.",
        )
    cells = {cell.id: hashlib.sha256(_source(cell)).hexdigest() for cell in notebook.cells}
    digest = hashlib.sha256(raw.replace(b"\r\n", b"\n")).hexdigest()
    units = str(notebook.metadata.get("whatworks", {}).get("units", "places"))
    parameters = parse_parameters(tagged[0].source, where=where)
    return Template(path.stem, notebook, parameters, digest, cells, units)


def parse_parameters(source: str, *, where: str) -> tuple[Parameter, ...]:
    """The parameters that a cell declares, one `name: type = default  # comment` a line.

    Types are str, int, float, bool, list[…] and dict[str, …] of these. Raises `StudyError` for anything else.
    """
    try:
        tree = ast.parse(source)
    except SyntaxError as problem:
        raise StudyError(
            f"line {problem.lineno} of the parameters cell is not Python", where=where, remedy=_LINE
        ) from problem
    comments = _comments(source)
    found = []
    for node in tree.body:
        if not (isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value):
            raise StudyError(
                f"line {node.lineno} of the parameters cell is not a typed parameter",
                where=where,
                remedy=_LINE,
            )
        found.append(_parameter(node, node.target.id, comments, f"{where}, parameter {node.target.id}"))
    names = [parameter.name for parameter in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise StudyError(f"declared twice: {first_few(twice)}", where=where, remedy="Keep one line each.")
    return tuple(found)


_LINE = "Write one `name: type = default  # what it means` a line."


def _parameter(node: ast.AnnAssign, name: str, comments: dict[int, str], where: str) -> Parameter:
    import msgspec

    if keyword.issoftkeyword(name):
        raise StudyError("is a word of Python", where=where, remedy="Choose another name.")
    kind = _kind(node.annotation, where)
    try:
        default = ast.literal_eval(node.value) if node.value else None
        json.dumps(default, allow_nan=False)
        checked = msgspec.convert(default, kind, strict=True)
    except (ValueError, TypeError, msgspec.ValidationError) as problem:
        raise StudyError(
            f"its default is not a plain {ast.unparse(node.annotation)}: {problem}", where=where, remedy=_LINE
        ) from problem
    last = node.end_lineno or node.lineno
    return Parameter(name, kind, ast.unparse(node.annotation), checked, comments.get(last, ""))


def _kind(node: ast.expr, where: str) -> Any:
    if isinstance(node, ast.Name) and node.id in _SCALARS:
        return _SCALARS[node.id]
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
        inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if node.value.id == "list" and len(inner) == 1:
            return list[_kind(inner[0], where)]  # type: ignore[misc]
        if node.value.id == "dict" and len(inner) == 2 and ast.unparse(inner[0]) == "str":
            return dict[str, _kind(inner[1], where)]  # type: ignore[misc]
    raise StudyError(
        f"the type {ast.unparse(node)} is not known here",
        where=where,
        remedy="Types are str, int, float, bool, list[…] and dict[str, …] of these.",
    )


def _in_words(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return _WORDS[node.id]
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Tuple):
        return f"a mapping from text to {_in_words(node.slice.elts[1])}"
    if isinstance(node, ast.Subscript):
        return f"a list, each item {_in_words(node.slice)}"
    return ast.unparse(node)


def _comments(source: str) -> dict[int, str]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {t.start[0]: t.string.lstrip("# ").strip() for t in tokens if t.type == tokenize.COMMENT}


def _refuse_outputs(notebook: Any, where: str) -> None:
    ran = [cell.get("id", "?") for cell in notebook.cells if cell.cell_type == "code" and cell.outputs]
    if ran:
        raise StudyError(
            f"the template was saved with outputs, in cells {first_few(ran)}",
            where=where,
            remedy="Clear all outputs before saving: a template is read by every study.",
        )


def _source(cell: Any) -> bytes:
    return f"{cell.cell_type}\n{cell.source}".encode()
