"""The floor plan: folders that can be taken in at a glance, no circles, one name for one thing."""

from __future__ import annotations

import ast
from collections import Counter, defaultdict
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "toolkit" / "whatworks"
SIDE_BY_SIDE = 25

WIDE = {
    "synth": "one method a file, and the two or three files of each lie beside it; no group leaves alone",
    "study": "one step of a study a file, from reading to verifying; no group leaves alone",
}
"""Folders with more files side by side, and why."""

CIRCLES = {
    ("result_json", "results"): "a result writes and reads itself; the format stands in a file of its own",
}
"""Pairs of files that import each other, and why they may."""


@cache
def modules() -> dict[str, Path]:
    """Every file of the library by its dotted name below `whatworks`; `__init__` bears its room's name."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def arrows() -> dict[str, frozenset[str]]:
    """What each file imports of ours, imports inside functions and for types counted."""
    found = {}
    for name, path in modules().items():
        targets = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "whatworks":
                inside = (node.module or "").removeprefix("whatworks").removeprefix(".")
                for alias in node.names:
                    whole = f"{inside}.{alias.name}" if inside else alias.name
                    targets.add(whole if whole in modules() else inside)
        found[name] = frozenset(targets - {name, ""})
    return found


def test_a_folder_can_be_taken_in_at_a_glance() -> None:
    count = Counter(path.parent.relative_to(PACKAGE).as_posix() for path in modules().values())
    wide = {folder: number for folder, number in count.items() if number > SIDE_BY_SIDE}
    assert wide.keys() <= WIDE.keys(), f"{wide}: give the folder rooms"
    assert wide.keys() == WIDE.keys(), "an exception is no longer needed"


def test_no_two_files_import_each_other() -> None:
    found = {(a, b) for a, targets in arrows().items() for b in targets if a < b and a in arrows()[b]}
    assert found == CIRCLES.keys()


def test_arrows_between_the_rooms_of_a_room_never_run_in_a_circle() -> None:
    """Top files of a room may use its rooms and be used by them; its rooms stand above one another."""
    between: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for name, targets in arrows().items():
        room, *rest = name.split(".")
        for target in targets:
            other, *more = target.split(".")
            if room == other and len(rest) > 1 and len(more) > 1 and rest[0] != more[0]:
                between[room][rest[0]].add(more[0])
    for room, below in between.items():
        order = _floors(below)
        assert order is not None, f"{room}: { ({k: sorted(v) for k, v in below.items()}) } runs in a circle"


def _floors(below: dict[str, set[str]]) -> list[str] | None:
    """Sub-rooms from the ground up; None where there is no such order."""
    left = set(below) | {one for targets in below.values() for one in targets}
    order: list[str] = []
    while left:
        free = sorted(one for one in left if not below.get(one, set()) & left)
        if not free:
            return None
        order += free
        left -= set(free)
    return order


def test_a_circle_would_be_found() -> None:
    assert _floors({"a": {"b"}, "b": {"c"}}) == ["c", "b", "a"]
    assert _floors({"a": {"b"}, "b": {"c"}, "c": {"a"}}) is None


def test_group_time_may_use_linear_and_never_the_reverse() -> None:
    for name, targets in arrows().items():
        if name.startswith("did.linear."):
            assert not [one for one in targets if one.startswith("did.group_time")], name


def test_a_class_name_stands_for_one_thing() -> None:
    """None twice inside one room, none twice among the classes that rooms hand out."""
    inside: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name, path in modules().items():
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                inside[name.split(".")[0], node.name].append(name)
    twice = {key: names for key, names in inside.items() if len(names) > 1}
    assert not twice


def test_no_two_rooms_hand_out_a_class_of_one_name() -> None:
    homes: dict[str, set[str]] = defaultdict(set)
    for name, path in modules().items():
        if path.name != "__init__.py" or not name:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("whatworks"):
                for alias in node.names:
                    if alias.name[:1].isupper() and not alias.name.isupper():
                        homes[alias.name].add(node.module or "")
    assert not {name: sorted(where) for name, where in homes.items() if len(where) > 1}
