"""Unit and period effects taken out: dummies, gaps, panels in parts, weights far apart, many at once."""

from __future__ import annotations

import tracemalloc
from fractions import Fraction

import numpy as np
import pytest

from whatworks.inference.fits import projection
from whatworks.inference.fits.projection import effects, effects_of_sums, residuals

Array = np.ndarray


def by_dummies(values: Array, mass: Array) -> Array:
    """Residuals of (N, T) values by least squares on a dummy for each unit and period, 0 for no cell."""
    n, t = mass.shape
    i, j = np.nonzero(mass)
    root, full = np.sqrt(mass[i, j]), np.zeros((len(i), n + t))
    full[np.arange(len(i)), i] = full[np.arange(len(i)), n + j] = 1
    found = np.linalg.lstsq(full * root[:, None], values[i, j] * root, rcond=1e-12)[0]
    left = np.zeros((n, t))
    left[i, j] = values[i, j] - full @ found
    return left


def exactly(values: Array, mass: Array) -> Array:
    """The same from the normal equations in fractions, so that no weight is too small to count."""
    n, t = mass.shape
    rows = [[Fraction(0)] * (n + t + 1) for _ in range(n + t)]
    for i, j in np.argwhere(mass > 0).tolist():
        weight = Fraction(float(mass[i, j]))
        for a in (i, n + j):
            rows[a][i] += weight
            rows[a][n + j] += weight
            rows[a][-1] += weight * Fraction(float(values[i, j]))
    found, done = [Fraction(0)] * (n + t), 0
    pivots = []
    for c in range(n + t):
        at = next((r for r in range(done, n + t) if rows[r][c]), None)
        if at is None:
            continue
        rows[done], rows[at] = rows[at], rows[done]
        rows[done] = [x / rows[done][c] for x in rows[done]]
        for r in range(n + t):
            if r != done and (factor := rows[r][c]):
                rows[r] = [x - factor * y for x, y in zip(rows[r], rows[done], strict=True)]
        pivots.append(c)
        done += 1
    for row, c in zip(rows, pivots, strict=False):
        found[c] = row[-1]
    left = np.zeros((n, t))
    for i, j in np.argwhere(mass > 0).tolist():
        left[i, j] = float(Fraction(float(values[i, j])) - found[i] - found[n + j])
    return left


def design(rng: np.random.Generator, kind: str) -> Array:
    """Weights (N, T) of a random panel."""
    n, t = rng.integers(1, 13, 2)
    mass = rng.uniform(0.2, 5, (n, t))
    if kind == "whole":
        return mass
    if kind == "parts":  # blocks of units and periods of their own, in any order
        unit, period = rng.integers(0, 3, n), rng.integers(0, 3, t)
        mass = mass * (unit[:, None] == period)
    if kind == "chain":  # every unit seen in two periods in a row
        first = rng.integers(0, t, n)
        return mass * ((np.arange(t) == first[:, None]) | (np.arange(t) == first[:, None] + 1))
    return mass * (rng.random((n, t)) < rng.choice([0.15, 0.4, 0.8]))


@pytest.mark.parametrize("kind", ["whole", "gaps", "parts", "chain"])
def test_residuals_are_those_of_dummies(kind: str) -> None:
    rng = np.random.default_rng(1)
    for _ in range(60):
        mass = design(rng, kind)
        values = rng.normal(size=(2, *mass.shape))
        left = residuals(values, mass)
        for one, column in zip(left, values, strict=True):
            np.testing.assert_allclose(one, by_dummies(column, mass), atol=1e-10)
        np.testing.assert_allclose((left * mass).sum(axis=1), 0, atol=1e-12)
        np.testing.assert_allclose((left * mass).sum(axis=2), 0, atol=1e-12)
        np.testing.assert_allclose(residuals(left, mass), left, atol=1e-12)


def test_weights_of_units_need_no_cells() -> None:
    rng = np.random.default_rng(2)
    values, weight = rng.normal(size=(3, 2, 7, 5)), rng.uniform(0.3, 3, (7, 1))
    weight[2] = 0
    short, long = residuals(values, weight), residuals(values, np.repeat(weight, 5, axis=1))
    np.testing.assert_allclose(short, long, atol=1e-14)
    np.testing.assert_allclose(
        short[1, 1], by_dummies(values[1, 1], np.repeat(weight, 5, axis=1)), atol=1e-12
    )
    plain = values - values.mean(axis=-1, keepdims=True)
    plain = plain - plain.mean(axis=-2, keepdims=True)
    np.testing.assert_allclose(residuals(values, np.ones((7, 1))), plain, atol=1e-14)
    np.testing.assert_allclose(residuals(values, np.ones((7, 5), dtype=bool)), plain, atol=1e-14)


