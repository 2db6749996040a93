from __future__ import annotations

import numpy as np
import pytest

from whatworks.errors import OptionError
from whatworks.inference.errors import multiplier
from whatworks.inference.errors.influence import Analytical, analytical, standard_errors
from whatworks.inference.errors.multiplier import (
    MultiplierBootstrap,
    bootstrap,
    draw,
    simultaneous,
    uncertainty,
)
from whatworks.inference.fits.rows import by_cluster

DRAW = np.random.default_rng(12)
CONTRIBUTIONS = DRAW.standard_normal((400, 3)) @ np.array([[1.0, 0.8, 0], [0, 0.6, 0], [0, 0, 1e-9]]) / 400


def rows(low: int, high: int) -> np.ndarray:
    return CONTRIBUTIONS[low:high]


@pytest.mark.parametrize("weights", ["rademacher", "mammen"])
def test_weights_have_mean_zero_and_variance_one(weights: str) -> None:
    choice = MultiplierBootstrap(draws=999, weights=weights)
    values = multiplier.random_weights(np.random.PCG64(3), choice, 1000)
    assert values.shape == (999, 1000)
    assert abs(values.mean()) < 4e-3  # a million draws: four sds
    assert abs((values**2).mean() - 1) < 5e-3
    assert len(np.unique(values)) == 2
    if weights == "mammen":
        assert (values**3).mean() == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("weights", ["rademacher", "mammen"])
def test_errors_are_those_of_the_contributions(weights: str) -> None:
    choice = MultiplierBootstrap(draws=20_000, weights=weights)
    found = bootstrap(rows, 400, 3, choice=choice, level=0.95)
    exact = np.sqrt((CONTRIBUTIONS**2).sum(axis=0))
    np.testing.assert_allclose(found.std_error, exact, rtol=4 * 1.17 / np.sqrt(20_000))


def test_the_critical_value_covers_all_terms_at_once() -> None:
    # two terms correlated 0.8 and one alone: the largest of three |normals|, simulated
    normal = (
        np.random.default_rng(1).standard_normal((400_000, 3))
        @ np.linalg.cholesky(np.corrcoef(CONTRIBUTIONS.T)).T
    )
    expected = np.quantile(np.abs(normal).max(axis=1), 0.95)
    found = bootstrap(rows, 400, 3, choice=MultiplierBootstrap(draws=50_000), level=0.95)
    assert found.critical == pytest.approx(expected, rel=0.015)
    alone = bootstrap(
        rows,
        400,
        3,
        choice=MultiplierBootstrap(draws=50_000),
        level=0.95,
        together=np.array([True, False, False]),
    )
    assert alone.critical == pytest.approx(1.96, rel=0.015)


def test_draws_are_the_weighted_sums_and_chunks_join_up(monkeypatch: pytest.MonkeyPatch) -> None:
    choice = MultiplierBootstrap(draws=150, seed=9)
    monkeypatch.setattr(multiplier, "_ROWS", 96)
    monkeypatch.setattr(multiplier, "_CHUNK", 64)
    sample, largest = draw(rows, 400, 3, choice=choice)
    bits = np.random.PCG64(np.random.SeedSequence(9))
    expected = np.zeros((150, 3))
    for low in range(0, 400, 96):
        for at in range(low, min(low + 96, 400), 64):
            stop = min(at + 64, low + 96, 400)
            expected += multiplier.random_weights(bits, choice, stop - at) @ CONTRIBUTIONS[at:stop]
    # 64 terms are summed in float32, in an order that hangs on the processor: a sum may be off by 65
    # roundings of the absolute terms, however near to nothing they add up
    assert (np.abs(sample - expected) <= 65 * 2.0**-24 * np.abs(CONTRIBUTIONS).sum(axis=0)).all()
    np.testing.assert_allclose(largest[0], np.abs(CONTRIBUTIONS).max(axis=0))


def test_a_term_without_information_has_no_error() -> None:
    flat = np.column_stack([CONTRIBUTIONS[:, 0], np.zeros(400)])
    found = bootstrap(lambda a, b: flat[a:b], 400, 2, choice=MultiplierBootstrap(draws=199), level=0.95)
    assert np.isfinite(found.std_error[0])
    assert np.isnan(found.std_error[1])
    assert np.isfinite(found.critical)


def test_p_values_are_never_below_what_the_draws_can_show() -> None:
    choice = MultiplierBootstrap(draws=999)
    found = bootstrap(rows, 400, 3, choice=choice, level=0.95)
    result = uncertainty(
        np.array([100.0, 0.05, 0.0]), found, ("", "", ""), choice=choice, level=0.95, by="the 400 units"
    )
    assert result.p_value[0] == 1 / 1000
    assert (result.p_value > 0).all()
    assert result.p_value[2] == 1


def test_the_band_is_never_narrower_than_the_interval() -> None:
    found = multiplier.Bootstrapped(np.array([1.0]), critical=1.2)
    low, high, warning = simultaneous(np.array([0.0]), found, level=0.95)
    assert high[0] == pytest.approx(1.959964, abs=1e-6)
    assert low[0] == -high[0]
    assert warning == ""
    *_, warning = simultaneous(np.array([0.0]), multiplier.Bootstrapped(np.array([1.0]), 9.0), level=0.95)
    assert "handful of points" in warning


@pytest.mark.parametrize("wrong", [{"draws": 5}, {"seed": -1}, {"weights": "webb"}])
def test_wrong_options_are_refused(wrong: dict) -> None:
    with pytest.raises(OptionError):
        MultiplierBootstrap(**wrong)


def test_sums_by_cluster_against_a_loop() -> None:
    cluster = DRAW.integers(0, 7, 400)
    cluster[cluster == 5] = 6  # a code that does not occur
    sums = by_cluster(CONTRIBUTIONS, cluster, 7)
    for c in range(7):
        np.testing.assert_allclose(sums[c], CONTRIBUTIONS[cluster == c].sum(axis=0), atol=1e-15)
    np.testing.assert_allclose(standard_errors(sums), np.sqrt((sums**2).sum(axis=0)))


def test_analytical_by_hand() -> None:
    for choice, factor, critical in (
        (Analytical(), 1.0, 1.959964),
        (Analytical("clusters"), np.sqrt(12 / 11), 2.200985),
    ):
        found = analytical(
            np.array([3.0]),
            np.array([2.0]),
            ("",),
            choice=choice,
            n_clusters=12,
            level=0.95,
            by="the 12 clusters",
        )
        assert found.std_error[0] == pytest.approx(2 * factor)
        assert found.high[0] == pytest.approx(3 + critical * 2 * factor, rel=1e-6)
    tiny = analytical(
        np.array([1e6]),
        np.array([1.0]),
        ("",),
        choice=Analytical(),
        n_clusters=50,
        level=0.95,
        by="the 50 units",
    )
    assert tiny.p_value[0] > 0
    with pytest.raises(OptionError):
        Analytical("hc1")
