"""Figure: a drawing with the words and the numbers it stands for."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import pandas as pd

from whatworks import result_json
from whatworks.errors import RecordError
from whatworks.shown import table as tables
from whatworks.shown.bundle import in_notebook
from whatworks.verdict import CLAIMS, Claim

FIGURE_MIME = "application/vnd.whatworks.figure+json"
_GAP = "no value"


def slug(name: str, subject: str) -> str:
    """A figure's name, with its subject, so that two outcomes make two figures and two files."""
    rest = re.sub(r"[^a-z0-9]+", "_", subject.lower()).strip("_")
    return f"{name}_{rest}" if rest else name


@dataclass(frozen=True, slots=True)
class Words:
    """The words around a drawing.

    Attributes:
        title: what it shows, in about twelve words at most; empty where the numbers do not say.
        caption: what is drawn, in which unit, with which intervals.
        reading: how to read it, in a sentence or two.
        claim: `fell` or `rose` where the title tells of a change after the start beyond its interval; a
            report keeps such a title only where its verdict says the same.
    """

    title: str
    caption: str
    reading: str
    claim: Claim = ""

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Words:
        """The words that `asdict` gave; raises `KeyError` or `ValueError` for anything else."""
        claim = stored["claim"]
        if claim not in CLAIMS:
            raise ValueError(f"{claim!r} is no claim")
        return cls(str(stored["title"]), str(stored["caption"]), str(stored["reading"]), claim)


@dataclass(frozen=True, slots=True, eq=False)
class Figure:
    """A drawing that can be read without seeing it.

    Attributes:
        svg: the drawing, SVG text with `role="img"`, title and description.
        alt: what the drawing shows, in sentences made from its numbers.
        table: the numbers it was drawn from.
        said: its title, its caption and how to read it.
        name: a short name, a word of letters, digits and underscores.
        each: what a row of its numbers stands for, a word of `shown.EACH`; a figure that does not say is
            shown in a notebook and kept in no record.
    """

    svg: str
    alt: str
    table: pd.DataFrame
    said: Words
    name: str
    each: str = ""

    def __post_init__(self) -> None:
        tables.require_each(self.each, where=f"figure {self.name!r}")

    def __repr__(self) -> str:
        return f"Figure({self.name!r}: {self.caption})"

    @property
    def caption(self) -> str:
        """What is drawn, in which unit, with which intervals."""
        return self.said.caption

    @property
    def title(self) -> str:
        """What the drawing shows, or what is drawn where that cannot be said in a line."""
        return self.said.title or self.said.caption

    def within(self, status: str) -> Figure:
        """The figure as it may stand in a report whose verdict is `status`.

        A title that tells of a change the verdict does not bear out gives way to what is drawn.
        """
        if self.said.claim in ("", status):
            return self
        return replace(self, said=replace(self.said, title="", claim=""))

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
            **asdict(self.said),
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
            texts = {name: str(stored[name]) for name in ("svg", "alt", "name", "each")}
            said = Words.from_dict(stored)
        except (KeyError, TypeError, ValueError) as problem:
            raise RecordError(
                f"not a stored figure: {type(problem).__name__} {problem}", where="a figure of the notebook"
            ) from problem
        return cls(table=frame, said=said, **texts)

    def html(self, *, label: str = "") -> str:
        """The figure as HTML: title (after `label`, such as `Figure 2`), caption, drawing, reading, data."""
        before = f"<strong>{html.escape(label)}.</strong> " if label else ""
        below = f'<span class="ww-subtitle">{html.escape(self.caption)}</span>' if self.said.title else ""
        data = replace(self.data(), caption=f"Data behind {label or 'the figure'}: {self.caption}")
        return (
            f'<figure class="ww-figure"><figcaption>{before}'
            f'<span class="ww-title">{html.escape(self.title)}</span>{below}</figcaption>'
            f'<div class="ww-drawing">{self.svg}</div>'
            f'<p class="ww-reading"><strong>How to read it.</strong> {html.escape(self.said.reading)}</p>'
            f"<details><summary>Data behind this figure</summary>{data.html()}</details></figure>"
        )

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        page = f'<div style="max-width: 36rem">{in_notebook(self.html())}</div>'
        return {"text/html": page, "text/plain": self.alt, FIGURE_MIME: self.to_dict()}
