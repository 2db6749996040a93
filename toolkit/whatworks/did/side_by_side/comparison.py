"""The answers of every method on one panel: the table, what it is made of, and what it says of a study."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from whatworks.result_json import frame_to_records
from whatworks.results import RATE_RATIO, NotAvailable, Result, show
from whatworks.shown import Note, Part, Shown, Table

COLUMNS = (
    "method", "this_study", "comparison", "weights", "estimand", "scale", "estimate", "std_error", "low",
    "high", "p_value", "relative", "relative_low", "relative_high", "inference", "assumes",
    "asks_otherwise", "differs_because", "reason",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Comparison(Shown):
    """What every method says on one panel.

    Attributes:
        table: one row a method: method, this_study (whether it is the study's own), comparison (with whom
            the treated are compared), weights (how effects are averaged), estimand, scale, estimate,
            std_error, low, high, p_value, relative (percent change) with its ends, inference, assumes,
            asks_otherwise (what the study asks and the method cannot honour), differs_because; `reason` says
            why a number is missing or a method does not apply.
        made_of: one row a method that weights outcomes: the weight of every cohort, treated_cells,
            untreated_cells, negative_cells, negative, last_before, never, later, and the parts of its
            difference from did.imputation that come of weighting the same effects otherwise and
            of comparing with other untreated cells.
        results: the results by the name of their row.
        own: the row of the study's own result, or why there is none.
        suggested: the row that `did.suggest` names for this design, or why there is none.
        sentences: whether the others say what the study says; empty without its own result.
        scale: the unit of the methods that subtract.
        level: coverage of the intervals.
        notes: what a reader must know, in sentences.
    """

    table: pd.DataFrame
    made_of: pd.DataFrame
    results: Mapping[str, Result]
    own: str | NotAvailable
    suggested: str | NotAvailable
    sentences: tuple[str, ...]
    scale: str
    level: float
    notes: tuple[str, ...]

    def to_json(self) -> str:
        """The table and what the answers are made of as JSON, a gap with its reason, and a line feed."""
        listed = {
            "own": self.own if isinstance(self.own, str) else None,
            "suggested": self.suggested if isinstance(self.suggested, str) else None,
            "scale": self.scale,
            "level": self.level,
            "answers": [_stored(row) for _, row in self.table.iterrows()],
            "made_of": [_stored(row) for _, row in self.made_of.iterrows()],
            "agreement": list(self.sentences),
            "notes": list(self.notes),
        }
        return json.dumps(listed, indent=1, ensure_ascii=False) + "\n"

    def parts(self) -> tuple[Part, ...]:
        """A row a method, then the notes."""
        columns = (
            "Method",
            "Estimate",
            f"{self.level:.0%} interval",
            "p",
            "Percent",
            "Assumes",
            "Why it differs",
        )
        rows = tuple(_shown_row(row, self.suggested) for _, row in self.table.iterrows())
        notes = (*self.sentences, *self.notes)
        caption = f"The same question, every answer ({self.scale})"
        numeric = (False, *(True,) * 4, False, False)
        return Table("comparison", caption, columns, rows, numeric, each="way of answering"), Note(notes)


def _shown_row(row: pd.Series[Any], suggested: str | NotAvailable) -> tuple[str, ...]:
    marks = ["this study"] * bool(row["this_study"]) + ["suggested"] * (row["method"] == suggested)
    name = f"{row['method']} ({', '.join(marks)})" if marks else str(row["method"])
    if row["estimand"] == "":
        return (name, *("\u2013",) * 4, str(row["assumes"]), f"Does not apply. {row['reason']}")
    unit = " (rate ratio)" if row["scale"] == RATE_RATIO else ""
    return (
        name,
        f"{_shown(row['estimate'])}{unit}",
        f"{_shown(row['low'])} to {_shown(row['high'])}",
        _shown(row["p_value"]),
        f"{_shown(row['relative'])}%",
        str(row["assumes"]),
        " ".join(part for part in (row["asks_otherwise"], row["differs_because"], row["reason"]) if part),
    )


def _stored(row: pd.Series[Any]) -> dict[str, Any]:
    reason = str(row["reason"])
    (record,) = frame_to_records(pd.DataFrame([row]), reason)
    return record


def _shown(number: object) -> str:
    value = float(str(number))
    return show(value).replace("-", "−") if np.isfinite(value) else "–"
