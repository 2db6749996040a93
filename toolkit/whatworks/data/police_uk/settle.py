"""Many counted files into one set of counts: snapshots told apart, missing and partial months found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from whatworks import periods
from whatworks.arrays import Ints
from whatworks.data.intake import Difference
from whatworks.data.police_uk.scan import Scan
from whatworks.data.tidy import State
from whatworks.errors import OptionError, SourceError, did_you_mean, first_few

Partial = Literal["leave_out", "keep"]
Pair = tuple[str, str]
#: Neighbouring months with fewer rows than this say nothing about how full a month should be.
_ENOUGH: Final = 30
_REACH: Final = 3


@dataclass(frozen=True, slots=True)
class Counts:
    """Counts as parallel arrays, sorted by month: positions in the lists of forces, months, places, labels;
    rows `n`.
    """

    forces: tuple[str, ...]
    months: tuple[str, ...]
    places: tuple[str, ...]
    names: tuple[str, ...]
    labels: tuple[str, ...]
    force: npt.NDArray[np.int16]
    month: npt.NDArray[np.int16]
    place: npt.NDArray[np.int32]
    label: npt.NDArray[np.int16]
    n: npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Settled:
    """One choice per force and month: its counts, the state of every force × month of the window, the
    differences between snapshots, notes, and the rows set aside (`outside` the window or the forces asked
    for, `other` snapshots, `duplicates` by Crime ID in the chosen files).
    """

    counts: Counts
    states: Mapping[Pair, State]
    rows: Mapping[Pair, int]
    snapshots: tuple[Difference, ...]
    notes: tuple[str, ...]
    outside: int
    other: int
    duplicates: int


def settle(
    scans: Sequence[Scan],
    *,
    window: tuple[str, str] | None,
    forces: Sequence[str] | None,
    partial_share: float,
) -> Settled:
    """Choose one file for every force and month, and say which months are missing or partial.

    Of several files for one force and month the last is chosen, in the order the source was given and by path
    inside a folder or archive, so that the later of two dated downloads wins. A month is partial when its
    rows are under `partial_share` of the median of its neighbours (up to two each side, within three
    months). Raises `SourceError` when no file lies in the window, `OptionError` for a force without any
    file.
    """
    holders: dict[Pair, list[int]] = {}
    for at, item in enumerate(scans):
        for pair in _pairs(item):
            holders.setdefault(pair, []).append(at)
    found_forces = sorted({force for force, _ in holders})
    _refuse_absent(forces, found_forces)
    wanted = {
        pair
        for pair in holders
        if (forces is None or pair[0] in forces) and (window is None or window[0] <= pair[1] <= window[1])
    }
    if not wanted:
        raise SourceError(
            f"no file for the months {window[0]} to {window[1]}" if window else "no rows in any file",
            where="months",
            remedy=f"The files hold {first_few(sorted({month for _, month in holders}), 24) or 'no month'}.",
        )
    chosen = {pair: holders[pair][-1] for pair in wanted}
    snapshots, notes, other = _compare(scans, holders, chosen)
    duplicates, outside = _duplicates(scans, holders, chosen)
    counts = _gather(scans, chosen)
    rows = _rows(scans, chosen)
    span = window or (min(m for _, m in wanted), max(m for _, m in wanted))
    states = _states(rows, sorted(forces or found_forces), months_between(*span), partial_share)
    return Settled(counts, states, rows, snapshots, notes, outside, other, duplicates)


def months_between(first: str, last: str) -> tuple[str, ...]:
    """Every month label from the first to the last, both included."""
    low, high = _number(first), _number(last)
    return tuple(periods.label(number, "month") for number in range(low, high + 1))


def _number(month: str) -> int:
    return int(month[:4]) * 12 + int(month[5:]) - 1


def _pairs(item: Scan) -> tuple[Pair, ...]:
    if len(item.forces) == 1 and len(item.months) == 1:
        return ((item.forces[0], item.months[0]),)
    first, second, places, labels = item.shape
    if not first * second * places * labels:
        return ()
    block = np.unique(item.cells // (places * labels))
    return tuple((item.forces[at // second], item.months[at % second]) for at in block.tolist())


def _refuse_absent(forces: Sequence[str] | None, found: Sequence[str]) -> None:
    for name in forces or ():
        if name not in found:
            raise OptionError(
                f"there is no file of the force {name!r}",
                where="forces",
                remedy=f"{did_you_mean(name, found)}The files are of {first_few(found, 45)}.",
            )


def _pair_of(item: Scan, pair: Pair) -> tuple[Ints, npt.NDArray[np.int32]]:
    """The cells of one force and month as positions in places × labels, and their counts."""
    size = len(item.places) * len(item.labels)
    start = (item.forces.index(pair[0]) * len(item.months) + item.months.index(pair[1])) * size
    low, high = np.searchsorted(item.cells, [start, start + size])
    return item.cells[low:high] - start, item.counts[low:high]


def _named(item: Scan, pair: Pair) -> dict[tuple[str, str], int]:
    cells, counts = _pair_of(item, pair)
    width = len(item.labels)
    return {
        (item.places[at // width], item.labels[at % width]): count
        for at, count in zip(cells.tolist(), counts.tolist(), strict=True)
    }


def _compare(
    scans: Sequence[Scan], holders: Mapping[Pair, Sequence[int]], chosen: Mapping[Pair, int]
) -> tuple[tuple[Difference, ...], tuple[str, ...], int]:
    differences, copies, rows = [], [], 0
    for pair, at in sorted(chosen.items(), key=lambda entry: (entry[0][1], entry[0][0])):
        here = scans[at]
        compared = {here.content}
        for other in holders[pair]:
            if other == at:
                continue
            there = scans[other]
            rows += int(_pair_of(there, pair)[1].sum())
            if there.content in compared:
                copies.append(there.shown)
                continue
            compared.add(there.content)
            ours, theirs = _named(here, pair), _named(there, pair)
            cells = sum(ours.get(cell) != theirs.get(cell) for cell in ours.keys() | theirs.keys())
            gap = sum(ours.values()) - sum(theirs.values())
            differences.append(Difference(pair[1], here.shown, there.shown, cells, gap))
    notes = []
    if differences:
        notes.append(
            "Of two snapshots of a force and month the one that comes last in the source was chosen."
        )
    if copies:
        notes.append(
            f"{len(copies):,} files are identical copies and were read once: {first_few(copies, 3)}."
        )
    return tuple(differences), tuple(notes), rows


def _duplicates(
    scans: Sequence[Scan], holders: Mapping[Pair, Sequence[int]], chosen: Mapping[Pair, int]
) -> tuple[int, int]:
    """Repeated Crime IDs in the chosen files, and the rows outside the window or the forces asked for."""
    used = set(chosen.values())
    outside = 0
    for pair, held in holders.items():
        if pair not in chosen:
            outside += sum(int(_pair_of(scans[at], pair)[1].sum()) for at in held)
    return sum(scans[at].duplicates for at in used), outside


def _gather(scans: Sequence[Scan], chosen: Mapping[Pair, int]) -> Counts:
    forces = sorted({force for force, _ in chosen})
    months = sorted({month for _, month in chosen})
    places: dict[str, int] = {}
    labels: dict[str, int] = {}
    parts: list[tuple[npt.NDArray[np.generic], ...]] = []
    ordered = sorted(chosen.items(), key=lambda entry: (entry[0][1], entry[0][0]))
    for pair, at in ordered:
        item = scans[at]
        cells, counts = _pair_of(item, pair)
        for code in [code for code in item.places if code not in places]:
            places[code] = len(places)
        place_at = np.array(list(map(places.__getitem__, item.places)), dtype=np.int32)
        label_at = np.array([labels.setdefault(name, len(labels)) for name in item.labels], dtype=np.int16)
        width = max(len(item.labels), 1)
        which = cells // width
        parts.append(
            (
                np.full(len(cells), forces.index(pair[0]), dtype=np.int16),
                np.full(len(cells), months.index(pair[1]), dtype=np.int16),
                place_at[which] if len(cells) else np.zeros(0, dtype=np.int32),
                label_at[cells - which * width] if len(cells) else np.zeros(0, dtype=np.int16),
                counts,
            )
        )
    names = _latest_names([scans[at] for _, at in ordered])
    force, month, place, label, n = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Counts(
        tuple(forces),
        tuple(months),
        tuple(places),
        tuple(names.get(code, "") for code in places),
        tuple(labels),
        force,
        month,
        place,
        label,
        n,
    )


def _latest_names(ordered: Sequence[Scan]) -> dict[str, str]:
    """A later month's name for a code replaces an earlier one, a blank never does."""
    names: dict[str, str] = {}
    for item in reversed(ordered):
        pairs = zip(item.places, item.names, strict=True)
        names |= {code: name for code, name in pairs if code not in names and name}
    return names


def _rows(scans: Sequence[Scan], chosen: Mapping[Pair, int]) -> dict[Pair, int]:
    return {
        pair: scans[at].rows
        if len(_pairs(scans[at])) == 1
        else int(_pair_of(scans[at], pair)[1].sum(dtype=np.int64))
        for pair, at in chosen.items()
    }


def _states(
    rows: Mapping[Pair, int], forces: Sequence[str], months: Sequence[str], share: float
) -> dict[Pair, State]:
    states: dict[Pair, State] = {}
    for force in forces:
        have = {_number(month): rows[force, month] for month in months if (force, month) in rows}
        for month in months:
            number = _number(month)
            if number not in have:
                states[force, month] = "missing"
                continue
            before = [have[at] for at in range(number - 1, number - 1 - _REACH, -1) if at in have][:2]
            after = [have[at] for at in range(number + 1, number + 1 + _REACH) if at in have][:2]
            usual = median(before + after) if before or after else 0
            thin = usual >= _ENOUGH and have[number] < share * usual
            states[force, month] = "partial" if thin else "present"
    return states
