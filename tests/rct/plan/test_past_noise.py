"""Noise from past data: known truth found again, ranges, and what cannot be known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from whatworks import rct
from whatworks.errors import DesignError
from whatworks.panel import NEVER, Panel
from whatworks.results import NotAvailable


def panel(outcome, cluster=None):
    units = len(outcome)
    labels = () if cluster is None else tuple(f"c{g:03d}" for g in range(cluster.max() + 1))
    return Panel(
        tuple(f"u{i:04d}" for i in range(units)), np.arange(outcome.shape[1]), "integer",
        outcome.astype(float), np.full(units, NEVER), cluster=cluster, cluster_labels=labels,
    )  # fmt: skip


def test_counts_with_known_overdispersion_and_spread():
    rng = np.random.default_rng(1)
    mu = rng.gamma(4.0, 1.25, 300)[:, None] * rng.uniform(0.7, 1.3, 80)
    found = rct.noise(panel(rng.negative_binomial(mu / 1.5, 1 / 2.5)))
    assert found.overdispersion == pytest.approx(2.5, rel=0.03)
    assert found.between_cv == pytest.approx(0.5, rel=0.08)
    assert found.autocorrelation == pytest.approx(0.0, abs=0.02)
    noise = found.counts()
    assert (noise.rate, noise.overdispersion) == (found.mean, found.overdispersion)
    row = found.table.iloc[4]
    assert 2.2 < row["low"] < found.overdispersion < row["high"] < 2.8


def test_clusters_with_known_correlations():
    rng = np.random.default_rng(2)
    G, m, T = 120, 8, 15
    y = rng.normal(0, 0.6, (G, 1, 1)) + rng.normal(0, 0.4, (G, 1, T)) + rng.normal(0, 1, (G, m, T))
    y = y + rng.normal(0, 3, T)
    found = rct.noise(panel(y.reshape(G * m, T), np.repeat(np.arange(G), m)))
    assert found.icc == pytest.approx(0.52 / 1.52, abs=0.04)
    assert found.cac == pytest.approx(0.36 / 0.52, abs=0.06)
    assert found.sd == pytest.approx(np.sqrt(1.52), rel=0.03)
    assert isinstance(found.overdispersion, NotAvailable)
    assert found.normal(scale="points").icc == found.icc
    with pytest.raises(DesignError, match="no count"):
        found.counts()


def test_short_series_do_not_hide_their_autocorrelation():
    rng = np.random.default_rng(3)
    y = np.zeros((400, 14))
    y[:, 0] = rng.normal(size=400)
    for t in range(1, 14):
        y[:, t] = 0.4 * y[:, t - 1] + rng.normal(0, np.sqrt(1 - 0.16), 400)
    assert rct.noise(panel(y)).autocorrelation == pytest.approx(0.4, abs=0.06)


def test_units_alone_share_their_own_level():
    rng = np.random.default_rng(4)
    y = rng.normal(0, 1, (200, 1)) + rng.normal(0, 2, (200, 12))
    found = rct.noise(panel(y))
    assert found.icc == pytest.approx(0.2, abs=0.04)
    assert isinstance(found.cac, NotAvailable)


def test_few_units_are_said_to_be_few():
    found = rct.noise(panel(np.random.default_rng(5).poisson(5, (6, 12))))
    assert "Only 6 units: plan with the worse end of each range." in found.sentence
    assert "could as well be" in found.sentence


def test_what_cannot_be_estimated_from_is_refused():
    y = np.random.default_rng(6).poisson(5, (6, 12))
    with pytest.raises(DesignError, match="too few"):
        rct.noise(panel(y[:2]))
    with pytest.raises(DesignError, match="already treated"):
        rct.noise(panel(y).with_start(np.full(6, 5)))


def test_spread_and_correlation_by_hand():
    y = np.random.default_rng(8).normal(size=(4, 5)) + np.arange(4)[:, None]
    found = rct.noise(panel(y))
    assert found.sd == pytest.approx(np.sqrt(y.var(axis=0, ddof=1).mean()), rel=1e-12)
    between = 5 * y.mean(axis=1).var(ddof=1)
    residual = y - y.mean(axis=0) - y.mean(axis=1, keepdims=True) + y.mean()
    inside = (residual**2).sum() / (3 * 4)
    assert found.icc == pytest.approx((between - inside) / (between + 4 * inside), rel=1e-12)


def test_clusters_of_unlike_sizes_by_hand():
    sizes, T = np.array([2, 3, 5, 6]), 4
    codes = np.repeat(np.arange(4), sizes)
    y = np.random.default_rng(9).normal(size=(16, T)) + 1.5 * codes[:, None]
    r = y - y.mean(axis=0)
    means = np.array([[r[codes == g, t].mean() for t in range(T)] for g in range(4)])
    between = (sizes[:, None] * means**2).sum() / (3 * T)
    inside = ((r - means[codes]) ** 2).sum() / (12 * T)
    typical = (16 - (sizes**2).sum() / 16) / 3
    expected = (between - inside) / (between + (typical - 1) * inside)
    assert rct.noise(panel(y, codes)).icc == pytest.approx(expected, rel=1e-12)


def test_ranges_are_a_grouped_jackknife():
    y = np.random.default_rng(10).normal(5.0, 1.0, size=(12, 6))
    row = rct.noise(panel(y)).table.iloc[0]
    # a mean: leaving out one of 12 units in turn gives the standard error of unit means
    half = stats.t.ppf(0.975, 11) * y.mean(axis=1).std(ddof=1) / np.sqrt(12)
    assert row["value"] - row["low"] == pytest.approx(half, rel=1e-9)
    assert row["high"] - row["value"] == pytest.approx(half, rel=1e-9)


def test_ranges_stay_where_a_quantity_can_be():
    rng = np.random.default_rng(11)
    y = rng.normal(0, 0.05, (6, 8)) + rng.normal(0, 3, (6, 1))
    table = rct.noise(panel(y)).table
    row = table[table["quantity"] == "Intraclass correlation"].iloc[0]
    assert row["high"] <= 1
    alike = table[table["quantity"].str.startswith("Autocorrelation")].iloc[0]
    assert -0.99 <= alike["low"] <= alike["high"] <= 0.99
