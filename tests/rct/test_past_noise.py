"""Noise from past data: known truth found again, ranges, and what cannot be known."""

from __future__ import annotations

import numpy as np
import pytest

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
