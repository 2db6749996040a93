"""The comparison figure: the same question answered by every method, on one scale."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import pandas as pd

from whatworks.present import drawing
from whatworks.present.figure import Figure, slug
from whatworks.present.said import said
from whatworks.results import RATE_RATIO, NotAvailable
from whatworks.shown import Note, words

PERCENT = "Percent change"
_PERCENT = {"estimate": "relative", "low": "relative_low", "high": "relative_high"}


class Answers(Protocol):
    """What `did.compare` and `synth.compare` return."""

    @property
    def table(self) -> pd.DataFrame:
        """One row a method."""

    @property
    def own(self) -> str | NotAvailable:
        """The row of the study's own result."""

    @property
    def sentences(self) -> tuple[str, ...]:
        """Whether the others say what the study says."""

    @property
    def suggested(self) -> str | NotAvailable:
        """The method that the design suggests."""

    @property
    def scale(self) -> str:
        """The unit of the methods that subtract."""

    @property
    def level(self) -> float:
        """Coverage of the intervals."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know, in sentences."""


def comparison(answers: Answers | NotAvailable, *, subject: str = "") -> Figure | Note:
    """Draw every method's estimate and interval, one row a method, the study's own filled.

    Without a result of a study the suggested one is filled. A method that asks something else than the study
    is named so.

    Methods that subtract share the axis of the outcome's unit. Where rate ratios stand in the table, a second
    axis shows all in percent, since they cannot stand on the first. The table and the description name
    every method that is not drawn and say why. Where there is no comparison, a note says why.
    """
    if isinstance(answers, NotAvailable):
        return said(answers)
    shown = answers.table[answers.table["estimand"] != ""].reset_index(drop=True)
    filled = answers.suggested if isinstance(answers.own, NotAvailable) else answers.own
    ratios = bool((shown["scale"] == RATE_RATIO).any())
    unit = words.capital(words.spoken(answers.scale) or "unit of the outcome")
    spoken = words.spoken(subject)
    caption = (
        f"The same question{f' about {spoken}' if spoken else ''}, every answer: {len(shown)} methods with "
        f"{words.level(answers.level)} intervals"
    )
    with drawing.canvas(1.0 + 0.5 * len(shown), width=drawing.WIDTH * 1.25) as canvas:
        panes = canvas.subplots(1, 1 + ratios, sharey=True, squeeze=False)[0]
        _pane(panes[0], shown[shown["scale"] != RATE_RATIO], filled, unit)
        if ratios:
            percent = shown.drop(columns=list(_PERCENT)).rename(
                columns={old: new for new, old in _PERCENT.items()}
            )
            _pane(panes[1], percent, filled, PERCENT)
        _names(panes[0], shown, answers, filled)
        return drawing.finish(
            canvas,
            name=slug("comparison", subject),
            each="way of answering",
            caption=caption,
            alt=_alt(answers, shown, ratios),
            table=_table(answers),
        )


def _pane(axes: Any, rows: pd.DataFrame, filled: str | NotAvailable, unit: str) -> None:
    axes.axvline(0, color=drawing.INK, linewidth=1)
    values = rows["estimate"].dropna().tolist()
    decimals = min(words.percent_decimals(values), 1) if unit == PERCENT else words.unit_decimals(values) + 1
    for y, row in rows.iterrows():
        if np.isfinite(row["estimate"]):
            _line(axes, y, row, row["method"] == filled, words.fixed(row["estimate"], decimals))
    axes.xaxis.grid(True)
    axes.set_xlabel(drawing.side_label(unit))
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)


