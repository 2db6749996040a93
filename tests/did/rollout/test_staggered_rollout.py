"""did.staggered_rollout: by hand, cell by cell, against the R package, its invariances, what it refuses."""

from __future__ import annotations

from itertools import combinations
from math import comb

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_numbers import HERE, entries

from whatworks import Panel, did, errors
from whatworks.did.rollout import contrasts, fisher
from whatworks.results import NotAvailable

STORED = entries("trial")


def officers():
    table = pd.read_csv(HERE / "data" / "rollout.csv", encoding="utf-8")
    return Panel.from_frame(table, unit="officer", period="month", outcome="y", start="start")


def frame(seed=0, each=6, starts=(4, 6, 9, None), periods=10, effect=-1.0):
    rng = np.random.default_rng(seed)
    n = each * len(starts)
    u, t = np.repeat(np.arange(n), periods), np.tile(np.arange(periods), n)
    dates = np.array([np.nan if s is None else s for s in starts])[u % len(starts)]
    y = rng.normal(size=n)[u] + 0.5 * rng.normal(size=len(u)) + 20 + 0.3 * t + effect * (t >= dates)
    return pd.DataFrame({"unit": [f"u{i:02d}" for i in u], "t": t, "y": y, "start": dates})


def panel(table, **roles):
    return Panel.from_frame(table, unit="unit", period="t", outcome="y", start="start", **roles)


def check(found, stored, row=0, error="se"):
    assert found[0] == pytest.approx(stored["estimate"][row], rel=1e-7)
    assert found[1] == pytest.approx(stored[error][row], rel=1e-7)


def test_by_hand():
    # a, b start in period 2; c, d never. Period 2: mean 5 against 9: −4. Period 1: mean 8 against 9: −1.
    # β = 1 takes the one from the other: −3. Outcome less the period before: −2, −4 and 1, −1; variances
    # within cohorts 2 and 2, over two units each: 1 + 1, error √2
    rows = [("a", 7, 5), ("b", 9, 5), ("c", 8, 9), ("d", 10, 9)]
    table = pd.DataFrame(
        [(u, t, y, 2 if u in "ab" else None) for u, *ys in rows for t, y in zip((1, 2), ys, strict=True)],
        columns=["unit", "t", "y", "start"],
    )
    result = did.staggered_rollout(panel(table), beta=1.0, std_error="neyman")
    assert result.headline.value == pytest.approx(-3)
    assert result.headline.std_error == pytest.approx(np.sqrt(2))
    assert result.headline.low == pytest.approx(-3 - 1.959963984540054 * np.sqrt(2))
    # 5 would have been 8
    assert result.relative.value == pytest.approx(-37.5)
    assert result.design.allocations == 6
    none = did.staggered_rollout(panel(table), beta=0.0, std_error="neyman").headline
    # both cohorts have the same outcome throughout in period 2: no variance at all
    assert none.value == pytest.approx(-4)
    # efficient: the variance is already 0 at β = 0, where the covariance is 0
    assert did.staggered_rollout(panel(table), std_error="neyman").headline.value == pytest.approx(-4)


@pytest.mark.parametrize("estimand", ["simple", "cohort", "calendar"])
def test_package_averages(estimand):
    for kind, error in (("refined", "se"), ("neyman", "se_neyman")):
        efficient = did.staggered_rollout(officers(), draws=99, estimand=estimand, std_error=kind).headline
        check(
            (efficient.value, efficient.std_error),
            STORED[f"staggered.efficient.{estimand}"]["results"],
            error=error,
        )
        did_like = did.staggered_rollout(
            officers(), draws=99, estimand=estimand, std_error=kind, beta=1.0
        ).headline
        check(
            (did_like.value, did_like.std_error), STORED[f"staggered.cs.{estimand}"]["results"], error=error
        )


def test_package_without_adjustment():
    for kind, error in (("refined", "se"), ("neyman", "se_neyman")):
        found = did.staggered_rollout(officers(), draws=99, beta=0.0, std_error=kind).headline
        check((found.value, found.std_error), STORED["staggered.beta0.simple"]["results"], error=error)


@pytest.mark.parametrize(("key", "times"), [("eventstudy_0_5", range(6)), ("eventstudy_pre", (-4, -3, -2))])
def test_package_event_times(key, times):
    stored = STORED[f"staggered.efficient.{key}"]["results"]
    for kind, error in (("refined", "se"), ("neyman", "se_neyman")):
        table = did.staggered_rollout(officers(), draws=99, estimand="event_time", std_error=kind).effects
        table = table.set_index("event_time")
        assert -1 not in table.index
        for row, e in enumerate(times):
            check((table.loc[e, "estimate"], table.loc[e, "std_error"]), stored, row, error)


