"""did.pretrend_power: against closed forms and brute-force simulation."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from reference_numbers import borough_panel
from scipy.stats import multivariate_normal, norm

from whatworks import did, errors
from whatworks.inference import ClusterRobust
from whatworks.inference.errors.influence import Analytical
from whatworks.inference.trends import trend_power


@cache
def study(panel=None):
    data = borough_panel() if panel is None else panel
    return did.event_study(data, ends=(-12, 18), inference=ClusterRobust())


def covariance(size, seed=0):
    root = np.random.default_rng(seed).normal(size=(size, 2 * size)) + 0.5
    return root @ root.T / size


@pytest.mark.parametrize("test", ["joint", "any"])
def test_one_lead_in_closed_form(test):
    """Power of a two-sided z test: Φ(γ/σ − z) + Φ(−γ/σ − z), the lead lying one period before the base."""
    found = did.pretrend_power(study(), window=(-2, 3), test=test)
    sd = did.event_time_covariance(study()).within(-2, -2).covariance[0, 0] ** 0.5
    z = norm.ppf(0.975)
    slope = found.table["slope"].to_numpy()
    np.testing.assert_allclose(norm.cdf(slope / sd - z) + norm.cdf(-slope / sd - z), [0.5, 0.8], atol=1e-9)
    np.testing.assert_allclose(found.table["bias"], 2.5 * slope, rtol=1e-12)
    assert found.size == pytest.approx(0.05, abs=1e-9)
    assert found.critical == pytest.approx(z, rel=1e-9)
    assert f"trends of {slope[1]:.3g} a period would be noticed with probability 80%" in found.notes[0]


def test_probabilities_of_boxes():
    sigma = covariance(4)
    mean = np.array([0.3, -1.0, 0.8, 0.1])
    tested = trend_power.leads(sigma, 1.5)
    ours = tested.passing(mean)[0]
    theirs = multivariate_normal(mean, sigma, maxpts=4_000_000, abseps=1e-7).cdf(
        tested.half, lower_limit=-tested.half
    )
    assert ours == pytest.approx(theirs, abs=1e-4)
    apart = trend_power.leads(np.diag([1.0, 4.0, 0.25]), 2.0)
    each = [norm.cdf((2 * s - m) / s) - norm.cdf((-2 * s - m) / s) for s, m in ((1, 0.5), (2, 1), (0.5, 0))]
    assert apart.passing(np.array([0.5, 1.0, 0.0]))[0] == pytest.approx(np.prod(each), rel=1e-12)


@pytest.mark.parametrize("test", ["joint", "any"])
def test_power_and_bias_by_simulation(test):
    """400,000 draws of leads and effects under the slope: how often the test rejects, and what passes."""
    result = study()
    found = did.pretrend_power(result, window=(-6, 3), test=test)
    used = did.event_time_covariance(result).within(-6, 3)
    when, after = used.times + 1.0, used.after
    sd = np.sqrt(np.diag(used.covariance))[~after]
    noise = np.random.default_rng(1).multivariate_normal(np.zeros(len(when)), used.covariance, size=400_000)
    reject = (np.abs(noise[:, ~after]) > found.critical * sd).any(axis=1)
    assert reject.mean() == pytest.approx(found.size, abs=4 * 0.0008)
    assert (found.size == pytest.approx(0.05, abs=1e-4)) == (test == "joint")
    for power, slope, bias, passed in found.table.itertuples(index=False, name=None):
        drawn = noise + slope * when
        reject = (np.abs(drawn[:, ~after]) > found.critical * sd).any(axis=1)
        assert reject.mean() == pytest.approx(power, abs=4 * 0.0008)
        means = drawn[:, after].mean(axis=1)
        assert bias == pytest.approx(slope * when[after].mean())
        error = means[~reject].std() / np.sqrt((~reject).sum())
        assert means[~reject].mean() == pytest.approx(passed, abs=4 * error)


def test_many_leads_and_mirrored_trends():
    sigma = covariance(12, seed=3)
    tested = trend_power.leads(sigma, 2.5)
    when = np.arange(-12.0, 0.0)
    up, down = (tested.passing(side * 0.2 * when) for side in (1, -1))
    assert up[0] == pytest.approx(down[0], abs=1e-4)
    np.testing.assert_allclose(up[1], -down[1], atol=2e-3)
    far = tested.passing(50.0 * when)
    assert far[0] == pytest.approx(0, abs=1e-12)


def test_scale():
    panel = borough_panel()
    plain, tripled = (
        did.pretrend_power(study(panel.with_outcome(f * panel.outcome)), window=(-5, 3)) for f in (1, -3)
    )
    columns = ["slope", "bias", "bias_if_passed"]
    np.testing.assert_allclose(tripled.table[columns], 3 * plain.table[columns], rtol=1e-6)
    first = did.pretrend_power(study(panel), window=(-5, 3), weights={0: 1.0})
    np.testing.assert_allclose(first.table["bias"], plain.table["slope"], rtol=1e-9)


def test_refusals():
    with pytest.raises(errors.OptionError, match="not a list of probabilities"):
        did.pretrend_power(study(), power=[80])
    with pytest.raises(errors.OptionError, match="not a choice"):
        did.pretrend_power(study(), test="wald")
    with pytest.raises(errors.OptionError, match="do not say which"):
        did.pretrend_power(study(), weights={99: 1.0})
    with pytest.raises(errors.DesignError, match="one period to the next"):
        did.pretrend_power(
            did.aggregate(did.att_gt(borough_panel(), inference=Analytical()), by="event_time")
        )
