"""Design rules of synthetic control on panels whose weights, gaps and verdicts can be worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import toy
from tests.synth.panels import factor_panel, panel_of

from whatworks import Panel, checks, did, synth
from whatworks.checks import refits
from whatworks.checks.synth import reading
from whatworks.data.recording import Recording
from whatworks.errors import EstimationError, OptionError
from whatworks.inference.synthetic.conformal import Conformal
from whatworks.inference.synthetic.placebo import Placebo
from whatworks.results import Result

BEFORE, AFTER = 16, 4
ALONG = np.array([1.0, -1.0] * (BEFORE + AFTER))[: BEFORE + AFTER]
SLOW = np.array([1.0, 1.0, -1.0, -1.0] * BEFORE)[: BEFORE + AFTER]


def by_hand(
    before: float | np.ndarray = 15.0,
    after: float = 12.0,
    donors: tuple[float, float, float] = (10.0, 20.0, 40.0),
    noise: float = 1.0,
) -> Panel:
    """u00 is treated from 17. u01 and u02 are constant, u03 has a wave of 5 that is of no use to anyone.

    The wave and the treated unit's noise are orthogonal to each other and to constants, so the weights are
    those that match means with u01 and u02 alone wherever these two can.
    """
    treated = np.concatenate([np.broadcast_to(before, BEFORE), np.full(AFTER, after)]) + noise * ALONG
    flat = np.ones(BEFORE + AFTER)
    outcome = np.stack([treated, donors[0] * flat, donors[1] * flat, donors[2] + 5 * SLOW])
    return panel_of(outcome, [17, None, None, None])


def bounded(result: Result, low: float, high: float) -> Result:
    """The same result with an interval put by hand."""
    return replace(result, headline=replace(result.headline, low=low, high=high))


def without_a_path() -> Result:
    return did.block(toy.panel())


# length, fit, hull


@pytest.mark.parametrize(
    ("kept", "noise", "verdict"), [(16, 1.0, "pass"), (9, 1.0, "concern"), (16, 0.0, "fail")]
)
def test_length_of_the_time_before(kept, noise, verdict):
    panel = by_hand(noise=noise).window(str(17 - kept), None)
    found = checks.pre_period_length(synth.classic(panel))
    assert found.verdict == verdict
    assert f"{kept} periods before the start, 4 from it on, and 3 donors" in found.reason
    assert list(found.table["number"]) == [kept, 4, 3]


@pytest.mark.parametrize(("months", "verdict"), [(11, "concern"), (12, "pass")])
def test_months_before_must_make_a_year(months, verdict):
    panel = by_hand().window(str(17 - months), None)
    monthly = replace(panel, period_kind="month", periods=panel.periods + 12 * 2015)
    start = np.where(panel.start == 17, 12 * 2015 + 17, panel.start)
    found = checks.pre_period_length(synth.classic(replace(monthly, start=start)))
    assert found.verdict == verdict


@pytest.mark.parametrize(
    ("before", "noise", "verdict", "rmspe"),
    # in reach: own noise is all that is missed. At 5 the nearest average is 10; at −20 it is 30 away, and the
    # placebos miss by 10, 1.64 and 20.6
    [(15.0, 1.0, "pass", 1.0), (5.0, 0.0, "concern", 5.0), (-20.0, 0.0, "fail", 30.0)],
)
def test_fit_before_the_start(before, noise, verdict, rmspe):
    result = synth.classic(by_hand(before, noise=noise))
    found = checks.pre_fit(result)
    assert found.verdict == verdict
    assert found.table["number"][0] == pytest.approx(rmspe, abs=1e-9)
    assert found.table["number"][1] == pytest.approx(noise, abs=1e-12)
    assert found.table["number"][2] == pytest.approx(10.0, abs=1e-9)


def test_placebos_are_run_for_the_fit_where_the_inference_ran_none():
    panel = by_hand()
    with_them, without = (
        checks.pre_fit(synth.classic(panel, inference=rule)) for rule in (None, Conformal())
    )
    assert without.reason == with_them.reason


def test_fit_with_two_donors_is_judged_by_the_spread_alone():
    panel = by_hand().select(np.array([True, True, True, False]))
    found = checks.pre_fit(synth.classic(panel, inference=Conformal()))
    assert found.verdict == "pass"
    assert "placebos" not in found.reason
    assert found.table["reason"][2] == "no placebo could be fitted"


@pytest.mark.parametrize(
    ("before", "verdict", "outside"), [(15.0, "pass", 0), (10.0, "concern", 8), (5.0, "fail", 16)]
)
def test_convex_hull(before, verdict, outside):
    found = checks.convex_hull(synth.classic(by_hand(before)))
    assert found.verdict == verdict
    assert int((found.table["outside by"] > 0).sum()) == outside
    if outside == 16:
        assert found.table["outside by"].max() == pytest.approx(6.0)
        # the nearest average is 10: five below, with noise of one
        assert f"by {np.sqrt(26):.3g} (RMSPE)" in found.reason


def test_a_path_that_is_met_prints_no_rounding_error():
    assert (
        "meets the path before the start exactly"
        in checks.convex_hull(synth.classic(by_hand(noise=0))).reason
    )


# weights


@pytest.mark.parametrize(
    ("before", "verdict", "top", "effective"),
    [(15.0, "pass", 0.5, "2.0"), (12.0, "concern", 0.8, "1.5"), (10.5, "fail", 0.95, "1.1")],
)
def test_weight_concentration(before, verdict, top, effective):
    found = checks.weight_concentration(synth.classic(by_hand(before)))
    assert found.verdict == verdict
    assert found.table["weight"][0] == pytest.approx(top, abs=1e-7)
    assert f"average of {effective} donors" in found.reason
    assert "2 of 3 donors are used" in found.reason


def test_interpolation_between_unlike_areas():
    near = checks.interpolation(synth.classic(by_hand()))
    assert near.verdict == "pass"
    assert "have 0.00 of the weight" in near.reason
    # 0 and 30 average to 15; the donors' levels 0, 30 and 15 have standard deviation √150
    far = checks.interpolation(synth.classic(by_hand(donors=(0.0, 30.0, 15.0))))
    assert far.verdict == "concern"
    assert "have 1.00 of the weight" in far.reason
    np.testing.assert_allclose(np.abs(far.table["distance"]), 15 / np.sqrt(150))


@pytest.mark.parametrize(
    ("interval", "near", "verdict"),
    [
        ((-9.0, -1.0), ["u01"], "pass"),  # half of the weight, and -8 lies inside
        ((-5.0, -1.0), ["u01"], "concern"),  # -8 lies outside
        ((-9.0, -1.0), ["u03"], "pass"),  # no weight
        ((-9.0, -1.0), [], "pass"),
    ],
)
def test_donors_that_border_the_treated(interval, near, verdict):
    """Without u01 the nearest average is u02, 20: the gap after the start is 12 - 20."""
    result = bounded(synth.classic(by_hand()), *interval)
    found = checks.donors_left_alone(result, neighbours={"u00": near})
    assert found.verdict == verdict
    assert ("outside its interval" in found.reason) == (interval[0] == -5.0)
    if near == ["u01"]:
        assert "without all suspects the estimate is -8 instead of -3" in found.reason
        assert list(found.table["donor"]) == ["u01"]


def test_a_sign_that_hangs_on_suspect_donors_fails():
    result = bounded(synth.classic(by_hand(after=18.0)), 1.0, 5.0)
    found = checks.donors_left_alone(result, neighbours={"u00": []}, others={"u01": "a curfew"})
    assert found.verdict == "fail"
    assert found.table["why"][0] == "a curfew"
    few = checks.donors_left_alone(result, neighbours={"u00": ["u01", "u02"]})
    assert few.verdict == "concern"
    assert "no pool is left" in few.reason


def test_suspects_support_nothing_where_there_is_no_effect():
    result = bounded(synth.classic(by_hand(10.5)), -9.0, 9.0)
    found = checks.donors_left_alone(result, neighbours={"u00": ["u02"]})
    assert found.verdict == "not_informative"
    assert "0.05 of the weight" in found.reason


def test_an_entry_of_the_register_that_names_a_donor():
    names = ["Croydon", "Westminster", "Sutton", "Barnet"]
    panel = by_hand()
    panel = replace(
        panel,
        units=tuple(names),
        period_kind="month",
        periods=panel.periods + 12 * 2016 - 1,
        start=np.where(panel.start == 17, 12 * 2016 + 16, panel.start),
    )
    met = Recording("mps_tables", ("metropolitan",), "borough")
    found = checks.donors_left_alone(synth.classic(panel), recording=met)
    why = dict(zip(found.table["donor"], found.table["why"], strict=True))
    assert "Attacks at Westminster" in why["Westminster"]
    assert why["Sutton"] == "borders the treated"
    assert "Barnet" not in why
    kent = Recording("home_office", ("kent",), "borough")
    for given in ({}, {"recording": kent}):
        found = checks.donors_left_alone(synth.classic(panel), **given)
        assert "Westminster" not in set(found.table["donor"])


def test_unknown_borders_and_unknown_units():
    result = synth.classic(by_hand())
    found = checks.donors_left_alone(result)
    assert found.verdict == "not_applicable"
    assert "Who borders whom is not known" in found.reason
    assert checks.donors_left_alone(result, others={"u02": "patrols"}).verdict != "not_applicable"
    with pytest.raises(OptionError, match="'u99' is no unit"):
        checks.donors_left_alone(result, others={"u99": "patrols"})


# asked again


def leave_out(interval: tuple[float, float]):
    return checks.leave_one_donor_out(bounded(synth.classic(by_hand()), *interval))


def test_without_each_donor():
    """Without u01 the rest is u02 (20): 12 - 20. Without u02, weight w on u03 minimises (5 - 30w)² + 25w²."""
    found = leave_out((-9.0, -1.0))
    table = found.table.set_index("left out")
    share = 150 / 925
    after = 12 - (10 + 30 * share)
    assert table["estimate"].to_dict() == pytest.approx({"u01": -8.0, "u02": after, "u03": -3.0}, abs=1e-7)
    assert found.table["left out"].iloc[0] == "u01"
    assert table["weight"].to_dict() == pytest.approx({"u01": 0.5, "u02": 0.5, "u03": 0.0}, abs=1e-7)
    assert found.verdict == "pass"
    assert found.would_have_seen == pytest.approx(-1.5, abs=1e-7)  # half of 12 - 15
    assert leave_out((-5.0, -1.0)).verdict == "concern"


def test_without_one_donor_the_sign_turns():
    result = bounded(synth.classic(by_hand(after=18.0)), 1.0, 5.0)
    assert checks.leave_one_donor_out(result).verdict == "fail"


def test_no_interval_is_a_concern():
    panel = factor_panel(units=25, effect=-4.0, seed=4)
    few = checks.leave_one_donor_out(synth.classic(factor_panel(units=8, effect=-4.0)))
    assert few.verdict == "concern"
    assert "no interval" in few.reason
    found = checks.leave_one_donor_out(synth.classic(panel, inference=Placebo(side="fall")))
    assert "no interval" not in found.reason


@pytest.mark.parametrize(
    ("end", "bound", "verdict"),
    # of -8, -2.86 and -3 without a donor each, one lies beyond -5 on one side and beyond -2.9 on the other;
    # bounded below only, no effect is claimed
    [
        ("high", -2.0, "pass"),
        ("high", -2.9, "concern"),
        ("low", -9.0, "not_informative"),
        ("low", -5.0, "concern"),
    ],
)
def test_a_one_sided_interval_is_judged_on_its_side(end, bound, verdict):
    result = synth.classic(by_hand())
    one_sided = replace(result, headline=replace(result.headline, **{end: bound}))
    assert checks.leave_one_donor_out(one_sided).verdict == verdict


def test_two_donors_leave_none_to_drop():
    panel = by_hand().select(np.array([True, True, True, False]))
    assert checks.leave_one_donor_out(synth.classic(panel, inference=Conformal())).verdict == "not_applicable"


def test_on_less_of_the_time_before():
    """12 in the first half, 18 in the second: 15 in all, 16 without the first quarter, 18 without half."""
    panel = by_hand(np.repeat([12.0, 18.0], 8), after=15.0)
    result = synth.classic(panel)
    found = checks.shorter_pre_period(bounded(result, -5.0, 5.0))
    assert result.headline.value == pytest.approx(0.0, abs=1e-7)
    table = found.table.set_index("left out")
    wanted = {"the first quarter": -1.0, "the first half": -3.0}
    assert table["estimate"].to_dict() == pytest.approx(wanted, abs=1e-7)
    assert table["matched from"].to_dict() == {"the first quarter": "5", "the first half": "9"}
    assert found.verdict == "not_informative"
    assert "none to support" in found.reason
    assert checks.shorter_pre_period(bounded(result, -2.0, 2.0)).verdict == "concern"
    short = synth.classic(by_hand().window("11", None))
    assert checks.shorter_pre_period(short).verdict == "not_applicable"


def drifting(size: float) -> Panel:
    """Twenty-four donors, and a treated unit that leaves them ten periods before its start."""
    panel = factor_panel(units=25, periods=40, start=31, seed=3)
    outcome = panel.outcome.copy()
    outcome[0, 20:] += size
    return panel_of(outcome, [31] + [None] * 24)


def test_back_in_time_ranks_the_largest_of_three_dates():
    """The same numbers one date and one panel at a time, by the public method and its placebos."""
    panel = factor_panel(units=25, periods=40, start=31, seed=3)
    found = checks.back_in_time(synth.classic(panel))
    before = panel.window(None, "30")
    assert list(found.table["pretended start"]) == ["11", "16", "21"]
    sizes = []
    for first, row in zip((11, 16, 21), found.table.to_dict("records"), strict=True):
        start = np.where(panel.never_treated, before.start, first)
        alone = synth.classic(before.with_start(start))
        sizes.append(alone.detail.space.rank.statistic)
        assert row["estimate"] == pytest.approx(alone.headline.value, abs=1e-8)
        assert row["rank"] / 25 == pytest.approx(alone.headline.p_value)
    largest = np.max(sizes, axis=0)
    p = (largest >= largest[0] * (1 - 1e-9)).mean()
    assert f"p = {p:.2g} among 25 units" in found.reason
    assert found.verdict == ("pass" if p >= 0.05 else "concern")


def test_three_dates_are_one_test():
    """By hand: of 20 units the treated one is largest at one date, another unit at the two others."""
    from whatworks.checks.synth.refits import _stands_out

    detail = synth.classic(factor_panel(units=20, periods=40, start=31)).detail
    sizes = np.ones((3, 20))
    sizes[1, 0], sizes[0, 5], sizes[2, 5] = 9.0, 8.0, 8.0
    found = _stands_out(detail, [10, 15, 20], np.array([0.1, -2.0, 0.2]), sizes, 0.051)
    assert "p = 0.05 among 20 units" in found.reason
    assert "-2 at 16" in found.reason
    assert found.verdict == "concern"
    sizes[2, 7] = 9.5
    assert "p = 0.1 among" in _stands_out(detail, [10, 15, 20], np.zeros(3), sizes, 0.05).reason


def test_a_treated_unit_that_left_early_is_found_out():
    assert checks.back_in_time(synth.classic(drifting(0.0))).verdict == "pass"
    found = checks.back_in_time(synth.classic(drifting(20.0)))
    assert found.verdict == "concern"
    assert "p = 0.04" in found.reason


def test_too_few_donors_or_periods_to_go_back():
    few = checks.back_in_time(synth.classic(by_hand()))
    assert few.verdict == "not_applicable"
    assert "below 0.25" in few.reason
    panel = factor_panel(units=25).window("16", None)
    assert checks.back_in_time(synth.classic(panel)).verdict == "not_applicable"


# all of them


ALONE = [
    checks.pre_period_length,
    checks.pre_fit,
    checks.convex_hull,
    checks.weight_concentration,
    checks.interpolation,
    checks.donors_left_alone,
    checks.leave_one_donor_out,
    checks.shorter_pre_period,
    checks.back_in_time,
]


@pytest.mark.parametrize("check", ALONE)
def test_a_result_without_a_synthetic_path(check):
    found = check(without_a_path())
    assert found.verdict == "not_applicable"
    assert "did.block has no single synthetic path" in found.reason


def test_a_method_without_weights_or_whose_estimate_is_no_mean_gap():
    result = synth.classic(by_hand())
    fits = replace(result.detail.fits, weights=None)
    bare = replace(result, detail=replace(result.detail, fits=fits))
    for check in (checks.weight_concentration, checks.interpolation, checks.donors_left_alone):
        assert "gives no weight" in check(bare).reason
    assert checks.leave_one_donor_out(bounded(bare, -9.0, 9.0)).verdict == "not_informative"
    other = replace(result, headline=replace(result.headline, value=7.0))
    for check in (checks.leave_one_donor_out, checks.shorter_pre_period):
        assert check(other).verdict == "not_applicable"
        assert "not the mean gap" in check(other).reason


def test_a_method_that_refuses_to_be_asked_again():
    def refuses(problems):
        raise EstimationError("it did not settle", where="a method")

    result = synth.classic(factor_panel(units=25, effect=-3.0), inference=Conformal())
    stubborn = replace(result, detail=replace(result.detail, fit=refuses))
    for check in (checks.leave_one_donor_out, checks.shorter_pre_period, checks.back_in_time):
        assert check(stubborn).verdict == "not_applicable"
        assert "it did not settle" in check(stubborn).reason
    assert "placebos" not in checks.pre_fit(stubborn).reason


def test_single_periods_are_left_out_as_the_estimator_itself_would():
    """The same estimates as by building each panel anew with its placebos."""
    panel = factor_panel(units=22, periods=14, start=10, effect=-3.0, seed=2)
    result = synth.classic(panel)
    quick = reading.without_placebos(result, synth.classic)
    for drop in (0, 5, 8, 9, 13):
        left = refits.without_periods(panel, np.arange(14) == drop)
        assert quick(left).headline.value == pytest.approx(synth.classic(left).headline.value, abs=1e-8)
    assert quick(panel).headline == result.headline
    other = panel.select(np.arange(22) != 3)
    assert quick(other).headline == synth.classic(other).headline


def test_the_battery_runs_everything_and_estimates_the_whole_once():
    panel = factor_panel(units=23, periods=24, start=17, effect=-3.0, seed=2)
    asked = []

    def estimate(given: Panel) -> Result:
        asked.append(given)
        return synth.classic(given)

    found = checks.run_synth(panel, estimate, neighbours={"u00": ["u01", "u02"]})
    assert [check.name for check in found] == [
        "Length of the time before",
        "Fit before the start",
        "Convex hull",
        "Placebo in time",
        "Shorter time before",
        "Weight concentration",
        "Interpolation",
        "Leave one donor out",
        "Donors left alone",
        "Spill-over ring",
        "Influential periods",
        "Series breaks and shocks",
    ]
    assert sum(given is panel for given in asked) == 1
    ring = next(check for check in found if check.name == "Spill-over ring")
    assert list(ring.table["units"]) == [1, 1, 2]
