"""did.triple: eight means by hand, against fixest, its invariances and what it refuses."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_numbers import HERE, boroughs, entries

from whatworks import Panel, did, errors
from whatworks.inference import ClusterRobust, WildCluster
from whatworks.inference.errors.influence import Analytical
from whatworks.panel import NEVER
from whatworks.results import NotAvailable

FIXEST = ClusterRobust(correction="fixest")


def pair(table=None, cluster=None, **roles):
    table = boroughs() if table is None else table
    return tuple(
        Panel.from_frame(
            table, unit="borough", period="t", outcome=y, start="start", cluster=cluster, **roles
        )
        for y in ("y", "y2")
    )


def small(seed=0, units=10, periods=6, treated=4):
    rng = np.random.default_rng(seed)
    u, t = np.repeat(np.arange(units), periods), np.tile(np.arange(periods), units)
    table = pd.DataFrame({"borough": [f"b{i:02d}" for i in u], "t": t})
    table["y2"] = rng.normal(size=len(u)) + 10 + u
    table["y"] = table["y2"] + rng.normal(size=len(u)) - 2.0 * ((u < treated) & (t >= 3))
    table["start"] = np.where(u < treated, 3, np.nan)
    table["w"] = 1.0 + u % 3
    return table


def test_eight_means_by_hand():
    # y: treated 10 → 7, others 8 → 9: −4; y2: treated 5 → 6, others 4 → 6: 1 − 2 = −1; −4 − (−1) = −3
    # observed 7 would have been 10 without the effect: −30%
    values = {"a": (9, 6, 4, 6), "b": (11, 8, 6, 6), "c": (8, 10, 3, 6), "d": (8, 8, 5, 6)}
    rows = [(u, t, y[t - 1], y[t + 1], 2 if u in "ab" else None) for u, y in values.items() for t in (1, 2)]
    table = pd.DataFrame(rows, columns=["borough", "t", "y", "y2", "start"])
    result = did.triple(*pair(table), inference=ClusterRobust("CR0"))
    assert result.headline.value == pytest.approx(-3)
    np.testing.assert_allclose(result.effects["estimate"], [-3, -4, -1])
    assert list(result.effects["term"]) == ["ATT", "outcome alone", "other outcome alone"]
    assert result.relative.value == pytest.approx(-30)
    # changes of y − y2: treated −5, −3 and others −1, −1: deviations ±1 and 0 around the means −4 and −1
    assert result.headline.std_error == pytest.approx(np.sqrt(2 / 4))
    assert any("alone: -4; of the other outcome: -1; the one less the other: -3" in n for n in result.notes)
    assert any("leaves y2 alone" in note for note in result.notes)


@pytest.mark.parametrize(
    ("key", "file", "vcovs"),
    [
        ("triple_difference.y_vs_y2", "boroughs.csv", ("cluster_unit", "cluster_bcu")),
        ("triple_difference.missing", "boroughs_missing.csv", ("cluster_unit",)),
    ],
)
def test_fixest_three_way(key, file, vcovs):
    stored = entries("fixest")[key]["results"]
    table = pd.read_csv(HERE / "data" / file, encoding="utf-8")
    for vcov in vcovs:
        panels = pair(table, "bcu" if vcov == "cluster_bcu" else None, allow_missing=True)
        ours = did.triple(*panels, inference=ClusterRobust("CR0")).headline
        assert ours.value == pytest.approx(stored[f"{vcov}.default"]["estimate"][0], rel=1e-7)
        assert ours.std_error == pytest.approx(stored[f"{vcov}.raw"]["se"][0], rel=1e-7)
        # stacking both outcomes counts every row twice: (2n − 1)/(2n − K) instead of (n − 1)/(n − K')
        theirs, fixest = stored[f"{vcov}.default"]["se"][0], did.triple(*panels, inference=FIXEST).headline
        assert fixest.std_error == pytest.approx(theirs, rel=2e-4)
        assert ours.df == stored[f"{vcov}.default"]["df_t"]


def test_fixest_regression_of_the_difference():
    theirs = entries("fixest")["twfe.difference_y_minus_y2"]["results"]["cluster_unit.default"]
    ours = did.triple(*pair(), inference=FIXEST).headline
    for name, stored in (("value", "estimate"), ("std_error", "se"), ("low", "ci_low"), ("p_value", "p")):
        assert getattr(ours, name) == pytest.approx(theirs[stored][0], rel=1e-7)


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.floats(0.1, 50), st.floats(-100, 100))
def test_invariances(seed, factor, shift):
    table = small(seed)
    before = did.triple(*pair(table, weight="w"), inference=ClusterRobust())
    moved = table.sample(frac=1, random_state=seed)
    # whatever happens to both outcomes alike, and anything constant in a unit or a period of one, drops out
    common = np.random.default_rng(seed).normal(size=len(moved))
    levels = shift * (moved["t"] % 3) + shift * moved["borough"].isin(["b01", "b07"])
    moved["y"] = factor * (moved["y"] + common + levels)
    moved["y2"] = factor * (moved["y2"] + common)
    after = did.triple(*pair(moved, weight="w"), inference=ClusterRobust())
    for name in ("value", "std_error", "low", "high"):
        assert getattr(after.headline, name) == pytest.approx(
            factor * getattr(before.headline, name), abs=1e-7 * factor
        )
    assert after.headline.p_value == pytest.approx(before.headline.p_value, abs=1e-8)


def test_swapping_the_outcomes_turns_the_sign():
    y, y2 = pair(small())
    assert did.triple(y2, y).headline.value == pytest.approx(-did.triple(y, y2).headline.value)


def test_parts_are_the_two_single_differences():
    y, y2 = pair(small(), covariates=())
    effects = did.triple(y, y2, inference=ClusterRobust()).effects
    for row, alone in ((1, y), (2, y2)):
        block = did.block(alone, inference=ClusterRobust()).headline
        assert effects["estimate"][row] == pytest.approx(block.value)
        assert effects["std_error"][row] == pytest.approx(block.std_error)


def test_default_and_spec():
    y, y2 = pair(cluster="bcu")
    result = did.triple(y, y2)
    assert "Wild cluster bootstrap over 12 clusters" in result.headline.inference
    assert result.spec["other"] == "y2"
    assert result.spec["other_hash"] == y2.fingerprint
    assert any("already treated" in note for note in result.notes)
    assert type(result).from_json(result.to_json()).headline == result.headline
    one = small(treated=1)
    assert isinstance(did.triple(*pair(one)).headline.std_error, NotAvailable)


def test_refusals():
    table = small()
    y, y2 = pair(table)
    with pytest.raises(errors.OptionError, match="is not a panel"):
        did.triple(y, y2.outcome)
    with pytest.raises(errors.OptionError, match="in one of the two only: b09"):
        did.triple(y, y2.select(np.arange(9)))
    with pytest.raises(errors.OptionError, match="the periods are 0 to 5"):
        did.triple(y, y2.window(1, 5))
    with pytest.raises(errors.OptionError, match="disagree on when treatment starts: b00"):
        did.triple(y, y2.with_start(np.where(np.arange(10) == 0, 4, y2.start)))
    with pytest.raises(errors.OptionError, match="different weights"):
        did.triple(y, pair(table, weight="w")[1])
    with pytest.raises(errors.OptionError, match="same outcome"):
        did.triple(y, y)
    with pytest.raises(errors.OptionError, match="does not apply to a regression"):
        did.triple(y, y2, inference=Analytical())
    with pytest.raises(errors.DesignError, match="no comparison unit"):
        did.triple(*pair(table.assign(start=3)))
    without = y2.with_start(np.full(10, NEVER))
    assert did.triple(y, without, inference=WildCluster(draws=199)).seed is None


def test_a_unit_twice_is_a_unit_of_weight_two():
    table = small(seed=3)
    first = table["borough"] == "b00"
    twice = pd.concat([table, table[first].assign(borough="b00 again")])
    weighted = table.assign(w=np.where(first, 2.0, 1.0))
    one = did.triple(*pair(twice), inference=ClusterRobust())
    two = did.triple(*pair(weighted, weight="w"), inference=ClusterRobust())
    np.testing.assert_allclose(one.effects["estimate"], two.effects["estimate"])
    assert one.relative.value == pytest.approx(two.relative.value)
