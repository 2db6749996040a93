"""Bounds under attrition: by hand, the reference in three conventions, Lee's own formula, cells, refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.support.reference_numbers import HERE, entries

from whatworks import Trial, rct
from whatworks.errors import DesignError, OptionError, TrialError
from whatworks.rct.losses import trimming
from whatworks.rct.losses.attrition_rows import p_value
from whatworks.rct.losses.cells import cells_of
from whatworks.results import NotAvailable, Result

A = pd.read_csv(HERE / "data" / "trial_blocked.csv")
A["seen"] = A.y.where(A.attrited == 0)


def read(frame: pd.DataFrame, **roles: Any) -> Trial:
    given = {"unit": "person", "arm": "z", "outcome": "seen", "control": 0, "allow_missing": True}
    return Trial.from_frame(frame, **{**given, **roles})


def row(result: Result, start: str) -> pd.Series:
    return result.effects[result.effects["term"].str.startswith(start)].iloc[0]


def ends(result: Result) -> tuple[float, float]:
    return row(result, "lower")["estimate"], row(result, "upper")["estimate"]


# treated: 2, 4, 6 known; control: 1, 3 known and one lost: a third of the treated are trimmed, one person
SIX = pd.DataFrame({"person": list("abcdef"), "z": [1, 1, 1, 0, 0, 0], "seen": [2.0, 4, 6, 1, 3, np.nan]})


def test_six_people_by_hand() -> None:
    found = rct.attrition_bounds(read(SIX))
    assert ends(found) == pytest.approx((3 - 2, 5 - 2))
    assert row(found, "difference")["estimate"] == pytest.approx(4 - 2)
    assert row(found, "known outcome in 0")["estimate"] == pytest.approx(2 / 3)
    assert row(found, "known outcome, 1 less 0")["estimate"] == pytest.approx(1 / 3)
    assert isinstance(found.headline.value, NotAvailable)
    assert "between 1 and 3" in found.headline.value.reason
    assert found.headline.low < 1 < 3 < found.headline.high


def test_the_other_arm_is_trimmed_where_it_lost_less() -> None:
    turned = SIX.assign(z=1 - SIX.z)
    # control 2, 4, 6 trimmed: its highest leaves 3, its lowest 5; treated mean 2
    assert ends(rct.attrition_bounds(read(turned))) == pytest.approx((2 - 5, 2 - 3))
    mirrored = rct.attrition_bounds(read(turned))
    plain = rct.attrition_bounds(read(SIX))
    assert row(mirrored, "lower")["std_error"] == pytest.approx(row(plain, "upper")["std_error"])
    assert mirrored.headline.low == pytest.approx(-plain.headline.high)


def test_the_marginal_person_is_trimmed_in_part() -> None:
    # four treated known of four, control three known of five: 1 − 3/5 = 40% of four people, 1.6 of them
    frame = pd.DataFrame(
        {"person": range(9), "z": [1] * 4 + [0] * 5, "seen": [1.0, 2, 3, 4, 0, 0, 0, np.nan, np.nan]}
    )
    lower, upper = ends(rct.attrition_bounds(read(frame)))
    assert lower == pytest.approx((1 + 2 * 1 + 0.4 * 3) / 2.4)
    assert upper == pytest.approx((4 + 3 * 1 + 0.4 * 2) / 2.4)


def test_reference_and_its_other_conventions() -> None:
    wanted = entries("trial")["lee_bounds"]["results"]
    found = rct.attrition_bounds(read(A))
    assert ends(found) == pytest.approx((wanted["lower_fractional"], wanted["upper_fractional"]), rel=1e-12)
    assert row(found, "difference")["estimate"] == pytest.approx(wanted["unadjusted"], rel=1e-12)
    shares = [row(found, f"known outcome in {arm}")["estimate"] for arm in (0, 1)]
    assert shares == pytest.approx([wanted["share_observed_control"], wanted["share_observed_treated"]])
    counts = entries("trial")["attrition_table"]["results"]
    assert [row(found, f"known outcome in {arm}")["n"] for arm in (0, 1)] == [
        counts["control"],
        counts["treated"],
    ]
    # the conventions that we do not use, so that the difference is understood
    treated = np.sort(A.seen[A.z == 1].dropna().to_numpy())
    control = A.seen[A.z == 0].mean()
    p = wanted["trim_share"]
    whole = int(np.floor(p * len(treated)))
    assert treated[:-whole].mean() - control == pytest.approx(wanted["lower"], rel=1e-12)
    assert treated[whole:].mean() - control == pytest.approx(wanted["upper"], rel=1e-12)
    low, high = np.quantile(treated, [p, 1 - p])
    assert treated[treated <= high].mean() - control == pytest.approx(
        wanted["lower_quantile_type7"], rel=1e-12
    )
    assert treated[treated >= low].mean() - control == pytest.approx(
        wanted["upper_quantile_type7"], rel=1e-12
    )


def test_errors_are_lees_formula() -> None:
    """Proposition 3, each arm's part with its n/(n − 1)."""
    sample = trimming.Sample(
        A.seen.fillna(0.0).to_numpy(), A.seen.notna().to_numpy(), (A.z == 1).to_numpy(), np.ones(600)
    )
    bounds = trimming.lee(sample)
    n1, n0 = int((A.z == 1).sum()), int((A.z == 0).sum())
    q1, q0 = 260 / 285, 259 / 315
    p = 1 - q0 / q1
    treated, control = np.sort(A.seen[A.z == 1].dropna()), A.seen[A.z == 0].dropna()
    kept = np.clip(260 * (1 - p) - np.arange(260), 0, 1)
    mean = kept @ treated / kept.sum()
    spread = kept @ (treated - mean) ** 2 / kept.sum()
    margin = treated[np.flatnonzero(kept)[-1]]
    one = (spread + (margin - mean) ** 2 * p) / (q1 * (1 - p)) + (margin - mean) ** 2 * (1 - q1) / q1
    two = (margin - mean) ** 2 * (1 - q0) / q0 + control.var(ddof=0) / q0
    wanted = one / (n1 - 1) + two / (n0 - 1)
    found = trimming.variance(bounds.influence, sample.treated, None)[0, 0]
    assert found == pytest.approx(wanted, rel=1e-12)