def test_package_fisher_test():
    # 0 of the package's 500 permutations were as extreme; by Monte Carlo ours must then be below 1%
    assert STORED["staggered.efficient.simple.FRT500"]["results"]["fisher_pval"] == [0]
    result = did.staggered_rollout(officers())
    assert result.headline.p_value < 0.01
    assert "over 120 units (9,999 of" in result.headline.inference
    assert result.headline.low < result.headline.value < result.headline.high < 0
    # with 120 officers the two intervals are alike
    normal = did.staggered_rollout(officers(), std_error="neyman").headline
    assert result.headline.low == pytest.approx(normal.low, abs=0.1 * normal.std_error)
    assert result.headline.high == pytest.approx(normal.high, abs=0.1 * normal.std_error)


def cell_by_cell(y, start, beta):
    """`simple`, from loops over cohorts and periods; starts of 99 are never."""
    periods = y.shape[1]
    last = max(start)
    cohorts = sorted(set(start))
    weight = {(g, t): (start == g).sum() for g in cohorts for t in range(periods) if g <= t < last}
    total = sum(weight.values())
    influence = np.zeros((2, *y.shape))
    for (g, t), w in weight.items():
        others = start > t
        for part, period in enumerate((t, g - 1)):
            influence[part, start == g, period] += w / total / (start == g).sum()
            influence[part, others, period] -= w / total / others.sum()
    parts = (influence * y).sum(axis=2)
    within = np.zeros((2, 2))
    for g in cohorts:
        n = (start == g).sum()
        within += n * np.cov(parts[:, start == g])
    used = within[0, 1] / within[1, 1] if beta is None else beta
    theta = parts.sum(axis=1)
    error = np.sqrt(within[0, 0] - 2 * used * within[0, 1] + used**2 * within[1, 1])
    return theta[0] - used * theta[1], error, used


@pytest.mark.parametrize("starts", [(4, 6, 9, None), (4, 4, 6, 9), (3, None), (2, 5, None, None, 8)])
@pytest.mark.parametrize("beta", [None, 1.0, 0.4])
def test_cell_by_cell(starts, beta):
    used = panel(frame(seed=len(starts), starts=starts))
    value, error, adjustment = cell_by_cell(used.outcome, np.where(used.never_treated, 99, used.start), beta)
    result = did.staggered_rollout(used, beta=beta, std_error="neyman")
    assert result.headline.value == pytest.approx(value, rel=1e-10)
    assert result.headline.std_error == pytest.approx(error, rel=1e-10)
    assert result.detail.estimate.beta == pytest.approx(adjustment, rel=1e-9)
    if None not in starts:
        assert any("From 9 on everyone is treated" in note for note in result.notes)


def by_hand(rollout, aim, beta, effect, deal):
    """Squared statistic of a deal once a constant effect is taken out of the cells treated in truth."""
    begins = np.repeat(rollout.begins, rollout.size)
    untreated = rollout.outcome - effect * (np.arange(rollout.outcome.shape[1]) >= begins[:, None])
    rows = np.argsort(deal, kind="stable")
    again = contrasts.Rollout(untreated[rows], rollout.size, rollout.begins)
    found = contrasts.adjusted(again, aim, beta)
    return (found.value / found.neyman) ** 2


@pytest.mark.parametrize("beta", [None, 0.7])
@pytest.mark.parametrize("effect", [0.0, -1.3, 40.0])
def test_deals_are_estimates_on_reordered_outcomes_without_the_effect(beta, effect):
    detail = did.staggered_rollout(panel(frame())).detail
    rollout, aim = detail.rollout, detail.contrast
    design = fisher.deals(rollout, 99, 3)
    dealt = fisher.dealt(rollout, aim, design)
    squares = dealt.squares(effect, beta)
    assert len(squares) == 99
    for one, deal in zip(squares, np.concatenate(list(design)), strict=True):
        assert one == pytest.approx(by_hand(rollout, aim, beta, effect, deal), rel=1e-6)


@pytest.mark.parametrize("beta", [None, 1.0])
def test_every_deal_by_hand(beta):
    # 3 of 8 at period 3: 56 deals, each refitted from the outcomes without the effect
    used = panel(frame(seed=2, each=1, starts=(3, 3, 3, *(None,) * 5), periods=5))
    result = did.staggered_rollout(used, beta=beta, level=0.9)
    detail, headline = result.detail, result.headline
    assert "all 56 deals of the start dates" in headline.inference
    begins = np.repeat(detail.rollout.begins, detail.rollout.size)

    def p(effect):
        deals = [np.where(np.isin(np.arange(8), chosen), 3, 5) for chosen in combinations(range(8), 3)]
        squares = np.array([by_hand(detail.rollout, detail.contrast, beta, effect, d) for d in deals])
        actual = by_hand(detail.rollout, detail.contrast, beta, effect, begins)
        return (squares >= actual * (1 - 1e-9)).mean()

    assert headline.p_value == pytest.approx(p(0.0))
    for end, outwards in ((headline.low, -1), (headline.high, 1)):
        assert p(end - outwards * 1e-6) > 0.1 >= p(end + outwards * 1e-6)


