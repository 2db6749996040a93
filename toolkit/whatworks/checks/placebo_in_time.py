"""Placebo in time: pretend the treatment began earlier, when nothing had happened yet."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from whatworks.answer import or_nan
from whatworks.checks import readings
from whatworks.checks.informative import least_seen, supported
from whatworks.errors import WhatworksError
from whatworks.inference.multiplicity import holm
from whatworks.panel import NEVER, Panel
from whatworks.results import CheckResult, NotAvailable, Result

NAME = "Placebo in time"
MIN_PERIODS = 6
"""Fewer untreated periods than this cannot hold a pretended before and after."""

FRACTIONS = (1 / 3, 1 / 2, 2 / 3)
"""How far into the untreated window the first pretended start lies."""


def placebo_in_time(
    panel: Panel, estimate: Callable[[Panel], Result], *, anticipation: int = 0, threshold: float = 0.05
) -> CheckResult:
    """Estimate an effect where none can be: on the periods before anyone was treated.

    All starts move earlier by the same number of periods, so a staggered design keeps its pattern, and
    the window ends before the first true start (less `anticipation`). Three pretended dates are tried;
    their p-values are adjusted together (Holm).

    Args:
        panel: the panel of the study.
        estimate: the study's own estimator, panel in, `Result` out.
        anticipation: periods before the start in which effects may already begin; they are left out.
        threshold: adjusted p-value below which a pretended effect is a concern.

    Returns:
        `concern` if a pretended date shows an effect; `pass` if none does and one of half the study's own
        would have been seen four times in five, `not_informative` if not; `not_applicable` when the untreated
        window is too short or the estimator has no valid error there.
    """
    cohorts = panel.cohorts
    if cohorts.size == 0:
        return CheckResult(NAME, "not_applicable", "No unit is treated inside the window.")
    before = panel.periods[panel.periods < cohorts[0] - anticipation]
    if before.size < MIN_PERIODS:
        return CheckResult(
            NAME,
            "not_applicable",
            f"Only {before.size} untreated periods come before the first start; "
            f"{MIN_PERIODS} are needed to pretend a before and an after.",
            would_change_if="the data began earlier",
        )
    rows = [_attempt(panel, estimate, before, fraction) for fraction in FRACTIONS]
    table = pd.DataFrame(rows).drop_duplicates("pretended start").reset_index(drop=True)
    found = _judge(table.drop(columns=["low", "high", "level"]), threshold)
    own = readings.attempt(panel, estimate)
    tested = table[table["p_value"].notna() & table["low"].notna() & table["high"].notna()]
    if isinstance(own, NotAvailable) or tested.empty:
        return found
    tries = int(table["p_value"].notna().sum())
    seen = min(
        least_seen(row["low"], row["high"], row["level"], tries=tries, threshold=threshold)
        for row in tested.to_dict("records")
    )
    return supported(found, seen, readings.effect(own.headline), like=own.headline)


def _attempt(
    panel: Panel, estimate: Callable[[Panel], Result], before: np.ndarray, fraction: float
) -> dict[str, object]:
    first = before[round(fraction * before.size)]
    shift = int(panel.cohorts[0] - first)
    start = np.where(panel.start == NEVER, NEVER, panel.start - shift)
    gap = float("nan")
    row: dict[str, object] = {"pretended start": panel.label(int(first))}
    row |= {"low": gap, "high": gap, "level": gap}
    try:
        window = panel.with_start(np.full(panel.n_units, NEVER)).window(
            panel.label(int(before[0])), panel.label(int(before[-1]))
        )
        found = estimate(window.with_start(start)).headline
    except WhatworksError as problem:
        return row | {"estimate": np.nan, "p_value": np.nan, "adjusted p": np.nan, "reason": problem.what}
    if isinstance(found.value, NotAvailable) or isinstance(found.p_value, NotAvailable):
        missing = found.value if isinstance(found.value, NotAvailable) else found.p_value
        gaps = {"estimate": or_nan(found.value), "p_value": np.nan, "adjusted p": np.nan}
        return row | gaps | {"reason": str(missing)}
    low, high = readings.ends(found)
    row |= {"low": low, "high": high, "level": found.level}
    return row | {"estimate": found.value, "p_value": found.p_value, "adjusted p": np.nan, "reason": ""}


def _judge(table: pd.DataFrame, threshold: float) -> CheckResult:
    tested = table["p_value"].notna()
    if not tested.any():
        return CheckResult(
            NAME, "not_applicable", f"No pretended date could be tested: {table['reason'].iloc[0]}.", table
        )
    table.loc[tested, "adjusted p"] = holm(table.loc[tested, "p_value"].to_numpy(dtype=float))
    worst = table.iloc[int(table["adjusted p"].argmin())]
    dates = f"{int(tested.sum())} pretended start{'s' if tested.sum() > 1 else ''}"
    numbers = (
        f"the largest sign of one is {worst['estimate']:.3g} at {worst['pretended start']} "
        f"(p = {worst['adjusted p']:.2g} after adjustment)"
    )
    if worst["adjusted p"] >= threshold:
        return CheckResult(
            NAME,
            "pass",
            f"No effect shows at {dates} before anything happened: {numbers}.",
            table,
            f"a pretended start gave an adjusted p below {threshold:g}",
        )
    return CheckResult(
        NAME,
        "concern",
        f"An effect shows before anything happened, at {dates}: {numbers}. "
        "Treated and comparison areas were already parting.",
        table,
        f"every pretended start gave an adjusted p of {threshold:g} or more",
    )