def test_without_loss_it_is_the_difference_in_means_with_its_error() -> None:
    found = rct.attrition_bounds(read(A, outcome="y"))
    dim = entries("trial")["dim.simple"]["results"]
    assert found.headline.value == pytest.approx(dim["estimate"][0], rel=1e-12)
    assert found.headline.std_error == pytest.approx(dim["se"][0], rel=1e-12)
    half = (found.headline.high - found.headline.low) / 2
    from scipy.stats import t

    assert half == pytest.approx(t.ppf(0.975, 598) * dim["se"][0], rel=1e-9)
    assert found.headline.p_value == pytest.approx(
        2 * t.sf(abs(dim["estimate"][0] / dim["se"][0]), 598), rel=1e-6
    )
    assert any("Nobody was lost" in note for note in found.notes)


def test_equal_losses_let_the_bounds_meet() -> None:
    frame = pd.DataFrame(
        {"person": range(8), "z": [1] * 4 + [0] * 4, "seen": [1.0, 2, 6, np.nan, 0, 1, 2, np.nan]}
    )
    found = rct.attrition_bounds(read(frame))
    assert found.headline.value == pytest.approx(2.0)
    assert ends(found) == pytest.approx((2.0, 2.0))
    assert any("equal shares" in note for note in found.notes)


def test_cells_are_averaged_by_who_would_be_known_either_way() -> None:
    frame = A.assign(half=(A.block > 3).astype(int))
    found = rct.attrition_bounds(read(frame, baseline=["half"]), tighten="half")
    parts = [rct.attrition_bounds(read(frame[frame.half == h])) for h in (0, 1)]
    size = []
    for h, part in enumerate(parts):
        known = min(row(part, f"known outcome in {arm}")["estimate"] for arm in (0, 1))
        size.append((frame.half == h).mean() * known)
    for end in (0, 1):
        wanted = sum(s * ends(part)[end] for s, part in zip(size, parts, strict=True)) / sum(size)
        assert ends(found)[end] == pytest.approx(wanted, rel=1e-12)
    assert found.detail.cells["n"].tolist() == [230, 370]


