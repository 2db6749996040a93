"""The reporting checklist of a trial: what the study's record answers, and what is still open."""

from __future__ import annotations

import csv
import dataclasses
import json
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any, Final

from whatworks.errors import StudyError
from whatworks.publish.words import StudyWords
from whatworks.results import Result
from whatworks.shown import Table

ITEMS, EXTENSIONS = "consort_2025.csv", "consort_extensions.csv"
OPEN: Final = "Open"
HELD: Final = "In the record"
RECORD: Final = "Allocation record"
UNCONFIRMED: Final = "memory"
SOURCES: Final = {
    "cluster": "Campbell et al. (2012)",
    "crossover": "Dwan et al. (2019)",
    "stepped wedge": "Hemming et al. (2018)",
}
KINDS: Final = {"rct.crossover": "crossover", "rct.stepped_wedge": "stepped wedge"}
_LONG: Final = 160


def checklist(folder: Path) -> Table:
    """Go through the checklist with a study folder that has a record; columns and rules as in `filled`.

    Raises:
        StudyError: a folder that is not a study, or one without a record.
        RecordError: a damaged record.
    """
    from whatworks.study import record, spec

    if not (folder / spec.STUDY_FILE).is_file():
        raise StudyError(
            "this folder is no study", where=str(folder.name), remedy=f"It has no {spec.STUDY_FILE}."
        )
    kept = record.load(folder)
    words = StudyWords.from_spec(folder.name, spec.load_study(folder, name=folder.name))
    return filled(kept.result, words, kept.provenance)


def filled(result: Result, study: StudyWords, provenance: Mapping[str, Any]) -> Table:
    """Go through CONSORT 2025 and the extension that fits the design, item by item.

    Args:
        result: what the trial found, with its checks.
        study: the study's words.
        provenance: hashes, parameters and seeds, as `provenance.json` holds them.

    Returns:
        One row an item: number, topic, what it asks, whether the record holds an answer, and the answer or
        what is needed. That the record holds something does not say that it is enough: a person reads it.
        Items of an extension keep the number of CONSORT 2010 and name their extension.

    Source: Hopewell et al. (2025), PLOS Medicine 22(4):e1004587, table 1 (CC BY); items 27 to 30 by topic.
    Campbell et al. (2012), BMJ 345:e5661; Dwan et al. (2019), BMJ 366:l4378; Hemming et al. (2018), BMJ
    363:k1614: an item marked "from memory" was not held against its source.
    """
    held = _held(result, study, provenance)
    kind = _kind(result, provenance)
    more = [item for item in extensions() if item["kind"] == kind]
    rows = tuple(_row(item, held) for item in (*items(), *more))
    done = sum(row[3] == HELD for row in rows)
    extension = f", and its extension to {kind} trials, {SOURCES[kind]}" if kind else ""
    memory = " Marked [from memory]: not held against the source." if more else ""
    return Table(
        "checklist",
        f"Reporting checklist (CONSORT 2025{extension})",
        ("Item", "Topic", "What it asks", "State", "Answer, or what is needed"),
        rows,
        (False,) * 5,
        f"The record holds something on {done} of {len(rows)} items; whether it is enough is for a reader to "
        f"say.{memory}",
    )


def items() -> list[dict[str, str]]:
    """The items: number, topic, what it asks, the field of the record that answers, what is needed else."""
    return _read(ITEMS)


def extensions() -> list[dict[str, str]]:
    """The items of the extensions, with the kind of trial, and whether they are `confirmed` or `memory`."""
    return _read(EXTENSIONS)


def _read(name: str) -> list[dict[str, str]]:
    text = resources.files("whatworks.publish").joinpath(name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def _kind(result: Result, provenance: Mapping[str, Any]) -> str:
    """Which extension applies: by the analysis, else `cluster` where the study names clusters."""
    clustered = bool(_looked_up(provenance, "parameters.values.cluster"))
    return KINDS.get(result.method, "cluster" if clustered else "")


def _held(result: Result, study: StudyWords, provenance: Mapping[str, Any]) -> dict[str, Any]:
    drawn = [check.table for check in result.checks if check.name == RECORD and "what" in check.table]
    applied = [check for check in result.checks if check.verdict != "not_applicable"]
    found = json.loads(result.to_json())
    found["checks"] = {check.name: check.reason for check in applied}
    return {
        "study": dataclasses.asdict(study),
        "parameters": _looked_up(provenance, "parameters.values"),
        "result": found,
        "provenance": provenance,
        "drawn": dict(zip(drawn[0]["what"], drawn[0]["value"], strict=True)) if drawn else {},
    }


def _row(item: Mapping[str, str], held: Mapping[str, Any]) -> tuple[str, ...]:
    found = _words(_looked_up(held, item["field"])) if item["field"] else ""
    state, answer = (HELD, found) if found else (OPEN, f"Needed: {item['needed']}.")
    asks = f"{item['asks'][:1].upper()}{item['asks'][1:]}"
    number = f"{item['item']} {item.get('kind', '')}".strip()
    if item.get("known") == UNCONFIRMED:
        asks += " [from memory]"
    return number, item["topic"], asks, state, answer


def _looked_up(held: Any, field: str) -> Any:
    for part in field.split("."):
        if not isinstance(held, Mapping) or part not in held:
            return None
        held = held[part]
    return held


def _words(value: Any) -> str:
    """A value of the record as a cell; nothing for what is empty or not available."""
    if value is None or value in ("", [], {}) or (isinstance(value, Mapping) and "not_available" in value):
        return ""
    if isinstance(value, Mapping):
        value = value.get("estimand", json.dumps(value, ensure_ascii=False))
    if isinstance(value, list):
        named = (x.get("name", x.get("outcome")) if isinstance(x, Mapping) else x for x in value)
        value = ", ".join(str(x) for x in named)
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return text if len(text) <= _LONG else f"{text[: _LONG - 1].rstrip()}…"
