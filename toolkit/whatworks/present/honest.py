"""The sensitivity figure: the interval at each bound on how far trends may have parted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import pandas as pd

from whatworks.present import drawing
from whatworks.present.figure import Figure, Words, slug
from whatworks.present.said import said as why
from whatworks.results import NotAvailable, Number
from whatworks.shown import Note, words
from whatworks.verdict import UNCLEAR, side

_AXES = {
    "relative_magnitudes": "M: largest step of the trend after the start, in multiples of the largest before",
    "smoothness": "M: largest change of the trend's slope from one period to the next",
}
_UNTIL = {
    "relative_magnitudes": "trends part by {} times their largest earlier step",
    "smoothness": "the trend's slope changes by {} a period",
}
_READING = (
    "From left to right the trends of treated and comparison areas are allowed to part further. An upright "
    "line that crosses zero no longer shows a change; the further to the right that happens, the firmer "
    "the finding."
)


class Bounds(Protocol):
    """What `did.honest` returns, as far as the figure reads it."""

    @property
    def restriction(self) -> str:
        """`relative_magnitudes` or `smoothness`."""

    @property
    def meaning(self) -> str:
        """The restriction in words."""

    @property
    def table(self) -> pd.DataFrame:
        """m, low, high, reason."""

    @property
    def low(self) -> float:
        """Lower end as if trends were parallel."""

    @property
    def high(self) -> float:
        """Upper end as if trends were parallel."""

    @property
    def estimate(self) -> float:
        """The estimate as if trends were parallel."""

    @property
    def breakdown(self) -> Number:
        """The least M whose interval includes zero."""

    @property
    def level(self) -> float:
        """Coverage of the intervals."""

    @property
    def scale(self) -> str:
        """The unit of the outcome."""

    @property
    def weights(self) -> Mapping[int, float]:
        """Event time to weight."""


def honest(bounds: Bounds | NotAvailable, *, subject: str = "") -> Figure | Note:
    """Draw the interval at each bound M, the interval under parallel trends at the left, and the breakdown.

    The left interval is in the second colour with a square; the breakdown value is a broken line. Where there
    are no bounds, a note says why.
    """
    if isinstance(bounds, NotAvailable):
        return why(bounds)
    spoken = words.spoken(subject)
    with drawing.canvas(3.6) as canvas:
        axes = canvas.add_subplot()
        _draw(axes, bounds)
        return drawing.finish(
            canvas,
            said=_said(bounds, spoken),
            name=slug("honest", subject),
            each="assumption",
            alt=_alt(bounds),
            table=_table(bounds),
        )


def _said(bounds: Bounds, subject: str) -> Words:
    """The title is how far trends may part before the interval includes zero, if it ever left it out."""
    caption = (
        f"{words.level(bounds.level)} intervals{f' for {subject}' if subject else ''} when trends are not "
        f"parallel, {bounds.scale or 'in the unit of the outcome'}"
    )
    claim = side(bounds.low, bounds.high)
    known = bounds.table.dropna(subset=["low", "high"])
    if not claim:
        title = f"{words.capital(UNCLEAR)} in {subject or 'the outcome'}, even if trends were parallel"
    elif not isinstance(bounds.breakdown, NotAvailable):
        title = f"Change clear until {_UNTIL[bounds.restriction].format(words.number(bounds.breakdown, 2))}"
    elif len(known) and ((known["low"] > 0) | (known["high"] < 0)).all():
        title = "The change stays clear at every bound drawn"
    else:
        title = ""
    return Words(title, caption, _READING, claim if title else "")


def _draw(axes: Any, bounds: Bounds) -> None:
    known = bounds.table.dropna(subset=["low", "high"])
    m = known["m"].to_numpy()
    step = float(m[1] - m[0]) if len(m) > 1 else 1.0
    left = float(bounds.table["m"].min()) - step
    axes.axhline(0, color=drawing.INK, linewidth=1)
    axes.vlines(m, known["low"].to_numpy(), known["high"].to_numpy(), color=drawing.FIRST, linewidth=2.2)
    axes.vlines([left], [bounds.low], [bounds.high], color=drawing.SECOND, linewidth=2.2)
    axes.plot([left], [bounds.estimate], marker="s", linestyle="none", color=drawing.SECOND)
    ticks = known["m"].iloc[:: max(1, len(known) // 5)].tolist()
    axes.set_xticks([left, *ticks], ["parallel", *(f"{value:.3g}" for value in ticks)])
    if not isinstance(bounds.breakdown, NotAvailable) and side(bounds.low, bounds.high):
        axes.axvline(bounds.breakdown, color=drawing.SOFT, linewidth=1.2, linestyle=(0, (4, 2)))
        drawing.note(axes, bounds.breakdown, f"no longer clear from {words.number(bounds.breakdown, 2)}")
        low, high = axes.get_ylim()
        axes.set_ylim(low, high + 0.12 * (high - low))
    axes.yaxis.grid(True)
    drawing.along(axes, _AXES[bounds.restriction])
    drawing.upright(axes, f"Effect: {bounds.scale or 'unit of the outcome'}")


def _table(bounds: Bounds) -> pd.DataFrame:
    first = pd.DataFrame({"m": ["parallel trends"], "low": [bounds.low], "high": [bounds.high]})
    rest = bounds.table.astype({"m": object})
    table = pd.concat([first, rest], ignore_index=True)
    table["reason"] = table["reason"].fillna("")
    return table if (table["reason"] != "").any() else table.drop(columns="reason")


def _alt(bounds: Bounds) -> str:
    known = bounds.table.dropna(subset=["low", "high"])
    parts = [
        f"Intervals under the assumption that {bounds.meaning}.",
        f"If trends were parallel: {_ends(bounds.low, bounds.high)}.",
    ]
    ends = known.iloc[[0, -1]] if len(known) > 1 else known
    parts += [
        f"At M = {words.number(row['m'], 2)}: {_ends(row['low'], row['high'])}." for _, row in ends.iterrows()
    ]
    if isinstance(bounds.breakdown, NotAvailable):
        parts.append(words.sentence(bounds.breakdown.reason))
    else:
        parts.append(f"The interval includes zero from M = {words.number(bounds.breakdown, 2)}.")
    return " ".join(parts)


def _ends(low: float, high: float) -> str:
    return f"{words.number(low)} to {words.number(high)}"
