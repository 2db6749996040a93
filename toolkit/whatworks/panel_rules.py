"""From a table to the arrays of a panel: every rule a table must keep, and the words when it does not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from whatworks import columns, labels, panel_starts, panel_totals, periods
from whatworks.arrays import Bools, Floats, Ints
from whatworks.errors import PanelError, first_few
from whatworks.panel_grid import Grid, per_unit
from whatworks.panel_starts import NEVER


@dataclass(frozen=True, slots=True)
class Roles:
    """Which column plays which role, and how missing cells and never treated are given."""

    unit: str
    period: str
    outcome: str
    start: str | None
    cluster: str | None
    exposure: str | None
    covariates: tuple[str, ...]
    weight: str | None
    allow_missing: bool
    never: object


def arrays_from_frame(frame: pd.DataFrame, roles: Roles) -> dict[str, Any]:
    """The arguments of `Panel` for a table; see `Panel.from_frame` for the rules and errors."""
    _check_roles(frame, roles)
    if frame.empty:
        raise PanelError(
            "the table has no rows", where="Panel.from_frame", remedy="Check the file and filters."
        )
    calendar = _calendar(frame, roles)
    grid = _grid(frame, roles)
    if grid.kind == "integer" and not roles.allow_missing:
        _refuse_no_neighbours(roles, grid)
    outcome = _outcome(frame, roles, grid)
    built: dict[str, Any] = {
        "units": grid.units,
        "periods": grid.numbers,
        "period_kind": grid.kind,
        "outcome": outcome,
        "start": panel_starts.read(frame[roles.start], grid, roles.never)
        if roles.start is not None
        else np.full(len(grid.units), NEVER, dtype=np.int64),
        "outcome_name": roles.outcome,
        "unit_name": roles.unit,
        "scale": roles.outcome if roles.exposure is None else f"{roles.outcome} (count)",
    }
    if roles.cluster is not None:
        built["cluster"], built["cluster_labels"] = _cluster(frame, roles.cluster, grid)
    listed = np.asarray(pd.unique(grid.unit_codes), dtype=np.int64)
    where = f"unit column {roles.unit!r}"
    panel_totals.refuse(grid.units, outcome, listed, built.get("cluster"), where)
    if roles.exposure is not None:
        built["exposure"] = _exposure(frame, roles, grid)
    if roles.weight is not None:
        built["weight"] = _weight(frame, roles.weight, grid)
    if roles.covariates:
        spread = [_covariate(frame, name, roles, grid) for name in roles.covariates]
        built["covariates"] = np.stack(spread)
        built["covariate_names"] = roles.covariates
    built["notes"] = (*calendar, *_notes(outcome, grid, _absent_periods(roles, grid)))
    return built


def _calendar(frame: pd.DataFrame, roles: Roles) -> tuple[str, ...]:
    """The note on quarters of a year of their own; refuses a start column that does not share it."""
    found = {name: periods.own_year(frame[name]) for name in (roles.period, roles.start) if name is not None}
    named = [(name, frequency) for name, frequency in found.items() if frequency]
    if not named:
        return ()
    name, frequency = named[0]
    if roles.start is not None:
        other = roles.start if name == roles.period else roles.period
        texts = [
            value for value in frame[other].dropna().unique() if isinstance(value, str) and value.strip()
        ]
        if texts:
            raise PanelError(
                f"{name!r} holds quarters of a year of their own ({frequency}), "
                f"{other!r} holds texts such as {texts[0]!r}, which may be of another",
                where=f"column {other!r}",
                remedy="Give both as pandas periods of one frequency, or both as calendar quarters (2024Q1).",
            )
    example = frame[name].dropna().iloc[0]
    number, kind = periods.parse(pd.Series([example]), where=f"column {name!r}")
    shown = periods.label(int(number[0]), kind)
    return (f"Quarters of frequency {frequency} are shown as calendar quarters: {example} as {shown}.",)


def _absent_periods(roles: Roles, grid: Grid) -> list[str]:
    """Periods between the first and the last that no unit has; months and quarters refuse them."""
    every = (
        np.arange(grid.numbers[0], grid.numbers[-1] + 1) if np.ptp(grid.numbers) < 10_000 else grid.numbers
    )
    absent = [periods.label(int(p), grid.kind) for p in np.setdiff1d(every, grid.numbers)]
    if absent and grid.kind != "integer" and not roles.allow_missing:
        raise PanelError(
            f"no unit has a row for {first_few(absent)}",
            where=f"period column {roles.period!r}",
            remedy="A period without data is missing, not zero. Add it, or say allow_missing=True to go on "
            "without it: event times still count it.",
        )
    return absent


def _refuse_no_neighbours(roles: Roles, grid: Grid) -> None:
    """Numbers of which no two follow each other, as dates counted in days: event times would all be gaps."""
    steps = np.diff(grid.numbers)
    if len(steps) < 2 or steps.min() == 1:
        return
    size = f"{steps.min():,} apart" if np.ptp(steps) == 0 else f"{steps.min():,} to {steps.max():,} apart"
    first = ", ".join(str(int(p)) for p in grid.numbers[:3])
    raise PanelError(
        f"the periods {first} … lie {size}, so that none follows another",
        where=f"period column {roles.period!r}",
        remedy="Dates counted in days? Write months as 2024-03. Otherwise number the periods 1, 2, 3, "
        "in the start column too; or say allow_missing=True where those between are missing: "
        "event times and anticipation then count them.",
    )


def _notes(outcome: Floats, grid: Grid, absent: list[str]) -> Iterator[str]:
    missing = int(np.isnan(outcome).sum())
    if missing:
        yield f"{missing:,} of {outcome.size:,} cells are missing and were kept as missing."
    if absent:
        yield f"No unit has data for {len(absent)} periods inside the window: {first_few(absent)}."


def _check_roles(frame: pd.DataFrame, roles: Roles) -> None:
    names = {
        "unit": roles.unit,
        "period": roles.period,
        "outcome": roles.outcome,
        "start": roles.start,
        "cluster": roles.cluster,
        "exposure": roles.exposure,
        "weight": roles.weight,
    }
    asked = [(role, name) for role, name in names.items() if name is not None]
    asked += [("covariates", name) for name in roles.covariates]
    columns.require(frame, asked, PanelError)


def _grid(frame: pd.DataFrame, roles: Roles) -> Grid:
    for role, name in (("unit", roles.unit), ("period", roles.period)):
        blank = frame[name].isna().to_numpy()
        if blank.any():
            raise PanelError(
                f"{int(blank.sum()):,} rows have no {role}",
                where=f"column {name!r}, rows {first_few(np.flatnonzero(blank) + 1)}",
                remedy="Every row names its unit and its period.",
            )
    unit_codes, unit_values = pd.factorize(frame[roles.unit], sort=False)
    whole = pd.api.types.is_integer_dtype(frame[roles.unit].dtype)
    names = (
        list(map(str, unit_values.tolist()))
        if whole
        else [_unit_label(value, roles.unit) for value in unit_values]
    )
    if not whole:
        _refuse_doubtful(names, "unit", roles.unit)
    order = np.argsort(np.asarray(names, dtype=object), kind="stable")
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    numbers, kind = periods.parse(frame[roles.period], where=f"column {roles.period!r}")
    period_codes, distinct = pd.factorize(numbers, sort=True)
    units = tuple(names[i] for i in order)
    if len(set(units)) != len(units):
        twice = sorted({u for u in units if units.count(u) > 1})
        raise PanelError(
            f"different units share a label as text: {first_few(map(repr, twice))}",
            where=f"column {roles.unit!r}",
            remedy="Read identifiers as text, so that 7 and '7' cannot both occur.",
        )
    grid = Grid(rank[unit_codes], period_codes.astype(np.int64), units, distinct, kind)
    _refuse_duplicates(grid, roles)
    return grid


def _refuse_doubtful(names: Sequence[str], role: str, column: str) -> None:
    where = f"column {column!r}"
    labels.refuse_blank_words(names, PanelError, role=role, where=where)
    labels.refuse_alike(names, PanelError, role=role, where=where)


def _unit_label(value: object, name: str) -> str:
    label = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
    if not label.strip():
        raise PanelError(
            "a unit's label is blank", where=f"column {name!r}", remedy="Every row names its unit."
        )
    return label


def _refuse_duplicates(grid: Grid, roles: Roles) -> None:
    n, t = grid.shape
    flat = grid.unit_codes * t + grid.period_codes
    counts = np.bincount(flat, minlength=n * t)
    if counts.max() <= 1:
        return
    rows = np.flatnonzero(counts[flat] > 1)
    cells = list(dict.fromkeys(grid.cell(row) for row in rows[:200]))
    raise PanelError(
        f"{int((counts > 1).sum()):,} cells occur more than once: {first_few(cells)}",
        where=f"columns {roles.unit!r} and {roles.period!r}",
        remedy="Keep one row per unit and period: sum the parts if they are parts (several offences, say), "
        "or remove the copies. Nothing was summed or dropped for you.",
    )


def _outcome(frame: pd.DataFrame, roles: Roles, grid: Grid) -> Floats:
    values = columns.numbers(frame, roles.outcome, "outcome", PanelError)
    if roles.exposure is not None:
        _refuse_non_counts(values, roles.outcome, grid)
    dense = grid.spread(values)
    if roles.allow_missing:
        if np.isnan(dense).all():
            raise PanelError("no cell has an outcome", where=f"outcome column {roles.outcome!r}")
        return dense
    gaps = np.isnan(dense)
    if gaps.any():
        _refuse_missing(gaps, roles, grid)
    return dense


def _refuse_non_counts(values: Floats, name: str, grid: Grid) -> None:
    for wrong, word in ((values < 0, "negative"), (values != np.floor(values), "fractional")):
        rows = np.flatnonzero(wrong & ~np.isnan(values))
        if rows.size:
            shown = (f"{grid.cell(row)} = {values[row]:g}" for row in rows[:5])
            raise PanelError(
                f"{rows.size:,} counts are {word}: {first_few(shown)}",
                where=f"outcome column {name!r}",
                remedy="With an exposure the outcome is a count: a whole number from 0 up. "
                "For a rate, leave the exposure out.",
            )


def _refuse_missing(gaps: Bools, roles: Roles, grid: Grid) -> None:
    where = np.argwhere(gaps)
    cells = (f"{grid.units[i]} {periods.label(int(grid.numbers[j]), grid.kind)}" for i, j in where[:5])
    units = int(gaps.any(axis=1).sum())
    complete_periods = int((~gaps.any(axis=0)).sum())
    n, t = grid.shape
    raise PanelError(
        f"{len(where):,} of {n * t:,} cells are missing, in {units} of {n} units: "
        f"{', '.join(cells)}{f' and {len(where) - 5:,} more' if len(where) > 5 else ''}",
        where=f"outcome column {roles.outcome!r}",
        remedy="Decide, since each choice is another estimate: (1) a missing row that means none: write 0; "
        f"(2) allow_missing=True and then .drop_incomplete(): {n - units} of {n} units stay; "
        f"(3) keep only complete periods: {complete_periods} of {t} stay; "
        "(4) allow_missing=True with a method that permits gaps. Nothing was dropped for you.",
    )


def _cluster(frame: pd.DataFrame, name: str, grid: Grid) -> tuple[Ints, tuple[str, ...]]:
    values = frame[name]
    if values.isna().any():
        rows = first_few(np.flatnonzero(values.isna().to_numpy()) + 1)
        raise PanelError(
            "some rows have no cluster",
            where=f"column {name!r}, rows {rows}",
            remedy="Every unit has one cluster.",
        )
    _refuse_doubtful([_unit_label(value, name) for value in values.unique()], "cluster", name)
    found = per_unit(values, grid, "cluster", lambda value: _unit_label(value, name))
    distinct = sorted({str(label) for label in found})
    position = {value: i for i, value in enumerate(distinct)}
    return np.asarray([position[str(label)] for label in found], dtype=np.int64), tuple(distinct)


def _complete(values: Floats, name: str, role: str, roles: Roles, grid: Grid) -> Floats:
    dense = grid.spread(values)
    present = (
        grid.spread(np.ones(len(values))) == 1 if roles.allow_missing else np.ones(grid.shape, dtype=bool)
    )
    blank = np.argwhere(np.isnan(dense) & present)
    if len(blank):
        cells = (f"{grid.units[i]} {periods.label(int(grid.numbers[j]), grid.kind)}" for i, j in blank[:5])
        raise PanelError(
            f"{len(blank):,} cells have no {role}: {', '.join(cells)}",
            where=f"{role} column {name!r}",
            remedy=f"Give the {role} for every row, or leave the role out.",
        )
    return dense


def _exposure(frame: pd.DataFrame, roles: Roles, grid: Grid) -> Floats:
    name = str(roles.exposure)
    values = columns.numbers(frame, name, "exposure", PanelError)
    wrong = np.flatnonzero(values <= 0)
    if wrong.size:
        raise PanelError(
            f"{wrong.size:,} exposures are not positive: {first_few(grid.cell(row) for row in wrong[:6])}",
            where=f"exposure column {name!r}",
            remedy="An exposure is a positive denominator, such as residents.",
        )
    return _complete(values, name, "exposure", roles, grid)


def _weight(frame: pd.DataFrame, name: str, grid: Grid) -> Floats:
    values = columns.numbers(frame, name, "weight", PanelError)
    if np.isnan(values).any() or (values <= 0).any():
        row = int(np.flatnonzero(np.isnan(values) | (values <= 0))[0])
        raise PanelError(
            f"weight of {grid.cell(row)} is {values[row]:g}",
            where=f"weight column {name!r}",
            remedy="Weights are positive; leave a unit out by removing its rows.",
        )
    return np.asarray(per_unit(pd.Series(values, name=name), grid, "weight"), dtype=np.float64)


def _covariate(frame: pd.DataFrame, name: str, roles: Roles, grid: Grid) -> Floats:
    return _complete(columns.numbers(frame, name, "covariate", PanelError), name, "covariate", roles, grid)
