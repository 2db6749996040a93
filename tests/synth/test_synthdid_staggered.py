"""Synthetic difference-in-differences with several starts."""

from __future__ import annotations

import numpy as np
import pytest
from tests.synth.panels import factor_panel, panel_of

from whatworks import synth
from whatworks.errors import DesignError, OptionError
from whatworks.inference import Jackknife
from whatworks.inference.synthetic.placebo import Placebo
from whatworks.inference.synthetic.placebo_error import PlaceboError
from whatworks.inference.synthetic.unit_bootstrap import UnitBootstrap
from whatworks.synth.synthdid_staggered import pools_of, staggered

STARTS = [21, 21, 21, 25, 25] + [None] * 11
FEW = PlaceboError(draws=99)


def outcome() -> np.ndarray:
    return factor_panel(units=16, seed=3).outcome


def single(start: int, y: np.ndarray | None = None, starts=STARTS):
    """A result with one start alone."""
    keep = [i for i, s in enumerate(starts) if s in (start, None)]
    values = outcome() if y is None else y
    return synth.synthdid(panel_of(values[keep], [starts[i] for i in keep]), inference=FEW)


def test_the_effect_is_the_average_of_cohorts_weighted_by_treated_unit_periods():
    result = synth.synthdid(panel_of(outcome(), STARTS), inference=FEW)
    one, other = single(21), single(25)
    cells = np.array([3 * 10, 2 * 6])
    expected = (cells * [one.headline.value, other.headline.value]).sum() / cells.sum()
    assert result.headline.value == pytest.approx(expected, abs=1e-9)
    table = result.detail.by_cohort
    assert table["share"].tolist() == pytest.approx((cells / cells.sum()).tolist())
    assert table["estimate"].tolist() == pytest.approx([one.headline.value, other.headline.value], abs=1e-9)
    assert table["start"].tolist() == ["21", "25"]
    assert result.design.n_treated == 5


def test_effects_by_event_time_average_the_units_that_reach_it():
    result = synth.synthdid(panel_of(outcome(), STARTS), inference=FEW)
    path = result.effects.set_index("event_time")["estimate"]
    one, other = (single(s).effects.set_index("event_time")["estimate"] for s in (21, 25))
    assert path[2] == pytest.approx((3 * one[2] + 2 * other[2]) / 5, abs=1e-9)
    assert path[-3] == pytest.approx((3 * one[-3] + 2 * other[-3]) / 5, abs=1e-9)
    assert path[8] == pytest.approx(one[8], abs=1e-9)
    assert path[-24] == pytest.approx(other[-24], abs=1e-9)
    counted = result.effects.set_index("event_time")["n"]
    assert counted[[2, 8, -24]].tolist() == [5, 3, 2]


@pytest.mark.parametrize("inference", [Jackknife(), UnitBootstrap(draws=99)])
def test_one_start_through_the_same_steps_is_the_plain_answer(inference):
    starts = [21] * 3 + [None] * 9
    panel = panel_of(outcome()[:12], starts)
    plain = synth.synthdid(panel, inference=inference).headline
    pools = pools_of(panel, None, 0)
    same = staggered(
        panel, pools, np.empty((0, 0, 0)), "both", inference=inference, level=0.95, spec={}
    ).headline
    assert same.value == pytest.approx(plain.value, abs=1e-10)
    assert same.std_error == pytest.approx(plain.std_error, rel=1e-8)


def test_placebos_give_the_starts_to_donors_and_keep_the_others():
    rule = PlaceboError(draws=99, seed=2)
    donors = np.arange(16) >= 5
    first, second = rule.assignments(donors, [3, 2])
    assert (first.sum(axis=1) == 3).all()
    assert (second.sum(axis=1) == 2).all()
    assert not (first & second).any()
    assert not (first | second)[:, :5].any()
    y = outcome()
    expected = []
    for one, other in zip(first, second, strict=True):
        rest = np.flatnonzero(donors & ~one & ~other)
        parts = [
            synth.synthdid(
                panel_of(np.vstack([y[group], y[rest]]), [start] * int(group.sum()) + [None] * len(rest)),
                inference=FEW,
            ).headline.value
            for group, start in ((one, 21), (other, 25))
        ]
        expected.append((30 * parts[0] + 12 * parts[1]) / 42)
        if len(expected) == 3:
            break
    result = synth.synthdid(panel_of(y, STARTS), inference=rule)
    np.testing.assert_allclose(result.detail.placebos[:3], expected, atol=1e-9)
    assert result.headline.std_error == pytest.approx(result.detail.placebos.std(), rel=1e-12)
    assert result.seed == 2
    assert any("Ranked by size among the 99 placebo estimates" in note for note in result.notes)


def test_a_supposed_effect_is_found():
    y = factor_panel(units=16, seed=3).outcome.copy()
    y[:3, 20:] += 5.0
    y[3:5, 24:] += 5.0
    plain = synth.synthdid(panel_of(outcome(), STARTS), inference=FEW).headline.value
    assert synth.synthdid(panel_of(y, STARTS), inference=FEW).headline.value - plain == pytest.approx(5.0)


def test_covariates_and_unit_weights_reach_every_cohort():
    panel = panel_of(outcome(), STARTS)
    frame = panel.to_frame()
    frame["x"] = np.random.default_rng(1).normal(size=len(frame))
    frame["outcome"] = frame["y"] + 3 * frame["x"]
    frame["start"] = np.repeat(["" if s is None else str(s) for s in STARTS], 30)
    frame["w"] = np.repeat([3.0, 1, 1, 1, 1, *[1.0] * 11], 30)
    from whatworks import Panel

    full = Panel.from_frame(
        frame, unit="unit", period="period", outcome="outcome", start="start", covariates=["x"], weight="w"
    )
    result = synth.synthdid(full, adjust="projected", inference=FEW)
    assert result.detail.by_cohort["share"].tolist() == pytest.approx([50 / 62, 12 / 62])
    for part in result.detail.cohorts.values():
        assert part.method.slopes["x"] == pytest.approx(3, abs=0.5)


def test_samples_that_lack_a_cohort_leave_its_error_open():
    result = synth.synthdid(panel_of(outcome(), STARTS), inference=UnitBootstrap(draws=99))
    table = result.detail.by_cohort
    assert table["std_error"].isna().all()
    assert "hold none of the units" in table["reason"][0]
    assert result.headline.std_error > 0


def test_jackknife_needs_two_treated_units_at_every_start():
    starts = [21, 21, 25] + [None] * 13
    with pytest.raises(DesignError, match="only one unit"):
        synth.synthdid(panel_of(outcome(), starts), inference=Jackknife())


def test_units_never_treated_are_needed_and_other_tests_refused():
    with pytest.raises(DesignError, match="every unit is treated"):
        synth.synthdid(panel_of(outcome()[:6], [21, 21, 21, 25, 25, 25]))
    with pytest.raises(OptionError, match="itself treated"):
        synth.synthdid(panel_of(outcome(), STARTS), donors=["u03", "u10", "u11"])
    with pytest.raises(OptionError, match="several starts"):
        synth.synthdid(panel_of(outcome(), STARTS), inference=Placebo())
    with pytest.raises(DesignError, match="too few to let 5"):
        synth.synthdid(panel_of(outcome()[:11], STARTS[:11]), inference=FEW)
    with pytest.raises(OptionError, match="level"):
        synth.synthdid(panel_of(outcome(), STARTS), level=2)
