"""Columns that a police file does not have: the population of an area, the start of an intervention."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Literal

import pandas as pd

from whatworks.data import strictcsv
from whatworks.data.geography import borough_code, find_borough
from whatworks.errors import OptionError, PanelError, SourceError, choose, first_few

Paths = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]
_MONTH: Final = r"\d{4}-(?:0[1-9]|1[0-2])"
_DATE: Final = re.compile(rf"({_MONTH})(?:-(0[1-9]|[12]\d|3[01]))?")
_YEAR_COLUMN: Final = re.compile(r"(\d{4})[ _]?population", re.IGNORECASE)
_CODE_COLUMNS: Final = ("code", "area_code", "gss_code", "gss", "lad code", "borough_code")
_AREA_COLUMNS: Final = ("boroughs", "borough", "areas", "area_code", "area", "code")
_DATE_COLUMNS: Final = ("go_live_date", "start", "start_date", "date")
_CLUSTER_COLUMNS: Final = ("bcu", "cluster", "command_unit")


def join_population(
    frame: pd.DataFrame, path: Paths, *, later_years: Literal["refuse", "carry"] = "refuse"
) -> pd.DataFrame:
    """Add a `population` column (residents, int64) to a table with `area_code` and `month` (YYYY-MM).

    `path` is one or several CSV files: wide with one `YYYY_Population` column a year, or long with a code, a
    year and a population. Every month of a year takes that year's mid-year estimate. `later_years="carry"`
    lets months after the last year take its estimate; earlier or inner years are never made up.
    Raises `SourceError` for a file that is not of this kind or two files that disagree, `PanelError` naming
    the areas and years without an estimate.
    """
    choose("later_years", later_years, ("refuse", "carry"), where="join_population")
    _need(frame, ("area_code", "month"), "population")
    population = _population(path)
    codes, months = frame["area_code"].astype("str"), _months(frame)
    years = months.str.slice(0, 4).astype("int64")
    if later_years == "carry":
        years = years.clip(upper=max(year for _, year in population))
    keys = pd.MultiIndex.from_arrays([codes, years])
    found = pd.Series(population).reindex(keys)
    if found.isna().any():
        lacking = keys[found.isna().to_numpy()].unique()
        areas, spans = sorted({code for code, _ in lacking}), sorted({int(year) for _, year in lacking})
        raise PanelError(
            f"no population for {len(lacking):,} pairs of area and year: years {first_few(spans, 12)}; "
            f"areas {first_few(areas)}",
            where=first_few(Path(item).name for item in _listed(path)),
            remedy="Add a file with these years; later_years='carry' repeats the last one for later months.",
        )
    return frame.assign(population=found.to_numpy().astype("int64"))


def join_start(
    frame: pd.DataFrame,
    path: str | os.PathLike[str],
    *,
    first_month: Literal["same", "next"],
    fill: Mapping[str, str] | None = None,
    drop: Sequence[str] = (),
    others: Literal["refuse", "never"] = "refuse",
) -> pd.DataFrame:
    """Add `start` (first treated month, YYYY-MM, blank for never treated) and `cluster` to a table by area.

    `path` is a CSV with one row per area, or per cluster with its areas parted by `;`, a date (YYYY-MM or
    YYYY-MM-DD), and optionally the cluster's name. A date after the 1st makes its own month the first
    treated one (`first_month="same"`) or the month after it, the first whole one (`"next"`); a date given as
    a month is that month. `fill` gives the month for rows whose date is only a year, is blank, or is to be
    replaced; `drop` names rows whose areas are taken out of the table. Areas in no row are refused, or
    counted as never treated, each a cluster of its own.

    Raises `SourceError` for a row that cannot be dated or an area in two rows, `OptionError` for a name that
    is no row, `PanelError` for areas without a row.
    """
    choose("first_month", first_month, ("same", "next"), where="join_start")
    choose("others", others, ("refuse", "never"), where="join_start")
    _need(frame, ("area_code",), "start", "cluster")
    clusters, dates = _starts(Path(path), dict(fill or {}), tuple(drop))
    starts = {code: _first_treated(date, first_month) for code, date in dates.items()}
    gone = {code for code, cluster in clusters.items() if cluster in drop}
    codes = frame["area_code"].astype("str")
    kept = frame.loc[~codes.isin(gone)].copy()
    codes = kept["area_code"].astype("str")
    lacking = sorted(set(codes) - set(clusters))
    if lacking and others == "refuse":
        raise PanelError(
            f"{len(lacking):,} areas stand in no row: {first_few(lacking)}",
            where=Path(path).name,
            remedy="Add them, or say others='never' if they were never treated.",
        )
    kept["start"] = codes.map(starts).astype("str")
    kept["cluster"] = codes.map(lambda code: clusters.get(code, code)).astype("str")
    return kept.reset_index(drop=True)


def _population(path: Paths) -> dict[tuple[str, int], int]:
    found: dict[tuple[str, int], int] = {}
    for item in _listed(path):
        table = strictcsv.read(Path(item))
        names = [cell.lower() for cell in table.header]
        code_column = _column(table, names, _CODE_COLUMNS, "an area code")
        codes = table.texts(code_column)
        years = {i: int(m[1]) for i, cell in enumerate(table.header) if (m := _YEAR_COLUMN.fullmatch(cell))}
        cells: list[tuple[int, str, int, int]] = []
        for column, year in years.items():
            values = table.whole_numbers(column, what="Populations")
            cells += [(row, code, year, int(values[row])) for row, code in enumerate(codes)]
        if not years:
            year_column = _column(table, names, ("year",), "a year or YYYY_Population columns")
            value_column = _column(table, names, ("population",), "a population")
            spans = table.whole_numbers(year_column, what="Years")
            values = table.whole_numbers(value_column, what="Populations")
            cells = [(row, code, int(spans[row]), int(values[row])) for row, code in enumerate(codes)]
        for row, code, year, value in cells:
            if not value or found.setdefault((code, year), value) != value:
                other = found.get((code, year))
                raise SourceError(
                    f"the population of {code} in {year} is {value:,}"
                    + (f", elsewhere {other:,}" if value else ""),
                    where=table.where(row),
                    remedy="Give one estimate above zero for each area and year.",
                )
    return found


def _starts(path: Path, fill: dict[str, str], drop: tuple[str, ...]) -> tuple[dict[str, str], dict[str, str]]:
    table = strictcsv.read(path)
    names = [cell.lower() for cell in table.header]
    areas = table.texts(_column(table, names, _AREA_COLUMNS, "the areas"))
    dates = table.texts(_column(table, names, _DATE_COLUMNS, "the date of the start"))
    known = [name for name in _CLUSTER_COLUMNS if name in names]
    labels = table.texts(names.index(known[0])) if known else areas
    for name in (*fill, *drop):
        choose("name", name, labels, where=f"join_start, {path.name}")
    clusters: dict[str, str] = {}
    starts: dict[str, str] = {}
    undated = []
    for row, (label, members, written) in enumerate(zip(labels, areas, dates, strict=True)):
        date = fill.get(label, written)
        dated = _DATE.fullmatch(date) is not None
        if not dated and label not in drop:
            undated.append(f"{label} (line {row + 2}: {date!r})")
        for member in members.split(";"):
            code = _area(member.strip(), table.where(row))
            if code in clusters:
                raise SourceError(
                    f"{member.strip()} stands in {clusters[code]!r} and in {label!r}",
                    where=table.where(row),
                    remedy="Each area may stand in one row.",
                )
            clusters[code] = label
            if dated:
                starts[code] = date
    if undated:
        example = undated[0].split(" (")[0]
        raise SourceError(
            f"no month can be read for {first_few(undated, 12)}",
            where=path.name,
            remedy=f"Give it: fill={{{example!r}: '2018-10'}}, or leave the areas out: drop=[{example!r}].",
        )
    return clusters, starts


def _first_treated(date: str, first_month: str) -> str:
    found = _DATE.fullmatch(date)
    if found is None:
        raise OptionError(
            f"{date!r} is not a date", where="join_start", remedy="Write 2018-10 or 2018-10-17."
        )
    if first_month == "same" or found[2] in (None, "01"):
        return found[1]
    year, month = int(date[:4]), int(date[5:7])
    return f"{year + month // 12:04d}-{month % 12 + 1:02d}"


def _area(member: str, where: str) -> str:
    if re.fullmatch(r"[EW]\d{8}", member):
        return member
    return find_borough(member) or borough_code(member, where=where)


def _column(table: strictcsv.TextTable, names: list[str], wanted: Sequence[str], what: str) -> int:
    for name in wanted:
        if name in names:
            return names.index(name)
    raise SourceError(
        f"no column for {what}; the columns are {first_few(map(repr, table.header), 12)}",
        where=f"{table.name}, line 1",
        remedy=f"Name it {' or '.join(map(repr, wanted[:3]))}.",
    )


def _need(frame: pd.DataFrame, columns: Sequence[str], *new: str) -> None:
    absent = [column for column in columns if column not in frame.columns]
    there = [column for column in new if column in frame.columns]
    if absent or there:
        raise PanelError(
            f"no column {first_few(map(repr, absent))}" if absent else f"already has {first_few(there)}",
            where="the table to add to",
            remedy="Give a tidy or wide table of counts by area and month, without the columns to be added.",
        )


def _months(frame: pd.DataFrame) -> pd.Series:
    months = frame["month"].astype("str")
    odd = ~months.str.fullmatch(_MONTH).astype(bool)
    if odd.any():
        raise PanelError(
            f"months must read YYYY-MM; found {first_few(map(repr, months[odd].unique()))}",
            where="the table to add to, column 'month'",
            remedy="Write months as 2024-03.",
        )
    return months


def _listed(path: Paths) -> list[str | os.PathLike[str]]:
    return [path] if isinstance(path, str | os.PathLike) else list(path)
