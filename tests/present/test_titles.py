"""Titles of figures follow their rule: a finding, none, and nothing said where the numbers do not say."""

from __future__ import annotations

from dataclasses import replace

import made_up_study as made
import numpy as np
import pandas as pd
import pytest
from reference_numbers import borough_panel
from tests.synth.panels import factor_panel

from whatworks import did, present, rct, synth, verdict
from whatworks.inference.synthetic.conformal import Conformal
from whatworks.present import Figure
from whatworks.present.paths import turning_points
from whatworks.results import RATE_RATIO, NotAvailable, Result

GAP = NotAvailable("one cluster carries no error")
FELL, NONE, ROSE, MISSING = (-0.13, -0.02), (-0.13, 0.02), (0.02, 0.13), (GAP, GAP)


def result(low: object, high: object, **changes: object) -> Result:
    whole = made.result(**changes)
    return replace(whole, headline=replace(whole.headline, low=low, high=high))


def said(figure: object) -> tuple[str, str]:
    assert isinstance(figure, Figure)
    return figure.said.title, figure.said.claim


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        (FELL, ("Robbery lower than expected after the start", "fell")),
        (NONE, ("No clear change in robbery after the start", "")),
        (ROSE, ("Robbery higher than expected after the start", "rose")),
        (MISSING, ("", "")),
    ],
)
def test_event_study(ends: tuple[object, object], expected: tuple[str, str]) -> None:
    figure = present.event_study(result(*ends), subject="robbery", period="month")
    assert said(figure) == expected
    assert figure.title == (expected[0] or figure.caption)


def test_leads_that_part_stand_in_the_title() -> None:
    effects = made.effects()
    apart = effects["event_time"] == -4
    off = effects.assign(band_low=effects["band_low"].where(~apart, 0.01))
    figure = present.event_study(result(*FELL, effects=off), subject="robbery")
    assert said(figure) == ("Robbery lower than expected after the start, but differed before it too", "fell")
    # without a band one interval that misses zero is what chance does, two of five are not
    bare = made.effects(bands=False)
    for count, named in ((1, False), (2, True)):
        moved = bare.assign(low=bare["low"].where(~bare["event_time"].isin([-6, -5][:count]), 0.001))
        title, _ = said(present.event_study(result(*FELL, effects=moved), subject="robbery"))
        assert ("differed before" in title) is named


def test_an_estimate_without_interval_is_counted_under_the_title() -> None:
    effects = made.effects()
    last = effects["event_time"] >= 2
    cut = effects.assign(
        low=effects["low"].where(~last),
        high=effects["high"].where(~last),
        reason=effects["reason"].where(~last, "one cohort is left"),
    )
    figure = present.event_study(made.result(effects=cut))
    assert "2 have an estimate without an interval" in figure.caption
    assert "(2 without an interval)" in figure.alt
    assert "without an interval" not in present.event_study(made.result()).caption


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        (FELL, ("Robbery lower than without the intervention", "fell")),
        (NONE, ("No clear change in robbery", "")),
        (ROSE, ("Robbery higher than without the intervention", "rose")),
        (MISSING, ("", "")),
    ],
)
def test_estimates_and_rows_of_effects(ends: tuple[object, object], expected: tuple[str, str]) -> None:
    assert said(present.effect_rows(result(*ends), subject="robbery")) == expected
    assert said(present.estimates(result(*ends), subject="robbery")) == expected


def test_a_rate_ratio_is_held_against_one() -> None:
    headline = replace(made.result().headline, scale=RATE_RATIO, value=0.8, low=0.6, high=0.95)
    assert verdict.direction(headline) == "fell"
    assert verdict.direction(replace(headline, high=1.05)) == ""
    assert verdict.direction(replace(headline, low=1.01, high=1.05)) == "rose"
    assert verdict.direction(replace(headline, low=GAP)) is None


def test_paths_give_the_means_and_no_effect() -> None:
    panel = made.panel()
    title, claim = said(present.paths(panel, subject="robbery"))
    inside = np.isin(panel.start, panel.cohorts)
    before, after = panel.periods < panel.cohorts.min(), panel.periods >= panel.cohorts.max()
    means = [panel.outcome[rows][:, when].mean() for rows in (inside, ~inside) for when in (before, after)]
    low, high, other, last = (f"{mean:.2f}" for mean in means)
    assert title == f"Robbery where treated went from {low} to {high}, elsewhere from {other} to {last}"
    assert claim == ""
    assert "elsewhere" not in said(present.paths(made.panel(never=False)))[0]
    untreated = replace(panel, start=np.full_like(panel.start, panel.start.max()))
    assert said(present.paths(untreated)) == ("", "")


