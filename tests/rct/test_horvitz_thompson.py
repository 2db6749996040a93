"""rct.horvitz_thompson: estimatr's numbers, the variance over all allocations, refusals."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest
from tests.support.reference_numbers import HERE, entries

from whatworks import rct
from whatworks.errors import DesignError, OptionError, TrialError
from whatworks.results import NotAvailable
from whatworks.trial import Trial

A = pd.read_csv(HERE / "data" / "trial_blocked.csv")
C = pd.read_csv(HERE / "data" / "trial_cluster.csv")
ROLES = {"unit": "person", "arm": "z", "outcome": "y", "control": 0}


@pytest.mark.parametrize(
    ("frame", "roles", "options", "entry"),
    [
        (A, {}, {}, "complete"),
        (A, {"block": "block"}, {}, "blocked"),
        (C, {"cluster": "cluster"}, {}, "clustered"),
        (A, {}, {"probability": 0.475}, "simple_prob"),
    ],
)
def test_every_design_is_estimatrs(frame, roles, options, entry):
    wanted = entries("trial")[f"horvitz_thompson.{entry}"]["results"]
    found = rct.horvitz_thompson(Trial.from_frame(frame, **ROLES, **roles), **options).headline
    assert found.value == pytest.approx(wanted["estimate"][0], rel=1e-9)
    assert found.std_error == pytest.approx(wanted["se"][0], rel=1e-9)
    assert found.low == pytest.approx(wanted["ci_low"][0], rel=1e-8)
    assert found.p_value == pytest.approx(wanted["p"][0], rel=1e-7)
    assert isinstance(found.df, NotAvailable)


Y0 = np.array([3.0, 1.0, 4.0, 1.5, 9.0, 2.6])
Y1 = np.array([2.0, 7.0, 1.0, 8.0, 2.0, 8.0])


def found_for(treated: tuple[int, ...], block: list[int] | None):
    arm = np.isin(np.arange(6), treated).astype(int)
    frame = pd.DataFrame({"person": range(6), "z": arm, "y": np.where(arm == 1, Y1, Y0)})
    roles = {}
    if block is not None:
        frame["block"], roles = block, {"block": "block"}
    return rct.horvitz_thompson(Trial.from_frame(frame, **ROLES, **roles)).headline


@pytest.mark.parametrize("block", [None, [0, 0, 1, 1, 2, 2], [0, 0, 0, 0, 1, 1]])
def test_over_all_allocations_unbiased_and_never_too_sure_on_average(block):
    if block is None:
        allocations = list(combinations(range(6), 2))
    elif block[2] == 1:
        allocations = list(product((0, 1), (2, 3), (4, 5)))
    else:
        allocations = [(*a, b) for a in combinations(range(4), 2) for b in (4, 5)]
    heads = [found_for(tuple(treated), block) for treated in allocations]
    values = np.array([head.value for head in heads])
    squares = [0.0 if isinstance(h.std_error, NotAvailable) else h.std_error**2 for h in heads]
    assert values.mean() == pytest.approx((Y1 - Y0).mean())
    assert np.mean(squares) >= values.var()


def test_three_arms_and_percent_change():
    frame = A.assign(z=np.arange(600) % 3)
    trial = Trial.from_frame(frame, treatments=[1, 2], **ROLES)
    found = rct.horvitz_thompson(trial)
    means = frame.groupby("z").y.mean()
    assert list(found.effects.estimate) == pytest.approx([means[1] - means[0], means[2] - means[0]])
    assert found.relative.value == pytest.approx(100 * (means[1] / means[0] - 1))


def test_what_the_design_does_not_give_is_refused():
    trial = Trial.from_frame(A, **ROLES)
    with pytest.raises(OptionError, match="between 0 and 1"):
        rct.horvitz_thompson(trial, probability=1.0)
    lost = Trial.from_frame(A.assign(y=A.y.where(A.attrited == 0)), allow_missing=True, **ROLES)
    with pytest.raises(DesignError, match="81 rows have no outcome"):
        rct.horvitz_thompson(lost)
    listed = A.drop(columns="z")
    for options, error, words in (
        ({"design": rct.Blocked("block")}, TrialError, "within blocks"),
        ({"balance": rct.Balance("x", 0.5)}, DesignError, "balance rule"),
    ):
        dealt = rct.randomise(listed, unit="person", seed=1, arms=("0", "1"), **options)
        joined = A.drop(columns=["z", "block"]).assign(person=A.person.astype(str))
        joined = joined.merge(dealt.table, on="person")
        roles = {**ROLES, "arm": "arm"}
        with pytest.raises(error, match=words):
            rct.horvitz_thompson(Trial.from_frame(joined, **roles), allocation=dealt)
    dealt = rct.randomise(listed, unit="person", seed=1, arms=("0", "1"))
    joined = A.drop(columns="z").assign(person=A.person.astype(str)).merge(dealt.table, on="person")
    known = Trial.from_frame(joined, **{**ROLES, "arm": "arm"})
    assert rct.horvitz_thompson(known, allocation=dealt).spec["recorded"]
    with pytest.raises(DesignError, match="does not go with a record"):
        rct.horvitz_thompson(known, allocation=dealt, probability=0.5)


def test_a_large_number_added_to_every_outcome_leaves_the_error_as_it_was():
    plain, moved = (
        rct.horvitz_thompson(Trial.from_frame(A.assign(y=A.y + add), block="block", **ROLES)).headline
        for add in (0, 1e9)
    )
    assert moved.std_error == pytest.approx(plain.std_error, rel=1e-6)


def pairwise(total, arm, count):
    """Aronow and Samii's variance pair by pair, for one block of `count` with fixed numbers in each arm."""
    value = 0.0
    for i, j in product(range(len(total)), repeat=2):
        sizes = [int((arm == arm[k]).sum()) for k in (i, j)]
        p = [size / count for size in sizes]
        if i == j:
            value += (total[i] / p[0]) ** 2
        elif arm[i] != arm[j]:
            both = sizes[0] * sizes[1] / (count * (count - 1))
            value -= (both - p[0] * p[1]) / both * total[i] * total[j] / (p[0] * p[1])
        else:
            both = sizes[0] * (sizes[0] - 1) / (count * (count - 1))
            value += (both - p[0] ** 2) / both * total[i] * total[j] / p[0] ** 2
        # both outcomes of one unit are never seen together; nor are those of an arm of one
    lone = [k for k in range(len(total)) if (arm == arm[k]).sum() == 1]
    value += sum((count - 1) * (total[k] * count) ** 2 / count for k in lone)
    return value


