"""The data of a study as they came in: one table, what happened on the way, and the hashes of its files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import pandas as pd

from whatworks.absence import NotAvailable
from whatworks.data import breaks as register
from whatworks.data.breaks import Break
from whatworks.data.exposure import join_population, join_start
from whatworks.data.intake import IntakeReport, source_file
from whatworks.data.recording import ENGLAND_AND_WALES, INVENTED, Level, Recording, parse_recording
from whatworks.data.tidy import Tidy
from whatworks.errors import OptionError, SourceError, choose, did_you_mean, first_few
from whatworks.shown import Note, Part, Shown, Table
from whatworks.study import places
from whatworks.study.hashing import file_hash

_MADE_UP: Final = "data/synthetic/"
"""Where a workspace keeps what `data.synthetic` made."""

_EMPTY_COVERAGE = pd.DataFrame({"source": [], "month": [], "state": [], "rows": []})


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Source(Shown):
    """One table of units by periods, ready for a panel.

    Attributes:
        frame: a row per unit and period, with the outcomes and whatever was joined (`population`, `start`,
            `cluster`).
        intake: what happened to the files on the way in.
        coverage: source × month with its state (present, partial, missing); empty for a plain table.
        recording: whose recording it is, or why the register of breaks cannot know it.
        breaks: known series breaks and shocks of that recording which the months run into.
        files: every file read, as (name in the study's own words, sha256).
        outcomes: the outcome columns.
    """

    frame: pd.DataFrame
    intake: IntakeReport
    coverage: pd.DataFrame
    recording: Recording | NotAvailable
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
    recorded_by: Mapping[str, str] | None = None,
    study: str = "",
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
        recorded_by: whose recording a table is (`data.recording`); a police reader knows. Empty: not said.
        study: folder of the study; where its `study.yaml` says `synthetic: true`, nobody recorded the data.
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
    said = _said(workspace, study, _listed(data), recorded_by or {}, reader)
    named = [*_listed(data), *_listed(population), *([timing] if timing else [])]
    files = [(name, file_hash(path)) for one in named for name, path in workspace.expand(one)]
    frame, intake, coverage = _loaded(workspace, how, _listed(data), outcomes, (first, last))
    recording = said if how is None or said is INVENTED else how.recording(coverage)
    if population:
        frame = join_population(frame, [workspace.path(item) for item in _listed(population)])
    if timing:
        frame = _started(frame, workspace.path(timing), timing_fill or {}, timing_rule, timing_others)
    _need(frame, [unit, *outcomes, *(name for name in (period, cluster) if name)])
    crossed = _crossed(recording, frame[period], outcomes, first, last) if period else ()
    return Source(frame, intake, coverage, recording, crossed, tuple(files), tuple(outcomes))


def _said(
    workspace: places.Workspace, study: str, data: list[str], said: Mapping[str, str], reader: str
) -> Recording | NotAvailable:
    """Whose recording the study says it is; made-up data are nobody's, and a police reader is not told."""
    invented = _invented(workspace, study, data)
    if said and (invented or READERS[reader] is not None):
        why = "the data are made up" if invented else f"the reader {reader} knows it"
        raise OptionError(
            f"it says {dict(said)}, and {why}", where="recorded_by", remedy="Leave out recorded_by."
        )
    return INVENTED if invented else parse_recording(said)


def _invented(workspace: places.Workspace, study: str, data: list[str]) -> bool:
    if data and all(reference.startswith(_MADE_UP) for reference in data):
        return True
    if not study:
        return False
    from whatworks.study import spec

    folder = workspace.path(study)
    return spec.load_study(folder, name=workspace.relative(folder)).synthetic


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


def _started(
    frame: pd.DataFrame, path: Path, fill: Mapping[str, str], rule: str, others: str
) -> pd.DataFrame:
    rules: dict[str, Any] = {
        "first_month": choose("timing_rule", rule, ("same", "next"), where="study.read"),
        "others": choose("timing_others", others, ("refuse", "never"), where="study.read"),
    }
    return join_start(frame, path, fill=dict(fill), **rules)


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
    """How files become counts by area and month, and whose recording they are, by their coverage."""

    read: Callable[[list[Path], list[str], Months, Path], Tidy]
    recording: Callable[[pd.DataFrame], Recording | NotAvailable]


def _met(level: Level) -> Callable[[pd.DataFrame], Recording]:
    return lambda coverage: Recording("mps_tables", ("metropolitan",), level)


def _published(level: Level) -> Callable[[pd.DataFrame], Recording | NotAvailable]:
    def recording(coverage: pd.DataFrame) -> Recording | NotAvailable:
        forces = tuple(sorted(set(coverage["source"])))
        other = [force for force in forces if force not in ENGLAND_AND_WALES]
        if other:
            return NotAvailable(f"the register knows no recording of {first_few(other)}")
        return Recording("police_uk_street", forces, level)

    return recording


READERS: Final[Mapping[str, Reader | None]] = {
    "table": None,
    "mps_borough": Reader(_mps("borough"), _met("borough")),
    "mps_ward": Reader(_mps("ward"), _met("ward")),
    "mps_lsoa": Reader(_mps("lsoa"), _met("lsoa")),
    # by borough unless said otherwise: the areas that population and timing files name
    "police_uk": Reader(_street("borough"), _published("borough")),
    "police_uk_lsoa": Reader(_street("lsoa"), _published("lsoa")),
    "police_uk_force": Reader(_street("force"), _published("force")),
}
"""Every reader by name; a table as it stands needs none, and the study says whose recording it is."""


def _months(first: str, last: str) -> Months:
    if bool(first) != bool(last):
        raise OptionError(
            "first and last go together when police files are read",
            where="study.read",
            remedy="Give both months, such as first: 2012-01 and last: 2019-01, or neither.",
        )
    return (first, last) if first else None


def _crossed(
    recording: Recording | NotAvailable, periods: pd.Series, outcomes: Sequence[str], first: str, last: str
) -> tuple[Break, ...]:
    if isinstance(recording, NotAvailable):
        return ()
    labels = periods.dropna().astype("str")
    if labels.empty or not labels.str.fullmatch(r"\d{4}-(0[1-9]|1[0-2])").all():
        return ()
    low, high = first or min(labels), last or max(labels)
    if low > high:
        return ()
    found = register.crossing(low, high, recording=recording)
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
