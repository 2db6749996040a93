"""The effect on compliers: estimatr's numbers, Wald by hand, Anderson–Rubin in every shape, refusals."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.support.reference_numbers import HERE, entries

from whatworks import Trial, rct
from whatworks.errors import DesignError, OptionError, TrialError
from whatworks.inference import ClusterRobust, Heteroskedastic, RandomisationInference, WildCluster
from whatworks.results import Estimate, NotAvailable, Result

A = pd.read_csv(HERE / "data" / "trial_blocked.csv")
C = pd.read_csv(HERE / "data" / "trial_cluster.csv")
C["dosed"] = ((C.z == 1) & (C.x > -0.5)).astype(int)


def read(frame: pd.DataFrame, **roles: Any) -> Trial:
    return Trial.from_frame(frame, **{"unit": "person", "arm": "z", "outcome": "y", "control": 0, **roles})


def row(result: Result, start: str) -> pd.Series:
    found = result.effects[result.effects["term"].str.startswith(start)]
    return found.iloc[0]


def agree(estimate: Any, entry: str, term: str, rel: float = 1e-9) -> None:
    wanted = entries("trial")[entry]["results"]
    at = wanted["terms"].index(term)
    assert estimate["std_error"] == pytest.approx(wanted["se"][at], rel=rel)
    assert estimate["low"] == pytest.approx(wanted["ci_low"][at], rel=rel)
    assert estimate["high"] == pytest.approx(wanted["ci_high"][at], rel=rel)
    assert estimate["p_value"] == pytest.approx(wanted["p"][at], rel=1e-7)
    assert estimate["estimate"] == pytest.approx(wanted["estimate"][at], rel=rel)


@pytest.mark.parametrize("kind", ["classical", "HC0", "HC1", "HC2"])
def test_blocks_and_baseline_are_estimatrs(kind: Any) -> None:
    found = rct.cace(read(A, taken="takeup", block="block", baseline=["x"]), inference=Heteroskedastic(kind))
    agree(found.effects.iloc[0], f"cace.iv.{kind}", "takeup")
    if kind == "HC2":
        agree(row(found, "compliers"), "first_stage.HC2", "z")
        agree(row(found, "ITT"), "itt.HC2", "z")
        f = (entries("trial")["first_stage.HC2"]["results"]["stat"][1]) ** 2
        assert row(found, "F of")["estimate"] == pytest.approx(f, rel=1e-9)


def test_without_baseline_and_in_clusters_they_are_estimatrs_too() -> None:
    plain = rct.cace(read(A, taken="takeup", baseline=["x"]), adjust="none", inference=Heteroskedastic())
    agree(plain.effects.iloc[0], "cace.iv.nocov.HC2", "takeup")
    trial = read(C, taken="dosed", cluster="cluster")
    agree(rct.cace(trial).effects.iloc[0], "cace.iv.cluster.CR2", "dosed")
    agree(rct.cace(trial, inference=ClusterRobust("CR0")).effects.iloc[0], "cace.iv.cluster.CR0", "dosed")


# eight people: of four offered it three took it up; of four others one did
EIGHT = pd.DataFrame(
    {
        "person": list("abcdefgh"),
        "z": [1, 1, 1, 1, 0, 0, 0, 0],
        "took": [1, 1, 1, 0, 1, 0, 0, 0],
        "y": [3.0, 5, 4, 8, 6, 9, 7, 10],
    }
)


def test_it_is_the_difference_in_outcomes_over_the_difference_in_take_up() -> None:
    found = rct.cace(read(EIGHT, taken="took"))
    # means 5 and 8, take-up 3/4 and 1/4
    assert found.headline.value == pytest.approx((5 - 8) / (0.75 - 0.25))
    assert row(found, "always-takers")["estimate"] == 0.25
    assert row(found, "never-takers")["estimate"] == 0.25
    assert row(found, "compliers")["estimate"] == pytest.approx(0.5)
    # compliers when treated: (3 + 5 + 4)/4 less 6/4, over 1/2; without it 3 − (−6) = 9
    assert isinstance(found.relative, NotAvailable) or found.relative.value == pytest.approx(-6 / 9 * 100)
    assert "two-sided" in " ".join(found.notes)


def test_the_percent_change_is_against_the_compliers_without_it() -> None:
    frame = pd.concat([EIGHT.assign(person=EIGHT.person + str(i)) for i in range(40)])
    found = rct.cace(read(frame, taken="took"))
    assert isinstance(found.relative, Estimate)
    assert found.relative.value == pytest.approx(-100 * 6 / 9)


def test_the_anderson_rubin_p_is_that_of_the_offer_and_its_ends_are_just_not_rejected() -> None:
    trial = read(A, taken="takeup", block="block", baseline=["x"])
    found = rct.cace(trial)
    ar, itt = row(found, "CACE, Anderson"), row(found, "ITT")
    assert ar["p_value"] == itt["p_value"]
    for end in (ar["low"], ar["high"]):
        moved = trial.with_outcome(trial.outcome - end * np.asarray(trial.taken))
        assert row(rct.cace(moved), "ITT")["p_value"] == pytest.approx(0.05, abs=1e-9)


def weak(share: float, seed: int = 5) -> Trial:
    rng = np.random.default_rng(seed)
    frame = A.assign(took=((rng.random(len(A)) < share) & (A.z == 1)) | (rng.random(len(A)) < 0.3))
    return read(frame.assign(took=frame.took.astype(int)), taken="took")


def test_below_an_f_of_ten_the_interval_is_anderson_and_rubins() -> None:
    found = rct.cace(weak(0.15, seed=1))
    f = row(found, "F of")["estimate"]
    assert 3.9 < f < 10
    ar = row(found, "CACE, Anderson")
    assert (found.headline.low, found.headline.high) == (ar["low"], ar["high"])
    assert found.headline.p_value == row(found, "ITT")["p_value"]
    assert "Anderson–Rubin" in found.headline.inference
    assert any("first stage is weak" in note for note in found.notes)
    strong = rct.cace(weak(0.6))
    assert strong.headline.low == strong.effects.iloc[0]["low"] != row(strong, "CACE, Anderson")["low"]
    assert not any("is weak:" in note for note in strong.notes)


def test_an_interval_that_nothing_bounds_says_so_and_survives_the_record() -> None:
    found = rct.cace(weak(0.0))
    assert row(found, "F of")["estimate"] < 3.8
    assert isinstance(found.headline.low, NotAvailable)
    assert isinstance(found.headline.high, NotAvailable)
    assert "no interval bounds it" in found.headline.low.reason
    again = Result.from_json(found.to_json())
    assert again.headline == found.headline
    assert isinstance(found.headline.value, float)


@pytest.mark.parametrize("taken", [0, 1])
def test_take_up_that_assignment_did_not_move_has_no_effect_to_tell(taken: int) -> None:
    found = rct.cace(read(A.assign(took=taken), taken="took"))
    assert isinstance(found.headline.value, NotAvailable)
    assert "moved nobody" in found.headline.value.reason
    assert np.isfinite(row(found, "ITT")["std_error"])
    assert Result.from_json(found.to_json()).headline == found.headline


def test_full_compliance_is_the_effect_of_the_offer() -> None:
    found = rct.cace(read(A.assign(took=A.z), taken="took"))
    itt = row(found, "ITT")
    for name, value in (("estimate", found.headline.value), ("std_error", found.headline.std_error)):
        assert value == pytest.approx(itt[name], rel=1e-10)
    assert found.headline.low == pytest.approx(row(found, "CACE, Anderson")["low"], rel=1e-9)
    assert "follows assignment exactly" in row(found, "F of")["reason"]
    assert any("CACE is the ITT" in note for note in found.notes)


def test_where_nobody_took_it_up_without_the_offer_it_is_the_effect_on_the_treated() -> None:
    notes = " ".join(rct.cace(read(C, taken="dosed", cluster="cluster")).notes)
    assert "one-sided" in notes
    assert "on those treated" in notes


def test_what_scales_scales_and_rows_may_come_in_any_order() -> None:
    trial = read(A, taken="takeup", block="block", baseline=["x"])
    found, shuffled = (
        rct.cace(trial),
        rct.cace(read(A.sample(frac=1, random_state=1), taken="takeup", block="block", baseline=["x"])),
    )
    assert shuffled.to_json() == found.to_json() == Result.from_json(found.to_json()).to_json()
    scaled = rct.cace(trial.with_outcome(1e6 * trial.outcome + 7))
    ar, base = row(scaled, "CACE, Anderson"), row(found, "CACE, Anderson")
    assert scaled.headline.value == pytest.approx(1e6 * found.headline.value, rel=1e-8)
    assert ar["low"] == pytest.approx(1e6 * base["low"], rel=1e-8)
    assert row(scaled, "F of")["estimate"] == pytest.approx(row(found, "F of")["estimate"], rel=1e-12)


def test_counts_with_an_exposure_become_a_difference_in_rates() -> None:
    frame = EIGHT.assign(y=[3, 5, 4, 8, 6, 9, 7, 10], at_risk=[10, 20, 10, 40, 20, 30, 10, 20])
    found = rct.cace(read(frame, taken="took", exposure="at_risk"))
    rates = 20 / 80 - 32 / 80
    took = 40 / 80 - 20 / 80
    assert found.headline.value == pytest.approx(rates / took)
    assert "per unit of exposure" in found.headline.scale


def test_lost_outcomes_are_left_out_and_said() -> None:
    frame = A.assign(y=A.y.where(A.attrited == 0))
    found = rct.cace(read(frame, taken="takeup", allow_missing=True))
    assert found.effects.iloc[0]["n"] == 519
    assert any("left out" in note for note in found.notes)
    gone = frame.assign(y=frame.y.where(frame.z == 1))
    with pytest.raises(TrialError, match="arm '0'"):
        rct.cace(read(gone, taken="takeup", allow_missing=True))


def test_the_list_is_held_against_the_allocation_record() -> None:
    people = pd.DataFrame({"person": [f"p{i:02d}" for i in range(40)]})
    drawn = rct.randomise(people, unit="person", arms=("off", "on"), seed=3)
    rng = np.random.default_rng(1)
    frame = drawn.table.assign(took=lambda t: ((t.arm == "on") & (rng.random(40) < 0.8)).astype(int))
    frame["y"] = rng.normal(size=40) + frame.took
    roles = {"arm": "arm", "control": "off", "taken": "took"}
    found = rct.cace(read(frame.iloc[2:], **roles), allocation=drawn)
    assert found.design.allocations == 137846528820
    assert any("2 of 40 on the allocation record are not in the analysis" in note for note in found.notes)
    swapped = frame.assign(arm=frame.arm.to_numpy()[::-1])
    with pytest.raises(TrialError, match="arm"):
        rct.cace(read(swapped, **roles), allocation=drawn)
    lost = frame.assign(y=frame.y.where(frame.index > 4))
    bounds = rct.attrition_bounds(read(lost, **roles, allow_missing=True), allocation=drawn)
    assert bounds.design.allocations == 137846528820


def test_a_block_with_one_arm_left_is_left_out_and_named() -> None:
    frame = A.assign(y=A.y.where((A.block != 2) | (A.z == 1)))
    found = rct.cace(read(frame, taken="takeup", block="block", allow_missing=True))
    without = rct.cace(read(A[A.block != 2], taken="takeup", block="block"))
    assert found.headline.value == pytest.approx(without.headline.value, rel=1e-12)
    assert any("were left out of '1' against '0': 2" in note for note in found.notes)


def test_pairs_go_together_in_the_errors() -> None:
    rng = np.random.default_rng(2)
    base = rng.normal(0, 3, 40).repeat(2)
    frame = pd.DataFrame({"person": range(80), "pair": np.arange(80) // 2, "z": np.tile([0, 1], 40)})
    frame["took"] = frame.z * (rng.random(80) < 0.7)
    frame["y"] = base + frame.took + rng.normal(size=80)
    paired, plain = (rct.cace(read(frame, taken="took", **kw)) for kw in ({"block": "pair"}, {}))
    assert paired.headline.value == pytest.approx(plain.headline.value)
    assert paired.headline.std_error < 0.6 * plain.headline.std_error
    # what is left of each pair's difference, by hand
    each = frame.pivot(index="pair", columns="z", values=["y", "took"])
    moved = each["took"][1] - each["took"][0]
    left = each["y"][1] - each["y"][0] - paired.headline.value * moved
    by_hand = left.std(ddof=1) / np.sqrt(40) / moved.mean()
    assert paired.headline.std_error == pytest.approx(by_hand, rel=1e-9)
    assert "CR2" in paired.headline.inference


def test_what_two_stages_cannot_carry_is_refused_with_the_way_out() -> None:
    trial = read(A, taken="takeup")
    with pytest.raises(OptionError, match=r"WildCluster does not hold(.|\n)*CR2"):
        rct.cace(trial, inference=WildCluster())
    with pytest.raises(OptionError, match=r"RandomisationInference does not(.|\n)*rct.itt"):
        rct.cace(trial, inference=RandomisationInference())
    with pytest.raises(OptionError, match="Welch"):
        rct.cace(trial, inference=Heteroskedastic(df="welch"))
    with pytest.raises(DesignError, match=r"nobody recorded(.|\n)*taken="):
        rct.cace(read(A))
    with pytest.raises(DesignError, match=r"dose(.|\n)*rct.dosage"):
        rct.cace(read(A.assign(minutes=A.takeup * 30), taken="minutes"))
    with pytest.raises(OptionError, match="adjust"):
        rct.cace(trial, adjust="lin")
    three = read(A.assign(z=np.arange(len(A)) % 3), taken="takeup", treatments=[1, 2])
    with pytest.raises(DesignError, match=r"3 arms(.|\n)*against_control\('1'\)"):
        rct.cace(three)
    assert np.isfinite(rct.cace(three.against_control("2")).headline.std_error)


def test_one_unit_in_an_arm_leaves_an_estimate_without_error() -> None:
    frame = EIGHT.assign(z=[1, 0, 0, 0, 0, 0, 0, 0], took=[1, 0, 0, 0, 0, 0, 0, 0])
    found = rct.cace(read(frame, taken="took"))
    assert found.headline.value == pytest.approx(3 - 49 / 7)
    assert isinstance(found.headline.std_error, NotAvailable)
    assert "only one unit" in found.headline.std_error.reason
    assert Result.from_json(found.to_json()).headline == found.headline


def test_labels_that_are_swapped_are_noticed() -> None:
    trial = read(A, taken="takeup")
    swapped = replace(trial, arm=1 - trial.arm)
    assert any("check the labels" in note for note in rct.cace(swapped).notes)


def coverage(share: float, sims: int) -> tuple[float, float, float, float]:
    """How often the 2SLS, the Anderson–Rubin and the headline interval hold the truth, and the mean F."""
    rng = np.random.Generator(np.random.PCG64(8))
    held, f = np.zeros(3), 0.0
    arm = np.tile([0, 1], 60)
    for _ in range(sims):
        keen = rng.normal(size=120)
        complier, always = rng.random(120) < share, rng.random(120) < 0.1
        taken = np.where(always, 1.0, arm * complier)
        frame = pd.DataFrame({"person": range(120), "z": arm, "took": taken})
        frame["y"] = keen + 2.0 * always - 1.0 * taken + rng.normal(size=120)
        found = rct.cace(read(frame, taken="took"))
        accepted = found.detail.anderson_rubin
        # an estimate that is not available claims nothing
        inside = isinstance(accepted, NotAvailable) or accepted.holds(-1)
        plain = found.effects.iloc[0]
        ends = (
            -np.inf if isinstance(found.headline.low, NotAvailable) else found.headline.low,
            np.inf if isinstance(found.headline.high, NotAvailable) else found.headline.high,
        )
        held += [plain["low"] <= -1 <= plain["high"], inside, ends[0] <= -1 <= ends[1]]
        f += found.detail.f / sims
    return (*(held / sims).tolist(), f)


def test_intervals_hold_the_truth_with_a_strong_and_a_weak_first_stage() -> None:
    # ± 3.5 Monte Carlo errors of 95% on 300 trials
    slack = 3.5 * np.sqrt(0.95 * 0.05 / 300)
    strong = coverage(0.6, 300)
    assert strong[3] > 40
    assert abs(strong[0] - 0.95) < slack
    assert abs(strong[1] - 0.95) < slack
    faint = coverage(0.05, 300)
    assert faint[3] < 4
    assert abs(faint[1] - 0.95) < slack
    assert faint[2] > 0.95 - slack


def test_by_default_it_adjusts_where_the_effect_of_the_offer_does() -> None:
    trial = read(A, taken="takeup", baseline=["x"])
    found = rct.cace(trial)
    assert found.spec["adjust"] == "ancova"
    assert found.headline == rct.cace(trial, adjust="ancova").headline
    assert any("Adjusted for baseline (x)" in note for note in found.notes)
    # six in the smaller arm and four variables: fewer than two each
    few = (
        A.groupby("z").head(6).assign(**{f"x{j}": np.random.default_rng(j).normal(size=12) for j in range(3)})
    )
    small = read(few, taken="takeup", baseline=["x", "x0", "x1", "x2"])
    for method in (rct.cace, rct.dosage, rct.itt):
        unadjusted = method(small)
        assert unadjusted.spec["adjust"] == "none"
        assert unadjusted.headline == method(small, adjust="none").headline
        assert any("6 units for 4 baseline variables" in note for note in unadjusted.notes)
    asked = rct.cace(small, adjust="ancova")
    assert asked.spec["adjust"] == "ancova"
    assert asked.headline.value != rct.cace(small).headline.value


@pytest.mark.parametrize(("other", "words"), [("flat", "same for every row"), ("double", "told apart")])
def test_baseline_that_adjusts_nothing_is_left_out_by_default_and_refused_where_asked_for(
    other: str, words: str
) -> None:
    frame = A.assign(flat=3.1, double=2 * A.x + 1)
    trial = read(frame, taken="takeup", baseline=["x", other])
    found = rct.cace(trial)
    assert found.spec["adjust"] == "none"
    assert found.headline == rct.cace(read(A, taken="takeup")).headline
    assert any(f"Not adjusted for baseline (x, {other})" in note and words in note for note in found.notes)
    with pytest.raises(DesignError, match=words):
        rct.cace(trial, adjust="ancova")


def test_asking_for_adjustment_without_baseline_is_refused() -> None:
    with pytest.raises(OptionError, match=r"needs baseline(.|\n)*adjust='none'"):
        rct.cace(read(A, taken="takeup"), adjust="ancova")


def test_baseline_far_from_zero_is_baseline() -> None:
    near, far = (
        rct.cace(read(A.assign(x=A.x + add), taken="takeup", baseline=["x"]), adjust="ancova")
        for add in (0, 1e7)
    )
    assert far.headline.value == pytest.approx(near.headline.value, rel=1e-6)
    assert far.headline.std_error == pytest.approx(near.headline.std_error, rel=1e-6)