@pytest.mark.parametrize("arm", [[0, 0, 0, 1, 1, 1], [0, 1, 1, 1, 1, 0], [0, 0, 0, 0, 1, 0]])
def test_the_variance_is_that_of_all_pairs(arm):
    frame = pd.DataFrame({"person": range(6), "z": arm, "y": Y0})
    found = rct.horvitz_thompson(Trial.from_frame(frame, **ROLES)).headline
    assert found.std_error == pytest.approx(np.sqrt(pairwise(Y0, np.array(arm), 6)) / 6, rel=1e-12)


@pytest.mark.parametrize("same", [0.0, 0.1, 7.0])
def test_outcomes_that_do_not_vary_have_no_error(same):
    for roles in ({}, {"block": "block"}):
        found = rct.horvitz_thompson(Trial.from_frame(A.assign(y=same), **ROLES, **roles)).headline
        assert found.value == pytest.approx(0, abs=1e-12)
        assert "do not vary" in found.std_error.reason


def test_a_block_without_one_of_several_arms_is_refused():
    frame = A.assign(z=np.where(A.block == 2, A.index % 2, A.index % 3))
    trial = Trial.from_frame(frame, treatments=[1, 2], block="block", **ROLES)
    with pytest.raises(DesignError, match=r"no row of arm '2'.*: 2"):
        rct.horvitz_thompson(trial)


@pytest.mark.parametrize("probability", ["half", [0.5], True])
def test_a_probability_is_a_number(probability):
    with pytest.raises(OptionError, match="between 0 and 1"):
        rct.horvitz_thompson(Trial.from_frame(A, **ROLES), probability=probability)
