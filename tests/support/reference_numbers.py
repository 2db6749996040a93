"""Stored numbers of R packages (tests/reference) and the panels they were computed on."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from whatworks import Panel
from whatworks.inference.fits import two_way_effects

HERE = Path(__file__).resolve().parents[1] / "reference"


@cache
def entries(topic: str) -> dict:
    """All entries of one topic: `fixest`, `fewclusters`."""
    return json.loads((HERE / "json" / f"{topic}.json").read_text(encoding="utf-8"))["entries"]


@cache
def boroughs() -> pd.DataFrame:
    return pd.read_csv(HERE / "data" / "boroughs.csv", encoding="utf-8")


@cache
def borough_panel(
    outcome: str = "y",
    start: str = "start",
    cluster: str | None = None,
    weight: str | None = None,
    *,
    missing: bool = False,
) -> Panel:
    frame = boroughs()
    if missing:
        frame = pd.read_csv(HERE / "data" / "boroughs_missing.csv", encoding="utf-8")
    return Panel.from_frame(
        frame,
        unit="borough",
        period="t",
        outcome=outcome,
        start=start,
        cluster=cluster,
        weight=weight,
        allow_missing=missing,
    )


def fit_twfe(panel: Panel):
    """The two-way regression of the outcome on being treated."""
    return two_way_effects.fit(
        panel.outcome,
        panel.treated[None].astype(float),
        names=("D",),
        weight=panel.weight,
        cluster=panel.cluster,
        observed=~np.isnan(panel.outcome),
    )
