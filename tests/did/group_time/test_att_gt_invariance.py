"""What must not change a group-time effect, and what must change it by exactly so much."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.did.staggered import staggered

from whatworks.did.aggregate import aggregate
from whatworks.did.att_gt import att_gt
from whatworks.inference.errors.influence import Analytical
from whatworks.inference.errors.multiplier import MultiplierBootstrap
from whatworks.inference.errors.wild import WildCluster
from whatworks.panel import NEVER, Panel
from whatworks.results import Result

STARTS = [4] * 5 + [6] * 5 + [7] * 4 + [None] * 8

CHOICES = st.fixed_dictionaries(
    {
        "comparison": st.sampled_from(["never", "not_yet"]),
        "adjust": st.sampled_from(["none", "outcome", "weights", "doubly_robust"]),
        "base": st.sampled_from(["varying", "universal"]),
        "anticipation": st.integers(0, 2),
    }
)
SEEDS = st.integers(0, 10_000)
few = settings(max_examples=12)


def panel(seed: int) -> Panel:
    draw = np.random.default_rng(seed)
    # every cohort spans the covariate, so that overlap never fails by chance
    x = np.concatenate([np.linspace(-1, 1, size) for size in (5, 5, 4, 8)]) + 0.2 * draw.standard_normal(22)
    built = staggered(STARTS, periods=9, seed=seed)
    return replace(
        built,
        covariates=np.repeat(x[:, None], 9, axis=1)[None],
        covariate_names=("x",),
        weight=np.exp(0.3 * draw.standard_normal(len(STARTS))),
    )


def run(data: Panel, choices: dict[str, Any]) -> Result:
    if choices["adjust"] == "none":
        data = replace(data, covariates=data.covariates[:0], covariate_names=())
    return att_gt(data, **choices, inference=Analytical())


def same(one: Result, other: Result, *, scale: float = 1.0, keys: bool = True) -> None:
    for by in ("overall", "event_time", "cohort", "period"):
        a, b = aggregate(one, by=by), aggregate(other, by=by)
        for name in ("estimate", "std_error", "low", "high"):
            left, right = scale * a.effects[name].to_numpy(), b.effects[name].to_numpy()
            np.testing.assert_allclose(left, right, rtol=1e-6, atol=1e-7 * scale)
        np.testing.assert_allclose(
            scale * a.headline.std_error, b.headline.std_error, rtol=1e-6, atol=1e-8 * scale
        )
        if keys:
            assert list(a.effects["term"]) == list(b.effects["term"])


@few
@given(SEEDS, CHOICES)
def test_unit_and_period_shifts_change_nothing(seed: int, choices: dict[str, Any]) -> None:
    data = panel(seed)
    draw = np.random.default_rng(seed + 1)
    shifted = data.outcome + 5 * draw.standard_normal((22, 1)) + 5 * draw.standard_normal((1, 9))
    same(run(data, choices), run(data.with_outcome(shifted), choices))


@few
@given(SEEDS, CHOICES, st.sampled_from([1e-6, 0.25, 3.0, 1e7]))
def test_scale(seed: int, choices: dict[str, Any], factor: float) -> None:
    data = panel(seed)
    same(run(data, choices), run(data.with_outcome(factor * data.outcome), choices), scale=factor)


@few
@given(SEEDS, CHOICES, st.floats(-5, 5))
def test_an_added_effect_adds_itself(seed: int, choices: dict[str, Any], effect: float) -> None:
    data = panel(seed)
    more = data.with_outcome(data.outcome + effect * data.treated)
    before, after = run(data, choices), run(more, choices)
    gap = after.effects["estimate"] - before.effects["estimate"]
    expected = effect * (before.effects["event_time"] >= 0)
    np.testing.assert_allclose(gap, expected, atol=1e-7)
    np.testing.assert_allclose(after.effects["std_error"], before.effects["std_error"], rtol=1e-6)


@few
@given(SEEDS, CHOICES)
def test_weights_count_only_relatively(seed: int, choices: dict[str, Any]) -> None:
    data = panel(seed)
    same(run(data, choices), run(replace(data, weight=1000 * data.weight), choices))


@few
@given(SEEDS, CHOICES, st.floats(0.01, 100), st.floats(-100, 100))
def test_a_covariate_in_another_unit_changes_nothing(
    seed: int, choices: dict[str, Any], factor: float, shift: float
) -> None:
    data = panel(seed)
    same(run(data, choices), run(replace(data, covariates=shift + factor * data.covariates), choices))


@few
@given(SEEDS, CHOICES)
def test_calendar_shift_changes_only_labels(seed: int, choices: dict[str, Any]) -> None:
    data = panel(seed)
    start = np.where(data.start == NEVER, NEVER, data.start + 2000)
    same(
        run(data, choices), run(replace(data, periods=data.periods + 2000, start=start), choices), keys=False
    )


@few
@given(SEEDS, CHOICES)
def test_a_unit_of_weight_two_is_two_units_of_weight_one(seed: int, choices: dict[str, Any]) -> None:
    data = replace(panel(seed), weight=None)
    doubled = np.arange(22) % 3 == 0
    rows = np.r_[np.arange(22), np.flatnonzero(doubled)]
    twins = replace(
        data.select(rows),
        units=tuple(f"{data.units[r]}.{k}" for k, r in enumerate(rows)),
        weight=np.ones(len(rows)),
    )
    weighted = replace(data, weight=np.where(doubled, 2.0, 1.0))
    one, other = run(twins, choices), run(weighted, choices)
    np.testing.assert_allclose(one.effects["estimate"], other.effects["estimate"], rtol=1e-7, atol=1e-8)
    # twins that share a cluster carry no more information than the weighted unit
    clustered = replace(twins, cluster=rows, cluster_labels=data.units)
    same(run(clustered, choices), other)


@few
@given(SEEDS, st.sampled_from([Analytical(), MultiplierBootstrap(draws=199), WildCluster(draws=199)]))
def test_row_order_and_unit_names_do_not_matter(seed: int, inference: object) -> None:
    data = staggered([4] * 3 + [6] * 3 + [None] * 4, seed=seed, periods=8)
    frame = data.to_frame()
    shuffled = frame.sample(frac=1, random_state=seed)
    roles = {"unit": "unit", "period": "period", "outcome": "outcome", "start": "start"}
    one = att_gt(Panel.from_frame(frame, **roles), inference=inference)
    other = att_gt(Panel.from_frame(shuffled, **roles), inference=inference)
    assert one.to_json() == other.to_json()
    renamed = frame.assign(unit="z" + frame["unit"].astype(str))
    third = att_gt(Panel.from_frame(renamed, **roles), inference=inference)
    pd.testing.assert_frame_equal(one.effects, third.effects)


def test_the_input_is_never_changed_and_the_same_seed_gives_the_same_bytes() -> None:
    data = panel(1)
    before = data.fingerprint
    results = [
        att_gt(data, adjust="doubly_robust", inference=MultiplierBootstrap(draws=199, seed=s)).to_json()
        for s in (7, 7, 8)
    ]
    assert data.fingerprint == before
    assert results[0] == results[1]
    assert results[0] != results[2]


def test_only_units_that_are_compared_matter() -> None:
    data = staggered([5] * 4 + [7] * 4 + [None] * 4, periods=9)
    changed = data.outcome.copy()
    changed[4:8, 7:] += 100  # cohort 7 after its start: no comparison for cohort 5
    one, other = (
        run(d, {"comparison": "not_yet", "adjust": "none", "base": "varying", "anticipation": 0})
        for d in (data, data.with_outcome(changed))
    )
    five = one.effects["cohort"] == "5"
    pd.testing.assert_frame_equal(one.effects[five], other.effects[five])
