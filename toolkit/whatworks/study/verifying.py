"""Re-run a study from its stored parameters and hold every field against its record."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from whatworks.errors import RecordError, WhatworksError
from whatworks.study import places, record, spec, tolerance
from whatworks.study.engine import Progress
from whatworks.study.folder import Study
from whatworks.study.hashing import file_hash, text_hash
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
        recorded, came_from = kept.json(record.RESULT), kept.provenance
        kept.result  # noqa: B018  a record that parses as JSON may still not be a result
    except RecordError as problem:
        return Verification(study.slug, (_cannot("record", str(problem)),))
    notes, same = _context(came_from)
    try:
        fields = list(_inputs(study, came_from))
    except (KeyError, TypeError, AttributeError) as problem:
        why = f"record/{record.PROVENANCE} is damaged: {problem}"
        return Verification(study.slug, (_cannot("record", why),))
    absent = [field for field in fields if field.verdict == "cannot re-run"]
    if absent:
        return Verification(study.slug, (*fields, _cannot("run", absent[0].why)), notes)
    try:
        produced = produce(study, render=render, progress=progress)
    except WhatworksError as problem:
        return Verification(study.slug, (*fields, _cannot("run", str(problem))), notes)
    fields += _data_added(came_from, produced)
    fields += _result_fields(recorded, json.loads(produced.files[record.RESULT]), produced, same)
    fields += _file_fields(kept, produced, same)
    return Verification(study.slug, tuple(fields), notes)


def unreadable(name: str, problem: WhatworksError) -> Verification:
    """The verdict on a study whose own files are not well formed."""
    return Verification(name, (_cannot("study", str(problem)),))


def _context(came_from: Mapping[str, Any]) -> tuple[tuple[str, ...], bool]:
    then, now = came_from.get("versions", {}), record.versions()
    differing = [
        f"{key} {then.get(key, 'unknown')} then, {now.get(key, 'unknown')} now"
        for key in sorted({*then, *now})
        if then.get(key) != now.get(key)
    ]
    if not differing:
        return (), True
    return (
        f"Another platform than the record's ({'; '.join(differing)}): numbers are compared to "
        f"{tolerance.ACROSS:g} relative, drawings and pages are not compared byte for byte.",
    ), False


def _inputs(study: Study, came_from: Mapping[str, Any]) -> Iterator[Field]:
    """Everything that goes into a run, against what went into the record."""
    yield _exact("study.yaml", came_from["study"]["sha256"], text_hash(study.folder / spec.STUDY_FILE))
    yield from _parameters(came_from["parameters"]["values"], study.parameters.applied)
    yield from _template(came_from["template"], study)
    for item in came_from["data"]:
        yield _data_file(study.workspace, item["name"], item["sha256"])
    yield _exact("library code", came_from["code"]["sha256"], record.code_hash())
    try:
        lock = record.environment(study.workspace)
    except WhatworksError as problem:
        yield Field("environment lock", "drift", str(came_from["environment"]), "", str(problem))
    else:
        yield _exact("environment lock", came_from["environment"], lock)


def _parameters(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Field]:
    for key in dict.fromkeys((*then, *now)):
        yield _exact(f"parameters.{key}", then.get(key, "(absent)"), now.get(key, "(absent)"))


def _template(then: Mapping[str, Any], study: Study) -> Iterator[Field]:
    yield _exact("template", then["name"], study.template.name)
    cells = study.template.cells
    for cell in dict.fromkeys((*then["cells"], *cells)):
        yield _exact(
            f"template cell {cell}", then["cells"].get(cell, "(absent)"), cells.get(cell, "(absent)")
        )
    if list(then["cells"]) != list(cells) and set(then["cells"]) == set(cells):
        yield Field("template cells", "drift", "in another order", "", "the order of the cells changed")
    if then["sha256"] != study.template.sha256 and then["cells"] == cells:
        yield Field(
            "template file",
            "drift",
            then["sha256"],
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


def _data_added(came_from: Mapping[str, Any], produced: Produced) -> list[Field]:
    known = {item["name"] for item in came_from["data"]}
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


def _file_fields(kept: Record, produced: Produced, same: bool) -> Iterator[Field]:
    if not same:
        return
    for name in sorted({*kept.files, *produced.files}):
        if name == record.PROVENANCE:
            continue  # each of its parts has a row of its own
        then, now = kept.files.get(name), produced.files.get(name)
        if then == now:
            yield Field(f"record/{name}", "match")
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
