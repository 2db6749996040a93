"""The comparison as a table: what every method says, what it assumes, why it differs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from whatworks.present.comparison import Answers, marks
from whatworks.present.said import said
from whatworks.results import RATE_RATIO, NotAvailable
from whatworks.shown import Note, Table, words


def comparison_table(answers: Answers | NotAvailable, *, subject: str = "") -> Table | Note:
    """One row a method: estimate, percent change, assumption, why it differs; those refused with the reason.

    The study's own answer comes first, then the other methods that answer, in the order of `did.compare`; the
    suggested one is named so, and a method that asks something else than the study. The note says first
    whether the others say what the study says. Where there is no comparison, a note says why.
    """
    if isinstance(answers, NotAvailable):
        return said(answers)
    additive = answers.table.loc[answers.table["scale"] != RATE_RATIO, ["estimate", "low", "high"]]
    values = additive.to_numpy(dtype=float).ravel()
    decimals = words.unit_decimals(values[np.isfinite(values)].tolist()) + 1
    ordered = answers.table.sort_values("this_study", ascending=False, kind="stable").to_dict("records")
    rows = [_row(row, marks(row, answers), decimals) for row in ordered]
    rows.sort(key=lambda row: row[1] == _REFUSED)
    spoken = words.spoken(subject)
    caption = f"What every method says{f' about {spoken}' if spoken else ''}, and why they differ"
    level = words.level(answers.level)
    columns = ("Method", f"Estimate, {level} interval", "Percent", "It assumes", "Why it differs")
    note = " ".join(text for text in (*answers.sentences, _unit(answers.scale), *answers.notes) if text)
    return Table("comparison", caption, columns, tuple(rows), (False,) * 5, note, each="way of answering")


_REFUSED = "does not apply"


def _row(row: Mapping[Any, Any], marked: str, decimals: int) -> tuple[str, str, str, str, str]:
    name = f"{row['method']} ({marked})" if marked else str(row["method"])
    assumes = words.ended(str(row["assumes"]))
    reason = words.ended(str(row["reason"]))
    if row["estimand"] == "":
        return (name, _REFUSED, "\u2013", assumes, reason)
    ratio = row["scale"] == RATE_RATIO
    found = _interval(row, ("estimate", "low", "high"), 3 if ratio else decimals)
    relative = float(row["relative"])
    percent = f"{words.signed(relative, 1)}%" if np.isfinite(relative) else "\u2013"
    given = (str(row["asks_otherwise"]), words.ended(str(row["differs_because"])), reason)
    because = " ".join(text for text in given if text)
    return (name, f"{found}, rate ratio" if ratio else found, percent, assumes, because)


def _interval(row: Mapping[Any, Any], names: tuple[str, str, str], decimals: int) -> str:
    value, low, high = (float(row[name]) for name in names)
    if not np.isfinite(value):
        return "not available"
    if not (np.isfinite(low) and np.isfinite(high)):
        return f"{words.fixed(value, decimals)}, no interval"
    ends = f"{words.fixed(low, decimals)} to {words.fixed(high, decimals)}"
    return f"{words.fixed(value, decimals)} ({ends})"


def _unit(scale: str) -> str:
    return f"In {scale} unless said otherwise." if scale else ""
