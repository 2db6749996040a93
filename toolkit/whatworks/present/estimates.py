"""The estimates figure: the primary outcome and the secondary ones on one axis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import pandas as pd

from whatworks.present import drawing
from whatworks.present.figure import Figure, Words, slug
from whatworks.results import Estimate, NotAvailable, Result
from whatworks.shown import words
from whatworks.verdict import change_title

PERCENT = "percent change"


@dataclass(frozen=True, slots=True)
class _Row:
    """An outcome as it is drawn, or why it is not."""

    outcome: str
    role: str
    estimate: float | None
    low: float | None
    high: float | None
    scale: str
    reason: str

    @property
    def drawn(self) -> bool:
        """Whether it has an estimate with both ends of an interval."""
        return None not in (self.estimate, self.low, self.high)

    @property
    def label(self) -> str:
        """Its name with its role."""
        return f"{self.outcome} ({self.role})"


@dataclass(frozen=True, slots=True)
class _Line:
    label: str
    secondary: bool
    estimate: Estimate
    relative: Estimate | NotAvailable


def estimates(results: Result | Mapping[str, Result], *, subject: str = "", unit: str = "") -> Figure:
    """Draw headline estimates with their intervals, primary outcomes filled and first, secondary hollow.

    Primary and secondary are named where there can be both. Outcomes share an axis in percent change where
    any has one; one that has none is not drawn, and the table and the description say why. Where none has,
    each unit has an axis of its own.

    Args:
        results: one result, with its secondary outcomes, or several by label.
        subject: what was measured.
        unit: the unit of the first outcome in words, where a change is better told in it than in percent.
    """
    lines = _lines(results, subject)
    percent = not unit and any(_drawable(line.relative) for line in lines)
    mixed = isinstance(results, Result) or any(line.secondary for line in lines)
    rows = [_row(line, percent) for line in lines]
    if unit:
        rows = [replace(row, scale=unit) if row.scale == rows[0].scale else row for row in rows]
    table = pd.DataFrame([asdict(row) for row in rows])
    if (table["reason"] == "").all():
        table = table.drop(columns="reason")
    shown = [row for row in rows if row.drawn]
    scales = list(dict.fromkeys(row.scale for row in shown))
    levels = list(dict.fromkeys(words.level(line.estimate.level) for line in lines))
    said = _said(lines, f"Estimated change, {words.listed(scales)}, with {words.listed(levels)} intervals")
    with drawing.canvas(0.3 + 0.5 * len(scales) + 0.5 * max(len(shown), 1)) as canvas:
        groups = [[row for row in shown if row.scale == scale] for scale in scales]
        sizes = [0.5 + len(group) for group in groups] or [1.0]
        panes = canvas.subplots(len(sizes), 1, squeeze=False, height_ratios=sizes).ravel()
        for axes, group in zip(panes, groups, strict=False):
            _pane(axes, group, mixed)
        return drawing.finish(
            canvas,
            said=said,
            name=slug("estimates", subject),
            each="outcome",
            alt=_alt(rows, mixed),
            table=table,
        )


def _pane(axes: Any, rows: list[_Row], mixed: bool) -> None:
    """The outcomes of one scale, a row each."""
    axes.axvline(0, color=drawing.INK, linewidth=1)
    for y, row in enumerate(rows):
        first = row.role == "primary"
        colour = drawing.FIRST if first else drawing.SECOND
        axes.plot([row.low, row.high], [y, y], color=colour, linewidth=2.4 if first else 1.6)
        axes.plot(
            row.estimate,
            y,
            marker="o" if first else "s",
            markersize=7 if first else 6,
            color=colour,
            markerfacecolor=colour if first else drawing.PAPER,
        )
    drawing.rows(axes, [row.label if mixed else row.outcome for row in rows])
    axes.locator_params(axis="x", nbins=6, steps=[1, 2, 5, 10])
    drawing.along(axes, rows[0].scale)


def _said(lines: list[_Line], caption: str) -> Words:
    """The title speaks of the first primary outcome alone: none other is to be picked out afterwards."""
    first = lines[0]
    name = (
        first.label if first.label in ("", "Primary outcome") else first.label[:1].lower() + first.label[1:]
    )
    title, claim = change_title(
        first.estimate,
        name.replace("Primary", "the primary"),
        changed="than without the intervention",
        unclear="",
    )
    reading = (
        "Each mark is an estimated change and the line through it its interval. A line that crosses zero "
        "means that no change is ruled out."
    )
    if any(line.secondary for line in lines):
        reading += " Hollow marks are secondary outcomes: none can stand in for the filled one."
    return Words(title, caption, reading, claim)


def _lines(results: Result | Mapping[str, Result], subject: str) -> list[_Line]:
    given = (
        {words.capital(words.spoken(subject)) or "Primary outcome": results}
        if isinstance(results, Result)
        else results
    )
    lines = [_Line(name, False, result.headline, result.relative) for name, result in given.items()]
    for result in given.values():
        lines += [
            _Line(words.capital(words.spoken(s.outcome)), True, s.estimate, s.relative)
            for s in result.secondary
        ]
    return lines


def _drawable(estimate: Estimate | NotAvailable) -> bool:
    return isinstance(estimate, Estimate) and not any(
        isinstance(number, NotAvailable) for number in (estimate.value, estimate.low, estimate.high)
    )


def _row(line: _Line, percent: bool) -> _Row:
    chosen = line.relative if percent else line.estimate
    role = "secondary" if line.secondary else "primary"
    if isinstance(chosen, NotAvailable):
        return _Row(line.label, role, None, None, None, PERCENT, chosen.reason)
    numbers = (chosen.value, chosen.low, chosen.high)
    reasons = [number.reason for number in numbers if isinstance(number, NotAvailable)]
    value, low, high = (None if isinstance(number, NotAvailable) else number for number in numbers)
    scale = PERCENT if percent else words.spoken(chosen.scale) or "unit of the outcome"
    return _Row(line.label, role, value, low, high, scale, reasons[0] if reasons else "")


def _alt(rows: list[_Row], mixed: bool) -> str:
    several = len({row.scale for row in rows}) > 1
    parts = []
    for row in rows:
        label = row.label if mixed else row.outcome
        if not row.drawn:
            parts.append(f"{label} is not drawn. {words.sentence(row.reason)}")
            continue
        known = [float(number) for number in (row.estimate, row.low, row.high) if number is not None]
        inside = "includes" if known[1] <= 0 <= known[2] else "does not include"
        percent = row.scale == PERCENT
        decimals = words.percent_decimals(known) if percent else words.unit_decimals(known)
        middle, least, most = (f"{words.fixed(n, decimals)}{'%' if percent else ''}" for n in known)
        unit = f" ({row.scale})" if several else ""
        parts.append(f"{label}{unit}: {middle}, interval {least} to {most}, which {inside} zero.")
    return " ".join(parts)