def test_the_interval_holds_what_a_test_of_the_shifted_outcome_accepts():
    table = frame(seed=5)
    result = did.staggered_rollout(panel(table), draws=499).headline
    for effect in np.linspace(result.low - 0.3, result.high + 0.3, 7):
        moved = table.assign(y=table["y"] - effect * (table["t"] >= table["start"]))
        accepted = did.staggered_rollout(panel(moved), draws=499).headline.p_value > 0.05
        assert accepted == (result.low <= effect <= result.high)


def test_fisher_test_counts_the_actual_dates_and_keeps_its_size():
    strong = did.staggered_rollout(panel(frame(effect=-30.0)), draws=199)
    assert strong.headline.p_value == pytest.approx(1 / 200)
    found = [did.staggered_rollout(panel(frame(seed=s)), draws=99, seed=s) for s in range(80)]
    p = [
        did.staggered_rollout(panel(frame(seed=s, effect=0.0)), draws=99, seed=s).headline.p_value
        for s in range(60)
    ]
    assert min(p) >= 0.01
    assert 0.3 < np.mean(p) < 0.7
    assert np.mean([one.headline.low <= -1 <= one.headline.high for one in found]) > 0.87


def test_few_deals_reject_nothing():
    # 2 of 4: six deals, so no p-value below 1/6
    rows = [("a", 7, 5), ("b", 9, 6), ("c", 8, 9), ("d", 10, 12)]
    table = pd.DataFrame(
        [(u, t, y, 2 if u in "ab" else None) for u, *ys in rows for t, y in zip((1, 2), ys, strict=True)],
        columns=["unit", "t", "y", "start"],
    )
    found = did.staggered_rollout(panel(table)).headline
    # the actual dates and their mirror image count
    assert found.p_value >= 1 / 3
    assert "6 possible assignments" in found.low.reason
    assert "6 possible assignments" in found.high.reason


def test_effects_before_the_start_have_a_p_value_and_no_interval():
    table = did.staggered_rollout(panel(frame()), estimand="event_time", draws=199).effects
    before = table["event_time"] < 0
    assert before.sum() >= 3
    assert table.loc[before, ["low", "high"]].isna().all(axis=None)
    assert table.loc[before, "reason"].str.contains("before the start").all()
    assert table.loc[~before, ["low", "high"]].notna().all(axis=None)
    assert (table.loc[~before, "reason"] == "").all()
    assert table["p_value"].between(0, 1).all()


def test_normal_intervals_warn_where_few_units_are_randomised():
    few = did.staggered_rollout(panel(frame(each=9)), std_error="neyman")
    assert any("Only 36 units were randomised" in note for note in few.notes)
    assert any("Fisher's randomisation test over 36 units" in note for note in few.notes)
    many = did.staggered_rollout(panel(frame(each=10)), std_error="neyman")
    assert not any("were randomised" in note for note in many.notes)
    assert not any("were randomised" in note for note in did.staggered_rollout(panel(frame())).notes)
    assert "neyman standard error, as asked for; normal interval" in few.headline.inference
    assert isinstance(few.design.mde, float)
    assert "does not rest on a standard error" in did.staggered_rollout(panel(frame())).design.mde.reason


@settings(max_examples=25)
@given(
    st.integers(0, 10**6), st.floats(0.1, 20), st.sampled_from(["simple", "cohort", "calendar", "event_time"])
)
def test_invariances(seed, factor, estimand):
    table = frame(seed=seed)
    before = did.staggered_rollout(panel(table), estimand=estimand, std_error="neyman", draws=99)
    rng = np.random.default_rng(seed)
    moved = table.sample(frac=1, random_state=seed)
    # levels of periods drop out; those of units only with β = 1
    moved["y"] = factor * (moved["y"] + rng.normal(size=10)[moved["t"]] * 5 + 100)
    moved["t"] += 7
    moved["start"] += 7
    after = did.staggered_rollout(panel(moved), estimand=estimand, std_error="neyman", draws=99)
    for name in ("value", "std_error", "low", "high"):
        assert getattr(after.headline, name) == pytest.approx(
            factor * getattr(before.headline, name), rel=1e-7
        )
    np.testing.assert_allclose(
        after.effects["estimate"], factor * before.effects["estimate"], rtol=1e-6, atol=1e-9
    )
    unit_levels = moved.assign(y=moved["y"] + 50 * rng.normal(size=24)[moved["unit"].str[1:].astype(int)])
    one, two = (
        did.staggered_rollout(panel(x), beta=1.0, estimand=estimand, draws=99).headline
        for x in (moved, unit_levels)
    )
    assert one.value == pytest.approx(two.value, abs=1e-7 * factor)