@pytest.mark.parametrize("size", [(6, 9), (9, 6)])
@pytest.mark.parametrize("units_only", [False, True])
def test_a_batch_is_each_panel_by_itself(size: tuple[int, int], units_only: bool) -> None:
    rng = np.random.default_rng(3)
    mass = rng.uniform(0.2, 5, (4, 3, *size)) * (rng.random((4, 3, *size)) < 0.4)
    mass[0, 0] = 1.0
    mass[1, 2, :, :] = 0.0
    mass[2, 1, :, 2] = 0.0
    mass[2, 2, :4, :3] = mass[2, 2, 4:, 3:] = 0.0
    if units_only:
        mass = mass[..., :1]
    values = rng.normal(size=(4, 3, 2, 5, *size))
    many, (unit, period) = residuals(values, mass), effects(values, mass)
    assert unit.shape == (4, 3, 2, 5, size[0])
    assert period.shape == (4, 3, 2, 5, size[1])
    plain = residuals(values[:, :, 0, 0], mass)
    for b in np.ndindex(4, 3):
        np.testing.assert_allclose(many[b], residuals(values[b], mass[b]), atol=1e-12)
        np.testing.assert_allclose(plain[b], many[b][0, 0], atol=1e-12)
        np.testing.assert_allclose(many[b][1, 4], residuals(values[b][1, 4], mass[b]), atol=1e-12)
        fitted = unit[b][..., :, None] + period[b][..., None, :]
        np.testing.assert_allclose(many[b], (values[b] - fitted) * (mass[b] > 0), atol=1e-12)


def test_what_stands_in_no_cell_does_not_matter() -> None:
    rng = np.random.default_rng(4)
    mass = rng.uniform(1, 2, (6, 5)) * (rng.random((6, 5)) < 0.7)
    values = rng.normal(size=(6, 5))
    left = residuals(values, mass)
    for other in (np.nan, np.inf, 1e300):
        np.testing.assert_array_equal(residuals(np.where(mass > 0, values, other), mass), left)
    assert (left[mass == 0] == 0).all()


def test_units_and_periods_without_a_cell_and_panels_of_one() -> None:
    rng = np.random.default_rng(5)
    mass = rng.uniform(1, 2, (7, 6))
    mass[3] = mass[:, 2] = 0
    values = rng.normal(size=(7, 6))
    inner = np.delete(np.delete(residuals(values, mass), 3, axis=0), 2, axis=1)
    keep = np.ix_(np.delete(np.arange(7), 3), np.delete(np.arange(6), 2))
    np.testing.assert_allclose(inner, residuals(values[keep], mass[keep]), atol=1e-13)
    for shape in ((1, 8), (8, 1), (1, 1)):
        for weight in (rng.uniform(1, 2, shape), rng.uniform(1, 2, (shape[0], 1)), np.zeros(shape)):
            np.testing.assert_allclose(residuals(rng.normal(size=shape), weight), 0, atol=1e-14)
    assert residuals(np.zeros((0, 7, 6)), mass).shape == (0, 7, 6)
    assert residuals(np.zeros((0, 7, 6)), mass[:, :1]).shape == (0, 7, 6)


@pytest.mark.parametrize("span", [6, 12, 20])
def test_weights_may_lie_orders_of_magnitude_apart(span: int) -> None:
    rng = np.random.default_rng(6)
    for _ in range(40):
        n, t = rng.integers(2, 6, 2)
        mass = 10 ** rng.uniform(-span / 2, span / 2, (n, t)) * (rng.random((n, t)) < 0.8)
        values = rng.normal(size=(n, t))
        np.testing.assert_allclose(residuals(values, mass), exactly(values, mass), atol=1e-11)


@pytest.mark.parametrize("tie", [1e-3, 1e-9, 1e-13, 1e-14, 1e-15, 1e-17, 1e-20, 1e-300])
def test_two_parts_that_hardly_hang_together(tie: float) -> None:
    rng = np.random.default_rng(7)
    for _ in range(20):
        n, t = rng.integers(3, 7, 2)
        apart = np.zeros((2 * n, 2 * t))
        apart[:n, :t], apart[n:, t:] = rng.uniform(0.5, 2, (2, n, t))
        together, values = apart.copy(), rng.normal(size=apart.shape)
        together[0, t] = tie
        # the light cell alone says how the levels differ: rounding elsewhere is divided by its weight
        left = residuals(values, together)
        assert abs(left[0, t]) < min(1e-12 / tie, 10)
        left[0, t] = 0
        np.testing.assert_allclose(left, residuals(values, apart), atol=1e-13)


