"""The Met's published crime tables (London Datastore) as tidy counts: files joined without overlap or gap."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from whatworks.arrays import Bools
from whatworks.data import breaks
from whatworks.data.geography import MPS_BOROUGHS
from whatworks.data.intake import Dropped, IntakeReport
from whatworks.data.mps.file import Level, MpsFile, months_between, read_file
from whatworks.data.mps.join import Cube, Joined, cube, join, preference
from whatworks.data.mps.offences import begins_and_ends, choose_labels, refuse_renamed, vocabulary_notes
from whatworks.data.recording import Recording
from whatworks.data.tidy import Tidy, coverage_table, from_cube
from whatworks.errors import OptionError, SourceError, choose, first_few

SOURCE = "MPS"
_LEVELS = ("borough", "ward", "lsoa")
_LOSS_SHARE = 0.02


def read_mps(
    paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    *,
    level: Level = "borough",
    offences: str | Sequence[str] = "major",
    months: tuple[str, str] | None = None,
    areas_outside: Literal["drop", "keep"] = "drop",
    snapshot: str = "newest",
) -> Tidy:
    """Read one or several of the Met's borough, ward or LSOA tables (CSV or Parquet) into one tidy table.

    `level` must be that of the files: small areas are never added up to larger ones. `offences` is `"major"`,
    `"minor"` or a list of names in our spelling (sentence case). `months` is the first and last month
    (YYYY-MM) to keep. `areas_outside` drops or keeps the airports, Aviation Security and Unknown (codes
    `MPS-…` at borough level). A month in several files is taken from the file whose last month is latest
    (`"newest"`) or earliest (`"oldest"`), or from the file named; the others are compared with it. A stub
    month (under a fifth of its neighbours) is partial and left out. A row absent for an area × offence is
    zero; an area absent from a whole file is missing in its months.

    Raises `SourceError` naming file, line and column for anything not as published, and for naming vintages
    that cannot stand in one table; `OptionError` for a choice that does not exist.
    """
    choose("level", level, _LEVELS, where="read_mps")
    choose("areas_outside", areas_outside, ("drop", "keep"), where="read_mps")
    files = _read_all(paths, level)
    labels = choose_labels(files, offences)
    names = sorted({label for row in labels for label in row if label is not None})
    outs = [np.array([bool(place) for place in file.outside]) & (areas_outside == "drop") for file in files]
    cubes = [cube(file, row, names, out) for file, row, out in zip(files, labels, outs, strict=True)]
    joined = join(cubes, _window(files, months), preference(files, snapshot), len(names))
    intake = _intake(joined, labels, names, outs, level)
    rows = [cubes[f].rows for f in joined.used]
    by_month = dict(zip(joined.present, rows, strict=True))
    return from_cube(
        joined.block,
        areas=joined.areas,
        months=joined.present,
        offences=names,
        intake=intake,
        coverage=coverage_table(
            [(SOURCE, month, joined.states[month], by_month.get(month, 0)) for month in joined.window]
        ),
        missing=joined.missing,
    )


def _intake(
    joined: Joined,
    labels: list[list[str | None]],
    names: list[str],
    outs: list[Bools],
    level: Level,
) -> IntakeReport:
    cubes, used = joined.cubes, joined.used
    files = [item.file for item in cubes]
    totals = joined.block.sum(axis=0).T
    has = np.array([item.has_row.any(axis=0) for item in cubes])
    renamed = refuse_renamed(names, joined.present, used, files, has, totals)
    dropped: list[Dropped] = []
    notes: list[str] = []
    for file, row_labels, out in zip(files, labels, outs, strict=True):
        dropped += [*_dropped_places(file, out), *_dropped_offences(file, row_labels, out)]
        notes += [*file.notes, *_loss_notes(file, row_labels, out, names)]
    dropped += [
        Dropped(f"{item.file.name}: no month is taken from this file", item.rows)
        for f, item in enumerate(cubes)
        if f not in used
    ]
    return IntakeReport(
        files=tuple(file.source for file in files),
        rows_read=sum(file.source.rows for file in files),
        rows_used=sum(cubes[f].rows for f in sorted(set(used))),
        dropped=tuple(dropped),
        months_missing=tuple(month for month in joined.window if joined.states[month] == "missing"),
        months_partial=tuple(month for month in joined.window if joined.states[month] == "partial"),
        vocabulary=(
            *vocabulary_notes(files, labels),
            *renamed,
            *begins_and_ends(names, joined.present, totals),
            *_register_notes(joined.window, names, level),
        ),
        code_vintages=_code_notes(level, files),
        snapshots=joined.differences,
        filled_zeros=sum(int((~cubes[f].has_row).sum()) for f in used),
        notes=(*notes, *_stub_notes(cubes), *_area_notes(level, joined.areas, joined.missing)),
    )


def _read_all(
    paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]], level: Level
) -> list[MpsFile]:
    given = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    if not given:
        raise OptionError("no file was given", where="read_mps", remedy="Name at least one file.")
    files = [read_file(Path(path)) for path in given]
    for i, file in enumerate(files):
        if file.level != level:
            raise SourceError(
                f"is a table by {file.level}, and level={level!r} was asked for",
                where=file.name,
                remedy=f"Give the {level} table. Smaller areas are never added up to larger ones: "
                "crimes that match no small area are left out of the small-area tables.",
            )
        for other in files[:i]:
            if other.source.sha256 == file.source.sha256 or other.name == file.name:
                raise SourceError(
                    "the same file twice" if other.name != file.name else "two files have the same name",
                    where=f"{other.name}, {file.name}",
                    remedy="Give each file once, under a name of its own.",
                )
    # by span, so that the order in which the files are given never matters
    return sorted(files, key=lambda file: (file.months[0], file.months[-1], file.name))


def _dropped_places(file: MpsFile, out: Bools) -> list[Dropped]:
    found: list[Dropped] = []
    total = int(file.counts.sum())
    for place in sorted({file.outside[row] for row in np.flatnonzero(out)}):
        rows = [row for row in np.flatnonzero(out) if file.outside[row] == place]
        crimes = int(file.counts[rows].sum())
        share = f"{crimes:,} crimes, {crimes / max(total, 1):.1%} of all"
        reason = f"{file.name}: {place} is not a Met borough; {share}"
        found.append(Dropped(reason, len(rows), f"{place}, {file.minor[rows[0]]}"))
    return found


def _dropped_offences(file: MpsFile, labels: list[str | None], out: Bools) -> list[Dropped]:
    spare = [row for row, label in enumerate(labels) if label is None and not out[row]]
    if not spare:
        return []
    return [Dropped(f"{file.name}: offences not asked for", len(spare), file.major[spare[0]])]


def _loss_notes(file: MpsFile, labels: list[str | None], out: Bools, names: list[str]) -> list[str]:
    kept, lost = dict.fromkeys(names, 0), dict.fromkeys(names, 0)
    for row, total in enumerate(file.counts.sum(axis=1).tolist()):
        label = labels[row]
        if label is not None:
            (lost if out[row] else kept)[label] += total
    return [
        f"{file.name}: {lost[name] / (lost[name] + kept[name]):.1%} of {name} lies outside the boroughs and "
        "is dropped"
        for name in names
        if lost[name] > _LOSS_SHARE * (lost[name] + kept[name])
    ]


def _window(files: list[MpsFile], months: tuple[str, str] | None) -> tuple[str, ...]:
    if months is None:
        return months_between(min(file.months[0] for file in files), max(file.months[-1] for file in files))
    pair = [months] if isinstance(months, str) else list(months)
    if (
        len(pair) != 2
        or not all(re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", str(m)) for m in pair)
        or pair[0] > pair[1]
    ):
        raise OptionError(
            f"months={months!r} is not a first and a last month",
            where="read_mps",
            remedy="Write them as ('2012-01', '2019-01').",
        )
    return months_between(pair[0], pair[1])


def _stub_notes(cubes: Sequence[Cube]) -> list[str]:
    notes: list[str] = []
    for item in cubes:
        totals = dict(zip(item.file.months, item.file.totals().tolist(), strict=True))
        notes.extend(
            f"{item.file.name}: {month} is a stub with {totals[month]:,} crimes, not used"
            for month in item.file.stubs
        )
    return notes


def _area_notes(level: Level, areas: dict[str, str], missing: frozenset[tuple[str, str]]) -> list[str]:
    notes: list[str] = []
    if level == "borough":
        absent = [name for code, name in MPS_BOROUGHS.items() if code not in areas]
        if absent:
            notes.append(f"{len(absent)} of the Met's 32 boroughs are in no file: {first_few(absent, 32)}")
    else:
        notes.append(
            "crimes that match no area of this size are left out by the publisher: do not add areas up"
        )
        shared = len(areas) - len(set(areas.values()))
        if shared:
            notes.append(
                f"{len(areas):,} areas have {len(set(areas.values())):,} names: tell areas apart by code"
            )
    if missing:
        codes = sorted({code for code, _ in missing})
        notes.append(
            f"{len(codes):,} areas have no row in one of the files and are missing in its months, not zero: "
            + first_few(f"{areas[code]} ({code})" for code in codes)
        )
    return notes


def _code_notes(level: Level, files: list[MpsFile]) -> tuple[str, ...]:
    if level != "lsoa":
        return ()
    return tuple(
        f"{file.name}: {len(set(file.area)):,} LSOA codes; read_lsoa_lookup(path).vintage(codes) "
        "tells the census"
        for file in files
    )


def _register_notes(window: tuple[str, ...], names: list[str], level: Level) -> list[str]:
    mine = Recording("mps_tables", ("metropolitan",), level)
    return [
        item.sentence()
        for item in breaks.crossing(window[0], window[-1], recording=mine)
        if item.changes_counting and any(item.touches(name) for name in names)
    ]
