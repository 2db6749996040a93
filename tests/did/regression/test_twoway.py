"""did.twoway: against fixest (tests/reference), its weights by the theorem, randomisation, refusals."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_numbers import borough_panel, boroughs, entries

from whatworks import Panel, did, errors
from whatworks.did.regression.reassign import twoway_estimates
from whatworks.inference import (
    ClusterRobust,
    Conley,
    DriscollKraay,
    Jackknife,
    RandomisationInference,
    TwoWay,
    WildCluster,
)
from whatworks.results import NotAvailable

SPACE = Conley(30, np.column_stack([np.linspace(51.3, 51.7, 32), np.zeros(32)]))
FACTOR = {
    ("cluster", "default"): ClusterRobust(correction="fixest"),
    ("cluster", "raw"): ClusterRobust("CR0"),
    ("twoway", "default"): TwoWay(correction="fixest"),
    ("twoway", "raw"): TwoWay("CR0"),
    ("driscoll", "default"): DriscollKraay(2, correction="fixest"),
    ("driscoll", "raw"): DriscollKraay(2, correction="none"),
}
PANELS = {
    "twfe.y": {"outcome": "y"},
    "twfe.y_bcu": {"outcome": "y_bcu", "start": "start_bcu"},
    "twfe.y.weights_population": {"weight": "population"},
    "twfe.y.missing": {"missing": True},
    "twfe.y.missing.weights_population": {"missing": True, "weight": "population"},
}


def stored():
    for entry in PANELS:
        for name in entries("fixest")[entry]["results"]:
            if name.split("_")[0] in ("cluster", "twoway", "driscoll"):
                yield entry, name


@pytest.mark.parametrize(("entry", "name"), list(stored()))
def test_every_error_that_fixest_prints(entry, name):
    theirs = entries("fixest")[entry]["results"][name]
    vcov, factor = name.split(".")
    panel = borough_panel(**PANELS[entry], cluster="bcu" if "bcu" in vcov else None)
    result = did.twoway(panel, inference=FACTOR[vcov.split("_")[0], factor])
    head = result.headline
    assert head.df == theirs["df_t"]
    assert head.value == pytest.approx(theirs["estimate"][0], rel=1e-7)
    assert head.std_error == pytest.approx(theirs["se"][0], rel=1e-7)
    assert head.p_value == pytest.approx(theirs["p"][0], rel=1e-7)
    assert head.high == pytest.approx(theirs["ci_high"][0], rel=1e-7)


def with_columns(columns):
    frame = boroughs().assign(**columns)
    return Panel.from_frame(
        frame, unit="borough", period="t", outcome="y", start="start", covariates=list(columns)
    )


def test_covariates_that_vary_over_time_as_fixest():
    frame = boroughs()
    months = sorted(frame["t"].unique())[1:]
    by_month = with_columns({f"d{t}": frame["deprivation"] * (frame["t"] == t) for t in months})
    names = frame["borough"].unique()
    trends = with_columns(
        {f"trend{i}": frame["t"] * (frame["borough"] == b) for i, b in enumerate(names[1:])}
    )
    for panel, entry in ((by_month, "twfe.y.deprivation_by_month"), (trends, "twfe.y.unit_trends")):
        theirs = entries("fixest")[entry]["results"]["cluster_unit.raw"]
        head = did.twoway(panel, inference=ClusterRobust("CR0")).headline
        assert head.value == pytest.approx(theirs["estimate"][0], rel=1e-6)
        assert head.std_error == pytest.approx(theirs["se"][0], rel=1e-6)


def test_one_start_is_the_block_estimate():
    frame = boroughs()
    frame = frame[(frame["start"] == 25) | frame["start"].isna()]
    roles = {"unit": "borough", "period": "t", "outcome": "y", "start": "start", "weight": "population"}
    panel = Panel.from_frame(frame, **roles)
    ours, block = did.twoway(panel), did.block(panel)
    for name in ("value", "std_error", "low", "high", "p_value", "estimand"):
        assert getattr(ours.headline, name) == pytest.approx(getattr(block.headline, name)), name
    assert ours.relative.value == pytest.approx(block.relative.value)
    assert not any("negative" in note for note in ours.notes)
    assert ours.detail.share_negative == 0


@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("covariate", [False, True])
def test_weights_turn_any_effects_into_the_coefficient(gaps, covariate):
    rng = np.random.default_rng(7)
    frame = boroughs().copy()
    D = (frame["t"] >= frame["start"].fillna(1e9)).to_numpy()
    tau = rng.normal(size=len(frame))
    frame["z"] = rng.normal(size=len(frame))
    frame["y"] = np.where(D, tau, 0) + frame["t"] ** 2 + frame.groupby("borough").ngroup() + 3 * frame["z"]
    frame.loc[rng.random(len(frame)) < 0.1 * gaps, "y"] = np.nan
    roles = {"unit": "borough", "period": "t", "outcome": "y", "start": "start", "allow_missing": gaps}
    covariates = ["z"] if covariate else []
    if not covariate:
        frame["y"] -= 3 * frame["z"]
    panel = Panel.from_frame(frame, covariates=covariates, weight="population", **roles)
    result = did.twoway(panel)
    effect = frame.assign(tau=tau).pivot(index="borough", columns="t", values="tau").to_numpy()
    weights = result.detail.weights
    assert weights.sum() == pytest.approx(1)
    assert (weights[~panel.treated] == 0).all()
    assert (weights * effect).sum() == pytest.approx(result.headline.value, rel=1e-8)
    assert result.detail.sum_negative == pytest.approx(weights[weights < 0].sum())
    cells = int((panel.treated & ~np.isnan(panel.outcome)).sum())
    assert result.detail.share_negative == pytest.approx((weights < 0).sum() / cells)


def test_the_warning_says_how_much_is_negative():
    # a early, b late, both treated in the last period; c never. Treatment net of effects, by hand (times 9):
    # D = 011/001/000, unit means 2/3 1/3 0, period means 0 1/3 2/3, mean 1/3
    frame = pd.DataFrame(
        [(u, t, float(t), s) for u, s in (("a", 1), ("b", 2), ("c", None)) for t in (0, 1, 2)],
        columns=["u", "t", "y", "s"],
    )
    frame["y"] += [0, 0.1, 0.3, 0.2, 0, 0.1, 0.4, 0.1, 0]
    panel = Panel.from_frame(frame, unit="u", period="t", outcome="y", start="s")
    result = did.twoway(panel)
    net = np.array([[-1 / 3, 1 / 3, 0], [0, -1 / 3, 1 / 3], [1 / 3, 0, -1 / 3]])
    expected = np.where(panel.treated, net, 0) / np.where(panel.treated, net, 0).sum()
    np.testing.assert_allclose(result.detail.weights, expected, atol=1e-12)
    note = next(note for note in did.twoway(borough_panel()).notes if "negative weight" in note)
    detail = did.twoway(borough_panel()).detail
    assert f"{(detail.weights < 0).sum()} of " in note
    assert f"{detail.sum_negative:.3f}" in note
    assert detail.sum_negative < 0


@pytest.mark.parametrize(
    "inference",
    [ClusterRobust("CR2"), ClusterRobust("CR3"), TwoWay(), DriscollKraay(), Jackknife(), SPACE],
    ids=lambda i: repr(i)[:24],
)
def test_event_study_takes_each_error_too(inference):
    result = did.event_study(borough_panel(), ends=(-6, 6), inference=inference)
    known = result.effects[result.effects["event_time"] != -1]
    assert (np.isfinite(known["std_error"]) | (known["reason"] != "")).all()
    assert np.isfinite(known["std_error"]).mean() > 0.5
    pretrend = result.detail.pretrend
    if isinstance(inference, ClusterRobust | Jackknife):
        assert 0 <= pretrend.p_value <= 1
    else:
        assert "one-way clusters" in pretrend.reason


@settings(max_examples=8)
@given(seed=st.integers(0, 10_000), scale=st.floats(0.01, 100), which=st.integers(0, 4))
def test_invariances(seed, scale, which):
    inference = [ClusterRobust("CR2"), ClusterRobust("CR3"), TwoWay(), DriscollKraay(1), Jackknife("mean")][
        which
    ]
    panel, rng = small(seed), np.random.default_rng(seed + 1)
    plain = did.twoway(panel, inference=inference).headline
    shifts = 50 * rng.normal(size=(panel.n_units, 1)) + 50 * rng.normal(size=panel.n_periods)
    moved = did.twoway(panel.with_outcome(scale * panel.outcome + shifts), inference=inference).headline
    heavier = did.twoway(
        dataclasses.replace(panel, weight=scale * panel.weight), inference=inference
    ).headline
    order = rng.permutation(panel.n_units)
    mixed = did.twoway(panel.select(order), inference=inference).headline
    for name in ("value", "std_error", "low", "high"):
        known = getattr(plain, name)
        if isinstance(known, NotAvailable):
            continue
        close = {"rel": 1e-7, "abs": 1e-9}
        assert getattr(moved, name) / scale == pytest.approx(known, **close), name
        assert getattr(heavier, name) == pytest.approx(known, **close), name
        assert getattr(mixed, name) == pytest.approx(known, **close), name


def small(seed=0, covariates=False):
    rng = np.random.default_rng(seed)
    u, t = np.repeat(np.arange(9), 6), np.tile(np.arange(6), 9)
    start = np.array([2, 2, 4, 4, np.nan, np.nan, np.nan, np.nan, np.nan])[u]
    frame = pd.DataFrame({"u": u, "t": t, "y": rng.normal(size=54) + u, "start": start, "w": 1.0 + u % 3})
    frame["z"], frame["x"] = rng.normal(size=54), rng.normal(size=54) * 100
    names = ["z", "x"] if covariates else []
    return Panel.from_frame(
        frame, unit="u", period="t", outcome="y", start="start", weight="w", covariates=names
    )


@pytest.mark.parametrize("covariates", [False, True])
def test_many_assignments_at_once_are_refits(covariates):
    panel = small(covariates=covariates)
    rng = np.random.default_rng(3)
    starts = np.stack([rng.permutation(panel.start) for _ in range(6)])
    refits = [did.twoway(panel.with_start(row)).headline.value for row in starts]
    np.testing.assert_allclose(twoway_estimates(panel, panel.outcome, starts), refits, rtol=1e-9)


def test_randomisation_permutes_timing_and_is_recorded():
    panel = small(covariates=True)
    result = did.twoway(panel, inference=RandomisationInference(), level=0.9)
    plain = did.twoway(panel, level=0.9)
    assert result.headline.value == pytest.approx(plain.headline.value)
    assert result.design.allocations == 9 * 8 / 2 * 7 * 6 / 2
    assert result.seed is None
    assert isinstance(result.headline.std_error, NotAvailable)
    assert result.headline.low < result.headline.value < result.headline.high
    # the ends are where the test turns: just inside is not rejected, just outside is
    D = panel.treated.astype(float)
    for end, outward in ((result.headline.low, -1), (result.headline.high, 1)):
        p = [
            did.twoway(
                panel.with_outcome(panel.outcome - (end + outward * step) * D, scale="y"),
                inference=RandomisationInference(),
            ).headline.p_value
            for step in (-1e-6, 1e-6)
        ]
        assert p[0] > 0.1 >= p[1]


def test_block_randomisation_holds_with_one_treated_unit():
    frame = boroughs()
    kept = frame[
        frame["start"].isna() | (frame["borough"] == frame.loc[frame["start"] == 25, "borough"].iloc[0])
    ]
    panel = Panel.from_frame(kept, unit="borough", period="t", outcome="y", start="start")
    result = did.block(panel, inference=RandomisationInference())
    assert result.design.allocations == panel.n_units
    ranks = [
        did.block(panel.with_start(np.roll(panel.start, s))).headline.value for s in range(panel.n_units)
    ]
    share = np.mean(np.abs(ranks) >= abs(result.headline.value) - 1e-9)
    assert result.headline.p_value == pytest.approx(share)
    assert isinstance(result.headline.std_error, NotAvailable)
    result.to_json()


def test_what_is_refused():
    with pytest.raises(errors.DesignError, match="needs every cell"):
        did.twoway(borough_panel(missing=True), inference=RandomisationInference())
    with pytest.raises(errors.OptionError, match="does not apply"):
        did.twoway(borough_panel(), inference="cluster")
    frame = boroughs()
    frame = frame[(frame["start"] == 25) | frame["start"].isna()].assign(z=frame["y2"])
    roles = {"unit": "borough", "period": "t", "outcome": "y", "start": "start", "covariates": ["z"]}
    panel = Panel.from_frame(frame, **roles)
    with pytest.raises(errors.OptionError, match=r"did\.twoway"):
        did.block(panel, inference=RandomisationInference())


def test_holes_that_leave_nothing_are_refused():
    panel = borough_panel(missing=True)
    outcome = panel.outcome.copy()
    outcome[3] = np.nan
    with pytest.raises(errors.DesignError, match=panel.units[3]):
        did.twoway(panel.with_outcome(outcome))
    table = boroughs().assign(z=np.random.default_rng(0).normal(size=len(boroughs())))
    roles = {"unit": "borough", "period": "t", "outcome": "y", "start": "start", "covariates": ["z"]}
    whole = Panel.from_frame(table, **roles)
    covariates = whole.covariates.copy()
    covariates[0, 2, 2] = np.nan
    with pytest.raises(errors.DesignError, match="without a value"):
        did.twoway(dataclasses.replace(whole, covariates=covariates))


def test_wild_bootstrap_of_a_panel_with_gaps():
    result = did.twoway(borough_panel(missing=True, cluster="bcu"), inference=WildCluster())
    assert 0 < result.headline.p_value < 0.05
    assert any("60 of 1,536 cells are missing" in note for note in result.notes)
