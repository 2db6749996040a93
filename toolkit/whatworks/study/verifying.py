"""Re-run a study from its stored parameters and hold every field against its record."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from whatworks.errors import RecordError, WhatworksError
from whatworks.study import code, places, provenance, record, spec, texts, tolerance
from whatworks.study.closing import asked_by
from whatworks.study.engine import Progress
from whatworks.study.folder import Study
from whatworks.study.hashing import file_hash, text_hash
from whatworks.study.kept import kept as what_stays
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
    setting = _setting(came_from.versions, study.workspace)
    notes = setting.notes
    fields = list(_inputs(study, came_from))
    absent = [field for field in fields if field.verdict == "cannot re-run"]
    if absent:
        return Verification(study.slug, (*fields, _cannot("run", absent[0].why)), notes)
    try:
        produced = produce(study, render=render, progress=progress)
    except WhatworksError as problem:
        return Verification(study.slug, (*fields, _cannot("run", str(problem))), notes)
    fields += _data_read(came_from, produced)
    fields += _rest(kept.json(record.PROVENANCE), produced.provenance)
    fields += _result_fields(recorded, json.loads(produced.files[record.RESULT]), produced, setting)
    fields.append(_as_written(kept, came_from))
    fields += _same_files(kept, produced) if setting.same else _own_files(kept, study, render)
    if not setting.same:
        fields.append(_notebook(kept, produced, setting))
    return Verification(study.slug, tuple(fields), notes)


def unreadable(name: str, problem: WhatworksError) -> Verification:
    """The verdict on a study whose own files are not well formed."""
    return Verification(name, (_cannot("study", str(problem)),))


@dataclass(frozen=True, slots=True)
class _Setting:
    """Where the re-run stands beside the record.

    Attributes:
        same: the record names what runs here, so that every byte is held against the re-run. Its own words
            can undo that, and then allow no more than 1e-5.
        redrawn: what runs here is not what the workspace's lock pins, so that a seed may draw something else:
            a fact of this environment.
        notes: what a reader must know.
    """

    same: bool
    redrawn: bool
    notes: tuple[str, ...]


def _setting(then: Mapping[str, str], workspace: places.Workspace) -> _Setting:
    now, unpinned, notes = provenance.versions(), provenance.unpinned(workspace), []
    differing = [name for name in dict.fromkeys((*then, *now)) if then.get(name) != now.get(name)]
    if differing:
        words = (f"{name} {then.get(name, 'unknown')}, here {now.get(name, 'unknown')}" for name in differing)
        notes.append(
            f"The record names another environment than this one ({'; '.join(words)}). These are its own "
            f"words, so they allow no more than {tolerance.ACROSS:g} relative in a number; every word is "
            "compared as it stands, and pages with what the recorded notebook and result give."
        )
    if differing and not provenance.pins(workspace):
        notes.append(
            f"{places.MARKER} names no lock that pins versions, so nothing here decides whether the record "
            "was made with the versions it names."
        )
    if unpinned:
        words = (f"{name} {version}" for name, version in unpinned.items())
        notes.append(
            f"Here runs something else than {workspace.environment_lock} pins ({', '.join(words)}): numbers, "
            "draws and pages may part for that reason alone. Install what it pins to decide."
        )
    same = not differing
    return _Setting(same, not same and any(name in unpinned for name in provenance.COMPUTE), tuple(notes))


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
    verdict: FieldVerdict = "match" if came_from.environment == lock else "drift"
    yield Field("environment lock", verdict, *map(_lock_words, (came_from.environment, lock)))
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

    Another Python or system is no drift of the study, and with them the versions that the lock pins for them.
    But a record names no version that its own lock does not pin; and on the Python and system that run here,
    with what the lock pins for them, it names that. Else somebody changed its words.
    """
    alike = all(then.get(name) == now[name] for name in ("python", "platform"))
    for name in dict.fromkeys((*then, *now)):
        was, is_, allowed = then.get(name, "(absent)"), now.get(name, "(absent)"), pinned.get(name, set())
        if was == is_:
            yield Field(f"versions.{name}", "match", was, is_)
        elif name not in then or name not in now:
            yield Field(f"versions.{name}", "drift", was, is_, "only one of them names it")
        elif allowed and was not in allowed:
            yield Field(f"versions.{name}", "drift", was, is_, "its own lock pins another version")
        elif alike and is_ in allowed:
            yield Field(f"versions.{name}", "drift", was, is_, "the lock pins what runs here")
        else:
            yield Field(f"versions.{name}", "match", was, is_, "the record's own word: it cannot be decided")


def _lock_words(lock: provenance.Lock) -> str:
    return " ".join(filter(None, (lock.lock, lock.sha256, lock.not_available)))


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


