"""The reporting checklist of a trial: what the study's record answers, and what is still open."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any, Final

from whatworks.errors import StudyError
from whatworks.present.table import Table
from whatworks.rct.allocation import Allocation

ITEMS: Final = "consort_2025.csv"
OPEN: Final = "Open"
HELD: Final = "In the record"
_LONG: Final = 160


def checklist(folder: Path, *, allocation: Allocation | None = None) -> Table:
    """Go through CONSORT 2025 with a study folder, item by item.

    Args:
        folder: a study folder with its record.
        allocation: the allocation record of its trial.

    Returns:
        One row an item: number, topic, what it asks, whether the record holds an answer, and the answer or
        what is needed. That the record holds something does not say that it is enough: a person reads it.

    Raises:
        StudyError: a folder that is not a study, or one without a record.
        RecordError: a damaged record.

    Source: Hopewell et al. (2025), PLOS Medicine 22(4):e1004587, table 1 (CC BY); items 27 to 30 by topic.
    """
    held = _held(folder, allocation)
    rows = tuple(_row(item, held) for item in items())
    done = sum(row[3] == HELD for row in rows)
    return Table(
        "checklist",
        "Reporting checklist (CONSORT 2025)",
        ("Item", "Topic", "What it asks", "State", "Answer, or what is needed"),
        rows,
        (False,) * 5,
        f"The record holds something on {done} of {len(rows)} items; whether it is enough is for a reader to "
        "say.",
    )


def items() -> list[dict[str, str]]:
    """The items: number, topic, what it asks, the field of the record that answers, what is needed else."""
    text = resources.files("whatworks.publish").joinpath(ITEMS).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def _held(folder: Path, allocation: Allocation | None) -> dict[str, Any]:
    import msgspec

    from whatworks.study import record, spec

    path = folder / spec.STUDY_FILE
    if not path.is_file():
        raise StudyError("this folder is no study", where=str(folder.name), remedy=f"It has no {path.name}.")
    kept = record.load(folder)
    result = kept.json(record.RESULT)
    result["checks"] = {check["name"]: check["reason"] for check in result["checks"]}
    provenance = kept.provenance
    return {
        "study": msgspec.yaml.decode(path.read_bytes()),
        "parameters": provenance["parameters"]["values"],
        "result": result,
        "provenance": provenance,
        "allocation": {} if allocation is None else dict(allocation.record),
    }


def _row(item: Mapping[str, str], held: Mapping[str, Any]) -> tuple[str, ...]:
    found = _words(_looked_up(held, item["field"])) if item["field"] else ""
    state, answer = (HELD, found) if found else (OPEN, f"Needed: {item['needed']}.")
    return item["item"], item["topic"], f"{item['asks'][:1].upper()}{item['asks'][1:]}", state, answer


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
