"""Every synthetic control side by side: the numbers are each method's own, refusals are rows with reasons."""

from __future__ import annotations

import numpy as np
import pytest
from tests.synth.panels import factor_panel

from whatworks import did, present, synth
from whatworks.errors import DesignError
from whatworks.inference.synthetic.placebo import Placebo


@pytest.fixture(scope="module")
def panel():
    return factor_panel(units=25, effect=-3.0, seed=4)


@pytest.fixture(scope="module")
def answers(panel):
    return synth.compare(panel, inference=Placebo(side="fall"))


def test_each_row_is_the_methods_own_answer(panel, answers):
    table = answers.table.set_index("method")
    for name in ("classic", "penalised", "augmented", "synthdid", "interactive", "completion"):
        alone = getattr(synth, name)(panel, inference=Placebo(side="fall"))
        assert table.loc[f"synth.{name}", "estimate"] == alone.headline.value
        assert table.loc[f"synth.{name}", "high"] == alone.headline.high
        assert table.loc[f"synth.{name}", "p_value"] == alone.headline.p_value
        assert answers.results[f"synth.{name}"].input_hash == panel.fingerprint
    assert answers.suggested == "synth.classic"


def test_equal_weights_are_the_difference_in_differences(panel, answers):
    row = answers.table.set_index("method").loc["synth.synthdid (equal weights)"]
    assert row["estimate"] == pytest.approx(did.block(panel).headline.value, rel=1e-9)
    assert row["differs_because"].startswith("In effect 24.0 of 24 donors")


def test_shared_weight_is_counted_by_hand(answers):
    first, other = (answers.results[f"synth.{name}"].detail.weights for name in ("classic", "synthdid"))
    moved = sum(abs(first[unit] - other[unit]) for unit in first.index) / 2
    said = answers.table.set_index("method").loc["synth.synthdid", "differs_because"]
    assert f"{moved:.0%} of the weight lies on other donors" in said


def test_methods_without_weights_say_so(answers):
    said = answers.table.set_index("method")["differs_because"]
    assert said["synth.interactive"].startswith("No donor weights; misses the path")
    assert said["synth.completion"].startswith("No donor weights; misses the path")


def test_a_missing_end_has_its_reason_and_a_refusal_is_a_row(answers):
    assert np.isnan(answers.table["low"]).all()
    assert answers.table["reason"].str.contains("bounds the effect on one side").all()
    short = synth.compare(factor_panel(units=25, periods=12, start=3))
    refused = short.table.set_index("method").loc["synth.augmented"]
    assert np.isnan(refused["estimate"])
    assert "periods" in refused["reason"]
    assert np.isfinite(short.table.set_index("method").loc["synth.classic", "estimate"])


def test_a_design_that_none_permits_is_refused(panel):
    staggered = panel.with_start(np.where(np.arange(25) == 1, 15, panel.start))
    keep = panel.select(np.arange(25) < 2)
    with pytest.raises(DesignError, match="donor pool holds 1"):
        synth.compare(keep)
    with pytest.raises(DesignError, match="starts on 2 dates"):
        synth.compare(staggered)


def test_figure_and_table_take_it(answers):
    figure = present.comparison(answers, subject="robbery")
    assert "7 methods answer" in figure.alt
    table = present.comparison_table(answers, subject="robbery")
    assert len(table.rows) == 7
