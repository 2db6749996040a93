"""Small-sample corrections by name: what fixest, Stata and R's did print, by formula and by stored number."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from reference_numbers import borough_panel, boroughs, entries, fit_twfe

from whatworks import did, errors, inference
from whatworks.inference import ClusterRobust, Conley, DriscollKraay, Jackknife, TwoWay, WildCluster
from whatworks.inference.errors.correction import correct
from whatworks.inference.errors.influence import Analytical
from whatworks.inference.fits import two_way_effects
from whatworks.panel import Panel
from whatworks.results import NotAvailable

ONE = np.eye(1)

# changes 3 and 1 in the treated, 0 and 2 in the others: the effect is 2 − 1 = 1, every unit's influence ±½
BY_HAND = np.array([[10.0, 13.0], [20.0, 21.0], [30.0, 30.0], [40.0, 42.0]])
TREATED = np.array([[0.0, 1.0], [0.0, 1.0], [0.0, 0.0], [0.0, 0.0]])


def by_hand(**settings):
    fit = two_way_effects.fit(BY_HAND, TREATED[None], names=("D",))
    return ClusterRobust(**settings).from_regression(fit, ONE)


@pytest.mark.parametrize(
    ("settings", "variance"),
    [
        # four influences of ½: the squares sum to 1
        ({"kind": "CR0"}, 1.0),
        # G/(G − 1)
        ({}, 4 / 3),
        # · (n − 1)/(n − K): the effect, one period dummy and the constant, K = 3; xtreg, reghdfe
        ({"correction": "fixest"}, 4 / 3 * 7 / 5),
        # and the three unit dummies, K = 6; regress, areg
        ({"correction": "stata"}, 4 / 3 * 7 / 2),
    ],
)
def test_by_hand(settings, variance):
    found = by_hand(**settings)
    assert found.value[0] == pytest.approx(1.0)
    assert found.std_error[0] == pytest.approx(np.sqrt(variance), rel=1e-12)
    # t(3) has a closed form: P(|t| > x) = 1 − 2/π·(√3·x/(3 + x²) + arctan(x/√3))
    x = 1 / np.sqrt(variance)
    tail = 1 - 2 / np.pi * (np.sqrt(3) * x / (3 + x**2) + np.arctan(x / np.sqrt(3)))
    assert found.df == 3
    assert found.p_value[0] == pytest.approx(tail, rel=1e-10)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"kind": "CR0"}, "(CR0, no small-sample factor); t with 3 degrees of freedom"),
        ({}, "(CR1, factor 4/3); t with 3 degrees of freedom"),
        (
            {"correction": "fixest"},
            "(CR1, factor 4/3 × 7/5 as fixest and Stata's xtreg and reghdfe print: K = 3, "
            "fixed effects nested in clusters not counted); t with 3 degrees of freedom",
        ),
        (
            {"correction": "stata"},
            "(CR1, factor 4/3 × 7/2 as Stata's regress and areg print: K = 6, every fixed effect counted); "
            "t with 3 degrees of freedom",
        ),
    ],
)
def test_the_sentence_spells_out_the_factor(settings, words):
    assert by_hand(**settings).sentence == f"Cluster-robust standard error over 4 clusters {words}"


@pytest.mark.parametrize(("cluster", "clusters"), [(None, 32), ("bcu", 12)])
def test_every_name_against_fixest_and_the_dummies(cluster, clusters):
    # boroughs.csv: n = 1,536; K = 1 + 48, and 31 more with the borough dummies
    stored = entries("fixest")["twfe.y"]["results"]
    key = f"cluster_{cluster or 'unit'}"
    theirs = {
        "fixest": stored[f"{key}.default"],
        "stata": stored["ssc_variants"]["K_full"][key],
        "clusters": stored["ssc_variants"]["G_adj_only"][key],
    }
    raw = stored[f"{key}.raw"]["se"][0]
    counted = {"fixest": 1535 / (1536 - 49), "stata": 1535 / (1536 - 80), "clusters": 1.0}
    panel = borough_panel(cluster=cluster)
    for name, numbers in theirs.items():
        head = did.twoway(panel, inference=ClusterRobust(correction=name)).headline
        assert head.std_error == pytest.approx(numbers["se"][0], rel=1e-7), name
        assert head.df == clusters - 1
        by_formula = raw * np.sqrt(clusters / (clusters - 1) * counted[name])
        assert head.std_error == pytest.approx(by_formula, rel=1e-7), name
        assert f"factor {clusters}/{clusters - 1}" in head.inference
    stata = did.twoway(panel, inference=ClusterRobust(correction="stata")).headline
    assert "× 1,535/1,456 as Stata's regress and areg print: K = 80" in stata.inference
    boottest = entries("fewclusters")["clubSandwich.y_bcu.bcu.CR1S"]["results"]
    assert ClusterRobust(correction="stata").from_regression(
        fit_twfe(borough_panel("y_bcu", "start_bcu", "bcu")), ONE
    ).std_error[0] == pytest.approx(boottest["se"], rel=1e-7)


@pytest.mark.parametrize(
    ("variant", "ours"),
    [
        ("default__cluster_id", ClusterRobust(correction="fixest")),
        ("fixefK_full__cluster_id", ClusterRobust(correction="stata")),
        ("Gadj_only__cluster_id", ClusterRobust()),
        ("none__cluster_id", ClusterRobust("CR0")),
    ],
)
def test_published_event_study_under_every_ssc(reference_public, variant, ours):
    text = (reference_public / "goldens" / "base_did__fixest_twfe.json").read_text(encoding="utf-8")
    theirs = json.loads(text)["results"]["ssc_base_did"][variant]
    table = pd.read_csv(reference_public / "data" / "base_did.csv").sort_values(["id", "period"])

    def grid(column):
        return table[column].to_numpy(dtype=float).reshape(-1, 10)

    treat, period = grid("treat"), grid("period")
    design = np.stack([grid("x1"), *(treat * (period == t) for t in range(1, 11) if t != 5)])
    fit = two_way_effects.fit(grid("y"), design, names=theirs["terms"])
    found = ours.from_regression(fit, np.eye(10))
    np.testing.assert_allclose(found.value, theirs["estimate"], rtol=1e-7)
    np.testing.assert_allclose(found.std_error, theirs["se"], rtol=1e-7)
    np.testing.assert_allclose(found.p_value, theirs["p"], rtol=1e-6)
    assert found.df == 107


def test_poisson_is_referred_to_the_normal_as_in_fixest_and_stata():
    theirs = entries("fixest")["poisson.count"]["results"]["cluster_bcu.default"]
    roles = {"unit": "borough", "period": "t", "outcome": "count", "start": "start", "exposure": "population"}
    panel = Panel.from_frame(boroughs(), cluster="bcu", **roles)
    fixest = did.poisson(panel, inference=ClusterRobust(correction="fixest")).detail.log_effect
    assert isinstance(fixest.df, NotAvailable)
    assert fixest.low == pytest.approx(theirs["ci_low"][0], rel=1e-6)
    assert fixest.p_value == pytest.approx(theirs["p"][0], rel=1e-5)
    assert fixest.inference.count("normal quantiles") == 1
    plain = did.poisson(panel, inference=ClusterRobust()).detail.log_effect
    stata = did.poisson(panel, inference=ClusterRobust(correction="stata")).detail.log_effect
    assert stata.std_error == pytest.approx(plain.std_error, rel=1e-12)
    assert isinstance(stata.df, NotAvailable)
    assert plain.df == 11


def test_did_of_r_and_the_cluster_factor():
    stored = entries("did")["cluster_bcu.analytical.y"]["results"]["aggte"]["simple"]
    panel = borough_panel(cluster="bcu")
    as_r = did.att_gt(panel, inference=Analytical()).headline
    assert as_r.value == pytest.approx(stored["overall_att"], rel=1e-7)
    assert as_r.std_error == pytest.approx(stored["overall_se"], rel=1e-7)
    assert isinstance(as_r.df, NotAvailable)
    assert "no small-sample factor, as R's did prints; normal quantiles" in as_r.inference
    ours = did.att_gt(panel, inference=Analytical("clusters")).headline
    assert ours.std_error == pytest.approx(stored["overall_se"] * np.sqrt(12 / 11), rel=1e-7)
    assert ours.df == 11
    assert "factor 12/11; t with 11 degrees of freedom" in ours.inference


def test_sentences_of_the_other_sandwiches_name_their_factor():
    fit = fit_twfe(borough_panel())
    places = np.column_stack([np.linspace(51.3, 51.7, 32), np.linspace(-0.5, 0.3, 32)])
    for method, words in (
        (TwoWay(), "(CR1, factor 32/31); t with 31"),
        (TwoWay("CR0"), "(CR0, no small-sample factor); t with 31"),
        (TwoWay(correction="fixest"), "× 1,535/1,534 as fixest"),
        (DriscollKraay(2), "48 periods; factor 48/47); t with 47"),
        (DriscollKraay(2, "none"), "48 periods; no small-sample factor); t with 47"),
        (DriscollKraay(2, "fixest"), "factor 48/47 × 1,535/1,456 as fixest"),
        (Jackknife(), "(CV3, factor 31/32, refits without each in turn); t with 31"),
        (WildCluster(draws=99), "test does not reject; the standard error beside it has factor 32/31"),
        (Conley(5, places), "over time; factor 32/31); t with 31"),
        (Conley(5, places, "none"), "over time; no small-sample factor); t with 31"),
        (Conley(5, places, "fixest"), "factor 1,536/1,456 as fixest prints: K = 80"),
    ):
        assert words in method.from_regression(fit, ONE).sentence


def test_more_coefficients_than_observations_are_refused():
    # two units, two periods: the effect, a period dummy, a unit dummy and the constant leave nothing
    fit = two_way_effects.fit(
        np.array([[1.0, 3.0], [1.0, 1.5]]), np.array([[[0.0, 1.0], [0.0, 0.0]]]), names="D"
    )
    with pytest.raises(errors.OptionError, match="n = 4 observations for K = 4"):
        ClusterRobust(correction="stata").from_regression(fit, ONE)
    with pytest.raises(errors.OptionError, match="n = 4 observations for K = 4"):
        Conley(1, np.zeros((2, 2)), "fixest").from_regression(fit, ONE)
    assert correct("fixest", fit, pieces=2, counted=3, what="").factor == pytest.approx(2 * 3)


def test_the_words_of_a_study_take_settings():
    assert inference.choose("cluster:correction=stata") == ClusterRobust(correction="stata")
    assert inference.choose("cluster:kind=CR1,correction=fixest") == ClusterRobust(correction="fixest")
    assert inference.choose("analytical: correction = clusters") == Analytical("clusters")
    assert inference.choose("wild:draws=99,null=free", draws=999, seed=3) == inference.WildCluster(
        99, 3, null="free"
    )
    assert inference.choose("driscoll_kraay:lags=none") == DriscollKraay()
    assert inference.choose("driscoll_kraay:lags=2") == DriscollKraay(2)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("cluster:corection=stata", "Did you mean 'correction'"),
        ("cluster:correction=sata", "Did you mean 'stata'"),
        ("cluster:kind=CR2,correction=stata", "would be ignored"),
        ("cluster:stata", "'stata' is not NAME=VALUE"),
        ("cluster:kind=CR1,kind=CR0", "'kind' is given twice"),
        ("wild:draws=many", "'many' is not a whole number"),
        ("randomisation:within=a", "cannot be given as text"),
        ("clutser:correction=stata", "Did you mean 'cluster'"),
    ],
)
def test_settings_that_cannot_be_meant(text, words):
    with pytest.raises(errors.OptionError, match=words):
        inference.choose(text)


def test_coordinates_leave_a_fingerprint():
    places = np.array([[51.5, -0.1], [51.6, 0.0]])
    same, moved = Conley(2.0, places.copy()), Conley(2.0, places + np.array([[0, 1e-9], [0, 0]]))
    assert repr(Conley(2.0, places)) == repr(same)
    assert repr(same) != repr(moved)
    assert repr(same).startswith("Conley(km=2.0, coordinates=<2 places, sha256 ")
