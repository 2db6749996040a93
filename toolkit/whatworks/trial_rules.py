"""From a table to the arrays of a trial: every rule a table must keep, and the words when it does not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from whatworks import columns, labels, periods
from whatworks.arrays import Floats, Ints
from whatworks.errors import TrialError, did_you_mean, first_few


@dataclass(frozen=True, slots=True)
class Roles:
    """Which column plays which role, and what the arms are called."""

    unit: str
    arm: str
    outcome: str
    control: object
    treatments: tuple[object, ...] | None
    block: str | None
    cluster: str | None
    taken: str | None
    exposure: str | None
    baseline: tuple[str, ...]
    period: str | None
    allow_missing: bool


def arrays_from_frame(frame: pd.DataFrame, roles: Roles) -> dict[str, Any]:
    """The arguments of `Trial` for a table; see `Trial.from_frame` for the rules and errors."""
    _check_roles(frame, roles)
    if frame.empty:
        raise TrialError(
            "the table has no rows", where="Trial.from_frame", remedy="Check the file and filters."
        )
    units, unit = _labels(frame[roles.unit], roles.unit, "unit")
    built: dict[str, Any] = {"units": units, "unit_name": roles.unit, "outcome_name": roles.outcome}
    number, order = None, np.argsort(unit, kind="stable")
    if roles.period is not None:
        number, built["period_kind"] = periods.parse(frame[roles.period], where=f"column {roles.period!r}")
        order = np.lexsort((number, unit))
        built["period"] = number[order]
    frame, unit = frame.iloc[order].reset_index(drop=True), unit[order]
    _refuse_duplicates(units, unit, None if number is None else number[order], roles)
    built["unit"] = unit
    built["arms"], built["arm"] = _arms(frame[roles.arm], roles)
    built["outcome"] = _outcome(frame, roles, units, unit)
    built["scale"] = roles.outcome if roles.exposure is None else f"{roles.outcome} (count)"
    for role in ("block", "cluster"):
        name = getattr(roles, role)
        if name is not None:
            names, codes = _labels(frame[name], name, role)
            _refuse_varying(codes, names, units, unit, role)
            built[f"{role}_labels"], built[role] = names, codes
    built |= _numbers(frame, roles, units, unit)
    _refuse_impossible(built, roles)
    lost = int(np.isnan(built["outcome"]).sum())
    note = f"{lost:,} of {len(frame):,} rows have no outcome and were kept as missing."
    built["notes"] = (note,) if lost else ()
    return built


def _check_roles(frame: pd.DataFrame, roles: Roles) -> None:
    single = ("unit", "arm", "outcome", "block", "cluster", "taken", "exposure", "period")
    asked = [(role, getattr(roles, role)) for role in single if getattr(roles, role) is not None]
    columns.require(frame, [*asked, *(("baseline", name) for name in roles.baseline)], TrialError)


def _text(value: object) -> str:
    """A label as text: 7 and 7.0 are one label, a blank is none."""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value).strip()


def refuse_doubtful(values: pd.Series, name: str, role: str) -> None:
    """Raise `TrialError` for labels that differ by what the eye does not see, or stand for a blank."""
    where = f"column {name!r}"
    found = list(
        dict.fromkeys(v if isinstance(v, str) else _text(v) for v in values.unique() if not pd.isna(v))
    )
    labels.refuse_blank_words(found, TrialError, role=role, where=where)
    labels.refuse_alike(found, TrialError, role=role, where=where)


def _labels(values: pd.Series, name: str, role: str) -> tuple[tuple[str, ...], Ints]:
    """Sorted distinct labels of a column and each row's code."""
    text = np.array(["" if pd.isna(value) else _text(value) for value in values], dtype=object)
    blank = np.flatnonzero(text == "")
    if blank.size:
        raise TrialError(
            f"{blank.size:,} rows have no {role}",
            where=f"column {name!r}, rows {first_few(blank + 1)}",
            remedy=f"Every row names its {role}.",
        )
    refuse_doubtful(values, name, role)
    distinct = sorted(set(text.tolist()))
    position = {label: i for i, label in enumerate(distinct)}
    return tuple(distinct), np.array([position[label] for label in text], dtype=np.int64)


def _refuse_duplicates(units: tuple[str, ...], unit: Ints, number: Ints | None, roles: Roles) -> None:
    same = unit[1:] == unit[:-1]
    if number is not None:
        same = same & (number[1:] == number[:-1])
    if not same.any():
        return
    twice = list(dict.fromkeys(units[code] for code in unit[1:][same]))
    where = f"column {roles.unit!r}" if number is None else f"columns {roles.unit!r} and {roles.period!r}"
    raise TrialError(
        f"{len(twice):,} units occur more than once: {first_few(twice)}",
        where=where,
        remedy="One row per unit"
        + (
            "; where units have a row per period, name the period column."
            if number is None
            else " and period: remove the copies."
        )
        + " A person who was randomised twice keeps the first assignment. Nothing was dropped for you.",
    )