def _data_read(came_from: Provenance, produced: Produced) -> Iterator[Field]:
    """The files that only the record or only the re-run read; the hashes have rows of their own."""
    then = [(item.name, item.sha256) for item in came_from.data]
    now = [(item["name"], item["sha256"]) for item in produced.provenance["data"]]
    before, after = dict(then), dict(now)
    for name in dict.fromkeys((*before, *after)):
        if name not in before:
            why = "the record did not read this file"
            yield Field(f"data {name}", "drift", "(absent)", after[name], why)
        elif name not in after:
            yield Field(
                f"data {name}", "drift", before[name], "(absent)", "the study does not read this file"
            )
    names = [name for name, _ in then]
    if set(before) == set(after) and names != [name for name, _ in now]:
        yield Field("data files", "drift", why="in another order, or one of them twice")


def _result_fields(
    then: Mapping[str, Any], now: Mapping[str, Any], produced: Produced, setting: _Setting
) -> Iterator[Field]:
    rule = tolerance.Rule(
        same_platform=setting.same,
        simulated=produced.result.seed is not None,
        draws=tolerance.draws_of(now) if setting.redrawn else None,
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


def _as_written(kept: Record, came_from: Provenance) -> Field:
    """That the file holds its fields and nothing else: no field twice, no other layout."""
    written = provenance.text(provenance.plain(came_from)).encode("utf-8")
    return _file(record.PROVENANCE, kept.files[record.PROVENANCE], written)


def _same_files(kept: Record, produced: Produced) -> Iterator[Field]:
    """Every file of the record against that of the re-run, byte for byte; each field of one has its row."""
    for name in sorted({*kept.files, *produced.files} - {record.PROVENANCE}):
        yield _file(name, kept.files.get(name), produced.files.get(name))


def _own_files(kept: Record, study: Study, render: Render) -> Iterator[Field]:
    """Every file made of others against what the record's own notebook and result give, byte for byte.

    It needs no second platform: an edited page, drawing or table shows on any.
    """
    try:
        notebook, result = kept.json(record.NOTEBOOK), kept.result
        if what_stays(notebook).notebook != notebook:
            yield Field(_NOTEBOOK, "drift", why="an output holds more than its presenter put into it")
        handed_over = record.lift(notebook, where=_NOTEBOOK)
        if json.loads(handed_over.result.to_json()) != json.loads(result.to_json()):
            yield Field(_NOTEBOOK, "drift", why=f"its result is not that of {record.RESULT}")
        if handed_over.asked not in (None, asked_by(study.spec)):
            yield Field(_NOTEBOOK, "drift", why="its verdict answers another question than study.yaml asks")
        source = kept.json(record.PROVENANCE)
        report = render(notebook, result, study.spec, source)
        made = record.files(notebook, result, source, report, asked_by(study.spec))
    except (WhatworksError, KeyError, TypeError, AttributeError, ValueError) as problem:
        yield Field(_NOTEBOOK, "drift", why=f"not a notebook that a run wrote: {problem}")
        return
    for name in sorted({*kept.files, *made} - {record.PROVENANCE, record.NOTEBOOK}):
        yield _file(name, kept.files.get(name), made.get(name))


def _notebook(kept: Record, produced: Produced, setting: _Setting) -> Field:
    """The notebook against that of the re-run: word by word, with numbers as close as they can be."""
    then, now = kept.files.get(record.NOTEBOOK), produced.files[record.NOTEBOOK]
    if then is None:
        return _file(record.NOTEBOOK, then, now)
    drawn = setting.redrawn and produced.result.seed is not None
    limit = math.inf if drawn else tolerance.ACROSS
    why = texts.differs(then.decode("utf-8", "replace"), now.decode("utf-8"), limit)
    return Field(_NOTEBOOK, "drift" if why else "match", why=why)


_NOTEBOOK = f"record/{record.NOTEBOOK}"


def _file(name: str, then: bytes | None, now: bytes | None) -> Field:
    if then == now:
        return Field(f"record/{name}", "match")
    if then is None or now is None:
        there = ("present" if then is not None else "absent", "present" if now is not None else "absent")
        return Field(f"record/{name}", "drift", *there)
    at = next(
        (i for i, (a, b) in enumerate(zip(then, now, strict=False)) if a != b), min(len(then), len(now))
    )
    line = then[:at].count(b"\n") + 1
    sizes = (f"{len(then):,} bytes", f"{len(now):,} bytes")
    return Field(f"record/{name}", "drift", *sizes, f"first on line {line}")


def _exact(name: str, then: Any, now: Any) -> Field:
    verdict: FieldVerdict = "match" if _written(then) == _written(now) else "drift"
    return Field(name, verdict, str(then), str(now))


def _written(value: Any) -> str:
    """A value as JSON, in which 1, 1.0 and true are three."""
    return json.dumps(msgspec.to_builtins(value), sort_keys=True)


def _word(values: Mapping[str, Any], name: str) -> str:
    return repr(values[name]) if name in values else "(absent)"


def _cannot(name: str, why: str) -> Field:
    return Field(name, "cannot re-run", why=why)
