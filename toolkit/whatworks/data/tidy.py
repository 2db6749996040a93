"""The tidy table every reader of police files hands over: area × month × offence, zeros explicit."""

from __future__ import annotations

import dataclasses
import os
import re
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from whatworks.arrays import Bools, Ints
from whatworks.data.intake import IntakeReport
from whatworks.errors import OptionError, SourceError, did_you_mean, first_few
from whatworks.shown import Note, Part, Shown, Table

COLUMNS: Final = ("area_code", "area_name", "month", "offence", "count")
_TEXTS: Final = COLUMNS[:4]
COVERAGE_COLUMNS: Final = ("source", "month", "state", "rows")
State = Literal["present", "partial", "missing"]
STATES: Final[tuple[State, ...]] = ("present", "partial", "missing")
_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
_REMEDY = "Build it with from_counts or from_cube."


@dataclass(frozen=True, slots=True, repr=False)
class Tidy(Shown):
    """Counts by area, month and offence, with the report of how they came in.

    `frame` has the columns `area_code`, `area_name`, `month` (YYYY-MM), `offence` (text held as categories,
    months ordered, for a street-level decade has eight million rows) and `count` (int64), sorted by area,
    month, offence. Every area × present month holds every offence, zeros included; an area × month without a
    file has no row at all. `coverage` has one row per source × month: `source`,
    `month`, `state` (present, partial, missing), `rows`. Raises `SourceError` when the parts do not have
    this shape.
    """

    frame: pd.DataFrame
    intake: IntakeReport
    coverage: pd.DataFrame

    def __post_init__(self) -> None:
        _check_columns(self.frame, COLUMNS, "the tidy table")
        _check_columns(self.coverage, COVERAGE_COLUMNS, "the coverage table")
        _check_shape(self.frame)
        odd = ~self.coverage["state"].isin(STATES)
        if odd.any():
            raise SourceError(
                f"unknown coverage state {first_few(map(repr, self.coverage.loc[odd, 'state'].unique()))}",
                where="the coverage table",
                remedy=f"The states are {', '.join(STATES)}.",
            )

    @property
    def areas(self) -> tuple[str, ...]:
        """The area codes in order."""
        return tuple(sorted(self.frame["area_code"].unique()))

    @property
    def months(self) -> tuple[str, ...]:
        """The months in order that have at least one row."""
        return tuple(sorted(self.frame["month"].unique()))

    @property
    def offences(self) -> tuple[str, ...]:
        """The offences in order."""
        return tuple(self.frame["offence"].unique())

    def wide(self, offences: Sequence[str] | None = None) -> pd.DataFrame:
        """One row per area × month with one count column per offence.

        Columns `area_code`, `area_name`, `month` (plain text), then the chosen offences, in the order given
        (all, sorted, when none is given). Raises `OptionError` for an offence the table does not have.
        """
        have = list(self.offences)
        chosen = have if offences is None else list(offences)
        for name in chosen:
            if name not in have:
                raise OptionError(
                    f"there is no offence {name!r} in this table",
                    where="offences",
                    remedy=f"{did_you_mean(name, have)}It has {first_few(have, 40)}.",
                )
        step = max(len(have), 1)
        keys = _plain(self.frame.loc[::step, ["area_code", "area_name", "month"]].reset_index(drop=True))
        block = self.frame["count"].to_numpy().reshape(-1, step)
        counts = pd.DataFrame({name: block[:, have.index(name)] for name in chosen}, index=keys.index)
        return pd.concat([keys, counts], axis=1)

    def write(self, path: str | os.PathLike[str]) -> Path:
        """Write the table whole or not at all: CSV (UTF-8, LF) or Parquet, by the ending of the name.

        Returns the path. Raises `OptionError` for another ending.
        """
        target = Path(path)
        if target.suffix not in (".csv", ".parquet"):
            raise OptionError(
                f"cannot tell a format from the name {target.name!r}",
                where="path",
                remedy="End the name in .csv or .parquet.",
            )
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part")
        os.close(handle)
        part = Path(name)
        try:
            if target.suffix == ".csv":
                self.frame.to_csv(part, index=False, encoding="utf-8", lineterminator="\n")
            else:
                _plain(self.frame).to_parquet(part, index=False)
            part.chmod(0o644)
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
        return target

    def parts(self) -> tuple[Part, ...]:
        """How much there is, the months by source and what happened to the files; no row of the table."""
        facts = (
            f"{len(self.areas):,} areas × {len(self.months):,} months × {len(self.offences):,} offences, "
            f"{int(self.frame['count'].sum()):,} crimes"
        )
        span = f", {self.months[0]} to {self.months[-1]}" if self.months else ""
        return (Note((facts + span,)), self._coverage(), *self.intake.parts())

    def _coverage(self) -> Table:
        rows = []
        for source, group in self.coverage.groupby("source", sort=True):
            cells = [str(source)]
            for state in STATES:
                months = group.loc[group["state"] == state, "month"].tolist()
                shown = "" if state == "present" or not months else f" ({first_few(months, 12)})"
                cells.append(f"{len(months):,}{shown}")
            rows.append(tuple(cells))
        columns = ("source", *STATES)
        return Table("months", "Months by source", columns, tuple(rows), (False,) * len(columns), each="file")


