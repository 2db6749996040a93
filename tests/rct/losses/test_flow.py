"""Flow: every number counted by hand, for each kind of trial, and every step that does not add up refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from whatworks import rct
from whatworks.errors import OptionError, TrialError
from whatworks.trial import Trial


def listed(n: int = 40) -> pd.DataFrame:
    return pd.DataFrame(
        {"area": [f"a{i:03d}" for i in range(n)], "beat": [f"b{i // 4:02d}" for i in range(n)]}
    )


def parallel() -> tuple[rct.Allocation, pd.DataFrame]:
    drawn = rct.randomise(listed(), unit="area", seed=1, arms=("usual", "offered"))
    table = drawn.table.assign(y=1.0, met=(drawn.table["arm"] == "offered").astype(int))
    offered = table.index[table["arm"] == "offered"]
    usual = table.index[table["arm"] == "usual"]
    table.loc[offered[:3], "y"] = np.nan
    table.loc[offered[4:9], "met"] = 0
    table.loc[usual[0], "met"] = 1
    return drawn, table.drop(index=[*offered[10:12], usual[5]])


def trial(table: pd.DataFrame, arms: tuple[str, ...] = ("usual", "offered"), **roles: object) -> Trial:
    return Trial.from_frame(
        table,
        unit="area",
        arm="arm",
        outcome="y",
        control=arms[0],
        treatments=list(arms[1:]),
        allow_missing=True,
        **roles,
    )


def test_two_arms_with_a_record_count_as_by_hand():
    drawn, table = parallel()
    enrolled = rct.Enrolment(60, {"moved away": 15, "refused": 5})
    found = rct.flow(trial(table, taken="met"), enrolment=enrolled, allocation=drawn, units="victims")
    rows = found.table()
    assert list(rows.columns) == ["step", "arm", "of", "number", "reason"]
    assert set(rows["of"]) == {"victims"}
    expected = {
        ("assessed", ""): 60,
        ("excluded", ""): 20,
        ("randomised", ""): 40,
        ("allocated", "offered"): 20,
        ("received", "offered"): 13,
        ("not received", "offered"): 5,
        ("take-up unknown", "offered"): 2,
        ("lost", "offered"): 5,
        ("analysed", "offered"): 15,
        ("received", "usual"): 18,
        ("not received", "usual"): 1,
        ("lost", "usual"): 1,
        ("analysed", "usual"): 19,
    }
    assert {key: found.number(*key) for key in expected} == expected
    lost = rows[(rows["step"] == "lost") & (rows["arm"] == "offered")]
    assert dict(zip(lost["reason"], lost["number"], strict=True)) == {
        "left the list after randomisation": 2,
        "no outcome": 3,
    }


def test_without_a_record_the_list_is_what_was_randomised():
    _, table = parallel()
    found = rct.flow(trial(table))
    assert found.number("randomised") == 37
    assert found.number("received", "usual") == 0
    assert "received" not in set(found.numbers["step"])
    assert "<table" in found._repr_mimebundle_()["text/html"]


def test_reasons_of_losses_replace_what_the_data_show():
    drawn, table = parallel()
    given = {"offered": {"died": 1, "no answer": 4}, "usual": {"withdrew": 1}}
    found = rct.flow(trial(table), allocation=drawn, lost=given)
    rows = found.numbers
    mine = rows[(rows["step"] == "lost") & (rows["arm"] == "offered")]
    assert dict(zip(mine["reason"], mine["number"], strict=True)) == given["offered"]
    assert rows["step"].tolist() == (
        ["randomised", "allocated", "lost", "analysed", "allocated", "lost", "lost", "analysed"]
    )


def test_clusters_and_people_are_both_counted():
    drawn = rct.randomise(listed(), unit="area", seed=2, cluster="beat", arms=("usual", "offered", "more"))
    table = drawn.table.assign(y=1.0)
    first = {arm: sorted(set(rows["beat"])) for arm, rows in table.groupby("arm")}
    table.loc[table["beat"] == first["more"][0], "y"] = np.nan
    table.loc[table.index[table["beat"] == first["more"][1]][:2], "y"] = np.nan
    table = table[table["beat"] != first["usual"][0]]
    found = rct.flow(
        trial(table, ("usual", "offered", "more"), cluster="beat"),
        allocation=drawn,
        clusters="beats",
        enrolment=rct.Enrolment(12, {"too small": 2}),
    )
    assert found.counted == ("beats", "units")
    assert [found.number("randomised", "", of) for of in found.counted] == [10, 40]
    more = len(first["more"])
    assert found.number("lost", "more", "beats") == 1
    assert found.number("analysed", "more", "beats") == more - 1
    assert found.number("lost", "more", "units") == 6
    assert found.number("analysed", "more", "units") == 4 * more - 6
    assert found.number("lost", "usual", "beats") == 1
    assert found.number("assessed", "", "beats") == 12


@pytest.mark.parametrize("listed_days", ["counted", "all"])
def test_a_crossover_counts_units_in_both_arms_and_unit_periods_once(listed_days):
    design = rct.Crossover(20, shortest=2, longest=6, washout=1)
    drawn = rct.randomise(listed(8), unit="area", seed=1, arms=("usual", "offered"), design=design)
    table = drawn.table.assign(y=1.0)
    if listed_days == "counted":
        table = table[~table["washout"]]
    gone = table["area"] == "a004"
    washed = drawn.table[drawn.table["washout"] & (drawn.table["area"] != "a004")]
    found = rct.flow(trial(table[~gone], period="period"), allocation=drawn)
    assert found.design == "crossover"
    assert found.number("randomised", "", "units") == 8
    assert found.number("randomised") == 160
    for arm in ("usual", "offered"):
        assert found.number("allocated", arm, "units") == 8
        assert found.number("allocated", arm) == 80
        assert found.number("left out", arm) == (washed["arm"] == arm).sum()
        assert found.number("lost", arm) == 10
        assert found.number("analysed", arm) == 70 - (washed["arm"] == arm).sum()


def test_a_stepped_wedge_is_counted_by_starting_period():
    design = rct.SteppedWedge(3, first=2)
    drawn = rct.randomise(listed(24), unit="area", seed=1, cluster="beat", design=design)
    table = drawn.table.merge(pd.DataFrame({"month": range(1, 6)}), how="cross").assign(y=1.0)
    table["arm"] = np.where(table["month"] >= table["start"].astype(int), "on", "off")
    left = drawn.table.loc[drawn.table["start"] == "3", "area"].iloc[0]
    late = drawn.table.loc[drawn.table["start"] == "4", "area"].iloc[0]
    table.loc[(table["area"] == late) & (table["month"] == 5), "y"] = np.nan
    made = trial(table[table["area"] != left], ("off", "on"), period="month", cluster="beat")
    found = rct.flow(made, allocation=drawn)
    assert found.arms == ("begins in 2", "begins in 3", "begins in 4")
    assert found.counted == ("clusters", "units", "unit-periods")
    assert [found.number("allocated", arm) for arm in found.arms] == [40, 40, 40]
    assert [found.number("lost", arm) for arm in found.arms] == [0, 5, 1]
    assert [found.number("lost", arm, "units") for arm in found.arms] == [0, 1, 0]
    assert rct.flow(made).number("analysed", "begins in 3") == 35


def test_each_step_that_does_not_add_up_is_named():
    drawn, table = parallel()
    with pytest.raises(TrialError, match=r"step assessed to randomised.*leave 41, but 40 were"):
        rct.flow(trial(table), allocation=drawn, enrolment=rct.Enrolment(60, {"refused": 19}))
    with pytest.raises(TrialError, match="step assessed to randomised"):
        rct.flow(trial(table), enrolment=rct.Enrolment(36, {"refused": -1}))
    with pytest.raises(TrialError, match=r"step lost.*4 units lost in arm 'offered'.*but 5"):
        rct.flow(trial(table), allocation=drawn, lost={"offered": {"died": 4}, "usual": {"withdrew": 1}})
    with pytest.raises(TrialError, match="'offred', which is no arm"):
        rct.flow(trial(table), lost={"offred": {"died": 4}})
    with pytest.raises(TrialError, match="not about what this trial counts"):
        rct.flow(trial(table), enrolment=rct.Enrolment(37, of="clusters"))
    joined = pd.concat([table, table.iloc[:1].assign(area="new")])
    with pytest.raises(TrialError, match="new"):
        rct.flow(trial(joined), allocation=drawn)
    swap = {"usual": "offered", "offered": "usual"}
    moved = table.assign(arm=table["arm"].where(table["area"] != "a003", table["arm"].map(swap)))
    with pytest.raises(TrialError, match="another arm"):
        rct.flow(trial(moved), allocation=drawn)
    with pytest.raises(OptionError, match="not different words"):
        rct.flow(trial(table.assign(beat=table["area"]), cluster="beat"), clusters="units")
