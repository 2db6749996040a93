"""Counted and settled rows into the tidy table, every row accounted for."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from whatworks.arrays import Bools, Ints
from whatworks.data.intake import Dropped, IntakeReport, SourceFile
from whatworks.data.police_uk.areas import REASONS, Areas
from whatworks.data.police_uk.offences import Offences
from whatworks.data.police_uk.scan import Scan
from whatworks.data.police_uk.settle import Counts, Pair, Settled
from whatworks.data.police_uk.words import Era, era_of
from whatworks.data.tidy import State, Tidy, coverage_table, from_cube
from whatworks.errors import SourceError, first_few

_PARTIAL: Final = "in a month that is only partly there"
_TYPE: Final = "of a type that was not asked for or cannot be compared over the window"
_UNCOVERED: Final = "in the area of a force without a whole file for the month"
_ALL_REASONS: Final = (_PARTIAL, _TYPE, *REASONS, _UNCOVERED)


@dataclass(frozen=True, slots=True)
class Prepared:
    """Everything the table needs and nothing of the files: counts by area × month × offence, labels in order,
    the pairs without cells, the report, and the rows of the coverage table.
    """

    block: Ints
    codes: tuple[str, ...]
    names: tuple[str, ...]
    months: tuple[str, ...]
    offences: tuple[str, ...]
    gone: Bools
    intake: IntakeReport
    coverage: tuple[tuple[str, str, State, int], ...]

    def tidy(self) -> Tidy:
        """The table itself, built when the files' own counts can already be let go."""
        return from_cube(
            self.block,
            areas=dict(zip(self.codes, self.names, strict=True)),
            months=self.months,
            offences=self.offences,
            intake=self.intake,
            coverage=coverage_table(self.coverage),
            missing=[(self.codes[area], self.months[month]) for area, month in np.argwhere(self.gone)],
        )


def prepare(
    scans: Sequence[Scan],
    settled: Settled,
    kept: Mapping[Pair, bool],
    offences: Offences,
    eras: tuple[Era, ...],
    areas: Areas,
    code_vintages: tuple[str, ...],
    notes: tuple[str, ...],
) -> Prepared:
    """Count by area and write the intake report; `kept` says which force × months enter.

    Rows read are rows used plus rows dropped. Raises `SourceError` when no row can be placed at all.
    """
    counts = settled.counts
    months = [month for month in counts.months if any(kept.get((force, month)) for force in counts.forces)]
    reason, area, offence = _sort_out(counts, kept, offences, eras, areas)
    use = reason < 0
    dropped = _dropped(settled, counts, reason)
    used = int(counts.n[use].sum())
    _refuse_nothing(used, counts, dropped, scans)
    order, rank = _ranked(areas.code)
    names = sorted(offences.names)
    shuffle = np.array([names.index(name) for name in offences.names], dtype=np.int16)
    block = _block(counts, use, rank[area], shuffle[offence], (len(order), len(months), len(names)), months)
    del reason, area, offence, use
    gone = _gone(counts, kept, areas, months)[order]
    intake = _intake(scans, settled, dropped, offences, code_vintages, (*notes, *settled.notes, *areas.notes))
    zeros = block.size - int(np.count_nonzero(block)) - int(gone.sum()) * len(names)
    intake = dataclasses.replace(intake, rows_used=used, filled_zeros=zeros)
    return Prepared(
        block,
        tuple(areas.code[i] for i in order),
        tuple(areas.name[i] for i in order),
        tuple(months),
        tuple(names),
        gone,
        intake,
        tuple((*pair, state, settled.rows.get(pair, 0)) for pair, state in settled.states.items()),
    )


def _intake(
    scans: Sequence[Scan],
    settled: Settled,
    dropped: tuple[Dropped, ...],
    offences: Offences,
    code_vintages: tuple[str, ...],
    notes: tuple[str, ...],
) -> IntakeReport:
    return IntakeReport(
        files=tuple(SourceFile(item.shown.rsplit("/", 1)[-1], item.sha256, item.rows) for item in scans),
        rows_read=sum(item.rows for item in scans),
        dropped=dropped,
        duplicates=settled.duplicates,
        months_missing=_in_state(settled, "missing"),
        months_partial=_in_state(settled, "partial"),
        vocabulary=offences.sentences,
        code_vintages=code_vintages,
        snapshots=settled.snapshots,
        notes=(*_row_notes(scans, settled), *notes),
    )


