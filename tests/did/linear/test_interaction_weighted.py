"""did.interaction_weighted against a dense regression, group-time effects and fixest, and its refusals."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.did.dense import cell_weights, dummies, least_squares, summed_squares
from tests.did.staggered import staggered

from whatworks.did import aggregate, att_gt
from whatworks.did.interaction_weighted import interaction_weighted
from whatworks.did.linear.by_event_time import aims
from whatworks.did.linear.saturated import coefficients
from whatworks.did.linear.scores import null_scores
from whatworks.errors import DesignError, OptionError
from whatworks.inference import ClusterRobust, WildCluster
from whatworks.inference.errors.influence import Analytical
from whatworks.panel import NEVER, Panel
from whatworks.results import NotAvailable

Floats = npt.NDArray[np.float64]
ROOT = Path(__file__).resolve().parents[2] / "reference"
ENTRIES = json.loads((ROOT / "json" / "fixest.json").read_text(encoding="utf-8"))["entries"]
STARTS: list[int | None] = [4, 4, 4, 4, 6, 6, 6, 6, 6, *[None] * 7]
CLUSTERS = [0, 1, 2, 3, 0, 1, 2, 3, 4, 4, 5, 5, 6, 6, 7, 7]
RAW = ClusterRobust("CR0")


def rich(seed: int = 5) -> Panel:
    """A staggered panel with gaps, weights, clusters and a covariate."""
    panel = staggered(STARTS, periods=8, seed=seed, cluster=CLUSTERS, effect=1.0)
    draw = np.random.default_rng(seed + 1)
    gaps = draw.random(panel.outcome.shape) < 0.1
    # the reference period of every cohort stays observed
    gaps[:, [2, 4]] = False
    return replace(
        panel,
        outcome=np.where(gaps, np.nan, panel.outcome),
        covariates=draw.standard_normal((1, *panel.outcome.shape)),
        covariate_names=("x",),
        weight=draw.uniform(0.5, 3, len(STARTS)),
    )


def dense(panel: Panel) -> tuple[Floats, Floats, Floats]:
    """Interactions, their event times and sample weights; values and coefficient rows of every outcome."""
    start, period = np.repeat(panel.start, panel.n_periods), np.tile(panel.periods, panel.n_units)
    y, w = panel.outcome.ravel(), cell_weights(panel)
    there = np.isfinite(y)
    columns, times, mass = [], [], []
    for g in panel.cohorts:
        for t in panel.periods:
            here = (start == g) & (period == t)
            if t - g != -1 and (here & there).any():
                columns.append(here.astype(float))
                times.append(int(t - g))
                mass.append(w[here & there].sum())
    X = np.column_stack([*columns, dummies(panel)])
    inverse = np.linalg.pinv((X[there] * w[there, None]).T @ X[there], rcond=1e-11)
    rows = np.zeros((len(columns), len(y)))
    rows[:, there] = (inverse @ (X[there] * w[there, None]).T)[: len(columns)]
    return np.array(times), np.array(mass), rows


def test_matches_a_dense_regression() -> None:
    panel = rich()
    times, mass, rows = dense(panel)
    y, w = np.nan_to_num(panel.outcome).ravel(), cell_weights(panel)
    there = np.isfinite(panel.outcome.ravel())
    start, period = np.repeat(panel.start, 8), np.tile(panel.periods, len(STARTS))
    label = np.where(panel.treated.ravel() | (start < 99), start * 100 + period, period)
    saturated = np.column_stack([label[:, None] == np.unique(label), dummies(panel)]).astype(float)
    residual = np.where(there, y - saturated @ least_squares(saturated[there], y[there], w[there]), 0)
    result = interaction_weighted(panel, inference=RAW)
    table = result.effects.set_index("event_time")
    for e in np.unique(times):
        a = (mass * (times == e) / mass[times == e].sum()) @ rows
        assert table.loc[e, "estimate"] == pytest.approx(a @ y, rel=1e-8)
        assert table.loc[e, "std_error"] == pytest.approx(summed_squares(a * residual, panel), rel=1e-8)
    a = (mass * (times >= 0) / mass[times >= 0].sum()) @ rows
    assert result.headline.value == pytest.approx(a @ y, rel=1e-8)
    assert result.headline.std_error == pytest.approx(summed_squares(a * residual, panel), rel=1e-8)


def test_coefficients_and_null_scores() -> None:
    panel = rich()
    detail = interaction_weighted(panel).detail
    weights = detail.shares @ detail.cells.contrast
    for k, a in enumerate(coefficients(detail.model, weights)):
        assert (a * detail.model.sample.outcome).sum() == pytest.approx(detail.fit.coefficients[k], rel=1e-9)
        score, slope = null_scores(detail.model.sample, a, aims(detail.model, detail.cells, detail.shares)[k])
        assert score.sum() == pytest.approx(detail.fit.coefficients[k], rel=1e-8)
        assert slope.sum() == pytest.approx(1)


def test_scores_under_the_true_effect_do_not_hold_the_effect() -> None:
    """An effect added to every treated cell moves the scores by it times their slopes."""
    panel = rich()
    moved = panel.with_outcome(panel.outcome + 7.0 * panel.treated)
    first, second = interaction_weighted(panel).detail, interaction_weighted(moved).detail
    late = first.event_times >= 0
    rows = (late / late.sum()) @ first.shares
    cells = aims(first.model, first.cells, rows[None])[0]
    a = coefficients(first.model, rows[None] @ first.cells.contrast)[0]
    (s0, slope), (s1, _) = (
        null_scores(first.model.sample, a, cells),
        null_scores(second.model.sample, a, cells),
    )
    np.testing.assert_allclose(s1 - s0, 7.0 * slope, atol=1e-9)


def test_scores_of_one_event_time_ignore_effects_at_others() -> None:
    panel = rich()
    moved = panel.with_outcome(panel.outcome + 50.0 * (panel.periods == panel.start[:, None] + 1))
    at = []
    for one in (panel, moved):
        detail = interaction_weighted(one).detail
        row = detail.shares[detail.event_times == 0]
        a = coefficients(detail.model, row @ detail.cells.contrast)[0]
        assert np.abs(a * (panel.periods == panel.start[:, None] + 1)).max() > 1e-4
        at.append(null_scores(detail.model.sample, a, aims(detail.model, detail.cells, row)[0])[0])
    np.testing.assert_allclose(at[0], at[1], atol=1e-9)


def test_equals_group_time_effects_against_the_never_treated() -> None:
    panel = staggered(STARTS, periods=8, cluster=CLUSTERS, effect=1.0)
    ours = interaction_weighted(panel).effects.set_index("event_time")
    theirs = aggregate(att_gt(panel, base="universal"), by="event_time").effects.set_index("event_time")
    for name in ("estimate", "low", "high", "p_value"):
        np.testing.assert_allclose(
            ours[name].drop(-1), theirs[name].drop(-1).loc[ours.index.drop(-1)], rtol=1e-8, atol=1e-10
        )


CASES: list[tuple[str, str, dict[str, Any]]] = [
    ("sunab.y", "cluster_unit", {}),
    ("sunab.y", "cluster_bcu", {"cluster": "bcu"}),
    ("sunab.y.missing", "cluster_unit", {}),
    ("sunab.y.weights_population", "cluster_unit", {"weight": "population"}),
    ("sunab.y_bcu", "cluster_bcu", {"cluster": "bcu", "outcome": "y_bcu", "start": "start_bcu"}),
]


@pytest.mark.parametrize(("key", "cluster", "roles"), CASES)
@pytest.mark.parametrize("factor", ["default", "raw"])
def test_matches_fixest(key: str, cluster: str, roles: dict[str, Any], factor: str) -> None:
    missing = key.endswith("missing")
    data = pd.read_csv(ROOT / "data" / f"boroughs{'_missing' if missing else ''}.csv")
    panel = Panel.from_frame(
        data, unit="id", period="t", **{"outcome": "y", "start": "start", **roles}, allow_missing=missing
    )
    result = interaction_weighted(
        panel, inference=RAW if factor == "raw" else ClusterRobust(correction="fixest")
    )
    stored = ENTRIES[key]["results"]
    overall, terms = stored[f"{cluster}.{factor}.att"], stored[f"{cluster}.{factor}.period"]
    for name, ours in (("estimate", "value"), ("se", "std_error"), ("ci_low", "low"), ("p", "p_value")):
        assert getattr(result.headline, ours) == pytest.approx(overall[name][0], rel=1e-7)
    table = result.effects[result.effects["event_time"] != -1]
    assert [f"t::{e}" for e in table["event_time"]] == terms["terms"]
    np.testing.assert_allclose(table["estimate"], terms["estimate"], rtol=1e-7)
    np.testing.assert_allclose(table["std_error"], terms["se"], rtol=1e-7)


@pytest.mark.parametrize(("name", "covariates"), [("sunab", ["x1"]), ("sunab_nocov", [])])
def test_published_staggered_panel(reference_public: Path, name: str, covariates: list[str]) -> None:
    data = pd.read_csv(reference_public / "data" / "base_stagg.csv")
    golden = json.loads((reference_public / "goldens" / "base_stagg__fixest_sunab.json").read_text("utf-8"))
    data["start"] = data["year_treated"].where(data["year_treated"] < 10000)
    data = data[data["year_treated"] != data["year"].min()]
    panel = Panel.from_frame(
        data, unit="id", period="year", outcome="y", start="start", covariates=covariates
    )
    result = interaction_weighted(panel, inference=ClusterRobust(correction="fixest"))
    stored = golden["results"][name]["cluster_id"]["period"]
    shift = len(covariates)
    table = result.effects[result.effects["event_time"] != -1]
    np.testing.assert_allclose(table["estimate"], stored["estimate"][shift:], rtol=1e-6)
    # cohorts of one unit each at the ends: fixest prints errors there that see no noise of the cohort
    known = np.isfinite(table["std_error"].to_numpy())
    assert known.sum() >= 5
    np.testing.assert_allclose(
        table["std_error"].to_numpy()[known], np.array(stored["se"][shift:])[known], rtol=1e-6
    )
    overall = golden["results"][name]["cluster_id"]["att"]
    value = overall["estimate"][-1] if covariates else overall["estimate"]
    assert result.headline.value == pytest.approx(value, rel=1e-6)


@settings(max_examples=20)
@given(seed=st.integers(0, 10_000), scale=st.floats(0.01, 100), shift=st.integers(-50, 50))
def test_unit_and_period_shifts_scale_and_order_do_not_matter(seed: int, scale: float, shift: int) -> None:
    panel = rich(seed)
    draw = np.random.default_rng(seed)
    base = interaction_weighted(panel, inference=RAW)
    level = draw.standard_normal((16, 1)) * 10 + draw.standard_normal((1, 8)) * 10
    moved = replace(
        panel,
        outcome=scale * (panel.outcome + level),
        periods=panel.periods + shift,
        start=np.where(panel.never_treated, panel.start, panel.start + shift),
    ).select(draw.permutation(16))
    other = interaction_weighted(moved, inference=RAW)
    for name in ("estimate", "std_error"):
        np.testing.assert_allclose(
            other.effects[name], scale * base.effects[name], rtol=1e-6, atol=1e-8 * scale
        )


def test_last_cohort_is_the_comparison_where_all_are_treated() -> None:
    panel = staggered([4, 4, 4, 6, 6, 6, 6], periods=9, effect=1.0)
    result = interaction_weighted(panel)
    assert sorted(result.effects["event_time"]) == [-3, -2, -1, 0, 1]
    assert any("serve only as comparison" in note for note in result.notes)
    as_never = panel.with_start(np.where(panel.start == 6, NEVER, panel.start)).window(None, 5)
    assert result.headline.value == pytest.approx(interaction_weighted(as_never).headline.value)


def test_effects_without_a_reference_cell_are_listed() -> None:
    panel = staggered(STARTS, periods=8, effect=1.0)
    outcome = panel.outcome.copy()
    outcome[:4, 2] = np.nan
    result = interaction_weighted(panel.with_outcome(outcome))
    assert any("not identified" in note and "cohort 4 in 1" in note for note in result.notes)
    assert set(result.detail.cells.cohort) == {1}


def test_anticipation_moves_the_reference() -> None:
    panel = staggered(STARTS, periods=8, seed=9)
    early = panel.with_outcome(panel.outcome + 3.0 * (panel.periods == panel.start[:, None] - 1))
    base, other = (interaction_weighted(p, anticipation=1) for p in (panel, early))
    assert other.headline.value == pytest.approx(base.headline.value)
    row = other.effects.set_index("event_time")
    assert row.loc[-2, "reason"].startswith("the reference period")
    assert row.loc[-1, "estimate"] - base.effects.set_index("event_time").loc[
        -1, "estimate"
    ] == pytest.approx(3)
    assert other.detail.pretrend.n_tested == 3


def test_one_treated_unit_and_lone_cohorts_have_no_error() -> None:
    alone = interaction_weighted(staggered([5] + [None] * 8))
    assert isinstance(alone.headline.std_error, NotAvailable)
    assert isinstance(alone.detail.pretrend, NotAvailable)
    few = interaction_weighted(staggered([5, 5, 7, 9] + [None] * 8)).effects.set_index("event_time")
    # only cohort 5 is seen at event time 5 and cohort 9 alone at −8
    assert np.isfinite(few.loc[5, "std_error"])
    assert np.isnan(few.loc[-8, "std_error"])
    assert "single unit" in few.loc[-8, "reason"]
    lone = interaction_weighted(staggered([4, 5, 6, 7, 8] + [None] * 45), inference=ClusterRobust())
    assert "single unit" in str(lone.headline.std_error)


def test_refusals() -> None:
    with pytest.raises(DesignError, match="every unit is treated"):
        interaction_weighted(staggered([5] * 6))
    with pytest.raises(DesignError, match="no unit starts"):
        interaction_weighted(staggered([None] * 6))
    panel = staggered([5] * 4 + [None] * 4)
    with pytest.raises(OptionError, match="does not apply to a regression"):
        interaction_weighted(panel, inference=Analytical())
    with pytest.raises(OptionError, match="null"):
        interaction_weighted(panel, inference=WildCluster(null="free"))
    with pytest.raises(OptionError):
        interaction_weighted(panel, anticipation=-1)
    unseen = panel.outcome.copy()
    unseen[:4, 3] = np.nan
    with pytest.raises(DesignError, match="no effect after the start is identified"):
        interaction_weighted(panel.with_outcome(unseen))
