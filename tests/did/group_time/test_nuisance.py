"""Covariate adjustment against plain formulas, and influence against what moving a weight does."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize

from whatworks.did.group_time.nuisance import TRIM, Failure, Influences, contrast


def sample(seed: int, n: int = 60, strength: float = 0.7) -> tuple[np.ndarray, ...]:
    draw = np.random.default_rng(seed)
    x = draw.standard_normal((n, 2))
    treated = draw.random(n) < 1 / (1 + np.exp(0.5 - strength * x[:, 0]))
    change = draw.standard_normal((n, 3)) + x @ draw.standard_normal((2, 3))
    return change, treated, np.exp(0.4 * draw.standard_normal(n)), x


def propensity(treated: np.ndarray, weight: np.ndarray, x: np.ndarray) -> np.ndarray:
    design = np.column_stack([np.ones(len(x)), x])

    def loss(beta: np.ndarray) -> float:
        eta = design @ beta
        return float(weight @ (np.logaddexp(0, eta) - treated * eta))

    beta = optimize.minimize(loss, np.zeros(3), method="BFGS", options={"gtol": 1e-9}).x
    return 1 / (1 + np.exp(-design @ beta))


def by_formula(
    change: np.ndarray, treated: np.ndarray, weight: np.ndarray, x: np.ndarray, adjust: str
) -> float:
    """One outcome, straight from the definitions."""
    design = np.column_stack([np.ones(len(x)), x])
    root = np.sqrt(weight[~treated])
    slopes = np.linalg.lstsq(design[~treated] * root[:, None], change[~treated] * root, rcond=None)[0]
    gap = change - design @ slopes if adjust in ("outcome", "doubly_robust") else change
    up = np.average(gap[treated], weights=weight[treated])
    if adjust == "outcome":
        return up
    odds = np.ones(len(x))
    if adjust != "none":
        p = propensity(treated, weight, x)
        odds = np.where(p < TRIM, p / (1 - p), 0)
    return up - np.average(gap[~treated], weights=(weight * odds)[~treated])


ADJUST = ["none", "outcome", "weights", "doubly_robust"]


@pytest.mark.parametrize("adjust", ADJUST)
@pytest.mark.parametrize("seed", range(4))
def test_effects(adjust: str, seed: int) -> None:
    change, treated, weight, x = sample(seed)
    found = contrast(change, treated, weight, x, adjust)
    assert isinstance(found, Influences)
    expected = [by_formula(c, treated, weight, x, adjust) for c in change.T]
    np.testing.assert_allclose(found.att, expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("adjust", ADJUST)
@pytest.mark.parametrize("seed", range(3))
def test_influence_is_what_more_weight_on_a_unit_does(adjust: str, seed: int) -> None:
    # the influence contribution of a unit is the derivative of the estimate by the log of its weight
    change, treated, weight, x = sample(seed)
    found = contrast(change, treated, weight, x, adjust)
    step = 1e-5
    for i in range(0, len(x), 7):
        more, less = weight.copy(), weight.copy()
        more[i] *= np.exp(step)
        less[i] *= np.exp(-step)
        up, down = (contrast(change, treated, w, x, adjust).att for w in (more, less))
        np.testing.assert_allclose(found.influence[i], (up - down) / (2 * step), rtol=1e-5, atol=1e-8)


def trimmed() -> tuple[np.ndarray, ...]:
    """Treated throughout the range of x, and one comparison unit where almost all are treated."""
    draw = np.random.default_rng(3)
    n = 1600
    x = np.column_stack([draw.uniform(-2, 3.9, n), draw.standard_normal(n)])
    treated = draw.random(n) < 1 / (1 + np.exp(-1.6 * x[:, 0]))
    x[0], treated[0] = (3.9, 0), False
    change = draw.standard_normal((n, 1))
    change[0] = 50.0
    return change, treated, np.ones(n), x


@pytest.mark.parametrize("adjust", ["weights", "doubly_robust"])
def test_comparison_units_beyond_the_trim_get_no_weight(adjust: str) -> None:
    change, treated, weight, x = trimmed()
    p = propensity(treated, weight, x)
    assert TRIM <= p[0] < 0.999
    assert p.max() < 0.999
    found = contrast(change, treated, weight, x, adjust)
    assert isinstance(found, Influences)
    np.testing.assert_allclose(found.att[0], by_formula(change[:, 0], treated, weight, x, adjust), rtol=1e-5)


def test_no_overlap_is_a_failure_with_a_reason() -> None:
    change, treated, weight, x = sample(1)
    apart = x + 30 * treated[:, None]
    for adjust in ("weights", "doubly_robust"):
        found = contrast(change, treated, weight, apart, adjust)
        assert isinstance(found, Failure)
        assert "overlap" in found.reason


def test_doubly_robust_survives_either_model_being_wrong() -> None:
    draw = np.random.default_rng(9)
    n = 40_000
    x = draw.standard_normal((n, 2))
    treated = draw.random(n) < 1 / (1 + np.exp(-0.8 * x[:, 0]))
    weight = np.ones(n)
    curved = (x[:, 0] ** 2 + 2 * x[:, 0] + 0.5 * draw.standard_normal(n))[:, None]  # line wrong, logit right
    assert abs(contrast(curved, treated, weight, x, "doubly_robust").att[0]) < 0.05
    assert abs(contrast(curved, treated, weight, x, "outcome").att[0]) > 0.2
    bent = draw.random(n) < 1 / (1 + np.exp(1 - x[:, 0] ** 2))  # logit wrong, line right
    straight = (2 * x[:, 0] - x[:, 1] + 0.5 * draw.standard_normal(n))[:, None]
    assert abs(contrast(straight, bent, weight, x, "doubly_robust").att[0]) < 0.05
