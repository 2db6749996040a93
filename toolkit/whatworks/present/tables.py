"""The tables of a result: effects, checks, design, secondary outcomes."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from whatworks.results import CheckResult, CheckVerdict, Estimate, NotAvailable, Result
from whatworks.shown import Table, words
from whatworks.verdict import Measure, measure, smallest_detectable

_VERDICT: dict[CheckVerdict, str] = {
    "pass": "\u2713 Pass",
    "concern": "! Concern",
    "fail": "\u2717 Fail",
    "not_informative": "\u25cb Not informative",
    "not_applicable": "\u2013 Not applicable",
}
_WHICH = {
    "event_time": "Periods since the start",
    "cohort": "Cohort",
    "period": "Period",
}


def verdict(value: CheckVerdict) -> str:
    """A verdict with its sign, so that it never rests on colour: `✓ Pass`."""
    return _VERDICT[value]


def effects_table(result: Result | NotAvailable, *, subject: str = "") -> Table:
    """The effects of a result, one row a term: estimate, interval, p-value, how many observations.

    Without a result, since the question does not apply, a table without rows.
    """
    if isinstance(result, NotAvailable):
        return Table(
            "effects", f"Effects{f' on {subject}' if subject else ''}", ("Term",), (), (False,), each="effect"
        )
    frame = result.effects
    which = [name for name in _WHICH if name in frame.columns and frame[name].notna().any()]
    decimals = _decimals(frame[["estimate", "low", "high"]])
    columns = [*(_WHICH[name] for name in which), "Estimate", _interval_name(result.headline), "p-value", "n"]
    rows = [
        (
            *(_which(row, name) for name in which),
            _number(row, "estimate", decimals),
            _interval(row, decimals),
            _p(row),
            _count(row),
        )
        for row in frame.to_dict(orient="records")
    ]
    if not which:
        columns.insert(0, "Term")
        names = frame["term"].astype(str)
        rows = [(words.capital(term), *row) for term, row in zip(names, rows, strict=True)]
    numeric = [name == "event_time" for name in which] or [False]
    caption = (
        f"Effects{f' on {subject}' if subject else ''}, in {result.headline.scale or 'the outcome’s unit'}"
    )
    return Table(
        "effects",
        caption,
        tuple(columns),
        tuple(rows),
        (*numeric, True, True, True, True),
        result.headline.inference,
        each="effect",
    )


def checks_table(result: Result, *, owed: Sequence[str] = ()) -> Table:
    """The checks of a result with their verdicts; `owed` names the checks promised beforehand.

    A check that was owed and is not there is listed as not done.
    """
    rows = [_check_row(check) for check in result.checks]
    rows += [
        (
            check_name(name),
            "\u2717 Not done",
            "This check was promised in the protocol and is not in the result.",
            "",
        )
        for name in missing_checks(result, owed)
    ]
    columns = ("Check", "Verdict", "What was found", "Would change if")
    if not any(row[3] for row in rows):
        return Table(
            "checks", _CHECKS, columns[:3], tuple(row[:3] for row in rows), (False,) * 3, each="check"
        )
    return Table("checks", _CHECKS, columns, tuple(rows), (False,) * 4, each="check")


_CHECKS = "Checks on this result, and what they found"


def design_table(result: Result, *, subject: str = "") -> Table:
    """The size of the study and what it could have found."""
    design = result.design
    least = smallest_detectable(result)
    rows = (
        ("Method", result.method),
        ("Units", f"{design.n_units:,}"),
        ("Units treated", f"{design.n_treated:,}"),
        ("Periods", f"{design.n_periods:,}"),
        ("Clusters (independent groups)", f"{design.n_clusters:,}"),
        ("Possible allocations by chance", words.allocations(design.allocations)),
        ("Smallest change found four times in five", words.capital(str(least))),
        ("How the uncertainty was found", words.sentence(result.headline.inference)),
    )
    caption = f"Size and method of the study{f' of {subject}' if subject else ''}"
    return Table("design", caption, ("What", "How much"), rows, (False, False), each="fact")


def secondary_table(result: Result) -> Table:
    """The secondary outcomes, with p-values adjusted for how many there are."""
    rows = []
    for item in result.secondary:
        found = measure(item.estimate, item.relative)
        if isinstance(found, NotAvailable):
            rows.append(
                (words.spoken(item.outcome), str(found), "not available", words.p_value(item.p_adjusted))
            )
            continue
        rows.append(
            (
                words.spoken(item.outcome),
                _change(found, found.value),
                _ends(found),
                words.p_value(item.p_adjusted),
            )
        )
    levels = {words.level(item.estimate.level) for item in result.secondary}
    interval = f"{levels.pop()} interval" if len(levels) == 1 else "Interval"
    adjustments = dict.fromkeys(item.adjustment for item in result.secondary)
    note = words.sentence("; ".join(adjustments)) if adjustments else ""
    columns = ("Secondary outcome", "Change", interval, "Adjusted p-value")
    numeric = (False, True, True, True)
    return Table("secondary", "Secondary outcomes", columns, tuple(rows), numeric, note, each="outcome")


def _check_row(check: CheckResult) -> tuple[str, str, str, str]:
    return (
        check_name(check.name),
        verdict(check.verdict),
        words.sentence(check.reason),
        words.ended(check.would_change_if),
    )


def missing_checks(result: Result, owed: Sequence[str]) -> list[str]:
    """The checks that were promised and are not in the result, however their names are spelt."""
    done = {_key(check.name) for check in result.checks}
    return [name for name in owed if _key(name) not in done]


def _key(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


def check_name(name: str) -> str:
    """A check's name as a reader sees it, the same for `pre_trends` and `Pre trends`."""
    return words.capital(name.strip().replace("_", " "))


