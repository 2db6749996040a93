"""Power in closed form: published numbers, other routes to a variance, simulation, refusals."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from whatworks import rct
from whatworks.errors import OptionError
from whatworks.rct.assign.layout import shares
from whatworks.rct.plan.result import first_crossing
from whatworks.results import NotAvailable


def found(design, noise, effect, **options):
    return rct.power(design, noise, effect=effect, **options).power


# --- published numbers ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("units", "effect", "published"),
    [(64, 0.5, 0.8015), (26, 0.8, 0.8075), (20, 0.5, 0.3379)],
)
def test_two_samples_as_gpower_and_textbooks_print_them(units, effect, published):
    assert found(rct.Parallel(units, units), rct.Normal(1.0), effect) == pytest.approx(published, abs=2e-4)


def test_the_size_for_half_a_standard_deviation_is_64_an_arm():
    assert rct.power(rct.Parallel(20, 20), rct.Normal(1.0), effect=0.5).needed == 128


def test_paired_t_test_of_34_pairs():
    # G*Power: dz = 0.5, 34 pairs, two-sided 5%: 0.8078; dz = d / sqrt(2(1 − r))
    noise = rct.Normal(1.0)
    assert found(rct.Paired(34, correlation=0.5), noise, 0.5) == pytest.approx(0.8078, abs=2e-4)


@pytest.mark.parametrize(
    ("events", "phi", "cut"),
    [(100, 1, 47), (100, 2, 61), (200, 1, 35), (500, 2, 32), (1000, 4, 32), (5000, 1, 8), (5000, 8, 21)],
)
def test_a_parallel_trial_of_counts_with_a_baseline_as_large_as_the_ratio_table(events, phi, cut):
    # the table is of a ratio of ratios, variance φ(3/n + 1/(nr)); a parallel trial has φ(1/n + 1/(nr)): add
    # the two counts from before as noise that units bring along
    units = 10_000
    noise = rct.Counts(events / units, phi, between_cv=math.sqrt(phi / events * units))
    mde = rct.power(rct.Parallel(units, units), noise).mde
    z = 1.959964 + 0.841621
    assert -math.log1p(mde) == pytest.approx(
        z * math.sqrt(phi * (3 / events + 1 / (events * (1 + mde)))), rel=1e-3
    )
    assert cut - 1 < -100 * mde <= cut  # the table takes the next half point, printed whole


def test_counts_that_no_fall_could_show():
    result = rct.power(rct.Parallel(20, 20), rct.Counts(1.0, 8.0))
    assert isinstance(result.mde, NotAvailable)
    assert "no effect could be found four times in five (at best" in result.sentence
    assert result.curve["power"].is_monotonic_increasing


# --- other routes to the same number ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("clusters", "steps", "every", "first"), [(24, 4, 1, 2), (12, 3, 2, 3), (14, 4, 1, 4)]
)
def test_wedge_of_random_clusters_is_equation_8_of_hussey_and_hughes(clusters, steps, every, first):
    size, icc, sd = 30, 0.07, 2.0
    design = rct.Wedge(
        clusters,
        rct.SteppedWedge(steps, first=first, every=every),
        size,
        effect="constant",
        cluster_effects="random",
    )
    per = np.array([clusters // steps + (s >= steps - clusters % steps) for s in range(steps)])
    np.testing.assert_array_equal(design.per_step, per)
    X = np.repeat(design.treated, per, axis=0)
    tau, sigma = icc * sd**2, (1 - icc) * sd**2 / size
    count, T = X.shape
    U, W, V = X.sum(), (X.sum(axis=0) ** 2).sum(), (X.sum(axis=1) ** 2).sum()
    below = (count * U - W) * sigma + (U**2 + count * T * U - T * W - count * V) * tau
    expected = count * sigma * (sigma + T * tau) / below
    variance, df = design.errors(rct.Normal(sd, icc=icc), (0.0, 0.0))
    assert variance(np.array([0.3]))[0] == pytest.approx(expected, rel=1e-10)
    assert df == count - 2


def test_hussey_and_hughes_have_the_example_of_a_twentieth_to_a_thirtieth():
    # four steps of six clusters of 100, 5% untreated: a fall to about 3.2% is found four times in five
    design = rct.Wedge(24, rct.SteppedWedge(4), 100, effect="constant", cluster_effects="random")
    noise = rct.Share(0.05, icc=0.015**2 / (0.05 * 0.95))
    assert 0.05 + rct.power(design, noise).mde == pytest.approx(0.032, abs=0.001)


def test_fixed_cluster_effects_are_the_limit_of_very_different_clusters():
    shape = (24, rct.SteppedWedge(4), 10)
    noise = rct.Normal(1.0, icc=0.2)
    fixed, _ = rct.Wedge(*shape).errors(noise, (0.0, 0.0))
    sizes = [rct.Wedge(*shape, cluster_effects="random").errors(n, (0.0, 0.0))[0](np.zeros(1))[0]
             for n in (noise, rct.Normal(math.sqrt(0.8 / (1 - 0.99999)), icc=0.99999))]  # fmt: skip
    assert sizes[0] < fixed(np.zeros(1))[0]
    assert sizes[1] == pytest.approx(fixed(np.zeros(1))[0], rel=1e-3)


def test_cluster_autocorrelation_costs_power_and_fading_costs_more():
    shape = (12, rct.SteppedWedge(4), 50)
    powers = [
        found(rct.Wedge(*shape, fades=fades), rct.Normal(1.0, icc=0.05, cac=cac), 0.25)
        for cac, fades in ((1.0, "no"), (0.8, "no"), (0.8, "over time"))
    ]
    assert powers[0] > powers[1]
    assert powers[0] > powers[2]
    assert powers[1] != pytest.approx(powers[2], abs=1e-3)


def test_design_effect_by_hand():
    # 1 + ((0.4² + 1)·50 − 1)·0.05 = 3.85; 300 an arm, so variance 2·3.85/300, t with 10 df
    variance, df = rct.Clusters(6, 6, 50, 0.4).errors(rct.Normal(1.0, icc=0.05), (0.0, 0.0))
    assert variance(np.array([0.0]))[0] == pytest.approx(2 * 3.85 / 300, rel=1e-12)
    assert df == 10


@pytest.mark.parametrize(("blocks", "df"), [(1, 22), (3, 18), (6, 12), (12, 11)])
def test_every_block_has_a_difference_of_its_own(blocks, df):
    # as rct.itt: units less two a block, and blocks less one where they are pairs
    for design in (rct.Parallel(12, 12, blocks=blocks), rct.Clusters(12, 12, 50, blocks=blocks)):
        assert design.errors(rct.Normal(1.0), (0.0, 0.0))[1] == df


def test_blocks_with_lone_units_beside_others():
    # five blocks: two of 2 + 1 (a unit alone in an arm), the others of 2 + 2 and 1 + 2
    design = rct.Parallel(8, 9, blocks=5)
    counts = np.stack([shares(np.array([n]), 5)[0] for n in (8, 9)], axis=1)
    lone = counts.min(axis=1) < 2
    assert 0 < lone.sum() < 5
    assert (
        design.errors(rct.Normal(1.0), (0, 0))[1] == counts[~lone].sum() - 2 * (~lone).sum() + lone.sum() - 1
    )


def test_clusters_of_nothing_in_common_are_individuals():
    one = rct.Clusters(50, 50, 1).errors(rct.Normal(1.0, icc=0.3), (0.0, 0.0))[0](np.zeros(1))
    many = rct.Clusters(5, 5, 10).errors(rct.Normal(1.0, icc=0.0), (0.0, 0.0))[0](np.zeros(1))
    alone = rct.Parallel(50, 50).errors(rct.Normal(1.0), (0.0, 0.0))[0](np.zeros(1))
    assert one == pytest.approx(alone)
    assert many == pytest.approx(alone)


def test_place_days_without_correlation_are_their_number():
    # 20 spots, 90 days, half in each arm; spot and day effects cost next to nothing but (S − 1)/S
    design = rct.PlaceDays(20, rct.Crossover(90, 1, 7))
    variance, df = design.errors(rct.Counts(1.5, 2.0), (0.0, 0.0))
    per_arm = 2.0 / 1.5 / 900
    assert variance(np.array([-0.2]))[0] == pytest.approx(per_arm * (1 + 1 / 0.8) * 20 / 19, rel=0.01)
    assert df == 19


def test_a_rota_treats_so_many_a_day():
    # k of S spots a day: Σ x̃² is about days · k(S − k)/S
    variance, _ = rct.PlaceDays(20, rct.Rota(100, 4)).errors(rct.Normal(1.0), (0.0, 0.0))
    assert variance(np.zeros(1))[0] == pytest.approx(1 / (100 * 4 * 16 / 20), rel=0.02)


# --- simulation ---------------------------------------------------------------------------------------------


def rejections(estimate, error, df, level=0.95):
    return float(np.mean(np.abs(estimate / error) > stats.t.ppf(0.5 + level / 2, df)))


def agrees(expected, rate, sims):
    return abs(expected - rate) < 4 * math.sqrt(expected * (1 - expected) / sims)


def test_unequal_arms_with_loss_and_take_up_against_simulation():
    rng, sims = np.random.default_rng(1), 20_000
    result = rct.power(rct.Parallel(40, 20), rct.Normal(2.0), effect=2.5, take_up=0.7, lost=(0.1, 0.2))
    y0, y1 = rng.normal(0, 2, (sims, 36)), rng.normal(2.5 * 0.7, 2, (sims, 16))
    test = stats.ttest_ind(y1, y0, axis=1)
    assert agrees(result.power, float((test.pvalue < 0.05).mean()), sims)
    assert "over all who are assigned, that is a difference of" in " ".join(result.notes)


def test_clusters_against_simulation():
    rng, sims, icc = np.random.default_rng(2), 10_000, 0.1
    result = rct.power(rct.Clusters(6, 9, 20), rct.Normal(1.0, icc=icc), effect=0.6)
    means = [rng.normal(shift, math.sqrt(icc + (1 - icc) / 20), (sims, g)) for shift, g in ((0, 6), (0.6, 9))]
    test = stats.ttest_ind(means[1], means[0], axis=1)
    assert agrees(result.power, float((test.pvalue < 0.05).mean()), sims)


def test_overdispersed_counts_against_simulation():
    rng, sims, n, phi = np.random.default_rng(3), 20_000, 40, 2.0
    result = rct.power(rct.Parallel(n, n, periods=12), rct.Counts(1.5, phi), effect=-0.2)
    mu = np.array([18.0, 18.0 * 0.8])
    y = [rng.negative_binomial(m / (phi - 1), 1 / phi, (sims, n)) for m in mu]
    means = [values.mean(axis=1) for values in y]
    error = np.sqrt(sum(v.var(axis=1, ddof=1) / n / m**2 for v, m in zip(y, means, strict=True)))
    rate = rejections(np.log(means[1] / means[0]), error, 2 * n - 2)
    assert result.power == pytest.approx(rate, abs=0.015)


def test_correlated_place_days_against_simulation():
    rng, sims, rho = np.random.default_rng(4), 4000, 0.5
    design = rct.PlaceDays(12, rct.Crossover(30, 2, 5))
    result = rct.power(design, rct.Normal(1.0, autocorrelation=rho), effect=0.4)
    arms = design.schedule.draw(np.random.PCG64(5), 12, sims).astype(float)
    noise = rng.normal(size=(sims, 12, 30))
    for day in range(1, 30):
        noise[:, :, day] = rho * noise[:, :, day - 1] + math.sqrt(1 - rho**2) * noise[:, :, day]
    x = arms - arms.mean(2, keepdims=True) - arms.mean(1, keepdims=True) + arms.mean((1, 2), keepdims=True)
    estimate = (x * (noise + 0.4 * arms)).sum(axis=(1, 2)) / (x**2).sum(axis=(1, 2))
    assert estimate.std() == pytest.approx(
        math.sqrt(design.errors(rct.Normal(1.0, autocorrelation=rho), (0, 0))[0](np.zeros(1))[0]), rel=0.05
    )
    assert 0.5 < result.power < 0.999


# --- what the result says ---


def test_the_sentence_a_commander_needs():
    result = rct.power(rct.PlaceDays(20, rct.Crossover(90, 1, 7)), rct.Counts(1.0, 2.9), effect=-0.15)
    assert result.sentence.startswith(
        "With 20 hot spots and 90 days you would detect a fall of 23% or more four times in five. "
        "A fall of 15% would be found "
    )
    assert f"four times in five takes {result.needed} days." in result.sentence
    again = rct.power(
        rct.PlaceDays(20, rct.Crossover(int(result.needed), 1, 7)), rct.Counts(1.0, 2.9), effect=-0.15
    )
    assert again.power >= 0.8
    other = rct.power(rct.Clusters(6, 6, 50), rct.Normal(1.0, icc=0.1), power=0.85)
    assert other.sentence.startswith("With 6 clusters of 50 in each arm you would detect a difference of ")
    assert other.sentence.endswith(" or more 85 times in 100.")


def test_the_mde_is_where_the_curve_reaches_what_was_wanted():
    for design, noise in (
        (rct.Parallel(30, 60), rct.Share(0.4, direction="rise")),
        (rct.Wedge(12, rct.SteppedWedge(3), 20), rct.Counts(3.0, 2.0, between_cv=0.4)),
    ):
        result = rct.power(design, noise, power=0.9)
        assert found(design, noise, result.mde, power=0.9) == pytest.approx(0.9, abs=1e-6)
        at = np.interp(abs(result.mde), result.curve["effect"].abs(), result.curve["power"])
        assert at == pytest.approx(0.9, abs=0.01)
        assert (result.sizes["mde"].abs().diff().dropna() < 0).all()
        assert result.what_if["mde"].iloc[0] == result.mde
        assert result.what_if["mde"].nunique() == len(result.what_if)
        assert result.table("what_if").equals(result.what_if)


def test_allocations_and_the_smallest_p():
    twelve = rct.power(rct.Clusters(6, 6, 50), rct.Normal(1.0, icc=0.1))
    assert twelve.allocations == 924
    assert twelve.smallest_p == pytest.approx(2 / 924)
    assert not any(note.startswith("Warning") for note in twelve.notes)
    four = rct.power(rct.Clusters(2, 2, 50), rct.Normal(1.0, icc=0.1))
    assert four.smallest_p == pytest.approx(1 / 3)
    assert any("never rejects at 0.05" in note for note in four.notes)
    assert rct.power(rct.Parallel(6, 6, blocks=2), rct.Normal(1.0)).allocations == 400


@pytest.mark.parametrize(
    "ask",
    [
        lambda: rct.power(rct.Parallel(9, 9), rct.Normal(1.0), power=0.05),
        lambda: rct.power(rct.Parallel(9, 9), rct.Normal(1.0), level=1.5),
        lambda: rct.power(rct.Parallel(9, 9), rct.Normal(1.0), effect=0.0),
        lambda: rct.power(rct.Parallel(9, 9), rct.Counts(3.0), effect=-1.0),
        lambda: rct.power(rct.Parallel(9, 9), rct.Share(0.3), effect=-0.3),
        lambda: rct.power(rct.Parallel(9, 9), rct.Normal(1.0), take_up=0.0),
        lambda: rct.power(rct.Parallel(9, 9), rct.Normal(1.0), lost=1.0),
        lambda: rct.power(rct.Parallel(2, 2, blocks=2), rct.Normal(1.0), lost=0.5),
        lambda: rct.power(rct.Complete(), rct.Normal(1.0)),
        lambda: rct.power(rct.Parallel(9, 9), 1.0),
        lambda: rct.Normal(1.0, icc=1.2),
        lambda: rct.Normal(0.0),
        lambda: rct.Normal(math.nan),
        lambda: rct.Normal(1.0, autocorrelation=1.0),
        lambda: rct.Share(1.0),
        lambda: rct.Counts(-1.0),
        lambda: rct.Counts(1.0, 0.0),
        lambda: rct.Counts(1.0, direction="down"),
        lambda: rct.Parallel(1, 5),
        lambda: rct.Parallel(5, 5, blocks=6),
        lambda: rct.Paired(10, correlation=1.0),
        lambda: rct.Clusters(3, 3, 0.5),
        lambda: rct.Wedge(3, rct.SteppedWedge(4)),
        lambda: rct.Wedge(8, rct.SteppedWedge(4), periods=4),
        lambda: rct.Wedge(8, rct.SteppedWedge(4), effect="growing"),
        lambda: rct.power(rct.Wedge(8, rct.SteppedWedge(2, first=1), periods=2), rct.Normal(1.0)),
        lambda: rct.Crossover(1001),
        lambda: rct.Wedge(8, rct.SteppedWedge(4), fades="fast"),
    ],
)
def test_what_cannot_be_is_refused(ask):
    with pytest.raises(OptionError) as caught:
        ask()
    assert caught.value.where


def test_a_year_of_place_days_and_more():
    # runs of one day or more: any sequence with half its days in each arm
    assert rct.Crossover(500, 1, 500).ways == math.comb(500, 250)
    design = rct.Crossover(1000, 1, 7)
    arms = design.draw(np.random.PCG64(1), 2, 1)
    np.testing.assert_array_equal(arms.sum(axis=2), 500)
    result = rct.power(rct.PlaceDays(4, rct.Crossover(400)), rct.Counts(1.0, 4.0), effect=-0.02)
    assert isinstance(result.needed, NotAvailable)
    assert "longer than 1,000" in result.needed.reason


def test_allocations_of_many_units_are_counted_to_a_power_of_ten():
    exact = rct.power(rct.Parallel(9999, 9999), rct.Normal(1.0)).allocations
    assert exact == math.comb(19_998, 9999)
    near = rct.power(rct.Parallel(10_001, 10_001), rct.Normal(1.0)).allocations
    assert math.log10(near) == pytest.approx(math.log10(math.comb(20_002, 10_001)), abs=0.51)


def test_the_first_period_of_a_wedge_is_number_1():
    # as rct.randomise records it and rct.stepped_wedge reads it: first=2 leaves one period before all steps
    plan = rct.Wedge(6, rct.SteppedWedge(3, first=2))
    assert plan.length == 4
    np.testing.assert_array_equal(plan.exposed, [[0, 1, 2, 3], [0, 0, 1, 2], [0, 0, 0, 1]])
    assert rct.SteppedWedge(3).starts == ("2", "3", "4")


def test_a_lower_bound_of_allocations_bounds_no_p_value():
    found = rct.power(rct.PlaceDays(4, rct.Rota(60, 2)), rct.Normal(1.0))
    assert "Chance could make at least 6 allocations." in found.notes
    assert not any("p-value" in note for note in found.notes)
    known = rct.power(rct.PlaceDays(4, rct.Crossover(60, 1, 60)), rct.Normal(1.0))
    assert known.allocations == math.comb(60, 30) ** 4


def variance_of(design, noise, effect=0.0, lost=(0.0, 0.0)):
    return design.errors(noise, lost)[0](np.array([effect]))[0]


def test_what_is_lost_is_lost():
    noise, lost = rct.Normal(1.0, icc=0.2), (0.1, 0.3)
    assert variance_of(rct.Parallel(20, 40), noise, lost=lost) == pytest.approx(1 / 18 + 1 / 28)
    assert variance_of(rct.Paired(30, 0.5), noise, lost=lost) == pytest.approx(1 / (30 * 0.9 * 0.7))
    clusters = variance_of(rct.Clusters(6, 6, 50), noise, lost=lost)
    assert clusters == pytest.approx((0.2 + 0.8 / 45) / 6 + (0.2 + 0.8 / 35) / 6)
    days = rct.PlaceDays(10, rct.Crossover(40))
    assert variance_of(days, noise, lost=lost) == pytest.approx(variance_of(days, noise) / 0.8)
    whole, less = rct.Wedge(12, rct.SteppedWedge(4), 50), rct.Wedge(12, rct.SteppedWedge(4), 45)
    assert variance_of(whole, noise, lost=(0.1, 0.1)) == pytest.approx(variance_of(less, noise))


def test_what_is_explained_is_gone():
    for design in (rct.Clusters(6, 6, 50), rct.Parallel(20, 20), rct.Wedge(12, rct.SteppedWedge(4), 5)):
        for noise, left in (
            (rct.Normal(2.0, icc=0.1), rct.Normal(2.0, icc=0.1, r_squared=0.4)),
            (rct.Share(0.3, icc=0.1), rct.Share(0.3, icc=0.1, r_squared=0.4)),
            (rct.Counts(2.0, 3.0, 0.5), rct.Counts(2.0, 3.0, 0.5, r_squared=0.4)),
        ):
            assert variance_of(design, left, -0.1) == pytest.approx(0.6 * variance_of(design, noise, -0.1))


def test_each_arm_has_the_noise_of_its_own_share():
    assert variance_of(rct.Parallel(40, 20), rct.Share(0.3), -0.2) == pytest.approx(0.21 / 40 + 0.09 / 20)


def test_periods_that_are_alike_average_out_less():
    rho, T = 0.6, 5
    alike = rho ** np.abs(np.subtract.outer(np.arange(T), np.arange(T)))
    noise = rct.Normal(1.0, autocorrelation=rho)
    assert variance_of(rct.Parallel(20, 20, periods=T), noise) == pytest.approx(0.1 * alike.mean())


def test_a_washout_costs_its_days():
    noise = rct.Normal(1.0)
    whole = rct.PlaceDays(20, rct.Crossover(120, 4, 4))
    left_out = rct.PlaceDays(20, rct.Crossover(120, 4, 4, washout=1))
    assert variance_of(left_out, noise) / variance_of(whole, noise) == pytest.approx(4 / 3, rel=0.05)


def test_a_rota_grows_by_days_that_can_be_shared():
    plan = rct.PlaceDays(20, rct.Rota(100, 8))
    assert [plan.scaled(days).count for days in (7, 10, 11)] == [10, 10, 15]
    assert rct.PlaceDays(20, rct.Rota(100, 8, even=False)).scaled(7).count == 7


def test_where_a_simulated_curve_crosses():
    effects, power = pd.Series([0.0, -0.1, -0.2, -0.4]), pd.Series([0.05, 0.3, 0.7, 0.9])
    assert first_crossing(effects, power, 0.8) == pytest.approx(-0.3)
    assert first_crossing(effects, power, 0.4) == pytest.approx(-0.125)
    assert isinstance(first_crossing(effects, power, 0.95), NotAvailable)