def test_a_cell_that_tells_nothing_apart_changes_no_bound() -> None:
    frame = A.assign(same=1.0)
    plain, tight = (
        rct.attrition_bounds(read(A)),
        rct.attrition_bounds(read(frame, baseline=["same"]), tighten=["same"]),
    )
    assert ends(tight) == pytest.approx(ends(plain), rel=1e-12)
    assert tight.headline.low == pytest.approx(plain.headline.low, rel=1e-12)


def test_cells_narrow_the_bounds_where_they_explain_the_outcome() -> None:
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"person": range(2000), "z": np.arange(2000) % 2, "x": rng.normal(size=2000)})
    lost = (rng.random(2000) < 0.25) & (frame.z == 0)
    frame["seen"] = (3 * frame.x + rng.normal(size=2000)).mask(lost)
    trial = read(frame, baseline=["x"])
    wide, tight = (ends(rct.attrition_bounds(trial, tighten=by)) for by in ((), "x"))
    assert wide[0] < tight[0] < tight[1] < wide[1]
    assert tight[1] - tight[0] < 0.6 * (wide[1] - wide[0])


def test_blocks_of_unlike_shares_do_not_pass_for_an_effect() -> None:
    # block b has higher outcomes and more treated; within blocks nothing differs
    frame = pd.DataFrame({"block": ["a"] * 60 + ["b"] * 60, "person": range(120)})
    frame["z"] = [1] * 20 + [0] * 40 + [1] * 40 + [0] * 20
    frame["seen"] = np.where(frame.block == "b", 10.0, 0.0) + np.tile([0.0, 1.0], 60)
    assert ends(rct.attrition_bounds(read(frame)))[0] > 3
    assert ends(rct.attrition_bounds(read(frame, block="block"))) == pytest.approx((0, 0), abs=1e-12)


def test_clusters_go_together() -> None:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"person": range(400), "ward": np.arange(400) // 20})
    frame["z"] = frame.ward % 2
    frame["seen"] = rng.normal(size=20)[frame.ward] * 2 + rng.normal(size=400)
    frame.loc[(frame.z == 1) & (frame.person % 5 == 0), "seen"] = np.nan
    alone, together = (rct.attrition_bounds(read(frame, **kw)) for kw in ({}, {"cluster": "ward"}))
    assert ends(alone) == pytest.approx(ends(together))
    assert row(together, "lower")["std_error"] > 2.5 * row(alone, "lower")["std_error"]
    assert together.headline.df == 18
    assert "20 independent clusters" in together.headline.inference


def test_worst_case_by_hand() -> None:
    found = rct.attrition_bounds(read(SIX), method="manski", limits=(0, 10))
    # treated mean 4; control (1 + 3 + 0)/3 or (1 + 3 + 10)/3
    assert ends(found) == pytest.approx((4 - 14 / 3, 4 - 4 / 3))
    seen = rct.attrition_bounds(read(SIX), method="manski")
    assert ends(seen) == pytest.approx((4 - 10 / 3, 4 - 5 / 3))
    assert found.spec["limits"] == (0.0, 10.0)
    assert any("least and the largest observed" in note for note in seen.notes)
    both = SIX.assign(seen=[2.0, 4, np.nan, 1, 3, np.nan])
    wide = rct.attrition_bounds(read(both), method="manski", limits=(0, 10))
    assert ends(wide) == pytest.approx((6 / 3 - 14 / 3, 16 / 3 - 4 / 3))


def test_the_interval_is_imbens_and_manskis() -> None:
    from scipy.stats import norm

    low, high = trimming.imbens_manski(0.0, 1.0, (0.5, 0.4), df=1e9, level=0.95)
    c = -low / 0.5
    assert norm.cdf(c + 1 / 0.5) - norm.cdf(-c) == pytest.approx(0.95, abs=1e-9)
    assert high == pytest.approx(1 + 0.4 * c)
    near = trimming.imbens_manski(0.0, 0.0, (0.5, 0.5), df=1e9, level=0.95)
    assert near[1] == pytest.approx(0.5 * norm.ppf(0.975), rel=1e-7)
    far = trimming.imbens_manski(0.0, 1e3, (0.5, 0.5), df=1e9, level=0.95)
    assert -far[0] == pytest.approx(0.5 * norm.ppf(0.95), rel=1e-7)


