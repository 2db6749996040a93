"""Commands around studies: init, new, run, verify, list, publish, lab."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from whatworks.cli import completing, here, listing, progress, verdicts
from whatworks.cli.help import Command
from whatworks.errors import OptionError, StudyError, WhatworksError

if TYPE_CHECKING:
    from whatworks.study.verifying import Verification

_Study = Annotated[
    str,
    typer.Argument(
        help="Slug or folder of a study; leave out with --all.", autocompletion=completing.studies
    ),
]
_Recorded = Annotated[
    str,
    typer.Argument(help="Slug or folder of a study that has run.", autocompletion=completing.studies),
]
_Template = Annotated[
    str,
    typer.Argument(
        help="Template, such as did or staggered (see `whatworks list`).",
        autocompletion=completing.templates,
    ),
]
_Fields = Annotated[
    bool,
    typer.Option("--fields", help="Every field, matching ones too, not the first 20 that do not match."),
]
_All = Annotated[bool, typer.Option("--all", help="Every study of the workspace.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the application."""
    for command in (init, new, run, verify, publish, checklist, lab):
        app.command(cls=Command)(command)
    app.command("list", cls=Command)(list_)


def init(
    folder: Annotated[Path, typer.Argument(help="Folder to make a workspace of.")],
    title: Annotated[
        str, typer.Option(metavar="TEXT", help="Name of the workspace, such as that of the force.")
    ] = "",
    example: Annotated[bool, typer.Option(help="Write the synthetic data that templates run on.")] = True,
) -> None:
    """Make a workspace for any force: studies/, templates/, data/ and whatworks.toml."""
    from whatworks.study import places

    workspace = places.init(folder, title=title)
    if example:
        from whatworks.data.synthetic import one_borough, small_areas, synthesise
        from whatworks.study.example_trials import EXAMPLES, example_trial

        made: list[Any] = [synthesise(), one_borough(), small_areas(), *map(example_trial, EXAMPLES)]
        for one in made:
            one.write(workspace.folder / "data" / "synthetic")
    here.name_workspace(folder)
    typer.echo(f"Workspace {folder}. Next: {here.command('new did my-study')}")


def new(
    template: _Template,
    slug: Annotated[str, typer.Argument(help="Name of the study, such as hotspot-patrols-2024.")],
) -> None:
    """Make a study from a template."""
    from whatworks.study import new_study

    folder = new_study(template, slug, start=here.start())
    shown = here.workspace().relative(folder)
    typer.echo(f"{shown}/study.yaml says what and why, {shown}/parameters.yaml says how.")
    typer.echo(f"It runs as it stands, on synthetic data: {here.command(f'run {shown}')}")


def run(study: _Study = "", every: _All = False) -> None:
    """Run a study and replace its record; prints the path of the report."""
    from whatworks.study import open_study
    from whatworks.study import run as run_study

    failed: list[WhatworksError] = []
    names = _chosen(study, every)
    batch = progress.Batch(len(names))
    for name in names:
        try:
            with batch.study(Path(name).name) as step:
                opened = open_study(name, start=here.start())
                done = run_study(opened, render=step.around(_render), progress=step.tell)
        except WhatworksError as problem:
            if len(names) == 1:
                raise
            typer.echo(f"{name}: {problem}", err=True)
            failed.append(problem)
            continue
        for item in done.left_out:
            typer.echo(f"{opened.slug}: left out of the record, {item}", err=True)
        typer.echo(here.path(done.report))
    if failed:
        raise typer.Exit(max(problem.exit_status for problem in failed))


