"""The data of a study as they came in: one table, what happened on the way, and the hashes of its files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, cast

import pandas as pd

from whatworks.data import breaks as register
from whatworks.data.breaks import Break
from whatworks.data.exposure import join_population, join_start
from whatworks.data.intake import IntakeReport, source_file
from whatworks.data.tidy import Tidy
from whatworks.errors import OptionError, SourceError, choose, did_you_mean, first_few
from whatworks.shown import Note, Part, Shown, Table
from whatworks.study import places
from whatworks.study.hashing import file_hash

_EMPTY_COVERAGE = pd.DataFrame({"source": [], "month": [], "state": [], "rows": []})


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Source(Shown):
    """One table of units by periods, ready for a panel.

    Attributes:
        frame: a row per unit and period, with the outcomes and whatever was joined (`population`, `start`,
            `cluster`).
        intake: what happened to the files on the way in.
        coverage: source × month with its state (present, partial, missing); empty for a plain table.
        breaks: known series breaks and shocks that the months run into.
        files: every file read, as (name in the study's own words, sha256).
        outcomes: the outcome columns.
    """

    frame: pd.DataFrame
    intake: IntakeReport
    coverage: pd.DataFrame
    breaks: tuple[Break, ...]
    files: tuple[tuple[str, str], ...]
    outcomes: tuple[str, ...]

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the result must know about the data, in sentences."""
        found = []
        if self.intake.months_missing:
            found.append(f"Months without a file: {first_few(self.intake.months_missing, 12)}.")
        if self.intake.months_partial:
            found.append(
                f"Months only partly supplied, not used: {first_few(self.intake.months_partial, 12)}."
            )
        if self.intake.duplicates:
            found.append(f"{self.intake.duplicates:,} duplicated rows were left out.")
        return tuple(found)

    def parts(self) -> tuple[Part, ...]:
        """The files, what happened to them and the breaks they run into; no row of the table."""
        rows = tuple((name, sha256[:12]) for name, sha256 in self.files)
        columns = ("File", "SHA-256, first 12 digits")
        files = Table("files", "Files read", columns, rows, (False, False), each="file")
        if not self.breaks:
            return files, *self.intake.parts()
        known = Note(("Known breaks and shocks inside these months:",))
        crossed = Note(tuple(item.sentence() for item in self.breaks), "list")
        return files, *self.intake.parts(), known, crossed


def read(
    data: str | Sequence[str],
    *,
    outcomes: Sequence[str],
    reader: str = "table",
    unit: str = "area_code",
    period: str = "month",
    timing: str = "",
    timing_fill: Mapping[str, str] | None = None,
    timing_rule: str = "next",
    timing_others: str = "refuse",
    population: str | Sequence[str] = (),
    cluster: str = "",
    first: str = "",
    last: str = "",
) -> Source:
    """Read the data that a study names, inside its workspace or in a data root.

    Args:
        data: files or folders, such as `data/counts.csv` or `realdata:mps_borough/file.csv`.
        outcomes: outcome columns; with a police reader, offences in sentence case.
        reader: `table` (CSV or Parquet as it stands), `mps_borough`, `mps_ward`, `mps_lsoa`, or `police_uk`
            street files by borough, `police_uk_lsoa`, `police_uk_force`.
        unit, period, cluster: columns that the table must have in the end ("" for no period or no cluster).
        timing: file with the start of each area, adding `start` and `cluster`, by the rules
            `timing_fill`, `timing_rule` and `timing_others` (see `data.exposure.join_start`).
        population: files with residents by area and year, adding `population`.
        first, last: the months to read from police files, blank for all.

    Raises `StudyError` for a path outside the workspace or data that are not here, `SourceError` for a file
    that is not what it should be, `OptionError` for a column or choice that does not exist.
    """
    how = READERS[choose("reader", reader, tuple(READERS), where="study.read")]
    workspace = places.find()
    references = [*_listed(data), *_listed(population), *([timing] if timing else [])]
    files = [item for reference in references for item in workspace.expand(reference)]
    frame, intake, coverage = _loaded(workspace, how, _listed(data), outcomes, (first, last))
    if population:
        frame = join_population(frame, [workspace.path(item) for item in _listed(population)])
    if timing:
        rules = _timing_rules(timing_rule, timing_others)
        frame = join_start(frame, workspace.path(timing), fill=dict(timing_fill or {}), **rules)
    _need(frame, [unit, *outcomes, *(name for name in (period, cluster) if name)])
    crossed = () if not period or how is None else _crossed(how, frame[period], outcomes, first, last)
    hashes = tuple((name, file_hash(path)) for name, path in files)
    return Source(frame, intake, coverage, crossed, hashes, tuple(outcomes))


def _loaded(
    workspace: places.Workspace,
    reader: Reader | None,
    data: list[str],
    outcomes: Sequence[str],
    months: tuple[str, str],
) -> tuple[pd.DataFrame, IntakeReport, pd.DataFrame]:
    paths = [workspace.path(reference) for reference in data]
    if not paths:
        raise OptionError("no data file is named", where="study.read", remedy="Give at least one in `data`.")
    if reader is None:
        return _table(paths)
    tidy = reader.read(paths, list(outcomes), _months(*months), workspace.cache_folder)
    return tidy.wide(list(outcomes)), tidy.intake, tidy.coverage


def _timing_rules(rule: str, others: str) -> dict[str, Any]:
    return {
        "first_month": choose("timing_rule", rule, ("same", "next"), where="study.read"),
        "others": choose("timing_others", others, ("refuse", "never"), where="study.read"),
    }


def _table(paths: Sequence[Path]) -> tuple[pd.DataFrame, IntakeReport, pd.DataFrame]:
    from whatworks.data.tables import read_table

    parts = [read_table(path) for path in paths]
    for path, part in zip(paths, parts, strict=True):
        if list(part.columns) != list(parts[0].columns):
            raise SourceError(
                f"its columns are not those of {paths[0].name}",
                where=path.name,
                remedy=f"Files read together have the same columns: {first_few(parts[0].columns, 20)}.",
            )
    frame = parts[0] if len(parts) == 1 else pd.concat(parts, ignore_index=True)
    intake = IntakeReport(
        files=tuple(source_file(path, len(part)) for path, part in zip(paths, parts, strict=True)),
        rows_read=len(frame),
        rows_used=len(frame),
    )
    return frame, intake, _EMPTY_COVERAGE


Months = tuple[str, str] | None


def _mps(level: str) -> Callable[[list[Path], list[str], Months, Path], Tidy]:
    def read(paths: list[Path], offences: list[str], months: Months, cache: Path) -> Tidy:
        from whatworks.data.mps import read_mps

        return read_mps(paths, level=cast(Any, level), offences=offences, months=months)

    return read


def _street(by: str) -> Callable[[list[Path], list[str], Months, Path], Tidy]:
    def read(paths: list[Path], offences: list[str], months: Months, cache: Path) -> Tidy:
        from whatworks.data.police_uk import read_street

        return read_street(paths, by=cast(Any, by), offences=offences, months=months, cache=cache)

    return read


@dataclass(frozen=True, slots=True)
class Reader:
    """How files become counts by area and month, and whose recording breaks they run into."""

    read: Callable[[list[Path], list[str], Months, Path], Tidy]
    breaks: Literal["mps", "police_uk"]


READERS: Final[Mapping[str, Reader | None]] = {
    "table": None,
    "mps_borough": Reader(_mps("borough"), "mps"),
    "mps_ward": Reader(_mps("ward"), "mps"),
    "mps_lsoa": Reader(_mps("lsoa"), "mps"),
    # by borough unless said otherwise: the areas that population and timing files name
    "police_uk": Reader(_street("borough"), "police_uk"),
    "police_uk_lsoa": Reader(_street("lsoa"), "police_uk"),
    "police_uk_force": Reader(_street("force"), "police_uk"),
}
"""Every reader by name; a table as it stands needs none and has no breaks that we could know of."""


def _months(first: str, last: str) -> Months:
    if bool(first) != bool(last):
        raise OptionError(
            "first and last go together when police files are read",
            where="study.read",
            remedy="Give both months, such as first: 2012-01 and last: 2019-01, or neither.",
        )
    return (first, last) if first else None


def _crossed(
    reader: Reader, periods: pd.Series, outcomes: Sequence[str], first: str, last: str
) -> tuple[Break, ...]:
    labels = periods.dropna().astype("str")
    if labels.empty or not labels.str.fullmatch(r"\d{4}-(0[1-9]|1[0-2])").all():
        return ()
    low, high = first or min(labels), last or max(labels)
    if low > high:
        return ()
    found = register.crossing(low, high, source=reader.breaks)
    return tuple(item for item in found if any(item.touches(outcome) for outcome in outcomes))


def _need(frame: pd.DataFrame, columns: Sequence[str]) -> None:
    available = [str(column) for column in frame.columns]
    for column in columns:
        if column not in available:
            raise OptionError(
                f"the table has no column {column!r}",
                where="study.read",
                remedy=f"{did_you_mean(column, available)}It has {first_few(available, 30)}.",
            )


def _listed(given: str | Sequence[str]) -> list[str]:
    return [given] if isinstance(given, str) and given else list(given)