def _interval_name(estimate: Estimate) -> str:
    return f"{words.level(estimate.level)} interval"


def _decimals(frame: pd.DataFrame) -> int:
    values = frame.to_numpy(dtype=float, na_value=np.nan)
    finite = np.abs(values[np.isfinite(values) & (values != 0)])
    if finite.size == 0:
        return 0
    return min(max(2 - math.floor(math.log10(float(np.median(finite)))), 0), 6)


def _gap(value: object) -> bool:
    return value is None or bool(pd.isna(value))  # type: ignore[call-overload]


def _which(row: dict[Hashable, Any], name: str) -> str:
    value = row[name]
    if _gap(value):
        return "all"
    if name == "event_time" and isinstance(value, float) and value.is_integer():
        value = int(value)
    return words.cell(value) if name == "event_time" else str(value)


def _number(row: dict[Hashable, Any], name: str, decimals: int) -> str:
    value = row[name]
    if _gap(value):
        return f"not available: {row.get('reason') or 'no reason was given'}"
    return words.fixed(float(value), decimals)


def _interval(row: dict[Hashable, Any], decimals: int) -> str:
    if _gap(row["low"]) or _gap(row["high"]):
        return str(row.get("reason") or "not available")
    return f"{_number(row, 'low', decimals)} to {_number(row, 'high', decimals)}"


def _p(row: dict[Hashable, Any]) -> str:
    value = row["p_value"]
    return "\u2013" if _gap(value) else words.p_value(float(value))


def _count(row: dict[Hashable, Any]) -> str:
    value = row["n"]
    if _gap(value):
        return "\u2013"
    return words.cell(int(value)) if float(value).is_integer() else words.number(float(value))


def _change(found: Measure, value: float) -> str:
    return words.signed(value, found.decimals) + ("%" if found.percent else "")


def _ends(found: Measure) -> str:
    if isinstance(found.low, NotAvailable):
        return str(found.low)
    if isinstance(found.high, NotAvailable):
        return str(found.high)
    return f"{_change(found, found.low)} to {_change(found, found.high)}"
