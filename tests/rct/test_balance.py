"""Balance: standardised differences by hand, d² by definition, its p-value against every allocation."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest

from whatworks import rct
from whatworks.errors import DesignError, OptionError, TrialError
from whatworks.inference import RandomisationInference
from whatworks.trial import Trial

QUICK = RandomisationInference(draws=199)


def frame(n: int = 12, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "area": [f"a{i:03d}" for i in range(n)],
            "arm": rng.permutation(np.resize(["control", "patrol"], n)),
            "y": rng.normal(size=n),
            "crime": rng.gamma(3, 10, n),
            "size": rng.normal(size=n),
        }
    )


def trial(table: pd.DataFrame, baseline: tuple[str, ...] = ("crime", "size"), **roles: object) -> Trial:
    return Trial.from_frame(
        table, unit="area", arm="arm", outcome="y", control="control", baseline=baseline, **roles
    )


def test_standardised_difference_and_variance_ratio_by_hand():
    table = frame()
    found = rct.balance(trial(table)).table.set_index("variable")
    treated, control = (table[table["arm"] == a]["crime"] for a in ("patrol", "control"))
    pooled = np.sqrt((treated.var() + control.var()) / 2)
    assert found.loc["crime", "difference"] == pytest.approx(treated.mean() - control.mean())
    assert found.loc["crime", "standardised"] == pytest.approx((treated.mean() - control.mean()) / pooled)
    assert found.loc["crime", "variance_ratio"] == pytest.approx(treated.var() / control.var())
    assert (found["reason"] == "").all()


def test_blocks_are_weighted_by_their_harmonic_means():
    table = frame().assign(block=["x"] * 8 + ["z"] * 4)
    table["arm"] = ["patrol"] * 2 + ["control"] * 6 + ["patrol", "patrol", "control", "control"]
    parts, weights = [], []
    for _, rows in table.groupby("block"):
        mean, size = (rows.groupby("arm")["crime"].agg(how) for how in ("mean", "size"))
        parts.append(mean["patrol"] - mean["control"])
        weights.append(1 / (1 / size["patrol"] + 1 / size["control"]))
    found = rct.balance(trial(table, block="block")).table
    assert found["difference"][0] == pytest.approx(np.average(parts, weights=weights))


def test_d2_and_its_p_value_against_every_allocation_of_twelve():
    table = frame()
    found = rct.balance(trial(table))
    X = table[["crime", "size"]].to_numpy()
    # the adjusted difference of Hansen and Bowers without blocks: a difference in means
    inverse = np.linalg.inv(np.cov(X.T) * (1 / 6 + 1 / 6))

    def d2(treated: np.ndarray) -> float:
        gap = X[treated].mean(axis=0) - X[~treated].mean(axis=0)
        return float(gap @ inverse @ gap)

    actual = d2((table["arm"] == "patrol").to_numpy())
    every = [d2(np.isin(np.arange(12), chosen)) for chosen in combinations(range(12), 6)]
    assert found.statistic == pytest.approx(actual)
    assert found.rank == 2
    assert found.p_value == pytest.approx(np.mean(np.array(every) >= actual * (1 - 1e-9)))
    assert "all 924 assignments" in found.sentence


def test_pairs_of_clusters_are_drawn_as_pairs_of_clusters():
    table = frame(16, seed=3)
    table["beat"] = [f"b{i // 2}" for i in range(16)]
    table["pair"] = [f"p{i // 4}" for i in range(16)]
    table["arm"] = np.repeat(["patrol", "control"] * 4, 2)
    found = rct.balance(trial(table, ("crime",), block="pair", cluster="beat"))
    totals = table.groupby("beat")["crime"].sum().to_numpy()
    gaps = totals[::2] - totals[1::2]
    every = [abs(np.dot(signs, gaps)) for signs in product((1, -1), repeat=4)]
    assert found.p_value == pytest.approx(np.mean(np.array(every) >= abs(gaps.sum()) * (1 - 1e-9)))
    # under pair by pair draws the variance of the sum of gaps is the sum of their squares
    assert found.statistic == pytest.approx(gaps.sum() ** 2 / (gaps**2).sum())


def test_the_test_does_not_depend_on_units_of_measurement_rows_or_redundant_variables():
    table = frame(40)
    plain = rct.balance(trial(table), inference=QUICK)
    other = table.assign(crime=table["crime"] * 1e6 + 5, both=table["crime"] + table["size"]).sample(
        frac=1, random_state=2
    )
    again = rct.balance(trial(other, ("crime", "size", "both")), inference=QUICK)
    assert again.rank == 2
    assert again.statistic == pytest.approx(plain.statistic, rel=1e-8)
    assert again.p_value == plain.p_value


def test_three_arms_are_tested_together():
    table = frame(30).assign(arm=np.resize(["control", "patrol", "letters"], 30))
    made = trial(table, treatments=["patrol", "letters"])
    found = rct.balance(made, inference=QUICK)
    assert found.rank == 4
    assert list(found.table["arm"]) == ["patrol", "letters"] * 2
    swapped = rct.balance(trial(table, treatments=["letters", "patrol"]), inference=QUICK)
    assert swapped.statistic == pytest.approx(found.statistic)


def test_arms_that_chance_would_not_part_so_far_stand_out():
    table = frame(40)
    table["crime"] += np.where(table["arm"] == "patrol", 60, 0)
    found = rct.balance(trial(table))
    assert found.p_value < 0.001
    assert found.largest == pytest.approx(found.table["standardised"].abs().max())
    assert "Hansen" in found._repr_mimebundle_()["text/html"]


def test_a_variable_without_variation_has_a_reason_and_no_number():
    found = rct.balance(trial(frame().assign(size=1.0)), inference=QUICK)
    flat = found.table.set_index("variable").loc["size"]
    assert np.isnan(flat["standardised"])
    assert "same for every unit" in flat["reason"]
    assert found.rank == 1
    nothing = rct.balance(trial(frame().assign(crime=2.0), ("crime",)))
    assert nothing.rank == 0
    assert "no variable differs" in str(nothing.p_value)
    assert "not available" in nothing._repr_mimebundle_()["text/html"]


def test_several_rows_a_unit_count_once_and_a_crossover_is_refused():
    table = frame()
    long = pd.concat([table.assign(month=m) for m in (1, 2)])
    found = rct.balance(trial(long, period="month"))
    assert found.p_value == rct.balance(trial(table)).p_value
    assert "first period" in found.notes[-1]
    other = {"control": "patrol", "patrol": "control"}
    crossed = pd.concat([table.assign(month=1), table.assign(month=2, arm=table["arm"].map(other))])
    with pytest.raises(DesignError, match="change arms"):
        rct.balance(trial(crossed, period="month"))


def test_a_recorded_balance_rule_is_what_chance_could_have_done():
    listed = frame()[["area", "crime", "size"]]
    drawn = rct.randomise(
        listed,
        unit="area",
        seed=3,
        arms=("control", "patrol"),
        balance=rct.Balance(("crime", "size"), 0.1),
    )
    table = listed.merge(drawn.table, on="area").assign(y=0.0)
    free, held = rct.balance(trial(table)), rct.balance(trial(table), allocation=drawn)
    assert held.statistic == pytest.approx(free.statistic)
    assert free.p_value > 0.9
    # of the tenth that the rule lets through, the drawn one is any
    assert held.p_value == pytest.approx((free.p_value - 1) * 10 + 1, abs=0.03)
    assert "recorded rule" in held.sentence
    left = rct.balance(trial(table.iloc[1:]), allocation=drawn)
    assert any("not in the analysis" in note for note in left.notes)
    swap = {"control": "patrol", "patrol": "control"}
    other = trial(table.assign(arm=table["arm"].map(swap)))
    with pytest.raises(TrialError, match="another arm"):
        rct.balance(other, allocation=drawn)


def test_refusals_name_the_remedy():
    with pytest.raises(OptionError, match="no baseline"):
        rct.balance(trial(frame(), ()))
    with pytest.raises(OptionError, match="cannot test balance"):
        rct.balance(trial(frame()), inference=RandomisationInference(within=("x",) * 12))
    split = frame().assign(beat=[f"b{i % 3}" for i in range(12)], pair=[f"p{i // 6}" for i in range(12)])
    split["arm"] = np.where(split["beat"] == "b0", "patrol", "control")
    with pytest.raises(DesignError, match="several blocks"):
        rct.balance(trial(split, block="pair", cluster="beat"))