def test_efficient_is_never_wider_than_a_fixed_adjustment():
    for seed in range(5):
        used = panel(frame(seed=seed))
        best = did.staggered_rollout(used, std_error="neyman", draws=99).headline.std_error
        for beta in (0.0, 0.5, 1.0):
            fixed = did.staggered_rollout(used, beta=beta, std_error="neyman", draws=99)
            assert best <= fixed.headline.std_error + 1e-12


def test_headline_is_the_average_of_its_parts_when_the_adjustment_is_fixed():
    used = panel(frame())
    for estimand, keep in (("cohort", slice(None)), ("calendar", slice(None)), ("event_time", None)):
        result = did.staggered_rollout(used, estimand=estimand, beta=1.0, draws=99)
        rows = result.effects if keep is not None else result.effects[result.effects["event_time"] >= 0]
        assert result.headline.value == pytest.approx(rows["estimate"].mean())
    assert set(did.staggered_rollout(used, estimand="cohort", draws=99).effects["cohort"]) == {"4", "6", "9"}


def test_clusters_count_once():
    table = frame(each=4)
    table["cluster"] = "c" + (table["unit"].str[1:].astype(int)).astype(str)
    twins = pd.concat([table, table.assign(unit=table["unit"] + "x", y=table["y"] + 2)])
    twins = twins[(twins["unit"].str[1:3].astype(int) % 3 > 0) | ~twins["unit"].str.endswith("x")]
    result = did.staggered_rollout(panel(twins, cluster="cluster"))
    means = twins.groupby(["cluster", "t"], as_index=False).agg(y=("y", "mean"), start=("start", "first"))
    alone = did.staggered_rollout(panel(means.rename(columns={"cluster": "unit"})))
    for name in ("value", "std_error", "p_value"):
        assert getattr(result.headline, name) == pytest.approx(getattr(alone.headline, name), rel=1e-10)
    assert result.design.allocations == comb(16, 4) * comb(12, 4) * comb(8, 4)
    assert any("16 counts once" in note for note in result.notes)
    with pytest.raises(errors.DesignError, match="starts differ within a"):
        did.staggered_rollout(
            panel(table.assign(cluster=np.where(table["unit"] < "u02", "a", "b")), cluster="cluster")
        )


def test_more_deals_than_a_number_can_hold():
    result = did.staggered_rollout(panel(frame(each=300, periods=10)), draws=99)
    assert result.design.allocations == NotAvailable("more than 10^300 ways to deal out the start dates")
    assert "99 of about 10 to the power 718 deals of the start dates, seed" in result.headline.inference


def test_refusals():
    table = frame()
    with pytest.raises(errors.OptionError, match="'average' is not a choice"):
        did.staggered_rollout(panel(table), estimand="average")
    with pytest.raises(errors.OptionError, match="'hc2' is not a choice"):
        did.staggered_rollout(panel(table), std_error="hc2")
    with pytest.raises(errors.OptionError, match="beta=nan"):
        did.staggered_rollout(panel(table), beta=float("nan"))
    with pytest.raises(errors.OptionError, match="draws"):
        did.staggered_rollout(panel(table), draws=10)
    with pytest.raises(errors.DesignError, match="has unit weights"):
        did.staggered_rollout(panel(table.assign(w=1.0), weight="w"))
    with pytest.raises(errors.DesignError, match="has covariates"):
        did.staggered_rollout(panel(table.assign(x=table["y"]), covariates=["x"]))
    with pytest.raises(errors.DesignError, match="1 of 240 cells are missing"):
        did.staggered_rollout(panel(table.assign(y=table["y"].where(table.index != 5)), allow_missing=True))
    lone = table.assign(start=np.where(table["unit"] == "u03", 7, table["start"]))
    with pytest.raises(errors.DesignError, match="a single unit starts in 7"):
        did.staggered_rollout(panel(lone))
    with pytest.raises(errors.DesignError, match="no comparison unit is left"):
        did.staggered_rollout(panel(table.assign(start=5)))
    with pytest.raises(errors.DesignError, match="no unit starts"):
        did.staggered_rollout(panel(table.assign(start=np.nan)))


def test_no_variance_has_a_reason_and_json_keeps_the_result():
    table = frame()
    table["y"] = np.where(table["t"] >= table["start"], 1.0, 0.0)
    result = did.staggered_rollout(panel(table), std_error="refined")
    assert isinstance(result.headline.std_error, NotAvailable)
    assert "not above 0" in result.headline.std_error.reason
    tested = did.staggered_rollout(panel(table)).headline
    assert "not above 0" in tested.p_value.reason
    result = did.staggered_rollout(panel(frame()), estimand="calendar")
    assert type(result).from_json(result.to_json()).headline == result.headline
    assert result.seed == 1
