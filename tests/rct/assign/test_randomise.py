"""Random assignment: counts, admissible allocations, replay, balance, pairs, schedules, refusals."""

from __future__ import annotations

import math
from collections import Counter
from itertools import permutations, product

import numpy as np
import pandas as pd
import pytest

from whatworks import rct
from whatworks.errors import DesignError, OptionError, RecordError, TrialError
from whatworks.rct.assign.balance_rule import distances
from whatworks.rct.assign.layout import Layout, shares
from whatworks.rct.assign.matching import mahalanobis, pairs


def listed(count: int = 12, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "area": [f"a{i:03d}" for i in range(count)],
            "crime": rng.gamma(5, 20, count),
            "size": rng.normal(size=count),
            "region": ["north", "south", "south"] * (count // 3),
            "unit": [f"b{i // 2}" for i in range(count)],
        }
    )


DESIGNS = {
    "complete": ({}, "924"),
    "blocked": ({"design": rct.Blocked("region")}, str(6 * 70)),
    "pairs": ({"design": rct.Pairs(("crime", "size"))}, "64"),
    "clusters": ({"cluster": "unit"}, "20"),
    "three arms": ({"arms": ("a", "b", "c")}, "34650"),
    "sizes": ({"design": rct.Complete((9, 3))}, "220"),
    "wedge": ({"design": rct.SteppedWedge(3, first=4, every=2)}, "34650"),
    "balance": ({"balance": rct.Balance("crime", 0.1)}, "92"),
}


@pytest.mark.parametrize("name", DESIGNS)
def test_the_number_of_admissible_allocations_is_counted_and_the_draw_replayed(name):
    options, possible = DESIGNS[name]
    drawn = rct.randomise(listed(), unit="area", seed=7, **options)
    assert drawn.record["admissible"] == possible
    again = rct.randomise(listed().sample(frac=1, random_state=3), unit="area", seed=7, **options)
    assert again.to_json() == drawn.to_json()
    drawn.require_same(rct.Allocation.from_json(drawn.to_json()))
    others = {rct.randomise(listed(), unit="area", seed=s, **options).hash for s in range(5)}
    assert len(others) == 5


def test_smallest_p_of_six_against_six_counts_the_mirror_image():
    assert rct.randomise(listed(), unit="area", seed=1).record["smallest_p"] == pytest.approx(2 / 924)
    uneven = rct.randomise(listed(), unit="area", seed=1, design=rct.Complete((9, 3)))
    assert uneven.record["smallest_p"] == pytest.approx(1 / 220)


def test_every_allocation_is_equally_likely():
    """Six allocations of two in four, 1,200 draws: each within four standard errors of 200."""
    layout = Layout(np.arange(4), np.zeros(4, dtype=np.int64), np.array([[2, 2]]))
    drawn = layout.draw(np.random.PCG64(np.random.SeedSequence(1)), 1200)
    seen = Counter(map(tuple, drawn.tolist()))
    assert set(seen) == set(permutations((0, 0, 1, 1)))
    assert all(abs(n - 200) < 4 * np.sqrt(1200 * 1 / 6 * 5 / 6) for n in seen.values())
    assert set(map(tuple, np.concatenate(list(layout.every())).tolist())) == set(seen)


def test_left_over_units_go_to_the_arms_in_turn_over_the_blocks():
    assert shares(np.array([3, 5, 4]), 2).tolist() == [[1, 2], [3, 2], [2, 2]]
    assert shares(np.array([4]), 3).tolist() == [[1, 1, 2]]


def test_clusters_stay_whole_and_blocks_share_arms():
    drawn = rct.randomise(listed(), unit="area", seed=3, cluster="unit")
    assert (drawn.table.groupby("unit")["arm"].nunique() == 1).all()
    blocked = rct.randomise(listed(), unit="area", seed=3, design=rct.Blocked("region")).table
    assert blocked.groupby(["block", "arm"]).size().tolist() == [2, 2, 4, 4]


def test_pairs_have_the_least_total_distance():
    """Against all 105 pairings of eight units."""
    table = listed(9)[:8]
    distance = mahalanobis(table[["crime", "size"]].to_numpy().T)
    code = pairs(distance)
    ours = sum(distance[tuple(np.flatnonzero(code == c))] for c in range(4))

    def best(left: tuple[int, ...]) -> float:
        if not left:
            return 0.0
        first, *rest = left
        return min(distance[first, o] + best(tuple(r for r in rest if r != o)) for o in rest)

    assert ours == pytest.approx(best(tuple(range(8))), rel=1e-9)
    assert np.bincount(code).tolist() == [2] * 4


