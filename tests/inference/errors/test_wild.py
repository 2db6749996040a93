"""Wild cluster bootstrap against fwildclusterboot (tests/reference) and one regression per sign vector."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_numbers import borough_panel, entries
from slow_regression import Slow

from whatworks import errors
from whatworks.inference import WildCluster, draws
from whatworks.inference.fits import two_way_effects

ONE = np.eye(1)
PANELS = {"y": borough_panel("y", "start", "bcu"), "y_bcu": borough_panel("y_bcu", "start_bcu", "bcu")}


def fit_twfe(panel):
    return two_way_effects.fit(
        panel.outcome,
        panel.treated[None].astype(float),
        names=("D",),
        weight=panel.weight,
        cluster=panel.cluster,
    )


def moved(panel, by):
    """The panel with `by` times the treatment taken off, so that testing `by` becomes testing 0."""
    return panel.with_outcome(panel.outcome - by * panel.treated)


def small(seed=0, clusters=6, effect=0.0):
    """12 units in `clusters` clusters, half of them treated halfway."""
    rng = np.random.default_rng(seed)
    cluster = np.sort(np.arange(12) % clusters)
    D = (cluster[:, None] < clusters / 2) & (np.arange(8) >= 4)
    y = rng.normal(size=(12, 8)) + rng.normal(size=clusters)[cluster][:, None] * (np.arange(8) >= 4)
    return y + effect * D, D[None].astype(float), cluster


@pytest.mark.parametrize("outcome", ["y", "y_bcu"])
def test_p_value_with_the_null_imposed(outcome):
    theirs = entries("fewclusters")[f"boottest.{outcome}.rademacher.WCR"]["results"]
    ours = WildCluster().from_regression(fit_twfe(PANELS[outcome]), ONE)
    # theirs counts |t*| strictly above |t|; the sample itself and its mirror tie, and ours counts ties
    assert ours.p_value[0] == theirs["p"] + 2 / 4096
    assert ours.value[0] == pytest.approx(theirs["estimate"], rel=1e-7)
    assert theirs["draws"] == 4096


@pytest.mark.parametrize("null", ["0.5", "0.4"])
def test_p_value_of_another_null(null):
    theirs = entries("fewclusters")[f"boottest.y_bcu.rademacher.WCR.r_minus{null}"]["results"]
    panel = moved(PANELS["y_bcu"], -float(null))
    assert WildCluster().from_regression(fit_twfe(panel), ONE).p_value[0] == theirs["p"] + 2 / 4096


def test_p_value_with_the_null_free():
    # the unrestricted fit reproduces no sample statistic, so the sample is added: (1 + count)/(1 + 4096)
    stored = entries("fewclusters")
    for outcome in ("y", "y_bcu"):
        theirs = stored[f"boottest.{outcome}.rademacher.WCU"]["results"]
        ours = WildCluster(null="free").from_regression(fit_twfe(PANELS[outcome]), ONE)
        assert ours.p_value[0] == pytest.approx((1 + 4096 * theirs["p"]) / 4097, rel=1e-12)
    theirs = stored["boottest.y_bcu.rademacher.WCU.r_minus0.5"]["results"]
    ours = WildCluster(null="free").from_regression(fit_twfe(moved(PANELS["y_bcu"], -0.5)), ONE)
    assert ours.p_value[0] == pytest.approx((1 + 4096 * theirs["p"]) / 4097, rel=1e-12)


@pytest.mark.parametrize(
    ("entry", "outcome", "null"),
    [
        ("boottest.y_bcu.rademacher.WCR", "y_bcu", "imposed"),
        ("boottest.y.rademacher.WCR", "y", "imposed"),
        ("boottest.y_bcu.rademacher.WCU", "y_bcu", "free"),
    ],
)
def test_interval_ends(entry, outcome, null):
    """The stored ends interpolate p between grid points, ours sit on the step, and ours count two ties more.

    So at a stored end our p must be 0.05 within the steps that the interpolation spans, and the ends agree to
    1 part in 100 of the interval's length.
    """
    theirs = entries("fewclusters")[entry]["results"]
    panel = PANELS[outcome]
    method = WildCluster(null=null)
    ours = method.from_regression(fit_twfe(panel), ONE)
    length = theirs["ci_high"] - theirs["ci_low"]
    for end, stored in ((ours.low[0], theirs["ci_low"]), (ours.high[0], theirs["ci_high"])):
        assert end == pytest.approx(stored, abs=0.01 * length)
        at_stored = method.from_regression(fit_twfe(moved(panel, stored)), ONE).p_value[0]
        assert at_stored == pytest.approx(0.05, abs=12 / 4096)


def test_webb_within_monte_carlo_error():
    # seeds differ, so p may differ by Monte Carlo error; the stored p is 0.0006 from 99,999 draws
    theirs = entries("fewclusters")["boottest.y_bcu.webb.WCR.B99999"]["results"]
    ours = WildCluster(draws=99_999, weights="webb").from_regression(fit_twfe(PANELS["y_bcu"]), ONE)
    noise = np.sqrt(2 * theirs["p"] / 99_999)
    assert ours.p_value[0] == pytest.approx(theirs["p"], abs=4 * noise)
    assert ours.low[0] == pytest.approx(theirs["ci_low"], abs=0.01)
    assert ours.high[0] == pytest.approx(theirs["ci_high"], abs=0.01)


@pytest.mark.parametrize("seed", range(3))
def test_every_sign_vector_by_its_own_regression(seed):
    y, D, cluster = small(seed, effect=0.5)
    slow = Slow(y, D, cluster)
    ours = WildCluster().from_regression(two_way_effects.fit(y, D, names=("D",), cluster=cluster), ONE)
    assert ours.p_value[0] == slow.wild_p(ONE[0])[0]


def test_webb_draws_by_their_own_regressions_with_weights_and_another_regressor():
    y, D, cluster = small(4, effect=0.5)
    rng = np.random.default_rng(9)
    X, weight = np.concatenate([D, rng.normal(size=(1, 12, 8))]), rng.uniform(0.5, 2, size=12)
    method = WildCluster(draws=199, seed=3, weights="webb")
    flips = draws.weights("webb", 199, 6, seed=3)
    contrast = np.array([1.0, 0.4])
    share, _ = Slow(y, X, cluster, weight).wild_p(contrast, 0.0, flips)
    fit = two_way_effects.fit(y, X, names="ab", weight=weight, cluster=cluster)
    ours = method.from_regression(fit, contrast[None])
    assert ours.p_value[0] == pytest.approx((1 + 199 * share) / 200, rel=1e-12)


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000), clusters=st.integers(6, 9), null=st.sampled_from(["imposed", "free"]))
def test_interval_inverts_the_test(seed, clusters, null):
    y, D, cluster = small(seed, clusters, effect=1.0)
    method = WildCluster(null=null)
    found = method.from_regression(two_way_effects.fit(y, D, names=("D",), cluster=cluster), ONE, level=0.9)
    assert 0 < found.p_value[0] <= 1

    def p_at(null_value):
        fit = two_way_effects.fit(y - null_value * D[0], D, names=("D",), cluster=cluster)
        return method.from_regression(fit, ONE).p_value[0]

    for end, sign in ((found.low[0], -1), (found.high[0], 1)):
        if np.isnan(end):
            assert "does not reject" in found.reason[0]
            assert p_at(found.value[0] + sign * 50 * found.std_error[0]) > 0.1
            continue
        assert sign * (end - found.value[0]) >= 0
        step = 1e-6 * found.std_error[0]
        assert p_at(end - sign * step) > 0.1
        assert p_at(end + sign * step) <= 0.1 + 1e-12


@settings(max_examples=15)
@given(
    seed=st.integers(0, 1000), scale=st.floats(0.01, 100), unit=st.floats(-50, 50), period=st.floats(-50, 50)
)
def test_shifts_and_scale(seed, scale, unit, period):
    y, D, cluster = small(seed)
    rng = np.random.default_rng(seed)
    other = scale * y + unit * rng.normal(size=(12, 1)) + period * rng.normal(size=(1, 8))
    first, second = (
        WildCluster().from_regression(two_way_effects.fit(v, D, names=("D",), cluster=cluster), ONE)
        for v in (y, other)
    )
    assert second.p_value[0] == first.p_value[0]
    np.testing.assert_allclose(
        [second.value[0], second.low[0], second.high[0]],
        scale * np.array([first.value[0], first.low[0], first.high[0]]),
        rtol=1e-6,
        atol=1e-7 * scale,
    )


def test_relabelling_and_order_of_units():
    y, D, cluster = small(1, effect=0.7)
    order = np.random.default_rng(0).permutation(12)
    names = np.random.default_rng(1).permutation(6)
    plain = WildCluster().from_regression(two_way_effects.fit(y, D, names=("D",), cluster=cluster), ONE)
    fit = two_way_effects.fit(y[order], D[:, order], names=("D",), cluster=names[cluster][order])
    mixed = WildCluster().from_regression(fit, ONE)
    assert mixed.p_value[0] == plain.p_value[0]
    np.testing.assert_allclose([mixed.low[0], mixed.high[0]], [plain.low[0], plain.high[0]], rtol=1e-9)


def test_a_unit_twice_is_a_unit_of_weight_two():
    y, D, cluster = small(2, effect=0.7)
    rows = np.append(np.arange(12), 3)
    weight = np.ones(12)
    weight[3] = 2
    twice = two_way_effects.fit(y[rows], D[:, rows], names=("D",), cluster=cluster[rows])
    heavy = two_way_effects.fit(y, D, names=("D",), cluster=cluster, weight=weight)
    one, other = (WildCluster().from_regression(fit, ONE) for fit in (twice, heavy))
    assert one.p_value[0] == other.p_value[0]
    np.testing.assert_allclose(
        [one.value[0], one.std_error[0], one.low[0], one.high[0]],
        [other.value[0], other.std_error[0], other.low[0], other.high[0]],
        rtol=1e-9,
    )


def test_five_clusters_cannot_reject_and_say_so():
    y, D, cluster = small(3, clusters=5, effect=50.0)
    found = WildCluster().from_regression(two_way_effects.fit(y, D, names=("D",), cluster=cluster), ONE)
    assert found.p_value[0] == 2 / 32
    assert np.isnan(found.low[0])
    assert np.isnan(found.high[0])
    assert "does not reject" in found.reason[0]
    estimate = found.estimate(0, estimand="x", scale="y")
    assert "does not reject" in str(estimate.low)


def test_random_draws_never_give_zero_and_repeat_with_their_seed():
    rng = np.random.default_rng(0)
    D = ((np.arange(20)[:, None] < 10) & (np.arange(4) >= 2))[None].astype(float)
    fit = two_way_effects.fit(rng.normal(size=(20, 4)) + 9 * D[0], D, names=("D",))
    first, again, other = (WildCluster(draws=999, seed=s).from_regression(fit, ONE) for s in (1, 1, 2))
    assert first.p_value[0] >= 1 / 1000
    assert (first.low[0], first.high[0]) == (again.low[0], again.high[0])
    assert first.low[0] != other.low[0]
    assert "seed 1" in first.sentence


@pytest.mark.parametrize(
    "options", [{"draws": 10}, {"draws": 999.5}, {"seed": -1}, {"weights": "normal"}, {"null": "none"}]
)
def test_options_are_checked(options):
    with pytest.raises(errors.OptionError):
        WildCluster(**options)


def test_draws_have_mean_0_and_variance_1():
    for kind in ("rademacher", "webb", "mammen"):
        w = draws.weights(kind, 4000, 50, seed=1)
        assert w.mean() == pytest.approx(0, abs=4 / np.sqrt(w.size))
        assert w.var() == pytest.approx(1, abs=0.02)
    assert len(np.unique(draws.weights("webb", 100, 50, seed=1))) == 6
    signs = np.concatenate(list(draws.Flips("rademacher", 99, 5, 1, every=True)))
    assert len(np.unique(np.vstack([signs, -signs]), axis=0)) == 32
    assert (signs[0] == 1).all()


def test_blocks_of_weights_are_the_whole_cut_in_pieces():
    # 3,000 clusters: 699 rows to a block, so 1,500 draws need three
    whole = draws.weights("webb", 1500, 3000, seed=2)
    again = draws.Flips("webb", 1500, 3000, 2)
    assert len(list(again)) == 3
    np.testing.assert_array_equal(np.concatenate(list(again)), whole)
    short = draws.weights("webb", 20, 3000, seed=2)
    np.testing.assert_array_equal(short, whole[:20])


def test_many_clusters_take_the_same_path_to_the_same_numbers():
    # with more clusters than absorbed effects the refits are applied as factors, not as a matrix
    rng = np.random.default_rng(6)
    D = ((np.arange(30)[:, None] < 11) & (np.arange(5) >= 2))[None].astype(float)
    y = rng.normal(size=(30, 5)) + 0.4 * D[0]
    flips = draws.weights("rademacher", 199, 30, seed=1)
    share, _ = Slow(y, D, np.arange(30)).wild_p(ONE[0], 0.0, flips)
    ours = WildCluster(draws=199).from_regression(two_way_effects.fit(y, D, names=("D",)), ONE)
    assert ours.p_value[0] == pytest.approx((1 + 199 * share) / 200, rel=1e-12)
