"""What a shell offers while somebody types: studies, templates, methods. Quick, and never an error."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from whatworks.cli import methods

if TYPE_CHECKING:
    from whatworks.study.places import Workspace

Offered = list[tuple[str, str]]
"""Each word with what it is, which some shells show beside it."""


def studies(ctx: typer.Context, incomplete: str) -> Offered:
    """The studies of the workspace, by slug or, once a path is begun, by path."""

    def found() -> Offered:
        workspace = _workspace(ctx)
        folder = f"{workspace.relative(workspace.studies_folder)}/"
        before = folder if incomplete.startswith(folder) else ""
        return [(f"{before}{path.name}", "") for path in workspace.studies()]

    return _quietly(found)


def templates(ctx: typer.Context) -> Offered:
    """The templates of the workspace and those that ship."""
    return _quietly(lambda: [(name, "") for name in _workspace(ctx).templates()])


def method_names() -> Offered:
    """The methods, with a sentence on each."""
    return _quietly(lambda: [(method.name, method.purpose) for method in methods.catalogue().values()])


def _workspace(ctx: typer.Context) -> Workspace:
    from whatworks.study import places

    named = ctx.find_root().params.get("workspace")
    return places.find(None if named is None else Path(named))


def _quietly(found: Callable[[], Offered]) -> Offered:
    # a shell would print the message into the line that is being typed
    try:
        return found()
    except Exception:
        return []
