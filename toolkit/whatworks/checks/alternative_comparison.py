"""Alternative comparison: does the answer depend on whom the treated areas are compared with?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from whatworks.checks import readings
from whatworks.checks.neighbours import Borders, adjacency
from whatworks.checks.readings import Bools, Estimator, Floats
from whatworks.panel import NEVER, Panel
from whatworks.results import CheckResult, Estimate, NotAvailable, Result

NAME = "Alternative comparison group"
HALVED = 4
"""With fewer comparison units than this, half of them are no group to compare with."""

TREND = 3
"""Fewer periods before the first start than this show no trend."""

CHANGED = 1.0
"""A conclusion that changes counts from a move of so many standard errors; halving alone widens intervals."""


def alternative_comparison(
    panel: Panel, estimate: Estimator, *, neighbours: Borders | None = None, anticipation: int = 0
) -> CheckResult:
    """Estimate again against other comparison groups, each found by a rule.

    - *Never treated only*: units that are treated later serve no more; each cohort is compared with the
      never treated alone, and the cohorts are averaged by their number of treated cells.
    - *Not yet treated only*: no unit that stays untreated serves; the window ends before the last start, and
      this is laid beside the estimate of the same window with every unit.
    - *Neighbours left out*: no comparison unit borders a treated one.
    - *Closest half by level*, *by trend*: the half of the units untreated throughout whose mean, or linear
      slope, before the first start lies closest to that of the treated units' average.

    Args:
        panel: the panel of the study.
        estimate: the study's own estimator, panel in, `Result` out.
        neighbours: from each unit to the units that border it; None for the London boroughs, whose borders
            ship. Without borders that rule is left out, and the table says so.
        anticipation: periods before the start in which effects may already begin; they count neither for
            level nor for trend.

    Returns:
        `pass` if every rule's estimate stays inside the interval it is laid beside; `concern` if one leaves
        it, or moves by more than one standard error and no longer agrees on whether there is an effect;
        `fail` if the sign of an estimate whose interval excludes no effect turns. `not_applicable` where no
        rule applies or there is no interval to judge by.

    Raises:
        OptionError: borders that lack a treated unit.
    """
    treated = readings.treated_units(panel)
    whole = readings.attempt(panel, estimate)
    if isinstance(whole, NotAvailable):
        return CheckResult(NAME, "not_applicable", f"There is no estimate: {whole.reason}.")
    rows = [
        *_by_timing(panel, estimate, whole, treated),
        *(
            _row(rule, panel, estimate, whole, treated, kept)
            for rule, kept in _subsets(panel, whole, treated, neighbours, anticipation)
        ),
    ]
    return _judge(whole, pd.DataFrame(rows), int((~treated).sum()))


def _by_timing(
    panel: Panel, estimate: Estimator, whole: Result, treated: Bools
) -> Iterator[dict[str, object]]:
    never, last = panel.never_treated, panel.periods[-1]
    waiting = ~treated & ~never
    if not never.any() or not (waiting.any() or len(panel.cohorts) > 1):
        return
    row = {"rule": "never treated only", "comparison units": int(never.sum())}
    value = readings.averaged(readings.by_cohort(panel.select(treated | never)), estimate)
    yield row | _compared(whole.headline, whole, value)
    cut = panel
    if not waiting.any():
        last = panel.cohorts[-1] - 1
        cut = panel.window(None, panel.label(int(last)))
    cut = cut.with_start(np.where(cut.start > last, NEVER, cut.start))
    beside = whole if waiting.any() else readings.attempt(cut, estimate)
    alone = readings.attempt(cut.select(~never), estimate)
    row = {"rule": "not yet treated only", "comparison units": int((~never & (panel.start > last)).sum())}
    yield row | _compared(whole.headline, beside, alone)


def _subsets(
    panel: Panel, whole: Result, treated: Bools, neighbours: Borders | None, anticipation: int
) -> Iterator[tuple[str, Bools | NotAvailable]]:
    borders = adjacency(panel, neighbours, treated)
    rule = "neighbours left out"
    if isinstance(borders, NotAvailable):
        yield rule, borders
    else:
        near = ~treated & borders[:, treated].any(axis=1)
        yield rule, (~treated & ~near) if near.any() else NotAvailable("no comparison unit is a neighbour")
    before = panel.periods < panel.cohorts[0] - anticipation
    ratio = whole.headline.null == 1
    values = (readings.rates(panel) if ratio else panel.outcome)[:, before]
    short = NotAvailable(
        f"{int((~treated).sum())} comparison units and {int(before.sum())} periods before the first start "
        "are too few"
    )
    enough = (~treated).sum() >= HALVED
    yield (
        "closest half by level",
        _closest(_mean(values), treated) if enough and before.any() else short,
    )
    long = enough and before.sum() >= TREND
    yield "closest half by trend", _closest(_slope(values, share=ratio), treated) if long else short


def _closest(values: Floats, treated: Bools) -> Bools:
    """(N,) the half of the untreated units closest to the treated units' mean; ties in the panel's order."""
    gap = np.where(treated | np.isnan(values), np.inf, np.abs(values - np.nanmean(values[treated])))
    kept = np.zeros(len(values), dtype=bool)
    kept[np.argsort(gap, kind="stable")[: int((~treated).sum() + 1) // 2]] = True
    return kept & ~treated


def _mean(values: Floats) -> Floats:
    known = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(known, values, 0.0).sum(axis=1) / known.sum(axis=1))


def _slope(values: Floats, *, share: bool) -> Floats:
    """(N,) least-squares slopes per period, as a share of the mean for effects that multiply."""
    known = ~np.isnan(values)
    time = np.where(known, np.arange(values.shape[1], dtype=np.float64)[None, :], np.nan)
    mean = _mean(values)
    time = np.where(known, time - _mean(time)[:, None], 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        slope = (time * np.where(known, values, 0.0)).sum(axis=1) / (time**2).sum(axis=1)
        return np.asarray(slope / mean if share else slope)


def _row(
    rule: str, panel: Panel, estimate: Estimator, whole: Result, treated: Bools, kept: Bools | NotAvailable
) -> dict[str, object]:
    if isinstance(kept, NotAvailable):
        return {"rule": rule, "comparison units": 0} | _compared(whole.headline, whole, kept)
    found = readings.attempt(panel.select(treated | kept), estimate)
    return {"rule": rule, "comparison units": int(kept.sum())} | _compared(whole.headline, whole, found)


def _compared(
    like: Estimate, beside: Result | NotAvailable, found: Result | NotAvailable | float
) -> dict[str, object]:
    """A rule's estimate, what it is laid beside, its move in standard errors, and what became of it."""
    gap = float("nan")
    if isinstance(beside, NotAvailable) or isinstance(found, NotAvailable):
        missing = beside if isinstance(beside, NotAvailable) else found
        row = readings.columns(NotAvailable(getattr(missing, "reason", "")))
        return row | {"beside": gap, "change": gap, "in errors": gap, "became": ""}
    one = beside.headline
    if isinstance(found, Result):
        row, now, sure = readings.columns(found), readings.effect(found.headline), found.headline
    else:
        row = readings.columns(NotAvailable("an average over cohorts; no error is formed"))
        row["estimate"], now, sure = readings.shown(like, found), found, None
    change = now - readings.effect(one)
    moved = change / readings.error(one)
    return row | {
        "beside": one.value,
        "change": change,
        "in errors": moved,
        "became": _became(one, now, moved, sure),
    }


