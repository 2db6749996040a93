"""The event-study figure: effects by time since the start, before and after."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from whatworks.errors import DesignError
from whatworks.present import drawing
from whatworks.present.figure import Figure, Words, slug
from whatworks.results import Result
from whatworks.shown import words
from whatworks.verdict import change_title

_REACH = 2.0
"""An interval end further from its estimate than this many usual intervals is wide does not set the scale."""

_STRAY = 3.0
"""So many times what chance leaves out still counts as chance: leads vary together."""

_COLUMNS = ("event_time", "estimate", "low", "high", "band_low", "band_high")


def event_study(result: Result, *, subject: str = "", period: str = "period") -> Figure:
    """Draw the effects of a result by event time, with intervals and, where there is one, the uniform band.

    Periods before the start are hollow, periods from the start on are filled; the reference period, which is
    zero by construction, is a cross. `period` is the word for one period (`month`).
    Raises `DesignError` where the effects carry no event time.
    """
    frame = by_event_time(result)
    subject = words.spoken(subject)
    with drawing.canvas() as canvas:
        axes = canvas.add_subplot()
        draw_effects(axes, frame, result.headline.scale, period)
        drawing.key(canvas)
        return drawing.finish(
            canvas,
            said=_said(frame, result, subject, period),
            name=slug("event_study", subject),
            each="effect",
            alt=_alt(frame, result, subject, period),
            table=_shown(frame, result),
        )


def by_event_time(result: Result) -> pd.DataFrame:
    """Event time, estimate, low, high, band_low and band_high of a result, in order; NaN where there is none.

    Raises `DesignError` where the effects carry no event time.
    """
    effects = result.effects
    if "event_time" not in effects.columns or effects["event_time"].isna().all():
        raise DesignError(
            "the effects carry no event time",
            where=f"event_study of {result.method}",
            remedy="Aggregate by event time first: did.aggregate(result, by='event_time').",
        )
    kept = effects[effects["event_time"].notna()].copy()
    for name in ("band_low", "band_high"):
        if name not in kept.columns:
            kept[name] = np.nan
    numbers = kept[list(_COLUMNS)].astype(float).sort_values("event_time", kind="stable")
    return numbers.assign(event_time=numbers["event_time"].astype("int64")).reset_index(drop=True)


def is_reference(frame: pd.DataFrame) -> pd.Series:
    """Which event times are the reference, zero by construction."""
    return (frame["estimate"] == 0) & (frame["low"].isna() | (frame["low"] == frame["high"]))


def is_cut(frame: pd.DataFrame) -> pd.Series:
    """Which event times have an interval so wide, against the usual one, that the drawing cuts it."""
    reach = _reach(frame)
    return (frame["estimate"] - frame["low"] > reach) | (frame["high"] - frame["estimate"] > reach)


def past_edge(frame: pd.DataFrame) -> str:
    """How many intervals the drawing cuts, in brackets; empty where it cuts none."""
    cut = int(is_cut(frame).sum())
    return f" ({cut} so wide that the drawing cuts {'it' if cut == 1 else 'them'} short)" if cut else ""


def draw_effects(axes: Any, frame: pd.DataFrame, scale: str, period: str) -> None:
    """Draw what `by_event_time` gave: intervals, band, hollow leads, filled effects, reference, start."""
    times = frame["event_time"].to_numpy(dtype=float)
    if frame["band_low"].notna().any():
        axes.fill_between(
            times,
            frame["band_low"].to_numpy(),
            frame["band_high"].to_numpy(),
            color=drawing.BAND,
            linewidth=0,
            label="Band for all at once",
        )
    axes.axhline(0, color=drawing.INK, linewidth=1)
    axes.axvline(-0.5, color=drawing.SOFT, linewidth=1.2, linestyle=(0, (4, 2)))
    marker = 4.5 if len(frame) <= 40 else 3.0
    reference = is_reference(frame)
    before = (frame["event_time"] < 0) & ~reference
    for rows, fill, name in ((before, "white", "Before the start"), (~before & ~reference, None, "After")):
        part = frame[rows]
        if part.empty:
            continue
        x, y = part["event_time"].to_numpy(dtype=float), part["estimate"].to_numpy()
        axes.vlines(x, part["low"].to_numpy(), part["high"].to_numpy(), color=drawing.FIRST, linewidth=1.3)
        axes.plot(
            x,
            y,
            linestyle="none",
            marker="o",
            markersize=marker,
            color=drawing.FIRST,
            markerfacecolor=fill or drawing.FIRST,
            label=name,
        )
    if reference.any():
        x = frame.loc[reference, "event_time"].to_numpy(dtype=float)
        axes.plot(
            x, np.zeros(len(x)), linestyle="none", marker="x", color=drawing.INK, label="Reference (zero)"
        )
    axes.yaxis.grid(True)
    drawing.along(axes, f"{period}s since the start")
    drawing.upright(axes, f"Effect: {scale or 'unit of the outcome'}")
    axes.xaxis.get_major_locator().set_params(integer=True)
    low, high = _inside(frame) if is_cut(frame).any() else axes.get_ylim()
    axes.set_ylim(low, high + 0.1 * (high - low))
    drawing.note(axes, -0.5, "start")


def _reach(frame: pd.DataFrame) -> float:
    return _REACH * float((frame["high"] - frame["low"])[~is_reference(frame)].median())


def _inside(frame: pd.DataFrame) -> tuple[float, float]:
    """Ends of a scale that shows every estimate and every interval that is not cut."""
    value, whole = frame["estimate"], frame[~is_cut(frame)]
    low = min(value.min(), whole["low"].min(), 0.0)
    high = max(value.max(), whole["high"].max(), 0.0)
    room = 0.05 * (high - low)
    return low - room, high + room


def without_interval(frame: pd.DataFrame) -> int:
    """How many periods have an estimate and no interval, the reference aside."""
    return int((frame["low"].isna() & ~is_reference(frame)).sum())


def off_before(frame: pd.DataFrame, level: float) -> bool:
    """Whether the leads part from zero by more than chance: a band for all at once that misses it once.

    Without a band: two or more intervals, and more than three times as many as chance leaves out.
    """
    leads = frame[(frame["event_time"] < 0) & ~is_reference(frame)]
    banded = leads["band_low"].notna().any()
    low, high = ("band_low", "band_high") if banded else ("low", "high")
    missed = (leads[low] > 0) | (leads[high] < 0)
    most = max(1.0, _STRAY * (1 - level) * len(leads))
    return bool(missed.any() if banded else missed.sum() > most)


def _said(frame: pd.DataFrame, result: Result, subject: str, period: str) -> Words:
    """The title is the average effect's: below or above no change, or not clear; it names leads that part."""
    also = ", but differed before it too" if off_before(frame, result.headline.level) else ""
    title, claim = change_title(
        result.headline, subject, changed=f"than expected after the start{also}", unclear="after the start"
    )
    bare = without_interval(frame)
    caption = (
        f"Effect{f' on {subject}' if subject else ''} by {period} since the start, "
        f"with {words.level(result.headline.level)} intervals{past_edge(frame)}"
    )
    if bare:
        caption += f"; {bare} {'has' if bare == 1 else 'have'} an estimate without an interval"
    reading = (
        f"Each mark is the difference from what was expected in that {period}, the line through it its "
        "interval. Before the start the lines should cross zero; after it, a line that does not cross zero "
        "is a change."
    )
    return Words(title, caption, reading, claim)


