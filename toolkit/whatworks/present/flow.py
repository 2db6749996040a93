"""The flow figure: who was assessed, randomised, treated, lost and analysed, as boxes and arrows."""

from __future__ import annotations

from typing import Protocol

import pandas as pd

from whatworks.present import drawing, svg
from whatworks.present.boxes import Box, Drawing, Line
from whatworks.present.figure import Figure, Words, slug
from whatworks.shown import words

WIDTH = 72 * drawing.WIDTH
GAP = 8.0
RISE = 22.0
"""Room for an arrow between two rows of boxes."""

SIDE_BY_SIDE = 2
"""Up to so many arms stand beside each other; more stand below each other, so that words stay large."""

TOGETHER = "\u00a0"
"""Keeps a number on the line of its word."""

CAPTION = "Flow of the trial, from who was assessed to what was analysed in each arm"

_READING = (
    "Follow the arrows from the top: what stands in a box is what was left at that step. Losses that differ "
    "between the arms would make them unlike each other."
)


class Flow(Protocol):
    """What `rct.flow` returns, as far as a drawing needs it; see there."""

    @property
    def arms(self) -> tuple[str, ...]:
        """The columns of the diagram."""

    @property
    def counted(self) -> tuple[str, ...]:
        """What is counted, from the largest."""

    @property
    def numbers(self) -> pd.DataFrame:
        """step, arm, of, number, reason."""

    def number(self, step: str, arm: str = "", of: str = "") -> int:
        """One number, of the finest count where none is named."""

    def table(self) -> pd.DataFrame:
        """A copy of the numbers."""


def flow(found: Flow, *, subject: str = "") -> Figure:
    """Draw the flow of a trial, from assessment to analysis, with arrows.

    Up to two arms stand side by side, each with its boxes below each other; more arms stand below each
    other, each with its steps in one box. Boxes grow with their words. The table holds every number.

    Source: Hopewell et al. (2025), PLOS Medicine 22(4), CONSORT 2025 flow diagram.
    """
    page = Drawing(WIDTH)
    bottom = _trunk(page, found)
    if len(found.arms) <= SIDE_BY_SIDE:
        _columns(page, found, bottom)
    else:
        _rows(page, found, bottom)
    alt = _alt(found)
    text = svg.finish(page.text(), name="flow", title=CAPTION, alt=alt)
    said = Words(_title(found), CAPTION, _READING)
    return Figure(svg=text, alt=alt, table=found.table(), said=said, name=slug("flow", subject), each="step")


def _title(found: Flow) -> str:
    """How many of those randomised were analysed, in the finest count; empty where that cannot be put so."""
    what = found.counted[-1]
    begun = sum(number for number, _, _ in _rows_of(found, "randomised", ""))
    ended = sum(number for arm in found.arms for number, _, _ in _rows_of(found, "analysed", arm))
    if not begun or not ended or ended > begun:
        return ""
    if ended == begun:
        return f"All {begun:,} {what} that were randomised were analysed"
    return f"{ended:,} of {begun:,} {what} that were randomised were analysed"


def _trunk(page: Drawing, found: Flow) -> float:
    """Assessed, excluded and randomised, down the middle; returns where the last box ends."""
    middle, top = WIDTH / 2, 1.0
    if _rows_of(found, "assessed", ""):
        line = Line(f"Assessed for eligibility: {_count(found, 'assessed', '')}", bold=True)
        top = page.box(Box((line,), middle - 120, 240), top)
        excluded = _excluded(found)
        if excluded:
            aside = Box(tuple(excluded), middle + 24, WIDTH - middle - 25)
            end = page.box(aside, top + 12)
            level = (top + 12 + end) / 2
            page.arrow([(middle, top), (middle, end + 12)])
            page.arrow([(middle, level), (middle + 24, level)])
            top = end + 12
        else:
            page.arrow([(middle, top), (middle, top + RISE)])
            top += RISE
    line = Line(f"Randomised: {_count(found, 'randomised', '')}", bold=True)
    return page.box(Box((line,), middle - 120, 240), top)


def _excluded(found: Flow) -> list[Line]:
    rows = _rows_of(found, "excluded", "")
    if not rows:
        return []
    total = sum(number for number, _, _ in rows)
    return [Line(f"Excluded: {total:,}", bold=True), *(Line(f"{why}:{TOGETHER}{n:,}") for n, _, why in rows)]


