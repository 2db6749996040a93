"""did.etwfe for counts: by hand, against dummies, against imputation by Poisson, zeros, refusals, errors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from slow_regression import leave_out_step, newton_poisson, reduced_bias
from tests.did.staggered import staggered

from whatworks.did import etwfe, poisson
from whatworks.errors import DesignError, OptionError
from whatworks.inference import ClusterRobust, Conley, DriscollKraay, Jackknife, TwoWay, WildCluster
from whatworks.results import NotAvailable

RAW = ClusterRobust("CR0")
STARTS = [5, 5, 5, 6, 6, 6, None, None, None, None, None, None, None]
CLUSTERS = [0, 0, 1, 2, 2, 3, 4, 4, 5, 5, 6, 7, 7]


def counts(starts=STARTS, cluster=CLUSTERS, *, periods=9, seed=3, mean=30.0, ratio=0.7, **others):
    plain = staggered(starts, periods=periods, cluster=cluster, **others)
    draw = np.random.default_rng(seed)
    expected = mean * (1 + np.arange(len(starts))[:, None] % 3) * draw.gamma(8, 1 / 8, plain.outcome.shape)
    made = draw.poisson(expected * np.where(plain.treated, ratio, 1.0)).astype(float)
    return replace(plain.with_outcome(made, scale="crimes"))


def exposed(panel, seed=0):
    draw = np.random.default_rng(seed)
    people = 1000 * (1 + np.arange(panel.n_units)[:, None]) * draw.uniform(0.8, 1.2, panel.outcome.shape)
    return replace(panel, exposure=people)


def gaps(panel, cells):
    outcome = panel.outcome.copy()
    for i, t in cells:
        outcome[i, t] = np.nan
    return replace(panel, outcome=outcome)


def dense(panel, extra=()):
    """Outcome, offset, indicators of treated cells, then extra columns and dummies; row by row."""
    n, t = panel.outcome.shape
    start, period = np.repeat(panel.start, t), np.tile(panel.periods, n)
    there = np.isfinite(panel.outcome.ravel())
    pairs = [(g, s) for g in panel.cohorts for s in panel.periods if s >= g]
    own = np.column_stack([(start == g) & (period == s) for g, s in pairs]).astype(float)
    columns = [own, *(x.reshape(-1, 1) for x in extra), np.kron(np.eye(n), np.ones((t, 1)))]
    X = np.hstack([*columns, np.kron(np.ones((n, 1)), np.eye(t))[:, 1:]])
    offset = np.zeros(n * t) if panel.exposure is None else np.log(panel.exposure).ravel()
    weight = np.repeat(np.ones(n) if panel.weight is None else panel.weight, t)
    cluster = np.repeat(panel.cluster, t)
    return [v[there] for v in (panel.outcome.ravel(), offset, X, weight, cluster, period - start)], len(pairs)


def slow_log_ratio(y, offset, X, weight, cells, aim):
    """Log rate ratio of the rows `aim`, and its gradient in all coefficients."""
    beta = newton_poisson(y, offset, X, weight)
    lift = X[:, :cells] @ beta[:cells]
    with_effect = weight * np.exp(offset + X @ beta) * aim
    without = with_effect * np.exp(-lift)
    plain = X.copy()
    plain[:, :cells] = 0
    gradient = with_effect @ X / with_effect.sum() - without @ plain / without.sum()
    return np.log(with_effect.sum() / without.sum()), gradient, beta


CASES = {
    "plain": counts(),
    "exposure": exposed(counts()),
    "weights, exposure, gaps": replace(
        gaps(exposed(counts()), [(0, 1), (3, 7), (8, 4), (12, 8)]), weight=1.0 + np.arange(13) % 4
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_matches_a_regression_with_all_dummies(name):
    panel = CASES[name]
    (y, offset, X, weight, cluster, e), cells = dense(panel)
    result = etwfe(panel, model="poisson", inference=RAW)
    for time in (None, *range(5)):
        aim = e >= 0 if time is None else e == time
        log, gradient, beta = slow_log_ratio(y, offset, X, weight, cells, aim.astype(float))
        mu = np.exp(offset + X @ beta)
        bread = np.linalg.inv((X * (weight * mu)[:, None]).T @ X)
        influence = X @ bread @ gradient * weight * (y - mu)
        error = np.sqrt(sum(influence[cluster == g].sum() ** 2 for g in np.unique(cluster)))
        if time is None:
            assert result.headline.value == pytest.approx(np.exp(log), rel=1e-9)
            assert result.detail.log_effect.std_error == pytest.approx(error, rel=1e-8)
        else:
            row = result.effects[result.effects["event_time"] == time].iloc[0]
            assert row["estimate"] == pytest.approx(np.exp(log), rel=1e-9)
            if time < 4:
                assert row["std_error"] == pytest.approx(np.exp(log) * error, rel=1e-8)


@pytest.mark.parametrize("name", CASES)
def test_cr2_and_one_step_cr3_are_those_of_the_working_least_squares(name):
    panel = CASES[name]
    (y, offset, X, weight, cluster, e), cells = dense(panel)
    _, gradient, beta = slow_log_ratio(y, offset, X, weight, cells, (e >= 0).astype(float))
    mu = np.exp(offset + X @ beta)
    root = np.sqrt(weight * mu)
    error, df = reduced_bias(X * root[:, None], root * (y - mu) / mu, cluster, gradient)
    found = etwfe(panel, model="poisson", inference=ClusterRobust("CR2")).detail.log_effect
    assert (found.std_error, found.df) == pytest.approx((error, df), rel=1e-6)
    # units leave with their cluster, so that their own levels are concentrated out beforehand
    inner = slice(cells, cells + panel.n_units)
    others = np.r_[0:cells, inner.stop : X.shape[1]]
    own, rest = X[:, inner] * root[:, None], X[:, others] * root[:, None]
    slopes = np.linalg.lstsq(own, rest, rcond=None)[0]
    net = gradient[others] - slopes.T @ gradient[inner]
    moved = leave_out_step(rest - own @ slopes, root * (y - mu) / mu, cluster, net)
    third = etwfe(panel, model="poisson", inference=ClusterRobust("CR3")).detail.log_effect
    assert third.std_error == pytest.approx(np.sqrt((moved**2).sum()), rel=1e-6)
    assert "one Newton step without each cluster" in third.inference
    jack = etwfe(panel, model="poisson", inference=Jackknife()).detail.log_effect
    assert jack.std_error == pytest.approx(third.std_error * np.sqrt(7 / 8), rel=1e-9)


def test_is_imputation_by_poisson_without_gaps_and_moving_exposure():
    panel = counts()
    before = ~panel.treated
    n, t = panel.outcome.shape
    X = np.hstack([np.kron(np.eye(n), np.ones((t, 1))), np.kron(np.ones((n, 1)), np.eye(t))[:, 1:]])
    rows = before.ravel()
    beta = newton_poisson(panel.outcome.ravel()[rows], np.zeros(rows.sum()), X[rows], np.ones(rows.sum()))
    expected = np.exp(X @ beta).reshape(n, t)
    result = etwfe(panel, model="poisson", inference=RAW)
    treated = panel.treated
    ratio = panel.outcome[treated].sum() / expected[treated].sum()
    assert result.headline.value == pytest.approx(ratio, rel=1e-9)
    assert result.relative.value == pytest.approx(100 * (ratio - 1), rel=1e-8)
    assert result.detail.additive.value == pytest.approx((panel.outcome - expected)[treated].mean(), rel=1e-8)
    for row in result.detail.cohort_effects.itertuples():
        mine = (panel.start == int(row.cohort))[:, None] & (panel.periods == int(row.period))
        assert row.counts == pytest.approx(panel.outcome[mine].sum())
        assert row.expected == pytest.approx(expected[mine].sum(), rel=1e-9)


def test_four_totals_by_hand():
    # 40 before and 30 after against 50 and 40: (30/40)/(40/50) = 0.9375; two treated cells of two units,
    # 30 counted, 32 expected: -2 over 4 cells
    table = np.array([[4, 6, 5, 7], [10, 20, 11, 7], [8, 12, 9, 16], [19, 11, 10, 5]], dtype=float)
    panel = staggered([3, 3, None, None], periods=4).with_outcome(table, scale="crimes")
    result = etwfe(panel, model="poisson", inference=RAW)
    assert result.headline.value == pytest.approx(0.9375, rel=1e-10)
    assert result.headline.value == pytest.approx(poisson(panel).headline.value, rel=1e-10)
    assert result.detail.additive.value == pytest.approx(-0.5, rel=1e-9)
    assert result.headline.scale == "rate ratio"
    assert result.detail.additive.scale == "crimes"


def test_a_cohort_and_period_of_zeros_enters_with_what_was_expected():
    panel = counts()
    outcome = panel.outcome.copy()
    outcome[:3, 6] = 0.0
    panel = replace(panel, outcome=outcome)
    result = etwfe(panel, model="poisson", inference=RAW)
    cells = result.detail.cohort_effects
    assert (cells["counts"] == 0).sum() == 1
    assert result.headline.value == pytest.approx(cells["counts"].sum() / cells["expected"].sum(), rel=1e-10)
    assert any("cohort 5 in 7" in note and "count 0 in all" in note for note in result.notes)
    # the limit: next to nothing in these cells instead of nothing
    near = outcome.copy()
    near[:3, 6] = 1e-9
    almost = etwfe(replace(panel, outcome=near), model="poisson", inference=RAW)
    assert result.headline.value == pytest.approx(almost.headline.value, rel=1e-7)
    assert result.headline.std_error == pytest.approx(almost.headline.std_error, rel=1e-6)
    wild = etwfe(panel, model="poisson")
    assert wild.headline.low < wild.headline.value < wild.headline.high


def test_an_event_time_of_zeros_is_a_ratio_of_zero_without_an_error():
    panel = counts()
    outcome = panel.outcome.copy()
    outcome[:3, 8] = 0.0
    result = etwfe(replace(panel, outcome=outcome), model="poisson")
    last = result.effects[result.effects["event_time"] == 4].iloc[0]
    assert last["estimate"] == 0
    assert np.isnan(last["std_error"])
    assert "rate ratio is 0" in last["reason"]


def test_silent_units_and_lost_cells_are_named():
    outcome = counts().outcome.copy()
    outcome[12] = 0.0
    silent = etwfe(replace(counts(), outcome=outcome), model="poisson")
    assert silent.detail.silent_units == ("u012",)
    lost = etwfe(counts([4, 4, 6, 6, 8, 8], [0, 1, 2, 3, 4, 5]), model="poisson")
    assert any("not identified" in note and "cohort 4 in 8" in note for note in lost.notes)
    assert lost.effects["event_time"].max() == 3


def test_refusals():
    panel = counts()
    outcome = panel.outcome.copy()
    outcome[:3, :4] = 0.0
    with pytest.raises(DesignError, match="start in 5 count 0 in every period before"):
        etwfe(replace(panel, outcome=outcome), model="poisson")
    with pytest.raises(DesignError, match="every treated unit counts 0"):
        etwfe(replace(panel, outcome=np.where(panel.treated, 0.0, panel.outcome)), model="poisson")
    with pytest.raises(DesignError, match="outcomes are negative"):
        etwfe(replace(panel, outcome=panel.outcome - 100), model="poisson")
    with pytest.raises(DesignError, match="no effect after the start"):
        etwfe(counts([5] * 6, [0, 0, 1, 1, 2, 2]), model="poisson")
    with pytest.raises(OptionError, match="model"):
        etwfe(panel, model="logit")
    with pytest.raises(OptionError, match="null"):
        etwfe(panel, model="poisson", inference=WildCluster(null="free"))
    for sums in (TwoWay(), DriscollKraay(), Conley(10, np.zeros((13, 2)))):
        with pytest.raises(OptionError, match="such sums cancel"):
            etwfe(panel, model="poisson", inference=sums)


def test_one_treated_cluster_has_no_error():
    result = etwfe(counts([5, 5] + [None] * 6, [0, 0, 1, 1, 2, 2, 3, 3]), model="poisson")
    assert isinstance(result.headline.value, float)
    assert isinstance(result.headline.std_error, NotAvailable)


def test_many_single_cluster_cohorts_have_no_sandwich_error_but_a_wild_interval():
    panel = counts([5, 6, 7] + [None] * 6, [0, 1, 2, 3, 4, 5, 6, 7, 8])
    assert isinstance(etwfe(panel, model="poisson", inference=RAW).headline.std_error, NotAvailable)
    wild = etwfe(panel, model="poisson").headline
    assert isinstance(wild.p_value, float)


def slow_null_p(panel, theta):
    """Every sign vector on scores of a fit that holds all treated cells at one ratio."""
    (y, offset, X, weight, cluster, e), cells = dense(panel)
    aim = (e >= 0).astype(float)

    def scores(value):
        rest = X[:, cells:]
        beta = newton_poisson(y, offset + value * aim, rest, weight)
        mu = np.exp(offset + value * aim + rest @ beta)
        bread = np.linalg.inv((X * (weight * mu)[:, None]).T @ X)
        share = (weight * mu * aim) / (weight * mu * aim).sum()
        gradient = np.concatenate([share @ X[:, :cells], np.zeros(X.shape[1] - cells)])
        f = X @ bread @ gradient * weight * (y - mu)
        return np.array([f[cluster == g].sum() for g in np.unique(cluster)])

    log, _, _ = slow_log_ratio(y, offset, X, weight, cells, aim)
    own = scores(theta)
    bar = abs(own.sum() - scores(log).sum())
    groups = len(own)
    signs = 1 - 2 * ((np.arange(2**groups)[:, None] >> np.arange(groups)) & 1)
    held = np.abs(signs @ own) >= bar * (1 - 1e-9)
    held[[0, -1]] = True
    return held.mean()


@pytest.mark.parametrize("name", ["plain", "weights, exposure, gaps"])
def test_wild_scores_from_their_definition(name):
    panel = CASES[name]
    found = etwfe(panel, model="poisson", inference=WildCluster()).detail.log_effect
    assert found.p_value == pytest.approx(slow_null_p(panel, 0.0), abs=1e-12)
    for end, outwards in ((found.low, -1), (found.high, 1)):
        assert slow_null_p(panel, end - outwards * 1e-5) > 0.05 >= slow_null_p(panel, end + outwards * 1e-5)


def test_invariances():
    panel = exposed(counts())
    before = etwfe(panel, model="poisson", inference=ClusterRobust("CR2"))
    people = panel.exposure * np.where(np.arange(13) == 4, 7.0, 1.0)[:, None] * (1 + np.arange(9) % 2)
    after = etwfe(replace(panel, exposure=people), model="poisson", inference=ClusterRobust("CR2"))
    for name in ("value", "std_error", "low", "high"):
        assert getattr(after.headline, name) == pytest.approx(getattr(before.headline, name), rel=1e-7)
    lifted = panel.with_outcome(panel.outcome * np.where(panel.treated, 3.0, 1.0))
    moved = etwfe(replace(lifted, exposure=None), model="poisson", inference=RAW).headline
    plain = etwfe(replace(panel, exposure=None), model="poisson", inference=RAW).headline
    assert moved.value == pytest.approx(3 * plain.value, rel=1e-9)
    assert type(before).from_json(before.to_json()).headline == before.headline
