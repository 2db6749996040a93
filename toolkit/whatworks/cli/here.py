"""Where a command was typed: the workspace it means, and how what is shown can be typed again."""

from __future__ import annotations

import os
import shlex
import sys
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING

from whatworks.errors import OptionError, StudyError

if TYPE_CHECKING:
    from whatworks.study.places import Workspace

_named: ContextVar[Path | None] = ContextVar("workspace", default=None)


def name_workspace(folder: Path | None) -> None:
    """Set the folder that `--workspace` names, for this call; None for the current folder."""
    _named.set(folder)


def start() -> Path | None:
    """The folder to look for a workspace from, None for the current one; raises `StudyError` for none."""
    folder = _named.get()
    if folder is not None and not folder.is_dir():
        raise StudyError(
            "there is no such folder", where=f"--workspace {folder}", remedy="Name the folder of a workspace."
        )
    return folder


def workspace() -> Workspace:
    """The workspace that a command works in; raises `StudyError` where there is none."""
    from whatworks.study import places

    return places.find(start())


def program() -> str:
    """The program as it was called: `.venv/bin/whatworks` where that was typed, else `whatworks`."""
    typed = sys.argv[0] if sys.argv else ""
    relative = os.sep in typed and not os.path.isabs(typed)
    return typed if relative and Path(typed).stem == "whatworks" else "whatworks"


def command(words: str) -> str:
    """A command that can be typed from here, in the workspace that this one worked in."""
    folder = _named.get()
    given = "" if folder is None else f" --workspace {shlex.quote(str(folder))}"
    return f"{program()}{given} {words}"


def path(found: Path) -> str:
    """A path in words: relative to the current folder where it lies inside."""
    current = Path.cwd().resolve()
    resolved = found.resolve()
    return str(resolved.relative_to(current)) if current in resolved.parents else str(resolved)


def refuse_unwritable(file: Path, option: str) -> None:
    """Raise `OptionError` where a file that an option names cannot lie: in no folder, or being one."""
    if not file.parent.is_dir():
        raise OptionError(
            f"there is no folder {str(file.parent)!r}",
            where=option,
            remedy="Make the folder first, or give another name.",
        )
    if file.is_dir():
        raise OptionError(f"{str(file)!r} is a folder", where=option, remedy="Give the name of a file.")
