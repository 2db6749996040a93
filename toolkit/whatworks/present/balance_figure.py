"""How far apart the arms of a trial were beforehand, variable by variable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from whatworks.present import drawing, words
from whatworks.present.figure import Figure, slug
from whatworks.present.note import Note, said
from whatworks.results import NotAvailable

if TYPE_CHECKING:
    from whatworks.rct.balance import BalanceTest

USUAL: Final = 0.25
"""Standard deviations; larger differences are worth a sentence (Imbens & Rubin 2015, section 14.2)."""

CAPTION: Final = "The arms before the start"
_MARKS: Final = ("o", "s", "^", "D", "v")


def balance_figure(found: BalanceTest | NotAvailable, *, subject: str = "") -> Figure | Note:
    """Draw the standardised differences of a balance test, largest first, or say why there is none.

    One point a variable and treatment arm, in standard deviations; the shaded strip marks a quarter of one.
    """
    if isinstance(found, NotAvailable):
        return said(found)
    rows = found.table.assign(
        label=found.table["variable"].map(words.spoken),
        size=found.table["standardised"].astype(float).abs(),
    )
    order = rows.groupby("label")["size"].max().sort_values(ascending=False, kind="stable").index.tolist()
    arms = list(dict.fromkeys(rows["arm"]))
    with drawing.canvas(1.3 + 0.38 * len(order)) as canvas:
        axes = canvas.subplots()
        _draw(axes, rows, order, arms)
        return drawing.finish(
            canvas,
            name=slug("balance", subject),
            caption=CAPTION,
            alt=_alt(found, rows, arms),
            table=found.table.drop(columns=["reason"], errors="ignore"),
        )


def _draw(axes: Any, rows: pd.DataFrame, order: list[str], arms: list[str]) -> None:
    axes.axvspan(-USUAL, USUAL, color=drawing.BAND, alpha=0.5, linewidth=0)
    axes.axvline(0, color=drawing.INK, linewidth=1)
    colours = (drawing.FIRST, drawing.SECOND, drawing.INK)
    for place, arm in enumerate(arms):
        here = rows[(rows["arm"] == arm) & np.isfinite(rows["size"])]
        axes.plot(
            here["standardised"].astype(float),
            [order.index(label) for label in here["label"]],
            linestyle="none",
            marker=_MARKS[place % len(_MARKS)],
            markersize=7,
            color=colours[place % len(colours)],
            label=arm,
        )
    reach = max(float(rows["size"].max(skipna=True)), USUAL) * 1.15
    axes.set_xlim(-reach, reach)
    axes.set_ylim(len(order) - 0.5, -0.5)
    axes.set_yticks(range(len(order)), order)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.xaxis.grid(True)
    axes.set_xlabel("Difference from the control arm, in standard deviations")
    if len(arms) > 1:
        axes.legend(frameon=False, loc="lower right")


def _alt(found: BalanceTest, rows: pd.DataFrame, arms: list[str]) -> str:
    known = rows[np.isfinite(rows["size"])]
    if known.empty:
        return f"No difference can be drawn: {found.p_value}."
    largest = known.loc[known["size"].idxmax()]
    value = words.signed(float(largest["standardised"]), 2)
    test = (
        f"No joint test: {found.p_value.reason}."
        if isinstance(found.p_value, NotAvailable)
        else f"Chance parts the arms as far, all variables together, with {words.p_phrase(found.p_value)}."
    )
    where = f" in {largest['arm']}" if len(arms) > 1 else ""
    beyond = int((known["size"] > USUAL).sum())
    return (
        f"{len(known)} standardised differences from the control arm; the largest is {value} standard "
        f"deviations ({largest['label']}{where}). {beyond} lie beyond a quarter of one. {test}"
    )
