"""Every method on 10, 1,000 and 100,000 units: it answers, and its words and numbers can be written down."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from whatworks import Panel, did, rct
from whatworks.inference import RandomisationInference, WildCluster
from whatworks.trial import Trial

PERIODS = 6
FEW = RandomisationInference(draws=99)
SIZES = [10, 1_000, pytest.param(100_000, marks=pytest.mark.slow)]


def panel(units, starts=(3.0, 4.0, 5.0, np.nan), **roles):
    u, t = np.repeat(np.arange(units), PERIODS), np.tile(np.arange(PERIODS), units)
    y = np.random.default_rng(1).poisson(10, len(u)) + 1.0
    table = pd.DataFrame({"unit": u, "t": t, "y": y, "start": np.array(starts)[u % len(starts)]})
    table["on"] = np.where(u % 3 == 0, (t == 2) | (t == 3), (u % 3 == 1) & (t >= 4)).astype(int)
    return Panel.from_frame(table, unit="unit", period="t", outcome="y", **roles)


def staggered(units):
    return panel(units, start="start")


def block(units):
    return panel(units, (3.0, np.nan), start="start")


def trial(units):
    values = np.random.default_rng(1).normal(size=(units, 2))
    table = pd.DataFrame({"unit": np.arange(units), "arm": np.arange(units) % 2, "y": values[:, 0]})
    table["arm"] = table["arm"].map({0: "control", 1: "patrol"})
    table["before"] = values[:, 1]
    return Trial.from_frame(
        table, unit="unit", arm="arm", outcome="y", control="control", baseline=["before"]
    )


METHODS = {
    "block": lambda n: did.block(block(n)),
    "block dealt anew": lambda n: did.block(block(n), inference=FEW),
    "twoway": lambda n: did.twoway(block(n)),
    "twoway dealt anew": lambda n: did.twoway(staggered(n), inference=FEW),
    "event_study": lambda n: did.event_study(block(n)),
    "event_study dealt anew": lambda n: did.event_study(block(n), inference=FEW),
    "poisson": lambda n: did.poisson(block(n)),
    "att_gt": lambda n: did.att_gt(staggered(n)),
    "att_gt dealt anew": lambda n: did.att_gt(staggered(n), inference=FEW),
    "att_gt wild": lambda n: did.att_gt(staggered(n), inference=WildCluster(draws=99)),
    "imputation": lambda n: did.imputation(staggered(n)),
    "interaction_weighted": lambda n: did.interaction_weighted(staggered(n)),
    "etwfe": lambda n: did.etwfe(staggered(n)),
    "etwfe of counts": lambda n: did.etwfe(staggered(n), model="poisson"),
    "stacked": lambda n: did.stacked(staggered(n), window=(-2, 0)),
    "switching": lambda n: did.switching(panel(n, covariates=["on"]), treated="on"),
    "staggered_rollout": lambda n: did.staggered_rollout(staggered(n), draws=99),
    "staggered_rollout refined": lambda n: did.staggered_rollout(staggered(n), draws=99, std_error="refined"),
    "staggered_rollout neyman": lambda n: did.staggered_rollout(staggered(n), draws=99, std_error="neyman"),
    "itt": lambda n: rct.itt(trial(n)),
    "itt dealt anew": lambda n: rct.itt(trial(n), inference=FEW),
    "randomisation_test": lambda n: rct.randomisation_test(trial(n), inference=FEW),
    "horvitz_thompson": lambda n: rct.horvitz_thompson(trial(n)),
    "balance": lambda n: rct.balance(trial(n), inference=FEW),
}


@pytest.mark.parametrize("units", SIZES)
@pytest.mark.parametrize("method", METHODS)
def test_every_method_answers(method, units):
    result = METHODS[method](units)
    assert str(result)
    if hasattr(result, "headline"):
        assert len(result.to_json()) < 10**6
        assert np.isfinite(result.headline.value)
        assert len(result.headline.inference) < 1_000


DEALT = {
    "staggered_rollout": lambda n: did.staggered_rollout(staggered(n), draws=99),
    "block": lambda n: did.block(block(n), inference=FEW),
    "itt": lambda n: rct.itt(trial(n), inference=FEW),
    "randomisation_test": lambda n: rct.randomisation_test(trial(n), inference=FEW),
}


@pytest.mark.parametrize("units", [450, 15_000, 21_000])
@pytest.mark.parametrize("method", DEALT)
def test_more_assignments_than_digits_can_be_printed(method, units):
    # 15,000 units in two halves: 15,000 · log10 2 = 4,515 digits, more than Python writes out
    words = DEALT[method](units).headline.inference
    assert " 10 to the power " in words
    assert "(99 of about " in words


def test_the_size_of_a_number_of_assignments_is_near_the_exact_one():
    # 20,001 · log10 2 less half the log10 of π · 20,001 / 2, by Stirling
    power = 20_002 * np.log10(2) - np.log10(np.pi * 20_002 / 2) / 2
    words = did.block(block(20_002), inference=FEW).headline.inference
    assert f"10 to the power {round(power):,} " in words
