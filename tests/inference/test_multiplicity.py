from __future__ import annotations

import numpy as np
import pytest

from whatworks.errors import OptionError
from whatworks.inference import multiplicity
from whatworks.inference.multiplicity import benjamini_hochberg, holm, romano_wolf
from whatworks.results import NotAvailable


def test_a_worked_case() -> None:
    # 0.01*4, then max(0.04, 0.015*3), max(0.045, 0.03*2), max(0.06, 0.04*1)
    assert holm([0.03, 0.01, 0.04, 0.015]) == pytest.approx([0.06, 0.04, 0.06, 0.045], rel=1e-12)


def test_rejections_are_those_of_the_step_down_rule() -> None:
    random = np.random.default_rng(7)
    for _ in range(200):
        p = random.uniform(size=random.integers(1, 8)) ** 2
        rejected = set()
        for step, i in enumerate(np.argsort(p, kind="stable")):
            if p[i] > 0.05 / (len(p) - step):
                break
            rejected.add(int(i))
        assert set(np.flatnonzero(holm(p) <= 0.05)) == rejected


def test_order_ties_and_caps() -> None:
    assert holm([0.6, 0.6]).tolist() == [1.0, 1.0]
    assert holm([0.02]).tolist() == [0.02]
    assert holm([]).tolist() == []
    p = np.array([0.2, 0.001, 0.04])
    assert holm(p[::-1])[::-1].tolist() == holm(p).tolist()


@pytest.mark.parametrize("p", [[0.1, np.nan], [1.2], [-0.1], [[0.1]]])
def test_values_that_are_no_p_values(p: list[float]) -> None:
    with pytest.raises(OptionError):
        holm(p)


def test_benjamini_hochberg_by_hand() -> None:
    # sorted 0.01, 0.02, 0.03, 0.5 times 4/1, 4/2, 4/3, 4/4, made no larger than those after
    assert benjamini_hochberg([0.03, 0.5, 0.01, 0.02]) == pytest.approx([0.04, 0.5, 0.04, 0.04], rel=1e-12)
    assert benjamini_hochberg([]).tolist() == []
    assert benjamini_hochberg([0.7, 0.9]).tolist() == [0.9, 0.9]
    with pytest.raises(OptionError, match="benjamini_hochberg"):
        benjamini_hochberg([1.5])


def test_benjamini_hochberg_rejects_what_the_step_up_rule_does() -> None:
    random = np.random.default_rng(3)
    for _ in range(200):
        p = random.uniform(size=random.integers(1, 9)) ** 2
        q, m = 0.1, len(p)
        passed = [k for k in range(1, m + 1) if np.sort(p)[k - 1] <= q * k / m]
        cut = np.sort(p)[max(passed) - 1] if passed else -1.0
        assert set(np.flatnonzero(benjamini_hochberg(p) <= q)) == set(np.flatnonzero(p <= cut))


def test_romano_wolf_by_hand() -> None:
    # |t| 3, 1, 2; largest of all three 3.5, 2.5, 2, 1, 2.2; of the last two (t 2, 1) 1.5, 2.5, 2, 0.5, 2.2;
    # of the last 1.5, 0.1, 2, 0.2, 0.3
    t = [-3.0, 1.0, 2.0]
    draws = np.array([[3.5, 1.5, 0.0], [1, 0.1, -2.5], [0, -2, 1], [-1, 0.2, 0.5], [0.1, 0.3, 2.2]])
    assert romano_wolf(t, draws) == pytest.approx([2 / 6, 4 / 6, 4 / 6])
    assert romano_wolf(t, draws, every=True) == pytest.approx([1 / 5, 3 / 5, 3 / 5])


def loop(t: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """Algorithm 4.1 as it reads: one hypothesis after another, from the largest statistic down."""
    left, adjusted, last = list(range(len(t))), np.zeros(len(t)), 0.0
    while left:
        first = max(left, key=lambda j: abs(t[j]))
        count = sum(max(abs(row[j]) for j in left) >= abs(t[first]) for row in draws)
        last = max(last, (1 + count) / (1 + len(draws)))
        adjusted[first] = last
        left.remove(first)
    return adjusted


def test_romano_wolf_against_a_loop() -> None:
    random = np.random.default_rng(1)
    for _ in range(30):
        m = int(random.integers(1, 7))
        t, draws = 2 * random.normal(size=m), random.normal(size=(99, m))
        assert romano_wolf(t, draws) == pytest.approx(loop(t, draws), rel=1e-12)


def test_romano_wolf_keeps_its_promise_and_finds_more_than_holm() -> None:
    # six tests that share most of their noise; none is true, then three are
    random = np.random.default_rng(2)
    mix = np.linalg.cholesky(np.full((6, 6), 0.9) + 0.1 * np.eye(6)).T
    draws = random.normal(size=(1999, 6)) @ mix
    false, found = 0, {"romano_wolf": 0, "holm": 0}
    for _ in range(1500):
        t = random.normal(size=6) @ mix
        false += bool((romano_wolf(t, draws) <= 0.05).any())
        moved = t + np.array([2.6, 2.6, 2.6, 0, 0, 0])
        p = (1 + (np.abs(draws) >= np.abs(moved)).sum(axis=0)) / 2000
        found["romano_wolf"] += int((romano_wolf(moved, draws)[:3] <= 0.05).sum())
        found["holm"] += int((holm(p)[:3] <= 0.05).sum())
    # 5% with three standard errors of 1,500 trials and of 1,999 draws
    assert false / 1500 < 0.05 + 3 * np.sqrt(0.05 * 0.95 * (1 / 1500 + 1 / 1999))
    assert false / 1500 > 0.03
    assert found["romano_wolf"] > 1.15 * found["holm"]


def test_romano_wolf_refuses_what_does_not_fit() -> None:
    with pytest.raises(OptionError, match="shape"):
        romano_wolf([1.0, 2.0], np.zeros((5, 3)))
    with pytest.raises(OptionError, match="missing or infinite"):
        romano_wolf([1.0], [[np.nan]])


def test_secondary_outcomes_without_a_p_value_keep_their_reason_and_count_for_nothing() -> None:
    none = NotAvailable("bounds are no estimate")
    adjusted, words = multiplicity.secondary([0.01, none, 0.04])
    assert adjusted == [0.02, none, 0.04]
    assert words == "Holm, 2 secondary outcomes"
    adjusted, words = multiplicity.secondary([0.04, 0.01, 0.03], "benjamini_hochberg")
    assert adjusted == pytest.approx([0.04, 0.03, 0.04])
    assert words == "Benjamini-Hochberg, 3 secondary outcomes"
    assert multiplicity.secondary([none]) == ([none], "Holm, 0 secondary outcomes")
