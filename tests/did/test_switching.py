"""did.switching: by hand, switch by switch, its invariances, its errors and what it refuses."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whatworks import Panel, did, errors
from whatworks.inference import ClusterRobust, WildCluster
from whatworks.inference.errors.influence import Analytical
from whatworks.results import NotAvailable


def panel(table, covariates=("on",), start=None, **roles):
    return Panel.from_frame(
        table, unit="unit", period="t", outcome="y", covariates=covariates, start=start, **roles
    )


def frame(seed=0, units=60, periods=8, effect=-1.0, flip=0.2):
    """Status switches with probability `flip` in each period; the effect lasts while it is on."""
    rng = np.random.default_rng(seed)
    status = (rng.random((units, periods)) < flip).cumsum(axis=1) % 2
    y = 10 + rng.normal(size=(units, 1)) + rng.normal(size=periods) + rng.normal(size=(units, periods))
    y = y + effect * status
    return pd.DataFrame(
        {
            "unit": np.repeat([f"u{i:03d}" for i in range(units)], periods),
            "t": np.tile(np.arange(periods), units),
            "y": y.ravel(),
            "on": status.ravel().astype(float),
        }
    )


def rows(outcomes, statuses):
    return pd.DataFrame(
        [
            (unit, t, y, on)
            for unit, ys in outcomes.items()
            for t, (y, on) in enumerate(zip(ys, statuses[unit], strict=True), 1)
        ],
        columns=["unit", "t", "y", "on"],
    )


def test_by_hand():
    # 1 to 2, on: a, b (−2, −4) against c, d (+1, −1): −3; off: e, f (0, +2) less g, h (+3, +5): −3
    # 2 to 3, on: c (−4) against d, g, h, off by then and staying so (+2, +1, 0): −4 − 1 = −5
    outcomes = {
        "a": (10, 8, 8), "b": (10, 6, 7), "c": (8, 9, 5), "d": (9, 8, 10),
        "e": (5, 5, 5), "f": (5, 7, 6), "g": (4, 7, 8), "h": (4, 9, 9),
    }  # fmt: skip
    statuses = {
        "a": (0, 1, 1), "b": (0, 1, 1), "c": (0, 0, 1), "d": (0, 0, 0),
        "e": (1, 1, 1), "f": (1, 1, 1), "g": (1, 0, 0), "h": (1, 0, 0),
    }  # fmt: skip
    result = did.switching(panel(rows(outcomes, statuses)), treated="on", inference=Analytical())
    effects = result.effects.set_index("term")["estimate"]
    assert effects["switching on"] == pytest.approx((2 * -3 + 1 * -5) / 3)
    assert effects["switching off"] == pytest.approx(-3)
    assert result.headline.value == pytest.approx((2 * -3 + 1 * -5 + 2 * -3) / 5)
    # c's change before its switch, against d's (g and h were still on then): 1 − (−1) = 2
    assert effects["placebo, one period earlier"] == pytest.approx(2)
    assert list(result.effects["n"]) == [5, 3, 2, 1]
    assert any("3 switches on and 2 switches off enter" in note for note in result.notes)
    # untreated: a, b, c without their effects: 8 + 3, 6 + 3, 5 + 5; g, h as they were: 7, 9; mean 9.2
    assert result.relative.value == pytest.approx(100 * -3.4 / 9.2)


def test_error_by_hand():
    # a, b switch on with changes −2, −4; c, d stay with 1, −1: as did.block on two periods
    outcomes = {"a": (10, 8), "b": (10, 6), "c": (8, 9), "d": (9, 8)}
    statuses = {"a": (0, 1), "b": (0, 1), "c": (0, 0), "d": (0, 0)}
    result = did.switching(panel(rows(outcomes, statuses)), treated="on", inference=Analytical())
    assert result.headline.value == pytest.approx(-3)
    assert result.headline.std_error == pytest.approx(np.sqrt(2 / 4 + 2 / 4))
    table = rows(outcomes, statuses).assign(start=lambda x: np.where(x["unit"] < "c", 2, np.nan))
    block = did.block(panel(table, covariates=(), start="start"), inference=ClusterRobust("CR0")).headline
    assert block.std_error == pytest.approx(result.headline.std_error)
    off = result.effects.set_index("term").loc["switching off"]
    assert np.isnan(off["estimate"])
    assert off["reason"] == "no such switch has a comparison"
    assert any("Nobody switches off: did.att_gt" in note for note in result.notes)


def slow(table, weight=None):
    """DID_M from loops over periods, directions and units."""
    y = table.pivot(index="unit", columns="t", values="y").to_numpy()
    on = table.pivot(index="unit", columns="t", values="on").to_numpy()
    w = np.ones(len(y)) if weight is None else table.groupby("unit")[weight].first().to_numpy()
    total, effect = 0.0, 0.0
    for t in range(1, y.shape[1]):
        for before, sign in ((0, 1), (1, -1)):
            switch = [i for i in range(len(y)) if on[i, t - 1] == before and on[i, t] == 1 - before]
            stay = [i for i in range(len(y)) if on[i, t - 1] == before and on[i, t] == before]
            switch = [i for i in switch if np.isfinite(y[i, t] - y[i, t - 1])]
            stay = [i for i in stay if np.isfinite(y[i, t] - y[i, t - 1])]
            if switch and stay:
                means = [
                    np.average([y[i, t] - y[i, t - 1] for i in who], weights=w[who]) for who in (switch, stay)
                ]
                effect += w[switch].sum() * sign * (means[0] - means[1])
                total += w[switch].sum()
    return effect / total


@pytest.mark.parametrize("gaps", [0, 25])
@pytest.mark.parametrize("weight", [None, "w"])
def test_switch_by_switch(weight, gaps):
    table = frame(seed=1, units=20)
    table["w"] = 1.0 + table["unit"].str[1:].astype(int) % 4
    table.loc[np.random.default_rng(0).choice(len(table), gaps, replace=False), "y"] = np.nan
    result = did.switching(panel(table, weight=weight, allow_missing=True), treated="on")
    assert result.headline.value == pytest.approx(slow(table, weight), rel=1e-10)


def test_errors_are_those_of_a_jackknife_and_of_the_truth():
    table = frame(seed=2, units=100)
    used = panel(table)
    result = did.switching(used, treated="on", inference=Analytical())
    left = [
        did.switching(used.select(np.arange(100) != i), treated="on", inference=Analytical()).headline.value
        for i in range(100)
    ]
    jackknife = np.sqrt(99 / 100 * ((np.array(left) - np.mean(left)) ** 2).sum())
    assert result.headline.std_error == pytest.approx(jackknife, rel=0.02)
    found = [
        did.switching(panel(frame(seed=s, units=80)), treated="on", inference=Analytical()).headline
        for s in range(120)
    ]
    assert np.mean([one.value for one in found]) == pytest.approx(-1, abs=0.05)
    spread = np.std([one.value for one in found], ddof=1)
    assert np.mean([one.std_error for one in found]) == pytest.approx(spread, rel=0.2)
    assert np.mean([one.low <= -1 <= one.high for one in found]) >= 0.9


def test_placebo_is_zero_on_average_and_finds_a_trend_of_switchers():
    def placebo(table):
        return (
            did.switching(panel(table), treated="on")
            .effects.set_index("term")
            .loc["placebo, one period earlier"]
        )

    assert abs(np.mean([placebo(frame(seed=s))["estimate"] for s in range(40)])) < 0.1
    table = frame(seed=3)
    ahead = table.groupby("unit")["on"].shift(-1).fillna(table["on"])
    drifting = table.assign(y=table["y"] + 5 * (ahead - table["on"]))
    assert placebo(drifting)["estimate"] == pytest.approx(5, abs=1)
    assert placebo(drifting)["p_value"] < 0.01


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.floats(0.1, 20))
def test_invariances(seed, factor):
    table = frame(seed=seed, units=25)
    rng = np.random.default_rng(seed)
    before = did.switching(panel(table), treated="on", inference=Analytical())
    moved = table.sample(frac=1, random_state=seed)
    levels = rng.normal(size=25)[moved["unit"].str[1:].astype(int)] + rng.normal(size=8)[moved["t"]]
    moved["y"] = factor * (moved["y"] + 10 * levels)
    after = did.switching(panel(moved), treated="on", inference=Analytical())
    np.testing.assert_allclose(after.effects["estimate"], factor * before.effects["estimate"], rtol=1e-7)
    np.testing.assert_allclose(after.effects["std_error"], factor * before.effects["std_error"], rtol=1e-7)
    # an effect of every treated period adds up exactly
    added = did.switching(
        panel(table.assign(y=table["y"] + 3 * table["on"])), treated="on", inference=Analytical()
    )
    assert added.headline.value == pytest.approx(before.headline.value + 3)
    assert added.headline.std_error == pytest.approx(before.headline.std_error)
    # with on and off exchanged, the effect of being on is that of being off
    other = did.switching(panel(table.assign(on=1 - table["on"])), treated="on", inference=Analytical())
    assert other.headline.value == pytest.approx(-before.headline.value)
    # every unit twice: the same estimate, the error smaller by √2
    twice = pd.concat([table, table.assign(unit=table["unit"] + "b")])
    twice = did.switching(panel(twice), treated="on", inference=Analytical()).headline
    assert twice.value == pytest.approx(before.headline.value)
    assert twice.std_error == pytest.approx(before.headline.std_error / np.sqrt(2))


def test_wild_bootstrap_and_the_default():
    table = frame(units=36, flip=0.3)
    table["cluster"] = "c" + (table["unit"].str[1:].astype(int) % 12).astype(str)
    used = panel(table, cluster="cluster")
    wild = did.switching(used, treated="on")
    assert "Wild cluster bootstrap over 12 clusters" in wild.headline.inference
    assert "the default with only 12 clusters" in wild.headline.inference
    assert wild.headline.low < wild.headline.value < wild.headline.high
    # the end of the interval, imposed as the effect, is where the test turns
    for end, outwards in ((wild.headline.low, -1), (wild.headline.high, 1)):
        for step, rejected in ((-1e-6, False), (1e-6, True)):
            imposed = table.assign(y=table["y"] - (end + outwards * step) * table["on"])
            p = did.switching(panel(imposed, cluster="cluster"), treated="on").headline.p_value
            assert (p <= 0.05) == rejected
    many = did.switching(panel(frame(units=100)), treated="on").headline
    assert "Influence function" in many.inference
    drawn = did.switching(panel(frame()), treated="on", inference=WildCluster(draws=199, seed=5))
    assert drawn.seed == 5
    assert type(drawn).from_json(drawn.to_json()).headline == drawn.headline


def test_one_unit_that_switches_has_no_error():
    table = frame(units=12, flip=0.0)
    table.loc[(table["unit"] == "u000") & (table["t"] >= 4), "on"] = 1.0
    result = did.switching(panel(table), treated="on")
    assert isinstance(result.headline.value, float)
    assert isinstance(result.headline.std_error, NotAvailable)


def test_refusals():
    table = frame()
    with pytest.raises(errors.OptionError, match="no covariate 'onn'"):
        did.switching(panel(table), treated="onn")
    with pytest.raises(errors.DesignError, match="covariates"):
        did.switching(panel(table.assign(x=1.0), covariates=("on", "x")), treated="on")
    with pytest.raises(errors.DesignError, match=r"neither 0 nor 1 in 1 cells: u000 3 = 0\.5"):
        did.switching(panel(table.assign(on=table["on"].where(table.index != 3, 0.5))), treated="on")
    dated = table.assign(start=np.where(table["unit"] == "u001", 4, np.nan))
    with pytest.raises(errors.DesignError, match="names starts"):
        did.switching(panel(dated, start="start"), treated="on")
    with pytest.raises(errors.DesignError, match="no unit switches"):
        did.switching(panel(table.assign(on=0.0)), treated="on")
    with pytest.raises(errors.DesignError, match="no unit switches"):
        did.switching(panel(table.assign(on=1.0 * (table["t"] >= 4))), treated="on")
    with pytest.raises(errors.OptionError, match="does not apply to switches"):
        did.switching(panel(table), treated="on", inference=ClusterRobust())
    with pytest.raises(errors.OptionError, match="between 0 and 1"):
        did.switching(panel(table), treated="on", level=5)


def test_periods_that_nobody_reports_are_not_bridged():
    table = frame(units=30)
    gone = table[table["t"] != 4]
    known = table.assign(y=table["y"].where(table["t"] != 4))
    one = did.switching(panel(gone), treated="on").headline.value
    two = did.switching(panel(known, allow_missing=True), treated="on").headline.value
    assert one == pytest.approx(two)
