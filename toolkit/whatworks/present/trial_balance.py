"""The balance figure: how far apart the arms were before the start, one dot a variable."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import pandas as pd

from whatworks.present import drawing
from whatworks.present.figure import Figure, Words, slug
from whatworks.present.said import said
from whatworks.results import NotAvailable, Number
from whatworks.shown import Note, words

MARKS = ("o", "s", "^", "D")
USUAL = 0.1
"""A tenth of a standard deviation, drawn for the eye; no verdict hangs on it."""


SIZE = 0.05
"""Below it the one test of all variables together counts as more than chance."""

_READING = (
    "Each mark is how far an arm was from the control arm before anything was done. Chance alone puts "
    "marks on both sides of zero; many far out on one side would speak against the draw."
)


class Balance(Protocol):
    """What `rct.balance` returns, as far as a drawing needs it; see there."""

    @property
    def table(self) -> pd.DataFrame:
        """variable, arm, standardised and more."""

    @property
    def p_value(self) -> Number:
        """Of all variables together."""


def trial_balance(found: Balance | NotAvailable, *, subject: str = "") -> Figure | Note:
    """Draw standardised differences between arms before the start, and say what the one test of all found.

    A variable without such a difference is not drawn; the table and the description say why. Where nothing
    was known beforehand, a note says so instead.
    """
    if isinstance(found, NotAvailable):
        return said(found)
    table = found.table
    names, arms = list(dict.fromkeys(table["variable"])), list(dict.fromkeys(table["arm"]))
    caption = (
        "Arm less control arm before the start, in standard deviations; the band is a tenth of one either way"
    )
    reach = float(np.nanmax(np.abs(table["standardised"].to_numpy(dtype=float)), initial=2 * USUAL)) * 1.15
    with drawing.canvas(1.1 + 0.48 * len(names)) as canvas:
        axes = canvas.add_subplot()
        axes.axvspan(-USUAL, USUAL, color=drawing.BAND, linewidth=0)
        axes.axvline(0, color=drawing.INK, linewidth=1)
        for at, arm in enumerate(arms):
            mine = table[table["arm"] == arm]
            axes.plot(
                mine["standardised"],
                [names.index(name) for name in mine["variable"]],
                linestyle="none",
                marker=MARKS[at % len(MARKS)],
                markersize=7,
                color=(drawing.FIRST, drawing.SECOND)[at % 2],
                markerfacecolor=drawing.PAPER
                if at % 4 in (2, 3)
                else (drawing.FIRST, drawing.SECOND)[at % 2],
                label=arm,
            )
        drawing.rows(axes, [words.capital(words.spoken(name)) for name in names])
        axes.set_xlim(-reach, reach)
        drawing.along(axes, "Arm less control arm, in standard deviations")
        if len(arms) > 1:
            drawing.key(canvas)
        return drawing.finish(
            canvas,
            said=Words(_title(found), caption, _READING),
            name=slug("trial_balance", subject),
            each="variable",
            alt=_alt(found, len(arms) > 1),
            table=table if (table["reason"] != "").any() else table.drop(columns="reason"),
        )


def _title(found: Balance) -> str:
    """What the one test of all variables together says; without it, how far the furthest mark lies."""
    if isinstance(found.p_value, NotAvailable):
        furthest = np.abs(found.table["standardised"].to_numpy(dtype=float))
        if np.isnan(furthest).all():
            return ""
        return (
            f"Arms differed by up to {words.fixed(float(np.nanmax(furthest)), 2)} standard deviations before"
        )
    if found.p_value < SIZE:
        return f"Arms differed before the start more than chance does ({words.p_phrase(found.p_value)})"
    return f"Arms differed before the start no more than by chance ({words.p_phrase(found.p_value)})"


def _alt(found: Balance, several: bool) -> str:
    parts = []
    for row in found.table.to_dict(orient="records"):
        name = words.capital(words.spoken(str(row["variable"])))
        name = f"{name} ({row['arm']})" if several else name
        if np.isnan(row["standardised"]):
            parts.append(f"{name} is not drawn: {row['reason']}.")
        else:
            parts.append(f"{name}: {words.fixed(float(row['standardised']), 2)}.")
    return f"{' '.join(parts)} All variables together: {words.p_phrase(found.p_value)}."
