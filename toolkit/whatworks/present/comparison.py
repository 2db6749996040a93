"""The comparison figure: the same question answered by every method, on one scale."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import pandas as pd

from whatworks.present import drawing
from whatworks.present.figure import Figure, Words, slug
from whatworks.present.said import said
from whatworks.results import RATE_RATIO, NotAvailable
from whatworks.shown import Note, words
from whatworks.verdict import UNCLEAR

PERCENT = "Percent change"
_PERCENT = {"estimate": "relative", "low": "relative_low", "high": "relative_high"}


_READING = (
    "Each row is a way of answering the same question, its mark the answer and its line the interval; the "
    "filled one is this study's, or what the design suggests. Rows that agree make the answer firmer; a row "
    "that crosses zero is not clear by itself."
)


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
    with drawing.canvas(0.9 + 0.46 * len(shown)) as canvas:
        panes = canvas.subplots(1, 1 + ratios, sharey=True, squeeze=False)[0]
        _pane(panes[0], shown[shown["scale"] != RATE_RATIO], filled, unit)
        if ratios:
            percent = shown.drop(columns=list(_PERCENT)).rename(
                columns={old: new for new, old in _PERCENT.items()}
            )
            _pane(panes[1], percent, filled, PERCENT)
        ours = [i for i, name in enumerate(shown["method"]) if name == filled]
        drawing.rows(panes[0], _labels(shown, answers, ratios), bold=ours)
        panes[0].set_zorder(2)
        panes[0].patch.set_visible(False)
        return drawing.finish(
            canvas,
            said=Words(_title(shown), caption, _READING),
            name=slug("comparison", subject),
            each="way of answering",
            alt=_alt(answers, shown, ratios),
            table=_table(answers),
        )


def _title(shown: pd.DataFrame) -> str:
    """How many methods find less, how many more, and how many intervals include no effect."""
    known = shown[shown["low"].notna() & shown["high"].notna()]
    null = (known["scale"] == RATE_RATIO).to_numpy(dtype=float)
    less, more = int((known["high"] < null).sum()), int((known["low"] > null).sum())
    unclear = len(known) - less - more
    if not len(known):
        return ""
    if unclear == len(known):
        return f"None of {len(known)} methods finds a clear change"
    if len(known) in (less, more) and len(known) > 1:
        return f"All {len(known)} methods find a {'fall' if less else 'rise'}"
    found = [
        f"{count} find{'s' if count == 1 else ''} {way}"
        for count, way in ((less, "a fall"), (more, "a rise"))
        if count
    ]
    found += [f"{unclear} {UNCLEAR}"] if unclear else []
    return f"Of {len(known)} methods, {words.listed(found)}"


def _pane(axes: Any, rows: pd.DataFrame, filled: str | NotAvailable, unit: str) -> None:
    axes.axvline(0, color=drawing.INK, linewidth=1)
    for y, row in rows.iterrows():
        if np.isfinite(row["estimate"]):
            _line(axes, y, row, row["method"] == filled)
    axes.xaxis.grid(True)
    axes.locator_params(axis="x", nbins=5, steps=[1, 2, 5, 10])
    drawing.along(axes, unit, 22)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)


def _line(axes: Any, y: Any, row: Any, ours: bool) -> None:
    """One method: its interval and its estimate."""
    colour = drawing.FIRST if ours else drawing.INK
    if np.isfinite(row["low"]) and np.isfinite(row["high"]):
        axes.plot([row["low"], row["high"]], [y, y], color=colour, linewidth=2.6 if ours else 1.4)
    if ours:
        axes.axvline(row["estimate"], color=colour, linewidth=0.9, linestyle=(0, (1, 2)), zorder=0.5)
    axes.plot(
        row["estimate"],
        y,
        marker="o",
        markersize=8 if ours else 6.5,
        color=colour,
        markerfacecolor=colour if ours else drawing.PAPER,
        markeredgewidth=1.5,
    )


def _labels(shown: pd.DataFrame, answers: Answers, ratios: bool) -> list[str]:
    """What stands above each row: the method and its numbers, one a pane."""
    additive = shown["scale"] != RATE_RATIO
    decimals = words.unit_decimals(shown.loc[additive, "estimate"].dropna().tolist()) + 1
    tenths = min(words.percent_decimals(shown["relative"].dropna().tolist()), 1)
    labels = []
    for plain, row in zip(additive, shown.to_dict("records"), strict=True):
        numbers = [words.fixed(row["estimate"], decimals)] if plain and np.isfinite(row["estimate"]) else []
        if ratios and np.isfinite(row["relative"]):
            numbers.append(f"{words.signed(row['relative'], tenths)}%")
        bare = ", no interval" if not (np.isfinite(row["low"]) and np.isfinite(row["high"])) else ""
        labels.append(f"{_label(row, answers)}: {' or '.join(numbers)}{bare}")
    return labels


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
    return f"{plain} ({marked})" if marked else plain


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
