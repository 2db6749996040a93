"""Effects per unit of dose: by hand, the weights of the average, the doses by arm, refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from whatworks import Trial, rct
from whatworks.errors import DesignError, OptionError
from whatworks.inference import WildCluster
from whatworks.rct.take_up.dosage import doses, lowered, moved
from whatworks.results import NotAvailable, Result


def areas(n: int = 200, seed: int = 4) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"area": [f"a{i:03d}" for i in range(n)], "z": np.arange(n) % 2})
    busy = rng.normal(size=n)
    # busier areas are patrolled for longer: within the arm the slope has the wrong sign
    frame["minutes"] = frame.z * np.maximum(15 + 8 * busy + rng.normal(0, 2, n), 0) + rng.gamma(1, 1, n)
    frame["y"] = 20 + 6 * busy - 0.1 * frame.minutes + rng.normal(size=n)
    return frame


def read(frame: pd.DataFrame, **roles: Any) -> Trial:
    given = {"unit": "area", "arm": "z", "outcome": "y", "control": 0, "taken": "minutes"}
    return Trial.from_frame(frame, **{**given, **roles})


def row(result: Result, start: str) -> pd.Series:
    return result.effects[result.effects["term"].str.startswith(start)].iloc[0]


def test_it_is_the_difference_in_outcomes_over_the_difference_in_doses() -> None:
    frame = areas()
    means = frame.groupby("z")[["y", "minutes"]].mean()
    gap = means.loc[1] - means.loc[0]
    found = rct.dosage(read(frame))
    assert found.headline.value == pytest.approx(gap.y / gap.minutes)
    assert row(found, "dose caused")["estimate"] == pytest.approx(gap.minutes)
    assert row(found, "ITT")["estimate"] == pytest.approx(gap.y)
    assert found.headline.p_value != row(found, "ITT")["p_value"]
    assert row(found, "effect per unit of dose, Anderson")["p_value"] == row(found, "ITT")["p_value"]


def test_the_unit_of_the_dose_is_a_matter_of_words() -> None:
    one, ten = (rct.dosage(read(areas()), per=per) for per in (1, 10))
    for name in ("value", "std_error", "low", "high"):
        assert getattr(ten.headline, name) == pytest.approx(10 * getattr(one.headline, name), rel=1e-9)
    assert ten.headline.p_value == pytest.approx(one.headline.p_value, rel=1e-9)
    assert ten.headline.scale == "y per 10 units of dose"
    pd.testing.assert_frame_equal(ten.detail.doses, one.detail.doses)
    assert ten.detail.f == pytest.approx(one.detail.f, rel=1e-9)


def test_the_slope_within_the_arm_is_shown_and_marked() -> None:
    frame = areas()
    found = rct.dosage(read(frame))
    slope = row(found, "slope of outcome on dose within 1")
    treated = frame[frame.z == 1]
    assert slope["estimate"] == pytest.approx(np.polyfit(treated.minutes, treated.y, 1)[0])
    assert slope["estimate"] > 0 > found.headline.value
    assert "(not causal)" in slope["term"]
    assert any("no effect: who got more" in note for note in found.notes)


def test_doses_by_arm() -> None:
    frame = pd.DataFrame({"minutes": [0.0, 0, 5, 10, 0, 10, 20, 30], "z": [0, 0, 0, 0, 1, 1, 1, 1]})
    table = doses(frame.minutes.to_numpy(), (frame.z == 1).to_numpy(), ("off", "on"), 20.0)
    assert table["mean"].tolist() == [3.75, 15.0]
    assert table["share at 0"].tolist() == [0.5, 0.25]
    assert table["50%"].tolist() == [2.5, 15.0]
    assert table["mean over planned"].tolist() == [0.1875, 0.75]
    assert table["share that reached the plan"].tolist() == [0.0, 0.5]


def test_planned_doses_enter_the_record_only_where_there_is_a_plan() -> None:
    plain, planned = rct.dosage(read(areas())), rct.dosage(read(areas()), planned=15)
    assert not plain.effects["term"].str.contains("plan").any()
    assert row(planned, "dose in 1: share that reached")["estimate"] == pytest.approx(
        (areas().query("z == 1").minutes >= 15).mean()
    )
    assert Result.from_json(planned.to_json()).headline == planned.headline
    assert planned.spec["planned"] == 15


def test_weights_are_where_assignment_moved_doses() -> None:
    # assignment moved half from 0 to 10 and half from 10 to 20: nothing above 20, all below told alike
    dose = np.array([0.0, 0, 10, 10, 10, 10, 20, 20])
    treated = np.array([False] * 4 + [True] * 4)
    table = moved(dose, treated)
    assert table["from"].tolist() == [0, 10]
    assert table["to"].tolist() == [10, 20]
    np.testing.assert_allclose(table["weight"], [0.5, 0.5])
    assert not lowered(dose, treated)


def test_the_estimate_is_that_average_of_effects_of_one_more() -> None:
    # y = 3·dose up to 10 and 1·dose beyond, without noise: weights 1/2 on either slope
    dose = np.tile([0.0, 0, 10, 10, 10, 10, 20, 20], 5)
    treated = np.tile([False] * 4 + [True] * 4, 5)
    y = 3 * np.minimum(dose, 10) + np.maximum(dose - 10, 0)
    frame = pd.DataFrame({"area": range(40), "z": treated.astype(int), "minutes": dose, "y": y})
    found = rct.dosage(read(frame))
    weights = found.detail.weights
    assert found.headline.value == pytest.approx(weights["weight"] @ [3.0, 1.0])


def test_doses_that_assignment_lowered_are_noticed() -> None:
    frame = areas()
    frame.loc[(frame.z == 0) & (frame.index % 10 == 0), "minutes"] = 60
    assert any("lowered" in note for note in rct.dosage(read(frame)).notes)
    raised = pd.DataFrame({"area": range(20), "z": np.arange(20) % 2, "y": np.sin(np.arange(20.0))})
    raised["minutes"] = raised.z * 5.0 + np.arange(20) // 2
    assert not any("lowered" in note for note in rct.dosage(read(raised)).notes)


def test_places_and_days_have_effects_of_their_own_and_a_place_is_one_piece() -> None:
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"area": np.arange(12).repeat(20), "day": np.tile(np.arange(20), 12)})
    frame["z"] = rng.integers(0, 2, len(frame))
    frame["minutes"] = frame.z * rng.gamma(4, 4, len(frame))
    frame["y"] = rng.normal(size=len(frame)) - 0.02 * frame.minutes
    found = rct.dosage(read(frame, period="day"))
    moved = frame.assign(y=frame.y + 7 * frame.area - 3 * frame.day)
    again = rct.dosage(read(moved, period="day"))
    assert again.headline.value == pytest.approx(found.headline.value, rel=1e-8)
    assert again.headline.std_error == pytest.approx(found.headline.std_error, rel=1e-8)
    assert "over 12 clusters" in found.headline.inference
    assert found.headline.df < 12


def test_a_dose_that_assignment_did_not_move() -> None:
    found = rct.dosage(read(areas().assign(minutes=5.0)))
    assert isinstance(found.headline.value, NotAvailable)
    assert isinstance(found.detail.weights, NotAvailable)
    assert "same dose" in row(found, "slope")["reason"]
    assert Result.from_json(found.to_json()).headline == found.headline


def test_doses_in_tiny_units_are_doses() -> None:
    plain, tiny = (rct.dosage(read(frame)) for frame in (areas(), areas().eval("minutes = minutes * 1e-13")))
    assert tiny.headline.value == pytest.approx(1e13 * plain.headline.value, rel=1e-9)
    assert tiny.detail.f == pytest.approx(plain.detail.f, rel=1e-9)


@pytest.mark.parametrize(
    "choice",
    [{"per": 0}, {"per": -1}, {"planned": 0}, {"per": float("nan")}, {"per": "ten"}, {"planned": [1]}],
)
def test_doses_must_be_positive(choice: dict[str, Any]) -> None:
    with pytest.raises(OptionError, match="not a positive dose"):
        rct.dosage(read(areas()), **choice)


def test_refusals() -> None:
    with pytest.raises(DesignError, match="nobody recorded"):
        rct.dosage(read(areas(), taken=None))
    with pytest.raises(OptionError, match="does not hold over two stages"):
        rct.dosage(read(areas()), inference=WildCluster())


def test_its_interval_holds_the_truth() -> None:
    rng = np.random.Generator(np.random.PCG64(6))
    held = 0
    for _ in range(300):
        frame = areas(60, int(rng.integers(2**31)))
        told = rct.dosage(read(frame)).headline
        held += told.low <= -0.1 <= told.high
    assert abs(held / 300 - 0.95) < 3.5 * np.sqrt(0.95 * 0.05 / 300)


def test_bands_end_at_doses_that_were_given() -> None:
    dose = np.array([0.0, 0, 0, 0, 1, 2, 4, 8])
    treated = dose > 0
    bands = moved(dose, treated)
    # quarters of the positive doses alone, the next dose up
    assert bands["from"].tolist() == [0.0, 2.0, 4.0]
    assert bands["to"].tolist() == [2.0, 4.0, 8.0]
    assert bands["weight"].tolist() == pytest.approx([7 / 15, 4 / 15, 4 / 15])


def test_only_a_dose_of_nothing_counts_as_none() -> None:
    dose = np.array([0.0, 0.2, 0.4, 0.0, 0.0, 0.1])
    table = doses(dose, np.array([True, True, True, False, False, False]), ("off", "on"), None)
    assert table["share at 0"].tolist() == pytest.approx([2 / 3, 1 / 3])


def test_a_dose_reached_by_fewer_is_noticed_at_the_dose_itself() -> None:
    # half of control got exactly 5, nobody under treatment did; all of treatment got 4
    treated = np.array([True, True, False, False])
    assert lowered(np.array([4.0, 4, 5, 0]), treated)
    assert not lowered(np.array([5.0, 5, 5, 0]), treated)
