"""did.compare: the numbers of the methods alone, the arithmetic of why they differ, refusals in words."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from functools import cache

import numpy as np
import pandas as pd
import pytest

from whatworks import Panel, did
from whatworks.did.side_by_side.outcome_weights import account, parts
from whatworks.errors import DesignError, OptionError
from whatworks.panel import NEVER
from whatworks.results import NotAvailable

STARTS = (4, 4, 4, 6, 6, 6, 9, 9, NEVER, NEVER, NEVER, NEVER)
LINEAR = (
    "did.twoway", "did.event_study", "did.att_gt (never)", "did.att_gt (not_yet)", "did.imputation",
    "did.interaction_weighted", "did.etwfe", "did.stacked",
)  # fmt: skip


def staggered(seed=0, noise=1.0, effect=0.0, starts=STARTS, periods=12, weight=False):
    """Unit and period effects, noise, and an effect that grows by `effect` a period and differs by cohort."""
    draw = np.random.default_rng(seed)
    n = len(starts)
    start = np.array(starts)
    e = np.arange(periods)[None, :] - start[:, None]
    grown = effect * (e + 1) * (1 + (start == 4)[:, None]) * (e >= 0)
    level = 10 * draw.standard_normal((n, 1)) + 3 * draw.standard_normal((1, periods))
    return Panel(
        units=tuple(f"u{i:02d}" for i in range(n)),
        periods=np.arange(periods),
        period_kind="integer",
        outcome=level + grown + noise * draw.standard_normal((n, periods)),
        start=start,
        weight=draw.uniform(0.5, 3.0, n) if weight else None,
        scale="crimes",
    )


@cache
def compared(**choices):
    """A panel with these choices and every method's answer to it: frozen, so that tests may share them."""
    panel = staggered(**choices)
    return panel, did.compare(panel)


def numbers(comparison):
    return comparison.table.set_index("method")


@pytest.mark.parametrize("weight", [False, True])
def test_rows_are_what_the_methods_say_alone(weight):
    panel, found = compared(weight=weight)
    table = numbers(found)
    alone = {
        "did.twoway": did.twoway(panel),
        "did.event_study": did.event_study(panel),
        "did.att_gt (never)": did.att_gt(panel),
        "did.att_gt (not_yet)": did.att_gt(panel, comparison="not_yet"),
        "did.imputation": did.imputation(panel),
        "did.interaction_weighted": did.interaction_weighted(panel),
        "did.etwfe": did.etwfe(panel),
        "did.stacked": did.stacked(panel, window=(-1, 2)),
    }
    for name, result in alone.items():
        row = table.loc[name]
        for column, field in (
            ("estimate", "value"),
            ("low", "low"),
            ("high", "high"),
            ("p_value", "p_value"),
        ):
            assert row[column] == pytest.approx(getattr(result.headline, field), rel=1e-9), (name, column)
        assert row["relative"] == pytest.approx(result.relative.value, rel=1e-9)
        assert row["inference"] == result.headline.inference
        assert row["reason"] == ""


@pytest.mark.parametrize("weight", [False, True])
def test_weights_times_outcomes_are_the_estimate_and_cancel_units_and_periods(weight):
    panel, found = compared(weight=weight)
    for name in LINEAR:
        made = account(panel, found.results[name], None)
        assert (made.weights * panel.outcome).sum() == pytest.approx(
            found.results[name].headline.value, rel=1e-9, abs=1e-9
        )
        np.testing.assert_allclose(made.weights.sum(axis=0), 0, atol=1e-12)
        np.testing.assert_allclose(made.weights.sum(axis=1), 0, atol=1e-12)
        assert (made.weights * panel.treated).sum() == pytest.approx(1.0)
        assert sum(weight for _, weight in made.by_cohort) == pytest.approx(1.0)
    made = account(panel, found.results["did.twoway"], None)
    np.testing.assert_allclose(
        made.weights * panel.treated, found.results["did.twoway"].detail.weights, atol=1e-12
    )


@pytest.mark.parametrize("weight", [False, True])
def test_parts_sum_to_the_difference(weight):
    _, found = compared(seed=5, effect=0.5, weight=weight)
    table, made_of = numbers(found), found.made_of.set_index("method")
    for name in LINEAR:
        total = made_of.loc[name, "by_weighting"] + made_of.loc[name, "by_comparison"]
        difference = table.loc[name, "estimate"] - table.loc["did.imputation", "estimate"]
        assert total == pytest.approx(difference, rel=1e-8, abs=1e-10)