def _ranked(codes: Sequence[str]) -> tuple[Ints, npt.NDArray[np.int32]]:
    order = np.argsort(np.array(codes, dtype=object), kind="stable")
    rank = np.empty(len(order), dtype=np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    return order, rank


def _refuse_nothing(used: int, counts: Counts, dropped: Sequence[Dropped], scans: Sequence[Scan]) -> None:
    if not used and len(counts.n):
        raise SourceError(
            f"none of {int(counts.n.sum()):,} rows can be counted: {first_few(d.reason for d in dropped)}",
            where=first_few((item.shown for item in scans), 2),
            remedy="Read by='force', or read the force that covers this area as well.",
        )


def _sort_out(
    counts: Counts, kept: Mapping[Pair, bool], offences: Offences, eras: tuple[Era, ...], areas: Areas
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int32], npt.NDArray[np.int16]]:
    """For each count the first reason to drop it (minus one: none), its area and its offence."""
    whole = np.array(
        [[kept.get((force, month), False) for month in counts.months] for force in counts.forces]
    )
    at = {name: i for i, name in enumerate(offences.names)}
    eras_at = [era_of(month, eras).first if eras else "" for month in counts.months]
    target = np.array(
        [
            [at.get(offences.target.get((first, label), ""), -1) for label in counts.labels]
            for first in eras_at
        ],
        dtype=np.int16,
    ).reshape(len(counts.months), len(counts.labels))
    offence = target[counts.month, counts.label]
    reason = np.full(len(counts.n), -1, dtype=np.int8)
    if areas.of is None:
        area = counts.force.astype(np.int32)
    else:
        area = areas.of[counts.place]
        cover = areas.cover[area]
        reason[~whole[cover, counts.month]] = len(_ALL_REASONS) - 1
        unplaced = area < 0
        reason[unplaced] = areas.why[counts.place[unplaced]] + 2
    reason[offence < 0] = 1
    reason[~whole[counts.force, counts.month]] = 0
    return reason, area, offence


def _block(
    counts: Counts,
    use: Bools,
    area: npt.NDArray[np.int32],
    offence: npt.NDArray[np.int16],
    shape: tuple[int, int, int],
    months: Sequence[str],
) -> Ints:
    block = np.zeros(shape, dtype=np.int64)
    edges = np.searchsorted(counts.month, np.arange(len(counts.months) + 1))
    for at, month in enumerate(months):
        # one month at a time stays in the processor's cache
        found = counts.months.index(month)
        part = slice(edges[found], edges[found + 1])
        here = use[part]
        position = area[part].astype(np.int64) * shape[2] + offence[part]
        total = np.bincount(position[here], weights=counts.n[part][here], minlength=shape[0] * shape[2])
        block[:, at, :] = total.reshape(shape[0], shape[2])
    return block


def _gone(counts: Counts, kept: Mapping[Pair, bool], areas: Areas, months: Sequence[str]) -> Bools:
    """Areas × months without cells: the covering force has no file, or the code was not in use."""
    whole = np.array([[kept.get((force, month), False) for month in months] for force in counts.forces])
    gone = ~whole[areas.cover]
    if areas.absent:
        area_at = {code: i for i, code in enumerate(areas.code)}
        month_at = {month: i for i, month in enumerate(months)}
        for code, month in areas.absent:
            if month in month_at:
                gone[area_at[code], month_at[month]] = True
    return gone


def _dropped(settled: Settled, counts: Counts, reason: npt.NDArray[np.int8]) -> tuple[Dropped, ...]:
    found = []
    for at, text in enumerate(_ALL_REASONS):
        rows = reason == at
        if rows.any():
            found.append(Dropped(text, int(counts.n[rows].sum()), _example(counts, int(np.argmax(rows)))))
    for text, count in (
        ("a Crime ID that stands earlier in the same month; the first row was kept", settled.duplicates),
        ("in another snapshot or copy of a force and month", settled.other),
        ("of a force or month that was not asked for", settled.outside),
    ):
        if count:
            found.append(Dropped(text, count))
    return tuple(found)


def _example(counts: Counts, row: int) -> str:
    place = counts.place[row]
    parts = (
        counts.labels[counts.label[row]],
        counts.months[counts.month[row]],
        counts.forces[counts.force[row]],
        f"{counts.places[place]} {counts.names[place]}".strip(),
    )
    return ", ".join(part for part in parts if part)


def _in_state(settled: Settled, state: str) -> tuple[str, ...]:
    forces = {force for force, _ in settled.states}
    pairs = sorted((month, force) for (force, month), found in settled.states.items() if found == state)
    return tuple(month if len(forces) == 1 else f"{month} ({force})" for month, force in pairs)


def _row_notes(scans: Sequence[Scan], settled: Settled) -> Iterable[str]:
    without = sum(item.without_id for item in scans)
    if without:
        yield f"{without:,} rows have no Crime ID; identical ones among them all count, as incidents."
    first = next((item.example for item in scans if item.example), "")
    if first:
        yield f"The first repeated Crime ID is at {first}."
    yield from _unlocated(settled.counts)
    grouped: dict[str, list[str]] = {}
    for item in scans:
        for note in item.notes:
            text, _, where = note.rpartition(" (")
            grouped.setdefault(text, []).append(where.rstrip(")"))
    for text, places in grouped.items():
        yield (
            f"{len(places):,} files: {text} (first: {places[0]})."
            if len(places) > 1
            else f"{text} ({places[0]})."
        )


def _unlocated(counts: Counts) -> Iterable[str]:
    if "" not in counts.places or len(counts.places) == 1:
        return
    nowhere = counts.place == counts.places.index("")
    size = len(counts.months)
    blank = np.bincount(counts.month[nowhere], weights=counts.n[nowhere], minlength=size)
    total = np.maximum(np.bincount(counts.month, weights=counts.n, minlength=size), 1)
    years = sorted({month[:4] for month in counts.months})
    shares = []
    for year in years:
        these = np.array([month[:4] == year for month in counts.months])
        shares.append(f"{year} {blank[these].sum() / total[these].sum():.1%}")
    worst = int(np.argmax(blank / total))
    yield (
        f"Rows without a location by year: {', '.join(shares)}; most in {counts.months[worst]}, "
        f"{blank[worst] / total[worst]:.1%} of the month."
    )
