"""What a trial found, in plain words: its arms, ratios as percents, scales in their own unit, bounds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import made_up_study as made
import pytest

from whatworks import Trial, present, rct
from whatworks.results import RATE_RATIO, Design, NotAvailable, Result
from whatworks.study.example_trials import example_trial
from whatworks.verdict import Asked, Better, beside, judge

ASSIGNED = "chance assigned “patrol” rather than “control”"
ARMS = {"arms": ["control", "patrol"]}
NONE = NotAvailable("not looked for")


def trial(method: str = "rct.itt", *, mde: float = 0.06, **changes: Any) -> Any:
    design = Design(60, 1, 60, 30, NONE, mde)
    return made.result(**{"method": method, "spec": ARMS, "design": design, "checks": (), **changes})


def said(result: Result, subject: str = "robbery", better: Better = "lower", **options: Any) -> str:
    return judge(result, Asked(subject, better, **{"worthwhile": 5.0, **options})).sentence


@pytest.mark.parametrize(
    ("method", "words"),
    [
        ("rct.itt", "where chance assigned “patrol” rather than “control”"),
        ("rct.crossover", "when chance assigned “patrol” rather than “control”"),
        ("rct.stepped_wedge", "where “patrol” had begun, in an order that chance drew"),
        ("rct.cace", f"for those who took it up because {ASSIGNED}"),
    ],
)
def test_the_arms_are_named(method: str, words: str) -> None:
    assert said(trial(method)) == (
        f"Robbery fell by about 8% {words}, and we are fairly sure the true change was between a fall of 13% "
        "and a fall of 2%."
    )


def test_other_designs_name_no_arms() -> None:
    assert "chance" not in said(made.result(checks=()))
    assert "chance" not in said(trial("did.block"))


def test_nulls_say_what_the_trial_could_have_found() -> None:
    """A rate ratio of 0.95 (0.84 to 1.07): percents come from the ratio, the smallest effect from it, too."""
    ratio = replace(made.estimate(0.95, 0.84, 1.07, scale=RATE_RATIO))
    null = trial(headline=ratio, relative=made.percent(-5.0, -16.0, 7.0), mde=0.16)
    assert said(null, "crime") == (
        f"We cannot tell whether crime changed where {ASSIGNED}: it may have fallen "
        "by up to 16% or risen by up to 7%. The smallest change this study would find four times in five is "
        "16%."
    )
    assert said(null, "crime", worthwhile=20.0).startswith(
        f"No change in crime that matters where {ASSIGNED}: we are fairly sure"
    )


def test_a_scale_is_told_in_its_own_unit_where_the_study_names_one() -> None:
    points = made.estimate(0.67, 0.31, 1.03, scale="satisfaction")
    found = trial(headline=points, relative=made.percent(13.0, 5.6, 21.6), mde=0.5)
    assert "13%" in said(found, "satisfaction", "higher")
    told = said(found, "satisfaction", "higher", unit="points on a scale of 0 to 10", worthwhile=0.5)
    assert "rose by about 0.7 (measured as points on a scale of 0 to 10) where chance assigned" in told
    assert "%" not in told
    unclear = trial(headline=made.estimate(0.2, -0.3, 0.7), relative=made.percent(4.0, -6.0, 14.0), mde=0.9)
    told = said(unclear, "satisfaction", "higher", unit="points", worthwhile=0.5)
    assert "four times in five is 0.90 (points)" in told


def test_bounds_are_told_as_a_range_and_never_as_a_number() -> None:
    made_trial = example_trial("restorative-justice")
    known = Trial.from_frame(
        made_trial.made.frame,
        unit="victim",
        arm="arm",
        outcome="satisfaction",
        control="usual practice",
        block="site",
        allow_missing=True,
    )
    bounds = rct.attrition_bounds(known)
    told = said(bounds, "satisfaction", "higher")
    assert told.startswith(
        "The change in satisfaction cannot be narrowed to a single number: with outcomes missing"
    )
    low, high = bounds.headline.low, bounds.headline.high
    assert f"between a fall of {-low:.2f} and a rise of {high:.1f}" in told or f"{high:.2f}" in told
    assert "could not be estimated" not in told


def test_an_answer_beside_the_main_one_has_its_notes_or_a_reason() -> None:
    found = trial("rct.cace", notes=("take-up was low",))
    shown = present.answer(found, subject="robbery")
    assert shown.sentences == (beside(found, subject="robbery"), "Take-up was low.")
    reason = NotAvailable("nobody recorded take-up")
    assert present.answer(reason).sentences == ("This does not apply here: nobody recorded take-up.",)
    assert "Effects on robbery: none." in present.effects_table(reason, subject="robbery").html()
