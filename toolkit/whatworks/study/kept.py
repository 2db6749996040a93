"""What of a notebook may stay: an allow-list of what the library's own presenters make.

Everything else is left out of the record and named in its place: printed text, tables of data frames, bare
pictures, warnings, and whatever lies beside an output of ours, such as its own HTML or metadata. What stays
is read strictly, written anew from what was read, and says what its rows stand for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from whatworks.errors import RecordError
from whatworks.present import FIGURE_MIME, Figure
from whatworks.results import Result
from whatworks.shown import SHOWN_MIME, Note, Part, Table, bundle, read
from whatworks.study.closing import MIME, Conclusion, asked_in
from whatworks.study.people import anonymous, named

_OURS = (FIGURE_MIME, SHOWN_MIME, MIME)
_CELL_KEYS = ("cell_type", "id", "source", "execution_count")


@dataclass(frozen=True, slots=True)
class Kept:
    """A notebook with what may stay, and what was left out, a sentence each."""

    notebook: dict[str, Any]
    left_out: tuple[str, ...]


def kept(notebook: Mapping[str, Any], *, people: frozenset[str] = frozenset()) -> Kept:
    """The notebook with only what may stay of every cell.

    Args:
        notebook: an executed notebook as plain JSON values.
        people: labels of units that are people; an output that names one of them is left out.
    """
    cells, left_out = [], []
    for cell in notebook["cells"]:
        plain = {key: cell[key] for key in _CELL_KEYS if key in cell}
        tags = cell.get("metadata", {}).get("tags", [])
        plain["metadata"] = {"tags": list(tags)} if tags else {}
        if cell["cell_type"] == "code":
            plain["outputs"] = []
            for output in cell.get("outputs", []):
                stays, gone = _stays(output, people)
                plain["outputs"].append(stays)
                left_out += [f"cell {cell.get('id', '?')!r}: {why}" for why in gone]
        cells.append(plain)
    whole = {key: notebook[key] for key in ("metadata", "nbformat", "nbformat_minor") if key in notebook}
    return Kept({"cells": cells, **whole}, tuple(left_out))


def _stays(output: Mapping[str, Any], people: frozenset[str]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """What stays of an output, and what does not, a sentence each."""
    data = output.get("data", {})
    ours = [kind for kind in _OURS if kind in data]
    if len(ours) != 1:
        return _left_out(output, f"{_what(output)}, which no presenter of whatworks made")
    try:
        if ours[0] == MIME:
            return _result(output, people)
        found = _again(ours[0], data[ours[0]])
    except RecordError as problem:
        return _left_out(output, f"{_what(output)}: {problem.what}")
    silent = _silent(ours[0], data[ours[0]])
    if silent:
        return _left_out(output, f"{silent} that does not say what its rows stand for")
    who = named(json.dumps(found, ensure_ascii=False), people)
    if who:
        return _left_out(output, f"{_what(output)}, which names {who} of the people")
    return {**_frame(output), "data": found, "metadata": {}}, ()


def _again(kind: str, value: Any) -> dict[str, Any]:
    """An output of ours, written anew from what it stores."""
    return Figure.from_dict(value)._repr_mimebundle_() if kind == FIGURE_MIME else bundle(read(value))


def _result(output: Mapping[str, Any], people: frozenset[str]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The result as it is recorded; that nothing else in it names people is seen to where files are made."""
    result, left_out = anonymous(Result.from_json(json.dumps(output["data"][MIME])), people)
    about = output.get("metadata", {}).get(MIME, {})
    files = [(item["name"], item["sha256"]) for item in about.get("files", [])]
    data, metadata = Conclusion(result, tuple(files), asked_in(about))._repr_mimebundle_()
    return {**_frame(output), "data": data, "metadata": metadata}, left_out


def _silent(kind: str, value: Any) -> str:
    """What of an output does not say what its rows stand for; "" where everything does."""
    if kind == FIGURE_MIME and not Figure.from_dict(value).each:
        return "a figure"
    parts: tuple[Part, ...] = read(value) if kind == SHOWN_MIME else ()
    return "a table" if any(isinstance(part, Table) and part.rows and not part.each for part in parts) else ""


def _left_out(output: Mapping[str, Any], why: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    said = Note((f"Left out of the record: {why}.",))
    return {**_frame(output), "data": bundle(said.parts()), "metadata": {}}, (why,)


def _frame(output: Mapping[str, Any]) -> dict[str, Any]:
    if output["output_type"] == "execute_result":
        return {"output_type": "execute_result", "execution_count": output.get("execution_count")}
    return {"output_type": "display_data"}


def _what(output: Mapping[str, Any]) -> str:
    """An output in words that give nothing of it away."""
    kind = output["output_type"]
    if kind == "stream":
        lines = len([line for line in output.get("text", "").splitlines() if line.strip()])
        what = "of warnings" if output.get("name") == "stderr" else "of printed text"
        return f"{lines} {'line' if lines == 1 else 'lines'} {what}"
    if kind == "error":
        return "an error"
    return f"an output of type {' and '.join(sorted(output.get('data', {}))) or 'nothing'}"