def verify(
    study: _Study = "",
    every: _All = False,
    fields: Annotated[
        bool,
        typer.Option(
            "--fields", help="List every field, matching ones too; without it the first 20 that do not match."
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the verdicts as JSON.")] = False,
) -> None:
    """Run a study again from its stored parameters and compare it with its record, field by field.

    First what differs going in and what moved with it, then the fields. The exit status is 0 where every
    field matches, 1 where one does not, 2 where there is no such study or its own files are not well formed.
    """
    names = _chosen(study, every)
    batch = progress.Batch(len(names))
    found, status = [], 0
    for name in names:
        item, left_with = _verified(name, batch)
        found.append(item)
        status = max(status, left_with)
        if not as_json:
            typer.echo("\n".join(verdicts.text(item, every=fields)))
    if as_json:
        typer.echo(json.dumps([verdicts.as_json(item) for item in found], indent=1, ensure_ascii=False))
    elif len(found) > 1:
        typer.echo(f"{sum(item.ok for item in found)} of {len(found)} studies match")
    if status:
        raise typer.Exit(status)


def checklist(
    study: _Recorded,
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="Write the table to this file instead.")
    ] = None,
) -> None:
    """Go through CONSORT 2025 with a trial: what its study.yaml answers, and what is still open."""
    from whatworks.publish.checklist import checklist as go_through
    from whatworks.study import open_study

    table = go_through(open_study(study, start=here.start()).folder)
    if csv is not None:
        here.refuse_unwritable(csv, "--csv")
        csv.write_text(table.frame.to_csv(index=False, lineterminator="\n"), encoding="utf-8", newline="\n")
        typer.echo(str(csv))
    else:
        for item, topic, asks, state, answer in table.rows:
            typer.echo(f"{item:<4} {topic}: {asks}\n     {state}: {answer}")
    typer.echo(table.note)


def list_(
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the list as JSON, with every digit.")
    ] = False,
) -> None:
    """List the templates, and the studies of the workspace with what each found."""
    found = listing.listed(here.workspace())
    if as_json:
        typer.echo(json.dumps(found, indent=1, ensure_ascii=False))
    else:
        typer.echo("\n".join(listing.text(found)))


def publish(
    site: Annotated[Path, typer.Argument(help="Folder to write the site into.")],
) -> None:
    """Publish every recorded study and the ledger as a static, self-contained site."""
    from whatworks.publish.site import publish as publish_site

    index = publish_site(here.workspace(), site)
    typer.echo(here.path(index))


def lab() -> None:
    """Open the workspace in JupyterLab."""
    import importlib.util
    import subprocess
    import sys

    workspace = here.workspace()
    if importlib.util.find_spec("jupyterlab") is None:
        raise StudyError(
            "JupyterLab is not installed here",
            where="whatworks lab",
            remedy="Install it with `make lab` in the repository, or `pip install whatworks[lab]`.",
        )
    done = subprocess.run([sys.executable, "-m", "jupyterlab"], cwd=workspace.folder, check=False)
    raise typer.Exit(done.returncode)


def _render(notebook: Any, result: Any, study: Any, provenance: Any) -> str:
    from whatworks.publish.report import render

    return render(notebook, result, study, provenance)


def _chosen(study: str, every: bool) -> list[str]:
    if bool(study) == every:
        raise OptionError(
            "name one study, or say --all", where="study", remedy="`whatworks list` shows the studies."
        )
    if study:
        return [study]
    found = [folder.name for folder in here.workspace().studies()]
    if not found:
        raise StudyError("there is no study yet", where="studies", remedy="Make one with `whatworks new`.")
    return found


def _verified(name: str, batch: progress.Batch) -> tuple[Verification, int]:
    """The verdict on a study, and the exit status it stands for; raises `StudyError` for no study."""
    from whatworks.study import open_study
    from whatworks.study import verify as verify_study
    from whatworks.study.verifying import unreadable

    here.workspace().study(name)
    with batch.study(Path(name).name) as step:
        try:
            opened = open_study(name, start=here.start())
        except StudyError as problem:
            return unreadable(name, problem), problem.exit_status
        found = verify_study(opened, render=step.around(_render), progress=step.tell)
    return found, 0 if found.ok else 1
