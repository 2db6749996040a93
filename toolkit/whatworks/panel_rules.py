"""From a table to the arrays of a panel: every rule a table must keep, and the words when it does not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from whatworks import periods
from whatworks.errors import OptionError, PanelError, did_you_mean, first_few
from whatworks.periods import PeriodKind

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

NEVER = int(np.iinfo(np.int64).max)
"""The start of a unit that is never treated, inside arrays only; tables leave it blank."""

_BLANK_RULE = (
    "Leave the start blank for units that are never treated; if another value means never, "
    "say so with never={value} (`--role never={value}`)."
)


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


@dataclass(frozen=True, slots=True)
class Grid:
    """Where each row of the table sits: unit and period codes, and their labels."""

    unit_codes: Ints
    period_codes: Ints
    units: tuple[str, ...]
    numbers: Ints
    kind: PeriodKind

    @property
    def shape(self) -> tuple[int, int]:
        """(N, T)."""
        return len(self.units), len(self.numbers)

    def spread(self, values: Floats) -> Floats:
        """Lay a column out as (N, T); NaN where the table has no row."""
        dense = np.full(self.shape, np.nan)
        dense[self.unit_codes, self.period_codes] = values
        return dense

    def cell(self, row: int) -> str:
        """The unit and period of a row, in words."""
        label = periods.label(int(self.numbers[self.period_codes[row]]), self.kind)
        return f"{self.units[self.unit_codes[row]]} {label}"


def arrays_from_frame(frame: pd.DataFrame, roles: Roles) -> dict[str, Any]:
    """The arguments of `Panel` for a table; see `Panel.from_frame` for the rules and errors."""
    _check_roles(frame, roles)
    if frame.empty:
        raise PanelError(
            "the table has no rows", where="Panel.from_frame", remedy="Check the file and filters."
        )
    grid = _grid(frame, roles)
    outcome = _outcome(frame, roles, grid)
    built: dict[str, Any] = {
        "units": grid.units,
        "periods": grid.numbers,
        "period_kind": grid.kind,
        "outcome": outcome,
        "start": _start(frame, roles, grid),
        "outcome_name": roles.outcome,
        "unit_name": roles.unit,
        "scale": roles.outcome if roles.exposure is None else f"{roles.outcome} (count)",
    }
    if roles.cluster is not None:
        built["cluster"], built["cluster_labels"] = _cluster(frame, roles.cluster, grid)
    if roles.exposure is not None:
        built["exposure"] = _exposure(frame, roles, grid)
    if roles.weight is not None:
        built["weight"] = _weight(frame, roles.weight, grid)
    if roles.covariates:
        spread = [_covariate(frame, name, roles, grid) for name in roles.covariates]
        built["covariates"] = np.stack(spread)
        built["covariate_names"] = roles.covariates
    missing = int(np.isnan(outcome).sum())
    if missing:
        built["notes"] = (f"{missing:,} of {outcome.size:,} cells are missing and were kept as missing.",)
    return built


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
    available = [str(name) for name in frame.columns]
    for role, name in asked:
        hits = available.count(name)
        if hits == 1:
            continue
        if hits > 1:
            raise PanelError(f"the table has {hits} columns named {name!r}", where=f"role {role}")
        raise OptionError(
            f"the table has no column {name!r}",
            where=f"role {role}",
            remedy=f"{did_you_mean(name, available)}It has {', '.join(available)}.",
        )


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
    labels = [_unit_label(value, roles.unit) for value in unit_values]
    order = np.argsort(np.asarray(labels, dtype=object), kind="stable")
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    numbers, kind = periods.parse(frame[roles.period], where=f"column {roles.period!r}")
    distinct, period_codes = np.unique(numbers, return_inverse=True)
    units = tuple(labels[i] for i in order)
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


def _numbers(frame: pd.DataFrame, name: str, role: str) -> Floats:
    values = frame[name]
    if pd.api.types.is_bool_dtype(values.dtype) or not pd.api.types.is_numeric_dtype(values.dtype):
        as_number = pd.to_numeric(values, errors="coerce")
        bad = (as_number.isna() & values.notna()).to_numpy()
        if pd.api.types.is_bool_dtype(values.dtype):
            raise PanelError("true/false values are not numbers", where=f"{role} column {name!r}")
        if bad.any():
            raise PanelError(
                f"these are not numbers: {first_few(map(repr, values[bad].unique()[:6]))}",
                where=f"{role} column {name!r}, rows {first_few(np.flatnonzero(bad) + 1)}",
                remedy="Numbers are written plainly: no thousands separator, no unit, a point for decimals.",
            )
        values = as_number
    array = values.to_numpy(dtype=np.float64, na_value=np.nan)
    infinite = np.isinf(array)
    if infinite.any():
        raise PanelError(
            f"{int(infinite.sum()):,} values are infinite",
            where=f"{role} column {name!r}, rows {first_few(np.flatnonzero(infinite) + 1)}",
            remedy="A rate with a zero denominator? Mend it before it enters.",
        )
    return array


def _outcome(frame: pd.DataFrame, roles: Roles, grid: Grid) -> Floats:
    values = _numbers(frame, roles.outcome, "outcome")
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


def _refuse_missing(gaps: npt.NDArray[np.bool_], roles: Roles, grid: Grid) -> None:
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


def _per_unit(values: pd.Series, grid: Grid, role: str) -> pd.Series:
    """One value per unit of a column that may not vary within a unit."""
    by_unit = values.reset_index(drop=True).groupby(grid.unit_codes, sort=True)
    varying = by_unit.nunique(dropna=False).to_numpy() > 1
    if varying.any():
        offenders = []
        for code in np.flatnonzero(varying)[:5]:
            seen = values.to_numpy()[grid.unit_codes == code]
            offenders.append(f"{grid.units[code]} ({first_few(pd.unique(pd.Series(seen)), 3)})")
        raise PanelError(
            f"{role} varies within {int(varying.sum())} units: {first_few(offenders)}",
            where=f"column {values.name!r}",
            remedy=f"A unit has one {role}; repeat it on every row of the unit.",
        )
    first = pd.Series(grid.unit_codes).drop_duplicates().sort_values().index
    return values.iloc[first].reset_index(drop=True)


def _start(frame: pd.DataFrame, roles: Roles, grid: Grid) -> Ints:
    starts = np.full(len(grid.units), NEVER, dtype=np.int64)
    if roles.start is None:
        return starts
    values = frame[roles.start].astype(object).where(frame[roles.start].notna(), None)
    values = values.map(lambda v: None if isinstance(v, str) and not v.strip() else v)
    if roles.never is not None:
        values = values.map(lambda v: None if _same(v, roles.never) else v)
    by_unit = _per_unit(values.rename(roles.start), grid, "start")
    given = by_unit.notna().to_numpy()
    if not given.any():
        return starts
    where = f"start column {roles.start!r}"
    raw = by_unit[given].infer_objects()
    _refuse_codes(raw, where)
    numbers, kind = periods.parse(raw, where=where)
    if kind != grid.kind:
        raise PanelError(
            f"starts are {kind}s (such as {raw.iloc[0]!r}) but periods are {grid.kind}s "
            f"(such as {periods.label(int(grid.numbers[0]), grid.kind)!r})",
            where=where,
            remedy="Write starts in the form of the period column.",
        )
    _refuse_outside(numbers, raw, np.flatnonzero(given), grid, where)
    starts[given] = numbers
    return starts


def _same(value: object, never: object) -> bool:
    if value is None:
        return False
    try:
        return bool(float(value) == float(never))  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return str(value).strip() == str(never).strip()


def _refuse_codes(raw: pd.Series, where: str) -> None:
    for value in raw:
        text = str(value).strip().lower()
        if text in {"inf", "+inf", "-inf", "infinity", "nan", "none", "na", "n/a", "never", "null"}:
            raise PanelError(
                f"{value!r} is not a period", where=where, remedy=_BLANK_RULE.format(value=str(value))
            )


def _refuse_outside(numbers: Ints, raw: pd.Series, codes: Ints, grid: Grid, where: str) -> None:
    first, last = int(grid.numbers[0]), int(grid.numbers[-1])
    span = last - first + 1
    far = numbers > last + max(span, 24)
    if far.any():
        value = raw.iloc[int(np.flatnonzero(far)[0])]
        raise PanelError(
            f"start {value!r} lies {int(numbers[far][0]) - last:,} periods after the last period; "
            "a code for never treated?",
            where=where,
            remedy=_BLANK_RULE.format(value=value),
        )
    zero = (numbers == 0) & (first > 0)
    if zero.any():
        raise PanelError(
            "start 0 lies before the first period; a code for never treated?",
            where=where,
            remedy=_BLANK_RULE.format(value=0),
        )
    early = numbers <= first
    if early.any():
        names = (f"{grid.units[codes[i]]} ({raw.iloc[i]})" for i in np.flatnonzero(early))
        every = (
            " That is every unit, so nothing here was ever untreated."
            if early.sum() == len(grid.units)
            else ""
        )
        raise PanelError(
            f"{int(early.sum())} units are treated from the first period "
            f"({periods.label(first, grid.kind)}) or before: {first_few(names)}.{every}",
            where=where,
            remedy="A unit with no untreated period shows no change and cannot serve as comparison: "
            "begin the data earlier, or leave those units out and say so.",
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
    labels = _per_unit(values.map(lambda v: _unit_label(v, name)), grid, "cluster")
    distinct = sorted(set(labels))
    position = {value: i for i, value in enumerate(distinct)}
    return labels.map(position).to_numpy(dtype=np.int64), tuple(distinct)


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
    values = _numbers(frame, name, "exposure")
    wrong = np.flatnonzero(values <= 0)
    if wrong.size:
        raise PanelError(
            f"{wrong.size:,} exposures are not positive: {first_few(grid.cell(row) for row in wrong[:6])}",
            where=f"exposure column {name!r}",
            remedy="An exposure is a positive denominator, such as residents.",
        )
    return _complete(values, name, "exposure", roles, grid)


def _weight(frame: pd.DataFrame, name: str, grid: Grid) -> Floats:
    values = _numbers(frame, name, "weight")
    if np.isnan(values).any() or (values <= 0).any():
        row = int(np.flatnonzero(np.isnan(values) | (values <= 0))[0])
        raise PanelError(
            f"weight of {grid.cell(row)} is {values[row]:g}",
            where=f"weight column {name!r}",
            remedy="Weights are positive; leave a unit out by removing its rows.",
        )
    return _per_unit(pd.Series(values, name=name), grid, "weight").to_numpy(dtype=np.float64)


def _covariate(frame: pd.DataFrame, name: str, roles: Roles, grid: Grid) -> Floats:
    return _complete(_numbers(frame, name, "covariate"), name, "covariate", roles, grid)
