"""The synthetic London with one treated borough: its files, its truth, and trends that part."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from whatworks import Panel, did, synth
from whatworks.data.synthetic import one_borough
from whatworks.errors import OptionError

COMMITTED = Path(__file__).parents[2] / "data" / "synthetic"


@pytest.fixture(scope="module")
def built():
    return one_borough()


def test_the_committed_files_are_what_the_seed_gives(built, tmp_path):
    for path in built.write(tmp_path):
        assert path.read_bytes() == (COMMITTED / path.name).read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {"borough.csv", "borough-truth.json"}


def test_the_truth_names_the_table_and_the_borough(built):
    truth = json.loads((COMMITTED / "borough-truth.json").read_text(encoding="utf-8"))
    held = (COMMITTED / "borough.csv").read_bytes()
    assert truth["table"]["sha256"] == hashlib.sha256(held).hexdigest()
    started = built.frame.dropna(subset="start")
    assert set(started["area_name"]) == {truth["treated"]}
    assert set(started["start"]) == {truth["start"]} == {"2017-01"}
    assert len(built.frame) == truth["table"]["rows"] == 32 * 72
    assert truth["effect"]["percent"] == pytest.approx(-20.0, abs=1e-4)
    assert truth["effect"]["per_1000"] == pytest.approx(-0.2 * truth["effect"]["untreated_rate"], rel=1e-4)


def test_the_treated_borough_has_a_middling_level(built):
    levels = one_borough(percent=0).frame.groupby("area_name")[["burglary", "population"]].mean()
    rank = (levels["burglary"] / levels["population"]).rank()[built.truth["treated"]]
    assert 6 <= rank <= 27  # eight on either side by expected level; counts move it a little


def test_only_burglary_in_the_treated_borough_after_the_start_changes(built):
    none = one_borough(percent=0)
    assert none.truth["effect"]["per_1000"] == 0
    moved = built.frame["burglary"] != none.frame["burglary"]
    where = (built.frame["area_name"] == built.truth["treated"]) & (built.frame["month"] >= "2017-01")
    assert not (moved & ~where).any()
    assert moved[where].mean() > 0.9
    assert (built.frame["vehicle_crime"] == none.frame["vehicle_crime"]).all()


def test_trends_part_and_an_average_of_boroughs_follows_them():
    """Without any effect: the spread of mean gaps over all boroughs, against plain averages and weighted."""
    frame = one_borough(percent=0).frame
    panel = Panel.from_frame(
        frame, unit="area_name", period="month", outcome="burglary", start="start", exposure="population"
    ).as_rate(1000)
    space = synth.classic(panel).detail.space
    before = np.sqrt((space.gaps[:, :48] ** 2).mean(axis=1))
    level = panel.outcome - panel.outcome[:, :48].mean(axis=1, keepdims=True)
    plain = level - (level.sum(axis=0) - level) / (len(level) - 1)
    parallel = np.sqrt((plain[:, :48] ** 2).mean(axis=1))
    assert np.median(before) < 0.9 * np.median(parallel)
    assert did.block(panel).headline.value == pytest.approx(
        plain[panel.treated.any(axis=1), 48:].mean(), rel=1e-8
    )


def test_another_seed_gives_other_data_and_bad_choices_are_refused(built):
    other = one_borough(seed=1)
    assert (other.frame["burglary"] != built.frame["burglary"]).mean() > 0.9
    for bad in (-100, "much", True):
        with pytest.raises(OptionError, match="not a percent change"):
            one_borough(percent=bad)
    with pytest.raises(OptionError, match="seed"):
        one_borough(seed=-1)
