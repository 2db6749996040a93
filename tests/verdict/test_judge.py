"""The rules of a verdict, one by one: what gives which status, and what lowers its certainty."""

from __future__ import annotations

import importlib
import json
import pkgutil
from dataclasses import replace
from typing import Any

import made_up_study as made
import pytest

from whatworks import checks as checks_room
from whatworks.checks.few_clusters import NAME as FEW
from whatworks.checks.together import NAME as TOGETHER
from whatworks.errors import OptionError
from whatworks.results import CheckResult, Design, NotAvailable, Result
from whatworks.verdict import STATUSES, Asked, Verdict, gravity, judge

NONE = NotAvailable("one treated unit carries no error of its own")
ROBBERY = Asked("robbery", "lower", 10.0, registered=True)


def found(
    *ends: Any, checks: tuple[CheckResult, ...] = (), clusters: int = 32, method: str = "did.block"
) -> Result:
    """A result in percent: estimate, low, high."""
    return made.result(
        method=method,
        headline=made.estimate(*(end / 100 if isinstance(end, float) else end for end in ends)),
        relative=made.percent(*ends),
        design=Design(32, 85, clusters, 16, NONE, 0.12),
        checks=checks,
    )


def check(name: str, verdict: Any = "concern") -> CheckResult:
    return CheckResult(name, verdict, "It found something. And said more.", would_change_if="it had not")


@pytest.mark.parametrize(
    ("ends", "status"),
    [
        ((-20.0, -30.0, -5.0), "fell"),
        ((20.0, 5.0, 30.0), "rose"),
        ((-20.0, -30.0, 0.0), "inconclusive"),
        ((20.0, 0.0, 30.0), "inconclusive"),
        ((0.0, -9.9, 9.9), "no_change_that_matters"),
        ((0.0, -10.0, 9.9), "inconclusive"),
        ((0.0, -9.9, 10.0), "inconclusive"),
        ((-5.0, -9.0, -1.0), "no_change_that_matters"),
        ((-8.0, -15.0, -1.0), "fell"),
        ((-20.0, NONE, NONE), "not_answered"),
        ((NONE, NONE, NONE), "not_answered"),
    ],
)
def test_status_by_the_interval(ends: Any, status: str) -> None:
    assert judge(found(*ends), ROBBERY).status == status


@pytest.mark.parametrize("name", ["Pre-trends", "Spill-over ring", "Something of a stranger"])
@pytest.mark.parametrize("ends", [(-20.0, -30.0, -5.0), (0.0, -5.0, 5.0), (0.0, -30.0, 30.0)])
def test_a_failed_check_leaves_the_question_unanswered(name: str, ends: Any) -> None:
    said = judge(found(*ends, checks=(check(name, "fail"),)), ROBBERY)
    assert said.status == "not_answered"
    assert said.certainty.level == "very low"
    assert not said.answered
    assert said.good is None


@pytest.mark.parametrize(
    ("ends", "better", "good"),
    [
        ((-20.0, -30.0, -5.0), "lower", True),
        ((-20.0, -30.0, -5.0), "higher", False),
        ((20.0, 5.0, 30.0), "higher", True),
        ((20.0, 5.0, 30.0), "neither", None),
        ((0.0, -5.0, 5.0), "lower", None),
    ],
)
def test_which_way_is_better_is_asked(ends: Any, better: Any, good: bool | None) -> None:
    assert judge(found(*ends), Asked("robbery", better, 10.0)).good is good


ALIKE = CheckResult("Pre-trends", "pass", "Nothing shows.")
"""A check of the time before the start that could have failed."""


def level(*checks: CheckResult, **options: Any) -> str:
    return judge(found(-20.0, -30.0, -5.0, checks=checks, **options), ROBBERY).certainty.level


def test_what_lowers_certainty() -> None:
    assert level(ALIKE) == "moderate"
    assert level(ALIKE, method="rct.itt") == "high"
    assert level(check("Pre-trends")) == "low"
    assert level(check("Pre-trends"), check("Placebo in time")) == "very low"
    assert level(ALIKE, check("Alternative windows"), check("Influential periods")) == "low"
    assert level(check("Pre-trends"), check("Alternative windows")) == "very low"
    assert level(ALIKE, clusters=11) == "low"
    assert level(ALIKE, clusters=12) == "moderate"
    assert level(check("Attrition"), method="rct.itt") == "moderate"
    assert judge(found(-20.0, -50.0, 5.0, checks=(ALIKE,)), ROBBERY).certainty.level == "low"
    assert judge(found(-20.0, NONE, NONE), ROBBERY).certainty.level == "very low"


