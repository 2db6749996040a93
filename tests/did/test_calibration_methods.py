"""The small version of benchmarks/calibration_methods.py: do the defaults hold on synthetic London?"""

from __future__ import annotations

import importlib
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"
SIMS = 80


@pytest.fixture(scope="module")
def methods():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FOLDER))
        module = importlib.import_module("calibration_methods")
        draw = module.draw_cities
        # two tests ask other methods about the same panels
        patch.setattr(module, "draw_cities", cache(lambda *asked: list(draw(*asked))))
        yield module
    for name in ("calibration_methods", "calibration"):
        sys.modules.pop(name, None)


def band(share):
    """Four Monte Carlo errors around a share."""
    return 4 * np.sqrt(share * (1 - share) / SIMS)


def test_three_cohorts_without_effect(methods):
    names = (
        "twoway",
        "imputation",
        "interaction_weighted",
        "etwfe",
        "stacked",
        "poisson",
        "triple",
        "switching",
    )
    timing = methods.TIMINGS["6 in 3 cohorts"]
    for name, tally in methods.calibrate(timing, SIMS, 5, names).items():
        errors = np.array(tally.errors)
        assert abs(errors.mean()) < 4 * errors.std() / np.sqrt(SIMS), name
        assert np.mean(tally.covered) > 0.95 - band(0.95), name
        assert np.mean(tally.rejected) < 0.05 + band(0.05), name
        # without effect the truth is the null, and the interval holds what the test does not reject
        assert np.mean(tally.covered) == pytest.approx(1 - np.mean(tally.rejected)), name
        assert 0.7 < np.median(tally.std_errors) / errors.std() < 1.3, name


def test_one_start_with_an_effect(methods):
    names = ("twoway", "imputation", "etwfe", "poisson")
    timing = methods.TIMINGS["4 at once, 12% fewer"]
    tallies = methods.calibrate(timing, SIMS, 5, names)
    for name, tally in tallies.items():
        errors = np.array(tally.errors)
        assert abs(errors.mean()) < 4 * errors.std() / np.sqrt(SIMS), name
        assert np.mean(tally.covered) > 0.95 - band(0.95), name
        assert np.mean(tally.rejected) > 0.5, name
    np.testing.assert_allclose(tallies["twoway"].errors, tallies["imputation"].errors, atol=1e-10)
    np.testing.assert_allclose(tallies["twoway"].errors, tallies["etwfe"].errors, atol=1e-10)


def test_permuted_start_dates_keep_their_promise(methods):
    names = ("staggered_rollout", "staggered_rollout, normal")
    for timing in ("6 in 3 cohorts", "6 in 3 cohorts, 12% fewer"):
        tallies = methods.calibrate(methods.TIMINGS[timing], SIMS, 5, names)
        tally = tallies["staggered_rollout"]
        assert np.mean(tally.covered) > 0.95 - band(0.95), timing
        assert not any(tally.open_ended), timing
        # what the warning is about
        assert np.mean(tallies["staggered_rollout, normal"].covered) < np.mean(tally.covered), timing
        if "fewer" not in timing:
            assert np.mean(tally.rejected) < 0.05 + band(0.05)
            # the test and the interval are one
            assert np.mean(tally.covered) == pytest.approx(1 - np.mean(tally.rejected))
