"""What a trial could find, drawn: power against the effect, and the smallest effect against the size."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import pandas as pd

from whatworks.present import drawing
from whatworks.present.figure import Figure, Words, slug
from whatworks.present.said import said
from whatworks.results import NotAvailable, Number
from whatworks.shown import Note, words


class Found(Protocol):
    """What `rct.power` and `rct.power_by_simulation` return, as far as the figures read it."""

    @property
    def curve(self) -> pd.DataFrame:
        """effect, power; mc_error where simulated."""

    @property
    def sizes(self) -> pd.DataFrame:
        """The count in its first column, mde, reason."""

    @property
    def mde(self) -> Number:
        """The smallest effect found with probability `wanted`."""

    @property
    def wanted(self) -> float:
        """The probability that counts as enough."""

    @property
    def count(self) -> int:
        """How large the trial is."""

    @property
    def counted(self) -> str:
        """In what."""

    @property
    def label(self) -> str:
        """The effect, for an axis."""

    @property
    def percent(self) -> bool:
        """Whether effects are shown times 100."""

    @property
    def sentence(self) -> str:
        """What was found."""


def power_curve(found: Found, *, subject: str = "") -> Figure:
    """Draw the probability of finding an effect against its size, marked where it becomes enough.

    Simulated points carry bars of two Monte Carlo errors either way.

    Args:
        found: what `rct.power` or `rct.power_by_simulation` returned.
        subject: what is counted.
    """
    spoken = words.spoken(subject)
    about = f" on {spoken}" if spoken else ""
    caption = f"Times in 100 that the trial would find an effect{about}, by its size ({found.label.lower()})"
    effect = _shown(found, found.curve["effect"].to_numpy(dtype=float))
    power = 100 * found.curve["power"].to_numpy(dtype=float)
    with drawing.canvas(3.5) as canvas:
        axes = canvas.add_subplot()
        _curve(axes, found, effect, power)
        _wanted(axes, found)
        axes.set_ylim(0, 103)
        axes.set_xlim(0, effect.max() * 1.02)
        axes.set_yticks([0, 20, 40, 60, 80, 100])
        axes.yaxis.grid(True)
        drawing.along(axes, found.label)
        drawing.upright(axes, "Found, times in 100")
        return drawing.finish(
            canvas,
            said=Words(_title(found), caption, _CURVE_READING),
            name=slug("power_curve", subject),
            each="effect",
            alt=_curve_alt(found, effect, power),
            table=found.curve,
        )


def power_sizes(found: Found, *, subject: str = "") -> Figure | Note:
    """Draw the smallest effect that would be found against the size of the trial, the planned size marked.

    A simulation knows one size only; a note then says so.
    """
    known = found.sizes.dropna(subset=["mde"]) if len(found.sizes) else found.sizes
    if not len(known):
        return said(NotAvailable("no size of this trial is known to find an effect often enough"))
    spoken = words.spoken(subject)
    caption = (
        f"The smallest effect{f' on {spoken}' if spoken else ''} found, by the number of {found.counted}"
    )
    count, mde = known.iloc[:, 0].to_numpy(dtype=float), _shown(found, known["mde"].to_numpy(dtype=float))
    with drawing.canvas(3.5) as canvas:
        axes = canvas.add_subplot()
        axes.plot(count, mde, color=drawing.FIRST, marker="o", markersize=4)
        if not isinstance(found.mde, NotAvailable):
            here = float(_shown(found, np.array([found.mde]))[0])
            axes.plot([found.count], [here], **_MARK)
            text = f"{found.count:,}: {words.number(here, 2)}{_sign(found)}"
            axes.annotate(
                text, (found.count, here), xytext=(8, 8), textcoords="offset points", color=drawing.INK
            )
        axes.set_ylim(0, mde.max() * 1.1)
        axes.set_xlim(0, count.max() * 1.04)
        axes.yaxis.grid(True)
        drawing.along(axes, found.counted)
        drawing.upright(axes, found.label)
        return drawing.finish(
            canvas,
            said=Words(_title(found, f"With {found.count:,} {found.counted} "), caption, _SIZES_READING),
            name=slug("power_sizes", subject),
            each="size",
            alt=_sizes_alt(found, count, mde),
            table=known.drop(columns="reason"),
        )


_CURVE_READING = (
    "Follow the curve to the right: the larger the effect, the more often the trial finds it. Effects to the "
    "left of the diamond would be missed more often than the broken line allows."
)
_SIZES_READING = (
    "Follow the line to the right: the larger the trial, the smaller the effect that it finds. The diamond "
    "is the trial as planned."
)


def _title(found: Found, size: str = "") -> str:
    """The smallest effect found often enough; empty where there is none."""
    if isinstance(found.mde, NotAvailable):
        return ""
    at = float(_shown(found, np.array([found.mde]))[0])
    often = words.number(100 * found.wanted, 2)
    effect = f"{'an' if size else 'An'} effect of {words.number(at, 2)}{_sign(found)}"
    return f"{size}{effect} is found {often} times in 100"


_MARK: dict[str, Any] = {
    "marker": "D",
    "markersize": 8,
    "linestyle": "none",
    "color": drawing.SECOND,
    "zorder": 5,
}


def _curve(axes: Any, found: Found, effect: Any, power: Any) -> None:
    if "mc_error" not in found.curve:
        axes.plot(effect, power, color=drawing.FIRST)
        return
    bars = 200 * found.curve["mc_error"].to_numpy(dtype=float)
    axes.errorbar(effect, power, yerr=bars, color=drawing.FIRST, marker="o", markersize=4, elinewidth=1.2)


def _wanted(axes: Any, found: Found) -> None:
    """The line at the power that counts as enough, and where the curve meets it."""
    wanted = 100 * found.wanted
    axes.axhline(wanted, color=drawing.SOFT, linewidth=1.2, linestyle=(0, (4, 2)))
    if isinstance(found.mde, NotAvailable):
        return
    at = float(_shown(found, np.array([found.mde]))[0])
    axes.plot([at], [wanted], **_MARK)
    axes.annotate(
        f"{words.number(at, 2)}{_sign(found)}",
        (at, wanted),
        xytext=(8, -6),
        textcoords="offset points",
        va="top",
        color=drawing.INK,
    )


def _shown(found: Found, effect: Any) -> Any:
    """Effects without their sign, which the label names, times 100 where they are shares."""
    return np.abs(effect) * (100 if found.percent else 1)


def _sign(found: Found) -> str:
    return "%" if found.percent and "percent" in found.label and "points" not in found.label else ""


def _curve_alt(found: Found, effect: Any, power: Any) -> str:
    picks = [int(np.argmin(np.abs(effect - effect.max() * share))) for share in (0.25, 0.5, 0.75, 1.0)]
    said_at = "; ".join(
        f"{words.number(float(effect[i]), 2)}: {words.number(float(power[i]), 2)}"
        for i in dict.fromkeys(picks)
    )
    level = words.number(100 * found.wanted, 2)
    return (
        f"{found.sentence} The curve of times found in 100 rises with the effect ({found.label.lower()}), "
        f"at {said_at}. A line marks {level} in 100."
    )


def _sizes_alt(found: Found, count: Any, mde: Any) -> str:
    pairs = "; ".join(f"{c:,.0f}: {words.number(float(m), 2)}" for c, m in zip(count, mde, strict=True))
    return (
        f"{found.sentence} The smallest effect found ({found.label.lower()}) falls as the number of "
        f"{found.counted} grows, at {pairs}."
    )
