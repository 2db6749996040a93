"""An allocation replayed from its record and its list."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from whatworks import Trial, rct
from whatworks.data.tables import read_table
from whatworks.errors import RecordError
from whatworks.inference import RandomisationInference


def listed(count: int = 12) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "area": [f"a{i:03d}" for i in range(count)],
            "crime": [10.5 + 7 * (i % 5) for i in range(count)],
            "region": ["north", "south", "south"] * (count // 3),
            "block": ["x", "y"] * (count // 2),
            "unit": [f"b{i // 2}" for i in range(count)],
        }
    )


DESIGNS = {
    "complete": {},
    "sizes": {"design": rct.Complete((9, 3))},
    "blocked": {"design": rct.Blocked(("region", "block"))},
    "blocked by a column named block": {"design": rct.Blocked("block")},
    "pairs of clusters": {"design": rct.Pairs("crime"), "cluster": "unit"},
    "a cluster column named block": {"cluster": "block", "arms": ("usual", "patrol")},
    "three arms": {"arms": ("a", "b", "c")},
    "wedge": {"design": rct.SteppedWedge(3, first=4, every=2)},
    "wedge of clusters": {"design": rct.SteppedWedge(3), "cluster": "unit"},
    "balance": {"balance": rct.Balance("crime", 0.2)},
    "crossover": {"design": rct.Crossover(20, shortest=2, longest=4, washout=1), "arms": ("off", "on")},
    "rota": {"design": rct.Rota(24, treated=3, longest=4), "arms": ("off", "on")},
}


@pytest.mark.parametrize("name", DESIGNS)
def test_every_design_is_replayed_from_its_file_and_the_list_as_text(name, tmp_path):
    drawn = rct.randomise(listed(), unit="area", seed=7, **DESIGNS[name])
    listed().sample(frac=1, random_state=2).to_csv(tmp_path / "list.csv", index=False)
    held = rct.Allocation.from_json(drawn.to_json())
    assert held.rule is None
    again = rct.replay(held, read_table(tmp_path / "list.csv"))
    assert again.to_json() == drawn.to_json()
    assert again.rule.possible == drawn.rule.possible
    if drawn.rule.layout is not None:
        np.testing.assert_array_equal(again.rule.layout.counts, drawn.rule.layout.counts)


def test_another_list_seed_or_rule_is_named():
    held = rct.randomise(listed(), unit="area", seed=7, design=rct.Blocked("region"))
    with pytest.raises(RecordError, match="input_hash"):
        rct.replay(held, listed().assign(area=[f"z{i}" for i in range(12)]))
    with pytest.raises(RecordError, match=r"does not serve this record: .*region"):
        rct.replay(held, listed().drop(columns="region"))
    moved = rct.Allocation(held.table, {**held.record, "seed": 8})
    with pytest.raises(RecordError, match="cannot be replayed: table_hash"):
        rct.replay(moved, listed())


@pytest.mark.parametrize(
    "design",
    ["print('x')", "Blocked('region')", "Blocked(by=open('x'))", "Complete(sizes=(1, 2), x=1)", "(", "1"],
)
def test_a_record_can_name_a_design_and_run_nothing_else(design, capsys):
    held = rct.randomise(listed(), unit="area", seed=7)
    body = json.loads(held.to_json())
    body["record"]["design"] = design
    with pytest.raises(RecordError, match="does not say how to draw"):
        rct.replay(rct.Allocation.from_json(json.dumps(body)), listed())
    assert capsys.readouterr().out == ""


def test_a_record_without_its_rule():
    held = rct.randomise(listed(), unit="area", seed=7)
    bare = {name: value for name, value in held.record.items() if name != "seed"}
    with pytest.raises(RecordError, match=r"does not say how to draw: KeyError..seed"):
        rct.replay(rct.Allocation(held.table, bare), listed())


ANALYSES = {
    "itt": (rct.itt, {}, "units were assigned singly"),
    "crossover": (rct.crossover, {"design": rct.Crossover(8)}, "without a rule to draw schedules from"),
    "stepped_wedge": (
        rct.stepped_wedge, {"design": rct.SteppedWedge(3, first=2)}, "without a rule to draw the order from"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ANALYSES)
def test_a_rule_lost_in_a_file_is_refused_where_asked_for_and_said_where_it_was_the_default(name):
    analysis, settings, default = ANALYSES[name]
    drawn = rct.randomise(listed(), unit="area", seed=7, **settings)
    frame = drawn.table
    roles = {"unit": "area", "arm": "arm", "control": "control"} | ({"period": "period"} if settings else {})
    if name == "stepped_wedge":
        frame = frame[["area", "start"]].merge(pd.DataFrame({"period": range(1, 6)}), how="cross")
        frame["arm"] = np.where(frame["period"] >= frame["start"].astype(int), "treated", "control")
    frame = frame.assign(y=np.random.default_rng(1).normal(size=len(frame)))
    trial = Trial.from_frame(frame, outcome="y", **roles)
    held = rct.Allocation.from_json(drawn.to_json())
    with pytest.raises(RecordError, match=r"rct.replay\(allocation, list\)"):
        analysis(trial, allocation=held, inference=RandomisationInference(draws=99))
    found = analysis(trial, allocation=held)
    assert default in found.headline.inference
    assert any("rct.replay restores it" in note for note in found.notes) == bool(settings)
    again = analysis(trial, allocation=rct.replay(held, listed()))
    assert ("Randomisation inference" in again.headline.inference) == bool(settings)
    assert not any("rct.replay" in note for note in again.notes)
