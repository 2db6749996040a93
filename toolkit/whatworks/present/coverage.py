"""The coverage figure: which months of which source are there, in part, or missing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from whatworks.errors import OptionError, first_few
from whatworks.present import drawing
from whatworks.present.figure import Figure, Words, slug
from whatworks.shown import words

STATES = ("present", "partial", "missing")
_LOOK: dict[str, dict[str, Any]] = {
    "present": {"facecolor": drawing.FIRST, "edgecolor": drawing.PAPER},
    "partial": {"facecolor": drawing.PART, "edgecolor": drawing.INK, "hatch": "////"},
    "missing": {"facecolor": drawing.PAPER, "edgecolor": drawing.INK},
}
_LONGEST = 48
_READING = (
    "Each row is a source and each stretch of it some months: filled where they are there, hatched where "
    "there in part, empty where missing. An effect cannot be seen in months that are not there."
)


def coverage(source: Any, *, subject: str = "") -> Figure:
    """Draw which months are present, partial or missing, one row a source.

    `source` is a table with the columns `source`, `month` (YYYY-MM) and `state`, or anything that carries one
    as `.coverage` (a tidy table of police counts). Present is filled, partial hatched, missing an empty box
    with a cross. A month between the first and the last that no row speaks of counts as missing.
    Raises `OptionError` for another table or an unknown state.
    """
    frame = _grid(source)
    runs = _runs(frame)
    table = pd.DataFrame(runs, columns=["source", "first month", "last month", "months", "state"])
    spoken = words.spoken(subject)
    caption = f"Months covered by the data{f' on {spoken}' if spoken else ''}, one row a source"
    sources, months = list(frame.index), list(frame.columns)
    with drawing.canvas(min(1.2 + 0.5 * len(sources), 14.0)) as canvas:
        axes = canvas.add_subplot()
        for name, first, _, length, state in runs:
            row, column = sources.index(name), months.index(first)
            axes.bar(column - 0.5, 0.4, length, row - 0.1, align="edge", linewidth=0.6, **_LOOK[state])
            if state == "missing":
                middle = column + (length - 1) / 2
                axes.plot(middle, row + 0.1, marker="x", color=drawing.INK, markersize=4, markeredgewidth=1)
        drawing.rows(axes, [_short(name) for name in sources])
        axes.xaxis.grid(False)
        axes.set_xlim(-0.7, len(months) - 0.3)
        ticks = [i for i, month in enumerate(months) if month.endswith("-01")]
        ticks = ticks if len(ticks) >= 2 else list(range(len(months)))
        ticks = ticks[:: max(1, -(-len(ticks) // 5))]
        yearly = all(months[i].endswith("-01") for i in ticks)
        axes.set_xticks(ticks, [months[i][:4] if yearly else months[i] for i in ticks])
        axes.tick_params(length=0)
        axes.spines["bottom"].set_visible(False)
        _legend(axes, set(frame.to_numpy().ravel()))
        return drawing.finish(
            canvas,
            said=Words(_title(frame), caption, _READING),
            name=slug("coverage", subject),
            each="period",
            alt=_alt(frame),
            table=table,
        )


def _grid(source: Any) -> pd.DataFrame:
    rows = source if isinstance(source, pd.DataFrame) else getattr(source, "coverage", None)
    if not isinstance(rows, pd.DataFrame) or not {"source", "month", "state"} <= set(rows.columns):
        raise OptionError(
            "this carries no coverage: a table with the columns source, month and state",
            where="present.coverage",
            remedy="Give the tidy table a reader returned, or its .coverage.",
        )
    odd = sorted(set(rows["state"]) - set(STATES))
    if odd or rows.empty:
        raise OptionError(
            f"unknown states {odd}" if odd else "the coverage table is empty",
            where="present.coverage",
            remedy=f"The states are {', '.join(STATES)}.",
        )
    grid = rows.pivot(index="source", columns="month", values="state").sort_index()
    span = pd.period_range(grid.columns.min(), grid.columns.max(), freq="M").astype(str)
    filled: pd.DataFrame = grid.reindex(columns=span).astype(object)
    return filled.where(filled.notna(), "missing")


def _runs(frame: pd.DataFrame) -> list[tuple[str, str, str, int, str]]:
    return [run for name in frame.index for run in _source_runs(str(name), frame.loc[name])]


def _source_runs(name: str, states: Any) -> Iterator[tuple[str, str, str, int, str]]:
    months, values = list(states.index), list(states)
    begin = 0
    for i in range(1, len(values) + 1):
        if i == len(values) or values[i] != values[begin]:
            yield name, months[begin], months[i - 1], i - begin, values[begin]
            begin = i


def _legend(axes: Any, states: set[str]) -> None:
    from matplotlib.patches import Patch

    handles = [
        Patch(label="missing ×" if state == "missing" else state, linewidth=0.6, **_LOOK[state])
        for state in STATES
        if state in states
    ]
    drawing.key(axes.figure, 3, handles=handles)


def _short(name: object) -> str:
    text = str(name)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _title(frame: pd.DataFrame) -> str:
    """How many months of all sources together are missing or there in part."""
    missing, part = (int((frame == state).to_numpy().sum()) for state in ("missing", "partial"))
    if not missing and not part:
        return "Every month is there"
    lacks = [f"{count} {word}" for count, word in ((missing, "missing"), (part, "there in part")) if count]
    return f"Of {frame.size:,} months of data, {words.listed(lacks)}"


def _alt(frame: pd.DataFrame) -> str:
    months = list(frame.columns)
    parts = [
        f"Grid of {len(frame)} {'source' if len(frame) == 1 else 'sources'} by {len(months)} months, "
        f"{months[0]} to {months[-1]}."
    ]
    if (frame == "present").all(axis=None):
        return f"{parts[0]} Every month is present."
    for state in ("missing", "partial"):
        where = (frame == state).to_numpy().nonzero()
        cells = [f"{frame.index[i]} {months[j]}" for i, j in zip(*where, strict=True)]
        if cells:
            parts.append(f"{words.capital(state)}: {first_few(cells, 6)}.")
    return " ".join(parts)
