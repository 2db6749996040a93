"""From a study's words to a method of synthetic control with its choices made."""

from __future__ import annotations

import numpy as np
import pytest
from tests.synth.panels import factor_panel

from whatworks import study, synth
from whatworks.errors import OptionError
from whatworks.inference.synthetic.placebo import Placebo


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