def test_p_value_and_interval_agree() -> None:
    frame = A.assign(seen=A.seen + 2 * A.z)
    found = rct.attrition_bounds(read(frame))
    p = found.headline.p_value
    assert 0 < p < 0.05
    at = rct.attrition_bounds(read(frame), level=1 - p)
    assert at.headline.low == pytest.approx(0, abs=1e-9)
    inside = rct.attrition_bounds(read(A), method="manski")
    assert isinstance(inside.headline.p_value, NotAvailable)


def test_it_survives_the_record_and_does_not_mind_the_order_of_rows() -> None:
    found = rct.attrition_bounds(read(A, baseline=["x"]), tighten="x")
    again = Result.from_json(found.to_json())
    assert again.headline == found.headline
    assert (
        found.to_json()
        == rct.attrition_bounds(read(A.sample(frac=1, random_state=2), baseline=["x"]), tighten="x").to_json()
    )
    assert isinstance(found.design.mde, NotAvailable)


def test_refusals() -> None:
    trial = read(A, baseline=["x"], block="block")
    with pytest.raises(OptionError, match=r"'X' is no baseline(.|\n)*'x'"):
        rct.attrition_bounds(trial, tighten="X")
    with pytest.raises(DesignError, match=r"cell (.|\n)*known outcomes(.|\n)*coarser"):
        rct.attrition_bounds(read(SIX.assign(x=[1, 2, 1, 2, 1, 2]), baseline=["x"]), tighten="x")
    with pytest.raises(OptionError, match="no limits"):
        rct.attrition_bounds(trial, limits=(0, 1))
    with pytest.raises(OptionError, match="do not narrow"):
        rct.attrition_bounds(trial, method="manski", tighten="x")
    with pytest.raises(OptionError, match="do not lie within limits"):
        rct.attrition_bounds(trial, method="manski", limits=(5, 30))
    with pytest.raises(OptionError, match="do not lie within limits"):
        rct.attrition_bounds(trial, method="manski", limits=(float("-inf"), 30))
    with pytest.raises(OptionError, match="method"):
        rct.attrition_bounds(trial, method="leee")
    with pytest.raises(TrialError, match="no row of arm '1'"):
        rct.attrition_bounds(read(SIX.assign(seen=[np.nan] * 3 + [1, 3, 2])))
    with pytest.raises(DesignError, match=r"3 arms(.|\n)*against_control"):
        rct.attrition_bounds(read(SIX.assign(z=[0, 1, 2, 0, 1, 2]), treatments=[1, 2]))
    with pytest.raises(DesignError, match="each seen in several periods"):
        rct.attrition_bounds(read(pd.concat([SIX.assign(t=1), SIX.assign(t=2)]), period="t"))
    with pytest.raises(DesignError, match="exposure"):
        rct.attrition_bounds(read(SIX.assign(pop=10.0), exposure="pop"))


def test_one_cluster_in_an_arm_leaves_bounds_without_error() -> None:
    frame = SIX.assign(ward=["u", "u", "u", "v", "w", "w"])
    found = rct.attrition_bounds(read(frame, cluster="ward"))
    assert ends(found) == pytest.approx((1.0, 3.0))
    assert isinstance(found.headline.low, NotAvailable)
    assert "only one cluster" in found.headline.low.reason
    assert Result.from_json(found.to_json()).headline == found.headline


def test_outcomes_that_do_not_vary_have_no_error() -> None:
    found = rct.attrition_bounds(read(SIX.assign(seen=1.0)))
    assert found.headline.value == pytest.approx(0, abs=1e-12)
    assert isinstance(found.headline.std_error, NotAvailable)


def covered(tighten: str | tuple[str, ...], sims: int = 300) -> tuple[float, float]:
    """How often the interval holds either end of the range that the process implies."""
    rng = np.random.Generator(np.random.PCG64(11))
    # known under treatment: all; under control: three in four, by chance, so the effect is 0 and the bounds
    # are the means of a normal variable without its highest or lowest quarter
    from scipy.stats import norm

    x = np.repeat([-1.0, 1.0], 200)
    edge = norm.pdf(norm.ppf(0.75)) / 0.75
    if not tighten:
        draws = np.sort(
            np.concatenate([norm.ppf((np.arange(200_000) + 0.5) / 200_000) + side for side in (-1, 1)])
        )
        edge = -draws[: int(0.75 * len(draws))].mean()
    held = np.zeros(2)
    for _ in range(sims):
        z = rng.permuted(np.tile([0, 1], 200))
        seen = np.where((z == 0) & (rng.random(400) < 0.25), np.nan, x + rng.normal(size=400))
        frame = pd.DataFrame({"person": range(400), "z": z, "x": x, "seen": seen})
        told = rct.attrition_bounds(read(frame, baseline=["x"]), tighten=tighten).headline
        held += [told.low <= -edge <= told.high, told.low <= edge <= told.high]
    return float(held[0] / sims), float(held[1] / sims)


