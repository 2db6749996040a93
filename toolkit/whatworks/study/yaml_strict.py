"""YAML as people mean it: one way to write each value, every key once, and the line of each."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from whatworks.errors import StudyError

Path_ = tuple[str | int, ...]
_INTEGER = re.compile(r"-?(?:0|[1-9]\d*)")
_FLOAT = re.compile(r"-?(?:0|[1-9]\d*)\.\d+(?:[eE][+-]?\d+)?")
_LIKE_NUMBER = re.compile(r"[+-]?(?:\d[\d_,]*\.?\d*|\.\d+)[eE][+-]?\d+|0[oO][0-7]+|[+-]?\d{1,3}(?:,\d{3})+")


@dataclass(frozen=True, slots=True)
class Document:
    """What a YAML file says, and on which line each key or item stands."""

    name: str
    data: dict[str, Any]
    lines: dict[Path_, int]

    def where(self, path: Path_ = ()) -> str:
        """`parameters.yaml, line 7, key level`: the nearest line known for a path."""
        known = path
        while known and known not in self.lines:
            known = known[:-1]
        line = self.lines.get(known, 1)
        key = ".".join(str(part) for part in path)
        return f"{self.name}, line {line}" + (f", key {key}" if key else "")


def read(path: Path, *, name: str) -> Document:
    """Read a YAML file with a mapping at its top; raises `StudyError` naming file, line and right form."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as problem:
        raise StudyError(
            "the file is missing", where=name, remedy="Make a study with `whatworks new`."
        ) from problem
    except UnicodeDecodeError as problem:
        line = path.read_bytes()[: problem.start].count(b"\n") + 1
        raise StudyError(
            "not UTF-8 text", where=f"{name}, line {line}", remedy="Save the file as UTF-8."
        ) from problem
    return parse(text, name=name)


def parse(text: str, *, name: str) -> Document:
    """Parse YAML text with a mapping at its top; raises `StudyError` naming file, line and right form."""
    import yaml

    try:
        _refuse_marks(text, name)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        raise StudyError(
            f"not valid YAML: {problem.problem or problem.context}",
            where=f"{name}, line {mark.line + 1 if mark else 1}",
            remedy="Write `key: value`, lists as `[a, b]` or `- a`; quote text that holds `: ` or `#`.",
        ) from problem
    except yaml.YAMLError as problem:
        raise StudyError(
            f"not valid YAML: {problem}", where=name, remedy="Save it as plain text."
        ) from problem
    reader = _Reader(name)
    data = {} if node is None else reader.value(node, ())
    if not isinstance(data, dict):
        raise StudyError("the file is not a list of `key: value`", where=f"{name}, line 1", remedy=_FORM)
    return Document(name, data, reader.lines)


_FORM = "Write one `key: value` a line."


def _refuse_marks(text: str, name: str) -> None:
    import yaml

    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        tagged = getattr(event, "tag", None)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            what = "anchors and aliases (&name, *name) are not used here"
        elif tagged not in (None, "!"):
            what = f"tags ({tagged}) are not used here"
        else:
            continue
        raise StudyError(
            what, where=f"{name}, line {_line(event)}", remedy="Write the value out; quote it if it is text."
        )


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


class _Reader:
    """Walks composed nodes; keeps the line of every key and item."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.lines: dict[Path_, int] = {}

    def value(self, node: Any, path: Path_) -> Any:
        import yaml

        self.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*path, i)) for i, item in enumerate(node.value)]
        return self._scalar(node, path)

    def _mapping(self, node: Any, path: Path_) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            key = self._key(key_node, path)
            here = (*path, key)
            if key in found:
                raise StudyError(
                    f"the key {key!r} stands twice, on lines {self.lines[here]} and {line}",
                    where=f"{self.name}, line {line}",
                    remedy="Keep one; nothing was chosen for you.",
                )
            self.lines[here] = line
            found[key] = self.value(value_node, here)
        return found

    def _key(self, node: Any, path: Path_) -> str:
        if node.tag == "tag:yaml.org,2002:merge":
            self._refuse(node, path, "merge keys (<<) are not used here", "Write the keys out.")
        value = self._scalar(node, path) if hasattr(node, "value") and isinstance(node.value, str) else None
        if not isinstance(value, str):
            self._refuse(
                node, path, f"the key {node.value!r} is not text", f'Quote it: "{node.value}": value.'
            )
        return str(value)

    def _scalar(self, node: Any, path: Path_) -> Any:
        text, kind = node.value, node.tag.rsplit(":", 1)[-1]
        if node.style is not None:
            return text
        if kind == "null":
            return None
        if kind == "bool":
            if text in ("true", "false"):
                return text == "true"
            meant = "true" if text.lower() in ("yes", "on", "y", "true") else "false"
            self._refuse(
                node,
                path,
                f"YAML reads {text} as {meant}",
                f'Write {meant} for that, or "{text}" for the text.',
            )
        if _INTEGER.fullmatch(text):
            return int(text)
        if _FLOAT.fullmatch(text):
            return float(text)
        if kind in ("int", "float") or _LIKE_NUMBER.fullmatch(text):
            self._refuse(
                node,
                path,
                f"{text} is a number or a text depending on who reads it",
                f'Write numbers plainly (1000, 0.5, -2), or "{text}" in quotes for the text.',
            )
        if kind != "str":
            self._refuse(
                node, path, f"YAML reads {text} as a {kind}", f'Write "{text}" in quotes for the text.'
            )
        return text

    def _refuse(self, node: Any, path: Path_, what: str, remedy: str) -> None:
        key = ".".join(str(part) for part in path)
        line = node.start_mark.line + 1
        raise StudyError(
            what, where=f"{self.name}, line {line}" + (f", key {key}" if key else ""), remedy=remedy
        )
