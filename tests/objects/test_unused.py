"""Roles that a method does not use are refused by name; nothing is dropped in silence."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from tests.synth.panels import factor_panel

from whatworks import did, rct, synth
from whatworks.errors import DesignError, refuse_unused
from whatworks.synth.predictors import Predictors
from whatworks.trial import Trial


def with_covariate(treated=1):
    panel = factor_panel(treated=treated)
    values = np.random.default_rng(1).normal(size=(1, panel.n_units, panel.n_periods))
    return replace(panel, covariates=values, covariate_names=("age",))


def weighted(treated):
    panel = factor_panel(treated=treated)
    return replace(panel, weight=np.arange(1.0, panel.n_units + 1))


@pytest.mark.parametrize(
    "method",
    [
        synth.classic,
        synth.penalised,
        synth.augmented,
        synth.staggered,
        synth.interactive,
        synth.completion,
        synth.synthdid,
        did.att_gt,
        did.staggered_rollout,
        lambda panel: did.stacked(panel, window=(-3, 3)),
    ],
)
def test_covariates_without_a_use(method):
    with pytest.raises(DesignError, match=r"covariates \(age\), which this method does not take"):
        method(with_covariate())


def test_covariates_that_are_used():
    panel = with_covariate()
    assert synth.classic(panel, predictors=Predictors(covariates={"age": None})).headline
    assert synth.augmented(panel, covariates=["age"]).headline
    assert synth.synthdid(panel, adjust="projected").headline
    more = replace(panel, covariates=np.repeat(panel.covariates, 2, axis=0), covariate_names=("age", "sex"))
    with pytest.raises(DesignError, match=r"covariates \(sex\)"):
        synth.classic(more, predictors=Predictors(covariates={"age": None}))


def test_a_comparison_of_synthetic_controls_says_that_it_matches_on_the_outcome_alone():
    found = synth.compare(with_covariate())
    assert found.table["estimate"].notna().all()
    assert found.table["estimate"].equals(synth.compare(factor_panel()).table["estimate"])
    assert "on the path of the outcome alone" in found.notes[0]


@pytest.mark.parametrize("method", [synth.classic, synth.penalised, synth.interactive, synth.synthdid])
def test_weights_share_out_several_treated_units_only(method):
    with pytest.raises(DesignError, match="unit weights, which this method does not take"):
        method(weighted(1))
    assert method(weighted(2)).headline.value != method(factor_panel(treated=2)).headline.value


@pytest.mark.parametrize("method", [rct.horvitz_thompson, rct.randomisation_test, rct.attrition_bounds])
def test_an_exposure_without_a_use(method):
    rng = np.random.default_rng(1)
    table = pd.DataFrame({"unit": range(20), "arm": ["control", "patrol"] * 10, "y": rng.poisson(9, 20)})
    roles = {"unit": "unit", "arm": "arm", "outcome": "y", "control": "control"}
    trial = Trial.from_frame(table.assign(days=rng.integers(5, 50, 20)), exposure="days", **roles)
    with pytest.raises(DesignError, match="the trial has an exposure, which this method does not take"):
        method(trial)


def test_all_are_named():
    words = r"the panel has covariates \(a, b\), unit weights and an exposure"
    with pytest.raises(DesignError, match=words):
        refuse_unused("here", "Do.", covariates=["a", "b"], weight=1, exposure=1)
    refuse_unused("here", "Do.")
