"""rct.itt: every design of difference in means as estimatr has it, invariances, several arms, refusals."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from tests.support.reference_numbers import HERE, entries

from whatworks import rct
from whatworks.errors import DesignError, OptionError, TrialError
from whatworks.inference import ClusterRobust, Heteroskedastic
from whatworks.results import NotAvailable, Result
from whatworks.trial import Trial

A = pd.read_csv(HERE / "data" / "trial_blocked.csv")
C = pd.read_csv(HERE / "data" / "trial_cluster.csv")
P = pd.read_csv(HERE / "data" / "trial_pairs.csv")


def blocked(frame: pd.DataFrame = A, **roles: object) -> Trial:
    return Trial.from_frame(frame, unit="person", arm="z", outcome="y", control=0, **roles)


def clustered(**roles: object) -> Trial:
    return blocked(C, cluster="cluster", **roles)


def paired(**roles: object) -> Trial:
    return Trial.from_frame(P, unit="spot", arm="z", outcome="post", control=0, block="pair", **roles)


def agree(found: Result, entry: str, at: int = 0, *, df: bool = True) -> None:
    """Estimate, error and, where they are the same, interval, p and degrees of freedom."""
    wanted, head = entries("trial")[entry]["results"], found.headline
    assert head.value == pytest.approx(wanted["estimate"][at], rel=1e-9)
    assert head.std_error == pytest.approx(wanted["se"][at], rel=1e-9)
    if df:
        assert head.df == pytest.approx(wanted["df"][at], rel=1e-8)
        assert head.low == pytest.approx(wanted["ci_low"][at], rel=1e-8)
        assert head.high == pytest.approx(wanted["ci_high"][at], rel=1e-8)
        assert head.p_value == pytest.approx(wanted["p"][at], rel=1e-7)


def test_differences_in_means_are_estimatrs():
    agree(rct.itt(blocked()), "dim.simple")
    agree(rct.itt(blocked(block="block")), "dim.blocked_unequal")
    agree(rct.itt(clustered()), "dim.clustered")
    agree(rct.itt(paired()), "dim.matched_pair")
    agree(rct.itt(blocked(A[A.attrited == 0], block="block")), "dim.observed_only")


def test_blocked_clusters_have_estimatrs_error_and_fewer_degrees_of_freedom():
    found = rct.itt(clustered(block="stratum"))
    agree(found, "dim.blocked_clustered", df=False)
    wanted = entries("trial")["dim.blocked_clustered"]["results"]
    half = stats.t.ppf(0.975, wanted["df"][0]) * found.headline.std_error
    assert found.headline.value - half == pytest.approx(wanted["ci_low"][0], rel=1e-9)
    assert found.headline.df < wanted["df"][0]


def test_equal_weight_to_clusters_is_estimatrs_on_cluster_means():
    means = C.groupby("cluster").agg(y=("y", "mean"), z=("z", "first")).reset_index()
    found = rct.itt(Trial.from_frame(means, unit="cluster", arm="z", outcome="y", control=0))
    assert found.headline.value == pytest.approx(
        entries("trial")["dim.clustered_weighted"]["results"]["estimate"][0], rel=1e-9
    )


@pytest.mark.parametrize(
    ("trial", "adjust", "inference", "entry"),
    [
        (blocked(baseline=["x"]), "lin", Heteroskedastic("HC2"), "lm_lin.HC2"),
        (blocked(baseline=["x"]), "lin", Heteroskedastic("HC3"), "lm_lin.HC3"),
        (blocked(block="block"), "none", Heteroskedastic("HC2"), "lm_lin.blocks.HC2"),
        (clustered(baseline=["x"]), "lin", None, "lm_lin.cluster.CR2"),
        (blocked(block="block", baseline=["x"]), "ancova", Heteroskedastic("HC2"), "lm_robust.adjusted.HC2"),
        (blocked(block="block", baseline=["x"]), "ancova", Heteroskedastic("HC0"), "lm_robust.adjusted.HC0"),
        (blocked(), "none", Heteroskedastic("HC3"), "lm_robust.simple.HC3"),
        (clustered(baseline=["x"]), "ancova", None, "lm_robust.cluster.CR2"),
        (clustered(baseline=["x"]), "ancova", ClusterRobust("CR1", "stata"), "lm_robust.cluster.stata"),
    ],
)
def test_adjusted_effects_are_estimatrs(trial, adjust, inference, entry):
    agree(rct.itt(trial, adjust=adjust, inference=inference), entry, 1)


def test_blocks_as_dummies_are_absorbed_effects():
    found = rct.itt(blocked(block="block", baseline=["x"]), adjust="ancova", inference=Heteroskedastic("HC2"))
    agree(found, "lm_robust.block_fe.HC2")
    found = rct.itt(clustered(block="stratum", baseline=["x"]), adjust="ancova")
    agree(found, "lm_robust.cluster_strata.CR2")
    found = rct.itt(
        clustered(block="stratum", baseline=["x"]), adjust="ancova", inference=ClusterRobust("CR0")
    )
    agree(found, "lm_robust.cluster_strata.CR0")


def test_cuped_over_pairs_takes_the_slope_of_the_differences():
    D, x = (P[P.z == 1][c].to_numpy() - P[P.z == 0][c].to_numpy() for c in ("post", "pre"))
    theta = np.cov(D, x)[0, 1] / x.var(ddof=1)
    found = rct.itt(paired(baseline=["pre"]), adjust="cuped").headline
    assert found.value == pytest.approx((D - theta * x).mean())
    assert found.std_error == pytest.approx((D - theta * x).std(ddof=1) / np.sqrt(20))


def test_pairs_taken_as_no_blocks_with_baseline_are_estimatrs():
    trial = Trial.from_frame(P, unit="spot", arm="z", outcome="post", control=0, baseline=["pre"])
    agree(rct.itt(trial, adjust="lin", inference=Heteroskedastic("HC2")), "lm_lin.pairs.baseline", 1)


def test_published_trial_of_the_policing_simulation(reference_public: Path):
    golden = json.loads((reference_public / "goldens" / "rct__estimatr.json").read_text(encoding="utf-8"))
    frame = pd.read_csv(reference_public / "data" / "sim_policing_rct.csv")
    for key, arm, outcome, roles in (
        ("dim_simple", "z_simple", "y_simple", {}),
        ("dim_block", "z_block", "y_block", {"block": "ward"}),
        ("dim_pair", "z_pair", "y_pair", {"block": "pair"}),
        ("dim_clustered", "z_clus", "y_clus", {"cluster": "beat"}),
        ("dim_block_unequal", "z_block_uneq", "y_block_uneq", {"block": "ward"}),
    ):
        wanted = golden["results"]["sim"][key]
        trial = Trial.from_frame(frame, unit="id", arm=arm, outcome=outcome, control=0, **roles)
        head = rct.itt(trial).headline
        assert head.value == pytest.approx(wanted["estimate"], rel=1e-9)
        assert head.std_error == pytest.approx(wanted["std.error"], rel=1e-9)
        assert head.df == pytest.approx(wanted["df"], rel=1e-8)


def small(seed: int = 1, n: int = 24, **roles: object) -> Trial:
    return Trial.from_frame(drawn(seed, n), unit="id", arm="arm", outcome="y", control="usual", **roles)


def drawn(seed: int = 1, n: int = 24) -> pd.DataFrame:
    rng = np.random.Generator(np.random.PCG64(seed))
    return pd.DataFrame(
        {
            "id": [f"u{i:02d}" for i in range(n)],
            "arm": np.tile(["usual", "patrol"], n // 2),
            "y": rng.gamma(2.0, 3.0, n) + 5,
            "x": rng.normal(size=n),
            "block": np.repeat(["b", "a", "c"], [n // 2, n // 4, n // 4]),
            "cluster": np.arange(n) // 2 // 2 * 2 + np.arange(n) % 2,
        }
    )


DESIGNS = [
    ({}, "none"),
    ({"baseline": ["x"]}, "lin"),
    ({"baseline": ["x"], "block": "block"}, "lin"),
    ({"baseline": ["x"], "block": "block"}, "cuped"),
    ({"baseline": ["x"], "block": "block"}, "ancova"),
    ({"baseline": ["x"], "cluster": "cluster", "block": "block"}, "lin"),
]


@pytest.mark.parametrize(("roles", "adjust"), DESIGNS)
@settings(max_examples=8)
@given(shift=st.floats(-50, 50), scale=st.floats(0.1, 20), seed=st.integers(0, 99))
def test_shift_scale_row_order_and_labels_change_what_they_must(roles, adjust, shift, scale, seed):
    frame = drawn(seed)
    first = rct.itt(
        Trial.from_frame(frame, unit="id", arm="arm", outcome="y", control="usual", **roles), adjust=adjust
    ).headline
    moved = frame.assign(
        y=shift + scale * frame.y, block=frame.block.map({"a": "z", "b": "y", "c": "x"}), x=7 - 3 * frame.x
    ).sample(frac=1, random_state=seed)
    again = rct.itt(
        Trial.from_frame(moved, unit="id", arm="arm", outcome="y", control="usual", **roles), adjust=adjust
    ).headline
    flipped = rct.itt(
        Trial.from_frame(frame, unit="id", arm="arm", outcome="y", control="patrol", **roles), adjust=adjust
    ).headline
    assert again.value == pytest.approx(scale * first.value, rel=1e-7, abs=1e-8)
    assert again.std_error == pytest.approx(scale * first.std_error, rel=1e-7)
    assert again.p_value == pytest.approx(first.p_value, rel=1e-6, abs=1e-12)
    assert flipped.value == pytest.approx(-first.value, rel=1e-9)
    assert flipped.std_error == pytest.approx(first.std_error, rel=1e-9)


def test_an_outcome_that_is_baseline_plus_an_effect_is_found_exactly():
    frame = drawn().assign(y=lambda f: 2 * f.x + 1.5 * (f.arm == "patrol") + (f.block == "a"))
    for adjust in ("lin", "ancova", "cuped"):
        trial = Trial.from_frame(
            frame, unit="id", arm="arm", outcome="y", control="usual", baseline=["x"], block="block"
        )
        assert rct.itt(trial, adjust=adjust).headline.value == pytest.approx(1.5, abs=1e-10)


def test_unequal_small_blocks_by_hand():
    """Three pairs and a block of one against three: weighted differences, HC2 of their weighted mean."""
    frame = pd.DataFrame(
        {
            "id": range(10),
            "arm": [0, 1, 0, 1, 0, 1, 1, 0, 0, 0],
            "block": [1, 1, 2, 2, 3, 3, 4, 4, 4, 4],
            "y": [1.0, 3, 2, 2, 5, 9, 7, 1, 2, 3],
        }
    )
    found = rct.itt(Trial.from_frame(frame, unit="id", arm="arm", outcome="y", control=0, block="block"))
    D, w = np.array([2.0, 0, 4, 5]), np.array([2, 2, 2, 4]) / 10
    assert found.headline.value == pytest.approx(w @ D)
    variance = (w**2 * (D - w @ D) ** 2 / (1 - w)).sum()
    assert found.headline.std_error == pytest.approx(np.sqrt(variance))


def test_pairs_beside_larger_blocks_add_their_variances():
    more = drawn(4, 8).assign(id=lambda f: "v" + f.id, block=np.repeat(list("pqrs"), 2))
    frame = pd.concat([drawn(3), more])
    roles = {"unit": "id", "arm": "arm", "outcome": "y", "control": "usual", "block": "block"}
    whole, pairs = frame[frame.block.isin(list("abc"))], frame[frame.block.isin(list("pqrs"))]
    both, one, two = (rct.itt(Trial.from_frame(f, **roles)).headline for f in (frame, whole, pairs))
    assert both.value == pytest.approx((24 * one.value + 8 * two.value) / 32)
    assert both.std_error**2 == pytest.approx((24 / 32 * one.std_error) ** 2 + (8 / 32 * two.std_error) ** 2)


def test_pairs_of_clusters_weigh_by_their_people():
    rng = np.random.Generator(np.random.PCG64(5))
    size = rng.integers(3, 12, 16)
    own = np.repeat(np.arange(16), size)
    frame = pd.DataFrame({"id": range(len(own)), "cluster": own, "pair": own // 2, "arm": own % 2})
    frame["y"] = rng.normal(size=16)[own] + rng.normal(size=len(own))
    trial = Trial.from_frame(
        frame, unit="id", arm="arm", outcome="y", control=0, block="pair", cluster="cluster"
    )
    means = frame.groupby("cluster").y.mean().to_numpy().reshape(8, 2)
    D, w = means[:, 1] - means[:, 0], size.reshape(8, 2).sum(axis=1) / size.sum()
    found = rct.itt(trial).headline
    assert found.value == pytest.approx(w @ D)
    assert found.std_error == pytest.approx(np.sqrt((w**2 * (D - w @ D) ** 2 / (1 - w)).sum()))


def test_one_lone_small_block_turns_blocks_into_dummies_and_says_so():
    frame = drawn().assign(block=["p", "p", *drawn().block[2:]])
    trial = Trial.from_frame(frame, unit="id", arm="arm", outcome="y", control="usual", block="block")
    found = rct.itt(trial)
    D = np.linalg.lstsq(
        np.column_stack([trial.treated, trial.block[:, None] == np.arange(4)]).astype(float),
        trial.outcome,
        rcond=None,
    )[0]
    assert found.headline.value == pytest.approx(D[0])
    assert any("dummies" in note for note in found.notes)
    assert not isinstance(found.headline.std_error, NotAvailable)


def test_three_arms_each_against_control_with_holm():
    frame = drawn().assign(arm=np.tile(["usual", "patrol", "letter"], 8))
    roles = {"unit": "id", "arm": "arm", "outcome": "y", "control": "usual"}
    found = rct.itt(Trial.from_frame(frame, treatments=["patrol", "letter"], **roles))
    assert list(found.effects.term) == ["patrol", "letter"]
    assert found.effects.estimate[0] == found.headline.value
    alone = rct.itt(Trial.from_frame(frame[frame.arm != "patrol"], **roles)).headline
    assert found.effects.estimate[1] == pytest.approx(alone.value)
    assert found.effects.std_error[1] == pytest.approx(alone.std_error)
    smallest = 2 * min(found.effects.p_value)
    assert any(f"{smallest:.3g}" in note and "Holm" in note for note in found.notes)


def test_the_default_adjusts_as_the_arms_are_large_enough():
    rng = np.random.Generator(np.random.PCG64(9))
    frame = drawn().assign(**{f"x{k}": rng.normal(size=24) for k in range(8)})
    roles = {"unit": "id", "arm": "arm", "outcome": "y", "control": "usual"}
    for k, adjust in ((1, "lin"), (2, "lin"), (3, "ancova"), (6, "ancova"), (7, "none")):
        trial = Trial.from_frame(frame, baseline=[f"x{j}" for j in range(k)], **roles)
        found = rct.itt(trial)
        assert found.spec["adjust"] == adjust
        assert found.headline.value == rct.itt(trial, adjust=adjust).headline.value
    assert any("Not adjusted" in note for note in found.notes)


def test_percent_change_is_against_the_adjusted_control_mean():
    trial = blocked(block="block", baseline=["x"])
    found = rct.itt(trial, adjust="lin")
    # with slopes of its own each arm is fitted at the common mean of baseline, block by block
    control = trial.select(~trial.treated)
    centred = control.baseline[0] - trial.baseline[0].mean()
    x = np.column_stack([control.block[:, None] == np.arange(6), centred]).astype(float)
    levels = np.linalg.lstsq(x, control.outcome, rcond=None)[0][:6]
    mean = levels @ np.bincount(trial.block) / 600
    assert found.relative.value == pytest.approx(100 * found.headline.value / mean, rel=1e-9)


def test_percent_change_over_pairs_is_against_the_pairs_control_mean():
    found = rct.itt(paired())
    control = P.post[P.z == 0].mean()
    assert found.relative.value == pytest.approx(100 * found.headline.value / control)
    adjusted = rct.itt(paired(baseline=["pre"]), adjust="lin")
    slope = adjusted.detail.arms[0].fit.coefficients[1]
    level = control - slope * (P.pre[P.z == 0].mean() - P.pre.mean())
    assert adjusted.relative.value == pytest.approx(100 * adjusted.headline.value / level)


def test_lost_rows_are_counted_by_arm_and_emptied_blocks_left_out():
    frame = drawn()
    frame.loc[(frame.block == "a") & (frame.arm == "patrol"), "y"] = np.nan
    trial = Trial.from_frame(
        frame, unit="id", arm="arm", outcome="y", control="usual", block="block", allow_missing=True
    )
    found = rct.itt(trial)
    notes = " ".join(found.notes)
    assert "0 of 12 in usual, 3 of 12 in patrol" in notes
    assert "rct.attrition_bounds" in notes
    assert "1 of 3 blocks hold rows of one arm only" in notes
    kept = frame[frame.block != "a"]
    again = rct.itt(Trial.from_frame(kept, unit="id", arm="arm", outcome="y", control="usual", block="block"))
    assert found.headline.value == pytest.approx(again.headline.value)


def test_the_record_is_held_against_the_list():
    frame = drawn().drop(columns="arm")
    dealt = rct.randomise(frame, unit="id", seed=3, arms=("usual", "patrol"))
    joined = frame.merge(dealt.table, on="id")
    roles = {"unit": "id", "arm": "arm", "outcome": "y", "control": "usual"}
    found = rct.itt(Trial.from_frame(joined, **roles), allocation=dealt)
    assert found.design.allocations == 2704156
    wrong = joined.assign(arm=np.where(joined.arm == "usual", "patrol", "usual"))
    with pytest.raises(TrialError, match="another arm"):
        rct.itt(Trial.from_frame(wrong, **roles), allocation=dealt)


def test_what_cannot_be_estimated_says_why():
    frame = drawn()
    roles = {"unit": "id", "arm": "arm", "outcome": "y", "control": "usual"}
    lone = rct.itt(Trial.from_frame(frame[(frame.arm == "usual") | (frame.id == "u01")], **roles))
    assert "only one unit is in arm 'patrol'" in str(lone.headline.std_error)
    assert isinstance(lone.headline.value, float)
    flat = rct.itt(Trial.from_frame(frame.assign(y=3.0), **roles)).headline
    assert flat.value == pytest.approx(0.0, abs=1e-12)
    assert isinstance(flat.std_error, NotAvailable)
    two = rct.itt(Trial.from_frame(frame[:2], **roles)).headline
    assert isinstance(two.p_value, NotAvailable)
    gone = frame.assign(y=np.where(frame.arm == "patrol", np.nan, frame.y))
    with pytest.raises(TrialError, match="no row with an outcome is left in arm 'patrol'"):
        rct.itt(Trial.from_frame(gone, allow_missing=True, **roles))


def test_designs_whose_errors_run_over_carry_a_warning():
    uneven = drawn(2, 40).assign(arm=lambda f: np.where(np.arange(40) < 8, "patrol", "usual"))
    roles = {"unit": "id", "arm": "arm", "outcome": "y", "control": "usual"}
    said = " ".join(rct.itt(Trial.from_frame(uneven, **roles)).notes)
    assert "One arm has 8 units, the other 32" in said
    few = Trial.from_frame(drawn().iloc[:10], **roles)
    assert any("Only 5 units are in an arm" in note for note in rct.itt(few).notes)
    assert any("slightly too short" in note for note in rct.itt(clustered_small()).notes)
    assert not any("test" in note for note in rct.itt(small()).notes)


def clustered_small() -> Trial:
    return small(1, 48, cluster="cluster", block="block")


def test_bad_baseline_and_choices_are_refused():
    frame = drawn().assign(flat=0.1, twice=lambda f: 2 * f.x + 1)
    roles = {"unit": "id", "arm": "arm", "outcome": "y", "control": "usual"}
    for adjust in ("lin", "ancova", "cuped"):
        with pytest.raises(DesignError, match="the same for every row"):
            rct.itt(Trial.from_frame(frame, baseline=["flat"], **roles), adjust=adjust)
        with pytest.raises(DesignError, match="cannot be told apart"):
            rct.itt(Trial.from_frame(frame, baseline=["x", "twice"], **roles), adjust=adjust)
        with pytest.raises(OptionError, match="needs baseline"):
            rct.itt(small(), adjust=adjust)
    with pytest.raises(OptionError, match="adjust='linn' is not a choice"):
        rct.itt(small(), adjust="linn")
    with pytest.raises(OptionError, match="does not fit an analysis of a trial"):
        rct.itt(small(), inference="HC2")
    default = rct.itt(Trial.from_frame(frame, baseline=["x", "twice"], **roles))
    assert any("Not adjusted for baseline" in note for note in default.notes)
    periods = pd.concat([frame.assign(t=1), frame.assign(t=2)])
    with pytest.raises(DesignError, match=r"24 units, each seen in several periods"):
        rct.itt(Trial.from_frame(periods, period="t", **roles))


def test_with_one_lone_block_there_is_one_slope_and_the_result_says_so():
    # blocks of 12, 6 and one with a single unit of an arm
    frame = drawn(3, 24)
    frame["arm"] = frame.arm.where(frame.block != "c", ["patrol", *["usual"] * 5] * 4)
    trial = Trial.from_frame(
        frame, unit="id", arm="arm", outcome="y", control="usual", block="block", baseline=["x"]
    )
    one = rct.itt(trial, adjust="ancova")
    for adjust in ("lin", "cuped", None):
        found = rct.itt(trial, adjust=adjust)
        assert found.headline.value == pytest.approx(one.headline.value)
        words = " ".join(found.notes)
        assert "one slope for both arms" in words
        assert "a slope of its own in each arm" not in words
        assert "One block alone holds a single unit" in words
    assert rct.itt(trial).spec["adjust"] == "ancova"


@pytest.mark.parametrize("adjust", ["lin", "ancova", "cuped"])
def test_baseline_far_from_zero_is_baseline(adjust):
    near, far = (
        rct.itt(blocked(A.assign(x=A.x + add), block="block", baseline=["x"]), adjust=adjust).headline
        for add in (0, 1e7)
    )
    assert far.value == pytest.approx(near.value, rel=1e-6)
    assert far.std_error == pytest.approx(near.std_error, rel=1e-6)


def test_a_record_that_is_read_back_is_the_same_where_reasons_stand_in_later_rows_only():
    frame = A.assign(z=np.where(A.index == 5, 2, A.z))
    trial = Trial.from_frame(frame, unit="person", arm="z", outcome="y", control=0, treatments=[1, 2])
    text = rct.itt(trial).to_json()
    assert Result.from_json(text).to_json() == text


def test_more_blocks_than_memory_holds_are_refused_and_pairs_are_not():
    frame = pd.DataFrame({"id": np.arange(40_000), "arm": np.tile(["usual", "patrol"], 20_000)})
    frame = frame.assign(y=np.sin(frame.id), x=np.cos(frame.id), four=frame.id // 4, pair=frame.id // 2)
    roles = {"unit": "id", "arm": "arm", "outcome": "y", "control": "usual"}
    with pytest.raises(DesignError, match="20,000 columns for block on 40,000 rows"):
        rct.itt(Trial.from_frame(frame, block="four", **roles))
    pairs = Trial.from_frame(frame, block="pair", **roles)
    assert np.isfinite(rct.itt(pairs).headline.std_error)
    with pytest.raises(DesignError, match="too many numbers"):
        rct.itt(Trial.from_frame(frame, block="pair", baseline=["x"], **roles), adjust="ancova")


def test_the_control_mean_has_the_weights_of_the_effect_in_every_kind_of_block():
    # two blocks of several units an arm, pairs and a trio
    sizes = {"a": (2, 3), "b": (4, 2), "c": (1, 1), "d": (1, 3), "e": (2, 1)}
    rows = [(b, arm) for b, both in sizes.items() for arm, n in enumerate(both) for _ in range(n)]
    frame = pd.DataFrame(rows, columns=["block", "arm"]).assign(id=range(len(rows)))
    rng = np.random.Generator(np.random.PCG64(4))
    frame["y"] = rng.gamma(3.0, 2.0, len(frame)) + 5 * frame.block.map({b: i for i, b in enumerate(sizes)})
    frame["x"] = rng.normal(size=len(frame))
    roles = {"unit": "id", "arm": "arm", "outcome": "y", "control": 0, "block": "block"}
    found = rct.itt(Trial.from_frame(frame, **roles), adjust="none")
    means = frame.groupby(["block", "arm"]).y.mean().unstack()
    share = frame.block.value_counts(normalize=True)
    assert found.headline.value == pytest.approx((share * (means[1] - means[0])).sum())
    assert found.detail.arms[0].control_mean == pytest.approx((share * means[0]).sum())
    # pairs alone, of unlike sizes, with baseline: both arms at the mean of x
    small = frame[frame.block.isin(["c", "d", "e"])]
    pairs = pd.concat([small.assign(id=small.id + 100 * k, block=small.block + str(k)) for k in range(5)])
    pairs["y"] = 20 + 2 * pairs.x + pairs.arm * (1 + 0.5 * pairs.x)
    pairs["x"] += 3
    pairs["y"] += rng.normal(0, 1e-6, len(pairs))
    found = rct.itt(Trial.from_frame(pairs, baseline=["x"], **roles), adjust="lin")
    assert found.detail.arms[0].control_mean == pytest.approx(20 + 2 * (pairs.x.mean() - 3), abs=1e-3)
    assert found.headline.value == pytest.approx(1 + 0.5 * (pairs.x.mean() - 3), abs=1e-3)


def test_the_control_mean_of_one_slope_is_that_of_everybody_as_control():
    found = rct.itt(blocked(block="block", baseline=["x"]), adjust="ancova").detail.arms[0]
    X = np.column_stack([np.ones(len(A)), A.z, pd.get_dummies(A.block, drop_first=True), A.x]).astype(float)
    beta = np.linalg.lstsq(X, A.y, rcond=None)[0]
    X[:, 1] = 0
    assert found.control_mean == pytest.approx((X @ beta).mean())


def test_clusters_in_blocks_with_and_without_several_of_each_arm():
    # block a: three clusters an arm; b, c and d: one each
    rng = np.random.Generator(np.random.PCG64(9))
    places = pd.DataFrame(
        {
            "cluster": range(12),
            "block": list("aaaaaabbccdd"),
            "arm": [0, 1] * 6,
            "level": rng.normal(0, 2, 12),
            "people": [8, 10, 6, 9, 7, 12, 5, 9, 11, 6, 8, 8],
        }
    )
    frame = places.loc[places.index.repeat(places.people)].reset_index(drop=True)
    frame = frame.assign(id=frame.index, y=frame.level + rng.normal(size=len(frame)))
    roles = {"unit": "id", "arm": "arm", "outcome": "y", "control": 0, "block": "block", "cluster": "cluster"}
    found = rct.itt(Trial.from_frame(frame, **roles)).headline
    large = rct.itt(Trial.from_frame(frame[frame.block == "a"], **roles)).headline
    small = rct.itt(Trial.from_frame(frame[frame.block != "a"], **roles)).headline
    share = (frame.block == "a").mean()
    assert found.value == pytest.approx(share * large.value + (1 - share) * small.value)
    # CR2 takes the differences as of one variance: the residual of one varies by 1 − 2w + Σw² of it
    means = frame[frame.block != "a"].groupby(["block", "arm"]).y.mean().unstack()
    w = frame.block[frame.block != "a"].value_counts(normalize=True).sort_index()
    left = means[1] - means[0] - small.value
    spread = np.sqrt((w**2 * left**2 / (1 - 2 * w + (w**2).sum())).sum())
    both = np.hypot(share * large.std_error, (1 - share) * spread)
    assert found.std_error == pytest.approx(both, rel=1e-9)


@pytest.mark.parametrize(("few", "many", "warned"), [(19, 38, True), (19, 37, False), (20, 60, False)])
def test_a_small_arm_beside_one_twice_as_large_is_warned_of(few, many, warned):
    frame = pd.DataFrame({"id": range(few + many), "arm": [1] * few + [0] * many})
    frame["y"] = np.sin(frame.id)
    found = rct.itt(Trial.from_frame(frame, unit="id", arm="arm", outcome="y", control=0))
    assert any("One arm has" in note for note in found.notes) == warned


@pytest.mark.parametrize("adjust", ["none", "lin", "ancova"])
@pytest.mark.parametrize(("blocks", "warned"), [(9, True), (10, False)])
def test_fewer_than_forty_clusters_in_blocks_are_warned_of(blocks, warned, adjust):
    frame = pd.DataFrame({"id": range(12 * blocks)})
    frame = frame.assign(
        cluster=frame.id // 3,
        block=frame.id // 12,
        arm=frame.id // 3 % 2,
        y=np.sin(7 * frame.id),
        before=np.cos(5 * frame.id),
    )
    roles = {"cluster": "cluster", "block": "block", "control": 0, "baseline": ["before"]}
    found = rct.itt(Trial.from_frame(frame, unit="id", arm="arm", outcome="y", **roles), adjust=adjust)
    assert any("clusters in blocks a 5% test" in note for note in found.notes) == warned


def test_the_default_of_a_regression_has_the_degrees_of_freedom_of_bell_and_mccaffrey():
    trial = small(n=24, baseline=["x"])
    asked = rct.itt(trial, inference=Heteroskedastic("HC2", df="satterthwaite")).headline
    found = rct.itt(trial).headline
    assert (found.df, found.low) == (asked.df, asked.low)
    assert found.df != rct.itt(trial, inference=Heteroskedastic("HC2")).headline.df
