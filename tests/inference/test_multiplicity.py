from __future__ import annotations

import numpy as np
import pytest

from whatworks.errors import OptionError
from whatworks.inference.multiplicity import holm


def test_a_worked_case() -> None:
    # 0.01*4, then max(0.04, 0.015*3), max(0.045, 0.03*2), max(0.06, 0.04*1)
    assert holm([0.03, 0.01, 0.04, 0.015]) == pytest.approx([0.06, 0.04, 0.06, 0.045], rel=1e-12)


def test_rejections_are_those_of_the_step_down_rule() -> None:
    random = np.random.default_rng(7)
    for _ in range(200):
        p = random.uniform(size=random.integers(1, 8)) ** 2
        rejected = set()
        for step, i in enumerate(np.argsort(p, kind="stable")):
            if p[i] > 0.05 / (len(p) - step):
                break
            rejected.add(int(i))
        assert set(np.flatnonzero(holm(p) <= 0.05)) == rejected


def test_order_ties_and_caps() -> None:
    assert holm([0.6, 0.6]).tolist() == [1.0, 1.0]
    assert holm([0.02]).tolist() == [0.02]
    assert holm([]).tolist() == []
    p = np.array([0.2, 0.001, 0.04])
    assert holm(p[::-1])[::-1].tolist() == holm(p).tolist()


@pytest.mark.parametrize("p", [[0.1, np.nan], [1.2], [-0.1], [[0.1]]])
def test_values_that_are_no_p_values(p: list[float]) -> None:
    with pytest.raises(OptionError):
        holm(p)