def test_pairs_of_many_units_are_found_among_near_ones():
    rng = np.random.default_rng(1)
    code = pairs(mahalanobis(rng.normal(size=(1, 260))))
    assert np.bincount(code).tolist() == [2] * 130


def test_one_baseline_variable_pairs_neighbours_in_rank():
    value = np.array([[5.0, 1.0, 9.0, 1.5, 8.0, 5.2]])
    assert pairs(mahalanobis(value)).tolist() == [0, 1, 2, 1, 2, 0]


def test_balance_lets_the_closest_tenth_through_and_no_more():
    table = listed()
    drawn = rct.randomise(table, unit="area", seed=5, balance=rct.Balance(("crime", "size"), 0.1))
    baseline = table[["crime", "size"]].to_numpy().T
    every = np.concatenate(list(drawn.rule.layout.every()))
    all_distances = np.sort(distances(every, baseline))
    own = distances((drawn.table["arm"] == "treatment").to_numpy().astype(np.int64)[None], baseline)[0]
    assert own <= all_distances[91] * (1 + 1e-9)
    assert drawn.rule.cutoff == pytest.approx(all_distances[91])
    # by hand: distance between two arms' means, scaled by the covariance of the twelve
    gap = baseline[:, every[0] == 1].mean(axis=1) - baseline[:, every[0] == 0].mean(axis=1)
    expected = np.sqrt(gap @ np.linalg.inv(np.cov(baseline)) @ gap)
    assert distances(every[:1], baseline)[0] == pytest.approx(expected, rel=1e-10)


def test_stepped_wedge_gives_each_step_its_start():
    drawn = rct.randomise(listed(), unit="area", seed=2, design=rct.SteppedWedge(3, first=4, every=2))
    assert drawn.table["start"].value_counts().to_dict() == {"4": 4, "6": 4, "8": 4}


def admissible(periods: int, shortest: int, longest: int) -> list[tuple[int, ...]]:
    """All schedules that keep the rules, by looking at every one."""
    found = []
    for arms in product((0, 1), repeat=periods):
        edges = [0, *(np.flatnonzero(np.diff(arms)) + 1).tolist(), periods]
        runs = np.diff(edges)
        if sum(arms) == periods // 2 and runs.min() >= shortest and runs.max() <= longest:
            found.append(arms)
    return found


@pytest.mark.parametrize(("periods", "shortest", "longest"), [(10, 1, 3), (12, 2, 4), (9, 1, 5), (8, 4, 4)])
def test_crossover_schedules_are_counted_and_equally_likely(periods, shortest, longest):
    design = rct.Crossover(periods, shortest, longest)
    every = admissible(periods, shortest, longest)
    assert design.ways == len(every)
    uniforms = np.random.default_rng(1).random((400 * len(every), periods))[:20_000]
    seen = Counter(map(tuple, design.schedules(uniforms).tolist()))
    assert set(seen) <= set(every)
    expected = len(uniforms) / len(every)
    assert all(abs(seen[arms] - expected) < 5 * np.sqrt(expected) for arms in every)


def test_crossover_table_marks_wash_out_and_halves_each_place():
    drawn = rct.randomise(listed(), unit="area", seed=4, design=rct.Crossover(30, 3, 6, washout=1))
    table = drawn.table
    assert (table[table["arm"] == "treatment"].groupby("area").size() == 15).all()
    for _, own in table.groupby("area"):
        changed = own["arm"].ne(own["arm"].shift()).to_numpy().copy()
        changed[0] = False
        assert own["washout"].tolist() == changed.tolist()
    assert int(drawn.record["admissible"]) == rct.Crossover(30, 3, 6, washout=1).ways ** 12


def test_a_changed_assignment_list_or_seed_is_told_apart():
    drawn = rct.randomise(listed(), unit="area", seed=1)
    swapped = drawn.to_json().replace('"control"\n  ]', '"treatment"\n  ]', 1)
    assert swapped != drawn.to_json()
    with pytest.raises(RecordError, match="not the one that was drawn"):
        rct.Allocation.from_json(swapped)
    with pytest.raises(RecordError, match="seed: 1 against 2"):
        drawn.require_same(rct.randomise(listed(), unit="area", seed=2))
    other = listed()
    other.loc[0, "area"] = "zzz"
    with pytest.raises(RecordError, match="input_hash"):
        drawn.require_same(rct.randomise(other, unit="area", seed=1))
    with pytest.raises(RecordError, match="not an allocation record"):
        rct.Allocation.from_json("{}")


def test_columns_the_draw_does_not_use_leave_the_record_alone():
    drawn = rct.randomise(listed(), unit="area", seed=1)
    assert rct.randomise(listed().assign(outcome=1.0), unit="area", seed=1).hash == drawn.hash


