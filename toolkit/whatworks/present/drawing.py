"""The one look of every figure: a canvas with our defaults, and its SVG."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import StringIO
from typing import Any

import pandas as pd

from whatworks.present import svg
from whatworks.present.figure import Figure, Words
from whatworks.shown import words

INK = "#1a1d21"
SOFT = "#50575e"
GRID = "#d9dde1"
FIRST = "#00539b"
SECOND = "#b04300"
BAND = "#c9dbee"
BEHIND = "#868e96"
PART = "#f3d9a4"
PAPER = "#ffffff"
COLOURS = (INK, SOFT, GRID, FIRST, SECOND, BAND, BEHIND, PART, PAPER)
"""Every colour of a drawing; the style sheet of the pages has a dark one for each."""

WIDTH = 4.7
"""Inches: 338.4 units of the SVG, no more than a phone's page has pixels between its margins."""

LETTERS = 11.0
"""Size of every word in a drawing, in units: 11 pixels on a phone, about the size of the text on a screen."""

_LOOK: dict[str, Any] = {
    "svg.hashsalt": "whatworks",
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": LETTERS,
    "axes.titlesize": LETTERS,
    "legend.fontsize": LETTERS,
    "legend.title_fontsize": LETTERS,
    "legend.handlelength": 1.8,
    "legend.columnspacing": 1.2,
    "legend.borderpad": 0.1,
    "legend.borderaxespad": 0.2,
    "text.color": INK,
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


def upright(axes: Any, text: str) -> None:
    """What the upright axis measures, written level above it, in lines that fit the drawing."""
    axes.set_title(broken(text), loc="left", color=INK)


def broken(text: str, letters: int = 48) -> str:
    """A label with a capital first, in lines of so many letters."""
    return "\n".join(textwrap.wrap(words.capital(text), letters))


def along(axes: Any, text: str, letters: int = 44) -> None:
    """What the level axis measures, in lines of so many letters."""
    axes.set_xlabel(broken(text, letters))


def key(canvas: Any, most: int = 2, **given: Any) -> None:
    """What the marks mean, above the drawing, in up to `most` columns."""
    canvas.legend(loc="outside upper left", ncols=most, frameon=False, **given)


def rows(axes: Any, labels: Sequence[str], *, bold: Sequence[int] = ()) -> None:
    """A row for each label, its words level above its mark, so that the marks have the whole width."""
    axes.set_ylim(len(labels) - 0.6, -0.75)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.xaxis.grid(True)
    for y, text in enumerate(labels):
        shown = axes.annotate(
            text,
            (0, y),
            xytext=(0, 7),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            ha="left",
            va="bottom",
            fontweight="bold" if y in bold else "normal",
            bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 0.6},
            annotation_clip=False,
            zorder=3,
        )
        # a long name may run on beyond its axes; it is not to make them smaller
        shown.set_in_layout(False)


def note(axes: Any, x: float, text: str) -> None:
    """Words at the top of a drawing, beside the line at `x`, on the side that has more room."""
    low, high = axes.get_xlim()
    side = "left" if x - low < high - x else "right"
    axes.annotate(
        text,
        (x, 1),
        xytext=(4 if side == "left" else -4, 0),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        ha=side,
        va="top",
        color=SOFT,
    )


def finish(drawn: Any, *, said: Words, name: str, alt: str, table: pd.DataFrame, each: str) -> Figure:
    """The finished figure: drawing, words and numbers together. Call it inside `canvas`.

    `each` says what a row of `table` stands for, a word of `shown.EACH`.
    """
    buffer = StringIO()
    drawn.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = svg.finish(buffer.getvalue(), name=name, title=said.caption, alt=alt)
    return Figure(svg=text, alt=alt, table=table.reset_index(drop=True), said=said, name=name, each=each)
