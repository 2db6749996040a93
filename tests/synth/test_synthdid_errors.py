"""Errors of synthetic difference-in-differences: placebo, jackknife and bootstrap, against loops by hand."""

from __future__ import annotations

import numpy as np
import pytest
from slow_synthdid import estimate, problems, simplex_weights
from tests.synth.panels import factor_panel, panel_of

from whatworks import synth
from whatworks.errors import DesignError, OptionError
from whatworks.inference import Jackknife
from whatworks.inference.default import decide_by_units, small_pools
from whatworks.inference.synthetic.conformal import Conformal
from whatworks.inference.synthetic.placebo_error import PlaceboError, rank_p
from whatworks.inference.synthetic.unit_bootstrap import UnitBootstrap

BEFORE, AFTER = np.arange(20), np.arange(20, 30)


def three_treated() -> np.ndarray:
    return factor_panel(units=14, treated=3, effect=2.0, seed=6).outcome


def panel(outcome: np.ndarray):
    return panel_of(outcome, [21] * 3 + [None] * (len(outcome) - 3))


def test_placebo_error_of_three_treated_units_by_hand():
    """Every set of three donors, the rest of the donors their pool; spread with divisor B; normal ends."""
    from itertools import combinations

    outcome = three_treated()
    found = synth.synthdid(panel(outcome), inference=PlaceboError()).headline
    placebos = []
    for stand_in in combinations(range(3, 14), 3):
        rest = [i for i in range(3, 14) if i not in stand_in]
        placebos.append(estimate(outcome[rest], outcome[list(stand_in)].mean(axis=0), BEFORE, AFTER, 3)[0])
    assert len(placebos) == 165
    assert found.std_error == pytest.approx(np.std(placebos), rel=1e-6)
    assert found.low == pytest.approx(found.value - 1.959963984540054 * found.std_error, rel=1e-12)
    actual = estimate(outcome[3:], outcome[:3].mean(axis=0), BEFORE, AFTER, 3)[0]
    assert found.value == pytest.approx(actual, rel=1e-6)


def test_where_sets_are_many_they_are_drawn_and_the_seed_is_told():
    result = synth.synthdid(panel(three_treated()), inference=PlaceboError(draws=120, seed=4))
    assert result.seed == 4
    assert len(result.detail.space.sets) == 120
    assert synth.synthdid(panel(three_treated()), inference=PlaceboError()).seed is None


@pytest.mark.parametrize("centre", ["estimate", "mean"])
def test_jackknife_keeps_the_weights_and_renormalises_them(centre):
    outcome = three_treated()
    value, units, periods = estimate(outcome[3:], outcome[:3].mean(axis=0), BEFORE, AFTER, 3)
    without = []
    for left in range(14):
        treated = [i for i in range(3) if i != left]
        weights = np.where(np.arange(3, 14) == left, 0, units)
        gap = outcome[treated].mean(axis=0) - weights / weights.sum() @ outcome[3:]
        without.append(gap[AFTER].mean() - periods @ gap[BEFORE])
    about = value if centre == "estimate" else np.mean(without)
    expected = np.sqrt(13 / 14 * ((np.array(without) - about) ** 2).sum())
    found = synth.synthdid(panel(outcome), inference=Jackknife(centre=centre)).headline
    assert found.std_error == pytest.approx(expected, rel=1e-6)
    assert "normal interval" in found.inference


def test_jackknife_of_one_treated_unit_is_refused_with_the_reason():
    with pytest.raises(DesignError, match="only one unit") as refused:
        synth.synthdid(factor_panel(), inference=Jackknife())
    assert "PlaceboError()" in str(refused.value)


def test_bootstrap_of_units_by_writing_every_copy_out():
    """Each sample of units as a table with repeated rows, through the slow solver."""
    outcome = three_treated()
    rule = UnitBootstrap(draws=99, seed=3)
    copies = rule.copies(np.arange(14) < 3, np.arange(14) >= 3).astype(int)
    assert (copies.sum(axis=1) == 14).all()
    drawn = []
    for count in copies:
        rows = np.repeat(outcome, count, axis=0)
        treated = int(count[:3].sum())
        drawn.append(estimate(rows[treated:], rows[:treated].mean(axis=0), BEFORE, AFTER, treated)[0])
    found = synth.synthdid(panel(outcome), inference=rule)
    assert found.headline.std_error == pytest.approx(np.std(drawn), rel=1e-4)
    assert found.seed == 3


