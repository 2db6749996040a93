"""How far other estimates lie from the study's own, around a null of 0 and around a null of 1."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from whatworks.checks import movement
from whatworks.results import RATE_RATIO, Estimate, NotAvailable

NONE = NotAvailable("nothing to rest it on")


def own(
    value: Any, low: Any = NONE, high: Any = NONE, *, scale: str = "crimes", error: Any = 0.5
) -> Estimate:
    return Estimate("ATT", value, error, low, high, 0.95, NONE, NONE, "by hand", scale)


def others(*estimates: float, **columns: Any) -> pd.DataFrame:
    table = pd.DataFrame({"left out": list("abcdefgh")[: len(estimates)], "estimate": estimates})
    return table.assign(reason=np.where(table["estimate"].isna(), "too few", ""), **columns)


def names(rows: pd.DataFrame) -> list[str]:
    return list(rows["left out"])


# each case is written once, as an estimate of a difference, and asked again as a rate ratio 1 higher
@pytest.fixture(params=[0.0, 1.0], ids=["difference", "rate ratio"])
def null(request: pytest.FixtureRequest) -> float:
    return float(request.param)


def measured(null: float, value: float, low: Any, high: Any, *estimates: float) -> movement.Movement:
    up = [end if isinstance(end, NotAvailable) else end + null for end in (low, high)]
    whole = own(value + null, *up, scale=RATE_RATIO if null else "crimes")
    assert whole.null == null
    found = movement.measure(whole, others(*(np.array(estimates) + null)))
    assert isinstance(found, movement.Movement)
    return found


def test_another_sign_counts_where_the_interval_excludes_no_effect(null: float) -> None:
    below = measured(null, -0.3, -0.5, -0.1, -0.45, -0.2, 0.05, 0.3, -0.05)
    assert names(below.turned) == ["d", "c"]
    above = measured(null, 0.3, 0.1, 0.5, 0.45, 0.2, -0.05, -0.3, 0.05)
    assert names(above.turned) == ["d", "c"]
    assert below.judged
    assert above.judged


def test_it_does_not_where_the_interval_holds_no_effect(null: float) -> None:
    assert not len(measured(null, -0.3, -0.7, 0.1, 0.3, -0.2).turned)
    assert not len(measured(null, 0.3, -0.1, 0.7, -0.3, 0.2).turned)
    # an interval that ends at no effect holds it
    assert not len(measured(null, -0.25, -0.5, 0.0, 0.25).turned)
    assert not len(measured(null, 0.25, 0.0, 0.5, -0.25).turned)


def test_an_estimate_of_no_effect_no_longer_points_the_way(null: float) -> None:
    assert names(measured(null, 0.25, 0.125, 0.5, 0.0, 0.2).turned) == ["a"]


def test_a_rate_ratio_below_1_has_turned_though_all_numbers_are_positive() -> None:
    whole = own(1.4, 1.1, 1.7, scale=RATE_RATIO)
    found = movement.measure(whole, others(0.9, 1.3))
    assert names(found.turned) == ["a"]
    # the same numbers as a difference turn nothing, and as a ratio that is below 1 nothing either
    assert not len(movement.measure(replace(whole, scale="crimes"), others(0.9, 1.3)).turned)
    lower = own(0.6, 0.4, 0.8, scale=RATE_RATIO)
    assert names(movement.measure(lower, others(0.9, 0.2, 1.1)).turned) == ["c"]


def test_a_rate_ratio_whose_interval_holds_1_turns_nothing_though_it_excludes_0() -> None:
    assert not len(movement.measure(own(1.2, 0.8, 1.6, scale=RATE_RATIO), others(0.9)).turned)


def test_outside_is_beyond_either_end_and_not_on_it(null: float) -> None:
    found = measured(null, 0.25, -0.5, 1.0, -0.5, 1.0, -0.625, 1.125, 0.3)
    assert sorted(names(found.outside)) == ["c", "d"]


def test_a_one_sided_interval_bounds_one_side(null: float) -> None:
    least = measured(null, 0.5, 0.25, NONE, 90.0, 0.125, -0.25)
    assert names(least.outside) == ["c", "b"]
    assert names(least.turned) == ["c"]
    most = measured(null, -0.5, NONE, -0.25, -90.0, -0.125, 0.25)
    assert names(most.outside) == ["c", "b"]
    assert names(most.turned) == ["c"]
    assert least.judged
    assert most.judged
    # bounded on the side of no effect only: that is no claim
    assert not len(measured(null, 0.5, NONE, 0.75, -0.25).turned)
    assert not len(measured(null, -0.5, -0.75, NONE, 0.25).turned)


def test_without_an_interval_nothing_is_judged_and_all_is_told() -> None:
    found = movement.measure(own(2.0, error=NONE), others(-5.0, 2.5))
    assert not found.judged
    assert (len(found.outside), len(found.turned), len(found.found), len(found.lost)) == (0, 0, 2, 0)
    assert list(found.outside.columns) == list(found.turned.columns) == list(found.table.columns)
    check = found.unjudged("A check", "It moves.")
    assert (check.name, check.verdict) == ("A check", "concern")
    assert check.reason == "It moves. There is no interval to judge that by."
    assert check.would_change_if == "there were an interval"
    assert check.table is found.table


def test_changes_and_their_order() -> None:
    table = others(2.5, np.nan, 1.0, 3.5, 3.0, 1.5)
    before = table.copy()
    found = movement.measure(own(2.0, 0.0, 4.0), table)
    # furthest first, those that are as far in the order they came, those without an estimate last
    assert names(found.table) == ["d", "c", "e", "a", "f", "b"]
    np.testing.assert_array_equal(found.table["change"], [1.5, -1.0, 1.0, 0.5, -0.5, np.nan])
    np.testing.assert_array_equal(found.table["change / std error"], found.table["change"] / 0.5)
    assert list(found.table.index) == list(range(6))
    assert list(found.table.columns) == [*before.columns, "change", "change / std error"]
    assert names(found.found) == ["d", "c", "e", "a", "f"]
    assert names(found.lost) == ["b"]
    assert found.value == 2.0
    assert found.top["left out"] == "d"
    pd.testing.assert_frame_equal(table, before)


@pytest.mark.parametrize("error", [NONE, 0.0])
def test_without_an_error_no_change_is_counted_in_errors(error: Any) -> None:
    found = movement.measure(own(2.0, 0.0, 4.0, error=error), others(1.0))
    assert "change / std error" not in found.table
    assert found.errors(found.top) == ""


def test_words() -> None:
    found = movement.measure(own(2.0, 0.0, 4.0), others(2.61234, -1.5))
    assert found.range == "-1.5 to 2.61 around 2"
    assert found.errors(found.top) == ", by 7 standard errors"
    assert found.errors(found.found.iloc[1]) == ", by 1.2 standard errors"
    assert found.errors(pd.Series({"change / std error": np.nan})) == ""


def test_nothing_to_compare_says_why() -> None:
    missing = movement.measure(own(NONE, error=NONE), others(1.0))
    assert missing == NotAvailable("there is no estimate: nothing to rest it on")
    gone = movement.measure(own(2.0, 0.0, 4.0), others(np.nan, np.nan))
    assert gone == NotAvailable("none of the other estimates exists: too few")
    empty = movement.measure(own(2.0, 0.0, 4.0), others())
    assert empty == NotAvailable("none of the other estimates exists: none was tried")
    first = others(np.nan, np.nan).assign(reason=["the first", "the second"])
    assert movement.measure(own(2.0, 0.0, 4.0), first).reason.endswith("the first")


@pytest.mark.parametrize(
    ("low", "high", "scale", "half"),
    [(1.0, 3.0, "crimes", 1.0), (1.5, 3.0, RATE_RATIO, 2**0.5), (-1.0, 5.0, "crimes", None)],
)
def test_less_than_half_of_a_claimed_effect_is_another_answer(
    low: float, high: float, scale: str, half: float | None
) -> None:
    near = 1.0 if half is None else half
    found = movement.measure(own(2.0, low, high, scale=scale), others(near - 0.01, near + 0.01, 2.9))
    assert isinstance(found, movement.Movement)
    assert names(found.halved) == ([] if half is None else ["a"])
    check = found.passed("A check", "None is far.", found.table, "one were")
    if half is None:
        assert check.verdict == "not_informative"
        assert "none to support" in check.reason
    else:
        assert check.verdict == "pass"
        assert check.would_have_seen == pytest.approx(half)


def test_far_is_outside_or_halved_each_once() -> None:
    found = movement.measure(own(2.0, 1.0, 3.0), others(0.5, 0.9, 2.5, 3.5, 1.5))
    assert isinstance(found, movement.Movement)
    assert sorted(names(found.far)) == ["a", "b", "d"]
