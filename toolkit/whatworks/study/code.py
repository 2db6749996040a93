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
_SILENT = frozenset({"ctx", "kind", "type_comment", "type_ignores"})
"""Fields of a syntax tree that say nothing of their own."""


def rooms() -> dict[str, str]:
    """SHA-256 of each room and sub-room by name, the same installed or not and on every Python from 3.11.

    Of a Python file counts its syntax tree without comments and docstrings; so a word, a blank line or
    another way to break a line changes nothing. Every other file that ships counts by its text. Read anew
    each time it is asked, as a fresh kernel reads it.
    """
    package = places.package_folder()
    digests: dict[str, hashlib._Hash] = {}
    for path in _files(package):
        inner = path.relative_to(package)
        name = inner.parent.as_posix() if inner.parent.parts else GROUND
        found = _python_hash(path) if path.suffix == ".py" else text_hash(path)
        digests.setdefault(name, hashlib.sha256()).update(f"{inner.name}\0{found}\0".encode())
    return {name: digest.hexdigest() for name, digest in sorted(digests.items())}


def whole() -> str:
    """SHA-256 of all rooms together."""
    return hashlib.sha256(
        "".join(f"{name}\0{found}\0" for name, found in rooms().items()).encode()
    ).hexdigest()


def _python_hash(path: Path) -> str:
    try:
        return tree_hash(path.read_bytes())
    except (SyntaxError, ValueError):  # half saved, or no Python: nothing can import it either
        return text_hash(path)


@cache
def tree_hash(source: str | bytes) -> str:
    """SHA-256 of what a Python text does: its syntax tree without docstrings, positions and empty fields.

    Written by hand, for `ast.dump`, `ast.unparse` and `tokenize` say the same code in other words from one
    Python to the next. A field that is empty is not written, so that fields which later Pythons add change
    nothing where they are not used.
    """
    digest = hashlib.sha256()
    for piece in _pieces(ast.parse(source)):
        digest.update(piece.encode("ascii"))
    return digest.hexdigest()


def _pieces(node: ast.AST) -> Iterator[str]:
    yield f"({type(node).__name__}"
    for name, value in ast.iter_fields(node):
        if name in _SILENT or value is None or value == []:
            continue
        yield f" {name}="
        items = value if isinstance(value, list) else [value]
        for item in items:
            if _says_nothing(item, node):
                continue
            if isinstance(item, ast.AST):
                yield from _pieces(item)
            else:
                # repr would print a character where this Python knows it, and escape it where it does not
                yield f"{type(item).__name__}:{item!a};"
    yield ")"


def _says_nothing(item: object, within: ast.AST) -> bool:
    """A text that stands as a statement (a docstring, wherever it is), or one that Python 3.12 adds.

    3.12 ends a format such as `{x:>{width}}` with an empty text; 3.11 and 3.13 do not.
    """
    if isinstance(within, ast.JoinedStr):
        return isinstance(item, ast.Constant) and item.value == ""
    return (
        isinstance(item, ast.Expr)
        and isinstance(item.value, ast.Constant)
        and isinstance(item.value.value, str)
    )


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


SHIPPED = (".py", ".json", ".csv", ".html", ".css", ".js", ".typed")
"""Endings of files that the library is made of; anything else beside them is not the library's."""
