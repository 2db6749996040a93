"""Uniform bands of event studies: which rows have one, and whether they hold together."""

from __future__ import annotations

import importlib.util
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from tests.did.staggered import staggered

from whatworks import did
from whatworks.inference import ClusterRobust, Default, Jackknife, WildCluster
from whatworks.inference.errors.influence import Analytical
from whatworks.results import Result

SCRIPT = Path(__file__).resolve().parents[3] / "benchmarks" / "calibration_bands.py"
SIMS = 80
METHODS = {
    "event_study": did.event_study,
    "interaction_weighted": did.interaction_weighted,
    "imputation": did.imputation,
    "etwfe": did.etwfe,
    "stacked": lambda panel, **options: did.stacked(panel, window=(-3, 2), **options),
}


@pytest.fixture(scope="module")
def calibration():
    spec = importlib.util.spec_from_file_location("calibration_bands", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["calibration_bands"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["calibration_bands"]


def few(**others):
    return staggered([5] * 6 + [7] * 6 + [None] * 12, effect=2.0, seed=4, **others)


def many():
    return staggered([5] * 25 + [7] * 25 + [None] * 40, effect=2.0, seed=4)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("panel", [few, many])
def test_the_band_holds_every_interval_and_every_row_but_the_reference_has_one(method, panel):
    result = METHODS[method](panel())
    table = result.effects.set_index("event_time")
    shown = table["low"].notna()
    assert shown.sum() >= len(table) - 1
    assert (table["band_low"][shown] < table["low"][shown]).all()
    assert (table["band_high"][shown] > table["high"][shown]).all()
    for name in ("band_low", "band_high"):
        assert table.loc[~shown, name].isna().all()
        assert (table.loc[table[name].isna(), "reason"] != "").all()
    assert list(table.columns)[-1] == "reason"
    assert f"all {shown.sum()} event times at once (95%)" in result.notes[-1]
    back = Result.from_json(result.to_json()).effects
    assert back[["band_low", "band_high"]].equals(result.effects[["band_low", "band_high"]])


@pytest.mark.parametrize("method", METHODS)
def test_the_same_seed_gives_the_same_band_and_another_another(method):
    one, again, other = (METHODS[method](few(), inference=WildCluster(499, seed)) for seed in (1, 1, 2))
    assert one.effects.equals(again.effects)
    assert not one.effects["band_low"].equals(other.effects["band_low"])


@pytest.mark.parametrize("method", METHODS)
def test_no_band_where_errors_rest_on_few_clusters_or_none_is_known(method):
    plain = Analytical() if method == "imputation" else ClusterRobust()
    result = METHODS[method](few(), inference=plain)
    assert "band_low" not in result.effects
    assert not any("band_low" in note for note in result.notes)
    assert "band_low" in METHODS[method](many(), inference=plain).effects


def test_other_inference_has_no_band():
    assert "band_low" not in did.event_study(many(), inference=Jackknife()).effects
    alone = did.event_study(staggered([4] + [None] * 9))
    assert "band_low" not in alone.effects
    assert "band_low" not in did.imputation(few(), by="cohort").effects


def test_a_wider_level_makes_a_wider_band():
    wide, narrow = (did.stacked(few(), window=(-3, 2), level=level).effects for level in (0.99, 0.8))
    shown = narrow["band_low"].notna() & wide["band_low"].notna()
    assert (wide["band_low"][shown] < narrow["band_low"][shown]).all()


@pytest.mark.parametrize(
    ("method", "clusters", "treated"),
    [("stacked", 12, 4), ("stacked", 32, 8), ("etwfe", 80, 40), ("imputation", 80, 40)],
)
def test_bands_hold_for_all_event_times_at_once(calibration, method, clusters, treated):
    """The small version of benchmarks/calibration_bands.py: fewer draws, no leads."""
    # all 4,096 sign vectors of 12 clusters cost less than draws do with 32
    few_draws = Default(draws=9999 if clusters == 12 else 999)
    run = {
        "stacked": partial(did.stacked, window=calibration.WINDOW, inference=few_draws),
        "etwfe": partial(did.etwfe, inference=few_draws),
        "imputation": partial(did.imputation, leads=0, inference=few_draws),
    }[method]
    rows = [calibration.holds(run(calibration.synthetic(seed, clusters, treated))) for seed in range(SIMS)]
    alone, together, open_ended = np.mean(rows, axis=0)
    assert together > 0.95 - 4 * np.sqrt(0.95 * 0.05 / SIMS)
    assert alone < 0.85
    assert open_ended < 0.05
