"""Alternative windows: would other first and last months have given another answer?"""

from __future__ import annotations

from functools import partial
from typing import Final

import numpy as np
import pandas as pd

from whatworks.arrays import Bools
from whatworks.checks import readings, refits
from whatworks.checks.informative import least_seen, supported
from whatworks.checks.movement import Movement, measure
from whatworks.panel import Panel
from whatworks.results import CheckResult, Estimate, NotAvailable

NAME = "Alternative windows"

MIN_BEFORE: Final = 2
"""A window with fewer periods before the first start says nothing about the time before."""

LOOKS: Final = {
    "month": ((6, "six months"), (12, "twelve months")),
    "quarter": ((2, "half a year"), (4, "a year")),
}
"""How long after the last start the shorter windows end; integers have no year, so half of what there is."""


def alternative_windows(panel: Panel, estimate: refits.Estimator, *, anticipation: int = 0) -> CheckResult:
    """Estimate again over every shorter window that another study might have chosen.

    Of these, those that the panel has room for: half of the periods before the first start; all but the
    first quarter of the window; all but the last quarter; up to six and to twelve months after the last start
    (half of what follows it where periods have no calendar). The panel itself is the longest window.

    Args:
        panel: the panel of the study.
        estimate: the study's own estimator, panel in, `Result` out.
        anticipation: periods before the start in which effects may already begin; every window keeps two
            periods before them.

    Returns:
        `pass` if no window contradicts the whole panel (its estimate lies outside the interval of the whole,
        and its own interval does not hold the estimate of the whole) and no more than half of the windows
        come to another conclusion, `not_informative` if so but the sharpest window could have hidden more
        than half of the effect, `concern` if not, `fail` if one turns the sign of an estimate
        whose interval excludes no effect; the table is sorted by influence.
    """
    whole = readings.attempt(panel, estimate)
    if isinstance(whole, NotAvailable):
        return CheckResult(NAME, "not_applicable", f"There is no estimate: {whole.reason}.")
    grid = windows(panel, anticipation)
    if not grid:
        reason = f"The panel of {panel.n_periods} {panel.period_word}s has no room for a shorter window."
        return CheckResult(NAME, "not_applicable", reason, would_change_if="the panel were longer")
    rows = [_row(panel, estimate, words, keep) for words, keep in grid.items()]
    moved = measure(whole.headline, pd.DataFrame(rows))
    if isinstance(moved, NotAvailable):
        return CheckResult(
            NAME, "not_applicable", f"No window gives an estimate: {moved.reason}.", pd.DataFrame(rows)
        )
    return _judge(whole.headline, moved)


def windows(panel: Panel, anticipation: int = 0) -> dict[str, Bools]:
    """The shorter windows in words, each a mask of the periods kept (T,); all of them differ."""
    if panel.cohorts.size == 0:
        return {}
    first, last = panel.cohorts[0], panel.cohorts[-1]
    t, place = panel.n_periods, np.arange(panel.n_periods)
    before = int((panel.periods < first).sum())
    after = int((panel.periods >= last).sum())
    looks = LOOKS.get(panel.period_kind, ((after // 2, f"{after // 2} periods"),))
    tried = {
        "with only the later half of the time before the first start": place >= before // 2,
        "without the first quarter": place >= t // 4,
        "without the last quarter": place < t - t // 4,
        **{f"up to {words} after the last start": panel.periods < last + long for long, words in looks},
    }
    kept: dict[str, Bools] = {}
    for words, keep in tried.items():
        enough = (keep & (panel.periods < first - anticipation)).sum() >= MIN_BEFORE
        room = enough and (keep & (panel.periods >= first)).any() and not keep.all()
        if room and not any((keep == other).all() for other in kept.values()):
            kept[words] = keep
    return kept


def _row(panel: Panel, estimate: refits.Estimator, words: str, keep: Bools) -> dict[str, object]:
    inside = np.flatnonzero(keep)
    found = refits.attempt(estimate, partial(refits.without_periods, panel, ~keep))
    dates = {"first": panel.period_labels[inside[0]], "last": panel.period_labels[inside[-1]]}
    claims = not isinstance(found, NotAvailable) and readings.claims(found.headline)
    return {"window": words, **dates, **readings.columns(found), "excludes no effect": claims}


def _judge(whole: Estimate, moved: Movement) -> CheckResult:
    table, top = moved.table, moved.top
    count = len(moved.found)
    spread = (
        f"{count} shorter window{'s give' if count > 1 else ' gives'} {moved.range}; "
        f"the one {_named(top)} moves it most{moved.errors(top)}."
    )
    if not moved.judged:
        return moved.unjudged(NAME, spread)
    if len(moved.turned):
        reason = (
            f"{spread} The sign turns {_named(moved.turned.iloc[0])}, though the interval excludes no effect."
        )
        return CheckResult(NAME, "fail", reason, table, "no other window turned the sign")
    apart = _apart(moved)
    if len(apart):
        reason = (
            f"{spread} The one {_named(apart.iloc[0])} lies outside the interval of the whole, and the whole "
            "outside its own. Either the effect changes over time, which a shorter look after the start "
            "would show, or the answer rests on the months chosen."
        )
        change = "every window's interval held the estimate of the whole"
        return CheckResult(NAME, "concern", reason, table, change)
    return _conclusions(whole, moved, spread)


def _apart(moved: Movement) -> pd.DataFrame:
    """Of the windows outside the interval of the whole, those whose own does not hold its estimate.

    A short window is noisier than the whole, so that lying outside that interval alone means little.
    """
    out = moved.outside
    return out[~((out["low"] <= moved.value) & (moved.value <= out["high"]))]


def _conclusions(whole: Estimate, moved: Movement, spread: str) -> CheckResult:
    claims = readings.claims(whole)
    other = int((moved.found["excludes no effect"] != claims).sum())
    mine, theirs = ("excludes", "includes") if claims else ("includes", "excludes")
    counted = f"The whole interval {mine} no effect; {other} of {len(moved.found)} shorter ones {theirs} it."
    if 2 * other > len(moved.found):
        return CheckResult(
            NAME,
            "concern",
            f"{spread} {counted} The conclusion needs this very window.",
            moved.table,
            "at least half of the windows came to the same conclusion",
        )
    change = "a window contradicted the whole, or most came to another conclusion"
    found = CheckResult(NAME, "pass", f"{spread} None contradicts the whole. {counted}", moved.table, change)
    return supported(found, _seen(whole, moved), readings.effect(whole), like=whole)


def _seen(whole: Estimate, moved: Movement) -> float:
    """The least difference from the whole that the sharpest window would have shown four times in five.

    Both have to lie outside the other's interval, so the wider of the two decides.
    """
    ends = moved.found[["low", "high"]].to_numpy(dtype=float)
    half = np.diff(np.log(ends) if whole.null == 1 else ends)[:, 0] / 2
    own = float(np.diff(readings.ends(whole))[0]) / 2
    wider = np.maximum(half, own)
    return least_seen(0.0, 2 * float(np.nanmin(wider)), whole.level) if np.isfinite(wider).any() else np.nan


def _named(row: pd.Series) -> str:
    return f"{row['window']} ({row['first']} to {row['last']})"