def from_cube(
    counts: Ints,
    *,
    areas: Mapping[str, str],
    months: Sequence[str],
    offences: Sequence[str],
    intake: IntakeReport,
    coverage: pd.DataFrame,
    missing: Collection[tuple[str, str]] = (),
) -> Tidy:
    """Build a `Tidy` from a dense block of counts, areas × months × offences, in any order of the labels.

    `areas` maps code to name in the order of the first axis; `missing` names (area_code, month) pairs that
    have no file and so get no row. Raises `SourceError` when sizes disagree, a label repeats or a count is
    negative.
    """
    block = np.asarray(counts, dtype=np.int64)
    codes = list(areas)
    shape = (len(codes), len(months), len(offences))
    if block.shape != shape or any(len(set(labels)) != len(labels) for labels in (months, offences)):
        raise SourceError(
            f"counts of shape {block.shape} do not fit {shape[0]} areas × {shape[1]} months × "
            f"{shape[2]} offences with distinct labels",
            where="the tidy table",
            remedy="Give one label per position on each axis.",
        )
    labels = []
    for axis, given in enumerate((codes, list(months), list(offences))):
        order = np.argsort(np.array(given, dtype=object), kind="stable")
        labels.append([given[i] for i in order])
        if labels[axis] != given:
            block = block.take(order, axis=axis)
    gone = _gone(labels[0], labels[1], missing)
    frame = _long(block, labels, [areas[code] for code in labels[0]], gone)
    return Tidy(frame, intake, coverage.reset_index(drop=True))


def from_counts(
    counts: pd.DataFrame,
    *,
    areas: Mapping[str, str],
    months: Sequence[str],
    offences: Sequence[str],
    intake: IntakeReport,
    coverage: pd.DataFrame,
    missing: Collection[tuple[str, str]] = (),
) -> Tidy:
    """Build a `Tidy` from the counts that are not zero, filling the full cross with explicit zeros.

    `counts` has `area_code`, `month`, `offence`, `count`, at most one row per cell; a label that is not in
    `areas`, `months` or `offences` is an error, never a silent loss. The number of cells filled is added to
    `intake.filled_zeros`. Raises `SourceError` for unknown labels or repeated cells.
    """
    positions = [
        _positions(counts[column], labels, column)
        for column, labels in (("area_code", areas), ("month", months), ("offence", offences))
    ]
    shape = (len(areas), len(months), len(offences))
    flat = np.ravel_multi_index(tuple(positions), shape) if len(counts) else np.zeros(0, dtype=np.int64)
    order = np.sort(flat)
    if (order[1:] == order[:-1]).any():
        raise SourceError(
            "the same area × month × offence stands twice",
            where="the tidy table",
            remedy="Add the counts first.",
        )
    block = np.zeros(shape, dtype=np.int64)
    block.ravel()[flat] = counts["count"].to_numpy(dtype=np.int64)
    # a pair without a file holds no cells, so it is not filled either
    cells = block.size - len(set(missing)) * len(offences)
    filled = dataclasses.replace(intake, filled_zeros=intake.filled_zeros + cells - len(counts))
    return from_cube(
        block,
        areas=areas,
        months=months,
        offences=offences,
        intake=filled,
        coverage=coverage,
        missing=missing,
    )


def coverage_table(rows: Sequence[tuple[str, str, State, int]]) -> pd.DataFrame:
    """The coverage table from (source, month, state, rows) tuples, sorted by source and month."""
    table = pd.DataFrame(sorted(rows), columns=list(COVERAGE_COLUMNS))
    return table.astype({"source": "str", "month": "str", "state": "str", "rows": "int64"})


def _gone(codes: list[str], months: list[str], missing: Collection[tuple[str, str]]) -> Bools:
    found = np.zeros((len(codes), len(months)), dtype=bool)
    area_at = {code: i for i, code in enumerate(codes)}
    month_at = {month: i for i, month in enumerate(months)}
    for code, month in missing:
        if code in area_at and month in month_at:
            found[area_at[code], month_at[month]] = True
    return found


