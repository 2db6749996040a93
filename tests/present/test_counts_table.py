"""present.counts_table: overdispersion and silent units, in words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.did.staggered import staggered

from whatworks import did, errors, present
from whatworks.inference import ClusterRobust


def counted(silent: int = 0):
    panel = staggered([6] * 8 + [None] * 8, seed=2)
    rng = np.random.default_rng(5)
    counts = rng.negative_binomial(4, 0.05, size=panel.outcome.shape).astype(float)
    counts[:silent] = 0
    return replace(panel, outcome=counts)


def test_overdispersion_and_the_rate_ratio_are_named():
    result = did.poisson(counted(), inference=ClusterRobust())
    table = present.counts_table(result, subject="vehicle_crime")
    assert table.caption == "The counts of vehicle crime and how much they vary"
    rows = dict(table.rows)
    assert rows["Areas used"] == "16"
    assert rows["Areas that count 0 throughout, left out"] == "none"
    assert float(rows["Variance over mean (1 if by chance alone)"]) == pytest.approx(
        result.detail.dispersion, rel=0.01
    )
    assert result.detail.dispersion > 5
    assert rows["Overdispersion"].startswith("allowed for")
    assert rows["Rate ratio"].startswith(f"{result.headline.value:.3f} (95% interval ")


def test_silent_units_are_named():
    rows = dict(present.counts_table(did.poisson(counted(2), inference=ClusterRobust())).rows)
    assert rows["Areas used"] == "14"
    assert rows["Areas that count 0 throughout, left out"] == "2: u000, u001"


def test_another_method_says_nothing_about_counts():
    with pytest.raises(errors.OptionError, match="says nothing about counts"):
        present.counts_table(did.block(counted(), inference=ClusterRobust()))
