"""Checks of a trial: each passes where nothing is wrong and speaks where something was put wrong."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
import pytest

from whatworks import checks, rct
from whatworks.results import CheckResult, Result
from whatworks.trial import Trial

N = 60


def listed(n: int = N, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "area": [f"a{i:03d}" for i in range(n)],
            "beat": [f"b{i // 5:02d}" for i in range(n)],
            "crime": rng.normal(20, 5, n),
        }
    )


def data(n: int = N, effect: float = 3.0, **options: object) -> tuple[rct.Allocation, pd.DataFrame]:
    base = listed(n)
    drawn = rct.randomise(base, unit="area", seed=4, arms=("usual", "patrol"), **options)
    on = [name for name in drawn.table if name in base]
    table = base.merge(drawn.table, on=on)
    rng = np.random.default_rng(2)
    treated = table["arm"] == "patrol"
    table["y"] = rng.normal(size=n) + 0.1 * table["crime"] - effect * treated
    table["met"] = (treated & (rng.random(n) < 0.8)).astype(int)
    return drawn, table


def trial(table: pd.DataFrame, **roles: object) -> Trial:
    options = {"taken": "met", "baseline": ["crime"]} | roles
    return Trial.from_frame(
        table, unit="area", arm="arm", outcome="y", control="usual", allow_missing=True, **options
    )


def verdicts(found: tuple[CheckResult, ...]) -> dict[str, str]:
    return {check.name: check.verdict for check in found}


def test_a_sound_trial_passes_everything():
    drawn, table = data()
    found = checks.run_trial(trial(table), rct.itt, allocation=drawn)
    assert verdicts(found) == dict.fromkeys(
        [
            "Allocation record",
            "Balance before the start",
            "Enough assigned",
            "Attrition",
            "Take-up",
            "Leave one unit out",
        ],
        "pass",
    )
    result = rct.itt(trial(table)).with_checks(*found)
    assert len(Result.from_json(result.to_json()).checks) == 6


def test_without_record_take_up_or_baseline_the_checks_say_so():
    _, table = data()
    made = trial(table, taken=None, baseline=[])
    found = verdicts(checks.run_trial(made, rct.itt))
    for name in ("Allocation record", "Balance before the start", "Take-up"):
        assert found[name] == "not_applicable"


def test_the_record_catches_other_arms_outcomes_on_the_list_and_few_allocations():
    drawn, table = data()
    swap = {"usual": "patrol", "patrol": "usual"}
    other = trial(table.assign(arm=table["arm"].where(table["area"] != "a003", table["arm"].map(swap))))
    found = checks.allocation_record(other, drawn)
    assert found.verdict == "fail"
    assert "a003" in found.reason
    peeked = rct.Allocation(drawn.table, drawn.record | {"input_columns": ["area", "y"]}, drawn.rule)
    assert checks.allocation_record(trial(table), peeked).verdict == "fail"
    few, small = data(5)
    found = checks.allocation_record(trial(small), few)
    assert found.verdict == "concern"
    assert "10 allocations" in found.reason


def test_arms_apart_on_baseline_raise_a_concern_and_far_apart_fail():
    _, table = data()
    shift = table["arm"] == "patrol"
    found = [
        checks.balance_before(trial(table.assign(crime=table["crime"] + by * shift))) for by in (0, 3.5, 20)
    ]
    assert [check.verdict for check in found] == ["pass", "concern", "fail"]
    assert 0.001 < float(found[1].reason.split(" of allocations")[0].split()[-1]) < 0.01


def test_enough_assigned_counts_clusters_where_clusters_were_drawn():
    _, table = data(60, cluster="beat")
    found = checks.enough_assigned(trial(table, cluster="beat"))
    assert "6 clusters in usual" in found.reason
    assert found.verdict == "pass"
    _, small = data(50, cluster="beat")
    assert checks.enough_assigned(trial(small, cluster="beat")).verdict == "concern"
    lone = small[small["arm"] == "patrol"].assign(arm="usual", beat="x", area=lambda t: t["area"] + "x")
    one = pd.concat([lone, small[small["arm"] == "patrol"]])
    assert checks.enough_assigned(trial(one, cluster="beat")).verdict == "fail"
    assert "units" in checks.enough_assigned(trial(small)).reason


def test_attrition_by_arm_much_of_it_and_open_signs():
    drawn, table = data(200, effect=1.5)
    patrol, usual = (table.index[table["arm"] == arm] for arm in ("patrol", "usual"))

    def found(*gone: pd.Index) -> CheckResult:
        lost = table.copy()
        for part in gone:
            lost.loc[part, "y"] = np.nan
        made = trial(lost)
        return checks.attrition(made, rct.itt(made), drawn)

    assert found(patrol[:5], usual[:5]).verdict == "pass"
    some = found(patrol[:14])
    assert some.verdict == "concern"
    assert "14 of 100 in patrol" in some.reason
    assert "randomisation test" in some.reason
    much = found(patrol[:20], usual[:20])
    assert much.verdict == "concern"
    assert "20% of all" in much.reason
    assert "sign of the effect open" not in much.reason


def test_attrition_counts_those_who_left_the_list():
    drawn, table = data(200)
    patrol = table.index[table["arm"] == "patrol"]
    made = trial(table.drop(index=patrol[:14]))
    found = checks.attrition(made, rct.itt(made), drawn)
    assert "14 of 100 in patrol" in found.reason
    assert "randomisation test" in found.reason
    assert found.verdict == "concern"


def test_attrition_that_could_make_the_claim_turns_the_sign_of_bounds():
    drawn, table = data(200, effect=0.0)
    patrol = table.index[table["arm"] == "patrol"]
    low = table.loc[patrol, "y"].sort_values().index
    lost = table.copy()
    lost.loc[low[-35:], "y"] = np.nan
    made = trial(lost)
    found = checks.attrition(made, rct.itt(made), drawn)
    assert "leave the sign of the effect open" in found.reason


def test_take_up_none_weak_and_leaked():
    _, table = data()
    treated = table["arm"] == "patrol"
    assert checks.take_up(trial(table)).verdict == "pass"
    assert checks.take_up(trial(table.assign(met=0))).verdict == "fail"
    assert checks.take_up(trial(table.assign(met=(~treated).astype(int)))).verdict == "fail"
    few = table.assign(met=(treated & (np.arange(N) < 10)).astype(int))
    weak = checks.take_up(trial(few))
    assert weak.verdict == "concern"
    assert "weak" in weak.reason
    leaked = checks.take_up(trial(table.assign(met=np.where(treated, 1, np.arange(N) % 4 == 0))))
    assert leaked.verdict == "concern"
    assert "control arm" in leaked.reason


def test_take_up_of_several_arms_fails_where_one_got_nothing():
    _, table = data()
    third = np.arange(N) % 3 == 0
    table["arm"] = np.where(third, "letters", table["arm"])
    table["met"] = (table["arm"] == "patrol").astype(int)
    assert checks.take_up(trial(table, treatments=["patrol", "letters"])).verdict == "fail"


def test_an_answer_that_hangs_on_one_unit_or_cluster_is_told():
    _, table = data(effect=0.0)
    table["y"] = np.where(table["area"] == "a007", -300.0, table["y"])
    table.loc[table["arm"] == "patrol", "beat"] += "p"
    made = trial(table, cluster="beat", block=None)
    found = checks.without_one(made, rct.itt, by="unit")
    assert found.table["left out"][0] == "a007"
    assert checks.without_one(made, rct.itt, by="block").verdict == "not_applicable"
    names = verdicts(checks.run_trial(made, rct.itt))
    assert {"Leave one unit out", "Leave one cluster out"} <= set(names)


def test_a_record_in_the_analysis_does_not_forbid_leaving_a_unit_out():
    drawn, table = data()
    found = checks.run_trial(trial(table), partial(rct.itt, allocation=drawn), allocation=drawn)
    assert verdicts(found)["Leave one unit out"] == "pass"


@pytest.fixture(scope="module")
def crossed() -> tuple[rct.Allocation, pd.DataFrame]:
    design = rct.Crossover(30, shortest=1, longest=4)
    drawn = rct.randomise(listed(14), unit="area", seed=1, arms=("usual", "patrol"), design=design)
    table = drawn.table.copy()
    table["y"] = np.random.default_rng(5).normal(size=len(table)) - (table["arm"] == "patrol")
    return drawn, table.assign(met=(table["arm"] == "patrol").astype(int))


def test_carry_over_of_a_crossover(crossed):
    drawn, table = crossed
    analysis = partial(rct.crossover, inference=None)
    made = trial(table, period="period", baseline=[])
    found = {check.name: check for check in checks.run_trial(made, analysis, allocation=drawn)}
    assert found["Carry-over"].verdict == "pass"
    assert found["Balance before the start"].verdict == "not_applicable"
    assert len(found["Take-up"].table) == 60
    before = table.groupby("area")["met"].shift(1).fillna(0)
    carried = trial(table.assign(y=table["y"] - 2 * before), period="period", baseline=[])
    assert checks.carry_over(rct.crossover(carried)).verdict == "concern"


def test_an_effect_that_grows_with_exposure_is_told():
    drawn = rct.randomise(listed(24), unit="area", seed=1, design=rct.SteppedWedge(4, first=2, every=2))
    table = drawn.table.merge(pd.DataFrame({"month": range(1, 11)}), how="cross")
    exposed = (table["month"] - table["start"].astype(int) + 1).clip(lower=0)
    noise = np.random.default_rng(3).normal(size=len(table))
    verdict = []
    for slope in (0.0, 3.0):
        y = 0.3 * noise - (exposed > 0) - slope * exposed
        made = Trial.from_frame(
            table.assign(y=y, arm=np.where(exposed > 0, "on", "off")),
            unit="area",
            arm="arm",
            outcome="y",
            control="off",
            period="month",
        )
        verdict.append(checks.over_exposure(rct.stepped_wedge(made)).verdict)
    assert verdict == ["pass", "concern"]


def losses(table: pd.DataFrame, drawn: rct.Allocation, gone: object, **roles: object) -> CheckResult:
    """The check of attrition where the rows `gone` left the list, against the record."""
    made = trial(table.drop(index=gone), taken=None, baseline=[], **roles)
    result = Result.from_json(rct.itt(trial(data()[1])).to_json())
    return checks.attrition(made, result, drawn)


def test_attrition_is_tested_over_whole_clusters():
    drawn, table = data(300, cluster="beat")
    on = drawn.table
    assert (on.groupby("beat")["arm"].nunique() == 1).all()
    patrol, usual = (table.index[table["arm"] == arm] for arm in ("patrol", "usual"))
    alike = losses(table, drawn, patrol[::7].union(usual[::7]), cluster="beat")
    assert alike.verdict == "pass"
    # six beats of one arm lost altogether are six losses, not thirty
    whole = table["beat"].isin(table.loc[patrol, "beat"].unique()[:4])
    some = losses(table, drawn, table.index[whole], cluster="beat")
    p = [float(one.reason.split("p = ")[1].split()[0]) for one in (alike, some)]
    assert 0.04 < p[1] < 0.25
    each = losses(table, drawn, patrol[::5], cluster="beat")
    assert each.verdict == "concern"
    assert "randomisation test" in each.reason


def test_attrition_counts_the_rows_that_units_lost_over_periods():
    drawn, table = data()
    long = table.merge(pd.DataFrame({"month": range(1, 7)}), how="cross")
    rng = np.random.default_rng(8)
    alike = losses(long, drawn, long.index[rng.random(len(long)) < 0.08], period="month")
    assert "randomisation test" in alike.reason
    assert alike.verdict == "pass"
    late = (long["arm"] == "patrol") & (long["month"] == 6) & (rng.random(len(long)) < 0.5)
    unlike = losses(long, drawn, long.index[late], period="month")
    assert unlike.verdict == "concern"


def test_attrition_of_a_crossover_and_of_a_wedge_is_analysed_as_the_outcome_is(crossed):
    drawn, table = crossed
    rng = np.random.default_rng(8)
    some = rng.random(len(table)) < 0.15
    alike = losses(table, drawn, table.index[some], period="period")
    assert "crossover analysis of losses" in alike.reason
    assert alike.verdict == "pass"
    assert losses(table, drawn, table.index[some & (table["arm"] == "patrol")], period="period").verdict == (
        "concern"
    )
    wedge = rct.randomise(listed(24), unit="area", seed=1, design=rct.SteppedWedge(4, first=2, every=2))
    rows = wedge.table.merge(pd.DataFrame({"month": range(1, 11)}), how="cross")
    on = rows["month"] >= rows["start"].astype(int)
    rows = rows.assign(y=rng.normal(size=len(rows)), arm=np.where(on, "patrol", "usual"))
    luck = rng.random(len(rows))
    found = [losses(rows, wedge, rows.index[m], period="month") for m in (luck < 0.3, (luck < 0.5) & on)]
    p = [float(one.reason.split("p = ")[1].split()[0]) for one in found]
    assert p[0] > 0.05
    assert p[1] < 0.01
    assert found[1].verdict == "concern"
    assert all("stepped wedge analysis of losses" in one.reason for one in found)