def test_cohorts_are_counted() -> None:
    panel = made.panel(never=False)
    after = "after the start in 2 of 2 cohorts"
    assert said(present.cohort_paths(panel)) == (f"Robbery higher {after}", "")
    lower = replace(panel, outcome=2 - panel.outcome)
    assert said(present.cohort_paths(lower)) == (f"Robbery lower {after}", "")
    mixed = np.where((panel.start == panel.cohorts[0])[:, None], 2 - panel.outcome, panel.outcome)
    assert "in 1 of 2 cohorts" in said(present.cohort_paths(replace(panel, outcome=mixed)))[0]


def test_what_the_untreated_did_as_well_stands_in_the_title() -> None:
    panel = made.panel()
    rest = ~np.isin(panel.start, panel.cohorts)
    late = (panel.periods >= panel.cohorts.min())[None, :] & rest[:, None]
    for change, ends in ((0.5, "in 2 of 2 cohorts, and elsewhere too"), (-0.5, "in 2 of 2 cohorts")):
        moved = replace(panel, outcome=panel.outcome + np.where(late, change, 0.0))
        assert said(present.cohort_paths(moved))[0].endswith(ends)


def test_turning_points_are_named_with_their_dates() -> None:
    labels = [f"2020-{month:02d}" for month in range(1, 7)]
    rise = np.array([np.nan, 0.2, 0.9, 0.1, 0.4, 0.3])
    assert turning_points(rise, labels) == (
        "0.200 in 2020-02, highest 0.900 in 2020-03, lowest 0.100 in 2020-04, 0.300 in 2020-06"
    )
    assert (
        turning_points(np.array([1.0, 2.0, 3.0]), labels) == "lowest 1.00 in 2020-01, highest 3.00 in 2020-03"
    )
    assert turning_points(np.array([2.0, 2.0]), labels) == "2.00 in 2020-01, 2.00 in 2020-02"
    alt = present.paths(made.panel(), subject="robbery").alt
    assert alt.count("highest") == alt.count("lowest") == 2
    assert present.cohort_paths(made.panel(), subject="robbery").alt.count("highest") == 3


def test_bounds_say_how_far_the_finding_holds() -> None:
    months = did.event_study(borough_panel(), ends=(-12, 18))
    found = did.honest(months, window=(-4, 2), grid=[0.0, 0.5, 1.0, 1.5])
    title, claim = said(present.honest(found, subject="burglary"))
    assert title.startswith("Change clear until trends part by ")
    assert title.endswith(" times their largest earlier step")
    assert claim == "fell"
    firm = did.honest(months, window=(-4, 2), grid=[0.0, 0.05])
    assert said(present.honest(firm)) == ("The change stays clear at every bound drawn", "fell")
    assert "no longer clear from" in present.honest(found).svg
    none = replace(found, low=-0.1, high=0.1)
    assert "no longer clear from" not in present.honest(none).svg
    assert said(present.honest(none, subject="burglary")) == (
        "No clear change in burglary, even if trends were parallel",
        "",
    )
    lost = replace(found, breakdown=GAP, table=found.table.assign(low=np.nan, high=np.nan, reason="no root"))
    assert said(present.honest(lost)) == ("", "")


def test_weights_of_a_decomposition() -> None:
    found = did.bacon(borough_panel())
    assert said(present.bacon(found))[0] == "15% of the weight compares with areas treated already"
    clean = found.table[found.table["type"] != "later vs earlier"]
    kinds = found.by_type[found.by_type.iloc[:, 0] != "later vs earlier"]
    fine = replace(found, table=clean, by_type=kinds)
    assert said(present.bacon(fine))[0] == "No comparison is with areas treated already"


def test_drifts_that_the_leads_would_miss() -> None:
    months = did.event_study(borough_panel(), ends=(-12, 18))
    found = did.pretrend_power(months, window=(-6, 5))
    for factor, words in ((0.4, "is under half the effect"), (0.6, "could be half the effect")):
        table = found.table.assign(bias_if_passed=factor * abs(found.estimate))
        title = said(present.pretrend_power(replace(found, table=table), months))[0]
        assert title == f"A drift noticed in 80% of cases {words}"