@pytest.mark.parametrize("name", ["Pre-trends", "Placebo in time", "Fit before the start"])
def test_a_change_that_nothing_supports_is_less_certain(name: str) -> None:
    blind, absent = check(name, "not_informative"), check(name, "not_applicable")
    other = check("Leave one unit out", "pass")
    assert level(check(name, "pass")) == "moderate"
    assert level(blind, other) == level(absent, other) == level(other) == "low"
    # what spoke up is counted once
    assert level(check(name), other) == "low"
    # a trial needs no such check, and an open question or no change claims nothing
    assert level(blind, method="rct.itt") == "high"
    assert judge(found(0.0, -5.0, 5.0, checks=(blind,)), ROBBERY).certainty.level == "moderate"
    reasons = judge(found(-20.0, -30.0, -5.0, checks=(blind,)), ROBBERY).certainty.reasons
    assert reasons[-1].startswith("No check could show")


def test_a_number_stands_in_large_type_only_where_something_supports_it() -> None:
    windows = check("Alternative windows")
    assert judge(found(-20.0, -30.0, -5.0, checks=(ALIKE, windows)), ROBBERY).in_large
    assert not judge(found(-20.0, -30.0, -5.0, checks=(windows,)), ROBBERY).in_large
    assert not judge(found(-20.0, -50.0, 5.0, checks=(ALIKE,)), ROBBERY).in_large


def test_high_certainty_needs_a_protocol_registered_before_the_data() -> None:
    late = replace(ROBBERY, registered=False)
    trial, areas = (found(-20.0, -30.0, -5.0, checks=(ALIKE,), method=m) for m in ("rct.itt", "did.block"))
    assert judge(trial, ROBBERY).certainty.level == "high"
    unregistered = judge(trial, late).certainty
    assert unregistered.level == "moderate"
    assert unregistered.reasons == ("The protocol was not registered before the data were drawn.",)
    # below high there is nothing to hold back
    assert judge(areas, ROBBERY).certainty == judge(areas, late).certainty


def test_an_answer_that_was_not_checked_is_less_certain() -> None:
    assert level() == "low"
    assert level(method="rct.itt") == "moderate"
    assert "No check was made of it." in judge(found(0.0, -5.0, 5.0), ROBBERY).certainty.reasons


@pytest.mark.parametrize(
    ("method", "checks", "levels"),
    [
        ("did.block", (ALIKE,), (3, 3)),
        ("did.block", (check("Alternative windows"),), (3, 3)),
        ("did.block", (check("Pre-trends"),), (3, 2)),
        ("did.block", (check("Spill-over ring", "fail"),), (3, 2)),
        ("synth.classic", (check("Fit before the start"),), (3, 2)),
        ("rct.itt", (), (5, 5)),
        ("rct.itt", (check("Attrition"),), (5, 4)),
        ("rct.itt", (check("Allocation record", "fail"),), (5, 3)),
    ],
)
def test_the_level_on_the_maryland_scale(method: str, checks: Any, levels: tuple[int, int]) -> None:
    said = judge(found(-20.0, -30.0, -5.0, checks=checks, method=method), ROBBERY).design
    assert (said.maximum, said.awarded) == levels
    assert said.reason.endswith(".")
    assert (str(said.maximum) in said.reason) == (said.maximum != said.awarded)


def test_a_record_of_few_allocations_is_no_record_of_other_arms() -> None:
    few, other = (
        judge(found(-20.0, -30.0, -5.0, checks=(check("Allocation record", v),), method="rct.itt"), ROBBERY)
        for v in ("concern", "fail")
    )
    assert few.status == "fell"
    assert few.certainty.reasons == ("Chance had too few ways to assign to tell a change from it.",)
    assert "the arms are not those that chance drew" in other.sentence


@pytest.mark.parametrize("name", ["Pre-trends", "Placebo in space", "Regression to the mean", "Convex hull"])
def test_a_concern_that_refuses_leaves_a_change_unanswered_and_nothing_else(name: str) -> None:
    refusing = (check(name),)
    assert judge(found(-20.0, -30.0, -5.0, checks=refusing), ROBBERY).status == "not_answered"
    assert judge(found(0.0, -5.0, 5.0, checks=refusing), ROBBERY).status == "no_change_that_matters"
    assert judge(found(-20.0, -50.0, 5.0, checks=refusing), ROBBERY).status == "inconclusive"
    assert judge(found(-20.0, -30.0, -5.0, checks=(check("Attrition"),)), ROBBERY).status == "fell"


