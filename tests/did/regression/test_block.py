"""did.block: by hand, against fixest (tests/reference), its invariances, and what it refuses."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_numbers import boroughs, entries

from whatworks import Panel, Result, did, errors
from whatworks.inference import ClusterRobust, Default, WildCluster
from whatworks.inference.errors.influence import Analytical
from whatworks.results import NotAvailable


def frame(units=10, periods=6, treated=4, start=3, seed=0, effect=2.0, clusters=None):
    """A table of units by periods; the first `treated` units start in period `start`."""
    rng = np.random.default_rng(seed)
    u, t = np.repeat(np.arange(units), periods), np.tile(np.arange(periods), units)
    y = rng.normal(size=units * periods) + u + 0.5 * t + effect * ((u < treated) & (t >= start)) + 20
    table = pd.DataFrame({"unit": [f"u{i:02d}" for i in u], "t": t, "y": y})
    table["start"] = np.where(u < treated, start, np.nan)
    if clusters:
        table["cluster"] = [f"c{i % clusters}" for i in u]
    return table


def panel(table, **roles):
    if "cluster" in table:
        roles.setdefault("cluster", "cluster")
    return Panel.from_frame(table, unit="unit", period="t", outcome="y", start="start", **roles)


def test_two_by_two_by_hand():
    # treated a, b: 10, 14 → 6, 8 (mean 12 → 7); others c, d, e: 8, 10, 12 → 9, 9, 15 (10 → 11)
    # (7 − 12) − (11 − 10) = −6; without it the treated would have had 13, so −6/13 = −46.2%
    values = {"a": (10, 6), "b": (14, 8), "c": (8, 9), "d": (10, 9), "e": (12, 15)}
    rows = [
        (u, t, y, 2 if u in "ab" else None)
        for u, pair in values.items()
        for t, y in zip((1, 2), pair, strict=True)
    ]
    table = pd.DataFrame(rows, columns=["unit", "t", "y", "start"])
    result = did.block(panel(table), inference=ClusterRobust("CR0"))
    assert result.headline.value == pytest.approx(-6)
    np.testing.assert_allclose(result.detail.means, [[12, 7], [10, 11]])
    assert result.relative.value == pytest.approx(-600 / 13)
    # changes −4, −6 and 1, −1, 3: deviations ±1 and 0, ±2; CR0 variance of a difference of means
    # is the sum of squared deviations over squared group sizes: 2/4 + 8/9
    assert result.headline.std_error == pytest.approx(np.sqrt(2 / 4 + 8 / 9))
    assert any("treated units 12 before and 7 after (change -5)" in note for note in result.notes)
    assert any("Difference of the changes: -6." in note for note in result.notes)


def cohort_25(cluster=None, covariates=()):
    table = boroughs()
    table = table[(table["start"] == 25) | table["start"].isna()]
    return Panel.from_frame(
        table, unit="borough", period="t", outcome="y", start="start", cluster=cluster, covariates=covariates
    )


@pytest.mark.parametrize(("cluster", "vcov"), [(None, "cluster_unit"), ("bcu", "cluster_bcu")])
def test_fixest(cluster, vcov):
    theirs = entries("fixest")["did_2x2.cohort25_vs_never.y"]["results"][f"{vcov}.default"]
    ours = did.block(cohort_25(cluster), inference=ClusterRobust(correction="fixest")).headline
    assert ours.value == pytest.approx(theirs["estimate"][0], rel=1e-7)
    assert ours.std_error == pytest.approx(theirs["se"][0], rel=1e-7)
    assert (ours.low, ours.high) == pytest.approx((theirs["ci_low"][0], theirs["ci_high"][0]), rel=1e-7)
    assert ours.p_value == pytest.approx(theirs["p"][0], rel=1e-7)
    assert ours.df == theirs["df_t"]


def test_fixest_pooled_regression_has_the_same_coefficient():
    # `treat * post` without fixed effects: the interaction is the last term
    theirs = entries("fixest")["did_2x2.pooled.y"]["results"]["iid.default"]
    assert did.block(cohort_25()).headline.value == pytest.approx(theirs["estimate"][-1], rel=1e-7)


def test_defaults_explain_themselves():
    few = did.block(panel(frame()))
    assert few.spec["inference"] == repr(WildCluster())
    assert "only 10 clusters" in few.headline.inference
    assert "all 1,024 sign vectors" in few.headline.inference
    assert few.seed is None
    many = did.block(panel(frame(units=60, treated=30)))
    assert many.spec["inference"] == repr(ClusterRobust())
    assert many.headline.df == 59
    drawn = did.block(panel(frame(units=20, treated=9)), inference=Default(draws=199, seed=8))
    assert drawn.seed == 8
    assert "199 Rademacher draws, seed 8" in drawn.headline.inference


def test_a_t_interval_on_few_clusters_is_warned_about():
    few = did.block(panel(frame(units=12, treated=6)), inference=ClusterRobust())
    assert any("tends to be too narrow" in note for note in few.notes)
    many = did.block(panel(frame(units=40, treated=20)), inference=ClusterRobust())
    wild = did.block(panel(frame(units=12, treated=6)))
    assert not any("narrow" in note for result in (many, wild) for note in result.notes)


def test_result_is_complete_and_survives_json():
    result = did.block(panel(frame(clusters=5)))
    assert result.design.n_clusters == 5
    assert (result.design.n_units, result.design.n_periods, result.design.n_treated) == (10, 6, 4)
    assert isinstance(result.design.allocations, NotAvailable)
    assert result.effects.loc[0, "n"] == 4
    assert result.effects.loc[0, "estimate"] == result.headline.value
    again = Result.from_json(result.to_json())
    assert again.headline == result.headline
    assert result.to_json() == did.block(panel(frame(clusters=5))).to_json()


def test_smallest_detectable_effect_is_on_clusters_minus_one():
    result = did.block(panel(frame()), inference=ClusterRobust())
    # t quantiles for 9 degrees of freedom: 2.262157 and 0.883404
    assert result.design.mde == pytest.approx((2.262157 + 0.883404) * result.headline.std_error, rel=1e-6)


ONE_SIDED = {
    "one treated unit": (frame(treated=1), "only one treated unit"),
    "one comparison unit": (frame(treated=9), "only one comparison unit"),
    "one treated cluster": (
        frame().assign(cluster=lambda d: np.where(d["start"].notna(), "x", d["unit"])),
        "all 4 treated units lie in one",
    ),
    "one comparison cluster": (
        frame().assign(cluster=lambda d: np.where(d["start"].isna(), "x", d["unit"])),
        "all 6 comparison units lie in one",
    ),
}


@pytest.mark.parametrize("asked", [None, ClusterRobust(), WildCluster()], ids=["default", "cluster", "wild"])
@pytest.mark.parametrize("case", ONE_SIDED)
def test_one_unit_or_cluster_has_an_estimate_but_no_error(case, asked):
    table, words = ONE_SIDED[case]
    result = did.block(panel(table), inference=asked)
    headline = result.headline
    assert headline.value == pytest.approx(
        did.block(panel(table.drop(columns="cluster", errors="ignore"))).headline.value
    )
    for number in (
        headline.std_error,
        headline.low,
        headline.high,
        headline.p_value,
        headline.df,
        result.design.mde,
    ):
        assert isinstance(number, NotAvailable)
        assert words in number.reason
        assert "synthetic control and placebo ranks" in number.reason
    assert words in result.effects.loc[0, "reason"]
    assert isinstance(result.relative.low, NotAvailable)
    assert isinstance(result.relative.value, float)
    assert any(words in note for note in result.notes)
    Result.from_json(result.to_json())


def test_staggered_starts_are_sent_to_att_gt():
    table = frame()
    table.loc[table["unit"] == "u00", "start"] = 4
    with pytest.raises(errors.DesignError, match=r"2 dates.*\n.*did\.att_gt"):
        did.block(panel(table))


def test_no_comparison_no_treatment_one_cluster_missing_cells():
    table = frame()
    with pytest.raises(errors.DesignError, match="no comparison unit"):
        did.block(panel(table.assign(start=3)))
    with pytest.raises(errors.DesignError, match="no unit starts treatment inside"):
        did.block(panel(table.assign(start=np.nan)))
    with pytest.raises(errors.DesignError, match="one cluster in all"):
        did.block(panel(table.assign(cluster="x")))
    gappy = Panel.from_frame(
        table.drop(index=[7, 20]), unit="unit", period="t", outcome="y", start="start", allow_missing=True
    )
    with pytest.raises(errors.DesignError, match=r"2 of 60 cells are missing: u01 1, u03 2"):
        did.block(gappy)
    assert did.block(gappy.drop_incomplete()).design.n_units == 8


def test_no_period_before():
    with pytest.raises(errors.DesignError, match="no period before treatment: u00, u01"):
        did.block(panel(frame()).with_start(np.array([0] * 4 + [np.iinfo(np.int64).max] * 6)))


def test_inference_of_another_method_is_refused():
    with pytest.raises(errors.OptionError, match="ClusterRobust"):
        did.block(panel(frame()), inference=Analytical())
    with pytest.raises(errors.OptionError, match="95%"):
        did.block(panel(frame()), level=95)


def test_starts_after_the_window_are_comparison_units():
    table = frame()
    late = table.assign(start=table["start"].where(table["unit"] != "u09", 11))
    assert did.block(panel(late)).headline.value == did.block(panel(table)).headline.value


def numbers(result):
    h = result.headline
    return np.array([h.value, h.std_error, h.low, h.high])


@settings(max_examples=20)
@given(seed=st.integers(0, 10_000), scale=st.floats(0.05, 50), wild=st.booleans())
def test_unit_and_period_shifts_and_scale(seed, scale, wild):
    table = frame(seed=seed)
    rng = np.random.default_rng(seed)
    by_unit, by_period = 9 * rng.normal(size=10), 9 * rng.normal(size=6)
    other = table.assign(y=scale * table["y"] + np.repeat(by_unit, 6) + np.tile(by_period, 10))
    method = WildCluster() if wild else ClusterRobust()
    one, two = (did.block(panel(t), inference=method) for t in (table, other))
    np.testing.assert_allclose(numbers(two), scale * numbers(one), rtol=1e-7, atol=1e-8 * scale)
    assert two.headline.p_value == pytest.approx(one.headline.p_value, rel=1e-7)


@settings(max_examples=15)
@given(seed=st.integers(0, 10_000), shift=st.floats(-20, 20))
def test_a_shift_of_the_treated_cells_moves_the_estimate_by_exactly_that(seed, shift):
    table = frame(seed=seed)
    inside = table["start"].notna() & (table["t"] >= 3)
    other = table.assign(y=table["y"] + shift * inside)
    one, two = (did.block(panel(t)) for t in (table, other))
    np.testing.assert_allclose(
        numbers(two), numbers(one) + shift * np.array([1, 0, 1, 1]), rtol=1e-7, atol=1e-8
    )


@settings(max_examples=10)
@given(order=st.randoms(use_true_random=False))
def test_row_order_changes_no_byte(order):
    table = frame(clusters=5)
    rows = list(range(len(table)))
    order.shuffle(rows)
    assert did.block(panel(table.iloc[rows])).to_json() == did.block(panel(table)).to_json()


def test_relabelling_units():
    table = frame()
    names = dict(
        zip(sorted(set(table["unit"])), np.random.default_rng(0).permutation(10).astype(str), strict=True)
    )
    one, two = (did.block(panel(t)) for t in (table, table.assign(unit="x" + table["unit"].map(names))))
    np.testing.assert_allclose(numbers(two), numbers(one), rtol=1e-9)
    assert two.headline.p_value == one.headline.p_value


def test_a_unit_twice_is_a_unit_of_weight_two():
    table = frame(clusters=5).assign(w=1.0)
    copy = table[table["unit"] == "u03"].assign(unit="u03 again")
    heavy = table.assign(w=np.where(table["unit"] == "u03", 2.0, 1.0))
    for method in (ClusterRobust(), WildCluster(weights="webb", draws=499)):
        one = did.block(panel(pd.concat([table, copy])), inference=method)
        two = did.block(panel(heavy, weight="w"), inference=method)
        np.testing.assert_allclose(numbers(two), numbers(one), rtol=1e-9)


def test_covariates_enter_as_regressors():
    table = frame()
    table["x"] = np.random.default_rng(3).normal(size=len(table))
    table["y"] += 4 * table["x"]
    with_x = did.block(panel(table, covariates=["x"])).headline
    plain = did.block(panel(table)).headline
    assert with_x.std_error < plain.std_error / 2
    assert with_x.value == pytest.approx(2.0, abs=4 * with_x.std_error)
    fixed = table.assign(x=np.repeat(np.arange(10.0), 6))
    with pytest.raises(errors.DesignError, match=r"covariate 'x'.*\n.*did\.att_gt"):
        did.block(panel(fixed, covariates=["x"]))
