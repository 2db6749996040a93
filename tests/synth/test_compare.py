"""Every synthetic control side by side: the numbers are each method's own, refusals are rows with reasons."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.synth.panels import factor_panel

from whatworks import did, present, synth
from whatworks.errors import DesignError, OptionError
from whatworks.inference.synthetic.conformal import Conformal
from whatworks.inference.synthetic.placebo import Placebo
from whatworks.synth.compare import work


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


def test_the_study_stands_in_its_row_with_its_donors_and_anticipation(panel):
    names = panel.units[3:20]
    own = synth.synthdid(panel, donors=names, anticipation=2, inference=Placebo())
    found = synth.compare(panel, own=own)
    table = found.table.set_index("method")
    assert (found.own, found.suggested) == ("synth.synthdid", "synth.synthdid")
    assert table.index[table["this_study"]].tolist() == ["synth.synthdid"]
    row, head = table.loc["synth.synthdid"], own.headline
    assert (row["estimate"], row["p_value"]) == (head.value, head.p_value)
    assert np.isnan(row["low"])
    assert row["reason"] == head.low.reason
    alone = synth.classic(panel, donors=names, anticipation=2, inference=Placebo())
    assert table.loc["synth.classic", "estimate"] == alone.headline.value
    assert found.sentences[0] == "The method of this study is one that its design suggests."
    assert "(this study, suggested)" in present.comparison_table(found).rows[0][0]
    assert found.notes[0].endswith("predictors that the study matches on enter its own estimate only.")


def test_another_kind_of_interval_and_another_sign_are_said(panel):
    own = synth.classic(panel, inference=Conformal())
    found = synth.compare(panel, own=own)
    assert found.notes[1].startswith("The study's own interval is of another kind (Conformal)")
    turned = replace(own, headline=replace(own.headline, value=3.0, low=1.0, high=5.0))
    said = synth.compare(panel, own=turned).sentences
    assert said[1].startswith(
        "Of 6 other answers to the same question 6 say otherwise than this study: synth."
    )
    assert "its sign is the other one" in said[1]


def test_a_result_that_is_not_of_this_study_is_refused(panel):
    own = synth.classic(panel)
    with pytest.raises(OptionError, match="another panel"):
        synth.compare(factor_panel(units=25, seed=5), own=own)
    with pytest.raises(OptionError, match=r"0\.95, and 0\.9"):
        synth.compare(panel, own=own, level=0.9)
    with pytest.raises(OptionError, match="not those of own"):
        synth.compare(panel, own=own, anticipation=1)
    with pytest.raises(OptionError, match=r"result of did\.block"):
        synth.compare(panel, own=did.block(panel))


def test_work_counts_the_cells_filled_and_progress_is_told_before_each_method(panel):
    assert work(panel) == 25 * 25 * panel.n_periods
    several = panel.with_start(np.where(np.arange(25) < 3, panel.start[0], panel.start))
    assert work(several, inference=Placebo(draws=99)) == 100 * 25 * panel.n_periods
    told = []
    synth.compare(panel, own=synth.classic(panel), progress=lambda *at: told.append(at))
    assert [name for *_, name in told] == [
        "synth.penalised", "synth.augmented", "synth.synthdid", "synth.synthdid (equal weights)",
        "synth.interactive", "synth.completion",
    ]  # fmt: skip
    assert told[0][:2] == (1, 7)
