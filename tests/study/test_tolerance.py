"""How far two runs may part: how many draws, what is exact, and four Monte-Carlo errors worked by hand."""

from __future__ import annotations

import json
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from whatworks.study import tolerance
from whatworks.study.tolerance import Rule

ROOT = Path(__file__).parents[2]
DRAWN = ("std_error", "low", "high", "p_value", "p_adjusted", "band_low", "band_high", "mde")


def across(draws: int | None) -> Rule:
    return Rule(same_platform=False, simulated=True, draws=draws)


SAME = Rule(same_platform=True, simulated=True, draws=999)
ANALYTIC = Rule(same_platform=False, simulated=False, draws=999)


def agree(name: str, then: Any, now: Any, rule: Rule) -> bool:
    """Whether they agree; the order of the two never matters."""
    one, other = (tolerance.differs(name, a, b, rule) for a, b in ((then, now), (now, then)))
    assert (one == "") == (other == "")
    return one == ""


@pytest.mark.parametrize(
    ("spec", "draws"),
    [
        ({"draws": 999}, 999),
        ({"inference": {"kind": "wild", "draws": 499}}, 499),
        ({"steps": [{"name": "first"}, {"name": "second", "draws": 99}]}, 99),
        ({"inference": "WildCluster(draws=9999, seed=20201, weights='rademacher')"}, 9999),
        ({"inference": "Placebo(statistic='average', draws=199, seed=1)"}, 199),
        ({"inference": "Permuted(seed=1, draws=49)"}, 49),
        ({"a": "Other(seed=1)", "b": {"draws": 5}}, 5),
        # the first that says a number
        ({"draws": 999, "inference": "WildCluster(draws=49, seed=1)"}, 999),
        ({"draws": None, "inference": {"draws": 7}}, 7),
        # yes and no are whole numbers to Python, and no number of draws
        ({"draws": True}, None),
        ({"draws": False, "inference": {"draws": 11}}, 11),
        ({"draws": "many"}, None),
        ({"draws": 99.0}, None),
        # another word
        ({"redraws": 3, "draws_kept": 4, "draws.x": 5}, None),
        ({"inference": "Jackknife(redraws=3)"}, None),
        ({"inference": "Jackknife(kept='draws=3')"}, None),
        ({"draws": {"kept": 8}}, None),
        ({"note": "the draws=12 of last year"}, None),
        ({}, None),
    ],
)
def test_how_many_draws_a_result_rests_on(spec: dict[str, Any], draws: int | None) -> None:
    found = tolerance.draws_of({"seed": 1, "draws": 4, "spec": spec})
    assert found == draws
    assert type(found) is type(draws)


def test_a_result_without_a_spec_says_no_draws() -> None:
    assert tolerance.draws_of({"seed": 1, "draws": 999}) is None


def test_every_committed_record_that_drew_says_how_often() -> None:
    records = [json.loads(p.read_text("utf-8")) for p in ROOT.glob("studies/*/record/result.json")]
    drew = [record for record in records if record["seed"] is not None]
    assert drew
    assert [tolerance.draws_of(record) for record in drew] == [9999] * len(drew)


@pytest.mark.parametrize("name", ["headline.{}", "effects[e=3].{}", "{}"])
@pytest.mark.parametrize("leaf", DRAWN)
def test_what_is_drawn_is_exact_on_one_platform_and_free_by_monte_carlo_across(name: str, leaf: str) -> None:
    full = name.format(leaf)
    assert agree(full, 0.3, 0.3, SAME)
    assert not agree(full, 0.3, 0.3 * (1 + 1e-12), SAME)
    assert agree(full, 0.3, 0.31, across(999))
    assert not agree(full, 0.3, 0.3 * (1 + 1e-4), across(None))
    assert agree(full, 0.3, 0.3 * (1 + 5e-6), across(None))
    assert not agree(full, 0.3, 0.31, ANALYTIC)
    assert agree(full, 0.3, 0.3 * (1 + 5e-6), ANALYTIC)


