"""rct.crossover: estimates by hand, the recorded rule, wash-out, carry-over, take-up, gaps, refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from whatworks import rct
from whatworks.errors import DesignError, OptionError, RecordError, TrialError, WhatworksError
from whatworks.inference import ClusterRobust, RandomisationInference, WildCluster
from whatworks.rct import crossover
from whatworks.results import NotAvailable
from whatworks.trial import Trial

SPOTS, DAYS = 8, 14


def allocation(design=None, spots: int = SPOTS, seed: int = 1) -> rct.Allocation:
    units = pd.DataFrame({"spot": [f"s{i:02d}" for i in range(spots)]})
    return rct.randomise(units, unit="spot", seed=seed, design=design or rct.Crossover(DAYS, 2, 4, washout=1))


def table(drawn: rct.Allocation, seed: int = 2, effect: float = -1.0, late: float = 0.0) -> pd.DataFrame:
    """Counts with spot and day effects; `late` carries over from yesterday, in outcome `y`."""
    frame, rng = drawn.table.copy(), np.random.default_rng(seed)
    treated = (frame["arm"] == "treatment").astype(float)
    spots, days = frame["spot"].nunique(), frame["period"].nunique()
    yesterday = treated.groupby(frame["spot"]).shift(1).fillna(0.0)
    level = np.repeat(rng.normal(5, 1, spots), days) + np.tile(rng.normal(0, 1, days), spots)
    frame["y"] = level + effect * treated + late * yesterday + rng.normal(0, 0.3, len(frame))
    frame["count"] = rng.poisson(np.exp(0.2 * level - 0.4 * treated))
    frame["days"] = 1.0
    frame["delivered"] = treated * (rng.random(len(frame)) < 0.9)
    return frame


def trial(frame: pd.DataFrame, outcome: str = "y", **roles: object) -> Trial:
    return Trial.from_frame(
        frame, unit="spot", arm="arm", outcome=outcome, control="control", period="period", **roles
    )


def dummies(frame: pd.DataFrame, *columns: np.ndarray) -> np.ndarray:
    spot = pd.get_dummies(frame["spot"]).to_numpy(float)
    day = pd.get_dummies(frame["period"]).to_numpy(float)[:, 1:]
    return np.column_stack([*columns, spot, day])


def by_hand(frame: pd.DataFrame, outcome: str = "y", *more: np.ndarray) -> np.ndarray:
    treated = (frame["arm"] == "treatment").to_numpy(float)
    return np.linalg.lstsq(dummies(frame, treated, *more), frame[outcome].to_numpy(float), rcond=None)[0]


def poisson_by_hand(frame: pd.DataFrame, outcome: str = "count") -> float:
    X = dummies(frame, (frame["arm"] == "treatment").to_numpy(float))
    y, beta = frame[outcome].to_numpy(float), np.zeros(X.shape[1])
    beta[1:][: frame["spot"].nunique()] = np.log(y.mean() + 0.1)
    for _ in range(50):
        mean = np.exp(X @ beta)
        beta = beta + np.linalg.lstsq(X.T @ (X * mean[:, None]), X.T @ (y - mean), rcond=None)[0]
    return float(beta[0])


def test_the_mean_difference_is_the_regression_on_spots_and_days_without_wash_out():
    drawn = allocation()
    frame = table(drawn)
    found = crossover(trial(frame), allocation=drawn, inference=ClusterRobust("CR2"))
    kept = frame[~frame["washout"].astype(bool)]
    assert found.headline.value == pytest.approx(by_hand(kept)[0], rel=1e-10)
    whole = crossover(trial(frame), inference=ClusterRobust("CR2"))
    assert whole.headline.value == pytest.approx(by_hand(frame)[0], rel=1e-10)
    ruled = crossover(trial(frame), washout=1, inference=ClusterRobust("CR2"))
    assert ruled.headline.value == found.headline.value
    assert ruled.headline.std_error == found.headline.std_error
    assert any("wash-out and do not enter" in note for note in found.notes)


def test_the_rate_ratio_is_the_poisson_regression_and_phi_is_stated():
    drawn = allocation()
    frame = table(drawn)
    found = crossover(trial(frame, "count", exposure="days"), model="rate_ratio")
    assert found.headline.value == pytest.approx(np.exp(poisson_by_hand(frame)), rel=1e-8)
    assert found.relative.value == pytest.approx(100 * (found.headline.value - 1))
    assert found.headline.null == 1
    assert any(f"{found.detail.dispersion:.3g} times" in note for note in found.notes)
    log = found.effects.set_index("term").loc["overall, log of the ratio", "estimate"]
    assert log == pytest.approx(np.log(found.headline.value))


@pytest.mark.parametrize("design", [rct.Crossover(DAYS, 2, 4, washout=1), rct.Rota(12, 2, longest=2)])
def test_the_default_draws_schedules_anew_by_the_recorded_rule(design):
    """p-value and interval against draws of the same rule, each estimated by least squares on dummies."""
    drawn = allocation(design)
    frame = table(drawn, effect=-0.3)
    inference = RandomisationInference(draws=199, seed=5)
    found = crossover(trial(frame), allocation=drawn, inference=inference)
    rule, bits = drawn.rule.crossover, np.random.PCG64(np.random.SeedSequence(5))
    arms = rule.draw(bits, SPOTS, 199)

    def estimate(arm: np.ndarray, y: np.ndarray) -> float:
        kept = ~rule.washed(arm).ravel()
        X = dummies(frame, arm.ravel())[kept]
        return float(np.linalg.lstsq(X, y[kept], rcond=None)[0][0])

    actual = (frame["arm"] == "treatment").to_numpy(int).reshape(SPOTS, -1)

    def p_value(effect: float) -> float:
        y = frame["y"].to_numpy() - effect * actual.ravel()
        own = abs(estimate(actual, y))
        return (1 + sum(abs(estimate(arm, y)) >= own for arm in arms)) / 200

    assert found.headline.p_value == p_value(0.0)
    assert p_value(found.headline.low + 1e-6) > 0.05 >= p_value(found.headline.low - 1e-6)
    assert p_value(found.headline.high - 1e-6) > 0.05 >= p_value(found.headline.high + 1e-6)
    default = crossover(trial(frame), allocation=drawn)
    assert default.spec["inference"].startswith("RandomisationInference")
    assert default.seed == 1


def test_a_rate_ratio_under_the_rule_divides_the_effect_out():
    drawn = allocation(rct.Crossover(DAYS, 1, 4))
    frame = table(drawn)
    inference = RandomisationInference(draws=199, seed=5)
    found = crossover(
        trial(frame, "count", exposure="days"), model="rate_ratio", allocation=drawn, inference=inference
    )
    arms = drawn.rule.crossover.draw(np.random.PCG64(np.random.SeedSequence(5)), SPOTS, 199)
    actual = (frame["arm"] == "treatment").to_numpy(int).reshape(SPOTS, -1)
    y = frame["count"].to_numpy(float).reshape(SPOTS, -1)
    # complete and of equal exposure: fitted means are products of margins
    base = np.outer(y.sum(axis=1), y.sum(axis=0)) / y.sum()

    def statistic(arm: np.ndarray, left: np.ndarray) -> float:
        full = dummies(frame, arm.ravel()) * np.sqrt(base.ravel())[:, None]
        target = (left * np.sqrt(base)).ravel()
        return float(np.linalg.lstsq(full, target, rcond=None)[0][0])

    def p_value(factor: float) -> float:
        divided = y / factor**actual
        left = divided / (np.outer(divided.sum(axis=1), divided.sum(axis=0)) / divided.sum()) - 1
        own = abs(statistic(actual, left))
        return (1 + sum(abs(statistic(arm, left)) >= own for arm in arms)) / 200

    assert found.headline.p_value == p_value(1.0)
    assert p_value(found.headline.low * 1.00001) > 0.05 >= p_value(found.headline.low / 1.00001)
    assert p_value(found.headline.high / 1.00001) > 0.05 >= p_value(found.headline.high * 1.00001)
    assert isinstance(found.headline.std_error, NotAvailable)


def test_carry_over_is_the_arm_of_the_day_before_as_one_more_term():
    drawn = allocation()
    frame = table(drawn, late=-0.6)
    treated = (frame["arm"] == "treatment").astype(float)
    yesterday = treated.groupby(frame["spot"]).shift(1).fillna(0.0).to_numpy()
    both = by_hand(frame, "y", yesterday)
    found = crossover(trial(frame), allocation=drawn)
    rows = found.effects.set_index("term")["estimate"]
    assert rows["carry-over"] == pytest.approx(both[1], rel=1e-9)
    assert rows["overall, carry-over in the model"] == pytest.approx(both[0], rel=1e-9)
    adjusted = crossover(trial(frame), allocation=drawn, carryover="adjust")
    assert adjusted.headline.value == pytest.approx(both[0], rel=1e-9)
    assert any("wash-out included" in note for note in adjusted.notes)
    assert "carry-over" not in set(crossover(trial(frame), carryover="none").effects["term"])
    gap = frame[frame["period"] != 5]
    day = gap["period"].to_numpy()
    late = treated.groupby(frame["spot"]).shift(1).fillna(0.0)[gap.index].to_numpy() * (day != 6)
    rows = crossover(trial(gap)).effects.set_index("term")["estimate"]
    assert rows["carry-over"] == pytest.approx(by_hand(gap, "y", late)[1], rel=1e-9)


def test_the_first_and_later_days_of_a_run_have_effects_of_their_own():
    frame = table(allocation())
    arm = (frame["arm"] == "treatment").to_numpy(float).reshape(SPOTS, DAYS)
    first = arm * (np.diff(arm, axis=1, prepend=0) == 1)
    X = dummies(frame, first.ravel(), (arm - first).ravel())
    expected = np.linalg.lstsq(X, frame["y"].to_numpy(), rcond=None)[0][:2]
    rows = crossover(trial(frame)).effects.set_index("term")
    assert rows.loc["first period of a run", "estimate"] == pytest.approx(expected[0], rel=1e-9)
    assert rows.loc["later periods of a run", "estimate"] == pytest.approx(expected[1], rel=1e-9)
    assert rows.loc["first period of a run", "n"] == first.sum()
    kept = ~frame["washout"].to_numpy(bool)
    counted = arm * kept.reshape(SPOTS, DAYS)
    first = counted * (np.diff(counted, axis=1, prepend=0) == 1)
    X = dummies(frame, first.ravel(), (counted - first).ravel())[kept]
    expected = np.linalg.lstsq(X, frame["y"].to_numpy()[kept], rcond=None)[0][:2]
    rows = crossover(trial(frame), washout=1).effects.set_index("term")["estimate"]
    assert rows["first counted period of a run"] == pytest.approx(expected[0], rel=1e-9)
    assert rows["later periods of a run"] == pytest.approx(expected[1], rel=1e-9)


def test_take_up_gaps_and_units_that_say_nothing_are_told():
    drawn = allocation()
    frame = table(drawn)
    frame.loc[[3, 40], "y"] = np.nan
    frame.loc[frame["spot"] == "s00", "count"] = 0
    found = crossover(trial(frame, taken="delivered", allow_missing=True))
    treated = frame["arm"].eq("treatment") & frame["y"].notna()
    share = frame.loc[treated, "delivered"].mean()
    assert found.detail.delivered == (pytest.approx(share), 0.0)
    assert any(f"delivered in {share:.1%}" in note for note in found.notes)
    assert any("2 of 112 cells" in note for note in found.notes)
    assert found.headline.value == pytest.approx(by_hand(frame.dropna(subset="y"))[0], rel=1e-9)
    counts = crossover(
        trial(frame, "count", exposure="days"), model="rate_ratio", allocation=drawn, washout=0
    )
    assert any("1 of 8 units count 0 in every period" in note for note in counts.notes)
    assert counts.headline.value == pytest.approx(
        np.exp(poisson_by_hand(frame[frame["spot"] != "s00"])), rel=1e-8
    )
    lone = frame[(frame["spot"] != "s01") | (frame["arm"] == "control")].dropna(subset="y")
    assert any(
        "1 units are in one arm only" in note and "s01" in note for note in crossover(trial(lone)).notes
    )


def test_exposures_make_means_of_rates():
    frame = table(allocation())
    frame["days"] = np.random.default_rng(1).uniform(1, 3, len(frame))
    frame["rate"] = frame["count"] / frame["days"]
    rates = crossover(trial(frame, "count", exposure="days"))
    assert rates.headline.value == pytest.approx(crossover(trial(frame, "rate")).headline.value, rel=1e-12)


def test_rows_that_are_not_those_of_the_record_are_refused():
    drawn = allocation()
    frame = table(drawn)
    moved = frame.assign(
        arm=frame["arm"].where(
            frame.index != 3, {"control": "treatment", "treatment": "control"}[frame["arm"][3]]
        )
    )
    with pytest.raises(
        TrialError, match="1 of 112 rows are in another arm than the record says: s00 in period 4"
    ):
        crossover(trial(moved), allocation=drawn)
    with pytest.raises(TrialError, match="not on the allocation record: zz"):
        crossover(trial(frame.replace({"spot": {"s03": "zz"}})), allocation=drawn)
    with pytest.raises(TrialError, match="has 15 periods"):
        crossover(trial(pd.concat([frame, frame[:1].assign(period=99)])), allocation=drawn)
    left = crossover(trial(frame[frame["spot"] != "s03"]), allocation=drawn)
    assert any(
        "1 units on the allocation record have no row in the trial: s03" in note for note in left.notes
    )
    assert left.headline.value == pytest.approx(
        by_hand(frame[(frame["spot"] != "s03") & ~frame["washout"].astype(bool)])[0], rel=1e-9
    )
    read = rct.Allocation.from_json(drawn.to_json())
    assert any("rct.replay restores" in note for note in crossover(trial(frame), allocation=read).notes)
    with pytest.raises(RecordError, match="replay"):
        crossover(trial(frame), allocation=read, inference=RandomisationInference())
    with pytest.raises(OptionError, match="no record was given"):
        crossover(trial(frame), inference=RandomisationInference())


def test_trials_and_choices_that_cannot_be_are_refused():
    frame = table(allocation())
    with pytest.raises(OptionError, match="model"):
        crossover(trial(frame), model="rate")
    with pytest.raises(OptionError, match="carryover"):
        crossover(trial(frame), carryover=True)
    with pytest.raises(OptionError, match="washout=-1"):
        crossover(trial(frame), washout=-1)
    with pytest.raises(OptionError, match="does not fit here"):
        crossover(trial(frame, "count", exposure="days"), model="rate_ratio", inference=WildCluster())
    one = frame[frame["period"] == 1]
    with pytest.raises(DesignError, match="no periods"):
        crossover(Trial.from_frame(one, unit="spot", arm="arm", outcome="y", control="control"))
    with pytest.raises(DesignError, match="no unit is ever in both arms"):
        crossover(trial(one))
    with pytest.raises(DesignError, match="nothing was counted"):
        crossover(trial(frame.assign(count=0), "count"), model="rate_ratio")
    silent = frame.assign(count=frame["count"].where(frame["arm"] == "control", 0))
    with pytest.raises(DesignError, match="line up with the treatment"):
        crossover(trial(silent, "count"), model="rate_ratio")


def test_results_do_not_depend_on_the_order_of_rows_and_can_be_written():
    drawn = allocation()
    frame = table(drawn)
    found = crossover(trial(frame), allocation=drawn)
    again = crossover(trial(frame.sample(frac=1, random_state=1)), allocation=drawn)
    assert found.to_json() == again.to_json()
    assert found.design.allocations == float(drawn.rule.possible)


def place_day_frame(units, periods, seed=1):
    listed = pd.DataFrame({"spot": [f"s{i}" for i in range(units)]})
    drawn = rct.randomise(
        listed, unit="spot", seed=seed, arms=("off", "on"), design=rct.Crossover(periods, 1, 4)
    )
    frame = drawn.table.assign(y=np.random.default_rng(seed).poisson(3.0, units * periods).astype(float))
    return frame, drawn


def analysed(frame, **options):
    trial = Trial.from_frame(frame, unit="spot", period="period", arm="arm", outcome="y", control="off")
    return rct.crossover(trial, **options)


@pytest.mark.parametrize("model", ["means", "rate_ratio"])
def test_an_outcome_that_never_varies_is_no_evidence(model):
    frame, drawn = place_day_frame(6, 12)
    result = analysed(frame.assign(y=0.1 if model == "means" else 5.0), model=model, allocation=drawn)
    assert result.headline.p_value == 1.0


@pytest.mark.parametrize("model", ["means", "rate_ratio"])
def test_schedules_without_a_comparison_are_refused_with_a_way_out(model):
    frame, drawn = place_day_frame(2, 8)
    with pytest.raises(DesignError, match="nothing to compare") as caught:
        analysed(frame, model=model, allocation=drawn)
    assert "ClusterRobust" in str(caught.value)


def test_days_are_numbers():
    frame, _ = place_day_frame(6, 12)
    days = pd.Timestamp("2024-03-01") + pd.to_timedelta(frame["period"] - 1, unit="D")
    with pytest.raises(WhatworksError, match=r"\(day - day.min\(\)\).dt.days \+ 1"):
        analysed(frame.assign(period=days.dt.strftime("%Y-%m-%d")))
    numbered = analysed(frame.assign(period=(days - days.min()).dt.days + 1))
    assert numbered.headline.value == analysed(frame).headline.value