def _arms(values: pd.Series, roles: Roles) -> tuple[tuple[str, ...], Ints]:
    found, codes = _labels(values, roles.arm, "arm")
    control = _text(roles.control)
    if control not in found:
        raise TrialError(
            f"no row is in the control arm {control!r}",
            where=f"arm column {roles.arm!r}",
            remedy=f"{did_you_mean(control, found)}The column has {', '.join(map(repr, found))}.",
        )
    others = [label for label in found if label != control]
    expected = others if roles.treatments is None else [_text(label) for label in roles.treatments]
    strange = [label for label in others if label not in expected]
    if roles.treatments is None and len(others) != 1:
        count = {label: int((codes == found.index(label)).sum()) for label in found}
        shown = ", ".join(f"{label!r} ({n} rows)" for label, n in count.items())
        raise TrialError(
            f"besides {control!r} there are {len(others)} other arms: {shown}",
            where=f"arm column {roles.arm!r}",
            remedy="A misspelt label makes an arm of its own: mend it in the source. If there really are "
            "several treatment arms, name them in treatments=[...].",
        )
    absent = [label for label in expected if label not in found]
    if strange or absent:
        raise TrialError(
            f"the arm column has unexpected labels: {first_few(map(repr, strange))}"
            if strange
            else f"no row is in the treatment arm {absent[0]!r}",
            where=f"arm column {roles.arm!r}",
            remedy=f"{did_you_mean((strange or absent)[0], [control, *expected])}The arms are "
            f"{', '.join(map(repr, [control, *expected]))}.",
        )
    arms = (control, *expected)
    recode = np.array([arms.index(label) for label in found], dtype=np.int64)
    return arms, recode[codes]


def _outcome(frame: pd.DataFrame, roles: Roles, units: tuple[str, ...], unit: Ints) -> Floats:
    values = columns.numbers(frame, roles.outcome, "outcome", TrialError)
    gone = np.flatnonzero(np.isnan(values))
    if gone.size and not roles.allow_missing:
        raise TrialError(
            f"{gone.size:,} rows have no outcome: {first_few(units[unit[row]] for row in gone[:6])}",
            where=f"outcome column {roles.outcome!r}",
            remedy="Say allow_missing=True to keep them as lost to follow-up; rct.attrition_bounds shows "
            "what the loss could hide. Nothing was dropped for you.",
        )
    if gone.size == len(values):
        raise TrialError("no row has an outcome", where=f"outcome column {roles.outcome!r}")
    if roles.exposure is not None:
        known = values[~np.isnan(values)]
        if (known < 0).any() or (known != np.floor(known)).any():
            raise TrialError(
                "with an exposure the outcome is a count, and some are negative or fractional",
                where=f"outcome column {roles.outcome!r}",
                remedy="Give whole numbers from 0 up, or leave the exposure out.",
            )
    return values


def _refuse_varying(
    codes: Ints, labels: tuple[str, ...], units: tuple[str, ...], unit: Ints, role: str
) -> None:
    first = np.full(len(units), -1, dtype=np.int64)
    first[unit[::-1]] = codes[::-1]
    differs = np.flatnonzero(first[unit] != codes)
    if differs.size:
        shown = (
            f"{units[unit[row]]} ({labels[first[unit[row]]]}, {labels[codes[row]]})" for row in differs[:5]
        )
        raise TrialError(
            f"{len(np.unique(unit[differs])):,} units lie in two {role}s: {first_few(shown)}",
            where=f"role {role}",
            remedy=f"A unit has one {role}; repeat it on every row of the unit.",
        )


def _numbers(frame: pd.DataFrame, roles: Roles, units: tuple[str, ...], unit: Ints) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for role in ("taken", "exposure"):
        name = getattr(roles, role)
        if name is None:
            continue
        values = _complete(frame, name, role, units, unit)
        low = values <= 0 if role == "exposure" else values < 0
        if low.any():
            raise TrialError(
                f"{int(low.sum()):,} values are "
                + ("not positive" if role == "exposure" else "negative")
                + f": {first_few(units[code] for code in unit[low][:6])}",
                where=f"{role} column {name!r}",
                remedy="An exposure is a positive denominator."
                if role == "exposure"
                else "Take-up is 0 or 1, or a dose from 0 up.",
            )
        found[role] = values
    if roles.baseline:
        found["baseline"] = np.stack(
            [_complete(frame, name, "baseline", units, unit) for name in roles.baseline]
        )
        found["baseline_names"] = roles.baseline
    return found


def _complete(frame: pd.DataFrame, name: str, role: str, units: tuple[str, ...], unit: Ints) -> Floats:
    values = columns.numbers(frame, name, role, TrialError)
    gone = np.flatnonzero(np.isnan(values))
    if gone.size:
        raise TrialError(
            f"{gone.size:,} rows have no {role}: {first_few(units[unit[row]] for row in gone[:6])}",
            where=f"{role} column {name!r}",
            remedy=f"Give the {role} for every row, or leave the role out.",
        )
    return values


def _refuse_impossible(built: dict[str, Any], roles: Roles) -> None:
    """What chance cannot have done: a cluster in two arms, a block with one arm only."""
    if roles.period is not None:
        return  # over time a cluster may change arms, and a block is judged period by period
    arm = built["arm"]
    if roles.cluster is not None:
        codes, labels = built["cluster"], built["cluster_labels"]
        split = [c for c in range(len(labels)) if len(np.unique(arm[codes == c])) > 1]
        if split:
            raise TrialError(
                f"{len(split)} clusters are split over arms: {first_few(labels[c] for c in split)}",
                where=f"cluster column {roles.cluster!r}",
                remedy="A cluster was assigned as a whole. If chance worked within clusters, they are "
                "blocks: name the column as block.",
            )
    if roles.block is not None:
        codes, labels = built["block"], built["block_labels"]
        alone = [b for b in range(len(labels)) if len(np.unique(arm[codes == b])) < 2]
        if alone:
            raise TrialError(
                f"{len(alone)} blocks hold one arm only: {first_few(labels[b] for b in alone)}",
                where=f"block column {roles.block!r}",
                remedy="Such a block compares with nothing. Join it with a like block if that was the plan "
                "beforehand, or leave its rows out with a note.",
            )
