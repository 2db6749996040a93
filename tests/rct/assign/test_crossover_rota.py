"""Rotas: so many spots a day, every spot its turns, bounded runs, counts, replay, refusals."""

from __future__ import annotations

from collections import Counter
from itertools import combinations, product
from math import comb

import numpy as np
import pandas as pd
import pytest

from whatworks import rct
from whatworks.errors import DesignError, OptionError


def bits(seed: int = 1) -> np.random.PCG64:
    return np.random.PCG64(np.random.SeedSequence(seed))


def listed(count: int = 21) -> pd.DataFrame:
    return pd.DataFrame({"spot": [f"s{i:02d}" for i in range(count)]})


def every(units: int, design: rct.Rota) -> set[tuple[tuple[int, ...], ...]]:
    """All schedules that keep the rules, by looking at every one."""
    days = [[int(i in chosen) for i in range(units)] for chosen in combinations(range(units), design.treated)]
    found = set()
    for picked in product(days, repeat=design.periods):
        arms = np.array(picked).T
        turns = arms.sum(axis=1)
        longest = max(max(map(len, "".join(map(str, row)).split("0"))) for row in arms)
        if (not design.even or len(set(turns)) == 1) and longest <= (design.longest or design.periods):
            found.add(tuple(map(tuple, arms.tolist())))
    return found


@pytest.mark.parametrize(
    ("units", "design"),
    [
        (4, rct.Rota(4, 2)),
        (4, rct.Rota(4, 2, longest=1)),
        (3, rct.Rota(6, 1, longest=1)),
        (4, rct.Rota(3, 2, even=False)),
        (4, rct.Rota(4, 1, even=False, longest=2)),
    ],
)
def test_every_schedule_that_keeps_the_rules_is_drawn_and_no_other(units, design):
    drawn = Counter(tuple(map(tuple, arms.tolist())) for arms in design.draw(bits(), units, 20_000))
    there = every(units, design)
    assert set(drawn) == there
    assert (
        design.possible(units) == len(there)
        if design.counted(units)
        else design.possible(units) <= len(there)
    )


def test_without_rules_every_schedule_is_equally_likely_and_counted():
    design = rct.Rota(3, 2, even=False)
    assert design.possible(4) == 6**3
    assert design.counted(4)
    drawn = Counter(arms.tobytes() for arms in design.draw(bits(), 4, 43_200))
    assert all(abs(n - 200) < 5 * np.sqrt(200) for n in drawn.values())


def test_all_spots_and_days_are_treated_alike_on_average():
    """Bedfordshire: 7 of 21 a day for 90 days, 30 days each, at most three in a row."""
    design = rct.Rota(90, 7, longest=3)
    drawn = design.draw(bits(), 21, 400)
    assert (drawn.sum(axis=1) == 7).all()
    assert (drawn.sum(axis=2) == 30).all()
    windows = np.lib.stride_tricks.sliding_window_view(drawn, 4, axis=2).sum(axis=-1)
    assert windows.max() == 3
    share = drawn.mean(axis=0)
    assert abs(share - 1 / 3).max() < 5 * np.sqrt(2 / 9 / 400)


@pytest.mark.parametrize(
    ("units", "design"), [(6, rct.Rota(24, 4, longest=2)), (4, rct.Rota(24, 3, longest=3))]
)
def test_rules_that_leave_no_room_are_looked_ahead_to(units, design):
    """Every run must be as long as allowed and every pause one day; no draw ends in a dead end."""
    source, untouched = bits(), bits()
    drawn = design.draw(source, units, 50)
    assert source.random_raw() == untouched.advance(50 * units * 24).random_raw()
    assert drawn.shape == (50, units, 24)
    assert (drawn.sum(axis=2) == 24 * design.treated // units).all()
    assert len({arms.tobytes() for arms in drawn}) > 10


def test_the_record_says_what_is_known_of_the_number_and_replays():
    design = rct.Rota(90, 7, longest=3, washout=1)
    drawn = rct.randomise(listed(), unit="spot", seed=3, design=design)
    assert drawn.record["admissible"] == str(comb(21, 7))
    assert "not known; at least 116,280 do" in drawn.record["algorithm"]
    assert "7 of 21 units in treatment" in drawn.record["algorithm"]
    again = rct.randomise(listed().iloc[::-1], unit="spot", seed=3, design=design)
    assert again.to_json() == drawn.to_json()
    arms = (drawn.table["arm"] == "treatment").to_numpy().reshape(21, 90)
    assert (arms.sum(axis=0) == 7).all()
    assert (arms.sum(axis=1) == 30).all()
    changed = np.diff(arms.astype(int), axis=1, prepend=arms[:, :1]) != 0
    assert (drawn.table["washout"].to_numpy().reshape(21, 90) == changed).all()
    assert not drawn.rule.counted
    free = rct.randomise(listed(5), unit="spot", seed=3, design=rct.Rota(4, 2, even=False))
    assert free.record["admissible"] == str(10**4)
    assert "not known" not in free.record["algorithm"]


def test_rotas_that_cannot_be_are_refused():
    with pytest.raises(DesignError, match="leaves none to compare"):
        rct.randomise(listed(7), unit="spot", seed=1, design=rct.Rota(10, 7))
    with pytest.raises(DesignError, match="cannot be shared equally by 21"):
        rct.randomise(listed(), unit="spot", seed=1, design=rct.Rota(10, 7))
    with pytest.raises(DesignError, match="no schedule with these rules"):
        rct.randomise(listed(4), unit="spot", seed=1, design=rct.Rota(4, 3, longest=1))
    with pytest.raises(OptionError, match="treated=0"):
        rct.Rota(10, 0)
    with pytest.raises(OptionError, match="leaves no treated day"):
        rct.Rota(10, 2, longest=1, washout=1)
    with pytest.raises(DesignError, match="two arms, units one by one"):
        rct.randomise(listed(), unit="spot", seed=1, design=rct.Rota(90, 7), arms=("a", "b", "c"))


def test_many_crossover_schedules_at_once_are_those_one_by_one():
    design = rct.Crossover(30, 2, 5, washout=1)
    many = design.draw(bits(7), 6, 40)
    source = bits(7)
    one_by_one = np.stack([design.draw(source, 6, 1)[0] for _ in range(40)])
    np.testing.assert_array_equal(many, one_by_one)
    np.testing.assert_array_equal(design.washed(many)[3, 2], design.washed(many[3, 2]))
