"""The decomposition figure: every comparison of two groups, its weight against its estimate."""

from __future__ import annotations

from typing import Protocol

import pandas as pd

from whatworks.present import drawing
from whatworks.present.figure import Figure, Words, slug
from whatworks.present.said import said
from whatworks.results import NotAvailable
from whatworks.shown import Note, words

_LOOKS = (
    ("treated vs untreated", drawing.FIRST, "o", None),
    ("earlier vs later", drawing.FIRST, "^", "white"),
    ("later vs earlier", drawing.SECOND, "x", None),
)


_READING = (
    "Each mark is one comparison of two groups; the further to the right, the more it counts in the broken "
    "line. Crosses compare with areas treated already, which can turn an effect around: the more they "
    "weigh, the less the two-way coefficient is worth."
)


class Decomposition(Protocol):
    """What `did.bacon` returns: `table`, `by_type`, `coefficient` and `scale` are read."""

    @property
    def table(self) -> pd.DataFrame:
        """One row a comparison."""

    @property
    def by_type(self) -> pd.DataFrame:
        """One row a type of comparison."""

    @property
    def coefficient(self) -> float:
        """The two-way coefficient."""

    @property
    def scale(self) -> str:
        """The unit of the outcome."""


def bacon(decomposition: Decomposition | NotAvailable, *, subject: str = "") -> Figure | Note:
    """Draw the estimate of each comparison of two groups against its weight in the two-way coefficient.

    Comparisons with units already treated are crosses in the second colour; the coefficient is a broken line.
    Where there is no decomposition, a note says why.
    """
    if isinstance(decomposition, NotAvailable):
        return said(decomposition)
    spoken = words.spoken(subject)
    table = decomposition.table
    scale = decomposition.scale or "unit of the outcome"
    caption = (
        f"Weight and estimate of each comparison of two groups{f' for {spoken}' if spoken else ''}, "
        f"estimates in {scale}"
    )
    with drawing.canvas(3.7) as canvas:
        axes = canvas.add_subplot()
        axes.axhline(0, color=drawing.INK, linewidth=1)
        axes.axhline(
            decomposition.coefficient,
            color=drawing.SOFT,
            linewidth=1.2,
            linestyle=(0, (4, 2)),
            label="Two-way coefficient",
        )
        for kind, colour, marker, fill in _LOOKS:
            part = table[table["type"] == kind]
            if len(part):
                axes.plot(
                    part["weight"].to_numpy(),
                    part["estimate"].to_numpy(),
                    linestyle="none",
                    marker=marker,
                    color=colour,
                    markerfacecolor=fill or colour,
                    label=words.capital(kind) + (" (treated already)" if kind == "later vs earlier" else ""),
                )
        axes.set_xlim(left=0)
        axes.yaxis.grid(True)
        drawing.along(axes, "Weight")
        drawing.upright(axes, f"Estimate: {scale}")
        drawing.key(canvas, 1)
        return drawing.finish(
            canvas,
            said=Words(_title(decomposition), caption, _READING),
            name=slug("bacon", subject),
            each="comparison",
            alt=_alt(decomposition),
            table=table.drop(columns="already_treated"),
        )


def _title(decomposition: Decomposition) -> str:
    """How much of the coefficient compares with units already treated."""
    kinds = decomposition.by_type
    weight = float(kinds.loc[kinds.iloc[:, 0] == "later vs earlier", kinds.columns[2]].sum())
    if weight == 0:
        return "No comparison is with areas treated already"
    share = words.fixed(100 * weight, words.percent_decimals([100 * weight]))
    return f"{share}% of the weight compares with areas treated already"


def _alt(decomposition: Decomposition) -> str:
    parts = [
        f"{len(decomposition.table)} comparisons make up the two-way coefficient of "
        f"{words.number(decomposition.coefficient)}."
    ]
    for kind, count, weight, mean in decomposition.by_type.itertuples(index=False, name=None):
        which = decomposition.table.loc[decomposition.table["type"] == kind, "estimate"]
        spread = (
            f", estimates from {words.number(which.min())} to {words.number(which.max())}"
            if count > 1
            else ""
        )
        already = " (units already treated serve as comparison)" if kind == "later vs earlier" else ""
        parts.append(
            f"{words.capital(kind)}{already}: {count} with {words.fixed(100 * weight, 1)}% of the weight, "
            f"mean {words.number(mean)}{spread}."
        )
    return " ".join(parts)
