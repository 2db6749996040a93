"""Leave one out: does the answer rest on a single unit, or a single cluster?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import pandas as pd

from whatworks.errors import WhatworksError, choose
from whatworks.panel import Panel
from whatworks.results import CheckResult, NotAvailable, Result

MAX_REFITS = 200
"""With more units than this, no single one can carry the answer, and refitting for each is waste."""


def leave_one_out(
    panel: Panel,
    estimate: Callable[[Panel], Result],
    *,
    by: Literal["unit", "cluster"] = "unit",
) -> CheckResult:
    """Estimate again without each unit (or each cluster) in turn.

    Args:
        panel: the panel of the study.
        estimate: the study's own estimator; only its point estimate and the full fit's interval are used,
            so a cheap `inference` will do.
        by: what is left out, one `unit` or one whole `cluster`.

    Returns:
        `pass` if every estimate keeps the sign and stays inside the interval of the whole panel,
        `concern` if one leaves that interval, `fail` if one turns the sign of an estimate whose interval
        excludes zero; the table is sorted by influence.

    Raises:
        OptionError: `by` is neither, or the panel names no clusters.
    """
    choose("by", by, ("unit", "cluster"), where="leave_one_out")
    name = f"Leave one {by} out"
    if by == "cluster" and panel.cluster is None:
        return CheckResult(name, "not_applicable", "The panel names no clusters.")
    groups = panel.cluster if by == "cluster" and panel.cluster is not None else np.arange(panel.n_units)
    labels = panel.cluster_labels if by == "cluster" else panel.units
    if len(labels) > MAX_REFITS:
        reason = f"There are {len(labels):,} {by}s; no single one carries the answer."
        return CheckResult(name, "not_applicable", reason)
    whole = estimate(panel)
    if isinstance(whole.headline.value, NotAvailable):
        return CheckResult(name, "not_applicable", f"There is no estimate: {whole.headline.value.reason}.")
    rows = [_without(panel, estimate, groups != code, label) for code, label in enumerate(labels)]
    table = pd.DataFrame(rows)
    table["change"] = table["estimate"] - whole.headline.value
    order = table["change"].abs().sort_values(ascending=False, kind="stable", na_position="last").index
    return _judge(name, by, whole, table.loc[order].reset_index(drop=True))


def _without(
    panel: Panel, estimate: Callable[[Panel], Result], keep: np.ndarray, label: str
) -> dict[str, object]:
    try:
        value = estimate(panel.select(keep)).headline.value
    except WhatworksError as problem:
        return {"left out": label, "estimate": np.nan, "reason": problem.what}
    if isinstance(value, NotAvailable):
        return {"left out": label, "estimate": np.nan, "reason": value.reason}
    return {"left out": label, "estimate": value, "reason": ""}


def _judge(name: str, by: str, whole: Result, table: pd.DataFrame) -> CheckResult:
    value, low, high = whole.headline.value, whole.headline.low, whole.headline.high
    found = table.dropna(subset=["estimate"])
    if isinstance(value, NotAvailable) or found.empty:
        return CheckResult(name, "not_applicable", f"No estimate is left without one {by}.", table)
    top = found.iloc[0]
    least, most = found["estimate"].min(), found["estimate"].max()
    spread = (
        f"Leaving out one {by} at a time gives {least:.3g} to {most:.3g} around {value:.3g}; "
        f"{top['left out']} moves it most."
    )
    lost = len(table) - len(found)
    if lost:
        spread += (
            f" Without {table.loc[table['estimate'].isna(), 'left out'].iloc[0]} there is no estimate at all."
        )
    if isinstance(low, NotAvailable) or isinstance(high, NotAvailable):
        return CheckResult(
            name,
            "concern",
            f"{spread} There is no interval to judge that by.",
            table,
            "there were an interval",
        )
    null = whole.headline.null
    flips = bool((np.sign(found["estimate"] - null) != np.sign(value - null)).any())
    if flips and (low > null or high < null):
        reason = f"{spread} The sign itself rests on one {by}, though the interval excludes no effect."
        return CheckResult(name, "fail", reason, table, f"no single {by} could turn the sign")
    outside = found[(found["estimate"] < low) | (found["estimate"] > high)]
    if len(outside) or lost:
        reason = (
            f"{spread} The answer leans on {outside['left out'].iloc[0] if len(outside) else f'one {by}'}."
        )
        return CheckResult(name, "concern", reason, table, "every estimate stayed inside the interval")
    return CheckResult(
        name,
        "pass",
        f"{spread} All stay inside the interval of the whole.",
        table,
        f"leaving out one {by} moved the estimate out of its interval",
    )
