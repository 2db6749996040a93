"""The effects figure: the parts of an answer, each with its interval, on the axis of the whole."""

from __future__ import annotations

import pandas as pd

from whatworks.present import drawing
from whatworks.present.figure import Figure, Words, slug
from whatworks.present.said import said
from whatworks.results import RATE_RATIO, NotAvailable, Result
from whatworks.shown import Note, words
from whatworks.verdict import change_title

_READING = (
    "The filled mark is the answer of the study, the hollow ones its parts; the line through a mark is its "
    "interval. Where it crosses the upright line, no change is not ruled out."
)

OTHER_SCALE = ", log of the ratio"
"""Ending of the rows that stand on another scale than the headline."""


def effect_rows(result: Result, *, subject: str = "") -> Figure | Note:
    """Draw every row of the effects table on the headline's scale, the first filled, the others hollow.

    Rows without an interval, and those on the log scale of a rate ratio, are left to the table.
    Where none can be drawn a note says so.
    """
    effects = result.effects
    same = ~effects["term"].str.endswith(OTHER_SCALE)
    shown = effects[same & effects[["estimate", "low", "high"]].notna().all(axis=1)]
    if shown.empty:
        return said(NotAvailable("no effect has an interval to draw"))
    ratio = result.headline.scale == RATE_RATIO
    null, level = result.headline.null, words.level(result.headline.level)
    subject = words.spoken(subject)
    title, claim = change_title(result.headline, subject, changed="than without the intervention", unclear="")
    unit = "rate ratios" if ratio else result.headline.scale or "in the unit of the outcome"
    caption = f"Effects{f' on {subject}' if subject else ''}, {unit}, with {level} intervals"
    with drawing.canvas(0.8 + 0.46 * len(shown)) as canvas:
        axes = canvas.add_subplot()
        axes.axvline(null, color=drawing.INK, linewidth=1)
        for y, row in enumerate(shown.itertuples()):
            first = y == 0
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
        drawing.rows(axes, [words.capital(term) for term in shown["term"]])
        axes.locator_params(axis="x", nbins=6, steps=[1, 2, 5, 10])
        drawing.along(axes, "Rate ratio; 1 is no change" if ratio else result.headline.scale)
        return drawing.finish(
            canvas,
            said=Words(title, caption, _READING, claim),
            name=slug("effect_rows", subject),
            each="effect",
            alt=_alt(shown, null, ratio),
            table=shown[["term", "estimate", "low", "high"]].reset_index(drop=True),
        )


def _alt(shown: pd.DataFrame, null: float, ratio: bool) -> str:
    numbers = shown[["estimate", "low", "high"]].to_numpy(dtype=float)
    decimals = 2 if ratio else words.unit_decimals(numbers.ravel().tolist())
    parts = []
    for term, (value, low, high) in zip(shown["term"], numbers.tolist(), strict=True):
        inside = "includes" if low <= null <= high else "does not include"
        middle, least, most = (words.fixed(number, decimals) for number in (value, low, high))
        parts.append(
            f"{words.capital(term)}: {middle}, interval {least} to {most}, which {inside} no change."
        )
    return " ".join(parts)