@pytest.mark.parametrize("leaf", ["value", "estimate", "df", "relative", "p_value_of", "std_errors", "level"])
def test_what_is_not_drawn_is_not_freed(leaf: str) -> None:
    assert not agree(f"headline.{leaf}", 0.3, 0.31, across(999))
    assert agree(f"headline.{leaf}", 0.3, 0.3 * (1 + 5e-6), across(999))
    assert agree(f"headline.{leaf}", 0.3, 0.3 * (1 + 5e-9), SAME)
    assert not agree(f"headline.{leaf}", 0.3, 0.3 * (1 + 5e-8), SAME)


def test_no_draws_at_all_is_no_number_of_draws() -> None:
    assert "1e-05 allowed" in tolerance.differs("p_value", 0.3, 0.31, across(0))


def difference_allowed(middle: float, draws: int) -> float:
    """Four standard errors of the difference of two shares of `draws`, each of expectation `middle`."""
    return 4 * sqrt(middle * (1 - middle) / draws + middle * (1 - middle) / draws)


@pytest.mark.parametrize("leaf", ["p_value", "p_adjusted"])
@pytest.mark.parametrize("draws", [99, 999, 9999])
@pytest.mark.parametrize("middle", [0.02, 0.05, 0.3, 0.5, 0.9, 0.98])
def test_p_values_part_by_four_errors_of_their_difference(leaf: str, draws: int, middle: float) -> None:
    allowed = difference_allowed(middle, draws)
    for inside, share in ((True, 0.499), (False, 0.501)):
        then, now = middle - share * allowed, middle + share * allowed
        assert agree(f"secondary[burglary].{leaf}", then, now, across(draws)) is inside


def test_the_limit_itself_is_allowed_and_never_below_that_across_platforms() -> None:
    assert agree("p_value", 0.25, 0.75, across(32))
    # so many draws that four errors are less than rounding is allowed
    assert agree("p_value", 0.3, 0.3 * (1 + 5e-6), across(10**15))
    assert not agree("p_value", 0.3, 0.3 * (1 + 2e-5), across(10**15))


@pytest.mark.parametrize("draws", [99, 999])
@pytest.mark.parametrize("end", [0.0, 1.0])
def test_at_0_and_1_a_p_value_may_part_by_sixteen_draws(end: float, draws: int) -> None:
    # k draws apart the middle is k/2: k² = 16 · 2 · k/2 · (1 − k/2/draws), so that k = 16 / (1 + 8/draws)
    one = (1 - 2 * end) / draws
    edge = 16 / (1 + 8 / draws)
    assert agree("p_value", end, end + 0.999 * edge * one, across(draws))
    assert not agree("p_value", end, end + 1.001 * edge * one, across(draws))
    assert agree("p_value", end, end + one, across(draws))
    assert not agree("p_value", end, 1 - end, across(draws))


@pytest.mark.parametrize("end", [0.0, 1.0])
def test_a_damaged_p_value_beyond_0_and_1_is_a_difference_and_no_crash(end: float) -> None:
    outward = 2 * end - 1
    assert not agree("p_value", end + 0.2 * outward, end + 0.3 * outward, across(999))
    # as far out as that they have the error of one draw, 4 √2 draws in all
    allowed = difference_allowed(1 / 999, 999)
    then = end + 0.2 * outward
    assert agree("p_value", then, then + 0.999 * allowed * outward, across(999))
    assert not agree("p_value", then, then + 1.001 * allowed * outward, across(999))


def test_monte_carlo_errors_of_p_values_are_those_of_drawing_twice() -> None:
    draw, draws = np.random.default_rng(3), 999
    for p in (0.01, 0.2, 0.5, 0.99):
        pairs = draw.binomial(draws, p, (3000, 2)) / draws
        parted = [not agree("p_value", float(a), float(b), across(draws)) for a, b in pairs]
        # four standard errors: six in a hundred thousand
        assert np.mean(parted) < 2e-3
        wrong = draw.binomial(draws, [p, p + (0.25 if p < 0.5 else -0.25)], (3000, 2)) / draws
        assert np.mean([not agree("p_value", float(a), float(b), across(draws)) for a, b in wrong]) > 0.99


@pytest.mark.parametrize("leaf", [x for x in DRAWN if not x.startswith("p_")])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_other_drawn_numbers_part_by_a_share_of_the_larger(leaf: str, sign: float) -> None:
    share = 4 / sqrt(999)
    inside, outside = 1 - 0.999 * share, 1 - 1.001 * share
    assert agree(f"headline.{leaf}", sign, sign * inside, across(999))
    assert not agree(f"headline.{leaf}", sign, sign * outside, across(999))
    # 16 draws allow the whole of the larger, so that only a change of sign is left to see
    assert agree(f"headline.{leaf}", sign, sign * 1e-3, across(16))
    assert not agree(f"headline.{leaf}", sign, -sign * 1e-3, across(16))


