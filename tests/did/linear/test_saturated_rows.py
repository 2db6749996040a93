"""CR2, CR3 and the jackknife of saturated, stacked and Poisson regressions against rows and dummies."""

from __future__ import annotations

import numpy as np
import pytest
from slow_regression import leave_out_step, newton_poisson, reduced_bias
from tests.did.dense import cell_weights, dummies
from tests.did.staggered import staggered

from whatworks.did import etwfe, interaction_weighted, poisson, stacked
from whatworks.errors import OptionError
from whatworks.inference import ClusterRobust, Conley, DriscollKraay, Jackknife, TwoWay
from whatworks.results import NotAvailable

# two clusters or more behind every cohort, so that leaving one out leaves every effect
SPREAD = [5, 5, 5, 6, 6, 6, None, None, None, None, None, None, None]
CLUSTERS = [0, 0, 1, 2, 2, 3, 4, 4, 5, 5, 6, 7, 7]


def saturated(panel, pairs):
    """Rows, weights, residuals and clusters of indicators of cohort and period beside dummies."""
    n, t = panel.outcome.shape
    start, period = np.repeat(panel.start, t), np.tile(panel.periods, n)
    there = np.isfinite(panel.outcome.ravel())
    own = np.column_stack([(start == g) & (period == s) for g, s in pairs]).astype(float)
    X, w = np.hstack([own, dummies(panel)])[there], cell_weights(panel)[there]
    y = panel.outcome.ravel()[there]
    beta = np.linalg.pinv((X * w[:, None]).T @ X, rcond=1e-12) @ (X.T @ (w * y))
    return X, w, y - X @ beta, np.repeat(panel.cluster, t)[there], own[there].T @ w


def compare(method, X, w, residual, cluster, gradient):
    error, df = reduced_bias(X, residual, cluster, gradient, w)
    found = method(ClusterRobust("CR2")).headline
    assert (found.std_error, found.df) == pytest.approx((error, df), rel=1e-6)
    moved = leave_out_step(X, residual, cluster, gradient, w)
    third = method(ClusterRobust("CR3")).headline.std_error
    assert third == pytest.approx(np.sqrt((moved**2).sum()), rel=1e-6)
    groups = len(np.unique(cluster))
    jack = method(Jackknife(centre="mean")).headline.std_error
    spread = ((moved - moved.mean()) ** 2).sum() * (groups - 1) / groups
    assert jack == pytest.approx(np.sqrt(spread), rel=1e-6)


def panels():
    plain = staggered(SPREAD, periods=9, cluster=CLUSTERS, effect=1.0)
    draw = np.random.default_rng(4)
    outcome = plain.outcome.copy()
    outcome[[0, 3, 7], [1, 6, 4]] = np.nan
    return {
        "plain": plain,
        "weights, gaps, a covariate": type(plain)(
            **{name: getattr(plain, name) for name in ("units", "periods", "period_kind", "start")},
            outcome=outcome,
            cluster=plain.cluster,
            cluster_labels=plain.cluster_labels,
            weight=1.0 + np.arange(13) % 3,
            covariates=draw.normal(size=(1, 13, 9)),
            covariate_names=("x",),
        ),
    }


@pytest.mark.parametrize("name", panels())
def test_etwfe(name):
    panel = panels()[name]
    pairs = [(g, s) for g in panel.cohorts for s in panel.periods if s >= g]
    X, w, residual, cluster, mass = saturated(panel, pairs)
    gradient = np.concatenate([mass / mass.sum(), np.zeros(X.shape[1] - len(pairs))])
    compare(lambda kind: etwfe(panel, inference=kind), X, w, residual, cluster, gradient)


@pytest.mark.parametrize("name", panels())
def test_interaction_weighted(name):
    panel = panels()[name]
    pairs = [(g, s) for g in panel.cohorts for s in panel.periods if s != g - 1]
    X, w, residual, cluster, mass = saturated(panel, pairs)
    after = mass * np.array([s >= g for g, s in pairs])
    gradient = np.concatenate([after / after.sum(), np.zeros(X.shape[1] - len(pairs))])
    compare(lambda kind: interaction_weighted(panel, inference=kind), X, w, residual, cluster, gradient)


def test_stacked():
    panel = panels()["plain"]
    window = (-2, 2)
    rows = []
    for g in panel.cohorts:
        treated, clean = panel.start == g, panel.start > g + window[1]
        for side, mask in ((1, treated), (0, clean)):
            share = treated.sum() / mask.sum()
            for i in np.flatnonzero(mask):
                for e in range(window[0], window[1] + 1):
                    y = panel.outcome[i, panel.periods == g + e][0]
                    rows.append((side, e, panel.cluster[i], y, share))
    side, e, cluster, y, w = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    # each side weighs what its units do
    w = np.where(side == 1, 1.0, w * sum((panel.start > g + 2).sum() for g in panel.cohorts) / 6)
    times = [-2, 0, 1, 2]
    X = np.column_stack(
        [np.ones(len(y)), side, *((e == k) for k in times), *((e == k) * side for k in times)]
    ).astype(float)
    beta = np.linalg.solve((X * w[:, None]).T @ X, X.T @ (w * y))
    gradient = np.concatenate([np.zeros(7), np.ones(3) / 3])
    assert stacked(panel, window=window).headline.value == pytest.approx(gradient @ beta, rel=1e-9)
    compare(lambda kind: stacked(panel, window=window, inference=kind), X, w, y - X @ beta, cluster, gradient)


