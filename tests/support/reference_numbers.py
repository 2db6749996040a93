"""Stored numbers of R packages (tests/reference) and the panels they were computed on."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pandas as pd

from whatworks import Panel

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
    outcome: str = "y", start: str = "start", cluster: str | None = None, weight: str | None = None
) -> Panel:
    return Panel.from_frame(
        boroughs(), unit="borough", period="t", outcome=outcome, start=start, cluster=cluster, weight=weight
    )
