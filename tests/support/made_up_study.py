"""A made-up result, panel, notebook and study, for whoever presents or publishes one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from whatworks.panel import Panel
from whatworks.publish import StudyWords
from whatworks.results import CheckResult, Design, Estimate, NotAvailable, Number, Result, Secondary
from whatworks.study.closing import Conclusion

NONE = NotAvailable("one treated unit carries no error of its own")
UNIT = "robberies per 1,000 residents per month"


def estimate(
    value: Number, low: Number, high: Number, *, scale: str = UNIT, level: float = 0.95, p: Number = 0.01
) -> Estimate:
    return Estimate(
        "Average effect on the treated",
        value,
        0.02 if not isinstance(low, NotAvailable) else low,
        low,
        high,
        level,
        p,
        NotAvailable("the bootstrap refers to its own draws"),
        "Wild cluster bootstrap over 12 clusters",
        scale,
    )


def percent(value: Number, low: Number, high: Number) -> Estimate:
    return estimate(value, low, high, scale="percent")


def effects(bands: bool = True) -> pd.DataFrame:
    """Six periods before the start and four from it on; -1 is the reference."""
    when = np.arange(-6, 4)
    value = np.array([0.01, -0.01, 0.005, 0.0, -0.004, 0.0, -0.06, -0.08, -0.09, -0.1])
    frame = pd.DataFrame({"term": [f"event time {e}" for e in when], "estimate": value, "std_error": 0.015})
    frame["low"], frame["high"], frame["p_value"], frame["n"] = value - 0.03, value + 0.03, 0.04, 32
    frame["event_time"] = when
    if bands:
        frame["band_low"], frame["band_high"] = value - 0.05, value + 0.05
    frame["reason"] = ""
    reference = frame["event_time"] == -1
    blank = [
        name for name in ("std_error", "low", "high", "p_value", "band_low", "band_high") if name in frame
    ]
    frame.loc[reference, blank] = np.nan
    frame.loc[reference, "reason"] = "the reference period, zero by construction"
    return frame


def result(**changes: Any) -> Result:
    """Robbery fell by 8% (2% to 13%), with four checks and two secondary outcomes."""
    made = Result(
        method="did.att_gt",
        headline=estimate(-0.081, -0.13, -0.02),
        effects=effects(),
        design=Design(32, 85, 12, 22, NotAvailable("chance did not assign the treatment"), 0.06),
        spec={"comparison": "not_yet"},
        input_hash="ab" * 32,
        relative=percent(-8.2, -12.9, -2.1),
        seed=7,
        notes=("Two boroughs were left out because they miss a month.",),
        checks=(
            CheckResult(
                "Pre-trends", "pass", "The joint test gives p = 0.41.", _evidence(), "p fell below 0.05"
            ),
            CheckResult("placebo_in_time", "concern", "Two of six false dates gave as large an effect."),
            CheckResult("Enough clusters", "fail", "There are 12 clusters."),
            CheckResult("Spill-over", "not_applicable", "No neighbours were named."),
        ),
        secondary=(
            Secondary(
                "burglary", estimate(-0.01, -0.05, 0.03), percent(-1.3, -6, 4), 0.61, "Holm, 2 outcomes"
            ),
            Secondary(
                "vehicle_crime", estimate(0.05, 0.01, 0.09), percent(4.2, 0.8, 7.7), 0.04, "Holm, 2 outcomes"
            ),
        ),
    )
    return replace(made, **changes)


def panel(units: int = 12, never: bool = True) -> Panel:
    """Monthly robbery in `units` made-up boroughs over 2016 to 2018, with two starts."""
    rng = np.random.default_rng(5)
    rows = []
    for u in range(units):
        start = None if never and u % 3 == 0 else ("2017-07", "2018-01")[u % 2]
        for m in range(36):
            month = f"{2016 + m // 12}-{m % 12 + 1:02d}"
            treated = start is not None and month >= start
            rows.append((f"B{u:02d}", month, 1.0 + 0.3 * treated + rng.normal(0, 0.05), start))
    frame = pd.DataFrame(rows, columns=["borough", "month", "robbery", "start"])
    return Panel.from_frame(frame, unit="borough", period="month", outcome="robbery", start="start")


def coverage() -> pd.DataFrame:
    """Two sources: one misses February 2020, the other begins in March and is partial in December."""
    rows = [("early.csv", f"2020-{m:02d}", "missing" if m == 2 else "present", 5) for m in range(1, 13)]
    rows += [("late.csv", f"2020-{m:02d}", "partial" if m == 12 else "present", 5) for m in range(3, 13)]
    return pd.DataFrame(rows, columns=["source", "month", "state", "rows"])


def words(**changes: Any) -> StudyWords:
    made = StudyWords(
        slug="merger",
        title="Merging boroughs into command units",
        question="Did robbery change when boroughs were merged?",
        intervention="Boroughs were merged into larger commands.",
        subject="robbery",
        better="lower",
        worthwhile=10.0,
        hypothesis="No direction was stated",
        primary_outcome="Robberies per 1,000 residents",
        people=("A. Researcher, analyst",),
    )
    return replace(made, **changes)


PROVENANCE: dict[str, Any] = {
    "schema": "whatworks.provenance/2",
    "study": {"slug": "merger", "sha256": "cd" * 32},
    "template": {"name": "staggered", "sha256": "ef" * 32, "cells": {"a1": "01" * 32}},
    "parameters": {"sha256": "23" * 32, "values": {"level": 0.95, "secondary": ["burglary"]}},
    "data": [{"name": "robbery.csv", "sha256": "45" * 32}],
    "code": {"package": "whatworks", "sha256": "67" * 32, "rooms": {"did": "89" * 32}},
    "environment": {"lock": "requirements/run.txt", "sha256": "ab" * 32},
    "versions": {"python": "3.11", "numpy": "2.4.0"},
    "seeds": {"seed": 7},
}


def notebook(*cells: dict[str, Any]) -> dict[str, Any]:
    return {"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def markdown(source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "source": source, "metadata": {}, "id": "m"}


def code(source: str, *outputs: dict[str, Any], tags: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "source": source,
        "metadata": {"tags": list(tags)},
        "outputs": list(outputs),
        "id": "c",
    }


def shown(thing: Any) -> dict[str, Any]:
    """The output of a cell that displays one of our figures or tables."""
    return {"output_type": "display_data", "data": thing._repr_mimebundle_(), "metadata": {}}


def concluded(result: Result) -> dict[str, Any]:
    """The output of the cell that hands a result over."""
    data, metadata = Conclusion(result, ())._repr_mimebundle_()
    return {"output_type": "display_data", "data": data, "metadata": metadata}


def data(kind: str, value: Any, **metadata: Any) -> dict[str, Any]:
    return {"output_type": "display_data", "data": {kind: value, "text/plain": "x"}, "metadata": metadata}


def _evidence() -> pd.DataFrame:
    return pd.DataFrame({"periods": [23], "p_value": [0.41]})