def _shown(frame: pd.DataFrame, result: Result) -> pd.DataFrame:
    kept = [name for name in _COLUMNS if frame[name].notna().any()]
    level = words.level(result.headline.level)
    names = {"low": f"{level} low", "high": f"{level} high"}
    return frame[kept].rename(columns=names)


def _alt(frame: pd.DataFrame, result: Result, subject: str, period: str) -> str:
    reference = is_reference(frame)
    first, last = (when(int(frame["event_time"].iloc[i]), period) for i in (0, -1))
    parts = [f"Effects{f' on {subject}' if subject else ''} for each {period} from {first} to {last}."]
    early = frame[(frame["event_time"] < 0) & ~reference]
    late = frame[(frame["event_time"] >= 0) & ~reference]
    for part, name in ((early, "Before the start"), (late, "From the start on")):
        if not part.empty:
            parts.append(f"{name}, {_described(part, result.headline.level)}")
    if reference.any():
        points = words.listed(when(int(e), period) for e in frame.loc[reference, "event_time"])
        parts.append(f"The reference, zero by construction, is {points}.")
    if frame["band_low"].notna().any():
        parts.append("A shaded band covers all periods at once.")
    return " ".join(parts)


def _described(part: pd.DataFrame, level: float) -> str:
    values = part["estimate"]
    text = (
        f"estimates lie between {words.number(values.min(), 2)} and {words.number(values.max(), 2)}"
        if len(part) > 1
        else f"the estimate is {words.number(values.iloc[0], 2)}"
    )
    known = part[part["low"].notna() & part["high"].notna()]
    if known.empty:
        return f"{text}, without intervals."
    bare = len(part) - len(known)
    text += f" ({bare} without an interval)" if bare else ""
    inside = int(((known["low"] <= 0) & (known["high"] >= 0)).sum())
    return f"{text}; {inside} of {len(known)} {words.level(level)} intervals include zero."


def when(event_time: int, period: str) -> str:
    """An event time in words: `3 months before`."""
    if event_time == 0:
        return f"the {period} of the start"
    many = "" if abs(event_time) == 1 else "s"
    return f"{abs(event_time)} {period}{many} {'before' if event_time < 0 else 'after'}"
