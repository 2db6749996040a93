"""The one look of every figure: a canvas with our defaults, and its SVG."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from typing import Any

import pandas as pd

from whatworks.present import svg
from whatworks.present.figure import Figure

INK = "#1a1d21"
SOFT = "#5b6269"
GRID = "#d9dde1"
FIRST = "#00539b"
SECOND = "#b04300"
BAND = "#c9dbee"
BEHIND = "#868e96"
WIDTH = 5.8

_LOOK: dict[str, Any] = {
    "svg.hashsalt": "whatworks",
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 10.5,
    "axes.edgecolor": SOFT,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.unicode_minus": True,
    "axes.axisbelow": True,
    "axes.formatter.useoffset": False,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "hatch.linewidth": 0.8,
    "hatch.color": INK,
    "lines.linewidth": 1.8,
}


@contextmanager
def canvas(height: float = 3.4, *, width: float = WIDTH) -> Iterator[Any]:
    """A blank matplotlib figure in our look, whatever the session's own settings; sizes in inches."""
    import matplotlib
    from matplotlib.figure import Figure as Canvas

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_LOOK)
        yield Canvas(figsize=(width, height), layout="constrained")


def side_label(text: str, width: int = 30) -> str:
    """A label for the upright axis, broken into lines that fit its height."""
    return "\n".join(textwrap.wrap(text, width))


def note(axes: Any, x: float, text: str, side: str) -> None:
    """Words at the top of a drawing, their `left` or `right` end at the line at `x`."""
    gap = 4 if side == "left" else -4
    axes.annotate(
        text,
        (x, 1),
        xytext=(gap, 0),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        ha=side,
        va="top",
        color=SOFT,
    )


def finish(drawn: Any, *, name: str, caption: str, alt: str, table: pd.DataFrame, each: str) -> Figure:
    """The finished figure: drawing, words and numbers together. Call it inside `canvas`.

    `each` says what a row of `table` stands for, a word of `shown.EACH`.
    """
    buffer = StringIO()
    drawn.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = svg.finish(buffer.getvalue(), name=name, title=caption, alt=alt)
    return Figure(
        svg=text, alt=alt, table=table.reset_index(drop=True), caption=caption, name=name, each=each
    )
