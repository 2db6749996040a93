"""Boxes that grow with their words, and the arrows between them, as SVG text."""

from __future__ import annotations

import html
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from whatworks.present.drawing import INK, LETTERS, PAPER, SOFT
from whatworks.present.svg import SVG

SIZE = LETTERS
LEADING = 14.5
PAD = 6.0
HEAD = 5.0
_WIDE = {False: 0.51, True: 0.55}
"""Mean width of a letter of the fonts we name, in units of their size, plain and bold."""


@dataclass(frozen=True, slots=True)
class Line:
    """A sentence in a box, which may take several lines."""

    text: str
    bold: bool = False


@dataclass(frozen=True, slots=True)
class Box:
    """Lines in a box that begins at `left` and is `width` wide."""

    lines: tuple[Line, ...]
    left: float
    width: float


class Drawing:
    """Boxes and arrows on a page of fixed width, as tall as they need."""

    def __init__(self, width: float) -> None:
        self._width = width
        self._parts: list[str] = []
        self._bottom = 0.0

    def height(self, box: Box) -> float:
        """How tall a box must be for its words."""
        return 2 * PAD + LEADING * sum(len(_wrapped(line, box.width)) for line in box.lines)

    def box(self, box: Box, top: float, height: float | None = None) -> float:
        """Draw a box, no shorter than its words; returns where it ends."""
        tall = max(self.height(box), height or 0.0)
        self._parts.append(
            f'<rect x="{box.left:.2f}" y="{top:.2f}" width="{box.width:.2f}" height="{tall:.2f}" rx="3" '
            f'fill="{PAPER}" stroke="{SOFT}" stroke-width="1"/>'
        )
        y = top + PAD + SIZE * 0.92
        for line in box.lines:
            weight = ' font-weight="bold"' if line.bold else ""
            spans = []
            for part in _wrapped(line, box.width):
                spans.append(f'<tspan x="{box.left + PAD:.2f}" y="{y:.2f}">{html.escape(part)} </tspan>')
                y += LEADING
            self._parts.append(f'<text font-size="{SIZE:g}" fill="{INK}"{weight}>{"".join(spans)}</text>')
        self._bottom = max(self._bottom, top + tall)
        return top + tall

    def line(self, points: Sequence[tuple[float, float]]) -> None:
        """Draw a line through points."""
        path = " ".join(f"{x:.2f},{y:.2f}" for x, y in points)
        self._parts.append(f'<polyline points="{path}" fill="none" stroke="{SOFT}" stroke-width="1.2"/>')

    def arrow(self, points: Sequence[tuple[float, float]]) -> None:
        """Draw a line through points with a head at its end; its last part is upright or level."""
        (x0, y0), (x, y) = points[-2], points[-1]
        upright = abs(x - x0) < abs(y - y0)
        dx, dy = (0.0, 1.0 if y > y0 else -1.0) if upright else (1.0 if x > x0 else -1.0, 0.0)
        self.line([*points[:-1], (x - dx * HEAD, y - dy * HEAD)])
        u, v, side = x - dx * HEAD * 1.4, y - dy * HEAD * 1.4, HEAD * 0.7
        head = [(x, y), (u - dy * side, v - dx * side), (u + dy * side, v + dx * side)]
        path = " ".join(f"{a:.2f},{b:.2f}" for a, b in head)
        self._parts.append(f'<polygon points="{path}" fill="{SOFT}"/>')

    def text(self) -> str:
        """The drawing as SVG text."""
        return (
            f'<svg xmlns="{SVG}" viewBox="0 0 {self._width:g} {self._bottom + 1:.2f}">'
            f"{''.join(self._parts)}</svg>"
        )


def _wrapped(line: Line, width: float) -> list[str]:
    letters = int((width - 2 * PAD) / (SIZE * _WIDE[line.bold]))
    return textwrap.wrap(line.text, max(letters, 8), break_on_hyphens=False) or [""]
