"""Run a study: execute, lift, render, swap in. The report's renderer is handed in from above."""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from whatworks.errors import RunError, did_you_mean, first_few
from whatworks.results import Result
from whatworks.study import engine, kept, people, provenance, record, swap
from whatworks.study.closing import asked_by
from whatworks.study.engine import Progress
from whatworks.study.folder import Study
from whatworks.study.spec import StudySpec
from whatworks.verdict import Asked

Render = Callable[[Mapping[str, Any], Result, StudySpec, Mapping[str, Any]], str]
"""(notebook, result, study, provenance) -> the report as HTML."""

_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))


@dataclass(frozen=True, slots=True)
class Produced:
    """What one execution gives: the result, where it came from, its files, what was left out."""

    result: Result
    provenance: Mapping[str, Any]
    files: Mapping[str, bytes]
    left_out: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Finished:
    """A run that became the record: the path of its report, and what was left out of it."""

    report: Path
    left_out: tuple[str, ...]


def produce(study: Study, *, render: Render, progress: Progress | None = None) -> Produced:
    """Execute a study in a fresh kernel and make every file of its record in memory; writes nothing.

    Raises `RunError` for a failed cell, a missing figure, a missing or damaged result, a check that the
    protocol owes and the run does not give.
    """
    where = f"study {study.slug}"
    named = people.labels(study)
    executed = engine.execute(
        study.template,
        study.parameters.given,
        folder=study.workspace.folder,
        names=study.workspace.names(),
        progress=progress,
    )
    record.lift(executed.notebook, where=where)
    stays = kept.kept(executed.notebook, people=named)
    lifted = record.lift(stays.notebook, where=where)
    record.refuse_missing_figures(stays.notebook, where=where)
    _refuse_owed_checks(study.spec, lifted.result, where)
    refuse_another_question(study.spec, lifted.asked, where)
    source = provenance.plain(provenance.of(study, lifted.files, lifted.result.seed))
    report = render(stays.notebook, lifted.result, study.spec, source)
    files = record.files(stays.notebook, lifted.result, source, report, asked_by(study.spec))
    people.refuse_named(files, named, where=where)
    return Produced(lifted.result, source, files, stays.left_out)


def refuse_another_question(words: StudySpec, shown: Asked | None, where: str) -> None:
    """Raise `RunError` for a notebook whose verdict rests on other words than those of the study."""
    if shown is not None and shown != asked_by(words):
        raise RunError(
            "the notebook judges its result by another question than study.yaml asks",
            where=where,
            remedy="Give the folder of this study to `ww.study.conclude(..., study=study)`.",
        )


def run(study: Study, *, render: Render, progress: Progress | None = None) -> Finished:
    """Run a study and make the outcome its record; returns the path of the report and what was left out.

    Raises `RunError` with the old record untouched and no file left behind: a failed cell, a full disk, a
    second run of the same study under way.
    """
    try:
        with swap.locked(study.folder, name=f"study {study.slug}"):
            swap.recover(study.folder)
            produced = produce(study, render=render, progress=progress)
            folder = swap.replace_whole(study.folder, produced.files)
    except OSError as problem:
        full = problem.errno in _FULL
        raise RunError(
            "the disk is full" if full else f"a file could not be written: {problem.strerror or problem}",
            where=f"study {study.slug}",
            remedy=("Free some space" if full else "Check that the study's folder can be written to")
            + " and run again. The record of the run before is untouched.",
        ) from problem
    return Finished(folder / record.REPORT, produced.left_out)


def _refuse_owed_checks(spec: StudySpec, result: Result, where: str) -> None:
    done = [_key(check.name) for check in result.checks]
    owed = [name for name in spec.protocol.checks if _key(name) not in done]
    if owed:
        names = [check.name for check in result.checks]
        raise RunError(
            f"the protocol owes checks that the run does not give: {first_few(map(repr, owed))}",
            where=where,
            remedy=f"{did_you_mean(owed[0], names)}The run gives {', '.join(map(repr, names)) or 'none'}.",
        )


def _key(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())