def test_large_levels_cost_no_digits() -> None:
    rng = np.random.default_rng(8)
    mass = rng.uniform(1, 2, (9, 7)) * (rng.random((9, 7)) < 0.8)
    values = np.round(rng.normal(size=(9, 7)) * 2**10) / 2**10
    level = 2.0 ** rng.integers(20, 30, (9, 1))
    left = residuals(values + level, mass)
    np.testing.assert_allclose(left, residuals(values, mass), atol=1e-6)
    np.testing.assert_allclose((left * mass).sum(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose((left * mass).sum(axis=1), 0, atol=1e-12)


def test_effects_reach_cells_that_are_not_in_use() -> None:
    rng = np.random.default_rng(9)
    own, common = rng.normal(size=(8, 1)), rng.normal(size=6)
    mass = rng.uniform(1, 2, (8, 6)) * (rng.random((8, 6)) < 0.6)
    mass[0] = 1.0
    unit, period = effects(np.where(mass > 0, own + common, np.nan), mass)
    np.testing.assert_allclose(unit[:, None] + period, own + common, atol=1e-12)


@pytest.mark.parametrize("size", [(8, 6), (6, 8)])
def test_effects_with_given_sums(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(10)
    mass = rng.uniform(1, 2, size) * (rng.random(size) < 0.7)
    mass[0] = mass[:, 0] = 1.0
    a = rng.normal(size=(3, *size))
    unit, period = effects_of_sums(a.sum(axis=2), a.sum(axis=1), mass)
    base = (unit[:, :, None] + period[:, None, :]) * mass
    np.testing.assert_allclose(base.sum(axis=1), a.sum(axis=1), atol=1e-12)
    np.testing.assert_allclose(base.sum(axis=2), a.sum(axis=2), atol=1e-12)


def test_the_inverse_and_the_root_invert_on_every_part() -> None:
    rng = np.random.default_rng(11)
    mass = np.zeros((9, 7))
    mass[:5, :3], mass[5:, 3:6] = rng.uniform(1, 2, (5, 3)), rng.uniform(1, 2, (4, 3))
    mass[6:, 3] = mass[5, 5] = 0
    tie = projection.ties(mass)
    np.testing.assert_array_equal(projection.parts(tie), [0, 0, 0, 3, 3, 3, 6])
    normal, found = projection.laplacian(tie), projection.inverse(tie)
    plain = np.diag(mass.sum(axis=0)) - mass.T @ (mass / mass.sum(axis=1, keepdims=True))
    np.testing.assert_allclose(normal, plain, atol=1e-13)
    far_apart = projection.laplacian(projection.ties(np.array([[1e18, 1.0], [1.0, 1e18]])))
    np.testing.assert_allclose(far_apart, [[2, -2], [-2, 2]], rtol=1e-14)
    np.testing.assert_allclose(normal @ found @ normal, normal, atol=1e-12)
    np.testing.assert_allclose(found @ normal @ found, found, atol=1e-12)
    np.testing.assert_allclose(found, found.T, atol=1e-14)
    for weights in (mass, np.eye(8, 9) + np.eye(8, 9, 1)):
        normal, root = projection.laplacian(projection.ties(weights)), projection.root(weights)
        np.testing.assert_allclose(normal @ (root @ root.T) @ normal, normal, atol=1e-12)


def test_parts_of_long_chains_in_any_order() -> None:
    rng = np.random.default_rng(12)
    order = rng.permutation(60)
    tie = np.zeros((2, 60, 60))
    tie[:, order[:-1], order[1:]] = tie[:, order[1:], order[:-1]] = rng.uniform(1, 2, 59)
    tie[1, order[20], order[21]] = tie[1, order[21], order[20]] = 0.0
    one, two = projection.parts(tie)
    assert (one == 0).all()
    assert set(two[order[:21]]) == {order[:21].min()}
    assert set(two[order[21:]]) == {order[21:].min()}


@pytest.mark.parametrize("size", [(100_000, 20), (20, 100_000)])
def test_many_units_make_no_matrix_of_units(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(13)
    mass = (rng.random(size) < 0.9).astype(np.float64)
    values = rng.normal(size=size)
    tracemalloc.start()
    left = residuals(values, mass)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * values.nbytes
    np.testing.assert_allclose((left * mass).sum(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose((left * mass).sum(axis=1), 0, atol=1e-9)


def test_a_thousand_periods() -> None:
    rng = np.random.default_rng(14)
    mass = rng.uniform(1, 2, (1100, 1000)) * (rng.random((1100, 1000)) < 0.5)
    left = residuals(rng.normal(size=mass.shape), mass)
    np.testing.assert_allclose((left * mass).sum(axis=0), 0, atol=1e-10)
    np.testing.assert_allclose((left * mass).sum(axis=1), 0, atol=1e-10)