def _columns(page: Drawing, found: Flow, bottom: float) -> None:
    many = len(found.arms)
    wide = (WIDTH - 2 - GAP * (many - 1)) / many
    left = [1 + i * (wide + GAP) for i in range(many)]
    middles = [x + wide / 2 for x in left]
    top = bottom + 2 * RISE
    for x in middles:
        page.arrow([(WIDTH / 2, bottom), (WIDTH / 2, bottom + RISE), (x, bottom + RISE), (x, top)])
    steps = [[_step(found, arm, step) for arm in found.arms] for step in range(3)]
    for position, lines in enumerate(steps):
        boxes = [Box(tuple(part), x, wide) for part, x in zip(lines, left, strict=True)]
        tall = max(page.height(box) for box in boxes)
        for box in boxes:
            page.box(box, top, tall)
        if position < len(steps) - 1:
            for x in middles:
                page.arrow([(x, top + tall), (x, top + tall + RISE)])
        top += tall + RISE


def _rows(page: Drawing, found: Flow, bottom: float) -> None:
    spine, left = 4.0, 19.0
    level, top, middle = bottom + RISE / 2, bottom + RISE, WIDTH / 2
    page.line([(middle, bottom), (middle, level), (spine, level)])
    for arm in found.arms:
        lines = [line for step in range(3) for line in _step(found, arm, step)]
        box = Box(tuple(lines), left, WIDTH - 1 - left)
        half = top + page.height(box) / 2
        page.arrow([(spine, level), (spine, half), (left, half)])
        level, top = half, page.box(box, top) + GAP


def _step(found: Flow, arm: str, step: int) -> list[Line]:
    """The words of an arm's box: allocated and received, lost, or analysed."""
    if step == 0:
        lines = [Line(words.capital(arm), bold=True), Line(f"Allocated: {_count(found, 'allocated', arm)}")]
        named = (("received", "Received as allocated"), ("not received", "Did not"))
        lines += [
            Line(f"{word}: {found.number(name, arm):,}") for name, word in named if _rows_of(found, name, arm)
        ]
        unknown = found.number("take-up unknown", arm)
        return lines + ([Line(f"Not known: {unknown:,}")] if unknown else [])
    if step == 2:
        return [Line(f"Analysed: {_count(found, 'analysed', arm)}", bold=True)]
    lines = []
    for name, word in (("left out", "Left out"), ("lost", "Lost")):
        rows = _rows_of(found, name, arm)
        if rows or name == "lost":
            total = f"{sum(n for n, _, _ in rows):,}" if rows else "none"
            what = f" ({found.counted[-1]})" if rows and len(found.counted) > 1 else ""
            lines.append(Line(f"{word}{what}:{TOGETHER}{total}", bold=True))
            lines += [Line(f"{why}:{TOGETHER}{n:,}") for n, _, why in rows if why]
    return lines


def _rows_of(found: Flow, step: str, arm: str) -> list[tuple[int, str, str]]:
    """Number, what it counts and reason, of the finest count that the step has."""
    rows = found.numbers[(found.numbers["step"] == step) & (found.numbers["arm"] == arm)]
    listed = list(zip(rows["number"].tolist(), rows["of"], rows["reason"], strict=True))
    finest = found.counted[-1] if step not in ("assessed", "excluded") else ""
    return [row for row in listed if row[1] == finest or not finest]


def _count(found: Flow, step: str, arm: str) -> str:
    """A step in all that is counted: '6 beats, 24 victims'."""
    rows = found.numbers[(found.numbers["step"] == step) & (found.numbers["arm"] == arm)]
    return ", ".join(
        f"{n:,}{TOGETHER}{of}" for n, of in zip(rows["number"].tolist(), rows["of"], strict=True)
    )


def _alt(found: Flow) -> str:
    parts = []
    if _rows_of(found, "assessed", ""):
        parts.append(f"{_count(found, 'assessed', '')} were assessed for eligibility.")
        if _rows_of(found, "excluded", ""):
            parts.append(words.ended("; ".join(line.text for line in _excluded(found))))
    parts.append(f"{_count(found, 'randomised', '')} were randomised.")
    for arm in found.arms:
        said = [line.text for step in range(3) for line in _step(found, arm, step)]
        parts.append(words.ended(f"{said[0]}: {'; '.join(said[1:])}"))
    return " ".join(parts).replace(TOGETHER, " ")
