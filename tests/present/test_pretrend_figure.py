"""The figure of did.pretrend_power: trends through the reference, words and table from its numbers."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from reference_numbers import borough_panel

from whatworks import did, errors, present


@pytest.fixture(scope="module")
def study():
    return did.event_study(borough_panel(), ends=(-12, 18))


@pytest.fixture(scope="module")
def found(study):
    return did.pretrend_power(study, window=(-6, 5))


def test_trends_run_through_the_reference_towards_the_estimate(study, found):
    table = present.pretrend_power(found, study, window=(-6, 5), period="month").table
    assert table["event_time"].tolist() == list(range(-6, 6))
    assert found.estimate < 0
    for power, slope in zip(("50%", "80%"), found.table["slope"], strict=True):
        np.testing.assert_allclose(
            table[f"trend noticed with {power}"], -slope * (table["event_time"] + 1), rtol=1e-12, atol=1e-15
        )
    # what the trend does to the estimate is its mean after the start
    after = table[table["event_time"] >= 0]["trend noticed with 80%"].mean()
    assert after == pytest.approx(-found.table["bias"].iloc[1], rel=1e-12)


def test_words_and_bytes(study, found):
    figure = present.pretrend_power(found, study, window=(-6, 5), subject="vehicle_crime", period="month")
    assert figure.name == "pretrend_power_vehicle_crime"
    assert ET.fromstring(figure.svg).get("role") == "img"
    assert "Effects on vehicle crime, and the straight trends" in figure.caption
    assert "a test of 5 leads" in figure.alt
    assert figure.alt.count("is noticed with probability") == 2
    slope, bias = found.table[["slope", "bias"]].iloc[1]
    assert f"A trend of {slope:.2g} a month (y) is noticed with probability 80%" in figure.alt
    assert f"by {bias:.2g} either way" in figure.alt
    labels = re.sub(r"\s+", " ", " ".join(ET.fromstring(figure.svg).itertext()))
    assert "Noticed 80%" in labels
    again = present.pretrend_power(found, study, window=(-6, 5), subject="vehicle_crime", period="month")
    assert again.svg == figure.svg


def test_a_later_reference_and_a_positive_estimate():
    panel = borough_panel()
    study = did.event_study(panel.with_outcome(-panel.outcome), ends=(-12, 18))
    found = did.pretrend_power(study, power=(0.9,), window=(-4, 2))
    table = present.pretrend_power(found, study).table
    assert len(table) == len(study.effects[study.effects["event_time"].notna()])
    trend = table.set_index("event_time")["trend noticed with 90%"]
    assert trend[-1] == 0
    assert trend[3] == pytest.approx(4 * found.table["slope"].iloc[0])


def test_a_result_without_event_times_is_refused(study, found):
    with pytest.raises(errors.DesignError, match="no event time"):
        present.pretrend_power(found, did.twoway(borough_panel()))