def test_without_noise_only_weighting_makes_a_difference():
    panel = staggered(noise=0.0, effect=0.5)
    found = did.compare(panel)
    table, made_of = numbers(found), found.made_of.set_index("method")
    # an event study's leads also take in effects of other cohorts, so the comparison moves it even then
    for name in LINEAR:
        if name != "did.event_study":
            assert made_of.loc[name, "by_comparison"] == pytest.approx(0, abs=1e-8), name
    e = panel.periods[None, :] - panel.start[:, None]
    effect = 0.5 * (e + 1) * (1 + (panel.start == 4)[:, None])
    average = effect[panel.treated].mean()
    for name in ("did.imputation", "did.att_gt (never)", "did.interaction_weighted", "did.etwfe"):
        assert table.loc[name, "estimate"] == pytest.approx(average, rel=1e-8)
    window = np.mean([effect[e == k].mean() for k in range(3)])
    assert table.loc["did.stacked", "estimate"] == pytest.approx(window, rel=1e-8)
    assert made_of.loc["did.twoway", "by_weighting"] < -0.1


def test_the_sentence_states_the_parts():
    panel, found = compared(seed=5, effect=0.5, weight=False)
    made_of, words = found.made_of.set_index("method"), numbers(found)["differs_because"]
    row = made_of.loc["did.stacked"]
    assert f"{row['by_weighting']:+.4g} by weighting the same effects otherwise" in words["did.stacked"]
    assert f"{row['by_comparison']:+.4g} by comparing with other untreated cells" in words["did.stacked"]
    assert words["did.etwfe"].endswith("The same number as did.imputation.")
    assert did.bacon(panel).notes[-1] in words["did.twoway"]
    shares = found.made_of.set_index("method").loc["did.imputation"]
    assert f"4 {shares['cohort 4']:.0%}, 6 {shares['cohort 6']:.0%}" in words["did.imputation"]


def test_a_long_window_after_an_early_start_brings_negative_weights_to_light():
    panel = staggered(starts=(2,) * 6 + (10,) * 5 + (NEVER,), periods=14)
    found = did.compare(panel)
    row = found.made_of.set_index("method").loc["did.twoway"]
    detail = did.twoway(panel).detail
    assert row["negative_cells"] == (detail.weights < 0).sum() > 0
    assert row["negative"] == pytest.approx(detail.sum_negative)
    assert (
        f"{row['negative_cells']} of them carry negative weight"
        in numbers(found).loc["did.twoway", "differs_because"]
    )


def test_what_the_design_does_not_permit_stands_there_with_its_reason():
    table = numbers(compared(weight=False)[1])
    assert "treatment starts on 3 dates" in table.loc["did.block", "reason"].lower()
    assert "did.att_gt" in table.loc["did.block", "reason"]
    assert "drawn by lot" in table.loc["did.staggered_rollout", "reason"]
    assert "no count" in table.loc["did.poisson", "reason"]
    for name in ("did.block", "did.switching", "did.staggered_rollout", "did.poisson"):
        assert table.loc[name, ["estimate", "low", "high"]].isna().all()
        assert table.loc[name, "assumes"]


def test_one_start():
    panel = staggered(starts=(6,) * 4 + (NEVER,) * 6)
    found = did.compare(panel)
    table = numbers(found)
    assert found.suggested == "did.block"
    same = ["did.block", "did.twoway", "did.imputation", "did.etwfe"]
    np.testing.assert_allclose(table.loc[same, "estimate"], table.loc["did.block", "estimate"], rtol=1e-9)
    last = ["did.event_study", "did.att_gt (never)", "did.interaction_weighted", "did.stacked"]
    np.testing.assert_allclose(table.loc[last, "estimate"], table.loc["did.stacked", "estimate"], rtol=1e-9)
    assert "one start" in table.loc["did.att_gt (not_yet)", "reason"]


def test_missing_cells_leave_the_methods_that_permit_them():
    panel = staggered()
    outcome = panel.outcome.copy()
    outcome[0, 1] = np.nan
    found = did.compare(panel.with_outcome(outcome))
    assert found.suggested == "did.imputation"
    assert set(found.results) == {
        "did.twoway", "did.imputation", "did.interaction_weighted", "did.etwfe"
    }  # fmt: skip
    table, made_of = numbers(found), found.made_of.set_index("method")
    for name in found.results:
        total = made_of.loc[name, "by_weighting"] + made_of.loc[name, "by_comparison"]
        difference = table.loc[name, "estimate"] - table.loc["did.imputation", "estimate"]
        assert total == pytest.approx(difference, rel=1e-8, abs=1e-10)


