"""did.stacked against a stack built row by row, group-time effects, invariances, and its refusals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.did.dense import least_squares
from tests.did.staggered import staggered

from whatworks.did import aggregate, att_gt
from whatworks.did.linear.scores import null_scores, sample
from whatworks.did.linear.stacks import coefficients, effect_cells
from whatworks.did.stacked import stacked
from whatworks.errors import DesignError, OptionError
from whatworks.inference import ClusterRobust, WildCluster
from whatworks.panel import Panel
from whatworks.results import NotAvailable

Floats = npt.NDArray[np.float64]
STARTS: list[int | None] = [4, 4, 4, 6, 6, 8, 8, 8, 8, 11, *[None] * 6]
CLUSTERS = [0, 1, 2, 0, 1, 2, 3, 4, 3, 4, 5, 5, 6, 6, 7, 7]
WINDOW = (-2, 2)
RAW = ClusterRobust("CR0")


def rich(seed: int = 5) -> Panel:
    """Starts 4, 6 and 8 have a clean window of −2 to 2; start 11 has none."""
    panel = staggered(STARTS, periods=11, seed=seed, cluster=CLUSTERS, effect=1.0)
    return replace(panel, weight=np.random.default_rng(seed).uniform(0.5, 3, len(STARTS)))


def oracle(panel: Panel, comparison: str) -> tuple[Floats, Floats]:
    """Effects at −2, 0, 1, 2 and their CR0 errors from the stack itself."""
    weight = np.ones(panel.n_units) if panel.weight is None else panel.weight
    codes = np.arange(panel.n_units) if panel.cluster is None else panel.cluster
    rows = []
    for g in (4, 6, 8):
        for i in range(panel.n_units):
            own = panel.start[i] == g
            clean = panel.start[i] > (g + 2 if comparison == "not_yet" else panel.periods[-1])
            if own or clean:
                rows += [(g, codes[i], own, e, panel.outcome[i, g + e - 1], weight[i]) for e in range(-2, 3)]
    table = pd.DataFrame(rows, columns=["g", "cluster", "own", "e", "y", "w"])
    at = table[table["e"] == 0]
    mass = at.groupby(["g", "own"])["w"].sum().unstack()
    share = mass / mass.sum()
    factor = (share[True] / share[False]).reindex(table["g"]).to_numpy()
    w = table["w"].to_numpy() * np.where(table["own"], 1.0, factor)
    own, e = table["own"].to_numpy(dtype=float), table["e"].to_numpy()
    times = (-2, 0, 1, 2)
    X = np.column_stack(
        [*(own * (e == t) for t in times), own, np.ones(len(e)), *((e == t) * 1.0 for t in times)]
    )
    y = table["y"].to_numpy()
    beta = least_squares(X, y, w)
    scores = X * (w * (y - X @ beta))[:, None]
    summed = pd.DataFrame(scores).groupby(table["cluster"].to_numpy()).sum().to_numpy()
    half = summed @ np.linalg.inv((X * w[:, None]).T @ X)
    return beta[:4], np.sqrt((half**2).sum(axis=0))[:4]


@pytest.mark.parametrize("comparison", ["not_yet", "never"])
def test_matches_the_stack_itself(comparison: str) -> None:
    panel = rich()
    value, error = oracle(panel, comparison)
    result = stacked(panel, window=WINDOW, comparison=comparison, inference=RAW)
    table = result.effects[result.effects["event_time"] != -1]
    np.testing.assert_allclose(table["estimate"], value, rtol=1e-9)
    np.testing.assert_allclose(table["std_error"], error, rtol=1e-9)
    assert result.headline.value == pytest.approx(value[1:].mean(), rel=1e-9)
    assert any("11 (the window leaves the panel)" in note for note in result.notes)


def test_averages_of_group_time_effects_by_hand() -> None:
    panel = staggered(STARTS, periods=11, effect=1.0)
    found = att_gt(panel, base="universal").effects.set_index(["cohort", "event_time"])["estimate"]
    ours = stacked(panel, window=WINDOW, comparison="never").effects.set_index("event_time")["estimate"]
    for e in (-2, 0, 1, 2):
        by_hand = (3 * found["4", e] + 2 * found["6", e] + 4 * found["8", e]) / 9
        assert ours[e] == pytest.approx(by_hand, rel=1e-10)


def test_coefficients_cancel_everything_but_the_effect() -> None:
    panel = rich()
    data, detail = sample(panel), stacked(panel, window=WINDOW).detail
    combos = np.vstack([np.eye(4), [0, 1 / 3, 1 / 3, 1 / 3]])
    for row, a in zip(combos, coefficients(data, detail.stacks, combos), strict=True):
        np.testing.assert_allclose(a.sum(axis=0), 0, atol=1e-12)
        np.testing.assert_allclose(a.sum(axis=1), 0, atol=1e-12)
        value = row @ detail.fit.coefficients
        assert (a * panel.outcome).sum() == pytest.approx(value, rel=1e-9)
        cells = effect_cells(data, detail.stacks, row != 0)
        score, slope = null_scores(data, a, cells)
        assert score.sum() == pytest.approx(value, rel=1e-8)
        assert slope.sum() == pytest.approx(1)
        moved = replace(data, outcome=data.outcome + 5.0 * cells)
        np.testing.assert_allclose(
            null_scores(moved, a, cells)[0] - score, 5 * slope * (a * cells).sum(), atol=1e-9
        )


@settings(max_examples=20)
@given(seed=st.integers(0, 10_000), scale=st.floats(0.01, 100), shift=st.integers(-50, 50))
def test_unit_shifts_scale_relabelling_and_order_do_not_matter(seed: int, scale: float, shift: int) -> None:
    panel = rich(seed)
    draw = np.random.default_rng(seed)
    base = stacked(panel, window=WINDOW, inference=RAW)
    level = draw.standard_normal((16, 1)) * 10
    moved = replace(
        panel,
        outcome=scale * (panel.outcome + level),
        periods=panel.periods + shift,
        start=np.where(panel.never_treated, panel.start, panel.start + shift),
    ).select(draw.permutation(16))
    other = stacked(moved, window=WINDOW, inference=RAW)
    for name in ("estimate", "std_error"):
        np.testing.assert_allclose(
            other.effects[name], scale * base.effects[name], rtol=1e-7, atol=1e-9 * scale
        )


def test_period_effects_leave_the_estimate_alone() -> None:
    """Not the error: the regression measures residuals from means over windows at other dates."""
    panel = rich()
    trend = panel.with_outcome(panel.outcome + np.random.default_rng(1).standard_normal((1, 11)) * 10)
    one, other = (stacked(p, window=WINDOW) for p in (panel, trend))
    np.testing.assert_allclose(one.effects["estimate"], other.effects["estimate"], atol=1e-10)


def test_a_unit_twice_is_a_unit_of_twice_the_weight() -> None:
    panel = replace(rich(), weight=None)
    twice = replace(panel.select([*range(16), 3]), units=(*panel.units, "again"))
    weight = np.ones(16)
    weight[3] = 2
    heavy = stacked(replace(panel, weight=weight), window=WINDOW, inference=RAW)
    both = stacked(twice, window=WINDOW, inference=RAW)
    for name in ("estimate", "std_error"):
        np.testing.assert_allclose(both.effects[name], heavy.effects[name], rtol=1e-9)


def test_default_is_wild_with_few_clusters_and_tests_the_leads() -> None:
    result = stacked(rich(), window=WINDOW)
    assert "Wild cluster bootstrap over 8 clusters" in result.headline.inference
    assert result.headline.low < result.headline.value < result.headline.high
    assert result.detail.pretrend.n_tested == 1
    assert 0 < result.detail.pretrend.p_value <= 1
    drift = rich().outcome + 40.0 * ((rich().start[:, None] - rich().periods) == 2)
    assert stacked(rich().with_outcome(drift), window=WINDOW).detail.pretrend.p_value < 0.1
    none = stacked(rich(), window=(-1, 2)).detail.pretrend
    assert isinstance(none, NotAvailable)


def test_one_start_is_the_wild_bootstrap_of_group_time_effects() -> None:
    panel = staggered([5] * 6 + [None] * 7, periods=9, cluster=[0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5, 6])
    ours = stacked(panel, window=WINDOW)
    theirs = aggregate(att_gt(panel, base="universal"), by="event_time", first=-2, last=2)
    rows = theirs.effects.set_index("event_time").drop(-1)
    shown = ours.effects.set_index("event_time").drop(-1)
    for name in ("estimate", "low", "high", "p_value"):
        np.testing.assert_allclose(shown[name], rows[name], rtol=1e-8)
    for name in ("value", "low", "high", "p_value"):
        assert getattr(ours.headline, name) == pytest.approx(getattr(theirs.headline, name), rel=1e-8)


def test_effects_after_the_start_do_not_touch_the_test_of_leads() -> None:
    panel = rich()
    moved = panel.with_outcome(panel.outcome + 50.0 * panel.treated)
    one, other = (stacked(p, window=(-3, 1)).detail.pretrend for p in (panel, moved))
    assert one.statistic == pytest.approx(other.statistic, rel=1e-9)
    assert one.p_value == other.p_value


def test_effects_at_one_event_time_do_not_touch_the_interval_at_another() -> None:
    panel = rich()
    moved = panel.with_outcome(panel.outcome + 50.0 * (panel.periods == panel.start[:, None] + 2))
    one, other = (stacked(p, window=WINDOW).effects.set_index("event_time").loc[0] for p in (panel, moved))
    assert one["low"] == pytest.approx(other["low"], rel=1e-9)
    assert one["high"] == pytest.approx(other["high"], rel=1e-9)


def test_no_error_with_one_treated_unit() -> None:
    result = stacked(staggered([5] + [None] * 8), window=WINDOW)
    assert isinstance(result.headline.std_error, NotAvailable)
    assert np.isfinite(result.headline.value)


def test_refusals() -> None:
    panel = rich()
    for bad in ((0, 3), (-3, -1), (-3,), (2, 1), "all", (-2.0, 3)):
        with pytest.raises(OptionError):
            stacked(panel, window=bad)
    with pytest.raises(DesignError, match="leaves the panel"):
        stacked(panel, window=(-9, 9))
    with pytest.raises(DesignError, match="no unit stays untreated"):
        stacked(staggered([5] * 6), window=WINDOW)
    with pytest.raises(OptionError, match="null"):
        stacked(panel, window=WINDOW, inference=WildCluster(null="free"))
    gap = panel.outcome.copy()
    gap[0, 0] = np.nan
    with pytest.raises(DesignError, match="missing"):
        stacked(panel.with_outcome(gap), window=WINDOW)
    with_x = replace(panel, covariates=np.ones((1, 16, 11)), covariate_names=("x",))
    with pytest.raises(DesignError, match="covariates"):
        stacked(with_x, window=WINDOW)
    with pytest.raises(OptionError, match="comparison"):
        stacked(panel, window=WINDOW, comparison="all")
