"""The figure of did.compare: its words and its table come from the numbers, scales stay apart."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from whatworks import did, present
from whatworks.panel import NEVER, Panel


def panel(counts: bool = False) -> Panel:
    draw = np.random.default_rng(5)
    people = np.repeat(draw.integers(900, 9000, 12)[:, None], 12, axis=1).astype(float)
    start = np.array([4, 4, 4, 6, 6, 6, 9, 9, NEVER, NEVER, NEVER, NEVER])
    treated = np.arange(12)[None, :] >= start[:, None]
    made = Panel(
        units=tuple(f"u{i:02d}" for i in range(12)),
        periods=np.arange(12),
        period_kind="integer",
        outcome=draw.poisson(people / 100 * np.where(treated, 0.7, 1.0)).astype(float),
        start=start,
        exposure=people,
        scale="crimes",
    )
    return made if counts else made.as_rate(1000.0)


@pytest.fixture(scope="module")
def answers():
    return did.compare(panel())


@pytest.fixture(scope="module")
def with_ratio():
    return did.compare(panel(counts=True), per=1000.0)


def test_the_words_come_from_the_numbers(answers):
    figure = present.comparison(answers, subject="vehicle_crime")
    shown = answers.table[answers.table["estimand"] != ""]
    low = shown.loc[shown["estimate"].idxmin()]
    assert figure.name == "comparison_vehicle_crime"
    assert figure.caption == (
        "The same question about vehicle crime, every answer: 8 methods with 95% intervals"
    )
    assert f"({low['method']}) to " in figure.alt
    inside = ((shown["low"] <= 0) & (shown["high"] >= 0)).sum()
    assert f"{inside} of 8 95% intervals include no effect." in figure.alt
    assert "Filled: did.att_gt (never), which the design suggests." in figure.alt
    assert "did.block, did.switching, did.staggered_rollout and did.poisson." in figure.alt
    assert figure.alt in ET.fromstring(figure.svg).find("{http://www.w3.org/2000/svg}desc").text
    assert present.comparison(answers, subject="vehicle_crime").svg == figure.svg


def test_every_method_has_a_row_of_data_and_a_label(answers):
    figure = present.comparison(answers)
    assert figure.table["method"].tolist() == answers.table["method"].tolist()
    np.testing.assert_array_equal(figure.table["estimate"], answers.table["estimate"])
    for name in answers.results:
        assert name.removeprefix("did.").replace("_yet", " yet") in figure.svg
    assert figure.svg.count("(suggested)") == 1


def test_a_rate_ratio_gets_an_axis_of_its_own(answers, with_ratio):
    assert "Percent change" not in present.comparison(answers).svg
    figure = present.comparison(with_ratio)
    assert figure.svg.count("Percent change") == 1
    ratio = with_ratio.table.set_index("method").loc["did.poisson"]
    percent = f"{ratio['relative']:.0f}%".replace("-", "−")
    assert f"In percent, did.poisson says {percent}" in figure.alt
    assert ", did.etwfe (poisson) says " in figure.alt
    # the numbers stand above every row: two for methods that subtract, the percent alone for the others
    drawn = re.findall(r"<text[^>]*>([^<:]+): ([^<]+)<", figure.svg)
    assert len(drawn) == len(with_ratio.results)
    assert sum(" or " in numbers for _, numbers in drawn) == (
        len(drawn) - (with_ratio.table["scale"] == "rate ratio").sum()
    )
    assert dict(drawn)["poisson"] == f"{ratio['relative']:.1f}%".replace("-", "−")


def test_an_estimate_without_interval_is_said(answers):
    table = answers.table.copy()
    row = table["method"] == "did.imputation"
    table.loc[row, ["low", "high"]] = np.nan
    figure = present.comparison(replace(answers, table=table))
    assert "No interval: did.imputation." in figure.alt
    assert figure.svg.count("no interval") == 1
    assert isinstance(figure.table, pd.DataFrame)


def test_the_study_is_filled_and_every_mark_has_its_word() -> None:
    own = did.att_gt(panel(), comparison="not_yet", anticipation=1)
    found = did.compare(panel(), own=own)
    figure = present.comparison(found)
    assert "Filled: did.att_gt (not_yet), this study." in figure.alt
    assert found.sentences[0] in figure.alt
    marked = figure.table.set_index("method")["marked"]
    assert marked["did.att_gt (not_yet)"] == "this study"
    assert marked["did.att_gt (never)"] == "suggested"
    assert marked["did.stacked"] == marked["did.twoway"] == "another question"
    assert marked["did.etwfe"] == ""
    text = "".join(ET.fromstring(figure.svg).itertext())
    assert "(this study)" in text
    assert "(another question)" in text