def test_a_window_of_event_times_moves_every_method_that_knows_them():
    panel = staggered(seed=7, effect=0.5)
    table = numbers(did.compare(panel, last=1))
    assert table.loc["did.event_study", "estimate"] == pytest.approx(
        did.average(did.event_study(panel), 0, 1).value
    )
    assert table.loc["did.stacked", "estimate"] == pytest.approx(
        did.stacked(panel, window=(-1, 1)).headline.value
    )
    cells = ["did.att_gt (never)", "did.interaction_weighted"]
    np.testing.assert_allclose(
        table.loc[cells, "estimate"],
        did.aggregate(did.att_gt(panel), by="overall", first=0, last=1).headline.value,
    )
    np.testing.assert_allclose(
        table.loc[["did.imputation", "did.etwfe"], "estimate"],
        did.imputation(panel, horizons=(0, 1)).headline.value,
    )
    np.testing.assert_allclose(
        table.loc["did.interaction_weighted", "relative"], table.loc["did.att_gt (never)", "relative"]
    )
    assert table.loc["did.twoway", "estimate"] == pytest.approx(did.twoway(panel).headline.value)


def counted(seed=0):
    draw = np.random.default_rng(seed)
    people = np.repeat(draw.integers(900, 9000, 12)[:, None], 12, axis=1).astype(float)
    panel = staggered(seed)
    mean = people / 100 * np.where(panel.treated, 0.8, 1.0)
    return replace(panel, outcome=draw.poisson(mean).astype(float), exposure=people)


@cache
def rates_compared():
    return did.compare(counted(), per=1000.0)


@cache
def rate_ratio_by_cohort():
    return did.etwfe(counted(), model="poisson")


def test_counts_bring_the_rate_ratio_on_its_own_scale():
    panel, found = counted(), rates_compared()
    row = numbers(found).loc["did.poisson"]
    alone = did.poisson(panel)
    assert row["scale"] == "rate ratio" != found.scale
    assert row["estimate"] == pytest.approx(alone.headline.value)
    assert row["relative"] == pytest.approx(alone.relative.value)
    rate = did.twoway(panel.as_rate(1000.0)).headline.value
    assert numbers(found).loc["did.twoway", "estimate"] == pytest.approx(rate)
    assert any("rate ratio" in note for note in found.notes)
    assert "in proportion" in row["differs_because"]
    as_counts = did.compare(panel)
    assert any("assume that counts would have changed by the same number" in n for n in as_counts.notes)


def test_counts_with_several_starts_bring_a_rate_ratio_for_every_cohort():
    found, alone = rates_compared(), rate_ratio_by_cohort()
    row = numbers(found).loc["did.etwfe (poisson)"]
    assert row["scale"] == "rate ratio"
    for column, field in (("estimate", "value"), ("low", "low"), ("high", "high"), ("p_value", "p_value")):
        assert row[column] == pytest.approx(getattr(alone.headline, field), rel=1e-9), column
    assert row["relative"] == pytest.approx(alone.relative.value, rel=1e-9)
    assert found.results["did.etwfe (poisson)"].effects["event_time"].isna().all()
    assert (
        f"{alone.relative.value:+.3g}% where every unit would have changed in proportion"
        in (row["differs_because"])
    )
    assert any(
        note.startswith("did.poisson and did.etwfe (poisson) answer on another") for note in found.notes
    )
    assert row["estimate"] != pytest.approx(numbers(found).loc["did.poisson", "estimate"], rel=1e-3)


def test_the_window_ends_the_rate_ratio_too():
    found = did.compare(counted(), per=1000.0, last=1).results["did.etwfe (poisson)"]
    cells = rate_ratio_by_cohort().detail.cohort_effects
    inside = cells[(cells["period"].astype(int) - cells["cohort"].astype(int)).between(0, 1)]
    assert len(inside) == 6 < len(cells)
    assert found.headline.value == pytest.approx(inside["counts"].sum() / inside["expected"].sum(), rel=1e-9)
    assert "event times 0 to 1" in found.headline.estimand


def test_with_one_start_or_without_counts_there_is_one_row_for_rate_ratios():
    panel = counted()
    once = panel.with_start(np.where(panel.start == NEVER, NEVER, 6))
    found = numbers(did.compare(once, per=1000.0))
    assert "did.etwfe (poisson)" not in found.index
    same = did.etwfe(once, model="poisson").headline.value
    assert found.loc["did.poisson", "estimate"] == pytest.approx(same, rel=1e-8)
    assert "did.etwfe (poisson)" not in numbers(compared(weight=False)[1]).index


def test_dates_drawn_by_lot():
    panel = staggered(seed=4)
    found = did.compare(panel, randomised=True)
    row = numbers(found).loc["did.staggered_rollout"]
    alone = did.staggered_rollout(panel)
    assert row["estimate"] == pytest.approx(alone.headline.value)
    assert f"{alone.detail.estimate.beta:.3g} of the difference" in row["differs_because"]


