"""From a study's words to a method of synthetic control with its choices made."""

from __future__ import annotations

import numpy as np
import pytest
from tests.synth.panels import factor_panel

from whatworks import study, synth
from whatworks.errors import OptionError
from whatworks.inference.synthetic.placebo import Placebo
from whatworks.study import synthetic_choice


def test_words_become_the_method_with_its_choices() -> None:
    panel = factor_panel(units=25, effect=-3.0, seed=4)
    chosen = study.synthetic(
        "classic", donors=panel.units[1:22], past=[["1", "10"], ["11", "20"]], inference="placebo:side=fall"
    )
    direct = synth.classic(
        panel,
        donors=panel.units[1:22],
        predictors=synth.Predictors({}, (("1", "10"), ("11", "20"))),
        inference=Placebo(side="fall"),
    )
    assert chosen(panel).headline == direct.headline
    assert study.synthetic("synthdid", level=0.9)(panel).headline == synth.synthdid(panel, level=0.9).headline
    plain = study.synthetic("augmented")(panel)
    assert plain.headline == synth.augmented(panel).headline
    np.testing.assert_allclose(plain.effects["estimate"], synth.augmented(panel).effects["estimate"])


def test_covariates_go_where_each_method_takes_them() -> None:
    assert study.synthetic("augmented", covariates={"x": ["1", "5"]}).keywords["covariates"] == {
        "x": ("1", "5")
    }
    assert study.synthetic("augmented", covariates={"x": []}).keywords["covariates"] == {"x": None}
    assert study.synthetic("synthdid", covariates={"x": []}).keywords["adjust"] == "projected"
    matched = study.synthetic("classic", covariates={"x": []}).keywords["predictors"]
    assert matched.covariates == {"x": None}


@pytest.mark.parametrize(
    ("choices", "said"),
    [
        ({"method": "clasic"}, "Did you mean 'classic'"),
        ({"method": "synthdid", "past": [["1", "2"]]}, "matches the whole path"),
        ({"method": "synthdid", "covariates": {"x": ["1", "2"]}}, "month by month"),
        ({"method": "classic", "covariates": {"x": ["1"]}}, "the window of x"),
        ({"method": "classic", "past": [[]]}, "is empty"),
        ({"method": "classic", "inference": "placbo"}, "Did you mean 'placebo'"),
    ],
)
def test_choices_that_cannot_be(choices: dict, said: str) -> None:
    with pytest.raises(OptionError, match=said):
        study.synthetic(**choices)


def test_other_answers_are_given_by_size_or_as_asked(monkeypatch, capsys) -> None:
    panel = factor_panel(units=12, effect=-3.0, seed=4)
    estimate = study.synthetic("classic", inference="placebo", draws=99, seed=5)
    own = estimate(panel)
    given = study.answers(panel, estimate, own)
    assert given.own == "synth.classic"
    assert given.results["synth.classic"] is own
    left = study.answers(panel, estimate, own, compare="never")
    assert "compare: never" in left.reason
    monkeypatch.setattr(synthetic_choice, "MOST_WORK", 100)
    size = 12 * 12 * panel.n_periods
    left = study.answers(panel, estimate, own)
    assert f"every other method would fill {size:,} cells" in left.reason
    assert "compare: always" in left.reason
    assert capsys.readouterr().err == ""
    with pytest.warns(UserWarning, match=f"every method will fill {size:,} cells"):
        asked = study.answers(panel, estimate, own, compare="always")
    assert asked.own == "synth.classic"
    assert "6 of 7 methods done; now synth.completion" in capsys.readouterr().err
    with pytest.raises(OptionError, match="compare"):
        study.answers(panel, estimate, own, compare="sometimes")
