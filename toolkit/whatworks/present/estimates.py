"""The estimates figure: the primary outcome and the secondary ones on one axis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from whatworks.present import drawing
from whatworks.present.figure import Figure, slug
from whatworks.results import Estimate, NotAvailable, Result
from whatworks.shown import words


@dataclass(frozen=True, slots=True)
class _Line:
    label: str
    secondary: bool
    estimate: Estimate
    relative: Estimate | NotAvailable


def estimates(results: Result | Mapping[str, Result], *, subject: str = "") -> Figure:
    """Draw headline estimates with their intervals, primary outcomes filled and first, secondary hollow.

    Primary and secondary are named where there can be both.

    `results` is one result, with its secondary outcomes, or several by label. The axis is percent change
    where any outcome has one, else the first outcome's unit; an outcome that does not fit the axis is not
    drawn, and the table and the description say why.
    """
    lines = _lines(results, subject)
    percent = any(_drawable(line.relative) for line in lines)
    mixed = isinstance(results, Result) or any(line.secondary for line in lines)
    scale = "percent change" if percent else lines[0].estimate.scale
    rows = [_row(line, percent, scale) for line in lines]
    levels = list(dict.fromkeys(words.level(line.estimate.level) for line in lines))
    table = pd.DataFrame(rows, columns=["outcome", "role", "estimate", "low", "high", "reason"])
    if (table["reason"] == "").all():
        table = table.drop(columns="reason")
    caption = f"Estimated change, {scale}, with {words.listed(levels)} intervals"
    shown = [row for row in rows if isinstance(row[2], float) and isinstance(row[3], float)]
    with drawing.canvas(0.95 + 0.38 * max(len(shown), 1)) as canvas:
        axes = canvas.add_subplot()
        axes.axvline(0, color=drawing.INK, linewidth=1)
        for y, (_, role, value, low, high, _) in enumerate(shown):
            first = role == "primary"
            colour = drawing.FIRST if first else drawing.SECOND
            axes.plot([low, high], [y, y], color=colour, linewidth=2.4 if first else 1.6)
            axes.plot(
                value,
                y,
                marker="o" if first else "s",
                markersize=7 if first else 6,
                color=colour,
                markerfacecolor=colour if first else "white",
            )
        axes.set_ylim(max(len(shown), 1) - 0.5, -0.5)
        labels = [f"{row[0]}\n({row[1]})" if mixed else row[0] for row in shown]
        axes.set_yticks(range(len(shown)), labels)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.xaxis.grid(True)
        axes.set_xlabel(words.capital(scale))
        return drawing.finish(
            canvas,
            name=slug("estimates", subject),
            each="outcome",
            caption=caption,
            alt=_alt(rows, percent, mixed),
            table=table,
        )


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


def _row(line: _Line, percent: bool, scale: str) -> tuple[str, str, object, object, object, str]:
    role = "secondary" if line.secondary else "primary"
    chosen = line.relative if percent else line.estimate
    if isinstance(chosen, NotAvailable):
        return (line.label, role, None, None, None, chosen.reason)
    if not percent and chosen.scale != scale:
        return (line.label, role, None, None, None, f"in another unit: {chosen.scale}")
    numbers = (chosen.value, chosen.low, chosen.high)
    reasons = [number.reason for number in numbers if isinstance(number, NotAvailable)]
    value, low, high = (None if isinstance(number, NotAvailable) else number for number in numbers)
    return (line.label, role, value, low, high, reasons[0] if reasons else "")


def _alt(rows: list[tuple[str, str, object, object, object, str]], percent: bool, mixed: bool) -> str:
    unit = "%" if percent else ""
    parts = []
    for name, role, value, low, high, reason in rows:
        label = f"{name} ({role})" if mixed else name
        if isinstance(value, float) and isinstance(low, float) and isinstance(high, float):
            inside = "includes" if low <= 0 <= high else "does not include"
            known = [value, low, high]
            decimals = words.percent_decimals(known) if percent else words.unit_decimals(known)
            middle, least, most = (f"{words.fixed(number, decimals)}{unit}" for number in known)
            parts.append(f"{label}: {middle}, interval {least} to {most}, which {inside} zero.")
        else:
            parts.append(f"{label} is not drawn. {words.sentence(reason)}")
    return " ".join(parts)