def test_every_check_that_is_weighed_exists() -> None:
    named = set()
    for module in pkgutil.walk_packages(checks_room.__path__, f"{checks_room.__name__}."):
        held = vars(importlib.import_module(module.name))
        named |= {gravity.key(text) for text in held.values() if isinstance(text, str)}
    named |= {gravity.key(f"Leave one {what} out") for what in ("unit", "cluster", "cohort", "block")}
    assert set(gravity.REFUSING) | set(gravity.GRAVE) | set(gravity.ALSO) <= named


def test_a_verdict_as_json() -> None:
    said = judge(found(-20.0, -30.0, -5.0, checks=(check("Attrition"), ALIKE)), ROBBERY)
    data = json.loads(json.dumps(said.to_dict()))
    assert data["status"] == "fell"
    assert data["word"] == "Fell"
    assert data["sentence"] == said.sentence
    assert data["certainty"] == {"level": "low", "reasons": list(said.certainty.reasons)}
    assert data["caveats"] == list(said.caveats)
    assert data["would_change_if"] == said.would_change_if
    assert data["for_the_better"] is True
    assert data["maryland"] == {"maximum": 3, "awarded": 2, "reason": said.design.reason}
    assert data["made_up"] is False


def test_every_step_down_has_its_reason() -> None:
    said = judge(
        found(-20.0, -30.0, -5.0, checks=(check("Pre-trends"), check("Alternative windows"))), ROBBERY
    )
    assert said.certainty.reasons == (
        "Chance did not choose where it was done.",
        "Treated and comparison areas were already moving apart before the start.",
        "Other months give another answer.",
    )
    assert said.certainty.figure == "●○○○"


def test_what_does_not_speak_against() -> None:
    passed, absent = check("Pre-trends", "pass"), check("Placebo in time", "not_applicable")
    counted, few = check(TOGETHER), check(FEW)
    assert level(passed, absent, counted, few) == "moderate"
    assert level(check(FEW, "fail")) == "very low"


def test_the_gravest_three_come_first_whatever_the_order() -> None:
    lesser = [check(name) for name in ("Alternative windows", "Influential periods", "Drop anticipation")]
    for order in ((*lesser, check("Pre-trends")), (check("Pre-trends"), *lesser)):
        said = judge(found(-20.0, -30.0, -5.0, checks=order), ROBBERY)
        assert len(said.caveats) == 3
        assert said.caveats[0] == "The check “Pre-trends” raised a concern: It found something."
        assert said.would_change_if == "“Pre-trends” would no longer speak against it if it had not."


def test_what_matters_in_percent_says_nothing_of_a_change_in_another_unit() -> None:
    no_percent = replace(found(-0.1, -3.0, 2.0), relative=NONE)
    assert judge(no_percent, ROBBERY).status == "inconclusive"
    assert judge(no_percent, Asked("trust", "higher", 10.0, unit="points")).status == "no_change_that_matters"


def test_a_long_list_is_left_to_the_check_itself() -> None:
    listed = CheckResult("Pre-trends", "concern", f"Eight things were found: {'x; ' * 80}.")
    said = judge(found(-20.0, -30.0, -5.0, checks=(listed,)), ROBBERY)
    assert said.caveats == ("The check “Pre-trends” raised a concern: Eight things were found.",)


def test_what_would_answer_an_open_question() -> None:
    said = judge(found(-3.0, -19.0, 14.0), ROBBERY)
    assert said.would_change_if == "A study that can find 10% where this one finds 12% would answer it."


def test_a_verdict_depends_on_nothing_else() -> None:
    one = found(-20.0, -30.0, -5.0, checks=(check("Pre-trends"),))
    assert judge(one, ROBBERY) == judge(replace(one, notes=("x",), seed=3, input_hash="z"), ROBBERY)


@pytest.mark.parametrize("worthwhile", [0.0, -1.0, float("nan"), float("inf")])
def test_worthwhile_has_no_silent_default(worthwhile: float) -> None:
    with pytest.raises(OptionError, match="worthwhile"):
        Asked("robbery", "lower", worthwhile)
    with pytest.raises(TypeError):
        Asked("robbery")  # type: ignore[call-arg]


def test_every_status_has_a_word_and_a_sign() -> None:
    assert len({word for _, word in STATUSES.values()}) == len(STATUSES) == 5
    assert isinstance(judge(found(-20.0, -30.0, -5.0), ROBBERY), Verdict)
