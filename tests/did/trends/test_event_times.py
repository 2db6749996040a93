"""Effects by event time with their covariance, from every method that has them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.did.dense import cell_weights, dummies
from tests.did.staggered import staggered

from whatworks import did, errors
from whatworks.inference import ClusterRobust, WildCluster
from whatworks.inference.errors.influence import Analytical
from whatworks.panel import Panel

STARTS = [5] * 6 + [7] * 6 + [None] * 12
CLUSTERS = [i // 2 for i in range(len(STARTS))]
ROOT = Path(__file__).resolve().parents[2] / "reference"


def data(cluster: bool = True) -> Panel:
    return staggered(STARTS, effect=1.0, seed=4, cluster=CLUSTERS if cluster else None)


@pytest.mark.parametrize("cluster", [True, False])
@pytest.mark.parametrize("method", ["event_study", "interaction_weighted", "stacked", "etwfe", "imputation"])
def test_the_diagonal_is_the_errors_of_the_table(method: str, cluster: bool) -> None:
    panel = data(cluster)
    inference = Analytical() if method == "imputation" else ClusterRobust()
    options = {"window": (-4, 3)} if method == "stacked" else {}
    result = getattr(did, method)(panel, inference=inference, **options)
    found = did.event_time_covariance(result)
    rows = result.effects.set_index("event_time").loc[found.times]
    np.testing.assert_allclose(found.estimates, rows["estimate"], rtol=1e-12)
    shown = rows["std_error"].notna().to_numpy()
    assert shown.sum() >= 6
    np.testing.assert_allclose(np.sqrt(np.diag(found.covariance))[shown], rows["std_error"][shown], rtol=1e-9)
    np.testing.assert_allclose(found.covariance, found.covariance.T)
    assert found.n_clusters == panel.n_clusters


def test_the_whole_covariance_of_a_stacked_regression_is_that_of_the_stack_itself() -> None:
    """Every window's rows written out, weighted least squares, cluster sandwich with G/(G − 1)."""
    panel = data()
    first, last = -3, 2
    rows = []
    for g in (5, 7):
        clean = panel.start > g + last
        for unit in np.flatnonzero((panel.start == g) | clean):
            mine, y = panel.start[unit] == g, panel.outcome[unit]
            rows += [(g, unit, e, mine, y[g + e - 1]) for e in range(first, last + 1)]
    stack = pd.DataFrame(rows, columns=["g", "unit", "e", "treated", "y"])
    treated_all = stack[stack.treated].groupby("g").unit.nunique()
    compared_all = stack[~stack.treated].groupby("g").unit.nunique()
    ratio = (treated_all / treated_all.sum()) / (compared_all / compared_all.sum())
    w = np.where(stack.treated, 1.0, stack.g.map(ratio))
    times = [-3, -2, 0, 1, 2]
    d = stack.treated.to_numpy(float)
    periods = [(stack.e == e).to_numpy(float) for e in times]
    X = np.column_stack([np.ones(len(d)), d, *periods, *(p * d for p in periods)])
    bread = np.linalg.inv(X.T @ (w[:, None] * X))
    beta = bread @ X.T @ (w * stack.y)
    scores = X * (w * (stack.y - X @ beta)).to_numpy()[:, None]
    sums = np.zeros((12, X.shape[1]))
    np.add.at(sums, np.array(CLUSTERS)[stack.unit], scores)
    dense = 12 / 11 * bread @ sums.T @ sums @ bread
    found = did.event_time_covariance(did.stacked(panel, window=(first, last), inference=ClusterRobust()))
    assert list(found.times) == times
    np.testing.assert_allclose(found.estimates, beta[-5:], rtol=1e-9)
    np.testing.assert_allclose(found.covariance, dense[-5:, -5:], rtol=1e-8)


def test_the_joint_covariance_of_imputed_effects_and_their_leads_from_dense_projections() -> None:
    panel = data()
    result = did.imputation(panel, leads=2, inference=Analytical())
    found = did.event_time_covariance(result)
    Z, w, y = dummies(panel), cell_weights(panel), panel.outcome.ravel()
    before = (panel.periods[None] < panel.start[:, None]).ravel()
    e = (panel.periods[None] - panel.start[:, None]).ravel()
    cluster = np.repeat(CLUSTERS, panel.n_periods)
    imputed = Z @ np.linalg.pinv(Z[before].T @ Z[before], rcond=1e-11) @ Z[before].T @ y[before]
    gap = np.where(before, 0.0, y - imputed)
    columns = []
    for time in found.times[found.after]:
        aim = (~before & (e == time)) / (~before & (e == time)).sum()
        v = aim.copy()
        v[before] = -Z[before] @ np.linalg.pinv(Z[before].T @ Z[before], rcond=1e-11) @ Z.T @ aim
        centred = gap.copy()
        for start in (5, 7):
            for t in panel.periods:
                cell = ((panel.start[:, None] == start) & (panel.periods[None] == t)).ravel() & ~before
                if cell.any():
                    centred[cell] -= gap[cell].mean()
        columns.append(v * np.where(before, y - imputed, centred))
    X = np.column_stack([(e == -2), (e == -1)]).astype(float)[before]
    project = Z[before] @ np.linalg.pinv(Z[before], rcond=1e-11)
    inside = X - project @ X
    bread = np.linalg.inv(inside.T @ inside)
    residual = y[before] - project @ y[before] - inside @ (bread @ inside.T @ y[before])
    lead = np.zeros((len(y), 2))
    lead[before] = (inside * residual[:, None]) @ bread
    n, k = int(before.sum()), 2 + panel.n_periods - int((~before).reshape(24, -1).all(axis=0).sum())
    lead *= np.sqrt(12 / 11 * (n - 1) / (n - k))
    sums = np.zeros((12, 2 + len(columns)))
    np.add.at(sums, cluster, np.column_stack([lead, *columns]))
    assert list(found.times) == [-2, -1, *range(0, 6)]
    assert w.min() == w.max()
    np.testing.assert_allclose(found.covariance, sums.T @ sums, rtol=1e-7, atol=1e-12)


