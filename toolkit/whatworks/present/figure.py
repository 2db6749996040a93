"""Figure: a drawing with the words and the numbers it stands for."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from whatworks import result_json
from whatworks.errors import RecordError
from whatworks.shown import table as tables

FIGURE_MIME = "application/vnd.whatworks.figure+json"
_GAP = "no value"


def slug(name: str, subject: str) -> str:
    """A figure's name, with its subject, so that two outcomes make two figures and two files."""
    rest = re.sub(r"[^a-z0-9]+", "_", subject.lower()).strip("_")
    return f"{name}_{rest}" if rest else name


@dataclass(frozen=True, slots=True, eq=False)
class Figure:
    """A drawing that can be read without seeing it.

    Attributes:
        svg: the drawing, SVG text with `role="img"`, title and description.
        alt: what the drawing shows, in sentences made from its numbers.
        table: the numbers it was drawn from.
        caption: one line above it.
        name: a short name, a word of letters, digits and underscores.
        each: what a row of its numbers stands for, a word of `shown.EACH`; a figure that does not say is
            shown in a notebook and kept in no record.
    """

    svg: str
    alt: str
    table: pd.DataFrame
    caption: str
    name: str
    each: str = ""

    def __post_init__(self) -> None:
        tables.require_each(self.each, where=f"figure {self.name!r}")

    def __repr__(self) -> str:
        return f"Figure({self.name!r}: {self.caption})"

    def data(self) -> tables.Table:
        """The numbers behind the figure as a table to read."""
        caption = f"Data behind the figure: {self.caption}"
        return tables.from_frame(
            self.table, name=f"{self.name}_data", caption=caption, missing=_GAP, each=self.each
        )

    def to_dict(self) -> dict[str, Any]:
        """The figure as JSON-ready values; `table` holds one object a row."""
        return {
            "name": self.name,
            "caption": self.caption,
            "alt": self.alt,
            "svg": self.svg,
            "columns": [str(column) for column in self.table.columns],
            "table": result_json.frame_to_records(self.table, _GAP),
            "each": self.each,
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Figure:
        """The figure that `to_dict` wrote; raises `RecordError` for anything else."""
        try:
            frame = result_json.frame_from_records(list(stored["table"]))
            columns = [str(column) for column in stored["columns"]]
            frame = frame[columns] if len(frame) else pd.DataFrame(columns=columns)
            texts = {name: str(stored[name]) for name in ("svg", "alt", "caption", "name", "each")}
        except (KeyError, TypeError, ValueError) as problem:
            raise RecordError(
                f"not a stored figure: {type(problem).__name__} {problem}", where="a figure of the notebook"
            ) from problem
        return cls(table=frame, **texts)

    def html(self, *, label: str = "") -> str:
        """The figure as HTML: caption (after `label`, such as `Figure 2`), drawing, its data folded away."""
        before = f"<strong>{html.escape(label)}.</strong> " if label else ""
        caption = html.escape(self.caption)
        spoken = html.escape(label) or "Drawing"
        data = replace(self.data(), caption=f"Data behind {label or 'the figure'}: {self.caption}")
        return (
            f'<figure class="ww-figure"><figcaption>{before}{caption}</figcaption>'
            f'<div class="ww-drawing" role="region" tabindex="0" aria-label="{spoken}: {caption}">'
            f"{self.svg}</div><details><summary>Data behind this figure</summary>{data.html()}"
            "</details></figure>"
        )

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return {"text/html": self.html(), "text/plain": self.alt, FIGURE_MIME: self.to_dict()}
