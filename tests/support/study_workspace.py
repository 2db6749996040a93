"""A small workspace for tests: synthetic counts, a tiny template, a study."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from whatworks.results import Design, Estimate, NotAvailable, Result
from whatworks.study.closing import Conclusion

PARAMETERS = (
    'study: str = ""  # folder of the study\n'
    'data: list[str] = ["data/counts.csv"]  # files\n'
    'outcome: str = "crimes"  # a column\n'
    "level: float = 0.95  # coverage\n"
    "seed: int = 1  # seed\n"
    "fill: dict[str, str] = {}  # more\n"
    "loud: bool = False  # a switch\n"
    'unit: str = "area"  # a column\n'
)
WORK = (
    'source = ww.study.read(data, outcomes=[outcome], unit="area")\n'
    'panel = ww.study.panel(source, unit="area", period="month", outcome=outcome, start="start")'
)
ESTIMATE = (
    'choice = ww.inference.choose("cluster")\nresult = ww.did.block(panel, inference=choice, level=level)\n'
    "result"
)
CONCLUDE = "ww.study.conclude(result, source)"

# a template that needs no statistics: a kernel, an import and a result
LIGHT = """\
import pandas as pd
from whatworks.results import Design, Estimate, NotAvailable, Result
from whatworks.study.closing import Conclusion
none = NotAvailable("not looked for")
headline = Estimate("effect", level, none, none, none, 0.95, none, none, "none", "crimes")
columns = ["term", "estimate", "std_error", "low", "high", "p_value", "n"]
result = Result("test", headline, pd.DataFrame(columns=columns), Design(1, 1, 1, 1, none, none), {}, "")
"""
LIGHT_END = "Conclusion(result, ())"
LIGHT_CELLS = {"light": LIGHT}


def counts(*, name: str = "Area 1") -> str:
    """Twelve areas, twelve months, half of them treated from July."""
    rows = ["area,month,crimes,start"]
    for area in range(1, 13):
        label = name if area == 1 else f"Area {area}"
        start = "2020-07" if area <= 6 else ""
        for month in range(1, 13):
            treated = area <= 6 and month >= 7
            value = 40 + area + (7 * area + 5 * month) % 9 - (6 if treated else 0)
            rows.append(f"{label},2020-{month:02d},{value},{start}")
    return "\n".join(rows) + "\n"


def notebook(cells: Mapping[str, str], *, tags: Mapping[str, list[str]] | None = None) -> str:
    """A template notebook of code cells by id; `parameters` comes first and is tagged."""
    whole = {"parameters": PARAMETERS, **cells}
    marks = {"parameters": ["parameters"], **(tags or {})}
    made: list[dict[str, Any]] = [{"cell_type": "markdown", "id": "top", "metadata": {}, "source": "# Test"}]
    for name, source in whole.items():
        made.append(
            {
                "cell_type": "code",
                "id": name,
                "metadata": {"tags": marks[name]} if name in marks else {},
                "execution_count": None,
                "outputs": [],
                "source": source,
            }
        )
    return json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, indent=1) + "\n"


STUDY = """\
version: 1
title: A test
question: Did it work?
intervention: Something was done.
template: tiny
protocol:
  primary_outcome: crimes
  estimand: the average
  hypothesis: it fell
report:
  better: lower
  worthwhile: 10
"""


def make(folder: Path, cells: Mapping[str, str] | None = None, **more: Any) -> Path:
    """A workspace with the study `studies/one` on the template `tiny`; returns the study's folder."""
    whole = {"set-up": "import whatworks as ww", "panel": WORK, "estimate": ESTIMATE, "result": CONCLUDE}
    put(folder / "whatworks.toml", 'version = 1\ntitle = "Test"\n')
    put(folder / "data" / "counts.csv", counts())
    put(
        folder / "templates" / "notebooks" / "tiny.ipynb", notebook(whole if cells is None else cells, **more)
    )
    put(folder / "studies" / "one" / "study.yaml", STUDY)
    put(folder / "studies" / "one" / "parameters.yaml", "study: studies/one\nlevel: 0.9\n")
    return folder / "studies" / "one"


def plain_result() -> Result:
    """A result without uncertainty."""
    none = NotAvailable("none")
    headline = Estimate("e", -1.0, none, none, none, 0.95, none, none, "", "")
    columns = ["term", "estimate", "std_error", "low", "high", "p_value", "n"]
    effects = pd.DataFrame([("ATT", -1.0, 1.0, -2.0, 0.0, 0.5, 3)], columns=columns)
    return Result("m", headline, effects, Design(1, 1, 1, 1, none, none), {}, "")


def concluding(result: Result, *, times: int = 1) -> dict[str, Any]:
    """A cell that ran and shows a result so many times."""
    data, metadata = Conclusion(result, ())._repr_mimebundle_()
    output = {"output_type": "display_data", "data": data, "metadata": metadata}
    cell = {"cell_type": "code", "id": "result", "metadata": {}, "source": "", "execution_count": 1}
    return {**cell, "outputs": [output] * times}


def put(path: Path, text: str) -> Path:
    """Write a text file, folders included."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")
    return path


def render(notebook: Mapping[str, Any], result: Any, study: Any, provenance: Mapping[str, Any]) -> str:
    """A report in one line."""
    return f"<html><p>{study.title}: {result.headline.value!r} {provenance['code']['sha256']}</p></html>\n"


def tree(folder: Path) -> dict[str, bytes]:
    """Every file under a folder by relative name."""
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
