"""The small version of benchmarks/calibration.py: does the default of did.block hold on synthetic London?"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "calibration.py"
SIMS = 200


@pytest.fixture(scope="module")
def calibration():
    spec = importlib.util.spec_from_file_location("calibration", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["calibration"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["calibration"]


def band(share):
    """Four Monte Carlo errors around a share."""
    return 4 * np.sqrt(share * (1 - share) / SIMS)


@pytest.mark.parametrize("rate_ratio", [1.0, 0.8])
def test_default_with_four_of_twelve_command_units_treated(calibration, rate_ratio):
    scenario = calibration.Scenario("bcu", 4, rate_ratio=rate_ratio)
    tally = calibration.calibrate(scenario, SIMS, 3, ("default",))["default"]
    errors = np.array(tally.errors)
    assert abs(errors.mean()) < 4 * errors.std() / np.sqrt(SIMS)
    assert abs(np.mean(tally.covered) - 0.95) < band(0.95)
    if rate_ratio == 1:
        assert abs(np.mean(tally.rejected) - 0.05) < band(0.05)
        assert 1 - np.mean(tally.rejected) == pytest.approx(np.mean(tally.covered), abs=1e-12)
    else:
        assert np.mean(tally.rejected) > 0.5


def test_t_intervals_fail_with_two_treated_and_the_default_does_not(calibration):
    tallies = calibration.calibrate(calibration.Scenario("bcu", 2), SIMS, 3, ("CR1, t(G−1)", "default"))
    assert np.mean(tallies["CR1, t(G−1)"].covered) < 0.95 - band(0.95)
    assert np.mean(tallies["default"].covered) > 0.95 - band(0.95)
