"""What the library's code is, so that a changed comment is no change: by room, without words and layout."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from whatworks.study import places
from whatworks.study.hashing import text_hash

GROUND = "ground"
"""The files beside the rooms."""

_LEFT_OUT = ("templates", "__pycache__")
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
_SILENT = frozenset({"ctx", "kind", "type_comment", "type_ignores"})
"""Fields of a syntax tree that say nothing of their own."""


@cache
def rooms() -> dict[str, str]:
    """SHA-256 of each room and sub-room by name, the same installed or not and on every Python from 3.11.

    Of a Python file counts its syntax tree without docstrings; so a comment, a blank line, an editor's backup
    or another way to break a line change nothing. Every other file that ships counts by its text.
    """
    package = places.package_folder()
    digests: dict[str, hashlib._Hash] = {}
    for path in _files(package):
        inner = path.relative_to(package)
        name = inner.parent.as_posix() if inner.parent.parts else GROUND
        found = tree_hash(path.read_text(encoding="utf-8")) if path.suffix == ".py" else text_hash(path)
        digests.setdefault(name, hashlib.sha256()).update(f"{inner.name}\0{found}\0".encode())
    return {name: digest.hexdigest() for name, digest in sorted(digests.items())}


def whole() -> str:
    """SHA-256 of all rooms together."""
    return hashlib.sha256(
        "".join(f"{name}\0{found}\0" for name, found in rooms().items()).encode()
    ).hexdigest()


def tree_hash(source: str) -> str:
    """SHA-256 of what a Python text does: its syntax tree without docstrings, positions and empty fields.

    A field that is empty is not written, so that fields which later Pythons add change nothing where they are
    not used.
    """
    digest = hashlib.sha256()
    for piece in _pieces(ast.parse(source)):
        digest.update(piece.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _pieces(node: ast.AST) -> Iterator[str]:
    yield f"({type(node).__name__}"
    for name, value in ast.iter_fields(node):
        if name in _SILENT or value is None or value == []:
            continue
        yield f" {name}="
        items = value if isinstance(value, list) else [value]
        if name == "body" and isinstance(
            node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
        ):
            items = items[1:] if ast.get_docstring(node, clean=False) is not None else items
        for item in items:
            if isinstance(item, ast.AST):
                yield from _pieces(item)
            else:
                yield f"{type(item).__name__}:{item!r};"
    yield ")"


def _files(package: Path) -> list[Path]:
    """Every file that ships, in order, without what editors and systems leave beside it."""
    return sorted(
        path
        for path in package.rglob("*")
        if path.is_file()
        and not any(part.startswith(".") or part in _LEFT_OUT[1:] for part in path.relative_to(package).parts)
        and path.relative_to(package).parts[0] != _LEFT_OUT[0]
        and path.suffix in SHIPPED
    )


SHIPPED = (".py", ".json", ".csv", ".html", ".css", ".typed")
"""Endings of files that the library is made of; anything else beside them is not the library's."""
