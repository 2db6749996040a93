"""Figures of the raw outcome over time: treated and comparison means, and each cohort by itself."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from whatworks.arrays import Bools, Floats
from whatworks.panel import NEVER, Panel
from whatworks.present import drawing
from whatworks.present.figure import Figure, Words, slug
from whatworks.shown import words

_SMALL = 6
_BESIDE = 2
"""Small pictures in a row."""

_OWN: dict[str, Any] = {"color": drawing.FIRST, "linewidth": 1.8}
_REST: dict[str, Any] = {"color": drawing.SECOND, "linewidth": 1.2, "linestyle": (0, (4, 1.5))}
_BACK: dict[str, Any] = {"color": drawing.BEHIND, "linewidth": 0.6}
_START: dict[str, Any] = {"color": drawing.INK, "linewidth": 1.1, "linestyle": (0, (1, 1.5))}


def paths(panel: Panel, *, subject: str = "") -> Figure:
    """Draw the mean outcome of treated and comparison units over time, with the starts marked.

    Treated are the units that start within the window, comparison all others; a weighted mean where the
    panel has weights, a rate (sum over sum) where it has an exposure. Nothing is drawn where a whole group
    has no outcome in a period.
    """
    about = words.spoken(subject or panel.outcome_name)
    inside = np.isin(panel.start, panel.cohorts)
    groups = {"Treated": inside, "Comparison": ~inside}
    lines = {
        f"{name} ({int(mask.sum())} {'unit' if mask.sum() == 1 else 'units'})": _mean(panel, mask)
        for name, mask in groups.items()
        if mask.any()
    }
    with drawing.canvas() as canvas:
        axes = canvas.add_subplot()
        looks = ((drawing.FIRST, "-", "o"), (drawing.SECOND, (0, (5, 2)), "s"))
        every = max(1, panel.n_periods // 8)
        for (name, values), (colour, style, marker) in zip(lines.items(), looks, strict=False):
            axes.plot(
                panel.periods,
                values,
                color=colour,
                linestyle=style,
                marker=marker,
                markevery=every,
                markersize=4.5,
                label=name,
            )
        _mark_starts(axes, panel)
        drawing.upright(axes, measured_in(panel))
        axes.yaxis.grid(True)
        ticks(axes, panel, _SMALL)
        drawing.key(canvas)
        table = pd.DataFrame({"period": panel.period_labels, **lines})
        return drawing.finish(
            canvas,
            said=_paths_said(panel, lines, about),
            name=slug("paths", subject),
            each="period",
            alt=_alt(panel, lines, about),
            table=table,
        )


def cohort_paths(panel: Panel, *, subject: str = "") -> Figure:
    """Draw the mean outcome of each cohort in a small picture of its own, the others in grey behind it.

    Never-treated units, and units that start after the window, are a broken line in every picture.
    """
    about = words.spoken(subject or panel.outcome_name)
    groups = {f"Start {panel.label(int(g))}": panel.start == g for g in panel.cohorts}
    rest = ~np.isin(panel.start, panel.cohorts)
    other = "Never treated" if (panel.start[rest] == NEVER).all() else "Not treated in the window"
    if rest.any():
        groups[other] = rest
    lines = {f"{name} ({int(mask.sum())})": _mean(panel, mask) for name, mask in groups.items()}
    starts = [int(g) for g in panel.cohorts]
    rows = math.ceil(max(len(starts), 1) / _BESIDE)
    with drawing.canvas(1.1 + 1.45 * rows) as canvas:
        grid = canvas.subplots(rows, _BESIDE, sharex=True, sharey=True, squeeze=False).ravel()
        for i, axes in enumerate(grid):
            if i < len(starts):
                _cohort(axes, panel, lines, i, starts[i])
            axes.set_visible(i < max(len(starts), 1))
        handles = _cohort_key(len(starts), other if rest.any() else "")
        drawing.key(canvas, handles=handles, title=drawing.broken(measured_in(panel)), alignment="left")
        table = pd.DataFrame({"period": panel.period_labels, **lines})
        return drawing.finish(
            canvas,
            said=_cohorts_said(panel, lines, about),
            name=slug("cohort_paths", subject),
            each="period",
            alt=_alt(panel, lines, about),
            table=table,
        )


def _cohort(axes: Any, panel: Panel, lines: dict[str, Floats], own: int, start: int) -> None:
    """One small picture: the other cohorts, those never treated, and the cohort itself with its start."""
    for i, values in enumerate(lines.values()):
        if i != own and i < len(panel.cohorts):
            axes.plot(panel.periods, values, **_BACK)
    for values in list(lines.values())[len(panel.cohorts) :]:
        axes.plot(panel.periods, values, **_REST)
    name = list(lines)[own]
    axes.plot(panel.periods, lines[name], **_OWN)
    axes.axvline(start - 0.5, **_START)
    axes.set_title(name, loc="left")
    ticks(axes, panel, 3)
    axes.yaxis.grid(True)


def _cohort_key(cohorts: int, other: str) -> list[Any]:
    from matplotlib.lines import Line2D

    looks = [("This cohort", _OWN), ("Its start", _START)]
    looks += [(other, _REST)] if other else []
    looks += [("Other cohorts", _BACK)] if cohorts > 1 else []
    return [Line2D([], [], label=name, **look) for name, look in looks]


def _paths_said(panel: Panel, lines: dict[str, Floats], about: str) -> Words:
    """The title is the mean month before the first start and from the last start on, of each group."""
    title = ""
    if len(panel.cohorts):
        before, after = panel.periods < panel.cohorts.min(), panel.periods >= panel.cohorts.max()
        moved = _moved(lines, before, after)
        if moved[0]:
            title = f"{words.capital(about)} where treated went {moved[0]}"
            title += f", elsewhere {moved[1]}" if moved[1:] and moved[1] else ""
    starts = "start" if len(panel.cohorts) == 1 else "starts"
    unit = words.capital(measured_in(panel))
    return Words(
        title,
        f"{unit}, mean of treated and of comparison areas in each {panel.period_word}",
        f"Look at the gap between the two lines before and after the {starts}: lines that go up and down "
        "together speak for the comparison. The title compares the average before the first start with the "
        "average from the last one on, and is not yet the effect.",
    )


def _moved(lines: dict[str, Floats], before: Bools, after: Bools) -> list[str]:
    """`from 1.00 to 1.29` for each line, means over the periods with a value; "" where a side has none."""
    means = []
    for values in lines.values():
        sides = [values[part & ~np.isnan(values)] for part in (before, after)]
        means.append([float(side.mean()) for side in sides] if all(side.size for side in sides) else [])
    decimals = words.unit_decimals([number for pair in means for number in pair]) + 1
    return [
        f"from {words.fixed(pair[0], decimals)} to {words.fixed(pair[1], decimals)}" if pair else ""
        for pair in means
    ]


def _cohorts_said(panel: Panel, lines: dict[str, Floats], about: str) -> Words:
    """The title counts the cohorts whose mean from their start on is below, or above, the mean before it.

    Where the mean of those not treated moved the same way at the first start, it says so.
    """
    values, starts = list(lines.values()), panel.cohorts.tolist()
    steps = [_step(panel, line, g) for g, line in zip(starts, values, strict=False)]
    known = [step for step in steps if not np.isnan(step)]
    fell, rose = sum(step < 0 for step in known), sum(step > 0 for step in known)
    many, way = (fell, "lower") if fell >= rose else (rose, "higher")
    some = "cohort" if len(known) == 1 else "cohorts"
    title = f"{words.capital(about)} {way} after the start in {many} of {len(known)} {some}" if known else ""
    if known and len(values) > len(starts):
        other = _step(panel, values[-1], min(starts))
        title += ", and elsewhere too" if (other < 0 if way == "lower" else other > 0) else ""
    return Words(
        title,
        f"{words.capital(measured_in(panel))}, mean of each cohort in each {panel.period_word}, "
        "number of units in brackets",
        "In each picture the strong line is one cohort and the upright line its start. Compare it with the "
        "lines behind it: a change that they make as well is not the work of the start.",
    )


def _step(panel: Panel, values: Floats, start: int) -> float:
    """Mean from `start` on less the mean before it; NaN where a side has no value."""
    before, after = (
        values[side & ~np.isnan(values)] for side in (panel.periods < start, panel.periods >= start)
    )
    return float(after.mean() - before.mean()) if before.size and after.size else float("nan")


def _mean(panel: Panel, mask: Bools) -> Floats:
    values = panel.outcome[mask]
    known = ~np.isnan(values)
    weight = np.ones(int(mask.sum())) if panel.weight is None else panel.weight[mask]
    spread = np.where(known, weight[:, None], 0.0)
    below = spread if panel.exposure is None else np.where(known, spread * panel.exposure[mask], 0.0)
    total = np.where(known, values, 0.0) * spread
    scale = 1.0 if panel.exposure is None else 1000.0
    with np.errstate(invalid="ignore", divide="ignore"):
        mean: Floats = scale * total.sum(axis=0) / below.sum(axis=0)
    return mean


def measured_in(panel: Panel) -> str:
    """What the outcome of a panel is measured in, in words."""
    bare = words.spoken(panel.outcome_name)
    if panel.exposure is not None:
        return f"{bare} per 1,000 of the denominator"
    named = panel.scale not in ("", panel.outcome_name)
    return panel.scale if named else f"{bare}, in the unit of the data"


def _mark_starts(axes: Any, panel: Panel) -> None:
    starts = [int(g) for g in panel.cohorts]
    for g in starts:
        axes.axvline(g - 0.5, color=drawing.SOFT, linewidth=1.1, linestyle=(0, (2, 2)))
    if not starts:
        return
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.1 * (high - low))
    text = f"start {panel.label(starts[0])}"
    if len(starts) > 1:
        text = f"{len(starts)} starts, {panel.label(starts[0])} to {panel.label(starts[-1])}"
    drawing.note(axes, starts[0] - 0.5, text)


def ticks(axes: Any, panel: Panel, most: int) -> None:
    """Mark years where there are at least two, else periods, no more than `most`."""
    numbers = [int(p) for p in panel.periods]
    per_year = {"month": 12, "quarter": 4}.get(panel.period_kind, 0)
    years = [p for p in numbers if per_year and p % per_year == 0]
    chosen = years if len(years) >= 2 else numbers
    chosen = chosen[:: max(1, math.ceil(len(chosen) / most))]
    labels = [str(p // per_year) if chosen and len(years) >= 2 else panel.label(p) for p in chosen]
    axes.set_xticks(chosen, labels)


def turning_points(values: Floats, labels: Sequence[str]) -> str:
    """First and last value of a line, and in between its peak and its trough, each with its period."""
    known = np.flatnonzero(~np.isnan(values))
    peak, trough = (int(known[pick(values[known])]) for pick in (np.argmax, np.argmin))
    named = {int(known[0]): "", int(known[-1]): "", peak: "highest ", trough: "lowest "}
    if peak == trough:
        named[peak] = ""
    return ", ".join(f"{named[i]}{words.number(float(values[i]))} in {labels[i]}" for i in sorted(named))


def _alt(panel: Panel, lines: dict[str, Floats], about: str) -> str:
    first, last = panel.period_labels[0], panel.period_labels[-1]
    scale = measured_in(panel)
    bare = words.spoken(panel.outcome_name)
    measured = "" if scale in (about, bare) or scale.startswith(f"{bare}, ") else f", {scale},"
    parts = [f"{words.capital(about)}{measured} from {first} to {last}."]
    for name, values in lines.items():
        known = np.flatnonzero(~np.isnan(values))
        if known.size == 0:
            parts.append(f"{name}: no outcome.")
            continue
        parts.append(f"{name}: {turning_points(values, panel.period_labels)}.")
    starts = [panel.label(int(g)) for g in panel.cohorts]
    if starts:
        shown = (
            words.listed(starts)
            if len(starts) <= _SMALL
            else f"{len(starts)} starts, {starts[0]} to {starts[-1]}"
        )
        parts.append(f"Starts marked: {shown}.")
    return " ".join(parts)
