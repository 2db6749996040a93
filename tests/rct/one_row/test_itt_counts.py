"""Counts in rct.itt: rate ratios by hand and as statsmodels has them, dispersion, refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from whatworks import rct
from whatworks.errors import DesignError, OptionError
from whatworks.inference import ClusterRobust, Heteroskedastic, WildCluster
from whatworks.rct.one_row import count_fit
from whatworks.results import RATE_RATIO, NotAvailable
from whatworks.trial import Trial

RNG = np.random.Generator(np.random.PCG64(3))
N = 60
FRAME = pd.DataFrame(
    {
        "id": np.arange(N),
        "arm": np.tile(["usual", "patrol"], N // 2),
        "x": RNG.normal(size=N),
        "hours": RNG.uniform(0.5, 2.0, N),
        "block": np.repeat(list("abc"), N // 3),
        "cluster": np.arange(N) // 4 * 2 + np.arange(N) % 2,
    }
)
FRAME["y"] = RNG.poisson(
    RNG.gamma(3.0, np.exp(1 + 0.3 * FRAME.x - 0.4 * (FRAME.arm == "patrol")) * FRAME.hours)
)


def trial(frame: pd.DataFrame = FRAME, *, control: str = "usual", **roles: object) -> Trial:
    return Trial.from_frame(frame, unit="id", arm="arm", outcome="y", control=control, **roles)


def columns(frame: pd.DataFrame = FRAME, *, blocks: bool = True) -> np.ndarray:
    parts = [np.ones(len(frame)), frame.arm == "patrol"]
    if blocks:
        parts += [frame.block == "b", frame.block == "c"]
    return np.column_stack([*parts, frame.x]).astype(float)


def test_the_plain_rate_ratio_is_that_of_the_totals_with_its_robust_error():
    found = rct.itt(trial(exposure="hours"))
    side = FRAME.arm == "patrol"
    rates = [FRAME.y[s].sum() / FRAME.hours[s].sum() for s in (side, ~side)]
    assert found.headline.value == pytest.approx(rates[0] / rates[1])
    assert found.headline.scale == RATE_RATIO
    assert found.headline.null == 1.0
    assert found.relative.value == pytest.approx(100 * (rates[0] / rates[1] - 1))
    assert found.relative.low == pytest.approx(100 * (found.headline.low - 1))
    # HC2 of the log: squared residuals over 1 - leverage, each mean its own share of the arm's
    variance = 0.0
    for s, rate in zip((side, ~side), rates, strict=True):
        mean = rate * FRAME.hours[s]
        variance += ((FRAME.y[s] - mean) ** 2 / (1 - mean / mean.sum())).sum() / mean.sum() ** 2
    assert found.headline.std_error == pytest.approx(found.headline.value * np.sqrt(variance))
    assert found.spec["model"] == "quasi_poisson"


def test_quasi_poisson_is_statsmodels_with_phi():
    roles = {"exposure": "hours", "block": "block", "baseline": ["x"]}
    found = rct.itt(trial(**roles), adjust="ancova", inference=Heteroskedastic("classical"))
    model = sm.GLM(FRAME.y, columns(), family=sm.families.Poisson(), offset=np.log(FRAME.hours))
    wanted = model.fit(scale="X2", tol=1e-14)
    assert np.log(found.headline.value) == pytest.approx(wanted.params.iloc[1], rel=1e-10)
    error = found.headline.std_error / found.headline.value
    assert error == pytest.approx(wanted.bse.iloc[1], rel=1e-9)
    assert found.headline.df == N - 5
    assert any(f"{wanted.scale:.3g} times" in note for note in found.notes)


def test_negative_binomial_is_statsmodels_maximum():
    found = rct.itt(
        trial(exposure="hours", block="block", baseline=["x"]), model="negative_binomial", adjust="ancova"
    )
    model = sm.NegativeBinomial(FRAME.y, columns(), offset=np.log(FRAME.hours))
    wanted = model.fit(disp=0, maxiter=500, method="newton", tol=1e-14)
    fit = count_fit.negative_binomial(
        FRAME.y.to_numpy(float),
        columns(),
        np.log(FRAME.hours.to_numpy()),
        names=list("abcde"),
        where="test",
    )
    np.testing.assert_allclose(fit.coefficients, wanted.params.iloc[:5], rtol=1e-8, atol=1e-10)
    assert fit.extra == pytest.approx(wanted.params.iloc[5], rel=1e-8)
    assert np.log(found.headline.value) == pytest.approx(wanted.params.iloc[1], rel=1e-8)
    assert any(f"θ = {1 / fit.extra:.3g}" in note for note in found.notes)


def test_counts_less_spread_than_poisson_fall_back_to_it_and_say_so():
    even = FRAME.assign(y=np.random.Generator(np.random.PCG64(2)).binomial(20, 0.4, N))
    plain = rct.itt(trial(even), model="quasi_poisson")
    found = rct.itt(trial(even), model="negative_binomial")
    assert found.headline.value == pytest.approx(plain.headline.value, rel=1e-12)
    assert found.headline.std_error == pytest.approx(plain.headline.std_error, rel=1e-12)
    assert any("this is the Poisson fit" in note for note in found.notes)


@pytest.mark.parametrize("model", ["quasi_poisson", "negative_binomial"])
def test_flipping_arms_inverts_the_ratio_and_rows_may_come_in_any_order(model):
    roles = {"exposure": "hours", "block": "block"}
    first = rct.itt(trial(**roles), model=model).headline
    flipped = rct.itt(trial(control="patrol", **roles), model=model).headline
    assert flipped.value == pytest.approx(1 / first.value, rel=1e-9)
    assert flipped.low == pytest.approx(1 / first.high, rel=1e-8)
    mixed = rct.itt(trial(FRAME.sample(frac=1, random_state=4), **roles), model=model).headline
    assert mixed == first
    scaled = rct.itt(trial(FRAME.assign(hours=24 * FRAME.hours), **roles), model=model).headline
    assert scaled.value == pytest.approx(first.value, rel=1e-9)


def test_clusters_and_pairs_go_together_in_the_errors():
    found = rct.itt(trial(exposure="hours", cluster="cluster"))
    assert "over 30 clusters (CR2" in found.headline.inference
    pairs = FRAME.assign(block=np.arange(N) // 2)
    found = rct.itt(trial(pairs, block="block"), model="quasi_poisson")
    assert "over 30 clusters (CR2" in found.headline.inference
    assert "single units of an arm" in found.headline.inference


def test_blocks_that_count_nothing_are_left_out_by_name():
    quiet = FRAME.assign(y=np.where(FRAME.block == "b", 0, FRAME.y))
    found = rct.itt(trial(quiet, block="block"), model="quasi_poisson")
    again = rct.itt(trial(quiet[quiet.block != "b"], block="block"), model="quasi_poisson")
    assert found.headline.value == pytest.approx(again.headline.value)
    assert any("1 of 3 blocks count nothing" in note and "b." in note for note in found.notes)


def test_means_of_a_trial_with_exposure_compare_rates():
    found = rct.itt(trial(exposure="hours"), model="means")
    rate = FRAME.y / FRAME.hours
    side = FRAME.arm == "patrol"
    assert found.headline.value == pytest.approx(rate[side].mean() - rate[~side].mean())


def test_what_a_ratio_cannot_say_is_refused():
    silent = FRAME.assign(y=np.where(FRAME.arm == "patrol", 0, FRAME.y))
    with pytest.raises(DesignError, match="runs off to 0"):
        rct.itt(trial(silent, exposure="hours"))
    with pytest.raises(DesignError, match="runs off to infinity"):
        rct.itt(trial(silent, control="patrol", exposure="hours"))
    with pytest.raises(DesignError, match="60 outcomes are no counts"):
        rct.itt(trial(FRAME.assign(y=FRAME.y + 0.5)), model="quasi_poisson")
    separated = FRAME.assign(x=np.arange(N) < 5, y=np.where(np.arange(N) < 5, 0, FRAME.y + 1))
    for model in ("quasi_poisson", "negative_binomial"):
        with pytest.raises(DesignError, match="baseline 'x'"):
            rct.itt(trial(separated.astype({"x": float}), baseline=["x"]), model=model, adjust="ancova")
    with pytest.raises(OptionError, match="wild bootstrap"):
        rct.itt(trial(), model="quasi_poisson", inference=WildCluster())
    with pytest.raises(OptionError, match="adjust='lin' is not a choice"):
        rct.itt(trial(baseline=["x"]), model="quasi_poisson", adjust="lin")
    with pytest.raises(OptionError, match="model='poisson' is not a choice"):
        rct.itt(trial(), model="poisson")


@pytest.mark.parametrize("model", ["quasi_poisson", "negative_binomial"])
def test_baseline_of_counts_that_adjusts_nothing_is_left_out_by_default(model):
    frame = FRAME.assign(flat=2.0, double=2 * FRAME.x)
    without = rct.itt(trial(exposure="hours"), model=model)
    for names, words in ((["flat"], "same for every row"), (["x", "double"], "told apart")):
        given = trial(frame, exposure="hours", baseline=names)
        found = rct.itt(given, model=model)
        assert found.spec["adjust"] == "none"
        assert found.headline == without.headline
        assert any("Not adjusted for baseline" in note and words in note for note in found.notes)
        with pytest.raises(DesignError, match=words):
            rct.itt(given, model=model, adjust="ancova")


@pytest.mark.parametrize("model", ["quasi_poisson", "negative_binomial"])
def test_baseline_of_counts_far_from_zero_is_baseline(model):
    near, far = (
        rct.itt(trial(FRAME.assign(x=FRAME.x + add), exposure="hours", baseline=["x"]), model=model)
        for add in (0, 1e7)
    )
    assert far.spec["adjust"] == "ancova"
    assert far.headline.value == pytest.approx(near.headline.value, rel=1e-6)
    assert far.relative.low == pytest.approx(near.relative.low, rel=1e-6)


def test_an_arm_that_counts_nothing_is_refused_with_baseline_too():
    none = FRAME.assign(y=FRAME.y.where(FRAME.arm == "usual", 0))
    with pytest.raises(DesignError, match="counts nothing at all"):
        rct.itt(trial(none, exposure="hours", baseline=["x"]))


def test_a_steep_baseline_is_no_coefficient_that_runs_off():
    x = np.linspace(-3, 3, N)
    mean = np.exp(1 + 2 * x - 0.3 * (FRAME.arm == "patrol"))
    steep = FRAME.assign(x=x, y=np.round(mean))
    for model in ("quasi_poisson", "negative_binomial"):
        found = rct.itt(trial(steep, baseline=["x"]), model=model, adjust="ancova")
        assert np.log(found.headline.value) == pytest.approx(-0.3, abs=0.02)


def test_sandwich_errors_of_a_likelihood_take_normal_quantiles_under_cr1():
    found = rct.itt(trial(exposure="hours", cluster="cluster"), inference=ClusterRobust("CR1", "stata"))
    assert isinstance(found.headline.df, NotAvailable)
    assert isinstance(rct.itt(trial(exposure="hours", cluster="cluster")).headline.df, float)
