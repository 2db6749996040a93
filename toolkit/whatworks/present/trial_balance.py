"""The balance figure: how far apart the arms were before the start, one dot a variable."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import pandas as pd

from whatworks.present import drawing
from whatworks.present.figure import Figure, slug
from whatworks.present.said import said
from whatworks.results import NotAvailable, Number
from whatworks.shown import Note, words

MARKS = ("o", "s", "^", "D")
USUAL = 0.1
"""A tenth of a standard deviation, drawn for the eye; no verdict hangs on it."""


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
    caption = "The arms before the start; the band is a tenth of a standard deviation either way"
    reach = float(np.nanmax(np.abs(table["standardised"].to_numpy(dtype=float)), initial=2 * USUAL)) * 1.15
    with drawing.canvas(1.1 + 0.34 * len(names)) as canvas:
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
                markerfacecolor="white" if at % 4 in (2, 3) else (drawing.FIRST, drawing.SECOND)[at % 2],
                label=arm,
            )
        axes.set_yticks(range(len(names)), [words.capital(words.spoken(name)) for name in names])
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.set_xlim(-reach, reach)
        axes.tick_params(axis="y", length=0)
        axes.xaxis.grid(True)
        axes.set_xlabel("Arm less control arm, in standard deviations")
        if len(arms) > 1:
            canvas.legend(frameon=False, loc="outside upper right", ncols=len(arms))
        return drawing.finish(
            canvas,
            name=slug("trial_balance", subject),
            each="variable",
            caption=caption,
            alt=_alt(found, len(arms) > 1),
            table=table if (table["reason"] != "").any() else table.drop(columns="reason"),
        )


def _alt(found: Balance, several: bool) -> str:
    parts = []
    for row in found.table.to_dict(orient="records"):
        name = f"{row['variable']} ({row['arm']})" if several else str(row["variable"])
        if np.isnan(row["standardised"]):
            parts.append(f"{name} is not drawn: {row['reason']}.")
        else:
            parts.append(f"{name}: {words.fixed(float(row['standardised']), 2)}.")
    return f"{' '.join(parts)} All variables together: {words.p_phrase(found.p_value)}."