def _line(axes: Any, y: Any, row: Any, ours: bool, number: str) -> None:
    """One method: its interval, its estimate and the number above it."""
    colour = drawing.FIRST if ours else drawing.INK
    known = bool(np.isfinite(row["low"]) and np.isfinite(row["high"]))
    if known:
        axes.plot([row["low"], row["high"]], [y, y], color=colour, linewidth=2.6 if ours else 1.4)
    if ours:
        axes.axvline(row["estimate"], color=colour, linewidth=0.9, linestyle=(0, (1, 2)), zorder=0.5)
    axes.plot(
        row["estimate"],
        y,
        marker="o",
        markersize=8 if ours else 6.5,
        color=colour,
        markerfacecolor=colour if ours else "white",
        markeredgewidth=1.5,
    )
    axes.annotate(
        number if known else f"{number}, no interval",
        (row["estimate"], y),
        xytext=(0, 6),
        textcoords="offset points",
        ha="center",
        va="bottom",
        fontsize=8.5,
        color=colour if ours else drawing.SOFT,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
        zorder=1,
    )


def _names(axes: Any, shown: pd.DataFrame, answers: Answers, filled: str | NotAvailable) -> None:
    axes.set_ylim(len(shown) - 0.5, -0.65)
    labels = axes.set_yticks(range(len(shown)), [_label(row, answers) for row in shown.to_dict("records")])
    for label, name in zip(labels, shown["method"], strict=True):
        label.label1.set_fontweight("bold" if name == filled else "normal")


def marks(row: Mapping[Any, Any], answers: Answers) -> str:
    """What a row is besides a method's answer: this study's, the suggested one, or another question's."""
    kinds = {
        "this study": bool(row["this_study"]),
        "suggested": row["method"] == answers.suggested,
        "another question": str(row["asks_otherwise"]).startswith("Another question"),
    }
    return ", ".join(kind for kind, holds in kinds.items() if holds)


def _label(row: Mapping[Any, Any], answers: Answers) -> str:
    plain = str(row["method"]).removeprefix("did.").replace("(not_yet)", "(not yet)")
    marked = marks(row, answers)
    return f"{plain}\n({marked})" if marked else plain


def _table(answers: Answers) -> pd.DataFrame:
    columns = ["method", "scale", "estimate", "low", "high", "relative", "relative_low", "relative_high"]
    table = answers.table[[*columns, "comparison", "asks_otherwise", "reason"]]
    table.insert(1, "marked", [marks(row, answers) for row in answers.table.to_dict("records")])
    return table.rename(
        columns={"relative": "percent", "relative_low": "percent_low", "relative_high": "percent_high"}
    )


def _alt(answers: Answers, shown: pd.DataFrame, ratios: bool) -> str:
    additive = shown[shown["scale"] != RATE_RATIO]
    parts = []
    if len(additive):
        low, high = additive["estimate"].min(), additive["estimate"].max()
        decimals = words.unit_decimals([low, high]) + 1
        lowest, highest = (additive.loc[additive["estimate"] == end, "method"].iloc[0] for end in (low, high))
        parts.append(
            f"{len(additive)} methods answer from {words.fixed(low, decimals)} ({lowest}) to "
            f"{words.fixed(high, decimals)} ({highest}), {answers.scale or 'in the unit of the outcome'}."
        )
    known = shown["low"].notna() & shown["high"].notna()
    null = np.where(shown["scale"] == RATE_RATIO, 1.0, 0.0)
    inside = int((known & (shown["low"] <= null) & (shown["high"] >= null)).sum())
    parts.append(f"{inside} of {int(known.sum())} {words.level(answers.level)} intervals include no effect.")
    without = shown.loc[~known, "method"].tolist()
    if without:
        parts.append(f"No interval: {words.listed(without)}.")
    if ratios:
        rows = shown.loc[shown["scale"] == RATE_RATIO, ["method", "relative"]].itertuples(index=False)
        says = [
            f"{name} says {words.signed(change, words.percent_decimals([change]))}%" for name, change in rows
        ]
        parts.append(f"In percent, {', '.join(says)}.")
    if isinstance(answers.own, str):
        parts.append(f"Filled: {answers.own}, this study.")
    elif isinstance(answers.suggested, str):
        parts.append(f"Filled: {answers.suggested}, which the design suggests.")
    parts.extend(answers.sentences)
    gone = answers.table.loc[answers.table["estimand"] == "", "method"].tolist()
    if gone:
        parts.append(f"Not drawn, since the design does not permit them: {words.listed(gone)}.")
    return " ".join(parts)
