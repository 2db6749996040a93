"""Figures of power: words and tables from their numbers, the same bytes every time."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pandas as pd
import pytest

from whatworks import rct
from whatworks.present import power as figures
from whatworks.shown import Note


@pytest.fixture(scope="module")
def found():
    return rct.power(rct.Parallel(50, 50, periods=12), rct.Counts(1.0, 2.0))


def test_the_curve_says_what_it_shows(found):
    figure = figures.power_curve(found, subject="violence")
    assert figure.name == "power_curve_violence"
    assert ET.fromstring(figure.svg).get("role") == "img"
    assert figure.alt.startswith(found.sentence)
    assert "A line marks 80 in 100." in figure.alt
    pd.testing.assert_frame_equal(figure.table, found.curve)
    assert figures.power_curve(found, subject="violence").svg == figure.svg


def test_sizes(found):
    figure = figures.power_sizes(found)
    row = found.sizes.iloc[0]
    assert f"at 50: {-100 * row['mde']:.0f};" in figure.alt
    assert list(figure.table.columns) == ["units", "mde"]
    assert f"100: {-100 * found.mde:.0f}%" in figure.svg


def test_nothing_to_find_is_drawn_without_a_mark_or_said():
    hopeless = rct.power(rct.Parallel(2, 2), rct.Counts(0.01))
    assert "no effect could be found" in figures.power_curve(hopeless).alt
    note = figures.power_sizes(hopeless)
    assert isinstance(note, Note)
