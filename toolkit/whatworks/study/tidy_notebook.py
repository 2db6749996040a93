"""Take out of a notebook that ran whatever differs between two runs of the same thing."""

from __future__ import annotations

import copy
import re
import sys
from collections.abc import Mapping
from typing import Any

INJECTED = "injected-parameters"

_ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_ADDRESS = re.compile(r"\b(at|id=|object) ?0x[0-9a-fA-F]+")
_CELL_FILE = re.compile(r"[^\s\"'<>]*ipykernel_\d+[/\\]\d+\.py")
_PACKAGES = re.compile(r"[^\s\"'<>]*[/\\](?:site|dist)-packages[/\\]")
_STYLER = re.compile(r"\bT_[0-9a-f]{5}(?=_|\b)")
# said on a machine's first run only
_PASSING = re.compile(
    r"(?m)^(?:Matplotlib is building the font cache|Matplotlib created a temporary cache directory|"
    r"mkdir -p failed for path|Fontconfig (?:warning|error)).*\n?"
)
_TEXT_TYPES = ("text/", "image/svg+xml", "application/xml")


def tidied(notebook: Any, names: Mapping[str, str]) -> dict[str, Any]:
    """The notebook as plain JSON values without times, paths, random ids and addresses; the input is kept.

    `names` maps absolute folders to the words that stand for them.
    """
    plain: dict[str, Any] = copy.deepcopy(_plain(notebook))
    plain["metadata"] = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in plain["cells"]:
        _tidy_cell(cell, names)
    plain["nbformat"], plain["nbformat_minor"] = 4, 5
    return plain


def plain_text(text: str, names: Mapping[str, str]) -> str:
    """A text without colour codes, memory addresses and paths of this machine."""
    text = _ESCAPES.sub("", text)
    text = _CELL_FILE.sub("(cell)", text)
    for folder, word in names.items():
        text = text.replace(folder + "/", "" if word == "." else f"{word}{'' if word.endswith(':') else '/'}")
        text = text.replace(folder, word)
    text = _PACKAGES.sub("(packages)/", text)
    text = text.replace(sys.prefix + "/", "(python)/").replace(sys.base_prefix + "/", "(python)/")
    return _ADDRESS.sub(r"\1 0x0", text)


def _tidy_cell(cell: dict[str, Any], names: Mapping[str, str]) -> None:
    metadata = cell.get("metadata", {})
    tags = metadata.get("tags", [])
    cell["metadata"] = {
        key: value for key, value in metadata.items() if key not in ("papermill", "execution", "tags")
    }
    if tags:
        cell["metadata"]["tags"] = tags
    if INJECTED in tags:
        cell["id"] = INJECTED
    if cell["cell_type"] != "code":
        return
    outputs = [_tidy_output(output, names) for output in _joined_streams(cell.get("outputs", []))]
    cell["outputs"] = [output for output in outputs if output.get("text") != ""]


def _joined_streams(outputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Neighbouring pieces of one stream as one: how a text was cut in transit depends on the machine."""
    joined: list[dict[str, Any]] = []
    for output in outputs:
        if output["output_type"] != "stream":
            joined.append(output)
            continue
        run = _trailing_streams(joined)
        same = [item for item in run if item["name"] == output["name"]]
        if same:
            same[0]["text"] += output["text"]
        else:
            joined.append(dict(output))
            run = _trailing_streams(joined)
            joined[len(joined) - len(run) :] = sorted(run, key=lambda item: item["name"], reverse=True)
    return joined


def _trailing_streams(outputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    count = 0
    while count < len(outputs) and outputs[-1 - count]["output_type"] == "stream":
        count += 1
    return outputs[len(outputs) - count :]


def _tidy_output(output: dict[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    if output["output_type"] == "stream":
        text = plain_text(output["text"], names)
        return {**output, "text": _PASSING.sub("", text) if output["name"] == "stderr" else text}
    data = {}
    for kind, value in output.get("data", {}).items():
        is_text = isinstance(value, str) and kind.startswith(_TEXT_TYPES)
        data[kind] = _STYLER.sub("T_table", plain_text(value, names)) if is_text else value
    return {**output, "data": data}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