@pytest.mark.parametrize(
    ("count", "given", "words"),
    [
        (2, {"arms": ("control", "patrol", "camera")}, "2 units for 3 arms"),
        (1, {}, "1 unit for 2 arms"),
        (4, {"arms": ("a", "b", "c"), "cluster": "unit"}, "2 clusters for 3 arms"),
        (2, {"arms": ("a", "b", "c"), "balance": rct.Balance("crime")}, "2 units for 3 arms"),
    ],
)
def test_an_arm_without_units_is_refused(count, given, words):
    table = listed(6).head(count)
    with pytest.raises(DesignError, match=words) as found:
        rct.randomise(table, unit="area", seed=1, **given)
    assert "name fewer arms" in found.value.remedy


def test_lists_and_designs_that_cannot_be_are_refused():
    table = listed()
    with pytest.raises(TrialError, match="listed more than once: a000"):
        rct.randomise(pd.concat([table, table[:1]]), unit="area", seed=1)
    with pytest.raises(OptionError, match="no column 'aera'"):
        rct.randomise(table, unit="aera", seed=1)
    beats = pd.DataFrame({"spot": list("abcd"), "block": [1, 1, 2, 2], "side": ["n", "n", "s", "s"]})
    for design in (rct.Blocked("side"), rct.Pairs("block")):
        with pytest.raises(OptionError, match="the list has a column 'block', and so has the record"):
            rct.randomise(beats, unit="spot", cluster="block", design=design, seed=1)
    with pytest.raises(OptionError, match="different labels"):
        rct.randomise(table, unit="area", seed=1, arms=("a", "a"))
    with pytest.raises(DesignError, match="fewer units than there are arms"):
        rct.randomise(table.assign(one=range(12)), unit="area", seed=1, design=rct.Blocked("one"))
    with pytest.raises(DesignError, match="cannot be paired"):
        rct.randomise(table[:11], unit="area", seed=1, design=rct.Pairs("crime"))
    with pytest.raises(DesignError, match="varies within a cluster"):
        rct.randomise(table, unit="area", seed=1, cluster="unit", design=rct.Blocked("region"))
    with pytest.raises(OptionError, match="do not share 12 units"):
        rct.randomise(table, unit="area", seed=1, design=rct.Complete((5, 5)))
    with pytest.raises(DesignError, match="no schedule"):
        rct.Crossover(7, 2, 2)
    with pytest.raises(TrialError, match="not numbers: 'north'"):
        rct.randomise(table, unit="area", seed=1, balance=rct.Balance("region"))
    gone = table.assign(crime=table["crime"].where(table["area"] != "a004"))
    with pytest.raises(TrialError, match="1 units have no 'crime': a004"):
        rct.randomise(gone, unit="area", seed=1, design=rct.Pairs("crime"))
    with pytest.raises(OptionError, match="seed"):
        rct.randomise(table, unit="area", seed=-1)


@pytest.mark.parametrize(
    ("count", "options"),
    [
        (20_000, {}),
        (16_000, {"design": rct.Blocked("area")}),
        (2_000, {"balance": rct.Balance("x", tried=1000)}),
        (120, {"design": rct.Crossover(365)}),
        (120, {"design": rct.Rota(365, 30, even=False)}),
    ],
)
def test_astronomical_numbers_of_allocations(count, options):
    rng = np.random.default_rng(1)
    units = pd.DataFrame(
        {
            "unit": [f"u{i:05d}" for i in range(count)],
            "x": rng.normal(size=count),
            "area": ["n", "s"] * (count // 2),
        }
    )
    drawn = rct.randomise(units, unit="unit", seed=1, **options)
    assert drawn.possible > 10**500
    assert drawn.possible == drawn.rule.possible or len(drawn.record["admissible"]) < 10
    assert math.log10(drawn.possible) == pytest.approx(math.log10(drawn.rule.possible), abs=0.6)
    assert drawn.record["smallest_p"] == 0
    assert rct.Allocation.from_json(drawn.to_json()).possible == drawn.possible


def test_pairs_and_balance_do_not_hang_on_units_of_measurement():
    rng = np.random.Generator(np.random.PCG64(3))
    places = pd.DataFrame({"place": range(24), "people": rng.normal(size=24), "share": rng.normal(size=24)})
    scaled = places.assign(people=1e9 * places["people"], share=1e-6 * places["share"])
    for choice in (
        {"design": rct.Pairs(("people", "share"))},
        {"balance": rct.Balance(("people", "share"), accept=0.02)},
    ):
        tables = [rct.randomise(frame, unit="place", seed=5, **choice).table for frame in (places, scaled)]
        pd.testing.assert_frame_equal(*tables)
