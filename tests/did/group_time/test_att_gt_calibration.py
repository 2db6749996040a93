"""The small version of benchmarks/calibration_att_gt.py: does the default of did.att_gt hold?"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

SCRIPT = Path(__file__).resolve().parents[3] / "benchmarks" / "calibration_att_gt.py"
SIMS = 200
NORMAL = "Analytical by command unit, normal"
DEFAULT = "WildCluster of scores (default)"


@pytest.fixture(scope="module")
def calibration() -> Iterator[ModuleType]:
    spec = importlib.util.spec_from_file_location("calibration_att_gt", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["calibration_att_gt"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["calibration_att_gt"]


@cache
def tallies(calibration: ModuleType, which: int) -> dict[str, tuple[float, float]]:
    """Coverage, and the mean estimate in Monte Carlo errors, by inference."""
    rows = calibration.simulate(calibration.DESIGNS[which], SIMS, seed=5)
    return {
        name: (float(((low <= 0) & (high >= 0)).mean()), float(value.mean() / value.std() * np.sqrt(SIMS)))
        for name, value, low, high in rows
    }


@pytest.mark.parametrize("which", [0, 1, 2])
def test_the_default_covers(calibration: ModuleType, which: int) -> None:
    covered, bias = tallies(calibration, which)[DEFAULT]
    assert abs(bias) < 4
    assert abs(covered - 0.95) < 4 * np.sqrt(0.95 * 0.05 / SIMS)


@pytest.mark.parametrize("which", [2, 3])
def test_influence_functions_do_not_where_cohorts_are_one_or_two_clusters(
    calibration: ModuleType, which: int
) -> None:
    # which is why they carry a warning, or are refused, there
    assert tallies(calibration, which)[NORMAL][0] < 0.95 - 4 * np.sqrt(0.95 * 0.05 / SIMS)


def test_the_batch_is_the_public_function(calibration: ModuleType) -> None:
    from whatworks.did.att_gt import att_gt

    design = calibration.DESIGNS[2]
    name, value, low, high = calibration.simulate(design, 3, seed=7)[-1]
    stack = calibration.outcomes(np.random.default_rng(7), 3)
    for s in range(3):
        result = att_gt(
            calibration.panel(design, stack[:, :, s]), comparison="not_yet", anticipation=design.anticipation
        )
        head = result.headline
        np.testing.assert_allclose([head.value, head.low, head.high], [value[s], low[s], high[s]], rtol=1e-9)
    assert name == DEFAULT
