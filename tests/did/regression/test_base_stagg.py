"""did.twoway and did.event_study on fixest's example of staggered starts, base_stagg, with a covariate."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from whatworks import Panel, did
from whatworks.inference import ClusterRobust

LIKE_FIXEST = ClusterRobust(correction="fixest")


@pytest.fixture
def published(reference_public):
    """The panel, and what fixest 0.14.2 says of it; skipped where the public reference data are absent."""
    stored = (reference_public / "goldens" / "base_stagg__fixest_sunab.json").read_text("utf-8")
    frame = pd.read_csv(reference_public / "data" / "base_stagg.csv")
    frame["start"] = frame["year_treated"].where(frame["year_treated"] < 10000)
    panel = Panel.from_frame(frame, unit="id", period="year", outcome="y", start="start", covariates=["x1"])
    return panel, json.loads(stored)["results"]


def test_static(published):
    panel, stored = published
    expected = stored["twfe_static"]["cluster_id"]
    at = expected["terms"].index("D")
    found = did.twoway(panel, inference=LIKE_FIXEST).headline
    for name, ours in (("estimate", "value"), ("se", "std_error")):
        assert getattr(found, ours) == pytest.approx(expected[name][at], rel=1e-6)


def test_event_study(published):
    panel, stored = published
    expected = stored["twfe_eventstudy"]["cluster_id"]
    table = did.event_study(panel, inference=LIKE_FIXEST).effects
    table = table[table["event_time"] != -1]
    assert [f"time_to_treatment::{e}" for e in table["event_time"]] == expected["terms"][1:]
    for name, ours in (
        ("estimate", "estimate"),
        ("se", "std_error"),
        ("p", "p_value"),
        ("ci_low", "low"),
        ("ci_high", "high"),
    ):
        np.testing.assert_allclose(table[ours], expected[name][1:], rtol=1e-6, atol=1e-12)
