"""The command line: parse and delegate. Errors go to standard error in plain words."""

from __future__ import annotations

import contextlib
import signal
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from whatworks.cli import data, estimate, help, here, randomise, studies
from whatworks.errors import OptionError, WhatworksError

_DEBUG = "--debug"
_NO_FILE = (FileExistsError, FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError)

app = typer.Typer(
    name="whatworks",
    help="Did this work? From police files to a published study that anybody can run again.\n\n"
    "After `make study` in the repository the program is .venv/bin/whatworks, which makes the examples below "
    "and in the help of every command run from there.",
    cls=help.Group,
    context_settings=help.NAMES,
    rich_markup_mode=None,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@app.callback(invoke_without_command=True)
def _root(
    ctx: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
    workspace: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="A folder of the workspace; the current one without it."),
    ] = None,
    debug: Annotated[
        bool, typer.Option(_DEBUG, help="Show the traceback of a fault of whatworks itself.")
    ] = False,
) -> None:
    if version:
        from whatworks import __version__

        typer.echo(f"whatworks {__version__}")
        raise typer.Exit()
    here.name_workspace(workspace)
    if ctx.invoked_subcommand is None:
        raise OptionError(
            "no command is given",
            where="whatworks",
            remedy=f"Write one, such as {here.command('list')}; {here.program()} --help names them all.",
        )


studies.register(app)
estimate.register(app)
data.register(app)
randomise.register(app)


def main() -> None:
    """Run the command line; the exit status is 2 for bad input, 1 for a failed estimate or run."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
    # so that a terminated run clears its temporary files on the way out
    with contextlib.suppress(ValueError, AttributeError):
        signal.signal(signal.SIGTERM, _terminated)
    debug = _DEBUG in sys.argv[1:]
    arguments = [item for item in sys.argv[1:] if item != _DEBUG]
    try:
        app(args=arguments, prog_name="whatworks")
    except WhatworksError as problem:
        if debug:
            raise
        typer.echo(f"whatworks: {problem}", err=True)
        sys.exit(problem.exit_status)
    except Exception as problem:
        if debug:
            raise
        words, status = _unforeseen(problem)
        typer.echo(f"whatworks: {words}", err=True)
        sys.exit(status)


def _unforeseen(problem: Exception) -> tuple[str, int]:
    """What to say of an error that is none of ours, and the exit status."""
    if isinstance(problem, _NO_FILE) and problem.filename and not _ours(str(problem.filename)):
        remedy = "Give a file or folder that is there and that you may read or write."
        return f"{problem.filename}: {problem.strerror}\n  What to do: {remedy}", 2
    return (
        f"a fault of whatworks itself, not of your input: {type(problem).__name__}: {problem}\n"
        f"  What to do: run the same command with {_DEBUG} and report what it shows."
    ), 1


def _ours(file: str) -> bool:
    return Path(__file__).resolve().parents[1] in Path(file).resolve().parents


def _terminated(number: int, frame: Any) -> None:
    sys.exit(128 + number)
