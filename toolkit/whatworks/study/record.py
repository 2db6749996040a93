"""The record of a run: the result lifted from the notebook, where it came from, and the files it becomes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from whatworks import result_json
from whatworks.errors import RecordError, RunError, first_few
from whatworks.present import FIGURE_MIME
from whatworks.results import Result
from whatworks.study import provenance, swap
from whatworks.study.closing import MIME, asked_in
from whatworks.verdict import Asked, judge

RESULT, PROVENANCE, NOTEBOOK, REPORT = "result.json", "provenance.json", "notebook.ipynb", "report.html"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Lifted:
    """What a notebook hands over: its result, the data files it read (name, sha256), and what was asked."""

    result: Result
    files: tuple[tuple[str, str], ...]
    asked: Asked | None


@dataclass(frozen=True, slots=True)
class Record:
    """A record as it lies on disk: every file by relative name."""

    files: Mapping[str, bytes]

    def json(self, name: str) -> dict[str, Any]:
        """One of its JSON files; raises `RecordError` where it is missing or damaged."""
        if name not in self.files:
            raise RecordError("the file is missing", where=f"record/{name}", remedy=_AGAIN)
        try:
            data = json.loads(self.files[name].decode("utf-8"))
        except (UnicodeDecodeError, json.JSONDecodeError) as problem:
            raise RecordError(f"not JSON: {problem}", where=f"record/{name}", remedy=_AGAIN) from problem
        if not isinstance(data, dict):
            raise RecordError("not a JSON object", where=f"record/{name}", remedy=_AGAIN)
        return data

    @property
    def result(self) -> Result:
        """The result; raises `RecordError` where it is missing or damaged."""
        return Result.from_json(json.dumps(self.json(RESULT)))

    @property
    def provenance(self) -> dict[str, Any]:
        """Where it came from; raises `RecordError` where it is missing or damaged."""
        data = self.json(PROVENANCE)
        provenance.parse(data, where=f"record/{PROVENANCE}")
        return data


_AGAIN = "Run the study again."


def load(study_folder: Path) -> Record:
    """The record of a study; raises `RecordError` where there is none."""
    folder = study_folder / swap.RECORD
    if not folder.is_dir() and any(study_folder.glob(f"{swap.TEMPORARY}*/old")):
        with swap.locked(study_folder, name=study_folder.name):
            swap.recover(study_folder)
    if not folder.is_dir():
        raise RecordError(
            "this study has no record yet", where=study_folder.name, remedy="Make one with `whatworks run`."
        )
    return Record({path.relative_to(folder).as_posix(): path.read_bytes() for path in _visible(folder)})


def lift(notebook: Mapping[str, Any], *, where: str) -> Lifted:
    """The one result that a notebook displays; raises `RunError` for none, several or a damaged one."""
    found = [
        (output["data"][MIME], output.get("metadata", {}).get(MIME, {}))
        for cell in notebook["cells"]
        for output in cell.get("outputs", [])
        if MIME in output.get("data", {})
    ]
    if len(found) != 1:
        raise RunError(
            f"the notebook hands over {len(found)} results where it owes one",
            where=where,
            remedy="End the template with exactly one `ww.study.conclude(...)`.",
        )
    data, extra = found[0]
    try:
        result = Result.from_json(json.dumps(data))
        files = tuple((item["name"], item["sha256"]) for item in extra.get("files", []))
        asked = asked_in(extra)
    except (RecordError, KeyError, TypeError) as problem:
        raise RunError(f"the result is incomplete: {problem}", where=where, remedy=_AGAIN) from problem
    return Lifted(result, files, asked)


def refuse_missing_figures(notebook: Mapping[str, Any], *, where: str) -> None:
    """Raise `RunError` when a cell tagged `figure` shows no figure."""
    empty = [
        cell["id"]
        for cell in notebook["cells"]
        if "figure" in cell.get("metadata", {}).get("tags", []) and not list(_images(cell))
    ]
    if empty:
        raise RunError(
            f"no figure came out of the cells {first_few(map(repr, empty))}",
            where=where,
            remedy="A report without its figure is not published; see what the cell displays.",
        )


def files(
    notebook: Mapping[str, Any], result: Result, source: Mapping[str, Any], report: str, asked: Asked
) -> dict[str, bytes]:
    """Everything a record holds, by relative name; the notebook has only what may stay (`study.kept`).

    Beside the result stands the verdict on it by what the study `asked`.
    """
    verdict = judge(result, asked).to_dict()
    found = {
        RESULT: result_json.dumps(result, verdict=verdict).encode("utf-8"),
        PROVENANCE: provenance.text(source).encode("utf-8"),
        NOTEBOOK: notebook_text(notebook).encode("utf-8"),
        REPORT: report.encode("utf-8"),
    }
    shown = [image for cell in notebook["cells"] for image in _images(cell)]
    found |= {f"figures/{name}": content for name, content in shown}
    stored = result_json.to_dict(result)
    tables = {"effects": stored["effects"], "secondary": [_secondary_row(x) for x in stored["secondary"]]}
    tables |= {f"check-{_slug(c.name)}": result_json.frame_to_records(c.table) for c in result.checks}
    tables |= {f"figure-{_slug(figure['name'])}": _in_order(figure) for figure in _figures(notebook)}
    for name, rows in tables.items():
        if rows:
            found[f"tables/{name}.csv"] = _csv(rows).encode("utf-8")
    return found


def notebook_text(notebook: Mapping[str, Any]) -> str:
    """The notebook as it is stored: sorted keys, LF, one trailing newline."""
    return json.dumps(notebook, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _visible(folder: Path) -> list[Path]:
    """Every file under a folder in order, without what editors and systems hide there."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return sorted(p for p in found if not any(part.startswith(".") for part in p.relative_to(folder).parts))


def _secondary_row(item: Mapping[str, Any]) -> dict[str, Any]:
    numbers = ("value", "std_error", "low", "high", "p_value")
    row = {"outcome": item["outcome"], **{name: item["estimate"][name] for name in numbers}}
    return {**row, "p_adjusted": item["p_adjusted"], "adjustment": item["adjustment"]}


def _figures(notebook: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The figures of ours that a notebook shows, with their data."""
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            if FIGURE_MIME in output.get("data", {}):
                yield output["data"][FIGURE_MIME]


def _in_order(figure: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The numbers of a figure, columns as it was drawn from them: a stored notebook has its keys sorted."""
    return [{name: row[name] for name in figure["columns"] if name in row} for row in figure["table"]]


def _images(cell: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
    """The drawings that a cell shows, as (file name, bytes)."""
    for output in cell.get("outputs", []):
        data = output.get("data", {})
        if FIGURE_MIME in data:
            yield f"{_slug(data[FIGURE_MIME]['name'])}.svg", data[FIGURE_MIME]["svg"].encode("utf-8")


def _csv(rows: list[dict[str, Any]]) -> str:
    import csv
    import io

    columns = list(dict.fromkeys(key for row in rows for key in row))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(row.get(key, "")) for key in columns])
    return out.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, dict):
        return ""
    # a text that a spreadsheet would run as a formula is kept a text
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "check"
