"""Where a result came from, as one typed value: parsed strictly, compared whole."""

from __future__ import annotations

import json
import platform
import re
import sys
from collections.abc import Mapping
from importlib import metadata
from typing import Any

import msgspec

from whatworks.errors import RecordError, StudyError
from whatworks.study import code, places, spec
from whatworks.study.folder import Study
from whatworks.study.hashing import bytes_hash, text_hash

SCHEMA = "whatworks.provenance/2"
COMPUTE = ("numpy", "pandas", "scipy")
"""Packages whose version may move a number, or what a seed draws."""
PACKAGES = (*COMPUTE, "whatworks")
_SHOW = ("bleach", "jinja2", "markupsafe", "matplotlib", "mistune", "nbformat", "papermill")
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)


class StudyFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which study, and the hash of its `study.yaml`."""

    slug: str
    sha256: str


class TemplateFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which template: hash of the file, and of each cell by id."""

    name: str
    sha256: str
    cells: dict[str, str]


class Given(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All parameters that applied, and their hash."""

    sha256: str
    values: dict[str, Any]


class DataFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file that was read: its name in the study's own words, and its hash."""

    name: str
    sha256: str


class Code(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The library: hash of all of it, and of each room."""

    package: str
    sha256: str
    rooms: dict[str, str]


class Lock(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The file that pins package versions, or why there is none."""

    lock: str = ""
    sha256: str = ""
    not_available: str = ""


class Seeds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The seed of whatever was drawn."""

    seed: int | None


class Provenance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a result came from; nothing of the machine, the user or the clock."""

    schema: str
    study: StudyFile
    template: TemplateFile
    parameters: Given
    data: list[DataFile]
    code: Code
    environment: Lock
    versions: dict[str, str]
    seeds: Seeds


def of(study: Study, files: tuple[tuple[str, str], ...], seed: int | None) -> Provenance:
    """The provenance of a run: hashes, versions and seeds."""
    applied = dict(study.parameters.applied)
    return Provenance(
        schema=SCHEMA,
        study=StudyFile(study.slug, text_hash(study.folder / spec.STUDY_FILE)),
        template=TemplateFile(study.template.name, study.template.sha256, dict(study.template.cells)),
        parameters=Given(bytes_hash(json.dumps(applied, sort_keys=True).encode()), applied),
        data=[DataFile(name, sha256) for name, sha256 in files],
        code=Code("whatworks", code.whole(), code.rooms()),
        environment=environment(study.workspace),
        versions=versions(),
        seeds=Seeds(seed),
    )


def plain(found: Provenance) -> dict[str, Any]:
    """It as JSON-ready values, in the order of its fields."""
    values: dict[str, Any] = msgspec.to_builtins(found)
    return values


def text(source: Mapping[str, Any]) -> str:
    """A provenance as `provenance.json` holds it; there is one way to write it."""
    return json.dumps(source, indent=1, ensure_ascii=False) + "\n"


def parse(data: dict[str, Any], *, where: str) -> Provenance:
    """The provenance that `plain` wrote; raises `RecordError` for anything less or more."""
    if data.get("schema") != SCHEMA:
        raise RecordError(
            f"schema is {data.get('schema')!r}, not {SCHEMA!r}", where=where, remedy="Run the study again."
        )
    try:
        return msgspec.convert(data, Provenance, strict=True)
    except msgspec.ValidationError as problem:
        raise RecordError(
            f"not a provenance: {problem}", where=where, remedy="Run the study again."
        ) from problem


def environment(workspace: places.Workspace) -> Lock:
    """The file that pins package versions with its hash, or why there is none."""
    if not workspace.environment_lock:
        return Lock(not_available=f"{places.MARKER} names no environment_lock")
    path = workspace.path(workspace.environment_lock)
    if not path.is_file():
        raise StudyError(
            f"environment_lock names {workspace.environment_lock!r}, which is not there",
            where=places.MARKER,
            remedy="Name the file that pins the package versions, or remove the line.",
        )
    return Lock(workspace.environment_lock, text_hash(path))


def versions() -> dict[str, str]:
    """What ran: Python's minor version, the packages that compute, system and processor family."""
    found = {"python": f"{sys.version_info.major}.{sys.version_info.minor}"}
    found |= {name: metadata.version(name) for name in PACKAGES}
    return found | {"platform": f"{sys.platform}-{platform.machine().lower()}"}


def pins(workspace: places.Workspace) -> dict[str, set[str]]:
    """The versions that the lock of a workspace pins, by package; empty without a lock that pins any.

    A package may have several, one for each Python.
    """
    try:
        path = workspace.path(workspace.environment_lock) if workspace.environment_lock else None
    except StudyError:  # outside the workspace: `environment` says so
        return {}
    lines = path.read_text(encoding="utf-8", errors="replace") if path and path.is_file() else ""
    found: dict[str, set[str]] = {}
    for name, version in _PIN.findall(lines):
        found.setdefault(name.lower(), set()).add(version)
    return found


def unpinned(workspace: places.Workspace) -> dict[str, str]:
    """Packages that run here in another version than the workspace's lock pins, with the version that runs.

    A fact of this environment: no word of a record enters. Empty without a lock.
    """
    pinned = pins(workspace)
    here = {name: metadata.version(name) for name in (*COMPUTE, *_SHOW) if name in pinned}
    return {name: version for name, version in here.items() if version not in pinned[name]}
