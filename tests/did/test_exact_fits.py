"""Outcomes that the model fits exactly: no error, interval or test is made of what rounding leaves."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from whatworks import Panel, did
from whatworks.inference import Analytical, ClusterRobust, Jackknife, RandomisationInference, WildCluster
from whatworks.inference.chance.few_treated import FewTreated
from whatworks.inference.errors.multiplier import MultiplierBootstrap
from whatworks.inference.fits import rounding

REASON = "the model leaves no variation between clusters from which an error could be learned"
PERIODS = 8


def table(units=16, starts=(5.0, np.nan), unit=1.0, level=0.0, effect=5.0):
    u, t = np.repeat(np.arange(units), PERIODS), np.tile(np.arange(1, PERIODS + 1), units)
    start = np.array(starts)[u % len(starts)]
    y = level + unit * (0.1 * (u % 7) + 0.37 * t + effect * (t >= start))
    return pd.DataFrame({"unit": [f"u{i:05d}" for i in u], "t": t, "y": y, "start": start})


def panel(frame, **roles):
    return Panel.from_frame(frame, unit="unit", period="t", outcome="y", **({"start": "start"} | roles))


METHODS = {
    "block": did.block,
    "twoway": did.twoway,
    "event_study": did.event_study,
    "att_gt": did.att_gt,
    "imputation": did.imputation,
    "interaction_weighted": did.interaction_weighted,
    "etwfe": did.etwfe,
    "stacked": lambda data, **given: did.stacked(data, window=(-3, 2), **given),
    "aggregate": lambda data, **given: did.aggregate(did.att_gt(data, **given), by="event_time"),
}
REGRESSIONS = ["block", "twoway", "event_study", "interaction_weighted", "etwfe", "stacked"]
GIVEN = [
    *((name, {}) for name in METHODS),
    *((name, {"inference": WildCluster(draws=99)}) for name in METHODS),
    *(
        (name, {"inference": one})
        for name in REGRESSIONS
        for one in (ClusterRobust(), ClusterRobust("CR2"), ClusterRobust("CR3"), Jackknife())
    ),
    *(("att_gt", {"inference": one}) for one in (Analytical(), MultiplierBootstrap(draws=99))),
    *(("aggregate", {"inference": one}) for one in (Analytical(), MultiplierBootstrap(draws=99))),
    ("imputation", {"inference": Analytical("clusters")}),
]


def refuse_numbers(result, effect):
    headline = result.headline
    assert headline.value == pytest.approx(effect)
    for name in ("std_error", "low", "high", "p_value"):
        assert getattr(headline, name).reason == REASON, name
    table = result.effects
    assert not table[["std_error", "low", "high", "p_value"]].notna().any(axis=None)
    for column in {"band_low", "band_high"} & set(table.columns):
        assert table[column].isna().all()
    pretrend = getattr(result.detail, "pretrend", None)
    assert not isinstance(getattr(pretrend, "p_value", None), float)


@pytest.mark.parametrize(("name", "given"), GIVEN, ids=lambda one: str(one)[:60])
def test_no_error_is_made_of_rounding(name, given):
    refuse_numbers(METHODS[name](panel(table()), **given), 5)


@pytest.mark.parametrize(("unit", "level"), [(1e-9, 0.0), (1e9, 0.0), (1.0, 1e4)])
@pytest.mark.parametrize("name", METHODS)
def test_whatever_the_unit_of_the_outcome(name, unit, level):
    refuse_numbers(METHODS[name](panel(table(unit=unit, level=level))), 5 * unit)


@pytest.mark.parametrize("name", ["twoway", "event_study", "att_gt", "imputation", "etwfe", "aggregate"])
@pytest.mark.parametrize("units", [90, 2_400])
def test_with_several_starts_and_many_units(name, units):
    found = METHODS[name](panel(table(units, starts=(4.0, 6.0, np.nan))))
    refuse_numbers(found, 5)


def test_a_panel_of_three_units():
    rows = [("c", 50, 60, 70, None), ("g1", 70, 70, 80, 2), ("g2", 40, 50, 50, 3)]
    frame = pd.DataFrame([(u, t + 1, y[t], y[3]) for u, *y in rows for t in range(3)])
    found = did.imputation(panel(frame.set_axis(["unit", "t", "y", "start"], axis=1)))
    refuse_numbers(found, -10)


@pytest.mark.parametrize("inference", [None, WildCluster(draws=99), Analytical(), Analytical("clusters")])
def test_switching(inference):
    frame = table(starts=(np.nan,))
    number = frame["unit"].str[1:].astype(int)
    frame["on"] = ((number % 3 == 0) & frame["t"].between(3, 5)) | ((number % 3 == 1) & (frame["t"] >= 6))
    frame["y"] += 5.0 * frame["on"]
    frame["on"] = frame["on"].astype(int)
    found = did.switching(panel(frame, start=None, covariates=["on"]), treated="on", inference=inference)
    refuse_numbers(found, 5)


@pytest.mark.parametrize("name", ["block", "twoway", "event_study", "att_gt"])
def test_dealing_anew_never_gives_a_p_value_of_nought(name):
    found = METHODS[name](panel(table(8)), inference=RandomisationInference(draws=99))
    # one assignment in 70, and its mirror image
    assert found.headline.p_value == pytest.approx(2 / 70)
    if name == "event_study":
        before = found.effects[found.effects["event_time"] < -1]
        assert (before["p_value"] == 1).all()


@pytest.mark.parametrize("inference", [None, ClusterRobust(), WildCluster(draws=99)])
@pytest.mark.parametrize(
    "method", [did.poisson, lambda data, **given: did.etwfe(data, model="poisson", **given)]
)
def test_exact_rate_ratios(method, inference):
    frame = table(starts=(4.0, 6.0, np.nan))
    frame["y"] = 2.0 ** (frame["unit"].str[1:].astype(int) % 3 + frame["t"] % 3)
    frame.loc[frame["t"] >= frame["start"], "y"] *= 0.5
    headline = method(panel(frame), inference=inference).headline
    assert headline.value == pytest.approx(0.5)
    assert headline.std_error.reason == headline.p_value.reason == REASON


def test_few_treated_clusters():
    found = did.block(panel(table(8, starts=(5.0, np.nan, np.nan), effect=0.0)), inference=FewTreated())
    assert found.headline.value == pytest.approx(0, abs=1e-12)
    assert "nothing shows how far clusters stray" in found.headline.p_value.reason


def test_one_effect_may_be_exact_beside_others_that_are_not():
    frame = table(40, starts=(5.0, np.nan))
    noisy = frame["t"] >= 6
    frame.loc[noisy, "y"] += np.random.default_rng(1).normal(size=int(noisy.sum()))
    found = did.att_gt(panel(frame)).effects.set_index("period")
    assert found.loc["5", "reason"] == REASON
    assert found.loc[["6", "7", "8"], "std_error"].between(0.1, 1).all()


def test_a_small_error_that_is_no_rounding_stays():
    frame = table()
    frame["y"] += 1e-8 * np.random.default_rng(1).normal(size=len(frame))
    for name, method in METHODS.items():
        assert 1e-10 < method(panel(frame)).headline.std_error < 1e-7, name


def test_the_rule_is_relative_to_the_largest_outcome():
    outcome = np.array([[2.0, np.nan], [-1e3, 0.0]])
    assert rounding.below(outcome) == pytest.approx(1e-9)
    assert rounding.settled(np.array([1e-10, -1e-9]), outcome).tolist() == [0, 0]
    assert rounding.settled(np.array([1e-10, 2e-9]), outcome).tolist() == [1e-10, 2e-9]
    assert rounding.settled_each(np.array([1e-10, 2e-9]), outcome).tolist() == [0, 2e-9]