def test_poisson():
    panel = panels()["plain"]
    draw = np.random.default_rng(2)
    panel = panel.with_outcome(draw.poisson(20 * draw.gamma(6, 1 / 6, panel.outcome.shape)).astype(float))
    n, t = panel.outcome.shape
    treated = panel.treated.ravel()[:, None].astype(float)
    X = np.hstack([treated, dummies(panel)[:, : n + t - 1]])
    y, w = panel.outcome.ravel(), np.ones(n * t)
    mu = np.exp(X @ newton_poisson(y, np.zeros(n * t), X, w))
    gradient = np.eye(X.shape[1])[0]
    cluster, root = np.repeat(panel.cluster, t), np.sqrt(mu)
    error, df = reduced_bias(X * root[:, None], (y - mu) / root, cluster, gradient)
    found = poisson(panel, inference=ClusterRobust("CR2")).detail.log_effect
    assert (found.std_error, found.df) == pytest.approx((error, df), rel=1e-7)
    moved = leave_out_step(X * root[:, None], (y - mu) / root, cluster, gradient)
    third = poisson(panel, inference=ClusterRobust("CR3")).detail.log_effect
    assert third.std_error == pytest.approx(np.sqrt((moved**2).sum()), rel=1e-7)
    assert "one Newton step without each cluster" in third.inference
    f = (X @ np.linalg.inv((X * mu[:, None]).T @ X)[0] * (y - mu)).reshape(n, t)
    kraay = poisson(panel, inference=DriscollKraay(lags=1, correction="none")).detail.log_effect
    sums = f.sum(axis=0)
    assert kraay.std_error == pytest.approx(np.sqrt(sums @ sums + sums[1:] @ sums[:-1]), rel=1e-8)
    places = np.column_stack([51 + np.arange(n) / 100, np.zeros(n)])
    near = np.abs(np.subtract.outer(np.arange(n), np.arange(n))) <= 3
    own = f.sum(axis=1)
    conley = poisson(panel, inference=Conley(4.0, places, correction="none")).detail.log_effect
    assert conley.std_error == pytest.approx(np.sqrt(own @ near @ own), rel=1e-8)
    assert isinstance(poisson(panel, inference=TwoWay()).headline.value, float)


def test_one_step_is_close_to_full_refits():
    panel = panels()["plain"]
    draw = np.random.default_rng(2)
    panel = panel.with_outcome(draw.poisson(20 * draw.gamma(6, 1 / 6, panel.outcome.shape)).astype(float))
    whole = poisson(panel, inference=ClusterRobust()).detail.log_effect.value
    refits = [
        poisson(panel.select(panel.cluster != g), inference=ClusterRobust()).detail.log_effect.value
        for g in range(8)
    ]
    full = np.sqrt(((np.array(refits) - whole) ** 2).sum())
    found = poisson(panel, inference=ClusterRobust("CR3")).detail.log_effect.std_error
    assert found == pytest.approx(full, rel=0.05)


def test_conley_follows_the_units_kept():
    panel = panels()["plain"]
    draw = np.random.default_rng(2)
    counts = draw.poisson(20, panel.outcome.shape).astype(float)
    counts[12] = 0.0
    places = np.column_stack([51 + np.arange(13) / 100, np.zeros(13)])
    silent = poisson(panel.with_outcome(counts), inference=Conley(1.2, places))
    kept = panel.with_outcome(counts).select(np.arange(13) < 12)
    assert silent.headline.std_error == pytest.approx(
        poisson(kept, inference=Conley(1.2, places[:12])).headline.std_error, rel=1e-9
    )


@pytest.mark.parametrize("inference", [TwoWay(), DriscollKraay(), Conley(5.0, np.zeros((13, 2)))])
def test_sums_over_units_are_refused_where_effects_absorb_them(inference):
    panel = panels()["plain"]
    for method in (etwfe, interaction_weighted, lambda p, **k: stacked(p, window=(-2, 2), **k)):
        with pytest.raises(OptionError, match="such sums cancel") as caught:
            method(panel, inference=inference)
        assert "did.twoway" in caught.value.remedy


def test_an_effect_that_rests_on_one_cluster_has_no_refit():
    alone = staggered(
        [5, 5, *SPREAD[3:]], periods=9, cluster=[0, 0, *(c - 1 for c in CLUSTERS[3:])], effect=1.0
    )
    for kind in (ClusterRobust("CR3"), Jackknife()):
        assert isinstance(etwfe(alone, inference=kind).headline.std_error, NotAvailable)
