"""Rows of the effects table of a trial over time: the regressions beside the headline."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from whatworks.answer import bare_row, row
from whatworks.arrays import Bools, Floats
from whatworks.errors import DesignError
from whatworks.inference.asked import FromRegression
from whatworks.rct.over_time.cell_model import CellModel, by_model


def rows_of(
    data: CellModel,
    design: Floats,
    names: tuple[str, ...],
    wanted: Sequence[tuple[str, Floats]],
    inference: FromRegression,
    level: float,
    used: Bools | None = None,
) -> list[dict[str, object]]:
    """Rows for combinations (term, (k,)) of one regression; where it cannot be, the reason stands in each."""
    contrasts = np.stack([contrast for _, contrast in wanted])
    inside = (data.mass > 0) if used is None else (data.mass > 0) & used
    n = [int((np.tensordot(c, design, axes=1) != 0)[inside].sum()) for c in contrasts]
    try:
        fit, _ = data.fit(design, names, used)
    except DesignError as problem:
        return [bare_row(term, np.nan, size, problem.what) for (term, _), size in zip(wanted, n, strict=True)]
    found = by_model(inference, fit, contrasts, data.counts, level)
    return [
        row(term, found.estimate(i, estimand=term, scale=""), n[i], found.reason[i])
        for i, (term, _) in enumerate(wanted)
    ]


def table(rows: list[dict[str, object]], *, counts: bool) -> pd.DataFrame:
    """The rows as a table; logs of rate ratios as ratios, errors by the delta method, the first log last."""
    frame = pd.DataFrame(rows)
    if not counts:
        return frame
    ratio = frame.copy()
    for name in ("estimate", "low", "high"):
        ratio[name] = np.exp(frame[name])
    ratio["std_error"] = ratio["estimate"] * frame["std_error"]
    log = frame[:1].assign(term=f"{frame['term'][0]}, log of the ratio")
    return pd.concat([ratio, log], ignore_index=True)
