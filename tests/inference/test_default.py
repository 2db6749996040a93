"""Which inference a design gets, and what it is told."""

from __future__ import annotations

import numpy as np
import pytest

from whatworks.errors import OptionError
from whatworks.inference import ClusterRobust, Default, WildCluster
from whatworks.inference.default import ByClusters, ClusterCounts, count_clusters, decide
from whatworks.inference.errors.influence import Analytical
from whatworks.results import NotAvailable


def counts(clusters, treated, comparison=None):
    comparison = clusters - treated if comparison is None else comparison
    return ClusterCounts(clusters, 3 * treated, treated, 3 * comparison, comparison)


def test_counting_both_sides():
    cluster = np.array([0, 0, 1, 1, 2, 2, 3])
    treated = np.array([1, 0, 1, 1, 0, 0, 0], dtype=bool)
    comparison = np.array([0, 1, 0, 0, 1, 1, 0], dtype=bool)
    found = count_clusters(cluster, treated, comparison)
    assert (found.clusters, found.treated_units, found.treated_clusters) == (3, 3, 2)
    assert (found.comparison_units, found.comparison_clusters) == (3, 2)
    alone = count_clusters(None, treated, ~treated)
    assert (alone.clusters, alone.treated_clusters, alone.comparison_clusters) == (7, 3, 4)


@pytest.mark.parametrize(
    ("clusters", "treated", "expected"),
    [
        (40, 20, ClusterRobust()),
        (39, 19, WildCluster()),
        (64, 19, WildCluster()),
        (64, 45, WildCluster()),
        (12, 4, WildCluster()),
        (6, 3, WildCluster()),
        (5, 2, WildCluster(weights="webb")),
    ],
)
def test_default_by_size(clusters, treated, expected):
    choice = decide(None, counts(clusters, treated), many=ClusterRobust())
    assert choice.inference == expected
    assert choice.reason.startswith("the default with")


def test_draws_and_seed_of_the_default():
    choice = decide(Default(draws=999, seed=7), counts(12, 4), many=ClusterRobust())
    assert choice.inference == WildCluster(draws=999, seed=7)


@pytest.mark.parametrize(("treated", "comparison", "words"), [(1, 11, "treated"), (11, 1, "comparison")])
@pytest.mark.parametrize("asked", [None, ClusterRobust(), WildCluster()])
def test_one_cluster_on_a_side_has_no_error_whatever_is_asked(treated, comparison, words, asked):
    choice = decide(asked, counts(12, treated, comparison), many=ClusterRobust())
    assert isinstance(choice.inference, NotAvailable)
    assert words in choice.reason
    assert "synthetic control and placebo ranks" in choice.reason


def test_one_unit_is_named_as_one_unit():
    choice = decide(None, count_clusters(None, np.arange(9) == 4, np.arange(9) != 4), many=ClusterRobust())
    assert "only one treated unit" in choice.reason


def test_few_treated_clusters_are_warned_about():
    for total, treated in ((12, 3), (48, 2), (12, 9)):
        (warning,) = decide(None, counts(total, treated), many=ClusterRobust()).warnings
        assert f"Only {min(treated, total - treated)} of {total} clusters" in warning
        assert ("treated." if treated < total / 2 else "comparison.") in warning
    assert not decide(None, counts(12, 4), many=ClusterRobust()).warnings
    assert not decide(None, counts(12, 8), many=ClusterRobust()).warnings


def test_four_of_many_clusters_make_the_bootstrap_of_scores_cautious():
    for asked in (None, WildCluster(draws=999)):
        (warning,) = decide(asked, counts(48, 4), many=Analytical("clusters"), by_scores=True).warnings
        assert "With 4 clusters on one side of 48" in warning
        assert "about 3% of cases" in warning
        assert decide(asked, counts(48, 44), many=Analytical("clusters"), by_scores=True).warnings
        for clusters, treated in ((31, 4), (12, 4), (48, 5)):
            assert not decide(asked, counts(clusters, treated), many=Analytical(), by_scores=True).warnings
    assert not decide(None, counts(48, 4), many=ClusterRobust()).warnings
    assert not decide(Analytical(), counts(48, 4), many=Analytical(), by_scores=True).warnings


def test_one_entry_settles_refuses_and_warns():
    entry = ByClusters(
        ClusterRobust | WildCluster | Default | None,
        "inference={!r} does not apply",
        "Use ClusterRobust().",
        many=ClusterRobust(),
        few="{clusters} are few",
    )
    assert entry.settle(None, counts(64, 32), "here") == decide(None, counts(64, 32), many=ClusterRobust())
    assert entry.settle(ClusterRobust(), counts(12, 6), "here").warnings == ("12 are few",)
    assert not entry.settle(ClusterRobust("CR2"), counts(12, 6), "here").warnings
    for other in ("wild", Analytical()):
        with pytest.raises(OptionError, match=r"does not apply(.|\n)*Use ClusterRobust"):
            entry.settle(other, counts(12, 6), "here")
    with pytest.raises(OptionError, match="WildCluster"):
        entry.require(WildCluster(), "here", but=(WildCluster,))
