"""Several Met tables put together: one file chosen for each month, the others compared with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from whatworks.arrays import Bools, Ints
from whatworks.data.intake import Difference
from whatworks.data.mps.file import MpsFile
from whatworks.data.tidy import State
from whatworks.errors import OptionError, SourceError, choose, first_few


@dataclass(frozen=True, slots=True)
class Cube:
    """One file as counts, areas × offences × months, with its own areas and whether a cell had a row."""

    file: MpsFile
    areas: tuple[str, ...]
    counts: Ints
    has_row: Bools
    rows: int

    def month(self, month: str) -> Ints:
        """The counts of one month, areas × offences."""
        return self.counts[:, :, self.file.months.index(month)]


@dataclass(frozen=True, slots=True)
class Joined:
    """The files of a table and the choice between them: per month its state and the file it is taken from.

    `used` gives the position in `cubes` for each month of `present`; `missing` the (area, month) pairs
    without a file; `block` the counts, areas × present months × offences.
    """

    cubes: tuple[Cube, ...]
    window: tuple[str, ...]
    states: dict[str, State]
    present: tuple[str, ...]
    used: tuple[int, ...]
    differences: tuple[Difference, ...]
    areas: dict[str, str]
    block: Ints
    missing: frozenset[tuple[str, str]]


def cube(file: MpsFile, labels: Sequence[str | None], names: Sequence[str], out: Bools) -> Cube:
    """Add up one file's rows to its areas and the offences `names`; rows marked `out` stay outside.

    An area is there when any of its rows is, whatever its offence, so that it counts none of an offence
    it has no row for.
    """
    at = {name: o for o, name in enumerate(names)}
    areas = tuple(sorted({code for code, gone in zip(file.area, out, strict=True) if not gone}))
    where = {code: a for a, code in enumerate(areas)}
    rows = [row for row, label in enumerate(labels) if label is not None and not out[row]]
    area = np.array([where[file.area[row]] for row in rows], dtype=np.int64)
    offence = np.array([at[label] for row in rows if (label := labels[row]) is not None], dtype=np.int64)
    counts = np.zeros((len(areas), len(names), len(file.months)), dtype=np.int64)
    np.add.at(counts, (area, offence), file.counts[rows])
    has_row = np.zeros((len(areas), len(names)), dtype=bool)
    has_row[area, offence] = True
    return Cube(file, areas, counts, has_row, len(rows))


def join(cubes: Sequence[Cube], window: Sequence[str], order: Sequence[int], n_offences: int) -> Joined:
    """Take each month of the window from the first file in `order` that holds it whole.

    Raises `SourceError` when no file holds any month of the window.
    """
    used, states, differences = _choose_months(window, cubes, order)
    present = [month for month in window if month in used]
    if not present:
        raise SourceError(
            f"no file holds a whole month from {window[0]} to {window[-1]}",
            where=first_few(item.file.name for item in cubes),
            remedy="Check the months asked for against the files.",
        )
    taken = [used[month] for month in present]
    areas, block, missing = _stack(cubes, taken, present, n_offences)
    return Joined(
        tuple(cubes),
        tuple(window),
        states,
        tuple(present),
        tuple(taken),
        tuple(differences),
        areas,
        block,
        frozenset(missing),
    )


def preference(files: Sequence[MpsFile], snapshot: str) -> list[int]:
    """The order in which files are asked for a month: by latest last month, earliest, or one file first.

    Raises `OptionError` for an unknown choice, or when two files cover the same months and none is named.
    """
    newest = sorted(range(len(files)), key=lambda f: (files[f].months[-1], files[f].months[0]), reverse=True)
    spans = {(file.months[0], file.months[-1]) for file in files}
    named = [f for f, file in enumerate(files) if file.name == snapshot]
    if named:
        return named + [f for f in newest if f not in named]
    choose("snapshot", snapshot, ("newest", "oldest", *(file.name for file in files)), where="read_mps")
    if len(spans) < len(files):
        raise OptionError(
            "two files cover the same months, so which is newer cannot be told",
            where=f"snapshot, {first_few(file.name for file in files)}",
            remedy="Name the file to prefer: snapshot='<file name>'.",
        )
    return newest if snapshot == "newest" else newest[::-1]


def _choose_months(
    window: Sequence[str], cubes: Sequence[Cube], order: Sequence[int]
) -> tuple[dict[str, int], dict[str, State], list[Difference]]:
    used: dict[str, int] = {}
    states: dict[str, State] = {}
    differences: list[Difference] = []
    for month in window:
        holders = [f for f in order if month in cubes[f].file.months]
        whole = [f for f in holders if month not in cubes[f].file.stubs]
        states[month] = "present" if whole else "partial" if holders else "missing"
        if whole:
            used[month] = whole[0]
            differences.extend(_difference(month, cubes[whole[0]], cubes[other]) for other in whole[1:])
    return used, states, differences


def _difference(month: str, chosen: Cube, other: Cube) -> Difference:
    areas = set(chosen.areas) & set(other.areas)
    both = chosen.has_row.any(axis=0) & other.has_row.any(axis=0)
    # the areas of a cube are in order, so the common ones line up
    one, two = (
        item.month(month)[[area in areas for area in item.areas]][:, both] for item in (chosen, other)
    )
    return Difference(
        month, chosen.file.name, other.file.name, int((one != two).sum()), int(one.sum() - two.sum())
    )


def _stack(
    cubes: Sequence[Cube], used: Sequence[int], months: Sequence[str], n_offences: int
) -> tuple[dict[str, str], Ints, set[tuple[str, str]]]:
    codes = sorted({area for f in set(used) for area in cubes[f].areas})
    at = {code: a for a, code in enumerate(codes)}
    # the newest file's name of an area stands
    areas = dict.fromkeys(codes, "")
    for f in sorted(set(used)):
        areas |= {code: cubes[f].file.names[code] for code in cubes[f].areas}
    block = np.zeros((len(codes), len(months), n_offences), dtype=np.int64)
    missing = set()
    absent = {f: sorted(set(codes) - set(cubes[f].areas)) for f in set(used)}
    for m, (month, f) in enumerate(zip(months, used, strict=True)):
        block[[at[area] for area in cubes[f].areas], m] = cubes[f].month(month)
        missing |= {(code, month) for code in absent[f]}
    return areas, block, missing