def _became(beside: Estimate, now: float, moved: float, found: Estimate | None) -> str:
    """What became of the answer; a rule whose interval holds the other estimate does not contradict it."""
    claimed = readings.claims(beside)
    sure = found is not None and readings.has_interval(found)
    if found is not None and sure:
        low, high = readings.ends(found)
        if abs(moved) > CHANGED and readings.claims(found) != claimed:
            return "no longer shows an effect" if claimed else "shows an effect now"
        if low <= readings.effect(beside) <= high:
            return "agrees"
    if claimed and now * readings.effect(beside) < 0:
        return "the sign turns"
    low, high = readings.ends(beside)
    return "outside the interval" if readings.has_interval(beside) and not low <= now <= high else "agrees"


def _judge(whole: Result, table: pd.DataFrame, comparison: int) -> CheckResult:
    tried = table[table["estimate"].notna()]
    if tried.empty:
        reason = f"No other comparison group can be formed: {'; '.join(dict.fromkeys(table['reason']))}."
        return CheckResult(NAME, "not_applicable", reason, table, "there were more comparison units")
    top = tried.iloc[int(tried["change"].abs().argmax())]
    ratio = whole.headline.null == 1
    spread = (
        f"Against {len(tried)} other comparison group{'s' if len(tried) > 1 else ''} the estimate is "
        f"{tried['estimate'].min():.3g} to {tried['estimate'].max():.3g}, where the study's own with "
        f"{comparison} comparison units is {readings.phrase(whole)}; most moved by “{top['rule']}”, to "
        f"{top['estimate']:.3g} from {top['beside']:.3g}"
    )
    if not readings.has_interval(whole.headline):
        reason = f"{spread}. There is no interval to judge that by."
        return CheckResult(NAME, "not_applicable", reason, table, "there were an interval")
    spread += f" ({abs(top['in errors']):.2g} standard errors{' of its log' if ratio else ''})."
    changed = tried[tried["became"] != "agrees"]
    if changed.empty:
        reason = f"{spread} None changes the answer."
        return CheckResult(NAME, "pass", reason, table, "an estimate left the interval it is laid beside")
    listed = "; ".join(
        f"“{rule}”: {what}" for rule, what in zip(changed["rule"], changed["became"], strict=True)
    )
    turned = bool((changed["became"] == "the sign turns").any())
    return CheckResult(
        NAME,
        "fail" if turned else "concern",
        f"{spread} The answer depends on whom one compares with: {listed}.",
        table,
        "every comparison group kept the estimate inside the interval and agreed on whether one shows",
    )