def test_treatment_that_goes_off():
    draw = np.random.default_rng(1)
    status = np.zeros((1, 10, 8))
    status[0, :4, 3:6] = 1
    status[0, 4:6, 3:] = 1
    panel = replace(
        staggered(starts=(NEVER,) * 10, periods=8),
        outcome=draw.standard_normal((10, 8)) + 5,
        covariates=status,
        covariate_names=("on",),
    )
    found = did.compare(panel, treated="on")
    assert set(found.results) == {"did.switching"}
    assert "each of 10 switches" in numbers(found).loc["did.switching", "differs_because"]
    assert isinstance(found.suggested, NotAvailable)


def test_bad_choices_are_refused_and_not_swallowed():
    panel = staggered()
    with pytest.raises(OptionError, match="level"):
        did.compare(panel, level=1.5)
    with pytest.raises(OptionError, match="before the start"):
        did.compare(panel, last=-1)
    with pytest.raises(OptionError, match="no covariate 'on'"):
        did.compare(panel, treated="on")
    with pytest.raises(DesignError, match="no unit starts"):
        did.compare(staggered(starts=(NEVER,) * 5))


def test_order_of_units_does_not_matter_and_nothing_is_changed():
    panel, found = compared(weight=True)
    one = numbers(found)
    shuffled = panel.select(np.random.default_rng(0).permutation(panel.n_units))
    two = numbers(did.compare(shuffled))
    assert panel.fingerprint == staggered(weight=True).fingerprint
    columns = ["estimate", "std_error", "low", "high", "p_value", "relative"]
    np.testing.assert_allclose(one[columns], two[columns], rtol=1e-7)


def test_the_comparison_is_frozen_and_reads_as_a_table():
    found = did.compare(replace(staggered(), scale="<crimes>"))
    with pytest.raises(FrozenInstanceError):
        found.scale = "other"
    page = found._repr_mimebundle_()["text/html"]
    assert "did.att_gt (never) (suggested)" in page
    assert "&lt;crimes&gt;" in page
    assert "<crimes>" not in page
    assert page.count("Does not apply.") == 4


def test_a_cell_that_cannot_be_imputed_has_no_parts():
    panel = staggered()
    found = did.imputation(panel, by="overall", leads=0)
    lost = replace(found.detail.effects, lost=panel.treated)
    made = account(panel, found, None)
    assert parts(lost, made.weights, made.weights) is None


@pytest.mark.parametrize(("weight", "lowest", "highest"), [(None, 0.080, 0.110), ("popwt", 0.066, 0.109)])
def test_castle_doctrine(reference_public, weight, lowest, highest):
    """From 0.066 to 0.110 by method and weight; the unweighted two-way coefficient is bacondecomp's."""
    frame = pd.read_csv(reference_public / "data" / "castle_did2s.csv")
    panel = Panel.from_frame(
        frame, unit="state", period="year", outcome="l_homicide", start="effyear", weight=weight
    )
    table = numbers(did.compare(panel))["estimate"].dropna()
    averages = table.drop(["did.twoway", "did.event_study"])
    assert round(averages.min(), 3) == lowest
    assert round(averages.max(), 3) == highest
    if weight is None:
        assert table["did.twoway"] == pytest.approx(0.0818116169306509, rel=1e-8)
    assert table["did.imputation"] == pytest.approx(_imputed(frame, weight), rel=1e-7)
    assert table["did.att_gt (never)"] == pytest.approx(_against_never(frame, weight), rel=1e-7)


def _imputed(frame, weight):
    """Regression of the untreated on dummies, the slow way."""
    w = frame[weight].to_numpy(float) if weight else np.ones(len(frame))
    treated = (frame["year"] >= frame["effyear"]).to_numpy()
    dummies = pd.get_dummies(frame[["state", "year"]].astype(str)).to_numpy(float)
    root = np.sqrt(w[~treated])[:, None]
    y = frame["l_homicide"].to_numpy()
    b = np.linalg.lstsq(dummies[~treated] * root, y[~treated] * root[:, 0], rcond=None)[0]
    return np.average((y - dummies @ b)[treated], weights=w[treated])


def _against_never(frame, weight):
    """Each cohort's change from the year before its start, less the never treated's."""
    w = frame[weight] if weight else pd.Series(1.0, index=frame.index)
    data = frame.assign(w=w, wy=w * frame["l_homicide"], g=frame["effyear"].fillna(0))
    sums = data.groupby(["g", "year"])[["wy", "w"]].sum()
    mean = (sums["wy"] / sums["w"]).unstack()
    size = sums["w"].unstack().iloc[:, 0]
    cells = [
        (size[g], mean.loc[g, t] - mean.loc[g, g - 1] - mean.loc[0, t] + mean.loc[0, g - 1])
        for g in mean.index[1:]
        for t in mean.columns
        if t >= g
    ]
    return np.average([v for _, v in cells], weights=[s for s, _ in cells])
