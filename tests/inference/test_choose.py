"""The words for inference in study parameters and on the command line."""

from __future__ import annotations

import pytest

from whatworks import inference
from whatworks.errors import OptionError
from whatworks.inference.influence import Analytical
from whatworks.inference.multiplier import MultiplierBootstrap


@pytest.mark.parametrize(
    ("name", "chosen"),
    [
        ("default", inference.Default(draws=99, seed=5)),
        ("wild", inference.WildCluster(draws=99, seed=5)),
        ("randomisation", inference.RandomisationInference(draws=99, seed=5)),
        ("few_treated", inference.FewTreated(draws=99, seed=5)),
        ("multiplier", MultiplierBootstrap(draws=99, seed=5)),
        ("cluster", inference.ClusterRobust("CR1")),
        ("cr2", inference.ClusterRobust("CR2")),
        ("cr3", inference.ClusterRobust("CR3")),
        ("jackknife", inference.Jackknife()),
        ("two_way", inference.TwoWay()),
        ("driscoll_kraay", inference.DriscollKraay()),
        ("analytical", Analytical()),
    ],
)
def test_every_word_means_one_object_and_takes_draws_and_seed(name: str, chosen: object) -> None:
    assert inference.choose(name, draws=99, seed=5) == chosen
    assert name in inference.NAMES


def test_no_word_is_untested_and_another_is_refused() -> None:
    assert len(inference.NAMES) == 12
    with pytest.raises(OptionError, match="Did you mean 'jackknife'"):
        inference.choose("jacknife")
