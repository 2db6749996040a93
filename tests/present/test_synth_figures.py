"""Figures of a synthetic control: words and tables come from the result, bytes are always the same."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace

import made_up_study as made
import numpy as np
import pytest
from tests.synth.panels import factor_panel, panel_of

from whatworks import present, synth
from whatworks.errors import DesignError
from whatworks.inference.synthetic.conformal import Conformal
from whatworks.inference.synthetic.placebo import Placebo
from whatworks.present import Figure
from whatworks.results import Result
from whatworks.shown import Note

DRAWN: dict[str, Callable[..., Figure | Note]] = {
    "synth_path": present.synth_path,
    "synth_gap": present.synth_gap,
    "synth_ranking": present.synth_ranking,
    "donor_weights": present.donor_weights,
}


@pytest.fixture(scope="module")
def result() -> Result:
    return synth.classic(factor_panel(units=25, effect=-4.0, seed=4))


@pytest.fixture(scope="module")
def figures(result: Result) -> dict[str, Figure]:
    return {name: draw(result, subject="robbery") for name, draw in DRAWN.items()}


@pytest.mark.parametrize("name", DRAWN)
def test_the_drawing_can_stand_in_a_page(figures: dict[str, Figure], name: str) -> None:
    root = ET.fromstring(figures[name].svg)
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert root.get("role") == "img"
    assert set(str(root.get("aria-labelledby")).split()) <= set(ids)
    assert len(ids) == len(set(ids))
    assert root.get("viewBox")
    assert "<text" in figures[name].svg
    assert figures[name].name.endswith("robbery")
    drawn = re.sub(r"<(title|desc)\b.*?</\1>", "", figures[name].svg, flags=re.DOTALL)
    assert not re.search(r"\d\.\d{3,}", drawn)


@pytest.mark.parametrize("name", DRAWN)
def test_the_same_bytes_again(result: Result, figures: dict[str, Figure], name: str) -> None:
    again = DRAWN[name](result, subject="robbery")
    assert again.svg == figures[name].svg
    assert again.to_dict() == figures[name].to_dict()


def test_path_and_interval_are_those_of_the_result(result: Result, figures: dict[str, Figure]) -> None:
    table, effects = figures["synth_path"].table, result.effects
    np.testing.assert_allclose(table["observed"] - table["synthetic"], effects["estimate"], atol=1e-12)
    after = effects["event_time"].to_numpy() >= 0
    np.testing.assert_allclose(
        (table["observed"] - table["synthetic, 95% low"])[after], effects["high"][after], atol=1e-12
    )
    assert table["synthetic, 95% low"][~after].isna().all()
    assert (table["synthetic, 95% low"] <= table["synthetic, 95% high"])[after].all()
    means = table.loc[after, ["observed", "synthetic"]].mean()
    words = figures["synth_path"].alt
    assert f"the two differ by {result.detail.rmspe:.3g} on average (RMSPE)" in words
    assert f"the observed mean is {means['observed']:.1f}" in words
    assert f"the synthetic one {means['synthetic']:.1f}" in words


def test_a_gap_for_the_treated_unit_and_every_placebo(result: Result, figures: dict[str, Figure]) -> None:
    table = figures["synth_gap"].table
    assert list(table.columns) == ["period", *result.detail.pool.panel.units]
    np.testing.assert_allclose(table["u00"], result.effects["estimate"], atol=1e-12)
    after = result.detail.pool.post
    means = table.loc[after].drop(columns="period").mean()
    beyond = int((means.abs()[1:] >= abs(means["u00"])).sum())
    assert f"{beyond} of the placebos have a mean gap at least as large" in figures["synth_gap"].alt


def test_ranking_counts_places_from_the_largest_ratio(result: Result, figures: dict[str, Figure]) -> None:
    table = figures["synth_ranking"].table
    assert (np.diff(table["ratio"]) <= 0).all()
    np.testing.assert_allclose(table["ratio"], table["RMSPE after"] / table["RMSPE before"])
    place = 1 + int(np.flatnonzero(table["unit"] == "u00")[0])
    assert f"U00 ranks {place} of 25" in figures["synth_ranking"].alt
    assert "smallest possible p is 0.040" in figures["synth_ranking"].alt


def test_placebos_left_out_for_their_fit_are_told_apart(result: Result) -> None:
    strict = synth.classic(result.detail.pool.panel, inference=Placebo(worst_fit=1.0))
    table = present.synth_ranking(strict).table
    kept = table["RMSPE before"] <= strict.detail.rmspe * (1 + 1e-9)
    assert 0 < kept.sum() < 25
    # the figure's own order counts all; the table says which take part in the test
    assert table.loc[table["unit"] == "u00", "counts"].all()


def test_weights_sum_to_one_and_the_heaviest_come_first(figures: dict[str, Figure]) -> None:
    table = figures["donor_weights"].table
    assert table["weight"].sum() == pytest.approx(1)
    assert (np.diff(table["weight"]) <= 0).all()
    used = int((table["weight"] >= 0.001).sum())
    assert figures["donor_weights"].alt.startswith(f"{used} of 24 donors")
    assert str(table["donor"][0]) in figures["donor_weights"].alt


def test_negative_weights_can_be_drawn() -> None:
    rng = np.random.default_rng(5)
    outcome = rng.normal(size=(8, 30)).cumsum(axis=1)
    outcome[0] = 1.6 * outcome[1] - 0.6 * outcome[2] + 0.1 * rng.normal(size=30)
    found = synth.augmented(panel_of(outcome, [25] + [None] * 7), penalty=0.01)
    figure = present.donor_weights(found)
    assert (figure.table["weight"] < -0.01).any()
    ET.fromstring(figure.svg)


def test_without_placebos_or_weights_there_is_a_note(result: Result) -> None:
    other = synth.classic(result.detail.pool.panel, inference=Conformal())
    for draw in (present.synth_gap, present.synth_ranking):
        assert isinstance(draw(other), Note)
        assert "another inference was asked for" in repr(draw(other))
    bare = replace(result, detail=replace(result.detail, fits=replace(result.detail.fits, weights=None)))
    assert isinstance(present.donor_weights(bare), Note)
    assert isinstance(present.synth_path(other), Figure)


@pytest.mark.parametrize("name", DRAWN)
def test_a_result_without_a_synthetic_path_is_refused(name: str) -> None:
    with pytest.raises(DesignError, match="no synthetic path"):
        DRAWN[name](made.result())
