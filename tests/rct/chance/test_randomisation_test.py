"""Randomisation tests of trials: stored exact numbers, any statistic, the size under a balance rule."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tests.support.reference_numbers import HERE, entries

from whatworks import Trial, errors, rct
from whatworks.inference import RandomisationInference
from whatworks.rct.chance import reassign


def stored(name):
    small = pd.read_csv(HERE / "data" / "trial_small.csv", encoding="utf-8")
    pairs = pd.read_csv(HERE / "data" / "trial_pairs.csv", encoding="utf-8")
    pairs["change"] = pairs["post"] - pairs["pre"]
    spots = {"unit": "spot", "arm": "z", "outcome": "post", "control": 0, "block": "pair"}
    return {
        "complete": lambda: Trial.from_frame(small, unit="unit", arm="z", outcome="y", control=0),
        "blocked": lambda: Trial.from_frame(
            small, unit="unit", arm="z_block", outcome="y_block", control=0, block="block"
        ),
        "clustered": lambda: Trial.from_frame(
            small, unit="unit", arm="z_cluster", outcome="y_cluster", control=0, cluster="cluster"
        ),
        "pairs20": lambda: Trial.from_frame(pairs, **spots),
        "pairs20_change": lambda: Trial.from_frame(pairs, **{**spots, "outcome": "change"}),
        "pairs_first8": lambda: Trial.from_frame(pairs[pairs["pair"] <= 8], **spots),
    }[name]()


@pytest.mark.parametrize(
    "name", ["complete", "blocked", "clustered", "pairs_first8", "pairs20", "pairs20_change"]
)
def test_exact_shares_of_all_assignments(name):
    expected = entries("trial")[f"exact.{name}.hand"]["results"]
    found = rct.randomisation_test(stored(name), inference=RandomisationInference(draws=2**20))
    assert found.design.allocations == expected["n_assignments"]
    assert found.seed is None
    assert found.headline.value == pytest.approx(expected["observed"], rel=1e-12)
    assert found.headline.p_value == pytest.approx(expected["p_two_sided"], rel=1e-13)
    assert found.detail.p_lower == pytest.approx(expected["p_lower"], rel=1e-13)
    assert found.detail.p_upper == pytest.approx(expected["p_upper"], rel=1e-13)
    assert found.detail.draws.std() == pytest.approx(expected["sd_of_null"], rel=1e-12)


def difference(outcome, treated):
    sides = [(side * outcome).sum(axis=1) / side.sum(axis=1) for side in (treated, ~treated)]
    return sides[0] - sides[1]


def test_a_search_finds_the_interval_that_inversion_gives():
    trial = stored("complete")
    exact, sought = (
        rct.randomisation_test(trial, statistic=s, level=0.9) for s in ("difference", difference)
    )
    for name in ("value", "low", "high", "p_value"):
        assert getattr(sought.headline, name) == pytest.approx(getattr(exact.headline, name), rel=1e-6)
    assert "found by search" in sought.headline.inference
    assert sought.effects["term"].tolist() == ["1", "statistic: difference (given)"]


@pytest.mark.parametrize("statistic", ["studentised", "median", "rank_sum"])
def test_effects_inside_the_interval_are_kept_and_outside_rejected(statistic):
    trial = stored("complete")
    found = rct.randomisation_test(trial, statistic=statistic, level=0.9).headline
    assert found.low < found.value < found.high
    for end, outward in ((found.low, -1), (found.high, 1)):
        p = [
            rct.randomisation_test(
                trial.with_outcome(trial.outcome - (end + step * outward * 1e-5) * trial.treated),
                statistic=statistic,
            ).headline.p_value
            for step in (-1, 1)
        ]
        assert p[0] > 0.1 >= p[1]


def test_statistics_by_hand():
    from scipy.stats import binomtest, mannwhitneyu

    trial = stored("complete")
    one, other = trial.outcome[trial.treated], trial.outcome[~trial.treated]
    ranks = rct.randomisation_test(trial, statistic="rank_sum").headline
    assert ranks.p_value == pytest.approx(mannwhitneyu(one, other, method="exact").pvalue)
    assert ranks.value == pytest.approx(np.median(one[:, None] - other[None, :]))
    middle = rct.randomisation_test(trial, statistic="median")
    assert middle.headline.value == pytest.approx(np.median(one) - np.median(other))
    assert middle.detail.actual == pytest.approx(np.median(one) - np.median(other))
    # within pairs the ranks are signs
    pairs = stored("pairs_first8")
    sides = [pairs.outcome[side][np.argsort(pairs.block[side])] for side in (pairs.treated, ~pairs.treated)]
    gap = sides[0] - sides[1]
    signs = rct.randomisation_test(pairs, statistic="rank_sum").headline
    assert signs.p_value == pytest.approx(binomtest(int((gap > 0).sum()), 8).pvalue)
    # with equal arms, or pairs, measuring the difference in its error changes no order
    for name in ("complete", "pairs_first8"):
        p = [
            rct.randomisation_test(stored(name), statistic=s).headline.p_value
            for s in ("difference", "studentised")
        ]
        assert p[0] == p[1]


def listed(seed):
    x = np.random.default_rng(seed).normal(size=12)
    return pd.DataFrame({"unit": [f"u{i:02d}" for i in range(12)], "x": x})


def test_the_recorded_balance_rule_keeps_the_size_and_ignoring_it_does_not():
    # the outcome is mostly baseline, so that arms alike on it differ less than complete draws would
    rejected = {"recorded": 0, "ignored": 0}
    for seed in range(150):
        frame = listed(seed)
        drawn = rct.randomise(frame, unit="unit", seed=seed, balance=rct.Balance("x", 0.1, tried=1000))
        y = 3 * frame["x"] + np.random.default_rng(1000 + seed).normal(size=12)
        made = frame.assign(arm=drawn.table["arm"].to_numpy(), y=y)
        trial = Trial.from_frame(made, unit="unit", arm="arm", outcome="y", control="control")
        for name, record in (("recorded", drawn), ("ignored", None)):
            found = rct.randomisation_test(trial, allocation=record, level=0.8)
            rejected[name] += found.headline.p_value <= 0.2
    assert abs(rejected["recorded"] / 150 - 0.2) < 3 * np.sqrt(0.2 * 0.8 / 150)
    assert rejected["ignored"] / 150 < 0.05


def test_what_is_refused():
    trial = stored("complete")
    with pytest.raises(errors.OptionError, match="statistic='mean'"):
        rct.randomisation_test(trial, statistic="mean")
    with pytest.raises(errors.EstimationError, match="gave shape"):
        rct.randomisation_test(trial, statistic=lambda outcome, treated: 1.0)
    with pytest.raises(errors.OptionError, match="within is for panels"):
        rct.randomisation_test(trial, inference=RandomisationInference(within=["a"] * 10))
    with pytest.raises(errors.OptionError, match="needs baseline"):
        rct.randomisation_test(trial, statistic="lin")
    flat = rct.randomisation_test(trial, statistic=lambda outcome, treated: treated[:, 0] * 1.0)
    assert "never brings this statistic to 0" in flat.effects["reason"].iloc[0]


@pytest.mark.parametrize("statistic", ["difference", "studentised", "lin", "median", "rank_sum"])
def test_arms_named_the_other_way_round_turn_every_sign(statistic):
    frame = listed(1)
    drawn = rct.randomise(frame, unit="unit", seed=1)
    made = frame.assign(arm=drawn.table["arm"].to_numpy(), y=frame["x"] + np.arange(12.0) % 5)
    one, other = (
        rct.randomisation_test(
            Trial.from_frame(made, unit="unit", arm="arm", outcome="y", control=control, baseline=["x"]),
            statistic=statistic,
            allocation=drawn,
        )
        for control in ("control", "treatment")
    )
    assert other.headline.p_value == pytest.approx(one.headline.p_value, rel=1e-12)
    assert other.headline.value == pytest.approx(-one.headline.value, abs=1e-9)
    assert other.headline.low == pytest.approx(-one.headline.high, abs=1e-9)
    assert other.detail.p_lower == pytest.approx(one.detail.p_upper, rel=1e-12)


def over_its_error(y, arms, unit, block, small):
    """The difference over its error in one draw, unit by unit: `unit` is what was assigned as a whole."""
    gaps, shares, variance = [], [], 0.0
    for b in np.unique(block):
        here, sides = block == b, {}
        for arm in (0, 1):
            rows = here & (arms == arm)
            mean = y[rows].mean()
            totals = np.array([(y[rows & (unit == u)] - mean).sum() for u in np.unique(unit[rows])])
            sides[arm] = mean, rows.sum(), totals
        share = here.mean()
        gaps.append(sides[1][0] - sides[0][0])
        shares.append(share)
        if b not in small:
            for _, n, totals in sides.values():
                variance += share**2 * (totals**2).sum() / n**2 * len(totals) / (len(totals) - 1)
    gaps, shares = np.array(gaps), np.array(shares)
    if small:
        pick = np.isin(np.unique(block), list(small))
        off = (gaps[pick] - np.average(gaps[pick], weights=shares[pick])) * shares[pick]
        variance += (off**2).sum() * len(off) / (len(off) - 1)
    return (gaps @ shares) / np.sqrt(variance)


@pytest.mark.parametrize("kind", ["units", "blocks", "clusters", "pairs", "blocks and pairs"])
def test_a_studentised_test_is_that_of_a_loop(kind):
    rng, at = np.random.default_rng(8), np.arange(14 if kind == "pairs" else 24)
    block = {"blocks": at // 12, "pairs": at // 2, "blocks and pairs": np.where(at < 12, 0, at // 2)}
    ward = np.repeat(np.arange(8), [1, 2, 3, 4, 5, 2, 3, 4]) if kind == "clusters" else at
    label = block.get(kind, np.zeros(len(at), dtype=int))
    dealt = np.zeros(len(at), dtype=int)
    for b in np.unique(label):
        units = np.unique(ward[label == b])
        chosen = rng.permutation(units)[: max(1, len(units) * 3 // 8)]
        dealt[np.isin(ward, chosen)] = 1
    names = [f"u{i:02d}" for i in at]
    frame = pd.DataFrame(
        {"u": names, "z": dealt, "b": label, "w": ward, "y": rng.normal(size=len(at)) * (1 + dealt)}
    )
    roles = {"clusters": {"cluster": "w"}, "units": {}}.get(kind, {"block": "b"})
    trial = Trial.from_frame(frame, unit="u", arm="z", outcome="y", control=0, **roles)
    test = RandomisationInference(draws=299)
    found = rct.randomisation_test(trial, statistic="studentised", inference=test).headline
    chance = reassign.redrawn(trial)
    design = test.under(chance.rule, np.arange(len(chance.actual)))
    small = {int(b) for b in np.unique(label) if (label == b).sum() == 2}

    draws = [
        over_its_error(trial.outcome, row[chance.place], ward, label, small)
        for rows in design
        for row in rows
    ]
    own = over_its_error(trial.outcome, trial.arm, ward, label, small)
    count, extra = int((np.abs(draws) >= abs(own) * (1 - 1e-9)).sum()), int(not design.every)
    assert found.p_value == pytest.approx((extra + count) / (extra + len(draws)), rel=1e-12)
    assert found.low < found.value < found.high
    assert found.value == pytest.approx(rct.itt(trial).headline.value)


def test_rows_without_an_outcome_are_left_out_and_the_whole_list_is_on_record():
    frame = listed(1)
    drawn = rct.randomise(frame, unit="unit", seed=1)
    y = (frame["x"] + np.arange(12.0) % 5).where(frame.index != 4)
    made = frame.assign(arm=drawn.table["arm"].to_numpy(), y=y)
    roles = {"unit": "unit", "arm": "arm", "outcome": "y", "control": "control"}
    trial = Trial.from_frame(made, **roles, allow_missing=True)
    found = rct.randomisation_test(trial, allocation=drawn)
    assert found.input_hash == trial.fingerprint
    assert found.design.n_units == 11
    assert any("1 of 12 on the allocation record are not in the analysis" in note for note in found.notes)
