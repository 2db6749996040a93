"""Re-run a study from its stored parameters and hold every field against its record."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from whatworks.errors import RecordError, WhatworksError
from whatworks.study import code, places, provenance, record, spec, texts, tolerance
from whatworks.study.engine import Progress
from whatworks.study.folder import Study
from whatworks.study.hashing import file_hash, text_hash
from whatworks.study.provenance import Provenance
from whatworks.study.record import Record
from whatworks.study.running import Produced, Render, produce

FieldVerdict = Literal["match", "drift", "cannot re-run"]


@dataclass(frozen=True, slots=True)
class Field:
    """One thing compared: what the record says, what the re-run gives, and how that is judged."""

    name: str
    verdict: FieldVerdict
    recorded: str = ""
    found: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Verification:
    """Every field of a study's record with its verdict, and what a reader must know about the comparison."""

    study: str
    fields: tuple[Field, ...]
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether every field matches."""
        return all(field.verdict == "match" for field in self.fields)

    def parted(self) -> tuple[Field, ...]:
        """The fields that do not match."""
        return tuple(field for field in self.fields if field.verdict != "match")


def verify(study: Study, *, render: Render, progress: Progress | None = None) -> Verification:
    """Re-execute a study in a fresh kernel and compare field by field; the record is never written.

    A record that is missing or damaged, or a study that no longer runs, gives `cannot re-run` with the
    reason. Raises nothing that a reviewer could cause.
    """
    try:
        kept = record.load(study.folder)
        recorded = kept.json(record.RESULT)
        came_from = provenance.parse(kept.json(record.PROVENANCE), where=f"record/{record.PROVENANCE}")
        kept.result  # noqa: B018  a record that parses as JSON may still not be a result
    except RecordError as problem:
        return Verification(study.slug, (_cannot("record", str(problem)),))
    notes, same = _context(came_from.versions, provenance.versions())
    fields = list(_inputs(study, came_from))
    absent = [field for field in fields if field.verdict == "cannot re-run"]
    if absent:
        return Verification(study.slug, (*fields, _cannot("run", absent[0].why)), notes)
    try:
        produced = produce(study, render=render, progress=progress)
    except WhatworksError as problem:
        return Verification(study.slug, (*fields, _cannot("run", str(problem))), notes)
    fields += _data_added(came_from, produced)
    fields += _rest(kept.json(record.PROVENANCE), produced.provenance)
    fields += _result_fields(recorded, json.loads(produced.files[record.RESULT]), produced, same)
    fields += _file_fields(kept, _in_the_words_of(came_from, study, produced, render, same), same)
    return Verification(study.slug, tuple(fields), notes)


def unreadable(name: str, problem: WhatworksError) -> Verification:
    """The verdict on a study whose own files are not well formed."""
    return Verification(name, (_cannot("study", str(problem)),))


def _context(then: Mapping[str, str], now: Mapping[str, str]) -> tuple[tuple[str, ...], bool]:
    """What a reader must know of the two environments, and whether they are the same."""
    differing = [
        f"{key} {then.get(key, 'unknown')} then, {now.get(key, 'unknown')} now"
        for key in sorted({*then, *now})
        if then.get(key) != now.get(key)
    ]
    if not differing:
        return (), True
    return (
        f"Another platform than the record's ({'; '.join(differing)}): numbers are compared to "
        f"{tolerance.ACROSS:g} relative, in drawings and pages too; every word is compared as it stands.",
    ), False


def _inputs(study: Study, came_from: Provenance) -> Iterator[Field]:
    """Everything that goes into a run, against what went into the record."""
    yield _exact("study.yaml", came_from.study.sha256, text_hash(study.folder / spec.STUDY_FILE))
    yield from _parameters(came_from.parameters.values, study.parameters.applied)
    yield from _template(came_from.template, study)
    for item in came_from.data:
        yield _data_file(study.workspace, item.name, item.sha256)
    yield from _code(came_from.code)
    try:
        lock = provenance.environment(study.workspace)
    except WhatworksError as problem:
        yield Field("environment lock", "drift", came_from.environment.lock, "", str(problem))
        return
    yield _exact("environment lock", came_from.environment, lock)
    pinned = provenance.pins(study.workspace) if came_from.environment == lock else {}
    yield from _versions(came_from.versions, provenance.versions(), pinned)


def _code(then: provenance.Code) -> Iterator[Field]:
    """The library as a whole, and each room whose code is another; comments and docstrings do not count."""
    yield _exact("library code", then.sha256, code.whole())
    now = code.rooms()
    for room in dict.fromkeys((*then.rooms, *now)):
        if then.rooms.get(room) != now.get(room):
            yield _exact(
                f"library code of {room}", then.rooms.get(room, "(absent)"), now.get(room, "(absent)")
            )


def _versions(
    then: Mapping[str, str], now: Mapping[str, str], pinned: Mapping[str, set[str]]
) -> Iterator[Field]:
    """What ran then against what runs now.

    Another Python, system or package version is no drift of the study. But a record names only versions that
    its own lock pins: else somebody changed its words, and they would loosen what is compared.
    """
    for name in dict.fromkeys((*then, *now)):
        was, is_ = then.get(name, "(absent)"), now.get(name, "(absent)")
        if was == is_:
            yield Field(f"versions.{name}", "match", was, is_)
        elif name not in then or name not in now:
            yield Field(f"versions.{name}", "drift", was, is_, "only one of them names it")
        elif name in pinned and was not in pinned[name]:
            yield Field(f"versions.{name}", "drift", was, is_, "its own lock pins another version")
        else:
            yield Field(f"versions.{name}", "match", was, is_, "this environment is another one")


def _parameters(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Field]:
    for key in dict.fromkeys((*then, *now)):
        yield _exact(f"parameters.{key}", then.get(key, "(absent)"), now.get(key, "(absent)"))


def _template(then: provenance.TemplateFile, study: Study) -> Iterator[Field]:
    yield _exact("template", then.name, study.template.name)
    cells = study.template.cells
    for cell in dict.fromkeys((*then.cells, *cells)):
        yield _exact(f"template cell {cell}", then.cells.get(cell, "(absent)"), cells.get(cell, "(absent)"))
    if list(then.cells) != list(cells) and set(then.cells) == set(cells):
        yield Field("template cells", "drift", "in another order", "", "the order of the cells changed")
    if then.sha256 != study.template.sha256 and then.cells == cells:
        yield Field(
            "template file",
            "drift",
            then.sha256,
            study.template.sha256,
            "tags or metadata of a cell changed",
        )


def _data_file(workspace: places.Workspace, name: str, then: str) -> Field:
    try:
        path = workspace.path(name)
    except WhatworksError as problem:
        return Field(f"data {name}", "cannot re-run", then, "", str(problem))
    if not path.is_file():
        return Field(f"data {name}", "drift", then, "(absent)", "the file is gone")
    return _exact(f"data {name}", then, file_hash(path))


def _data_added(came_from: Provenance, produced: Produced) -> list[Field]:
    known = {item.name for item in came_from.data}
    return [
        Field(
            f"data {item['name']}", "drift", "(absent)", item["sha256"], "the record did not read this file"
        )
        for item in produced.provenance["data"]
        if item["name"] not in known
    ]


def _result_fields(
    then: Mapping[str, Any], now: Mapping[str, Any], produced: Produced, same: bool
) -> Iterator[Field]:
    rule = tolerance.Rule(
        same_platform=same, simulated=produced.result.seed is not None, draws=tolerance.draws_of(now)
    )
    before, after = tolerance.flatten(then), tolerance.flatten(now)
    for name in dict.fromkeys((*before, *after)):
        if name not in before or name not in after:
            yield Field(
                f"result.{name}", "drift", _word(before, name), _word(after, name), "only one of them has it"
            )
            continue
        why = tolerance.differs(name, before[name], after[name], rule)
        yield Field(f"result.{name}", "drift" if why else "match", repr(before[name]), repr(after[name]), why)


def _rest(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Field]:
    """Every field of the provenance that has no row of its own above."""
    before, after = tolerance.flatten(then), tolerance.flatten(now)
    for name in dict.fromkeys((*before, *after)):
        if not name.startswith(_COMPARED):
            yield _exact(f"provenance.{name}", before.get(name, "(absent)"), after.get(name, "(absent)"))


_COMPARED = (
    "study.sha256",
    "parameters.values",
    "template.",
    "data[",
    "code.sha256",
    "code.rooms",
    "environment",
    "versions",
)


def _in_the_words_of(
    came_from: Provenance, study: Study, produced: Produced, render: Render, same: bool
) -> Mapping[str, bytes]:
    """The files of the re-run; on another platform its report names the versions of the record."""
    if same:
        return produced.files
    source = {**produced.provenance, "versions": dict(came_from.versions)}
    notebook = json.loads(produced.files[record.NOTEBOOK])
    report = render(notebook, produced.result, study.spec, source)
    return {**produced.files, record.REPORT: report.encode("utf-8")}


def _file_fields(kept: Record, made: Mapping[str, bytes], same: bool) -> Iterator[Field]:
    for name in sorted({*kept.files, *made}):
        if name == record.PROVENANCE:
            continue  # each of its parts has a row of its own
        if name == record.RESULT and not same:
            continue  # so has each of its fields, by kind of quantity
        then, now = kept.files.get(name), made.get(name)
        if then == now:
            yield Field(f"record/{name}", "match")
        elif then is not None and now is not None and not same:
            why = texts.differs(
                then.decode("utf-8", "replace"), now.decode("utf-8", "replace"), tolerance.ACROSS
            )
            yield Field(f"record/{name}", "drift" if why else "match", why=why)
        elif then is None or now is None:
            yield Field(
                f"record/{name}", "drift", "present" if then else "absent", "present" if now else "absent"
            )
        else:
            at = next(
                (i for i, (a, b) in enumerate(zip(then, now, strict=False)) if a != b),
                min(len(then), len(now)),
            )
            line = then[:at].count(b"\n") + 1
            yield Field(
                f"record/{name}",
                "drift",
                f"{len(then):,} bytes",
                f"{len(now):,} bytes",
                f"first on line {line}",
            )


def _exact(name: str, then: Any, now: Any) -> Field:
    verdict: FieldVerdict = "match" if then == now else "drift"
    return Field(name, verdict, str(then), str(now))


def _word(values: Mapping[str, Any], name: str) -> str:
    return repr(values[name]) if name in values else "(absent)"


def _cannot(name: str, why: str) -> Field:
    return Field(name, "cannot re-run", why=why)