def test_next_to_zero_they_are_the_same_and_no_further() -> None:
    for rule in (SAME, across(None), ANALYTIC):
        assert agree("headline.value", 0.0, 0.9e-13, rule)
        assert not agree("headline.value", 0.0, 1.1e-13, rule)
    assert agree("headline.high", 0.9e-13, 0.0, across(999))
    # one of them 0 and the other not: beyond any share of the larger
    assert not agree("headline.high", 1.1e-13, 0.0, across(999))


@pytest.mark.parametrize("rule", [SAME, across(999), ANALYTIC])
def test_counts_words_and_absences_are_exact(rule: Rule) -> None:
    for name in ("design.n_units", "headline.p_value"):
        assert agree(name, 10**9, 10**9, rule)
        assert tolerance.differs(name, 10**9, 10**9 + 1, rule) == "counts are exact"
    for then, now in (
        ("a", "b"),
        ("1", 1),
        (None, 0),
        (None, 0.0),
        (True, 1),
        (1, True),
        (True, False),
        ([], {}),
    ):
        assert tolerance.differs("x.p_value", then, now, rule) == "not the same"
    for same in ("a", None, True, False, [], {}):
        assert agree("x.p_value", same, same, rule)
    # a whole number written without its point is still that number
    assert agree("headline.value", 3, 3.0, rule)
    assert agree("headline.value", 3, 3 * (1 + 1e-9), rule)
    assert not agree("headline.value", 3, 3.1, rule)


def test_what_it_says() -> None:
    assert tolerance.differs("value", 2.0, 1.0, SAME) == "0.5 apart, 1e-08 allowed"
    assert tolerance.differs("value", 1.0, 2.0, SAME) == "0.5 apart, 1e-08 allowed"
    assert tolerance.differs("value", 1.0, -2.0, ANALYTIC) == "1.5 apart, 1e-05 allowed"
    assert tolerance.differs("value", -2.0, 1.0, ANALYTIC) == "1.5 apart, 1e-05 allowed"
    assert (
        tolerance.differs("p_value", 0.5, 0.5 + 1e-9, SAME) == "drawn with a seed, so exact on one platform"
    )
    assert (
        tolerance.differs("p_value", 0.25, 0.75, across(1600)) == "0.5 apart, 0.071 allowed with 1,600 draws"
    )
    assert tolerance.differs("mde", 2.0, 1.0, across(1600)) == "1 apart, 0.2 allowed with 1,600 draws"


def test_leaves_have_the_names_of_their_places() -> None:
    rows = [{"name": "a", "term": "t1", "v": 1}, {"name": "b", "term": "t1", "v": 2}]
    flat = tolerance.flatten({"rows": rows, "plain": [3, [4]], "empty": {}, "none": [], 5: "five"})
    # `term` comes first where each has its own; here only `name` tells them apart
    assert flat == {
        "rows[a].name": "a", "rows[a].term": "t1", "rows[a].v": 1,
        "rows[b].name": "b", "rows[b].term": "t1", "rows[b].v": 2,
        "plain[0]": 3, "plain[1][0]": 4, "empty": {}, "none": [], "5": "five",
    }  # fmt: skip
    assert tolerance.flatten("alone", "here") == {"here": "alone"}


@pytest.mark.parametrize(
    ("items", "labels"),
    [
        ([{"term": "x", "name": "p", "outcome": "q"}], "x"),
        ([{"name": "p", "outcome": "q"}], "p"),
        ([{"outcome": "q", "other": "r"}], "q"),
        ([{"other": "r"}], "0"),
        ([{"term": "x"}, {"term": "x"}], "0"),
        ([{"term": "x"}, {"name": "y"}], "0"),
        ([{"term": "x"}, "term"], "0"),
    ],
)
def test_items_of_a_list_are_called_by_their_own_name_or_their_place(items: list[Any], labels: str) -> None:
    assert next(iter(tolerance.flatten(items, "r"))).startswith(f"r[{labels}]")
