"""The synthetic trials: their files, their truth, and that chance and effect do what they say."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from whatworks import rct
from whatworks.data import synthetic
from whatworks.data.synthetic import trial_parts
from whatworks.errors import OptionError, TrialError
from whatworks.study.example_trials import EXAMPLES, example_trial

COMMITTED = Path(__file__).parents[2] / "data" / "synthetic" / "trials"


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_committed_files_are_what_the_seeds_give(name, tmp_path):
    written = example_trial(name).write(tmp_path)
    assert [path.name for path in written] == [
        f"{name}-list.csv",
        f"{name}-allocation.json",
        f"{name}.csv",
        f"{name}-truth.json",
    ]
    for path in written:
        assert path.read_bytes() == (COMMITTED / path.name).read_bytes()
    truth = json.loads((COMMITTED / f"{name}-truth.json").read_text(encoding="utf-8"))
    assert truth["table"]["sha256"] == hashlib.sha256((COMMITTED / f"{name}.csv").read_bytes()).hexdigest()
    assert truth["table"]["rows"] == len(pd.read_csv(COMMITTED / f"{name}.csv"))


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_list_knows_nothing_of_outcomes_and_the_record_replays(name):
    made = example_trial(name)
    held = rct.Allocation.from_json((COMMITTED / f"{name}-allocation.json").read_text(encoding="utf-8"))
    held.require_same(made.allocation)
    after = set(made.made.frame.columns) - {"arm", "start", "period", "day", "washout"}
    outcomes = {"crimes", "disorder", "nearby", "incidents", "harm", "robbery", "satisfaction", "needs_met"}
    assert outcomes & after
    assert not outcomes & set(made.listed.columns)
    assert set(held.record["input_columns"]) <= set(made.listed.columns)


def spots(arm_of_all: str, seed: int = 2023) -> pd.DataFrame:
    listed = synthetic.hotspots_list(seed=seed)
    return synthetic.hotspots(listed.assign(arm=arm_of_all), seed=seed).frame


def test_a_spot_has_the_same_luck_in_either_arm():
    """Over many made trials each outcome falls by its effect; what nothing touched is the same number."""
    fell, rose = [], 0
    for seed in range(40):
        usual, patrol = spots("control", seed), spots("patrol", seed)
        assert (usual["nearby"] == patrol["nearby"]).all()
        assert (usual["days"] == patrol["days"]).all()
        rose += int((patrol["crimes"] > usual["crimes"]).sum())
        fell.append([patrol[name].sum() / usual[name].sum() for name in ("crimes", "disorder")])
    assert rose == 0
    np.testing.assert_allclose(np.mean(fell, axis=0), [0.80, 0.85], atol=0.004)


def test_counts_of_spots_vary_twice_as_much_as_chance():
    """Mean and variance over many lucks, the spots' expected counts being the same."""
    expected = np.linspace(5.0, 60.0, 60)
    drawn = np.stack(
        [
            trial_parts.counts(expected * trial_parts.hidden_rates(expected, 2.0, seed, 1), seed, 2)
            for seed in range(400)
        ]
    )
    np.testing.assert_allclose(drawn.mean(axis=0), expected, rtol=0.08)
    assert (drawn.var(axis=0) / expected).mean() == pytest.approx(2.0, abs=0.05)


def test_bands_hold_spots_alike_and_equally_many():
    listed = synthetic.hotspots_list()
    assert listed.groupby("band").size().tolist() == [12] * 5
    edges = listed.groupby("band")["crimes_before"].agg(["min", "max"])
    assert (edges["min"].to_numpy()[1:] >= edges["max"].to_numpy()[:-1]).all()


def test_whole_wards_can_be_assigned_too():
    listed = synthetic.hotspots_list()
    drawn = rct.randomise(listed, unit="spot", cluster="ward", arms=("control", "patrol"), seed=1)
    frame = synthetic.hotspots(drawn.table).frame
    assert (frame.groupby("ward")["arm"].nunique() == 1).all()


