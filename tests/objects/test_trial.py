"""Trial: valid once made, the same for any row order, and every bad table named with its remedy."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import whatworks as ww
from whatworks.errors import OptionError, TrialError


def table() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "person": ["a", "b", "c", "d", "e", "f"],
            "arm": ["patrol", "usual", "patrol", "usual", "patrol", "usual"],
            "y": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
            "site": ["n", "n", "n", "s", "s", "s"],
            "team": ["1", "2", "1", "3", "4", "3"],
            "came": [1, 0, 1, 0, 0, 0],
            "age": [20, 30, 25, 40, 35, 50],
        }
    )


def trial(frame: pd.DataFrame | None = None, **others) -> ww.Trial:
    roles = {"unit": "person", "arm": "arm", "outcome": "y", "control": "usual"} | others
    return ww.Trial.from_frame(table() if frame is None else frame, **roles)


def test_arms_blocks_clusters_and_baseline_are_laid_out_with_the_control_arm_first():
    made = trial(block="site", cluster="team", taken="came", baseline=["age"])
    assert made.arms == ("usual", "patrol")
    assert made.arm.tolist() == [1, 0, 1, 0, 1, 0]
    assert made.block_labels == ("n", "s")
    assert made.n_clusters == 4
    assert made.taken.tolist() == [1, 0, 1, 0, 0, 0]
    assert made.baseline.tolist() == [[20, 30, 25, 40, 35, 50]]
    assert not made.graded
    assert not made.outcome.flags.writeable


def test_row_order_never_matters_and_every_number_does():
    plain = trial(block="site", baseline=["age"])
    shuffled = trial(table().sample(frac=1, random_state=1), block="site", baseline=["age"])
    assert shuffled.fingerprint == plain.fingerprint
    assert shuffled.outcome.tolist() == plain.outcome.tolist()
    for column, value in (("y", 9.0), ("age", 21), ("arm", "usual"), ("site", "s")):
        changed = table()
        changed.loc[2, column] = value
        assert trial(changed, block="site", baseline=["age"]).fingerprint != plain.fingerprint


def test_a_frame_goes_in_and_comes_out():
    made = trial(block="site", cluster="team", taken="came", baseline=["age"])
    again = trial(
        made.to_frame(), unit="person", block="block", cluster="cluster", taken="taken", baseline=["age"]
    )
    assert again.fingerprint == made.fingerprint


def test_arm_labels_are_checked_against_misspelling_and_a_third_arm():
    wrong = table()
    wrong.loc[0, "arm"] = "patrl"
    with pytest.raises(TrialError, match=r"2 other arms: .*'patrl' \(1 rows\)"):
        trial(wrong)
    with pytest.raises(TrialError, match=r"unexpected labels: 'patrl'.*\n.*Did you mean 'patrol'"):
        trial(wrong, treatments=["patrol"])
    with pytest.raises(TrialError, match=r"no row is in the control arm 'usul'.*\n.*Did you mean 'usual'"):
        trial(control="usul")
    with pytest.raises(TrialError, match="no row is in the treatment arm 'calls'"):
        trial(treatments=["patrol", "calls"])
    wrong.loc[0, "arm"] = None
    with pytest.raises(TrialError, match="1 rows have no arm"):
        trial(wrong)


def test_several_arms_are_named_and_taken_one_against_control():
    several = table()
    several.loc[4, "arm"] = "calls"
    made = trial(several, treatments=["patrol", "calls"])
    assert made.arms == ("usual", "patrol", "calls")
    pair = made.against_control("calls")
    assert pair.units == ("b", "d", "e", "f")
    assert pair.arm.tolist() == [0, 0, 1, 0]
    with pytest.raises(OptionError, match="no treatment arm 'usual'"):
        made.against_control("usual")


def test_numbers_as_arm_labels_may_be_whole_floats():
    frame = table()
    frame["arm"] = [1.0, 0.0, 1.0, 0.0, 1.0, 0.0]
    made = trial(frame, control=0)
    assert made.arms == ("0", "1")


def test_a_person_twice_is_refused_and_a_row_a_period_is_not():
    twice = pd.concat([table(), table().iloc[:1]])
    with pytest.raises(TrialError, match="1 units occur more than once: a"):
        trial(twice)
    days = pd.concat([table().assign(day=1), table().assign(day=2)])
    made = trial(days, period="day")
    assert made.n_units == 6
    assert made.n_rows == 12
    assert made.period.tolist() == [1, 2] * 6
    with pytest.raises(TrialError, match="occur more than once"):
        trial(pd.concat([days, days.iloc[:1]]), period="day")


def test_a_unit_in_two_blocks_a_split_cluster_and_a_block_with_one_arm_are_refused():
    days = pd.concat([table().assign(day=1), table().assign(day=2)], ignore_index=True)
    days.loc[6, "site"] = "s"
    with pytest.raises(TrialError, match=r"1 units lie in two blocks: a \(n, s\)"):
        trial(days, period="day", block="site")
    split = table()
    split.loc[1, "team"] = "1"
    with pytest.raises(TrialError, match="1 clusters are split over arms: 1"):
        trial(split, cluster="team")
    alone = table()
    alone.loc[[1, 3, 5], "site"] = "s"
    with pytest.raises(TrialError, match="1 blocks hold one arm only: n"):
        trial(alone, block="site")


def test_missing_outcomes_are_refused_or_kept_and_counted_by_arm():
    gone = table()
    gone.loc[[0, 1], "y"] = np.nan
    with pytest.raises(TrialError, match="2 rows have no outcome: a, b"):
        trial(gone)
    kept = trial(gone, allow_missing=True)
    assert kept.observed.tolist() == [False, False, True, True, True, True]
    left = kept.drop_missing()
    assert left.n_units == 4
    assert "1 of 3 in usual, 1 of 3 in patrol" in left.notes[-1]
    gone["y"] = np.nan
    with pytest.raises(TrialError, match="no row has an outcome"):
        trial(gone, allow_missing=True)


def test_impossible_numbers_are_refused():
    for column, role, value, words in (
        ("came", "taken", -1, "negative"),
        ("came", "taken", None, "no taken"),
        ("age", "exposure", 0, "not positive"),
        ("y", "outcome", np.inf, "infinite"),
        ("y", "outcome", "1,000", "not numbers: '1,000'"),
    ):
        wrong = table().astype({column: object})
        wrong.loc[0, column] = value
        with pytest.raises(TrialError, match=words):
            trial(wrong, **{role: column})
    half = table()
    half["y"] += 0.5
    with pytest.raises(TrialError, match="negative or fractional"):
        trial(half, exposure="age")


def test_a_column_that_is_not_there_is_named_with_the_nearest():
    with pytest.raises(OptionError, match=r"no column 'sight'.*\n.*Did you mean 'site'"):
        trial(block="sight")


def test_selection_renumbers_units_and_blocks():
    made = trial(block="site", cluster="team").select([3, 4, 5])
    assert made.units == ("d", "e", "f")
    assert made.block_labels == ("s",)
    assert made.unit.tolist() == [0, 1, 2]
    assert made.cluster_labels == ("3", "4")


def test_dose_is_graded_take_up():
    frame = table()
    frame["came"] = [12.5, 0, 30, 0, 0, 0]
    made = trial(frame, taken="came")
    assert made.graded
    assert "dose" in made._repr_mimebundle_()["text/html"]
