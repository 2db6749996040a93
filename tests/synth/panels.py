"""Small panels for tests of synthetic control."""

from __future__ import annotations

import numpy as np
import pandas as pd
from reference_numbers import HERE

from whatworks import Panel


def reference_panel() -> Panel:
    """The made-up panel that the stored reference numbers stand on: area01 treated from 46."""
    frame = pd.read_csv(HERE / "data" / "single_treated.csv", encoding="utf-8")
    frame["start"] = np.where(frame["treated_unit"] == 1, "46", "")
    return Panel.from_frame(frame, unit="unit", period="t", outcome="y", start="start")


def panel_of(outcome: np.ndarray, starts: list[int | None], units: list[str] | None = None) -> Panel:
    """A panel from an (N, T) table, periods 1 to T, and a start for each unit."""
    names = units or [f"u{i:02d}" for i in range(len(outcome))]
    count = outcome.shape[1]
    frame = pd.DataFrame(
        {
            "unit": np.repeat(names, count),
            "t": np.tile(np.arange(1, count + 1), len(names)),
            "y": outcome.ravel(),
            "start": np.repeat(["" if s is None else str(s) for s in starts], count),
        }
    )
    return Panel.from_frame(frame, unit="unit", period="t", outcome="y", start="start", allow_missing=True)


def factor_panel(
    units: int = 12, periods: int = 30, treated: int = 1, start: int = 21, effect: float = 0.0, seed: int = 1
) -> Panel:
    """Two common factors, unit levels and noise; the first `treated` units start together."""
    rng = np.random.default_rng(seed)
    factors, loadings = rng.normal(size=(2, periods)).cumsum(axis=1), rng.normal(size=(units, 2))
    outcome = 50 + rng.normal(size=(units, 1)) + loadings @ factors + 0.3 * rng.normal(size=(units, periods))
    outcome[:treated, start - 1 :] += effect
    return panel_of(outcome, [start] * treated + [None] * (units - treated))