def test_place_days_keep_their_schedule_and_patrols_come_when_due():
    made = example_trial("place-days")
    frame = made.made.frame
    table = made.allocation.table
    assert frame["arm"].tolist() == table["arm"].tolist()
    assert frame["washout"].tolist() == table["washout"].astype(int).tolist()
    due = frame["arm"] == "patrol"
    assert not frame.loc[~due, "delivered"].any()
    assert frame.loc[due, "delivered"].mean() == pytest.approx(0.95, abs=0.02)
    assert frame.loc[frame["delivered"] == 1, "minutes"].min() > frame.loc[~due, "minutes"].max()
    assert ((frame["harm"] >= frame["incidents"]) & ((frame["harm"] > 0) == (frame["incidents"] > 0))).all()


def test_place_days_fall_by_the_stated_share_where_delivered():
    listed = synthetic.place_days_list()
    grid = listed.loc[listed.index.repeat(90), ["spot"]].assign(
        period=np.tile(np.arange(1, 91), 20), washout=False
    )
    ratios = []
    for seed in range(20):
        usual, patrol = (
            synthetic.place_days(grid.assign(arm=arm), seed=seed).frame for arm in ("control", "patrol")
        )
        kept = patrol["delivered"] == 0
        assert (patrol.loc[kept, "incidents"] == usual.loc[kept, "incidents"]).all()
        ratios.append(patrol["incidents"].sum() / usual["incidents"].sum())
    assert np.mean(ratios) == pytest.approx(0.7625, abs=0.008)


def test_the_effect_of_the_stepped_wedge_grows_with_time_since_the_start():
    listed = synthetic.stepped_wedge_list()
    last = synthetic.stepped_wedge(listed.assign(start="8"))
    assert (last.frame["arm"] == np.where(last.frame["period"] == 8, "programme", "before")).all()
    third = synthetic.stepped_wedge(listed.assign(start="3"))
    change = 100 * (
        third.frame.groupby("period")["robbery"].sum() / last.frame.groupby("period")["robbery"].sum() - 1
    )
    np.testing.assert_allclose(change[:7], [0, 0, -6, -9, -12, -15, -15], atol=0.9)
    with pytest.raises(TrialError, match="begins in periods 9 to 9"):
        synthetic.stepped_wedge(listed.assign(start="9"))
    made = example_trial("stepped-wedge").made
    assert (made.frame.groupby("bcu")["start"].nunique() == 1).all()
    assert -15 < made.truth["effects"]["overall"]["percent"] < -6


def test_nobody_meets_only_because_no_meeting_was_offered():
    listed = synthetic.victims_list()
    usual, offered = (
        synthetic.restorative_justice(listed.assign(arm=arm)).frame
        for arm in ("usual practice", "meeting offered")
    )
    assert (offered["met"] >= usual["met"]).all()
    assert usual["met"].mean() == pytest.approx(0.05, abs=0.03)
    assert offered["met"].mean() == pytest.approx(0.65, abs=0.05)
    same = (usual["met"] == offered["met"]) & usual["satisfaction"].notna()
    assert (usual.loc[same, "satisfaction"] == offered.loc[same, "satisfaction"]).all()
    # whoever answers without the offer answers with it: loss goes one way, as trimming bounds assume
    assert offered.loc[usual["satisfaction"].notna(), "satisfaction"].notna().all()
    assert usual["satisfaction"].isna().mean() > offered["satisfaction"].isna().mean() + 0.03


def test_the_truth_of_restorative_justice_is_that_of_the_people_as_drawn():
    made = example_trial("restorative-justice").made
    shares, effects = made.truth["take_up"], made.truth["effects"]
    for effect in effects.values():
        assert effect["itt"] == pytest.approx(effect["cace"] * shares["compliers"], abs=1e-5)
    assert 0.9 < effects["satisfaction"]["cace"] <= 1.2


def test_another_list_or_seed_is_refused():
    listed = synthetic.hotspots_list()
    with pytest.raises(TrialError, match="not one of this trial's list: Spot 60"):
        synthetic.hotspots(listed.assign(arm="control").iloc[:-1])
    with pytest.raises(TrialError, match="no column 'arm'"):
        synthetic.hotspots(listed)
    with pytest.raises(OptionError, match="whole number"):
        synthetic.victims_list(seed=-1)
    with pytest.raises(OptionError, match="Did you mean 'hotspots'"):
        example_trial("hotspot")
