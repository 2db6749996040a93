"""The trend that the leads would have missed, drawn against the leads and effects themselves."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import pandas as pd

from whatworks.present import drawing
from whatworks.present.event_study import by_event_time, draw_effects, is_cut, is_reference, past_edge
from whatworks.present.figure import Figure, Words, slug
from whatworks.results import Result
from whatworks.shown import words

_READING = (
    "Each line through the reference is a straight drift that a test of the periods before the start would "
    "notice as often as its name says. Where it runs near the marks after the start, drift alone could "
    "explain them."
)

_STROKES: tuple[Any, ...] = ((0, (1.5, 1.8)), "solid", (0, (6, 2)), (0, (6, 2, 1.5, 2)))


class Power(Protocol):
    """What `did.pretrend_power` returns, as far as the figure reads it."""

    @property
    def table(self) -> pd.DataFrame:
        """power, slope, bias, bias_if_passed."""

    @property
    def n_leads(self) -> int:
        """Leads tested."""

    @property
    def size(self) -> float:
        """How often the test rejects without any trend."""

    @property
    def estimate(self) -> float:
        """The headline that the bias is compared with."""


def pretrend_power(
    found: Power,
    result: Result,
    *,
    window: tuple[int, int] | None = None,
    subject: str = "",
    period: str = "period",
) -> Figure:
    """Draw the straight trends that the test of the leads notices, each with its power, over the effects.

    The trends run through the reference, in the direction of the estimate, so that the reader sees how much
    of the effect a drift could be that the leads would hardly have shown.

    Args:
        found: what `did.pretrend_power` returned.
        result: the result that it was computed from.
        window: first and last event time to draw, as given to `did.pretrend_power`; all unless given.
        subject: what was counted.
        period: the word for one period (`month`).

    Raises:
        DesignError: the effects carry no event time.

    Source: Roth (2022), American Economic Review: Insights 4(3), figure 1.
    """
    frame = by_event_time(result)
    if window is not None:
        frame = frame[frame["event_time"].between(*window)].reset_index(drop=True)
    spoken = words.spoken(subject)
    about = f" on {spoken}" if spoken else ""
    caption = f"Effects{about}, and the straight trends that a test of the leads would notice so often"
    if is_cut(frame).any():
        caption += f"; intervals{past_edge(frame)}"
    trends = _trends(found, frame)
    with drawing.canvas(3.8) as canvas:
        axes = canvas.add_subplot()
        draw_effects(axes, frame, result.headline.scale, period)
        _draw(axes, frame["event_time"].to_numpy(dtype=float), found, trends)
        drawing.key(canvas)
        return drawing.finish(
            canvas,
            said=Words(_title(found), caption, _READING),
            name=slug("pretrend_power", subject),
            each="assumption",
            alt=_alt(found, result, period),
            table=_table(frame, found, trends),
        )


def _title(found: Power) -> str:
    """Whether the trend noticed most often would make up half of the estimate in panels that pass."""
    most = found.table.sort_values("power").iloc[-1]
    half = abs(float(most["bias_if_passed"])) >= abs(found.estimate) / 2
    often = _share(float(most["power"]))
    if half:
        return f"A drift noticed in {often} of cases could be half the effect"
    return f"A drift noticed in {often} of cases is under half the effect"


def _trends(found: Power, frame: pd.DataFrame) -> list[np.ndarray[Any, np.dtype[np.float64]]]:
    """Each trend at each event time, in the direction of the estimate."""
    references = frame.loc[is_reference(frame) & (frame["event_time"] < 0), "event_time"]
    distance = frame["event_time"].to_numpy(dtype=float) - float(references.max() if len(references) else -1)
    side = -1.0 if found.estimate < 0 else 1.0
    return [side * slope * distance for slope in found.table["slope"].astype(float)]


def _draw(axes: Any, times: Any, found: Power, trends: list[Any]) -> None:
    for at, (power, trend) in enumerate(zip(found.table["power"].astype(float), trends, strict=True)):
        axes.plot(
            times,
            trend,
            color=drawing.SECOND,
            linestyle=_STROKES[at % len(_STROKES)],
            label=f"Noticed {_share(power)}",
        )


def _table(frame: pd.DataFrame, found: Power, trends: list[Any]) -> pd.DataFrame:
    shown = frame[["event_time", "estimate", "low", "high"]].copy()
    for power, trend in zip(found.table["power"].astype(float), trends, strict=True):
        shown[f"trend noticed with {_share(power)}"] = trend
    return shown


def _alt(found: Power, result: Result, period: str) -> str:
    scale = result.headline.scale
    unit = f" ({scale})" if scale else ""
    many = f"{found.n_leads} leads" if found.n_leads > 1 else "one lead"
    parts = [
        f"Effects before and after the start with the straight trends that a test of {many} would notice. "
        f"Without any trend the test rejects in {_share(found.size)} of cases."
    ]
    for _, row in found.table.iterrows():
        slope, bias = (words.number(float(row[name]), 2) for name in ("slope", "bias"))
        left = words.number(float(row["bias_if_passed"]), 2)
        parts.append(
            f"A trend of {slope} a {period}{unit} is noticed with probability {_share(float(row['power']))}; "
            f"it would move the estimate of {words.number(found.estimate, 2)} by {bias} either way, and by "
            f"{left} in the panels whose leads pass the test."
        )
    return " ".join(parts)


def _share(value: float) -> str:
    return words.level(round(value, 3))