def test_few_clusters_get_the_factor() -> None:
    plain = did.event_time_covariance(did.imputation(data(), leads=0, inference=Analytical()))
    wild = did.event_time_covariance(did.imputation(data(), leads=0, inference=WildCluster(draws=199)))
    np.testing.assert_allclose(wild.covariance, 12 / 11 * plain.covariance, rtol=1e-12)
    assert "factor" in wild.sentence
    assert any("12 clusters" in note for note in wild.notes)


def test_covariances_give_the_overall_error_of_fixest_sunab(reference_public: Path) -> None:
    # fixest 0.14.2, base_stagg with x1: summary(agg = "att") and summary(agg = "period"), clustered by id
    golden = json.loads((reference_public / "goldens" / "base_stagg__fixest_sunab.json").read_text("utf-8"))
    theirs = golden["results"]["sunab"]["cluster_id"]
    frame = pd.read_csv(reference_public / "data" / "base_stagg.csv")
    frame["start"] = frame["year_treated"].where(frame["year_treated"] <= frame["year"].max())
    panel = Panel.from_frame(frame, unit="id", period="year", outcome="y", start="start", covariates=["x1"])
    result = did.interaction_weighted(panel, inference=ClusterRobust(correction="fixest"))
    found = did.event_time_covariance(result)
    np.testing.assert_allclose(np.sqrt(np.diag(found.covariance)), theirs["period"]["se"][1:], rtol=1e-6)
    after = found.within(0, None)
    size = np.array([(frame["year"] - frame["start"] == e).sum() for e in after.times])
    share = size / size.sum()
    error = np.sqrt(share @ after.covariance @ share)
    assert share @ after.estimates == pytest.approx(theirs["att"]["estimate"][1], rel=1e-6)
    assert error == pytest.approx(theirs["att"]["se"][1], rel=1e-6)
    average = did.average(result, weights="cells")
    assert average.std_error == pytest.approx(theirs["att"]["se"][1], rel=1e-6)


@pytest.mark.parametrize("cluster", [None, "bcu"])
def test_covariances_give_the_overall_error_of_didimputation(cluster: str | None) -> None:
    # didimputation 0.5.0, tests/reference/json/imputation.json
    entries = json.loads((ROOT / "json" / "imputation.json").read_text(encoding="utf-8"))["entries"]
    theirs = entries[f"static.y.cluster_{cluster or 'unit'}"]["results"]
    frame = pd.read_csv(ROOT / "data" / "boroughs.csv")
    panel = Panel.from_frame(frame, unit="id", period="t", outcome="y", start="start", cluster=cluster)
    result = did.imputation(panel, leads=0, inference=Analytical())
    found = did.event_time_covariance(result)
    size = np.array([(frame["t"] - frame["start"] == e).sum() for e in found.times])
    share = size / size.sum()
    error = np.sqrt(share @ found.covariance @ share)
    assert error == pytest.approx(theirs["se"][0], rel=1e-7)
    assert did.average(result, weights="cells").std_error == pytest.approx(theirs["se"][0], rel=1e-7)


def test_honest_and_power_serve_stacked_effects() -> None:
    result = did.stacked(data(cluster=False), window=(-4, 2))
    bounds = did.honest(result, grid=[0, 0.5], draws=500)
    assert bounds.event_times == (-4, -3, -2, 0, 1, 2)
    assert bounds.estimate == pytest.approx(result.headline.value)
    assert bounds.table["low"].is_monotonic_decreasing
    assert (did.pretrend_power(result).table["slope"] > 0).all()


@pytest.mark.parametrize("method", [did.imputation, did.etwfe])
def test_trends_need_one_reference(method) -> None:
    result = method(data(cluster=False))
    for ask in (did.honest, did.pretrend_power):
        with pytest.raises(errors.DesignError, match=r"measured against.*\n.*did\.interaction_weighted"):
            ask(result)


def test_no_event_times() -> None:
    panel = data()
    for result in (did.imputation(panel, by="overall"), did.att_gt(panel), did.twoway(panel)):
        with pytest.raises(errors.OptionError, match="no effects by event time"):
            did.event_time_covariance(result)


@pytest.mark.parametrize("ask", [did.event_time_covariance, did.honest, did.pretrend_power])
def test_no_bounds_on_a_variance_that_the_result_does_not_print(ask):
    rng = np.random.default_rng(1)
    u, t = np.repeat(np.arange(24), 9), np.tile(np.arange(1, 10), 24)
    start = np.array([5.0, *[np.nan] * 23])[u]
    start[np.isin(u, (1, 2, 3))] = 6
    table = pd.DataFrame({"unit": u, "t": t, "y": rng.normal(size=len(u)), "start": start})
    panel = Panel.from_frame(table, unit="unit", period="t", outcome="y", start="start")
    found = did.aggregate(
        did.att_gt(panel, base="universal", inference=Analytical("clusters")), by="event_time"
    )
    assert "of the weight lies on" in found.headline.std_error.reason
    with pytest.raises(
        errors.DesignError, match=r"the result itself has no standard error: .* of the weight lies"
    ):
        ask(found)
