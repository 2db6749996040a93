"""Few treated clusters: against a slow version written from the paper, by hand, and through did.block."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from whatworks import errors
from whatworks.did.block import block
from whatworks.did.event_study import event_study
from whatworks.did.twoway import twoway
from whatworks.inference.chance.few_treated import FewTreated, variance_model
from whatworks.inference.draws import uniforms
from whatworks.panel import NEVER, Panel
from whatworks.results import NotAvailable


def panel_of(sizes, *, treated=1, periods=8, start=5, seed=0, spread=None):
    """Clusters of the given numbers of units; the first `treated` of them start."""
    rng = np.random.default_rng(seed)
    cluster = np.repeat(np.arange(len(sizes)), sizes)
    shock = rng.normal(size=(len(sizes), periods)) * np.sqrt(1 if spread is None else spread)[..., None]
    noise = 0.5 * rng.normal(size=(len(cluster), periods))
    return Panel(
        units=tuple(f"u{i:03d}" for i in range(len(cluster))),
        periods=np.arange(periods),
        period_kind="integer",
        outcome=10 + shock[cluster] + noise,
        start=np.where(cluster < treated, start, NEVER),
        cluster=cluster,
        cluster_labels=tuple(f"c{g:03d}" for g in range(len(sizes))),
    )


def by_the_paper(panel, effect, *, draws, seed, size=None):
    """Estimate and p-value of one effect, loop by loop: impose it, model squares, resample, rescale."""
    weight = np.ones(panel.n_units) if panel.weight is None else panel.weight
    size = np.ones(panel.n_units) if size is None else np.asarray(size)
    after = panel.periods >= panel.cohorts[0]
    D = panel.treated.astype(float)
    y = panel.outcome - effect * D
    n, t = y.shape
    # least squares on unit and period dummies and covariates, by brute force
    columns = [np.repeat(np.eye(n)[i][:, None], t, axis=1).ravel() for i in range(n)]
    columns += [np.repeat(np.eye(t)[[j]], n, axis=0).ravel() for j in range(t)]
    columns += [x.ravel() for x in panel.covariates]
    Z = np.stack(columns, axis=1)
    root = np.sqrt(np.repeat(weight, t))

    def residual(values):
        slopes = np.linalg.lstsq(root[:, None] * Z, root * values.ravel(), rcond=None)[0]
        return (values.ravel() - Z @ slopes).reshape(n, t)

    free, treated_net = residual(y), residual(D)
    estimate = (root.reshape(n, t) ** 2 * treated_net * free).sum() / (
        root.reshape(n, t) ** 2 * treated_net**2
    ).sum()
    groups = [np.flatnonzero(panel.cluster == g) for g in range(panel.n_clusters)]
    change, slope, share, mass, sizes = [], [], [], [], []
    on = panel.start <= panel.periods[-1]
    for members in groups:
        w = weight[members] / weight[members].sum()
        change.append(w @ (free[members][:, after].mean(axis=1) - free[members][:, ~after].mean(axis=1)))
        slope.append(
            w @ (treated_net[members][:, after].mean(axis=1) - treated_net[members][:, ~after].mean(axis=1))
        )
        side = weight[on].sum() if on[members[0]] else -weight[~on].sum()
        share.append(weight[members].sum() / side)
        mass.append(weight[members].sum() / weight.sum())
        sizes.append(size[members].sum())
    change, slope, share, mass, sizes = map(np.array, (change, slope, share, mass, sizes))
    share = share / (share @ slope)
    assert share @ change == pytest.approx(estimate, abs=1e-9)
    hat = np.outer(np.ones(len(mass)), mass)  # projection on a weighted mean
    leverage = np.diag((np.eye(len(mass)) - hat) @ (np.eye(len(mass)) - hat).T)
    change = change / np.sqrt(leverage)
    fitted = np.linalg.lstsq(np.stack([np.ones(len(sizes)), 1 / sizes], axis=1), change**2, rcond=None)[0]
    if np.ptp(sizes) == 0 or fitted[1] < 0:
        variance = np.full(len(sizes), np.mean(change**2))
    elif fitted[0] < 0:
        variance = (change**2 @ (1 / sizes)) / ((1 / sizes) @ (1 / sizes)) / sizes
    else:
        variance = fitted[0] + fitted[1] / sizes
    even = change / np.sqrt(variance)
    picks = (uniforms(np.random.PCG64(np.random.SeedSequence(seed)), (draws, len(even))) * len(even)).astype(
        int
    )
    count = 0
    for pick in picks:
        drawn = sum(share[g] * np.sqrt(variance[g]) * even[pick[g]] for g in range(len(even)))
        count += abs(drawn) >= abs(estimate) * (1 - 1e-9)
    return estimate, (1 + count) / (1 + draws)


SIZES = [2, 5, 1, 3, 4, 2, 6, 1, 2, 3, 8, 2]


@pytest.mark.parametrize("treated", [1, 2, 3])
@pytest.mark.parametrize("extra", ["plain", "weights", "covariate", "size"])
def test_against_a_slow_version(treated, extra):
    rng = np.random.default_rng(7)
    panel = panel_of(SIZES, treated=treated, seed=treated, spread=3 / np.array(SIZES))
    size = None
    if extra == "weights":
        panel = replace(panel, weight=rng.uniform(1, 4, panel.n_units))
    if extra == "covariate":
        x = rng.normal(size=panel.outcome.shape)
        panel = replace(panel, covariates=x[None], covariate_names=("x",), outcome=panel.outcome + 0.3 * x)
    if extra == "size":
        size = tuple(rng.uniform(1, 9, panel.n_units))
    found = block(panel, inference=FewTreated(draws=199, seed=3, size=size)).headline
    value, p_value = by_the_paper(panel, 0.0, draws=199, seed=3, size=size)
    assert found.value == pytest.approx(value, abs=1e-9)
    assert found.p_value == pytest.approx(p_value, abs=1e-12)
    # the interval holds what the slow test does not reject
    for end, step in ((found.low, -1), (found.high, 1)):
        inside, outside = (
            by_the_paper(panel, end + s * step * 1e-3, draws=199, seed=3, size=size)[1] for s in (-1, 1)
        )
        assert inside > 0.05 >= outside


def test_twoway_with_one_start_gives_the_same():
    panel = panel_of(SIZES, treated=2)
    one, other = (method(panel, inference=FewTreated(draws=199)) for method in (block, twoway))
    for name in ("value", "std_error", "low", "high", "p_value"):
        assert getattr(one.headline, name) == pytest.approx(getattr(other.headline, name), rel=1e-9)
    assert one.seed == other.seed == 1


def test_variance_model_by_hand():
    # squares 1, 2 and 3 at 1/size 1, 2 and 3: variance is 1/size; turned round it falls to a constant
    size = 1 / np.array([1.0, 2, 3])
    assert variance_model(np.array([1.0, 2, 3]), size) == pytest.approx((0, 1), abs=1e-12)
    assert variance_model(np.array([3.0, 2, 1]), size) == (2, 0)
    assert variance_model(np.array([2.0, 3, 4]), size) == pytest.approx((1, 1))
    # a line that crosses 0 above size's origin: through the origin, Σxs/Σx² = 20/14
    assert variance_model(np.array([0.0, 1, 6]), size) == pytest.approx((0, 20 / 14))
    assert variance_model(np.array([1.0, 5]), np.array([4.0, 4])) == (3, 0)


def test_equal_sizes_are_the_test_of_conley_and_taber():
    # one treated among very many: the p-value is the share of comparison changes that lie as far out
    # the treated cluster, being in the pool itself, adds about 1/G, and so does the others' mean
    rng = np.random.default_rng(2)
    change = rng.exponential(size=400) * rng.choice([-1, 1], 400)
    treated = np.arange(400) == 0
    change[0] = 2.5
    found = FewTreated(draws=1999).test(change, treated.astype(float), treated)
    others = change[1:] - change[1:].mean()
    share = (np.abs(others) >= abs(found.value[0])).mean()
    noise = np.sqrt(share * (1 - share) / 1999)
    assert found.p_value[0] == pytest.approx(share, abs=3 * noise + 2 / 400)
    assert "Conley & Taber" in found.sentence


def test_a_small_treated_cluster_is_given_more_room_than_a_large_one():
    # changes of ±1/√size, so that the variance is 1/size
    sizes = np.array([1.0, 20, *np.tile([1.0, 20, 5, 2], 14)])
    change = np.repeat([1, -1], 29) / np.sqrt(sizes)
    change[:2] = 0.0
    width = {}
    for g in (0, 1):
        treated = np.arange(len(sizes)) == g
        found = FewTreated(draws=1999, size=tuple(sizes)).test(change, treated.astype(float), treated)
        width[g] = found.high[0] - found.low[0]
    assert width[0] > 2.5 * width[1]


def test_standard_error_of_one_treated_by_hand():
    # comparison changes 1, 2, 3, 6 (mean 3, sum of squares 14, variance 14/3); treated changes by 9
    change, treated = np.array([9.0, 1, 2, 3, 6]), np.arange(5) == 0
    found = FewTreated(draws=99).test(change, treated.astype(float), treated)
    assert found.value[0] == 6
    assert found.std_error[0] == pytest.approx(np.sqrt(14 / 3 * (1 + 1 / 4)))


def test_five_clusters_leave_the_interval_open_with_a_reason():
    change, treated = np.array([90.0, 1, 2, 3, 6]), np.arange(5) == 0
    found = FewTreated(draws=999).test(change, treated.astype(float), treated)
    assert np.isnan([found.low[0], found.high[0]]).all()
    assert "with 5 clusters" in found.reason[0]
    assert found.p_value[0] > 0.05


def test_units_periods_scale_and_order_do_not_matter():
    panel = panel_of(SIZES, treated=2)
    inference = FewTreated(draws=199)
    one = block(panel, inference=inference).headline
    rng = np.random.default_rng(1)
    shifted = panel.outcome + rng.normal(size=(panel.n_units, 1)) + rng.normal(size=(1, panel.n_periods))
    other = block(panel.with_outcome(shifted), inference=inference).headline
    assert (other.low, other.high, other.p_value) == (
        pytest.approx(one.low, abs=1e-9), pytest.approx(one.high, abs=1e-9), one.p_value,
    )  # fmt: skip
    moved = block(panel.with_outcome(5 * (panel.outcome + 2 * panel.treated)), inference=inference).headline
    assert (moved.low, moved.high) == (
        pytest.approx(5 * (one.low + 2), rel=1e-8), pytest.approx(5 * (one.high + 2), rel=1e-8),
    )  # fmt: skip


def test_one_treated_cluster_has_an_interval_only_when_asked_and_says_what_it_assumes():
    panel = panel_of(SIZES, treated=1)
    plain = block(panel)
    assert isinstance(plain.headline.std_error, NotAvailable)
    assert any('FewTreated() ("few_treated")' in note for note in plain.notes)
    asked = block(panel, inference=FewTreated(draws=199))
    assert np.isfinite([asked.headline.low, asked.headline.high, asked.headline.std_error]).all()
    assert "valid if treated clusters stray by chance as the others do" in asked.headline.inference
    assert any("chosen for high or volatile" in note for note in asked.notes)


def test_the_pointer_comes_with_three_treated_clusters_and_not_with_four():
    for treated, there in ((2, True), (3, True), (4, False)):
        for method in (block, twoway):
            notes = method(panel_of(SIZES, treated=treated)).notes
            assert any("few_treated" in note for note in notes) == there


def test_clusters_that_all_change_alike_have_no_error():
    panel = panel_of(SIZES, treated=2)
    flat = panel.with_outcome(np.tile(np.arange(8.0), (panel.n_units, 1)))
    found = block(flat, inference=FewTreated(draws=99)).headline
    assert isinstance(found.p_value, NotAvailable)
    assert "changed alike" in found.p_value.reason


def test_what_is_refused():
    panel = panel_of(SIZES, treated=2)
    with pytest.raises(errors.OptionError, match="3 numbers for 39 units"):
        block(panel, inference=FewTreated(size=(1.0, 2.0, 3.0)))
    with pytest.raises(errors.OptionError, match="not above 0"):
        FewTreated(size=(1.0, 0.0))
    with pytest.raises(errors.OptionError, match="draws=5"):
        FewTreated(draws=5)
    mixed = panel.start.copy()
    mixed[0] = NEVER
    with pytest.raises(errors.DesignError, match="treated and untreated units"):
        block(panel.with_start(mixed), inference=FewTreated())
    staggered = panel.start.copy()
    staggered[panel.cluster == 1] = 6
    with pytest.raises(errors.DesignError, match="starts are staggered"):
        twoway(panel.with_start(staggered), inference=FewTreated())
    gaps = panel.outcome.copy()
    gaps[3, 3] = np.nan
    with pytest.raises(errors.DesignError, match="cells are missing"):
        twoway(panel.with_outcome(gaps), inference=FewTreated())
    with pytest.raises(errors.OptionError, match=r"FewTreated\(\) to did.block"):
        event_study(panel, inference=FewTreated())
    with pytest.raises(errors.DesignError, match="2 clusters are too few"):
        FewTreated().test(np.array([1.0, 2]), np.array([1.0, 0]), np.array([True, False]))
