"""Staggered synthetic control: limits that are known, a slow solver, invariances, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_numbers import entries
from slow_blocks import by_general_solver, pooled_objective
from tests.synth.panels import factor_panel, panel_of, reference_panel

from whatworks import synth
from whatworks.errors import DesignError, OptionError
from whatworks.inference.errors.jackknife import Jackknife
from whatworks.inference.synthetic.conformal import Conformal
from whatworks.inference.synthetic.placebo import Placebo
from whatworks.results import NotAvailable
from whatworks.synth.staggered_programme import over_blocks

QUICK = Placebo(draws=99)
NEVER = [f"u{i:02d}" for i in range(4, 13)]
STARTS = [19, 22, 22, 25] + [None] * 9


def late_panel(effect: float = 0.0, seed: int = 3, starts=tuple(STARTS), shift=0.0):
    outcome = factor_panel(units=13, periods=30, treated=1, seed=seed).outcome.copy() + shift
    for row, start in enumerate(starts):
        if start is not None:
            outcome[row, start - 1 :] += effect
    return panel_of(outcome, list(starts))


def lag_table(detail):
    """Demeaned lags of donors and target, treated unit by treated unit, straight from the panel."""
    pool = detail.pool
    paths, targets, weights = [], [], []
    for j, unit in enumerate(pool.members):
        where = int(np.flatnonzero(pool.source.periods == pool.starts[j])[0])
        window = slice(where - int(pool.pre.sum()), where)
        free = np.flatnonzero(pool.allowed[j])
        own = pool.outcome[:, window] - pool.outcome[:, window].mean(axis=1, keepdims=True)
        paths.append(own[free])
        targets.append(own[unit])
        weights.append(detail.fits.unit_weights[0, j, free])
    return paths, targets, weights


def test_one_treated_unit_is_the_demeaned_convex_fit():
    """Source: quadprog 1.5.8, simplex_sc.demeaned (unique optimum; 1e-6)."""
    expected = entries("synth")["simplex_sc.demeaned"]["results"]
    result = synth.staggered(reference_panel(), inference=QUICK)
    for name, weight in expected["weights"].items():
        assert result.detail.weights[name] == pytest.approx(weight, abs=1e-6)
    assert result.headline.value == pytest.approx(expected["att_post_mean"], rel=1e-7)
    assert result.detail.rmspe == pytest.approx(expected["pre_rmspe"], rel=1e-7)
    np.testing.assert_allclose(result.effects["estimate"], expected["gap"], atol=1e-6)


def test_one_treated_unit_without_intercept_is_the_classic_fit_with_its_placebos():
    panel = factor_panel(units=24, effect=2.0)
    ours, classic = synth.staggered(panel, intercept=False), synth.classic(panel)
    np.testing.assert_allclose(ours.effects["estimate"], classic.effects["estimate"], atol=1e-7)
    assert ours.headline.p_value == classic.headline.p_value
    assert ours.headline.low == pytest.approx(classic.headline.low, rel=1e-6)


def test_no_pooling_is_the_mean_of_separate_fits_each_at_its_own_start():
    panel = late_panel(effect=2.0)
    result = synth.staggered(
        panel, pooling=0, intercept=False, lags=18, leads=5, donors=NEVER, inference=QUICK
    )
    alone = []
    for row, start in enumerate(STARTS[:4]):
        rows = [row, *range(4, 13)]
        window = slice(start - 1 - 18, start - 1 + 5)
        one = panel_of(panel.outcome[rows, window], [19] + [None] * 9)
        alone.append(synth.classic(one, level=0.5).effects["estimate"].to_numpy())
    np.testing.assert_allclose(result.effects["estimate"], np.mean(alone, axis=0), atol=1e-7)
    np.testing.assert_allclose(
        result.detail.by_unit["estimate"], [gaps[18:].mean() for gaps in alone], atol=1e-7
    )
    assert result.effects["event_time"].tolist() == list(range(-18, 5))


@pytest.mark.parametrize("nu", [0.0, 0.3, 0.7, 0.99, 1.0])
def test_the_objective_is_that_of_a_slow_solver(nu):
    """Written out unit by unit; no worse than SLSQP from several starts by more than 1e-8."""
    rng = np.random.default_rng(5)
    panel = panel_of(rng.normal(size=(9, 26)).cumsum(axis=1), [20, 21, 23] + [None] * 6)
    detail = synth.staggered(panel, pooling=nu, inference=Jackknife(), lags=12).detail
    paths, targets, weights = lag_table(detail)
    before = (detail.fits.pooled_before[0], detail.fits.separate_before[0])
    share = detail.pool.share
    ours = pooled_objective(paths, targets, weights, share, nu, before)
    apart = [path - target for path, target in zip(paths, targets, strict=True)]
    size = len(apart[0])
    gram = np.zeros((3, size, 3, size))
    for j in range(3):
        for k in range(3):
            gram[j, :, k] = nu * share[j] * share[k] * apart[j] @ apart[k].T / (12 * before[0] ** 2)
        gram[j, :, j] += (1 - nu) * share[j] * apart[j] @ apart[j].T / (12 * before[1] ** 2)
    starts = [np.full((3, size), 1 / size), *rng.dirichlet(np.ones(size), size=(3, 3))]
    slow = 2 * by_general_solver(gram, starts)[0]
    assert ours <= slow + 1e-8
    assert ours >= slow - 1e-6
    assert detail.fits.certificate[0] <= 1e-10
    assert pooled_objective(paths, targets, weights, share, nu, before) <= 1 + 1e-12


@settings(max_examples=60)
@given(
    seed=st.integers(0, 10_000),
    slots=st.integers(1, 4),
    size=st.integers(2, 5),
    rank=st.integers(1, 8),
    ties=st.booleans(),
)
def test_programmes_on_several_simplices_against_a_slow_solver(seed, slots, size, rank, ties):
    """Random, flat (rank below the number of weights) and tied programmes, some weights forbidden."""
    rng = np.random.default_rng(seed)
    root = rng.integers(-2, 3, size=(slots * size, rank)) if ties else rng.normal(size=(slots * size, rank))
    gram = (root @ root.T).astype(float).reshape(1, slots, size, slots, size)
    allowed = rng.random((1, slots, size)) < 0.7
    allowed[:, :, 0] = True
    start = allowed / allowed.sum(axis=2, keepdims=True)
    found = over_blocks(gram, allowed, start)
    assert (found.weights >= 0).all()
    assert not found.weights[~allowed].any()
    np.testing.assert_allclose(found.weights.sum(axis=2), 1.0, atol=1e-12)
    slow = by_general_solver(gram[0], [start[0]], allowed[0])[0]
    assert found.objective[0] <= slow + 1e-8


def test_imbalances_move_the_way_pooling_says():
    panel = late_panel()
    details = [synth.staggered(panel, pooling=nu, inference=Jackknife()).detail for nu in (0, 0.5, 0.95)]
    pooled, separate = ([getattr(d.fits, name)[0] for d in details] for name in ("pooled", "separate"))
    assert pooled[0] > pooled[1] > pooled[2]
    assert separate[0] < separate[1] < separate[2]


def test_default_pooling_is_the_mean_imbalance_over_the_units():
    panel = late_panel()
    detail = synth.staggered(panel, inference=Jackknife()).detail
    separate = synth.staggered(panel, pooling=0, inference=Jackknife()).detail
    gaps = separate.fits.unit_gaps[0][:, separate.pool.pre]
    ratio = np.linalg.norm(gaps.mean(axis=0)) / np.linalg.norm(gaps, axis=1).mean()
    assert detail.fits.pooling[0] == pytest.approx(ratio, rel=1e-9)


def test_balance_is_told_against_separate_fits_and_uniform_weights():
    detail = synth.staggered(late_panel(), inference=Jackknife()).detail
    table = detail.method
    paths, targets, _ = lag_table(detail)
    gaps = [target - path.mean(axis=0) for path, target in zip(paths, targets, strict=True)]
    assert table["pooled"][2] == pytest.approx(np.sqrt(np.mean(np.mean(gaps, axis=0) ** 2)))
    assert table["separate"][2] == pytest.approx(np.sqrt(np.mean(np.square(gaps))))
    assert table["pooled_of_uniform"][0] == pytest.approx(table["pooled"][0] / table["pooled"][2])


def test_weights_sum_to_one_and_later_treated_units_serve_only_before_their_start():
    starts = [12, 25] + [None] * 11
    panel = late_panel(starts=starts)
    short = synth.staggered(panel, leads=6, inference=Jackknife()).detail
    np.testing.assert_allclose(short.weights_by_unit.sum(), 1.0, atol=1e-12)
    assert short.fits.unit_weights.min() >= 0
    assert short.pool.allowed[:, :2].tolist() == [[False, True], [False, False]]
    near = late_panel(starts=[12, 17] + [None] * 11)
    assert not synth.staggered(near, leads=6, inference=Jackknife()).detail.pool.allowed[:, :2].any()


def test_every_event_time_averages_over_the_same_units():
    result = synth.staggered(late_panel(), inference=QUICK)
    assert result.effects["event_time"].tolist() == list(range(-18, 6))
    assert result.spec["lags"] == 18
    assert result.spec["leads"] == 6
    assert any("same units" in note for note in result.notes)


def test_known_effect_is_found_and_pretended_ones_are_not():
    result = synth.staggered(late_panel(effect=5.0), inference=Placebo(draws=199))
    assert result.headline.value == pytest.approx(5.0, abs=0.6)
    assert result.headline.low > 3
    assert result.headline.p_value < 0.02
    assert result.seed == 1


def test_common_start_takes_sets_and_keeps_the_calendar():
    starts = [21] * 2 + [None] * 11
    result = synth.staggered(late_panel(effect=3.0, starts=starts))
    space = result.detail.space
    assert len(space.sets) == 55
    assert result.seed is None
    assert (space.sets.sum(axis=1) == 2).all()
    assert result.effects["period"].tolist()[20] == "21"
    assert result.headline.p_value == pytest.approx(1 / 56)
    assert result.detail.pool.panel.n_periods == 30


def test_two_starts_are_given_to_every_ordered_pair_once():
    starts = [18, 24] + [None] * 6
    panel = panel_of(factor_panel(units=8).outcome, starts)
    space = synth.staggered(panel, level=0.9).detail.space
    assert len(space.sets) == 30
    tied = panel_of(factor_panel(units=8).outcome, [18, 24, 24] + [None] * 5)
    assert len(synth.staggered(tied, level=0.9).detail.space.sets) == 30


def test_a_placebo_is_the_method_on_a_panel_where_those_donors_were_treated():
    starts = [18, 24] + [None] * 6
    panel = panel_of(factor_panel(units=8).outcome, starts)
    detail = synth.staggered(panel, level=0.9).detail
    row = 7
    chosen = np.flatnonzero(detail.space.sets[row])
    found = []
    for pair in (chosen, chosen[::-1]):
        there = [None] * 8
        there[pair[0]], there[pair[1]] = 18, 24
        other = panel_of(panel.outcome[2:], there[2:])
        found.append(synth.staggered(other, inference=Jackknife()).detail.fits.gaps[0])
    assert min(np.abs(gaps - detail.space.gaps[row + 1]).max() for gaps in found) < 1e-7


def test_jackknife_refits_without_each_unit():
    """One refit a unit, straight from the public function, pooling kept."""
    panel = late_panel(effect=2.0)
    result = synth.staggered(panel, inference=Jackknife("mean"), lags=18, leads=6)
    nu = float(result.detail.fits.pooling[0])
    again = []
    for unit in range(13):
        keep = np.arange(13) != unit
        refit = synth.staggered(panel.select(keep), pooling=nu, lags=18, leads=6, inference=Jackknife())
        again.append(refit.headline.value)
    error = np.sqrt(12 / 13 * np.sum((np.array(again) - np.mean(again)) ** 2))
    assert result.headline.std_error == pytest.approx(error, rel=1e-5)
    assert result.headline.df == 12


def test_adding_levels_or_scaling_moves_nothing_else():
    panel = late_panel(effect=2.0)
    plain = synth.staggered(panel, inference=QUICK)
    levels = np.linspace(-30, 30, 13)[:, None]
    wave = np.sin(np.arange(30.0))
    for outcome, size in ((panel.outcome + levels, 1), (panel.outcome + wave, 1), (panel.outcome * 7, 7)):
        moved = synth.staggered(panel_of(outcome, STARTS), inference=QUICK)
        np.testing.assert_allclose(moved.effects["estimate"], size * plain.effects["estimate"], atol=1e-6)
        assert moved.headline.p_value == plain.headline.p_value
    order = np.r_[:4, np.random.default_rng(1).permutation(np.arange(4, 13))]
    names = [panel.units[i] for i in order]
    same = synth.staggered(panel_of(panel.outcome[order], STARTS, names), inference=QUICK)
    assert same.headline == plain.headline


def test_the_unit_weights_of_a_panel_weigh_the_treated():
    frame = late_panel(effect=2.0).to_frame()
    frame["weight"] = np.where(frame["unit"] == "u00", 3.0, 1.0)
    from whatworks import Panel

    panel = Panel.from_frame(frame, unit="unit", period="period", outcome="y", start="start", weight="weight")
    detail = synth.staggered(panel, inference=Jackknife()).detail
    np.testing.assert_allclose(detail.pool.share, [0.5, 1 / 6, 1 / 6, 1 / 6])
    np.testing.assert_allclose(detail.pool.share @ detail.fits.unit_gaps[0], detail.fits.gaps[0])
    space = synth.staggered(panel, inference=QUICK).detail.space
    assert space.rank.before[0] == pytest.approx(detail.fits.separate[0])
    observed = detail.pool.observed
    np.testing.assert_allclose(observed - detail.fits.counterfactual[0], detail.fits.gaps[0], atol=1e-10)


def test_anticipated_periods_are_matched_by_nothing():
    panel = late_panel(effect=2.0)
    outcome = panel.outcome.copy()
    for row, start in enumerate(STARTS[:4]):
        outcome[row, start - 3 : start - 1] += 40
    strange = panel_of(outcome, STARTS)
    options = {"anticipation": 2, "donors": NEVER, "inference": Jackknife()}
    plain, moved = (synth.staggered(p, **options) for p in (panel, strange))
    assert moved.headline.value == pytest.approx(plain.headline.value, abs=1e-9)
    assert moved.effects["event_time"].tolist()[0] == -18
    assert moved.spec["lags"] == 16


@pytest.mark.parametrize(
    ("starts", "options", "error", "words"),
    [
        ([None] * 13, {}, DesignError, "no unit starts treatment"),
        ([2, *STARTS[1:]], {}, DesignError, "1 periods before its start"),
        (STARTS, {"lags": 25}, OptionError, "more than the 18 periods that u00 has"),
        (STARTS, {"leads": 7}, OptionError, "more than the 6 periods that u03 has"),
        (STARTS, {"lags": 1}, OptionError, "at least 2"),
        (STARTS, {"leads": True}, OptionError, "whole number"),
        (STARTS, {"anticipation": -1}, OptionError, "anticipation=-1"),
        (STARTS, {"pooling": 1.2}, OptionError, "number from 0 to 1"),
        (STARTS, {"pooling": float("nan")}, OptionError, "number from 0 to 1"),
        (STARTS, {"intercept": "no"}, OptionError, "neither True nor False"),
        (STARTS, {"donors": ["u99"]}, OptionError, "no unit of the panel"),
        (STARTS, {"donors": ["u01"]}, OptionError, "itself treated too early"),
        (STARTS, {"donors": ["u09"]}, DesignError, "holds 1 unit"),
        (STARTS, {"donors": ["u09", "u10"], "inference": Jackknife()}, DesignError, "only two donors"),
        (STARTS, {"donors": ["u08", "u09", "u10"]}, DesignError, "too few to let 4 of them stand in"),
        (STARTS, {"inference": Conformal()}, OptionError, "does not apply to a staggered"),
        (STARTS, {"level": 1.0}, OptionError, "level"),
        ([20] + [None] * 12, {"inference": Jackknife()}, DesignError, "one treated unit"),
        ([20] * 12 + [None], {}, DesignError, "holds 1 unit"),
    ],
)
def test_refusals(starts, options, error, words):
    with pytest.raises(error, match=words):
        synth.staggered(late_panel(starts=starts), **options)


def test_missing_cells_are_named_unless_nobody_needs_them():
    outcome = late_panel().outcome.copy()
    outcome[6, 10] = np.nan
    with pytest.raises(DesignError, match="u06 11"):
        synth.staggered(panel_of(outcome, STARTS))
    outcome[6, 10], outcome[0, 29] = 50.0, np.nan
    whole = synth.staggered(late_panel(), inference=Jackknife())
    holed = late_panel().outcome.copy()
    holed[0, 29] = np.nan
    found = synth.staggered(panel_of(holed, STARTS), inference=Jackknife())
    assert found.headline.value == whole.headline.value


def test_an_outcome_of_zeros_is_refused_and_twin_or_constant_donors_are_not():
    outcome = late_panel().outcome.copy()
    outcome[1] = 0
    with pytest.raises(DesignError, match="u01 is zero throughout"):
        synth.staggered(panel_of(outcome, STARTS))
    outcome = late_panel().outcome.copy()
    outcome[5], outcome[6] = 40.0, outcome[7]
    detail = synth.staggered(panel_of(outcome, STARTS), inference=Jackknife()).detail
    np.testing.assert_allclose(detail.weights_by_unit.sum(), 1.0, atol=1e-12)


def test_perfect_fits_leave_nothing_to_pool():
    outcome = late_panel().outcome.copy()
    outcome[:4] = outcome[4:8] + 3
    result = synth.staggered(panel_of(outcome, STARTS), inference=Jackknife())
    assert result.headline.value == pytest.approx(0, abs=1e-9)
    assert result.detail.rmspe == pytest.approx(0, abs=1e-9)


def test_figures_find_what_they_draw():
    result = synth.staggered(late_panel(), inference=QUICK)
    detail = result.detail
    count = detail.pool.panel.n_periods
    assert detail.pool.observed.shape == (count,)
    assert detail.fits.counterfactual.shape == (1, count)
    assert detail.space.gaps.shape == (100, count)
    assert len(result.effects) == count
    assert detail.pool.panel.label(detail.pool.start) == "0"
    assert detail.weights.sum() == pytest.approx(1)
    assert isinstance(result.headline.std_error, NotAvailable)
