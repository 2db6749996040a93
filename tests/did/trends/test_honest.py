"""did.honest: against HonestDiD, against slow direct solutions, and what must not move it."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from reference_numbers import borough_panel, entries

from whatworks import did, errors
from whatworks.inference import ClusterRobust, WildCluster
from whatworks.inference.errors.influence import Analytical
from whatworks.inference.trends import honest_conditional, honest_flci
from whatworks.results import NotAvailable

SOURCES = {
    "fixest": (lambda: fixest_study(), (-5, 3)),
    "did": (lambda: callaway_study(), (-4, 2)),
}


@cache
def boroughs():
    return borough_panel()


@cache
def fixest_study(panel=None):
    data = boroughs() if panel is None else panel
    return did.event_study(data, ends=(-12, 18), inference=ClusterRobust(correction="fixest"))


@cache
def callaway_study():
    found = did.att_gt(boroughs(), base="universal", inference=Analytical())
    return did.aggregate(found, by="event_time", first=-6, last=5)


def stored(case):
    source, target = case.split(".")
    make, window = SOURCES[source]
    return entries("honest")[case]["results"], make(), window, ({0: 1.0} if target == "first_post" else None)


CASES = list(entries("honest"))


@pytest.mark.parametrize("case", CASES)
def test_relative_magnitudes_of_honestdid(case):
    """Their cutoff is simulated (1,000 draws), their ends lie on a grid: two steps, as CHECKS.md states."""
    theirs, study, window, weights = stored(case)
    sets = theirs["relative_magnitudes_CLF"]
    ours = did.honest(study, weights=weights, window=window, grid=sets["Mbar"])
    assert ours.estimate == pytest.approx(theirs["estimate"], rel=1e-7)
    assert ours.std_error == pytest.approx(theirs["se"], rel=1e-7)
    np.testing.assert_allclose([ours.low, ours.high], list(theirs["original_ci"].values()), rtol=1e-6)
    steps = np.array(sets["grid_step"])
    assert (np.abs(ours.table["low"] - sets["lb"]) / steps).max() < 2
    assert (np.abs(ours.table["high"] - sets["ub"]) / steps).max() < 2
    low, high = theirs["breakdown_Mbar_CLF"]["bracket"]
    assert low < ours.breakdown < high
    assert ours.breakdown == pytest.approx(theirs["breakdown_Mbar_CLF"]["interpolated"], abs=0.03)


@pytest.mark.parametrize("case", CASES)
def test_smoothness_of_honestdid(case):
    """The length to 3e-3; a bound to 1e-2, for the optimum is flat and the centre can slide (CHECKS.md)."""
    theirs, study, window, weights = stored(case)
    flci = theirs["smoothness_FLCI"]
    ours = did.honest(study, restriction="smoothness", weights=weights, window=window, grid=flci["M"])
    length = np.array(flci["ub"]) - flci["lb"]
    np.testing.assert_allclose(ours.table["high"] - ours.table["low"], length, atol=3e-3)
    np.testing.assert_allclose(ours.table["low"], flci["lb"], atol=1e-2)
    np.testing.assert_allclose(ours.table["high"], flci["ub"], atol=1e-2)
    if "bracket" in theirs["breakdown_M_FLCI"]:
        low, high = theirs["breakdown_M_FLCI"]["bracket"]
        assert low < ours.breakdown < high
    else:
        assert isinstance(ours.breakdown, NotAvailable)


@pytest.mark.parametrize("case", [name for name in CASES if "first_post" in name])
def test_the_purely_conditional_test_on_the_same_grid(case):
    """Nothing is simulated here, so the sets agree to the point of the grid."""
    theirs = entries("honest")[case]["results"]
    sets, beta = theirs["relative_magnitudes_Conditional"], np.array(theirs["betahat"])
    sigma, target = np.array(theirs["sigma"]["values"]), np.array(theirs["l_vec"], dtype=float)
    for i, m in enumerate(sets["Mbar"]):
        restrictions = honest_conditional.relative_magnitudes(theirs["num_pre"], theirs["num_post"], m)
        corners = honest_conditional.vertices(restrictions, beta, sigma, target)
        theta = np.linspace(sets["grid_lb"][i], sets["grid_ub"][i], sets["grid_points"])
        tiled = np.tile(theta, (len(corners.centre), 1))
        kept = honest_conditional.accepted(corners, np.full(len(tiled), np.inf), tiled, 0.05).any(axis=0)
        np.testing.assert_allclose(
            [theta[kept][0], theta[kept][-1]], [sets["lb"][i], sets["ub"][i]], rtol=1e-10
        )


def test_honestdid_on_its_own_example(reference_public: Path):
    golden = json.loads((reference_public / "goldens" / "honestdid__HonestDiD.json").read_text("utf-8"))
    theirs = golden["results"]["BC"]
    beta, sigma = np.array(theirs["betahat"]), np.array(theirs["sigma"]["values"])
    first = np.eye(len(beta) - theirs["npre"])[0]
    path = honest_flci.frontier(sigma, theirs["npre"], first)
    for m, low, high in zip(*(theirs["SD_first"][name] for name in ("M", "lb", "ub")), strict=True):
        np.testing.assert_allclose(honest_flci.shortest(path, beta, m, 0.95)[:2], (low, high), atol=1e-3)
    draws = honest_conditional.normals(10_000, len(beta), 1)
    sets = theirs["RM_first"]
    step = 40 * np.sqrt(sigma[theirs["npre"], theirs["npre"]]) / 999
    for i, m in enumerate(sets["Mbar"]):
        restrictions = honest_conditional.relative_magnitudes(theirs["npre"], len(first), m)
        corners = honest_conditional.vertices(restrictions, beta, sigma, first)
        cutoff = honest_conditional.least_favourable(corners, np.linalg.cholesky(sigma), draws, 0.005)
        low, high = honest_conditional.confidence_set(corners, cutoff, 0.05)
        # 40 errors wide over 1,000 points is finer than the noise of their 1,000 draws: 3% of a half-length
        assert abs(low - sets["lb"][i]) < step + 0.03 * (high - low) / 2
        if m < 2:  # at 2 their upper end is the edge of the grid
            assert abs(high - sets["ub"][i]) < step + 0.03 * (high - low) / 2


def problem(n_pre, n_post, seed):
    rng = np.random.default_rng(seed)
    n = n_pre + n_post
    root = rng.normal(size=(n, 2 * n))
    return rng.normal(size=n), root @ root.T / (8 * n), rng.normal(size=n_post)


@pytest.mark.parametrize(("n_pre", "n_post"), [(1, 1), (2, 1), (3, 4), (4, 2)])
@pytest.mark.parametrize("restriction", ["relative_magnitudes", "smoothness"])
def test_the_statistic_is_the_value_of_the_linear_programme(n_pre, n_post, restriction):
    """min η over η and nuisance τ: y − A_post·(τ with target′τ = θ) ≤ η·sd, solved as it is written."""
    from scipy.optimize import linprog

    beta, sigma, target = problem(n_pre, n_post, seed=n_pre + 10 * n_post)
    restrictions = getattr(honest_conditional, restriction)(n_pre, n_post, 0.7)
    corners = honest_conditional.vertices(restrictions, beta, sigma, target)
    for which, bound in enumerate(restrictions.bounds):
        A = np.concatenate([restrictions.differences - bound, -restrictions.differences - bound])
        sd = np.sqrt(np.einsum("ri,ij,rj->r", A, sigma, A))
        for theta in (-1.5, 0.3, 2.0):
            slack = A @ beta - restrictions.constant
            solved = linprog(
                np.eye(n_post + 1)[0],
                A_ub=np.column_stack([-sd, -A[:, n_pre:]]),
                b_ub=-slack,
                A_eq=np.concatenate([[0.0], target])[None],
                b_eq=[theta],
                bounds=(None, None),
            )
            ours = (corners.centre[which] - theta * corners.slope[which]).max()
            assert ours == pytest.approx(solved.fun, rel=1e-7, abs=1e-9)


@pytest.mark.parametrize(("n_pre", "n_post", "m"), [(1, 2, 0.1), (3, 1, 0.0), (4, 3, 0.2), (6, 4, 0.02)])
def test_no_linear_estimator_has_a_shorter_interval(n_pre, n_post, m):
    """Against a general-purpose minimiser over the weights, worst bias by linear programming."""
    from scipy.optimize import linprog, minimize

    beta, sigma, target = problem(n_pre, n_post, seed=5)
    path = honest_flci.frontier(sigma, n_pre, target)
    low, high, weights = honest_flci.shortest(path, beta, m, 0.95)
    when = np.r_[-n_pre:0, 1 : n_post + 1]
    second = np.delete(np.diff(np.eye(n_pre + n_post + 1), n=2, axis=0), n_pre, axis=1)
    limits = np.full(2 * len(second), m)
    assert weights @ when == pytest.approx(0, abs=1e-9)
    np.testing.assert_allclose(weights[n_pre:], target)

    def worst(w):
        stacked = np.concatenate([second, -second])
        return -linprog(-w, A_ub=stacked, b_ub=limits, A_eq=[when], b_eq=[0], bounds=(None, None)).fun

    def half(w):
        sd = np.sqrt(w @ sigma @ w)
        return float(honest_flci.folded_normal_quantile(np.array(worst(w) / sd), 0.95)) * sd

    assert (high - low) / 2 == pytest.approx(half(weights), rel=1e-7)
    steps = np.linalg.svd(when[None, :n_pre].astype(float))[2][1:] if n_pre > 1 else np.zeros((0, 1))

    def moved(x):
        return half(np.concatenate([weights[:n_pre] + x @ steps, weights[n_pre:]]))

    if len(steps):
        found = minimize(moved, np.full(len(steps), 0.05), method="Nelder-Mead", options={"maxiter": 150})
        assert found.fun >= half(weights) * (1 - 1e-7)  # the linear programme is solved to 1e-7


@pytest.mark.parametrize("n_pre", [2, 5, 12, 23])
@pytest.mark.parametrize("kind", ["rough", "smooth", "equal"])
def test_the_frontier_is_exact_at_every_knot(n_pre, kind):
    """The conditions of Karush, Kuhn and Tucker: bends in use pull with λ, the others with no more."""
    when = np.r_[-n_pre:0, 1:5]
    free = np.delete(np.diff(np.eye(n_pre + 5), n=2, axis=0), n_pre, axis=1)[: n_pre - 1]
    weigh = np.maximum(-when[:n_pre, None] - np.arange(n_pre - 1, 0, -1), 0)
    for seed in range(30):
        _, sigma, target = problem(n_pre, 4, seed=seed)
        if kind != "rough":
            near = 0.9 ** np.abs(np.subtract.outer(when, when))
            sigma = near if kind == "smooth" else 0.5 + 0.5 * np.eye(n_pre + 4)
        path = honest_flci.frontier(sigma, n_pre, target)
        pull, bends = path.weights @ sigma @ free.T, path.weights[:, :n_pre] @ weigh
        largest = np.abs(pull).max(axis=1, keepdims=True)
        used = np.abs(bends) > 1e-9 * np.abs(bends).max(axis=1, keepdims=True)
        np.testing.assert_allclose(path.weights @ when, 0, atol=1e-9 * np.abs(path.weights).max())
        assert largest[-1] <= 1e-8 * largest[0]
        assert (np.abs(pull + largest * np.sign(bends))[used] <= 1e-8 * largest[0]).all()
        fixed = path.bends - np.abs(bends).sum(axis=1)
        np.testing.assert_allclose(fixed, fixed[0], rtol=1e-9)


def test_folded_normal_quantile():
    from scipy.stats import foldnorm

    shift = np.array([0.0, 0.1, 1.0, 3.0, 40.0])
    np.testing.assert_allclose(
        honest_flci.folded_normal_quantile(shift, 0.9), foldnorm.ppf(0.9, shift), rtol=1e-8
    )


def test_under_a_straight_line_the_interval_is_free_of_it():
    """At M = 0 smoothness permits any straight line, so adding one to every coefficient moves nothing."""
    beta, sigma, target = problem(4, 3, seed=1)
    path = honest_flci.frontier(sigma, 4, target)
    bent = beta + 0.7 * np.r_[-4:0, 1:4]
    np.testing.assert_allclose(
        honest_flci.shortest(path, bent, 0.0, 0.95)[:2], honest_flci.shortest(path, beta, 0.0, 0.95)[:2]
    )
    w = honest_flci.shortest(path, beta, 0.0, 0.95)[2]
    cross = np.linalg.inv(sigma)
    # generalised least squares of the effects with a common slope in the leads, by elimination
    X = np.zeros((7, 4))
    X[:, 0] = np.r_[-4:0, 1:4]
    X[4:, 1:] = np.eye(3)
    gls = np.linalg.solve(X.T @ cross @ X, X.T @ cross @ beta)
    assert w @ beta == pytest.approx(target @ gls[1:], rel=1e-9)


def test_at_zero_relative_magnitudes_are_nearly_the_usual_interval():
    study = fixest_study()
    ours = did.honest(study, window=(-5, 3), grid=[0.0])
    usual = ours.high - ours.low
    assert ours.table["low"].iloc[0] == pytest.approx(ours.low, abs=0.02 * usual)
    assert ours.table["high"].iloc[0] == pytest.approx(ours.high, abs=0.02 * usual)


@pytest.mark.parametrize("restriction", ["relative_magnitudes", "smoothness"])
def test_scale_sign_and_seed(restriction):
    panel = borough_panel()
    plain = did.honest(fixest_study(panel), restriction=restriction, window=(-4, 2), grid=[0.0, 0.5])
    grid = [0.0, 0.5] if restriction == "relative_magnitudes" else [0.0, 1.5]
    tripled = panel.with_outcome(3 * panel.outcome)
    other = did.honest(fixest_study(tripled), restriction=restriction, window=(-4, 2), grid=grid)
    np.testing.assert_allclose(other.table[["low", "high"]], 3 * plain.table[["low", "high"]], rtol=1e-6)
    again = did.honest(fixest_study(panel), restriction=restriction, window=(-4, 2), grid=[0.0, 0.5])
    assert again.table.equals(plain.table)
    negative = panel.with_outcome(-panel.outcome)
    mirrored = did.honest(fixest_study(negative), restriction=restriction, window=(-4, 2), grid=[0.0, 0.5])
    # the same normal draws, mirrored, are other draws: the simulated cutoff moves the ends by its noise
    noise = (0.005 if plain.seed is not None else 1e-9) * (plain.table["high"] - plain.table["low"])
    assert (np.abs(mirrored.table["low"] + plain.table["high"]) <= noise).all()


@pytest.mark.parametrize("method", ["conditional", "fixed_length"])
def test_sets_grow_with_the_bound(method):
    ours = did.honest(fixest_study(), restriction="smoothness", method=method, window=(-4, 2))
    length = (ours.table["high"] - ours.table["low"]).to_numpy()
    assert (np.diff(length) > 0).all()
    assert ours.table["m"].iloc[0] == 0


def test_coverage_when_the_restriction_holds():
    """2,000 draws of the coefficients: a trend at the bound, covered in at least 95% less its noise."""
    _, sigma, _ = problem(3, 2, seed=2)
    rng = np.random.default_rng(4)
    trend = np.array([-0.2, -0.5, -1.0, 1.0, 2.0])  # largest step 1 before, 1 after: M = 1
    target = np.array([0.5, 0.5])
    restrictions = honest_conditional.relative_magnitudes(3, 2, 1.0)
    root, draws = np.linalg.cholesky(sigma), honest_conditional.normals(4_000, 5, 1)
    truth = np.zeros((6, 1))
    blank = honest_conditional.vertices(restrictions, trend, sigma, target)
    cutoff = honest_conditional.least_favourable(blank, root, draws, 0.005)
    kept = 0
    for beta in trend + rng.normal(size=(2000, 5)) @ root.T:
        corners = honest_conditional.vertices(restrictions, beta, sigma, target)
        kept += int(honest_conditional.accepted(corners, cutoff, truth, 0.05).any())
    assert kept / 2000 > 0.95 - 3 * np.sqrt(0.05 * 0.95 / 2000)


def test_what_is_used_and_said():
    panel = borough_panel(cluster="bcu")
    ours = did.honest(did.event_study(panel, ends=(-12, 18), inference=WildCluster(draws=99)), window=(-3, 2))
    assert ours.event_times == (-3, -2, 0, 1, 2)
    assert ours.weights == pytest.approx({0: 1 / 3, 1: 1 / 3, 2: 1 / 3})
    assert "CR1 over 12 clusters" in ours.notes[0]
    assert "-12" in ours.notes[1]
    assert ours.seed == 1
    assert did.honest(fixest_study(), restriction="smoothness", window=(-3, 2)).seed is None


def test_covariance_of_both_sources():
    study = fixest_study()
    found = did.event_time_covariance(study)
    table = study.effects.set_index("event_time")
    assert -12 not in found.times
    assert 18 not in found.times
    np.testing.assert_allclose(
        np.sqrt(np.diag(found.covariance)), table.loc[found.times, "std_error"], rtol=1e-12
    )
    aggregated = callaway_study()
    found = did.event_time_covariance(aggregated)
    table = aggregated.effects.set_index("event_time")
    np.testing.assert_allclose(found.estimates, table.loc[found.times, "estimate"], rtol=1e-12)
    np.testing.assert_allclose(
        np.sqrt(np.diag(found.covariance)), table.loc[found.times, "std_error"], rtol=1e-9
    )
    mean = np.where(found.times >= 0, 1 / (found.times >= 0).sum(), 0)
    assert np.sqrt(mean @ found.covariance @ mean) == pytest.approx(aggregated.headline.std_error, rel=1e-9)


def test_interaction_weighted_effects_serve_too():
    result = did.interaction_weighted(borough_panel(), inference=ClusterRobust())
    found = did.event_time_covariance(result).within(-4, 2)
    table = result.effects.set_index("event_time")
    np.testing.assert_allclose(found.estimates, table.loc[found.times, "estimate"], rtol=1e-12)
    np.testing.assert_allclose(
        np.sqrt(np.diag(found.covariance)), table.loc[found.times, "std_error"], rtol=1e-9
    )
    ours = did.honest(result, window=(-4, 2), grid=[0.0, 1.0])
    assert ours.event_times == (-4, -3, -2, 0, 1, 2)
    assert ours.table["low"].iloc[1] < ours.low < ours.estimate


def test_refusals():
    study = fixest_study()
    with pytest.raises(errors.OptionError, match="not a choice"):
        did.honest(study, restriction="smooth")
    with pytest.raises(errors.OptionError, match="no interval of fixed length"):
        did.honest(study, method="fixed_length")
    with pytest.raises(errors.OptionError, match="do not say which"):
        did.honest(study, weights={-3: 1.0})
    with pytest.raises(errors.OptionError, match="not a list of bounds"):
        did.honest(study, grid=[-1])
    with pytest.raises(errors.OptionError, match="no event time before"):
        did.honest(study, window=(0, 3))
    with pytest.raises(errors.OptionError, match="no effects by event time"):
        did.honest(did.att_gt(boroughs(), inference=Analytical()))
    moving = did.aggregate(did.att_gt(boroughs(), inference=Analytical()), by="event_time")
    with pytest.raises(errors.DesignError, match="one period to the next"):
        did.honest(moving)
    clustered = did.event_study(borough_panel(cluster="bcu"), inference=ClusterRobust())
    with pytest.raises(errors.DesignError, match="singular"):
        did.honest(clustered)
    gone = type(study).from_json(study.to_json())
    with pytest.raises(errors.OptionError, match="read back from a file"):
        did.honest(gone)


def test_an_empty_set_says_so_and_breakdown_needs_a_bracket():
    ours = did.honest(fixest_study(), window=(-5, 3), grid=[1.0, 2.0])
    assert isinstance(ours.breakdown, NotAvailable)
    assert "already" in ours.breakdown.reason
    none = did.honest(fixest_study(), window=(-5, 3), grid=[0.0, 0.1])
    assert "up to M = 0.1" in none.breakdown.reason
