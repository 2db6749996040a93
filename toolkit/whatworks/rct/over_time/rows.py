"""Rows of the effects table of a trial over time: the headline, and regressions beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from whatworks.arrays import Bools, Floats
from whatworks.errors import DesignError
from whatworks.inference.asked import FromRegression
from whatworks.rct.over_time.cell_model import CellModel, by_model
from whatworks.results import Estimate, NotAvailable

_NUMBERS = ("estimate", "std_error", "low", "high", "p_value")


def row_of(found: Estimate, term: str, reason: str, n: int) -> dict[str, Any]:
    """The headline as a row."""
    numbers = (found.value, found.std_error, found.low, found.high, found.p_value)
    shown = [np.nan if isinstance(number, NotAvailable) else number for number in numbers]
    return {"term": term, **dict(zip(_NUMBERS, shown, strict=True)), "n": n, "reason": reason}


def rows_of(
    data: CellModel,
    design: Floats,
    names: tuple[str, ...],
    wanted: Sequence[tuple[str, Floats]],
    inference: FromRegression,
    level: float,
    used: Bools | None = None,
) -> list[dict[str, Any]]:
    """Rows for combinations (term, (k,)) of one regression; where it cannot be, the reason stands in each."""
    contrasts = np.stack([contrast for _, contrast in wanted])
    inside = (data.mass > 0) if used is None else (data.mass > 0) & used
    n = [int((np.tensordot(c, design, axes=1) != 0)[inside].sum()) for c in contrasts]
    try:
        fit, _ = data.fit(design, names, used)
    except DesignError as problem:
        gap = dict.fromkeys(_NUMBERS, np.nan)
        return [
            {"term": term, **gap, "n": size, "reason": problem.what}
            for (term, _), size in zip(wanted, n, strict=True)
        ]
    found = by_model(inference, fit, contrasts, data.counts, level)
    return [
        row_of(found.estimate(i, estimand=term, scale=""), term, found.reason[i], n[i])
        for i, (term, _) in enumerate(wanted)
    ]


def table(rows: list[dict[str, Any]], *, counts: bool) -> pd.DataFrame:
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