def _long(block: Ints, labels: list[list[str]], names: list[str], gone: Bools) -> pd.DataFrame:
    codes, months, offences = labels
    counts = block.reshape(len(codes) * len(months), len(offences))
    area, month = (at.ravel() for at in np.indices(gone.shape, dtype=np.int32))
    if gone.any():
        here = ~gone.ravel()
        area, month, counts = area[here], month[here], counts[here]
    step = len(offences)
    distinct = sorted(set(names))
    at = {name: i for i, name in enumerate(distinct)}
    name = np.array([at[name] for name in names], dtype=np.int32)
    return pd.DataFrame(
        {
            "area_code": _category(area, codes, repeat=step),
            "area_name": _category(name[area] if names else area, distinct, repeat=step),
            "month": _category(month, months, repeat=step, ordered=True),
            "offence": pd.Categorical.from_codes(
                np.tile(np.arange(step, dtype=_small(step)), len(area)), _index(offences)
            ),
            "count": counts.ravel(),
        },
        copy=False,
    )


def _category(
    codes: npt.NDArray[np.int32], labels: list[str], *, repeat: int, ordered: bool = False
) -> pd.Categorical:
    # millions of rows are only ever held in the narrowest type
    spread = np.repeat(codes.astype(_small(len(labels))), repeat)
    return pd.Categorical.from_codes(spread, _index(labels), ordered=ordered)


def _index(labels: list[str]) -> pd.Index:
    return pd.Index(labels, dtype="str")


def _small(size: int) -> type[np.signedinteger[Any]]:
    return next(kind for kind in (np.int8, np.int16, np.int32) if size < np.iinfo(kind).max)


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.astype({name: "str" for name in _TEXTS if name in frame})


def _codes(values: pd.Series) -> tuple[npt.NDArray[np.integer[Any]], list[str]]:
    """Positions in the sorted distinct labels; of categories without rows too."""
    found = (values if isinstance(values.dtype, pd.CategoricalDtype) else values.astype("category")).cat
    codes = found.codes.to_numpy()
    if (codes < 0).any():
        raise SourceError(f"a blank in {values.name}", where="the tidy table", remedy=_REMEDY)
    labels = found.categories.tolist()
    order = sorted(range(len(labels)), key=labels.__getitem__)
    if order != list(range(len(labels))):
        codes = np.argsort(order).astype(codes.dtype)[codes]
    return codes, [labels[i] for i in order]


def _positions(values: pd.Series, labels: Collection[str], column: str) -> Ints:
    found = pd.Index(list(labels)).get_indexer(pd.Index(values))
    if (found < 0).any():
        raise SourceError(
            f"unknown {column}: {first_few(map(repr, values[found < 0].unique()))}",
            where="the tidy table",
            remedy="Drop and report such rows before the cross is filled.",
        )
    return found.astype(np.int64)


def _check_columns(frame: pd.DataFrame, columns: Sequence[str], where: str) -> None:
    if tuple(frame.columns) != tuple(columns):
        raise SourceError(
            f"columns are {list(frame.columns)}",
            where=where,
            remedy=f"They must be {list(columns)}, in this order.",
        )


def _check_shape(frame: pd.DataFrame) -> None:
    def refuse(what: str) -> None:
        raise SourceError(what, where="the tidy table", remedy=_REMEDY)

    if frame["count"].dtype != np.int64:
        refuse(f"counts are {frame['count'].dtype}, not int64")
    if (frame["count"].to_numpy() < 0).any():
        refuse("a count is negative")
    if frame.empty:
        return
    offence, offences = _codes(frame["offence"])
    step = len(offences)
    if len(frame) % step or (offence.reshape(-1, step) != np.arange(step, dtype=offence.dtype)).any():
        refuse("an area × month lacks an offence, or the rows are not sorted")
    area, _ = _codes(frame["area_code"])
    _codes(frame["area_name"])
    month, months = _codes(frame["month"])
    odd = [label for label in months if not _MONTH.fullmatch(label)]
    if odd:
        refuse(f"months must read YYYY-MM; found {first_few(map(repr, odd))}")
    areas_at, months_at = area.reshape(-1, step), month.reshape(-1, step)
    steady = (areas_at == areas_at[:, :1]).all() and (months_at == months_at[:, :1]).all()
    pairs = areas_at[:, 0].astype(np.int64) * len(months) + months_at[:, 0]
    if not steady or (np.diff(pairs) <= 0).any():
        refuse("rows are not sorted by area, month and offence, or repeat")