@pytest.mark.parametrize("tighten", [(), "x"])
def test_the_interval_holds_either_end_of_the_range(tighten: str | tuple[str, ...]) -> None:
    for share in covered(tighten):
        assert abs(share - 0.95) < 3.5 * np.sqrt(0.95 * 0.05 / 300)


def test_a_bound_that_does_not_vary_has_no_p_value() -> None:
    # control known to be 0 for three in four; of four treated in five the outcome is 1: the lower bound is 1
    seen = [1.0] * 32 + [5.0] * 8 + [0.0] * 48 + [np.nan] * 16
    frame = pd.DataFrame({"person": range(104), "z": [1] * 40 + [0] * 64, "seen": seen})
    for sign in (1, -1):
        found = rct.attrition_bounds(read(frame.assign(seen=sign * frame.seen)))
        near = row(found, "lower" if sign > 0 else "upper")
        assert near["estimate"] == pytest.approx(sign)
        assert "nothing varies" in near["reason"]
        assert isinstance(found.headline.p_value, NotAvailable)
        assert "does not vary" in found.headline.p_value.reason


def test_one_known_outcome_in_an_arm_permits_no_error() -> None:
    frame = A.assign(seen=A.y.where((A.z == 1) | (A.index == A.index[A.z == 0][0])))
    found = rct.attrition_bounds(read(frame))
    assert isinstance(found.headline.low, NotAvailable)
    assert "known in only one unit of arm '0'" in found.headline.low.reason
    assert np.isnan(row(found, "lower")["std_error"])
    assert any("known in only one unit" in note for note in found.notes)
    # the worst case fills in the others, so that arm has as many outcomes as people
    assert isinstance(rct.attrition_bounds(read(frame), method="manski").headline.low, float)
    wards = A.assign(ward=A.index // 10 * 2 + A.z, seen=A.y)
    wards["seen"] = wards.seen.where((wards.z == 1) | (wards.ward == wards.ward[wards.z == 0].min()))
    found = rct.attrition_bounds(read(wards, cluster="ward"))
    assert isinstance(found.headline.low, NotAvailable)
    assert "known in only one cluster of arm '0'" in found.headline.low.reason


def test_a_large_number_added_to_every_outcome_changes_nothing() -> None:
    plain, moved = (rct.attrition_bounds(read(A.assign(seen=A.seen + add))) for add in (0, 1e10))
    assert isinstance(moved.headline.value, NotAvailable)
    assert moved.headline.low == pytest.approx(plain.headline.low, abs=1e-4)
    alike = SIX.assign(seen=[np.nan, 4, 6, 1, 3, np.nan])
    assert isinstance(rct.attrition_bounds(read(alike.assign(seen=alike.seen + 1e10))).headline.value, float)


@pytest.mark.parametrize("limits", [(0,), (0, 1, 2), "ab", 5, (None, 30)])
def test_limits_are_two_numbers(limits: Any) -> None:
    with pytest.raises(OptionError, match="limits"):
        rct.attrition_bounds(read(A), method="manski", limits=limits)


def test_errors_of_averaged_cells_are_those_of_leaving_out_each_person() -> None:
    # cells that differ in effect and in losses, so that who would be known either way moves the average
    rng = np.random.default_rng(7)
    cell, treated = np.arange(400) % 2 == 1, np.arange(400) // 2 % 2 == 1
    outcome = rng.normal(size=400) + 6 * cell * treated
    seen = rng.random(400) > np.where(treated, 0.05, np.where(cell, 0.5, 0.15))
    weight = np.ones(400)

    def bounds(kept: np.ndarray) -> trimming.Bounds:
        parts = trimming.Sample(outcome[kept] * seen[kept], seen[kept], treated[kept], weight[kept])
        here = [cell[kept] == code for code in (False, True)]
        return trimming.averaged([(rows, trimming.lee(parts.only(rows))) for rows in here])

    everyone = np.arange(400)
    found = bounds(everyone)
    left_out = np.array([bounds(np.delete(everyone, i)).value for i in everyone])
    jackknife = 399 / 400 * ((left_out - left_out.mean(axis=0)) ** 2).sum(axis=0)
    variance = np.diag(trimming.variance(found.influence, treated, None))
    assert np.sqrt(variance) == pytest.approx(np.sqrt(jackknife), rel=0.02)
    shares = np.array([np.delete(everyone, i) for i in everyone])
    kept = np.array([bounds(rows).kept for rows in shares])
    own = np.sqrt(399 / 400 * ((kept - kept.mean()) ** 2).sum())
    assert np.sqrt((found.kept_influence**2).sum()) == pytest.approx(own, rel=0.02)


def test_shares_known_and_the_plain_difference_have_their_own_errors() -> None:
    found = rct.attrition_bounds(read(A))
    known = [A.seen[A.z == arm].notna() for arm in (0, 1)]
    errors = [np.sqrt(own.mean() * (1 - own.mean()) / (len(own) - 1)) for own in known]
    for arm in (0, 1):
        assert row(found, f"known outcome in {arm}")["std_error"] == pytest.approx(errors[arm], rel=1e-12)
    both = row(found, "known outcome, 1 less 0")
    assert both["std_error"] == pytest.approx(np.hypot(*errors), rel=1e-12)
    spread = [
        A.seen[A.z == arm].std(ddof=0) * np.sqrt((A.z == arm).sum() / ((A.z == arm).sum() - 1) / n)
        for arm, n in ((arm, known[arm].sum()) for arm in (0, 1))
    ]
    assert row(found, "difference")["std_error"] == pytest.approx(np.hypot(*spread), rel=1e-12)


def test_notes_name_the_arm_that_is_trimmed_and_by_how_much() -> None:
    words = " ".join(rct.attrition_bounds(read(SIX)).notes)
    assert "33.3% of the known outcomes in '1' are trimmed" in words
    assert "whoever is known in '0' would be known in '1'" in words
    turned = " ".join(rct.attrition_bounds(read(SIX.assign(z=1 - SIX.z))).notes)
    assert "33.3% of the known outcomes in '0' are trimmed" in turned


def cells(values: list[float], treated: list[int], seen: list[float], by: str = "v"):
    frame = pd.DataFrame({"person": range(len(values)), "z": treated, "seen": seen, "v": values})
    return cells_of(read(frame, baseline=["v"]), (by,), "test")


def test_up_to_five_values_are_cells_and_more_are_cut_into_quarters() -> None:
    arm = [0, 1] * 60
    five = cells([float(i // 2 % 5) for i in range(120)], arm, [1.0] * 120)
    assert five.labels == tuple(f"v = {value}" for value in range(5))
    # a value at a cut belongs below it
    eight = cells([float(i // 2 % 8) for i in range(160)], [0, 1] * 80, [1.0] * 160)
    assert eight.labels == ("v up to 1.75", "v up to 3.5", "v up to 5.25", "v above 5.25")
    six = cells([float(i // 2 % 6) for i in range(120)], arm, [1.0] * 120)
    assert six.labels == ("v up to 1", "v up to 2.5", "v up to 4", "v above 4")
    assert np.bincount(six.code).tolist() == [40, 20, 40, 20]


def test_a_cell_needs_five_known_outcomes_of_each_arm() -> None:
    values, arm = [0.0] * 12 + [1.0] * 20, [0, 1] * 16
    seen = [1.0] * 32
    for gone in (0, 2):
        seen[gone] = np.nan
        if gone == 0:
            assert len(cells(values, arm, seen).labels) == 2
    with pytest.raises(DesignError, match="4 known outcomes in arm '0'"):
        cells(values, arm, seen)


def test_p_value_and_interval_agree_where_the_bounds_have_unlike_errors() -> None:
    for low, high, errors in ((0.4, 0.9, (0.2, 0.05)), (-0.9, -0.3, (0.1, 0.25)), (0.1, 0.3, (0.05, 0.2))):
        p = p_value(low, high, errors, 40.0)
        ends = trimming.imbens_manski(low, high, errors, df=40.0, level=1 - p)
        assert min(abs(end) for end in ends) == pytest.approx(0, abs=1e-9)
