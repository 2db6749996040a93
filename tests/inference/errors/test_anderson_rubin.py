"""The Anderson–Rubin set against a search over a grid, in each of its shapes."""

from __future__ import annotations

import numpy as np
import pytest

from whatworks.inference.errors.anderson_rubin import Ratio
from whatworks.inference.intervals import critical_value
from whatworks.results import NotAvailable

SHAPES = {
    "interval": (2.0, 3.0, 0.5, 0.2),
    "everything": (0.5, 0.3, 1.0, 1.0),
    "outside": (5.0, 0.3, 1.0, 1.0),
    "interval of a negative ratio": (-2.0, 3.0, 0.5, 0.2),
    "outside on the other side": (-5.0, 0.3, 1.0, 1.0),
}


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("covariance", [-0.1, 0.0, 0.15])
def test_the_set_is_what_the_test_does_not_reject(name: str, covariance: float) -> None:
    tau, gamma, one, two = SHAPES[name]
    ratio = Ratio(tau, gamma, one, two, covariance, 30.0)
    found = ratio.accepted(0.9)
    assert found.shape == name.split()[0]
    c = critical_value(0.9, df=30.0)
    for beta in np.concatenate([np.linspace(-60, 60, 4001), [tau / gamma]]):
        kept = (tau - beta * gamma) ** 2 <= c**2 * (one - 2 * beta * covariance + beta**2 * two)
        assert found.holds(float(beta)) == kept, beta


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_one_end_only_where_the_first_stage_stands_just_at_the_critical_value(side: float) -> None:
    c = critical_value(0.95, df=NotAvailable("normal"))
    found = Ratio(side * 3.0, c, 1.0, 1.0, 0.0, NotAvailable("normal")).accepted(0.95)
    # a = 0: −2bβ + c ≤ 0 with b = τγ and c = τ² − c²
    end = side * (9 - c**2) / (2 * 3 * c)
    assert found.shape == ("above" if side > 0 else "below")
    shown = found.low if side > 0 else found.high
    assert shown == pytest.approx(end, rel=1e-12)
    assert "nothing bounds it" in found.words()
    open_end = found.ends[1] if side > 0 else found.ends[0]
    assert isinstance(open_end, NotAvailable)
    assert open_end.reason == found.words()


def test_it_does_not_depend_on_units() -> None:
    plain = Ratio(2.0, 3.0, 0.5, 0.2, 0.1, 30.0).accepted(0.95)
    tiny = Ratio(2e-9, 3e6, 0.5e-18, 0.2e12, 0.1e-3, 30.0).accepted(0.95)
    assert tiny.shape == "interval"
    assert tiny.low == pytest.approx(plain.low * 2e-9 / 2 / 1e6, rel=1e-10)
    assert tiny.high == pytest.approx(plain.high * 1e-15, rel=1e-10)


@pytest.mark.parametrize(("factor", "shape"), [(1 + 1e-5, "interval"), (1 - 1e-5, "outside")])
def test_a_first_stage_near_the_critical_value_has_far_ends_all_the_same(factor: float, shape: str) -> None:
    c = critical_value(0.95, df=30.0)
    found = Ratio(3.0, c * factor, 1.0, 1.0, 0.0, 30.0).accepted(0.95)
    assert found.shape == shape
    for end in (found.low, found.high):
        assert found.holds(float(end))
        assert (3 - end * c * factor) ** 2 == pytest.approx(c**2 * (1 + end**2), rel=1e-6)
