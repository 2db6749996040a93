"""Trials randomised again: every kind of recorded rule, the list against the record, refits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from whatworks import Trial, errors, rct
from whatworks.inference import RandomisationInference
from whatworks.rct.assign.balance_rule import distances
from whatworks.rct.assign.listed import against_record
from whatworks.rct.chance import reassign
from whatworks.rct.one_row import adjust as itt_adjust

DESIGNS = {
    "complete": {},
    "blocked": {"design": rct.Blocked("site")},
    "pairs": {"design": rct.Pairs("x")},
    "clusters": {"cluster": "ward"},
    "pairs of clusters": {"design": rct.Pairs("x"), "cluster": "ward"},
    "balance": {"balance": rct.Balance("x", 0.2)},
    "clusters in balance": {"cluster": "ward", "balance": rct.Balance("x", 0.4)},
}


def listed(count=12):
    rng = np.random.default_rng(count)
    return pd.DataFrame(
        {
            "unit": [f"u{i:03d}" for i in range(count)],
            "ward": [f"w{i // 2:03d}" for i in range(count)],
            "site": ["n", "s"] * (count // 2),
            "x": rng.normal(size=count),
            "v": rng.normal(size=count),
        }
    )


def trial_of(allocation, frame, seed=1, **roles):
    """The list with the arm that was drawn and an outcome that depends on baseline."""
    rng = np.random.default_rng(seed)
    arm = allocation.table.set_index("unit")["arm"]
    made = frame.assign(arm=arm.loc[frame["unit"]].to_numpy(), y=frame["x"] + rng.normal(size=len(frame)))
    cluster = {"cluster": "ward"} if allocation.cluster else {}
    return Trial.from_frame(made, unit="unit", arm="arm", outcome="y", control="control", **cluster, **roles)


@pytest.mark.parametrize("name", DESIGNS)
def test_every_recorded_rule_is_enumerated_and_drawn_alike(name):
    drawn = rct.randomise(listed(), unit="unit", seed=7, **DESIGNS[name])
    rule, chance = drawn.rule, reassign.redrawn(trial_of(drawn, listed()), drawn)
    every = np.concatenate(list(rule.every(50)))
    assert len(every) == len({tuple(row) for row in every.tolist()}) == rule.possible
    assert rule.possible == int(drawn.record["admissible"])
    assert chance.actual.tolist() in every.tolist()
    some = rule.draw(np.random.PCG64(3), 40 * len(every))
    kinds, count = np.unique(some, axis=0, return_counts=True)
    assert {tuple(row) for row in kinds.tolist()} == {tuple(row) for row in every.tolist()}
    # each equally often: 40 on average, five standard deviations
    assert np.abs(count - 40).max() < 5 * np.sqrt(40)
    if rule.baseline is not None:
        assert distances(some, rule.baseline).max() <= rule.cutoff * (1 + 1e-9)
    found = rct.itt(
        trial_of(drawn, listed()), adjust="none", allocation=drawn, inference=RandomisationInference()
    )
    assert found.design.allocations == rule.possible
    assert f"all {rule.possible:,} assignments" in found.headline.inference
    assert "recorded rule" in found.headline.inference
    y, arms = found.detail.arms[0].trial.outcome, chance.arms(every)[:, chance.place]
    values = np.array([y[a == 1].mean() - y[a == 0].mean() for a in arms])
    if name in ("complete", "balance", "clusters", "clusters in balance"):
        p = np.mean(np.abs(values) >= abs(found.headline.value) - 1e-12)
        assert found.headline.p_value == pytest.approx(p)


def test_schedules_of_a_crossover_are_enumerated():
    spots = pd.DataFrame({"spot": ["a", "b"]})
    drawn = rct.randomise(spots, unit="spot", seed=1, design=rct.Crossover(6, longest=3))
    every = np.concatenate(list(drawn.rule.every(7)))
    assert len({tuple(row) for row in every.tolist()}) == drawn.rule.possible == len(every)
    for row in every.reshape(-1, 6):
        assert row.sum() == 3
        assert (
            max(len(run) for run in "".join(map(str, row)).replace("01", "0 1").replace("10", "1 0").split())
            <= 3
        )
    frame = drawn.table.assign(y=np.arange(12.0) % 5)
    trial = Trial.from_frame(frame, unit="spot", arm="arm", outcome="y", control="control", period="period")
    chance = reassign.redrawn(trial, drawn)
    assert chance.treated(trial, chance.actual[None])[0].tolist() == trial.treated.tolist()
    with pytest.raises(errors.DesignError, match="change arms"):
        reassign.redrawn(trial)


def test_starts_of_a_stepped_wedge():
    drawn = rct.randomise(listed(6), unit="unit", seed=2, design=rct.SteppedWedge(3, first=2))
    start = drawn.table.set_index("unit")["start"].astype(int)
    rows = [(u, t, int(t >= start[u]), float(t)) for u in start.index for t in range(1, 6)]
    frame = pd.DataFrame(rows, columns=["unit", "t", "arm", "y"])
    trial = Trial.from_frame(frame, unit="unit", arm="arm", outcome="y", control=0, period="t")
    chance = reassign.redrawn(trial, drawn)
    np.testing.assert_array_equal(chance.treated(trial, chance.actual[None])[0], trial.treated)
    assert chance.rule.possible == 90
    early = frame.assign(arm=frame["arm"].where(frame["unit"] != "u001", 1))
    other = Trial.from_frame(early, unit="unit", arm="arm", outcome="y", control=0, period="t")
    with pytest.raises(errors.TrialError, match="u001"):
        against_record(other, drawn)


KINDS = ("plain", "blocks", "pairs", "mixed", "one lone", "clusters", "blocked clusters", "pairs of clusters")


def blocked_trial(kind):
    """48 units with two baseline variables, in blocks of the kind."""
    rng = np.random.default_rng(4)
    frame, at = listed(48), np.arange(48)
    blocks = {
        "blocks": at // 12,
        "pairs": at // 2,
        "mixed": np.where(at < 24, at // 12, 10 + at // 2),
        "one lone": np.where(at < 46, at // 12, 9),
        "blocked clusters": at // 16,
        "pairs of clusters": at // 4,
    }
    frame["b"] = blocks.get(kind, np.zeros(48, dtype=int))
    dealt = "ward" if kind.endswith("clusters") else "unit"
    frame["z"] = 0
    for _, block in frame.groupby("b"):
        names = block[dealt].unique()
        count = 5 if len(names) == 12 else 3 if len(names) == 8 else len(names) // 2
        chosen = rng.permutation(names)[:count]
        frame.loc[block.index, "z"] = block[dealt].isin(chosen).astype(int)
    frame["y"] = frame["x"] + rng.normal(size=48)
    roles = {"cluster": "ward"} if dealt == "ward" else {}
    if kind not in ("plain", "clusters"):
        roles["block"] = "b"
    return Trial.from_frame(frame, unit="unit", arm="z", outcome="y", control=0, baseline=["x", "v"], **roles)


@pytest.mark.parametrize("adjust", ["none", "lin", "ancova", "cuped"])
@pytest.mark.parametrize("kind", KINDS)
def test_sums_give_what_refits_give(kind, adjust):
    trial = blocked_trial(kind)
    chance, test = reassign.redrawn(trial), RandomisationInference(draws=99)
    found = reassign.collected(trial, trial.outcome[None], adjust, test, chance)
    drawn = np.concatenate(list(found.design))[:15]
    for arms, value in zip(drawn, found.values[:, 0], strict=False):
        refit, _ = itt_adjust.prepare(trial.with_arm(arms[chance.place]), adjust)
        assert value == pytest.approx((refit.contrast @ refit.fit.coefficients)[0], abs=1e-10)
    assert found.slope == pytest.approx(1)
    result = rct.itt(trial, adjust=adjust, inference=test)
    plain = rct.itt(trial, adjust=adjust)
    within = f" within {trial.n_blocks} blocks, " if trial.block is not None else "s, as many to each arm"
    assert within in result.headline.inference
    assert result.headline.value == pytest.approx(plain.headline.value, abs=1e-10)
    assert result.seed == (None if found.design.every else test.seed)
    assert result.headline.low < result.headline.value < result.headline.high


def test_who_joined_or_changed_arm_or_cluster_is_named():
    drawn = rct.randomise(listed(), unit="unit", seed=7, cluster="ward")
    trial = trial_of(drawn, listed())
    assert "Every unit on the allocation record is on the analysed list" in against_record(trial, drawn)[0]
    more = replace(trial, units=(*trial.units[:-1], "newcomer"))
    with pytest.raises(errors.TrialError, match=r"1 units were not on the list.*newcomer"):
        rct.itt(more, allocation=drawn)
    swapped = trial.with_arm(np.where(trial.cluster == 0, 1 - trial.arm, trial.arm))
    with pytest.raises(
        errors.TrialError, match=r"2 units have another arm.*u000 \(recorded \w+, analysed \w+\)"
    ):
        against_record(swapped, drawn)
    moved = replace(trial, cluster=np.where(trial.unit == 3, 0, trial.cluster))
    with pytest.raises(errors.TrialError, match=r"another cluster.*u003 \(recorded w001, analysed w000\)"):
        against_record(moved, drawn)
    with pytest.raises(errors.TrialError, match="whole clusters were drawn"):
        against_record(replace(trial, cluster=None, cluster_labels=()), drawn)


def test_who_left_stays_in_the_draw():
    drawn = rct.randomise(listed(), unit="unit", seed=7)
    whole = trial_of(drawn, listed())
    kept = whole.select(~np.isin(whole.unit, [2, 9]))
    note = against_record(kept, drawn)[0]
    assert "2 of 12 on the allocation record are not in the analysis" in note
    assert "u002, u009" in note
    found = rct.itt(kept, allocation=drawn, inference=RandomisationInference())
    assert found.design.allocations == 924
    arms = np.concatenate(list(drawn.rule.every(1000)))[:, np.delete(np.arange(12), [2, 9])]
    y = kept.outcome
    values = np.array([y[a == 1].mean() - y[a == 0].mean() for a in arms])
    p = np.mean(np.abs(values) >= abs(found.headline.value) - 1e-12)
    assert found.headline.p_value == pytest.approx(p)
    # without the record only the ten are dealt out
    assert rct.itt(kept, inference=RandomisationInference()).design.allocations != 924


def test_a_record_from_json_says_how_to_get_its_rule_back():
    drawn = rct.randomise(listed(), unit="unit", seed=7)
    held = rct.Allocation.from_json(drawn.to_json())
    trial = trial_of(drawn, listed())
    with pytest.raises(errors.RecordError, match=r"rct.replay\(allocation, list\)"):
        rct.itt(trial, allocation=held, inference=RandomisationInference())
    again = rct.replay(held, listed())
    one, other = (
        rct.itt(trial, allocation=record, inference=RandomisationInference()) for record in (drawn, again)
    )
    assert one.to_json() == other.to_json()


def test_two_arms_of_three_are_dealt_between_themselves():
    drawn = rct.randomise(listed(), unit="unit", seed=7, arms=("control", "a", "b"))
    arm = drawn.table.set_index("unit")["arm"]
    frame = listed().assign(arm=arm.to_numpy(), y=np.arange(12.0) ** 2)
    trial = Trial.from_frame(
        frame, unit="unit", arm="arm", outcome="y", control="control", treatments=["a", "b"]
    )
    found = rct.itt(trial, allocation=drawn, inference=RandomisationInference())
    assert found.design.allocations == 70  # 8 choose 4
    alone = rct.itt(trial.against_control("b"), inference=RandomisationInference())
    assert found.effects["p_value"].tolist()[1] == pytest.approx(alone.headline.p_value)


def test_a_balance_rule_too_narrow_to_draw_from_says_so():
    drawn = rct.randomise(listed(24), unit="unit", seed=7, balance=rct.Balance("x", 0.1))
    narrow = replace(drawn.rule, cutoff=1e-12)
    with pytest.raises(errors.EstimationError, match="kept the balance rule, too few"):
        narrow.draw(np.random.PCG64(1), 5)


def test_a_number_of_allocations_that_is_a_bound_or_a_guess_is_called_so():
    def how(units, **settings):
        drawn = rct.randomise(units, unit="unit", seed=1, **settings)
        return RandomisationInference(draws=99).under(drawn.rule, np.arange(len(units))).how

    rota = rct.Rota(24, treated=3, longest=4)
    assert how(listed(12), design=rota).startswith("99 of at least ")
    assert how(listed(40), balance=rct.Balance("x", 0.2)).startswith("99 of about ")
    assert how(listed(40)) == "99 of about 1.4 × 10 to the power 11 assignments, seed 1"
    assert how(listed(12)) == "all 924 assignments"


def by_hand(trial, arms):
    """Block differences weighted by rows, over the blocks that have both arms."""
    block = np.zeros(trial.n_rows, dtype=int) if trial.block is None else trial.block
    gaps, weights = [], []
    for code in np.unique(block):
        here, y = block == code, trial.outcome
        if len(np.unique(arms[here])) == 2:
            gaps.append(y[here & (arms == 1)].mean() - y[here & (arms == 0)].mean())
            weights.append(here.sum())
    return np.average(gaps, weights=weights)


@pytest.mark.parametrize(
    "kind", ["blocks", "clusters", "who left", "who left a pair", "one block analysed", "arms the other way"]
)
def test_all_assignments_block_by_block_are_those_gone_through(kind):
    sizes = [7, 5, 4] if kind == "one block analysed" else [8, 4, 4]
    frame = listed(16).assign(site=np.repeat(["n", "s", "w"], sizes), y=np.arange(16.0) ** 2 % 11)
    frame["ward"] = frame["unit"].where(frame.index % 3 > 0, frame["unit"].shift(-1, fill_value="last"))
    if kind == "who left a pair":
        frame["site"] = np.repeat(list("abcdefgh"), 2)
    cluster = {"cluster": "ward"} if kind == "clusters" else {}
    drawn = rct.randomise(frame, unit="unit", seed=3, design=rct.Blocked("site"), **cluster)
    made = frame.merge(drawn.table[["unit", "arm"]], on="unit")
    roles = {} if kind == "one block analysed" else {"block": "site"}
    control = "treatment" if kind == "arms the other way" else "control"
    trial = Trial.from_frame(made, unit="unit", arm="arm", outcome="y", control=control, **roles, **cluster)
    if kind.startswith("who left"):
        trial = trial.select(~np.isin(trial.unit, [0, 3]))
    chance = reassign.redrawn(trial, drawn)
    test = RandomisationInference(draws=20_000)
    found = reassign.collected(trial, trial.outcome[None], "none", test, chance)
    arms = chance.arms(np.concatenate(list(found.design)))[:, chance.place]
    assert found.design.every
    assert len(arms) == len(found.values) == drawn.rule.possible
    wanted = [by_hand(trial, row) for row in arms]
    np.testing.assert_allclose(found.values[:, 0], wanted, rtol=0, atol=1e-12)
    assert found.actual[0] == pytest.approx(by_hand(trial, trial.arm), abs=1e-12)


def test_a_plain_test_of_unequal_arms_says_what_it_does_not_test():
    frame = listed(20).assign(y=np.arange(20.0) ** 2 % 7)
    for treated, said in ((8, False), (7, True), (13, True)):
        made = frame.assign(z=(np.arange(20) < treated).astype(int))
        trial = Trial.from_frame(made, unit="unit", arm="z", outcome="y", control=0)
        notes = " ".join(rct.itt(trial, inference=RandomisationInference(draws=99)).notes)
        assert ("26% of simulated trials" in notes) == said
        assert (f"The arms hold {20 - treated} and {treated}" in notes) == said


def test_two_arms_of_three_keep_their_blocks_and_know_no_balance_rule():
    three = {"unit": "unit", "seed": 7, "arms": ("control", "a", "b")}
    drawn = rct.randomise(listed(), design=rct.Blocked("site"), **three)
    made = listed().assign(arm=drawn.table["arm"].to_numpy(), y=np.arange(12.0) ** 2 % 13)
    roles = {"unit": "unit", "arm": "arm", "outcome": "y", "control": "control", "treatments": ["a", "b"]}
    pair = Trial.from_frame(made, block="site", **roles).against_control("a")
    found = rct.itt(pair, allocation=drawn, inference=RandomisationInference())
    assert found.design.allocations == 36  # (4 choose 2) twice, not 8 choose 4
    rule = reassign.redrawn(pair, drawn).rule
    assert rule.units == 8
    assert "assigning anew by the recorded rule" in found.headline.inference
    every = np.concatenate(list(rule.every(10)))
    sites = made.loc[made["arm"] != "b", "site"].to_numpy()
    assert {(int(row[sites == "n"].sum()), int(row[sites == "s"].sum())) for row in every} == {(2, 2)}
    tied = rct.randomise(listed(), balance=rct.Balance("x", 0.2), **three)
    made = made.assign(arm=tied.table["arm"].to_numpy())
    with pytest.raises(errors.DesignError, match="balance rule ties them to the rest"):
        reassign.redrawn(Trial.from_frame(made, **roles).against_control("a"), tied)
