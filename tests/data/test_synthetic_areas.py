"""Synthetic small areas: files, truth, and that the treated are not like the others."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from whatworks.data.synthetic import small_areas

COMMITTED = Path(__file__).parents[2] / "data" / "synthetic"


def test_the_committed_files_are_what_the_seed_gives(tmp_path):
    for path in small_areas().write(tmp_path):
        assert path.read_bytes() == (COMMITTED / path.name).read_bytes()
    truth = json.loads((COMMITTED / "areas-truth.json").read_text(encoding="utf-8"))
    assert truth["table"]["sha256"] == hashlib.sha256((COMMITTED / "areas.csv").read_bytes()).hexdigest()


def test_forty_deprived_areas_start_together_and_the_truth_is_a_fifth():
    made = small_areas()
    frame, truth = made.frame, made.truth
    treated = frame["start"].notna()
    assert len(frame) == 320 * 16
    assert frame[treated]["area"].nunique() == truth["treated_areas"] == 40
    assert set(frame[treated]["start"]) == {truth["start"]} == {"2019Q1"}
    assert frame[treated]["deprivation"].mean() > frame[~treated]["deprivation"].mean() + 5
    for constant in ("population", "renting", "deprivation", "start"):
        assert (frame.groupby("area")[constant].nunique(dropna=False) == 1).all()
    before, after = (treated & (frame["quarter"] < "2019Q1"), treated & (frame["quarter"] >= "2019Q1"))
    for name, moved in (("violence", -0.2), ("burglary", -0.2), ("criminal_damage", 0.0)):
        change = frame.loc[after, name].mean() / frame.loc[before, name].mean() - 1
        assert change == pytest.approx(moved, abs=0.08)
        assert truth["effects"][name]["percent"] == 100 * moved
    assert truth["effects"]["criminal_damage"]["per_area"] == 0


def test_another_seed_gives_other_areas():
    assert (small_areas(seed=3).frame["violence"] != small_areas().frame["violence"]).mean() > 0.8