def test_methods_are_counted() -> None:
    found = did.compare(borough_panel())
    known = found.table["low"].notna()

    def title(low: object, high: object) -> str:
        ends = {"low": low, "high": high}
        table = found.table.assign(**{n: pd.Series(end, known.index).where(known) for n, end in ends.items()})
        return said(present.comparison(replace(found, table=table)))[0]

    many = int(known.sum())
    assert title(-2.0, -1.0) == f"All {many} methods find a fall"
    assert title(1.0, 2.0) == f"All {many} methods find a rise"
    assert title(-1.0, 1.0) == f"None of {many} methods finds a clear change"
    assert title(np.nan, np.nan) == ""
    first = np.where(np.arange(len(known)) == np.flatnonzero(known)[0], -0.5, 1.0)
    assert title(-1.0, first) == f"Of {many} methods, 1 finds a fall and {many - 1} no clear change"


def test_synthetic_controls() -> None:
    found = synth.classic(factor_panel(units=25, effect=-4.0, seed=4))
    head = found.headline
    for low, high, title, claim in (
        (-5.0, -3.0, "Robbery in u00 ran below its synthetic control", "fell"),
        (3.0, 5.0, "Robbery in u00 ran above its synthetic control", "rose"),
        (-5.0, 5.0, "No clear gap between u00 and its synthetic control", ""),
        (GAP, GAP, "", ""),
    ):
        now = replace(found, headline=replace(head, low=low, high=high))
        assert said(present.synth_path(now, subject="robbery")) == (title, claim)
    means = np.abs(found.detail.space.gaps[:, np.asarray(found.detail.pool.post)].mean(axis=1))
    beyond = int((means[1:] >= means[0]).sum())
    some = f"{beyond or 'None'} of 24 placebos {'have' if beyond > 1 else 'has'}"
    assert said(present.synth_gap(found)) == (f"{some} a gap as large as u00", "")
    assert "ranks" in said(present.synth_ranking(found))[0]
    heavy = np.sort(found.detail.weights.to_numpy())[::-1][:3].sum()
    assert said(present.donor_weights(found))[0] == (
        f"Three donors make up {100 * heavy:.0f}% of the synthetic control"
    )
    other = synth.classic(found.detail.pool.panel, inference=Conformal())
    assert said(present.synth_path(other))[1] in ("", "fell", "rose")


def test_months_that_are_missing_are_counted() -> None:
    assert said(present.coverage(made.coverage()))[0] == "Of 24 months of data, 3 missing and 1 there in part"
    whole = made.coverage().query("source == 'early.csv'").assign(state="present")
    assert said(present.coverage(whole))[0] == "Every month is there"


def test_arms_before_the_start() -> None:
    table = pd.DataFrame(
        {"variable": ["age"], "arm": ["offered"], "standardised": [-0.214], "reason": [""], "p_value": [0.2]}
    )
    for p_value, title in (
        (0.2, "Arms differed before the start no more than by chance (p = 0.200)"),
        (0.01, "Arms differed before the start more than chance does (p = 0.010)"),
        (GAP, "Arms differed by up to 0.21 standard deviations before"),
    ):
        assert said(present.trial_balance(Balance(table, p_value)))[0] == title
    unknown = table.assign(standardised=np.nan, reason="all alike")
    assert said(present.trial_balance(Balance(unknown, GAP)))[0] == ""


class Balance:
    """What the figure reads of `rct.balance`."""

    def __init__(self, table: pd.DataFrame, p_value: object) -> None:
        self.table, self.p_value = table, p_value


def test_power() -> None:
    found = rct.power(rct.Parallel(50, 50, periods=12), rct.Counts(1.0, 2.0))
    often = f"n effect of {-100 * found.mde:.0f}% is found 80 times in 100"
    assert said(present.power_curve(found))[0] == f"A{often}"
    assert said(present.power_sizes(found))[0] == f"With 100 units a{often}"
    hopeless = rct.power(rct.Parallel(2, 2), rct.Counts(0.01))
    assert said(present.power_curve(hopeless)) == ("", "")


def test_a_report_keeps_no_title_that_its_verdict_does_not_bear_out() -> None:
    figure = present.event_study(made.result(), subject="robbery", period="month")
    assert figure.within("fell") is figure
    for status in ("inconclusive", "not_answered", "no_change_that_matters", "rose"):
        plain = figure.within(status)
        assert plain.title == plain.caption == figure.caption
        assert "lower" not in plain.html().partition("<svg")[0]
        assert plain.svg == figure.svg
    assert "lower" not in figure.svg
    raw = present.paths(made.panel(), subject="robbery")
    assert raw.within("not_answered") is raw
