"""Alternative comparison: does the answer depend on whom the treated areas are compared with?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from whatworks.answer import or_nan
from whatworks.arrays import Bools, Floats
from whatworks.checks import readings
from whatworks.checks.informative import least_seen, supported
from whatworks.checks.neighbours import Borders, adjacency
from whatworks.checks.readings import Estimator
from whatworks.inference.multiplicity import holm
from whatworks.panel import NEVER, Panel
from whatworks.results import CheckResult, Estimate, NotAvailable, Result

NAME = "Alternative comparison group"
HALVED = 4
"""With fewer comparison units than this, half of them are no group to compare with."""

TREND = 3
"""Fewer periods before the first start than this show no trend."""

LEAST = 2
"""A rule that leaves fewer comparison units compares with nothing in particular."""

OUTSIDE = "outside the interval"

CHANGED = 1.0
"""A move by less than so many standard errors changes nothing that matters."""

SEEN = "would have seen"
"""Column: the least move of the estimate that a rule would have called another answer."""

THRESHOLD = 0.05
"""The units left out differ from those kept where the p-value, adjusted for all rules tried, lies below."""


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

    A part of the comparison units carries its own noise, so an estimate against it moves in any case. A rule
    that leaves some out is judged by them: estimated as if treated from the first start on, against those
    kept, with the study's own errors, they must part from them (p-values adjusted for all such rules, Holm).

    Args:
        panel: the panel of the study.
        estimate: the study's own estimator, panel in, `Result` out.
        neighbours: from each unit to the units that border it; None for the London boroughs, whose borders
            ship. Without borders that rule is left out, and the table says so.
        anticipation: periods before the start in which effects may already begin; they count neither for
            level nor for trend.

    Returns:
        `pass` if no rule contradicts the estimate it is laid beside; `not_informative` if none does but the
        sharpest would have missed a move by half of the effect more often than once in five; `concern` if one
        does: it moves
        by more than one standard error and the units left out part from those kept, or, for the rules of
        timing that leave nobody out, it lies outside the interval;
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
    return _judge(whole, _adjusted(pd.DataFrame(rows)), int((~treated).sum()))


def _by_timing(
    panel: Panel, estimate: Estimator, whole: Result, treated: Bools
) -> Iterator[dict[str, object]]:
    never, last = panel.never_treated, panel.periods[-1]
    waiting = ~treated & ~never
    if not never.any() or not (waiting.any() or len(panel.cohorts) > 1):
        return
    row = {"rule": "never treated only", "comparison units": int(never.sum())}
    value = readings.averaged(readings.by_cohort(panel.select(treated | never)), estimate)
    parted = _parted(panel, estimate, waiting, never) if waiting.any() else None
    yield row | _compared(whole.headline, whole, value, parted)
    cut = panel
    if not waiting.any():
        last = panel.cohorts[-1] - 1
        cut = panel.window(None, panel.label(int(last)))
    cut = cut.with_start(np.where(cut.start > last, NEVER, cut.start))
    beside = whole if waiting.any() else readings.attempt(cut, estimate)
    alone = readings.attempt(cut.select(~never), estimate)
    later = ~never & (panel.start > last)
    row = {"rule": "not yet treated only", "comparison units": int(later.sum())}
    yield row | _compared(whole.headline, beside, alone, _parted(cut, estimate, never, later))


def _subsets(
    panel: Panel, whole: Result, treated: Bools, neighbours: Borders | None, anticipation: int
) -> Iterator[tuple[str, Bools | NotAvailable]]:
    borders = adjacency(panel, neighbours, treated)
    rule = "neighbours left out"
    if isinstance(borders, NotAvailable):
        yield rule, borders
    else:
        near = ~treated & borders[:, treated].any(axis=1)
        kept = ~treated & ~near
        few = NotAvailable(f"{int(kept.sum())} of {int((~treated).sum())} comparison units would be left")
        none = NotAvailable("no comparison unit is a neighbour")
        yield rule, none if not near.any() else few if kept.sum() < LEAST else kept
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
    parted = _parted(panel, estimate, ~treated & ~kept, kept)
    return {"rule": rule, "comparison units": int(kept.sum())} | _compared(
        whole.headline, whole, found, parted
    )


@dataclass(frozen=True, slots=True)
class _Parted:
    """p-value of an effect on the comparison units left out, against those kept; NaN where there is none.

    `seen` is the move of the main estimate that it would have shown four times in five: the least parting
    seen, times the share of comparison units left out.
    """

    p: float
    seen: float


def _parted(panel: Panel, estimate: Estimator, dropped: Bools, kept: Bools) -> _Parted:
    start = np.where(dropped, panel.cohorts[0], NEVER)[dropped | kept]
    found = readings.attempt(panel.select(dropped | kept).with_start(start), estimate)
    if isinstance(found, NotAvailable):
        return _Parted(float("nan"), float("nan"))
    one, share = found.headline, dropped.sum() / (dropped | kept).sum()
    return _Parted(or_nan(one.p_value), float(share) * least_seen(*readings.ends(one), one.level))


def _compared(
    like: Estimate,
    beside: Result | NotAvailable,
    found: Result | NotAvailable | float,
    parted: _Parted | None = None,
) -> dict[str, object]:
    """A rule's estimate, what it is laid beside, its move in errors, and what it would become of the answer.

    `parted` is how the units left out compare with those kept, None where nobody is left out.
    """
    gap = float("nan")
    if isinstance(beside, NotAvailable) or isinstance(found, NotAvailable):
        missing = beside if isinstance(beside, NotAvailable) else found
        row = readings.columns(NotAvailable(getattr(missing, "reason", "")))
        gaps = dict.fromkeys(("beside", "change", "in errors", "p, left out", SEEN), gap)
        return row | gaps | {"became": ""}
    one = beside.headline
    if isinstance(found, Result):
        row, now, sure = readings.columns(found), readings.effect(found.headline), found.headline
    else:
        row = readings.columns(NotAvailable("an average over cohorts; no error is formed"))
        row["estimate"], now, sure = readings.shown(like, found), found, None
    change = now - readings.effect(one)
    moved = change / readings.error(one)
    became = _became(one, now, sure)
    if parted is None:
        outside = became in ("the sign turns", OUTSIDE)
        became = became if outside else "agrees"
    elif abs(moved) <= CHANGED or np.isnan(parted.p):
        became = "agrees"
    return row | {
        "beside": one.value,
        "change": change,
        "in errors": moved,
        "p, left out": gap if parted is None else parted.p,
        SEEN: gap if parted is None else max(parted.seen, CHANGED * readings.error(one)),
        "became": became,
    }


def _became(beside: Estimate, now: float, found: Estimate | None) -> str:
    """What the answer becomes, if the move is more than noise."""
    claimed = readings.claims(beside)
    if claimed and now * readings.effect(beside) < 0:
        return "the sign turns"
    if found is not None and readings.has_interval(found) and readings.claims(found) != claimed:
        return "no longer shows an effect" if claimed else "shows an effect now"
    low, high = readings.ends(beside)
    return OUTSIDE if readings.has_interval(beside) and not low <= now <= high else "another size"


def _adjusted(table: pd.DataFrame) -> pd.DataFrame:
    """The table with p-values adjusted for all rules tried, and *agrees* where they are no longer small."""
    p = table["p, left out"].to_numpy(dtype=float, copy=True)
    tested = np.isfinite(p)
    if not tested.any():
        return table
    p[tested] = holm(p[tested])
    table = table.copy()
    table["p, left out"] = p
    table["became"] = table["became"].mask(tested & (p >= THRESHOLD), "agrees")
    return table


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
        reason = f"{spread} None changes the answer by more than its own noise."
        change = "an estimate moved, and the comparison units left out parted from those kept"
        seen, own = tried[SEEN].min(), whole.headline
        found = CheckResult(NAME, "pass", reason, table, change)
        return supported(found, float(seen), readings.effect(own), like=own)
    listed = "; ".join(
        f"“{rule}”: {what}" for rule, what in zip(changed["rule"], changed["became"], strict=True)
    )
    turned = bool((changed["became"] == "the sign turns").any())
    return CheckResult(
        NAME,
        "fail" if turned else "concern",
        f"{spread} The answer depends on whom one compares with: {listed}.",
        table,
        "the comparison units left out did not part from those kept",
    )
