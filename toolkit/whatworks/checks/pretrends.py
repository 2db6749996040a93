"""Pre-trends: did treated and comparison areas move together before anything happened?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pandas as pd

from whatworks.checks.informative import POWER, supported
from whatworks.did.trends.pretrend_power import pretrend_power
from whatworks.errors import WhatworksError
from whatworks.panel import Panel
from whatworks.results import CheckResult, NotAvailable, Result

NAME = "Pre-trends"

BLOCKS = (1, 3, 6, 12)
"""Periods in one block, tried in turn until few clusters can carry the covariance of all blocks."""


def pretrends(
    panel: Panel, event_study: Callable[[Panel], Result], *, anticipation: int = 0, threshold: float = 0.05
) -> CheckResult:
    """Test all effects before the start together; each of them should be zero.

    The test is the one its estimator gives (`detail.pretrend`): with few clusters the largest |t| against its
    wild bootstrap distribution, with many a Wald test. It does not depend on how many periods are shown.

    Args:
        panel: the panel of the study.
        event_study: the study's design by event time, panel in, `Result` out.
        anticipation: periods before the start in which effects may already begin; not part of the trend.
        threshold: p-value below which the groups count as already parting.

    Returns:
        `concern` below the threshold; at or above it `pass` where a straight trend that moves the average
        effect by half of itself would have been seen four times in five, `not_informative` where not;
        `not_applicable` where no such test exists. The table holds the effects before the start.

    Source: Roth (2022), American Economic Review: Insights 4(3), for what the test would have seen.
    """
    try:
        result = event_study(panel)
    except WhatworksError as problem:
        return CheckResult(NAME, "not_applicable", f"There is no event study: {problem.what}.")
    before = result.effects[result.effects["event_time"] < -anticipation]
    columns = [name for name in ("event_time", "estimate", "low", "high", "p_value", "n") if name in before]
    table = before.loc[before["std_error"].notna(), columns].reset_index(drop=True)
    test = getattr(result.detail, "pretrend", NotAvailable("the method gives no joint test"))
    if isinstance(test, NotAvailable):
        return CheckResult(NAME, "not_applicable", f"No joint test: {test.reason}.", table)
    if isinstance(test.p_value, NotAvailable):
        return CheckResult(NAME, "not_applicable", f"No joint test: {test.p_value.reason}.", table)
    found = _judge(float(test.p_value), test.n_tested, test.sentence, table, threshold)
    return _with_power(found, result, 1 - threshold)


def _with_power(found: CheckResult, result: Result, level: float) -> CheckResult:
    """What the test would have seen, on single periods where their covariance is known, else on blocks."""
    why = ""
    for pool in BLOCKS:
        try:
            power = pretrend_power(result, power=(POWER,), pool=pool, level=level)
        except WhatworksError as problem:
            why = why or problem.what
            continue
        return supported(found, abs(float(power.table["bias"].iloc[0])), abs(power.estimate))
    blind = f"How small a trend it would have seen is not known ({why}), so it supports nothing."
    if found.verdict != "pass":
        return replace(found, would_have_seen=NotAvailable(why))
    return replace(
        found,
        verdict="not_informative",
        reason=f"{found.reason} {blind}",
        would_have_seen=NotAvailable(why),
    )


def _judge(p: float, tested: int, how: str, table: pd.DataFrame, threshold: float) -> CheckResult:
    if p < threshold:
        return CheckResult(
            NAME,
            "concern",
            f"The groups were already moving apart before the start: {tested} earlier periods tested "
            f"together give p = {p:.2g}. {how}.",
            table,
            f"the joint p-value were {threshold:g} or more",
        )
    return CheckResult(
        NAME,
        "pass",
        f"No sign that the groups moved apart before the start: {tested} earlier periods tested together "
        f"give p = {p:.2g}. A test that passes does not prove parallel trends. {how}.",
        table,
        f"the joint p-value fell below {threshold:g}",
    )