def test_twins_share_the_weight_of_a_unit_counted_twice():
    """What copies stand for: the ridge on two equal rows is half the ridge on their sum."""
    outcome = three_treated()
    twice = np.vstack([outcome[3:], outcome[3:4]])
    units = simplex_weights(*problems(twice, outcome[0], BEFORE, AFTER)[0])
    assert units[0] == pytest.approx(units[-1], abs=1e-9)


def test_the_default_follows_the_number_of_units():
    assert decide_by_units(1, 32).inference == PlaceboError()
    assert decide_by_units(20, 20).inference == UnitBootstrap()
    assert decide_by_units(19, 200).inference == PlaceboError()
    assert decide_by_units(12, 13).inference == Jackknife()
    few = synth.synthdid(factor_panel()).headline.inference
    assert few.endswith("(the default with one treated unit).")
    assert synth.synthdid(factor_panel(), inference=PlaceboError()).headline.inference.endswith(
        "(as asked for)."
    )


@pytest.mark.parametrize(
    ("treated", "donors", "words"),
    [
        (1, 3, "9 to 18% with 3 to 6 donors"),
        (1, 10, "1 to 12% with 8 to 16 donors"),
        (4, 4, "jackknife rejected in 18 to 28% with 8 or fewer treated units"),
        (5, 3, "jackknife rejected in 18 to 28%"),
        (12, 12, "some 14% with 12 treated units"),
        (1, 20, ""),
        (5, 20, ""),
        (20, 20, ""),
    ],
)
def test_small_pools_come_with_the_rate_measured_for_them(treated, donors, words):
    found = small_pools(decide_by_units(treated, donors).inference, treated, donors)
    assert len(found) == bool(words)
    assert words in "".join(found)
    if words:
        assert f"{treated} treated unit{'s' * (treated > 1)} and {donors} donors" in found[0]


@pytest.mark.parametrize("starts", [[21, 21, 21, 21], [19, 19, 21, 21]])
def test_the_result_warns_of_a_small_pool(starts):
    outcome = factor_panel(units=8).outcome
    rough = "the normal test and its interval are rough"
    assert any(rough in note for note in synth.synthdid(panel_of(outcome, [*starts, *[None] * 4])).notes)
    ranked = panel_of(outcome, [21] * 4 + [None] * 4)
    assert not any(rough in note for note in synth.synthdid(ranked, inference=Conformal()).notes)


def test_the_smallest_detectable_effect_is_that_of_a_normal_test():
    result = synth.synthdid(factor_panel())
    assert result.design.mde == pytest.approx(
        (1.959963984540054 + 0.8416212335729143) * result.headline.std_error
    )


def test_errors_of_each_period_come_from_the_same_placebos():
    result = synth.synthdid(factor_panel())
    gaps = result.detail.space.gaps[1:, 20:]
    np.testing.assert_allclose(result.effects["std_error"][20:], gaps.std(axis=0), rtol=1e-12)


def test_other_methods_take_the_placebo_error_too():
    result = synth.classic(factor_panel(units=25), inference=PlaceboError())
    spread = result.detail.space.gaps[1:, 20:].mean(axis=1).std()
    assert result.headline.std_error == pytest.approx(spread, rel=1e-12)


def test_rank_counts_the_treated_unit_and_ties():
    assert rank_p(2.0, np.array([1.0, -2.0, 3.0])) == pytest.approx(3 / 4)
    assert rank_p(-9.0, np.array([1.0, -2.0, 3.0])) == pytest.approx(1 / 4)


def test_settings_out_of_range_and_samples_without_treated():
    for rule in (PlaceboError, UnitBootstrap):
        with pytest.raises(OptionError, match="draws"):
            rule(draws=10)
        with pytest.raises(OptionError, match="seed"):
            rule(seed=-1)
    copies = UnitBootstrap(draws=300).copies(np.arange(12) == 0, np.arange(12) > 0)
    assert (copies[:, 0] > 0).all()
    with pytest.raises(DesignError, match="hardly any sample"):
        UnitBootstrap(draws=99).copies(np.zeros(12, dtype=bool), np.arange(12) > 0)
