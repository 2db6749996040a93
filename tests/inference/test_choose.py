"""The words for inference in study parameters and on the command line."""

from __future__ import annotations

import pytest

from whatworks import inference
from whatworks.errors import OptionError
from whatworks.inference.errors.influence import Analytical
from whatworks.inference.errors.multiplier import MultiplierBootstrap
from whatworks.inference.synthetic.conformal import Conformal
from whatworks.inference.synthetic.group_jackknife import GroupJackknife
from whatworks.inference.synthetic.jackknife_plus import JackknifePlus
from whatworks.inference.synthetic.linearised import Linearised
from whatworks.inference.synthetic.permutation_groups import PermutationGroups
from whatworks.inference.synthetic.placebo import Placebo
from whatworks.inference.synthetic.placebo_error import PlaceboError
from whatworks.inference.synthetic.prediction import PredictionIntervals
from whatworks.inference.synthetic.unit_bootstrap import UnitBootstrap


@pytest.mark.parametrize(
    ("name", "chosen"),
    [
        ("default", inference.Default(draws=99, seed=5)),
        ("wild", inference.WildCluster(draws=99, seed=5)),
        ("randomisation", inference.RandomisationInference(draws=99, seed=5)),
        ("few_treated", inference.FewTreated(draws=99, seed=5)),
        ("multiplier", MultiplierBootstrap(draws=99, seed=5)),
        ("heteroskedastic", inference.Heteroskedastic()),
        ("cluster", inference.ClusterRobust("CR1")),
        ("cr2", inference.ClusterRobust("CR2")),
        ("cr3", inference.ClusterRobust("CR3")),
        ("jackknife", inference.Jackknife()),
        ("two_way", inference.TwoWay()),
        ("driscoll_kraay", inference.DriscollKraay()),
        ("analytical", Analytical()),
        ("placebo", Placebo(draws=99, seed=5)),
        ("placebo_error", PlaceboError(draws=99, seed=5)),
        ("conformal", Conformal(draws=99, seed=5)),
        ("jackknife_plus", JackknifePlus()),
        ("prediction", PredictionIntervals(seed=5)),
        ("unit_bootstrap", UnitBootstrap(draws=99, seed=5)),
        ("linearised", Linearised()),
        ("permutation_groups", PermutationGroups(draws=99, seed=5)),
        ("group_jackknife", GroupJackknife(seed=5)),
    ],
)
def test_every_word_means_one_object_and_takes_draws_and_seed(name: str, chosen: object) -> None:
    assert inference.choose(name, draws=99, seed=5) == chosen
    assert name in inference.NAMES


def test_no_word_is_untested_and_another_is_refused() -> None:
    assert len(inference.NAMES) == 22
    with pytest.raises(OptionError, match="Did you mean 'jackknife'"):
        inference.choose("jacknife")


def test_settings_of_placebos_are_numbers_and_truths() -> None:
    text = "placebo:statistic=rmspe_ratio,side=fall,worst_fit=2.5,treated_as_donor=true"
    wanted = Placebo("rmspe_ratio", "fall", 2.5, draws=99, seed=5, treated_as_donor=True)
    assert inference.choose(text, draws=99, seed=5) == wanted
    assert inference.choose("placebo:worst_fit=none").worst_fit is None
    for wrong in ("worst_fit=two", "treated_as_donor=perhaps", "side=down"):
        with pytest.raises(OptionError):
            inference.choose(f"placebo:{wrong}")
