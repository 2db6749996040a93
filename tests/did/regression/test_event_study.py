"""did.event_study: against fixest (tests/reference), against did.block, and what it refuses."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from reference_numbers import borough_panel, boroughs, entries

from whatworks import Panel, Result, did, errors
from whatworks.inference import ClusterRobust, WildCluster
from whatworks.results import NotAvailable

FIXEST = ClusterRobust(correction="fixest")


def frame(units=12, periods=8, treated=5, start=4, seed=0, effect=2.0):
    rng = np.random.default_rng(seed)
    u, t = np.repeat(np.arange(units), periods), np.tile(np.arange(periods), units)
    y = rng.normal(size=units * periods) + u + effect * ((u < treated) & (t >= start)) + 20
    start_column = np.where(u < treated, start, np.nan)
    return pd.DataFrame({"unit": [f"u{i:02d}" for i in u], "t": t, "y": y, "start": start_column})


def panel(table, **roles):
    return Panel.from_frame(table, unit="unit", period="t", outcome="y", start="start", **roles)


def estimated(result):
    return result.effects[result.effects["event_time"] != result.spec["reference"]]


CASES = {
    "eventstudy.y.full cluster_unit": (borough_panel(), None),
    "eventstudy.y.full cluster_bcu": (borough_panel(cluster="bcu"), None),
    "eventstudy.y.binned cluster_unit": (borough_panel(), (-12, 18)),
    "eventstudy.y.binned cluster_bcu": (borough_panel(cluster="bcu"), (-12, 18)),
    "eventstudy.y.binned.weights_population cluster_unit": (borough_panel(weight="population"), (-12, 18)),
    "eventstudy.y.binned.no_never_treated cluster_unit": (
        borough_panel().select(~borough_panel().never_treated),
        (-12, 18),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_fixest(case):
    entry, vcov = case.split()
    data, ends = CASES[case]
    theirs = entries("fixest")[entry]["results"][f"{vcov}.default"]
    ours = estimated(did.event_study(data, ends=ends, inference=FIXEST))
    assert [int(term.split("::")[1]) for term in theirs["terms"]] == list(ours["event_time"])
    # 64 terms on 12 clusters: the covariance is rank-deficient, but each variance is still a sum of squares
    np.testing.assert_allclose(ours["estimate"], theirs["estimate"], rtol=1e-7)
    np.testing.assert_allclose(ours["std_error"], theirs["se"], rtol=1e-7)
    np.testing.assert_allclose(ours["p_value"], theirs["p"], rtol=1e-6, atol=1e-15)
    np.testing.assert_allclose(ours["low"], theirs["ci_low"], rtol=1e-6, atol=1e-9)


def test_average_from_the_stored_covariance():
    # mean of the 19 lags, every distance with the same weight: the pooled end stands for all from 18 on
    stored = entries("fixest")["eventstudy.y.binned"]["results"]
    V = np.array(stored["vcov_matrix.cluster_unit.default"]["values"])
    beta = np.array(stored["cluster_unit.default"]["estimate"])
    times = np.array([int(term.split("::")[1]) for term in stored["cluster_unit.default"]["terms"]])
    result = did.event_study(borough_panel(), ends=(-12, 18), inference=FIXEST)
    longest = int(48 - np.nanmin(boroughs()["start"]))
    weight = np.where(times == 18, longest - 17, 1.0) * (times >= 0)
    weight /= weight.sum()
    assert result.headline.value == pytest.approx(weight @ beta, rel=1e-7)
    assert result.headline.std_error == pytest.approx(np.sqrt(weight @ V @ weight), rel=1e-7)
    window = did.average(result, 3, 8)
    share = ((times >= 3) & (times <= 8)) / 6
    assert window.value == pytest.approx(share @ beta, rel=1e-7)
    assert window.std_error == pytest.approx(np.sqrt(share @ V @ share), rel=1e-7)


def test_one_start_means_differences_of_means():
    table = frame()
    result = did.event_study(panel(table))
    wide = table.pivot(index="unit", columns="t", values="y").to_numpy()
    gap = (wide - wide[:, [3]])[:5].mean(axis=0) - (wide - wide[:, [3]])[5:].mean(axis=0)
    np.testing.assert_allclose(result.effects["estimate"], gap, atol=1e-12)
    assert list(result.effects["event_time"]) == [-4, -3, -2, -1, 0, 1, 2, 3]
    assert (result.effects["n"] == 5).all()
    assert not any("staggered" in note.lower() for note in result.notes)


def test_last_period_before_as_only_one_makes_it_the_block_estimate():
    table = frame(start=1)
    for method in (ClusterRobust(), WildCluster()):
        events = did.event_study(panel(table), inference=method)
        block = did.block(panel(table), inference=method)
        for name in ("value", "std_error", "low", "high", "p_value"):
            assert getattr(events.headline, name) == pytest.approx(getattr(block.headline, name), rel=1e-9), (
                name
            )
        assert events.relative.value == pytest.approx(block.relative.value, rel=1e-9)
        assert isinstance(events.detail.pretrend, NotAvailable)


def test_reference_row_has_a_reason():
    effects = did.event_study(panel(frame())).effects
    row = effects[effects["event_time"] == -1].iloc[0]
    assert row["estimate"] == 0
    assert np.isnan(row["std_error"])
    assert "measured against" in row["reason"]


def test_another_reference_shifts_all_effects_by_one_number():
    one, two = (did.event_study(panel(frame()), reference=r).effects for r in (-1, -3))
    shift = one["estimate"] - two["estimate"]
    np.testing.assert_allclose(shift, shift[0], atol=1e-12)
    assert two.loc[two["event_time"] == -3, "estimate"].item() == 0


def test_pooled_ends_say_so():
    effects = did.event_study(panel(frame()), ends=(-2, 2)).effects
    assert list(effects["term"]) == [
        "event time -2 and earlier",
        "event time -1",
        "event time 0",
        "event time 1",
        "event time 2 and later",
    ]


def test_pretrend_finds_a_trend_and_passes_without():
    flat = did.event_study(panel(frame(units=10, treated=5))).detail.pretrend
    assert flat.n_tested == 3
    assert 0.05 < flat.p_value <= 1
    table = frame(units=10, treated=5)
    table["y"] += np.where(table["start"].notna(), 3.0 * table["t"], 0.0)
    assert did.event_study(panel(table)).detail.pretrend.p_value < 0.05


def test_staggered_starts_warn():
    table = frame()
    table.loc[table["unit"].isin(["u00", "u01"]), "start"] = 5
    result = did.event_study(panel(table))
    assert any("did.att_gt" in note for note in result.notes)


def test_everyone_treated_without_pooled_ends_cannot_be_told_apart():
    table = frame(treated=12)
    table.loc[table["unit"].isin(["u00", "u01", "u02"]), "start"] = 6
    with pytest.raises(errors.DesignError, match=r"told apart.*\n.*ends="):
        did.event_study(panel(table))
    with pytest.raises(errors.DesignError, match="no comparison unit"):
        did.event_study(panel(frame(treated=12)))


def test_one_treated_unit():
    result = did.event_study(panel(frame(treated=1)))
    assert isinstance(result.headline.std_error, NotAvailable)
    assert "placebo ranks" in result.headline.p_value.reason
    assert isinstance(result.detail.pretrend, NotAvailable)
    assert result.effects["std_error"].isna().all()
    assert (result.effects["reason"] != "").all()
    Result.from_json(result.to_json())


def test_missing_cells_are_refused():
    gappy = Panel.from_frame(
        frame().drop(index=9), unit="unit", period="t", outcome="y", start="start", allow_missing=True
    )
    with pytest.raises(errors.DesignError, match="drop_incomplete"):
        did.event_study(gappy)


@pytest.mark.parametrize(
    "options", [{"reference": 0}, {"reference": -9}, {"ends": (-12, 3)}, {"ends": (1, 3)}, {"ends": (-1, 2)}]
)
def test_reference_and_ends_are_checked(options):
    with pytest.raises(errors.OptionError):
        did.event_study(panel(frame()), **options)


def test_average_refuses_empty_windows_and_other_results():
    result = did.event_study(panel(frame()))
    with pytest.raises(errors.OptionError, match="run from -4 to 3"):
        did.average(result, 9, 12)
    with pytest.raises(errors.OptionError, match=r"did\.block"):
        did.average(did.block(panel(frame())), 0, 1)


def test_row_order_changes_no_byte():
    table = frame()
    shuffled = table.sample(frac=1, random_state=1)
    assert did.event_study(panel(shuffled)).to_json() == did.event_study(panel(table)).to_json()


def test_percent_change_is_against_the_same_periods():
    # treated 30 before, then 20 and 26; comparison flat: effects −10 and −4, average −7, observed mean 23
    rows = [
        (unit, t, level[t], 2 if unit in "ab" else None)
        for unit in "abcde"
        for t, level in ((t, [30, 30, 20, 26] if unit in "ab" else [10, 10, 10, 10]) for t in range(4))
    ]
    table = pd.DataFrame(rows, columns=["unit", "t", "y", "start"])
    result = did.event_study(panel(table))
    assert result.headline.value == pytest.approx(-7)
    assert result.relative.value == pytest.approx(-100 * 7 / 30)
    assert did.average(result, 1, 1).value == pytest.approx(-4)
    assert "variation" in result.headline.std_error.reason


def test_when_all_are_treated_in_the_end_later_starters_are_the_comparison():
    table = frame(treated=12).assign(start=4)
    table.loc[table["unit"] == "u11", "start"] = 6
    headline = did.event_study(panel(table), ends=(-2, 2)).headline
    assert "only one comparison unit" in headline.std_error.reason
    table.loc[table["unit"].isin(["u08", "u09", "u10"]), "start"] = 6
    assert isinstance(did.event_study(panel(table), ends=(-2, 2)).headline.std_error, float)
