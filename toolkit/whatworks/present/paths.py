"""Figures of the raw outcome over time: treated and comparison means, and each cohort by itself."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from whatworks.arrays import Bools, Floats
from whatworks.panel import NEVER, Panel
from whatworks.present import drawing
from whatworks.present.figure import Figure, slug
from whatworks.shown import words

_SMALL = 6


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
    caption = f"{words.capital(about)} in treated and comparison areas over time"
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
        _dress(axes, panel)
        axes.figure.legend(loc="outside lower center", ncols=2, frameon=False)
        table = pd.DataFrame({"period": panel.period_labels, **lines})
        return drawing.finish(
            canvas,
            name=slug("paths", subject),
            each="period",
            caption=caption,
            alt=_alt(panel, lines, about),
            table=table,
        )


def cohort_paths(panel: Panel, *, subject: str = "") -> Figure:
    """Draw the mean outcome of each cohort in a small picture of its own, the others in grey behind it.

    Never-treated units, and units that start after the window, come last.
    """
    about = words.spoken(subject or panel.outcome_name)
    groups = {f"Start {panel.label(int(g))}": panel.start == g for g in panel.cohorts}
    rest = ~np.isin(panel.start, panel.cohorts)
    if rest.any():
        groups["Never treated" if (panel.start[rest] == NEVER).all() else "Not treated in the window"] = rest
    lines = {f"{name} ({int(mask.sum())})": _mean(panel, mask) for name, mask in groups.items()}
    caption = f"{words.capital(about)} by cohort over time, number of units in brackets"
    columns = min(3, max(1, len(lines)))
    rows = math.ceil(len(lines) / columns)
    with drawing.canvas(0.9 + 1.35 * rows) as canvas:
        grid = canvas.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
        starts = [int(g) for g in panel.cohorts]
        for i, (axes, name) in enumerate(zip(grid, lines, strict=False)):
            for other, values in lines.items():
                if other != name:
                    axes.plot(panel.periods, values, color=drawing.BEHIND, linewidth=0.6)
            axes.plot(panel.periods, lines[name], color=drawing.FIRST, linewidth=1.6)
            if i < len(starts):
                axes.axvline(starts[i] - 0.5, color=drawing.INK, linewidth=1.1, linestyle=(0, (4, 2)))
            axes.set_title(name, fontsize=9, loc="left")
            ticks(axes, panel, 3)
            axes.yaxis.grid(True)
        for axes in grid[len(lines) :]:
            axes.set_visible(False)
        canvas.supylabel(drawing.side_label(_scale(panel), 26 if rows == 1 else 40), fontsize=9.5)
        table = pd.DataFrame({"period": panel.period_labels, **lines})
        return drawing.finish(
            canvas,
            name=slug("cohort_paths", subject),
            each="period",
            caption=caption,
            alt=_alt(panel, lines, about),
            table=table,
        )


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


def _scale(panel: Panel) -> str:
    if panel.exposure is None:
        return panel.scale or words.spoken(panel.outcome_name)
    return f"{words.spoken(panel.outcome_name)} per 1,000 of the denominator"


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
    drawing.note(axes, starts[0] - 0.5, text, "right")


def _dress(axes: Any, panel: Panel) -> None:
    axes.set_ylabel(drawing.side_label(_scale(panel)))
    axes.yaxis.grid(True)
    ticks(axes, panel, _SMALL)


def ticks(axes: Any, panel: Panel, most: int) -> None:
    """Mark years where there are at least two, else periods, no more than `most`."""
    numbers = [int(p) for p in panel.periods]
    per_year = {"month": 12, "quarter": 4}.get(panel.period_kind, 0)
    years = [p for p in numbers if per_year and p % per_year == 0]
    chosen = years if len(years) >= 2 else numbers
    chosen = chosen[:: max(1, math.ceil(len(chosen) / most))]
    labels = [str(p // per_year) if chosen and len(years) >= 2 else panel.label(p) for p in chosen]
    axes.set_xticks(chosen, labels)


def _alt(panel: Panel, lines: dict[str, Floats], about: str) -> str:
    first, last = panel.period_labels[0], panel.period_labels[-1]
    scale = _scale(panel)
    measured = "" if scale == about else f", {scale},"
    parts = [f"{words.capital(about)}{measured} from {first} to {last}."]
    for name, values in lines.items():
        known = np.flatnonzero(~np.isnan(values))
        if known.size == 0:
            parts.append(f"{name}: no outcome.")
            continue
        start, end = values[known[0]], values[known[-1]]
        parts.append(
            f"{name}: {words.number(float(start))} in {panel.period_labels[known[0]]}, "
            f"{words.number(float(end))} in {panel.period_labels[known[-1]]}."
        )
    starts = [panel.label(int(g)) for g in panel.cohorts]
    if starts:
        shown = (
            words.listed(starts)
            if len(starts) <= _SMALL
            else f"{len(starts)} starts, {starts[0]} to {starts[-1]}"
        )
        parts.append(f"Starts marked: {shown}.")
    return " ".join(parts)
