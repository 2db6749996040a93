"""Power by simulation: the cores against one regression at a time, implants, size, and the closed form."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from whatworks import rct
from whatworks.errors import DesignError, OptionError
from whatworks.inference.errors.cluster import ClusterRobust
from whatworks.inference.errors.heteroskedastic import Heteroskedastic
from whatworks.inference.fits.least_squares import fit as least_squares
from whatworks.inference.fits.two_way_effects import fit as two_way
from whatworks.panel import NEVER, Panel
from whatworks.rct.plan import many_over_time, many_parallel
from whatworks.rct.plan.windows import Past, batches, implanted
from whatworks.trial import Trial


def past(units=24, periods=60, rate=5.0, phi=2.0, seed=1, spread=4.0, cluster=None):
    rng = np.random.default_rng(seed)
    mu = rng.gamma(spread, rate / spread, units)[:, None] * np.ones(periods)
    y = rng.negative_binomial(mu / (phi - 1), 1 / phi).astype(float)
    labels = () if cluster is None else tuple(f"c{g}" for g in range(max(cluster) + 1))
    return Panel(
        tuple(f"u{i:03d}" for i in range(units)), np.arange(periods), "integer", y,
        np.full(units, NEVER), cluster=None if cluster is None else np.array(cluster), cluster_labels=labels,
    )  # fmt: skip


@pytest.mark.parametrize("gaps", [False, True])
def test_schedules_are_one_regression_at_a_time(gaps):
    rng = np.random.default_rng(2)
    y = rng.normal(size=(6, 12, 24))
    design = rct.Crossover(24, 2, 4, 1)
    x = design.draw(np.random.PCG64(1), 12, 6).astype(float)
    kept = ~design.washed(x) if gaps else None
    batch = many_over_time.Schedules.of(x, kept)
    estimate, error = batch.tests(y)
    ratio = []
    for s in range(6):
        one = two_way(y[s], x[s][None], names=["arm"], observed=None if kept is None else kept[s])
        assert estimate[s] == pytest.approx(one.coefficients[0], rel=1e-9)
        found = ClusterRobust("CR2").from_regression(one, np.eye(1))
        ratio.append(error[s] / found.std_error[0])
        assert batch.df[s] == pytest.approx(float(np.ravel(found.df)[0]), rel=0.005 if gaps else 1e-9)
    # with gaps CR2 is approximate: within two in a hundred here, and not to one side
    np.testing.assert_allclose(ratio, 1, rtol=0.02 if gaps else 1e-9)
    assert np.mean(ratio) == pytest.approx(1, abs=0.005)


@pytest.mark.parametrize("effect", ["exposure_time", "constant"])
def test_steps_are_one_regression_at_a_time(effect):
    rng = np.random.default_rng(3)
    plan = rct.Wedge(10, rct.SteppedWedge(3, first=3, every=2), periods=8, effect=effect)
    y = rng.normal(size=(4, 10, 8))
    X = np.repeat(plan.regressors, plan.per_step, axis=1)
    batch = many_over_time.Steps.of(plan.regressors, plan.per_step)
    estimate, error = batch.tests(y)
    for s in range(4):
        one = two_way(y[s], X, names=[str(j) for j in range(len(X))])
        found = ClusterRobust("CR2").from_regression(one, np.full((1, len(X)), 1 / len(X)))
        assert estimate[s] == pytest.approx(found.value[0], rel=1e-9)
        assert error[s] == pytest.approx(found.std_error[0], rel=1e-9)
        assert batch.df == pytest.approx(float(np.ravel(found.df)[0]), rel=1e-9)


def itt(outcome, treated, block=None, cluster=None):
    arm = np.where(treated > 0, "new", "usual")
    frame = pd.DataFrame({"unit": [f"u{i:03d}" for i in range(len(arm))], "arm": arm, "y": outcome})
    roles = {}
    for name, values in (("block", block), ("cluster", cluster)):
        if values is not None:
            frame[name], roles[name] = [f"{name}{v}" for v in values], name
    trial = Trial.from_frame(frame, unit="unit", arm="arm", outcome="y", control="usual", **roles)
    return rct.itt(trial).headline


@pytest.mark.parametrize("shape", ["units", "blocks", "pairs", "clusters"])
def test_arms_dealt_at_once_are_analysed_as_itt_does(shape):
    rng = np.random.default_rng(4)
    y, sizes = rng.normal(size=(3, 16)), np.arange(2, 18) // 2
    block = {"blocks": np.arange(16) // 8, "pairs": np.arange(16) // 2}.get(shape, np.zeros(16, int))
    each = 2 if shape == "pairs" else 8
    treated = np.concatenate([[rng.permutation(np.arange(each) % 2) for _ in range(16 // each)]
                              for _ in range(3)]).reshape(3, 16).astype(float)  # fmt: skip
    members = np.repeat(np.arange(16), sizes)
    rows = rng.normal(size=(3, len(members))) + y[:, members]
    sums = np.stack([np.bincount(members, row) for row in rows])
    estimate, error, df = {
        "units": lambda: many_parallel.units(y, treated),
        "blocks": lambda: many_parallel.blocks(y, treated, block),
        "pairs": lambda: many_parallel.differences(y, treated, block, None),
        "clusters": lambda: many_parallel.clusters(sums, sizes.astype(float), treated),
    }[shape]()
    for s in range(3):
        if shape == "clusters":
            one = itt(rows[s], treated[s][members], cluster=members)
        else:
            one = itt(y[s], treated[s], block if block.any() else None)
        assert estimate[s] == pytest.approx(one.value, rel=1e-9)
        assert error[s] == pytest.approx(one.std_error, rel=1e-9)
        p = 2 * stats.t.sf(abs(estimate[s] / error[s]), df[s])
        assert p == pytest.approx(one.p_value, rel=1e-8)


@pytest.mark.parametrize("block", [np.zeros(12, int), np.repeat([0, 1, 2], 4), np.arange(12) // 2])
@pytest.mark.parametrize("with_baseline", [False, True])
def test_differences_are_one_regression_at_a_time(block, with_baseline):
    rng = np.random.default_rng(3)
    y, b = rng.normal(size=(4, 12)), rng.normal(size=(4, 12))
    sizes = np.bincount(block)
    dealt = [np.concatenate([rng.permutation(np.arange(n) % 2) for n in sizes]) for _ in range(4)]
    treated = np.stack(dealt).astype(float)
    estimate, error, df = many_parallel.differences(y, treated, block, b if with_baseline else None)
    for s in range(4):
        columns = [treated[s], *(block == k for k in np.unique(block)), *([b[s]] if with_baseline else [])]
        table, names = np.column_stack(columns).astype(float), [str(j) for j in range(len(columns))]
        one = least_squares(y[s], table, names=names, where="test")
        found = Heteroskedastic("HC2").from_regression(one, np.eye(len(columns))[:1])
        assert estimate[s] == pytest.approx(one.coefficients[0], rel=1e-9)
        assert error[s] == pytest.approx(found.std_error[0], rel=1e-9)
        assert df[s] == found.df


def test_falls_are_thinned_and_stay_counts():
    panel, design, effects = past(rate=20.0), rct.Complete(), np.array([-0.1, -0.4, 0.3])
    own = Past.of(panel, design, 30)
    batch, bits = next(iter(batches(own, design, 30, 0, 100, 1)))
    on = batch.treated > 0
    for effect, outcome in zip(effects, implanted(own, batch, effects, bits), strict=True):
        np.testing.assert_array_equal(outcome[~on], batch.outcome[~on])
        assert (outcome == np.round(outcome)).all()
        assert (outcome >= 0).all()
        total = batch.outcome[on].sum()
        tolerance = 4 * math.sqrt(abs(effect) * (1 - abs(effect)) / total)
        assert outcome[on].sum() / total - 1 == pytest.approx(effect, abs=tolerance)


def test_large_counts_are_thinned_as_well():
    panel, design = past(rate=500.0, phi=5.0), rct.Complete()
    own = Past.of(panel, design, 30)
    batch, bits = next(iter(batches(own, design, 30, 0, 50, 1)))
    outcome = next(implanted(own, batch, np.array([-0.2]), bits))
    on = batch.treated > 0
    assert (outcome == np.round(outcome)).all()
    assert outcome[on].sum() / batch.outcome[on].sum() == pytest.approx(0.8, abs=0.001)


def test_a_wedge_agrees_with_the_formula_and_keeps_its_promise():
    design = rct.SteppedWedge(4, first=5, every=5)
    found = rct.power_by_simulation(past(32, 60), design, effects=[-0.2], sims=1000, seed=3)
    # the average rate is what a unit has; unlike rates make differences of counts less precise than ratios
    assert found.false_positives == pytest.approx(0.05, abs=4 * math.sqrt(0.05 * 0.95 / 1000))
    assert found.power == found.curve["power"].iloc[1]
    same = rct.power_by_simulation(past(32, 60, spread=400.0), design, effects=[-0.2], sims=1000, seed=3)
    mean = float(past(32, 60, spread=400.0).outcome.mean())
    formula = rct.power(rct.Wedge(32, design), rct.Counts(mean, 2.0), effect=-0.2)
    assert same.power == pytest.approx(formula.power, abs=0.07)


def test_additive_effects_of_a_normal_outcome_agree_with_the_formula():
    rng = np.random.default_rng(5)
    panel = past(40, 200)
    panel = panel.with_outcome(rng.normal(0, 1, (40, 200)))
    found = rct.power_by_simulation(
        panel, rct.Complete(), effects=[0.3], kind="additive", periods=10, sims=2000
    )
    formula = rct.power(rct.Parallel(20, 20, periods=10), rct.Normal(1.0), effect=0.3)
    assert found.power == pytest.approx(formula.power, abs=4 * math.sqrt(0.25 / 2000))
    assert found.curve["mean_estimate"].iloc[1] == pytest.approx(0.3, abs=0.02)


def test_a_baseline_and_pairs_sharpen():
    panel = past(24, 60)
    plain, paired = (
        rct.power_by_simulation(panel, design, effects=[-0.3], periods=20, sims=300).power
        for design in (rct.Complete(), rct.Pairs("baseline"))
    )
    adjusted = rct.power_by_simulation(
        panel, rct.Complete(), effects=[-0.3], periods=20, baseline=20, sims=300
    )
    assert plain < 0.6 < min(paired, adjusted.power)


def test_clusters_are_dealt_as_wholes():
    panel = past(24, 40, cluster=np.arange(24) // 2)
    found = rct.power_by_simulation(panel, rct.Complete(), periods=10, sims=200)
    assert found.allocations == 924
    assert found.count == 12


def test_schedules_run_and_the_same_seed_gives_the_same_numbers():
    for design in (rct.Crossover(30, 2, 5, 1), rct.Rota(30, 8)):
        one, two = (rct.power_by_simulation(past(), design, sims=200, seed=4) for _ in range(2))
        assert one.curve.equals(two.curve)
        assert one.curve["power"].iloc[-1] > 0.95
        assert "With these 24 units and 30 periods you would detect a fall of" in one.sentence
        assert one.mde < 0


def test_a_test_that_breaks_its_promise_is_warned_of():
    # four clusters in two steps leave CR2 too few degrees of freedom: it hardly ever rejects
    found = rct.power_by_simulation(
        past(4, 60), rct.SteppedWedge(2, first=10, every=10), effects=[-0.3], sims=2000, seed=1
    )
    assert found.false_positives < 0.035
    assert any("Warning: that is less often than chance explains" in note for note in found.notes)


@pytest.mark.parametrize("washout", [0, 1])
def test_a_crossover_keeps_its_promise(washout):
    design = rct.Crossover(30, 2, 5, washout)
    found = rct.power_by_simulation(past(15, 90), design, effects=[-0.3], sims=2000, seed=5)
    assert found.false_positives == pytest.approx(0.05, abs=4 * math.sqrt(0.05 * 0.95 / 2000))


@pytest.mark.parametrize(
    ("design", "options", "error"),
    [
        (rct.Complete(), {"periods": 100}, OptionError),
        (rct.Complete(), {"effects": [-1.0]}, OptionError),
        (rct.Complete(), {"effects": [0.0]}, OptionError),
        (rct.Complete(), {"sims": 10}, OptionError),
        (rct.Complete(), {"power": 0.04}, OptionError),
        (rct.Complete(), {"kind": "log"}, OptionError),
        (rct.Crossover(30), {"periods": 20}, OptionError),
        (rct.Crossover(30), {"baseline": 5}, OptionError),
        (rct.SteppedWedge(4, first=5, every=5), {"periods": 19}, OptionError),
        (rct.SteppedWedge(30), {"periods": 50}, DesignError),
        (rct.Pairs("baseline"), {"periods": 60}, DesignError),
    ],
)
def test_what_cannot_be_is_refused(design, options, error):
    with pytest.raises(error):
        rct.power_by_simulation(past(), design, **options)


def test_a_past_with_treated_cells_is_refused():
    with pytest.raises(DesignError, match="already treated"):
        rct.power_by_simulation(past().with_start(np.full(24, 10)), rct.Complete())


def rising(units=12, periods=60, cluster=None):
    """Every unit counts the number of the period, so that sums tell which window was taken."""
    panel = past(units, periods, cluster=cluster)
    return panel.with_outcome(np.tile(np.arange(periods, dtype=float), (units, 1)))


def test_windows_and_the_baseline_before_them():
    panel = rising()
    own = Past.of(panel, rct.Complete(), 10)
    batch, _ = next(iter(batches(own, rct.Complete(), 10, 4, 200, 1)))
    first = batch.means[:, 0, 0] - 4.5
    assert (first.min(), first.max()) == (4, 50)
    np.testing.assert_allclose(batch.baseline[:, 0], first - 2.5)
    # pairs matched on the first part of the past leave windows from the rest
    own = Past.of(panel, rct.Pairs("baseline"), 10)
    batch, _ = next(iter(batches(own, rct.Pairs("baseline"), 10, 0, 200, 1)))
    assert batch.means[:, 0, 0].min() - 4.5 == own.begins == 30


def test_clusters_of_a_wedge_keep_their_sizes_and_steps():
    panel = rising(14, cluster=np.repeat(np.arange(6), [1, 2, 3, 4, 3, 1]))
    design = rct.SteppedWedge(3, first=3, every=2)
    own = Past.of(panel, design, 8)
    batch, _ = next(iter(batches(own, design, 8, 0, 50, 1)))
    means = batch.means - batch.means[:, :, :1]
    np.testing.assert_allclose(means, np.broadcast_to(np.arange(8.0), means.shape))
    np.testing.assert_array_equal(np.sort(batch.size, axis=1)[7], [1, 1, 2, 3, 3, 4])
    assert len(np.unique(batch.size, axis=0)) > 1
    np.testing.assert_array_equal(batch.treated[0].argmax(axis=1), [2, 2, 4, 4, 6, 6])


def test_large_counts_are_thinned_with_their_own_noise():
    own = Past.of(past(rate=500.0, phi=5.0), rct.Complete(), 1)
    batch, bits = next(iter(batches(own, rct.Complete(), 1, 0, 400, 1)))
    outcome = next(implanted(own, batch, np.array([-0.2]), bits))
    on = batch.treated > 0
    left = (outcome - 0.8 * batch.outcome)[on] / np.sqrt(0.16 * batch.outcome[on])
    assert left.var() == pytest.approx(1, abs=0.1)


def found_in(estimate, error, df):
    return float((np.abs(estimate / error) > stats.t.ppf(0.975, df)).mean())


@pytest.mark.parametrize("effect", ["exposure_time", "constant"])
def test_a_planned_wedge_finds_what_it_promised(effect):
    rng, sims = np.random.default_rng(6), 4000
    plan = rct.Wedge(14, rct.SteppedWedge(4, first=3), size=20, periods=8, effect=effect)
    promised = rct.power(plan, rct.Normal(1.0, icc=0.1, cac=0.8), effect=0.35).power
    alike = 0.08 + 0.02 * np.eye(8)
    noise = rng.multivariate_normal(np.zeros(8), alike + np.eye(8) * 0.9 / 20, (sims, 14))
    y = noise + 0.35 * np.repeat(plan.treated, plan.per_step, axis=0)
    batch = many_over_time.Steps.of(plan.regressors, plan.per_step)
    assert found_in(*batch.tests(y), batch.df) == pytest.approx(promised, abs=4 * math.sqrt(0.25 / sims))


def test_planned_place_days_find_what_they_promised():
    rng, sims = np.random.default_rng(7), 3000
    design = rct.Crossover(30, 3, 5, washout=1)
    promised = rct.power(rct.PlaceDays(12, design), rct.Normal(1.0), effect=0.3).power
    arms = design.draw(np.random.PCG64(3), 12, sims).astype(float)
    batch = many_over_time.Schedules.of(arms, ~design.washed(arms))
    found = found_in(*batch.tests(rng.normal(size=arms.shape) + 0.3 * arms), batch.df)
    assert found == pytest.approx(promised, abs=4 * math.sqrt(0.25 / sims))


def test_planned_blocks_and_clusters_find_what_they_promised():
    rng, sims = np.random.default_rng(8), 6000
    block = np.repeat(np.arange(4), 5)
    treated = np.stack([np.concatenate([rng.permutation([0, 0, 0, 1, 1]) for _ in range(4)])
                        for _ in range(sims)]).astype(float)  # fmt: skip
    promised = rct.power(rct.Parallel(12, 8, blocks=4), rct.Normal(1.0), effect=1.4).power
    y = rng.normal(size=treated.shape) + 1.4 * treated
    tolerance = 4 * math.sqrt(0.25 / sims)
    assert found_in(*many_parallel.blocks(y, treated, block)) == pytest.approx(promised, abs=tolerance)
    sizes = np.tile([10.0, 20.0, 30.0, 40.0], 5)
    treated = np.argsort(rng.random((sims, 20)), axis=1) % 2.0
    sums = rng.normal(size=treated.shape) * np.sqrt(0.9 * sizes)
    sums += sizes * (rng.normal(size=treated.shape) * math.sqrt(0.1) + 0.5 * treated)
    plan = rct.Clusters(10, 10, 25, size_cv=sizes.std() / 25)
    promised = rct.power(plan, rct.Normal(1.0, icc=0.1), effect=0.5).power
    # unequal sizes leave CR2 fewer degrees of freedom than clusters − 2, and a trial a little less power
    assert -0.03 < found_in(*many_parallel.clusters(sums, sizes, treated)) - promised < tolerance
