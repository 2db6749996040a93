"""What a result says in plain words."""

# ruff: noqa: E501 - a sentence is compared whole

from __future__ import annotations

from dataclasses import replace
from typing import Any

import made_up_study as made
import pytest

from whatworks.results import CheckResult, Design, NotAvailable, Number
from whatworks.verdict import Asked, beside, judge, secondary

NO_PERCENT = NotAvailable("the method gives no percent change")
UNKNOWN = NotAvailable("no power was computed")


ALIKE = CheckResult("Pre-trends", "pass", "Nothing shows.")


def said(relative: Any, *, mde: Number = 0.06, **options: Any) -> str:
    headline = options.pop("headline", made.result().headline)
    if not isinstance(relative, NotAvailable):
        relative = made.percent(*relative)
        headline = replace(
            headline,
            **{
                name: number / 100 if isinstance(number, float) else number
                for name, number in (
                    ("value", relative.value),
                    ("low", relative.low),
                    ("high", relative.high),
                )
            },
        )
    design = Design(32, 85, 12, 22, UNKNOWN, mde)
    result = made.result(
        headline=headline, relative=relative, design=design, checks=options.pop("checks", (ALIKE,))
    )
    asked = {"subject": "robbery", "better": "lower", "worthwhile": 10.0, **options}
    return judge(result, Asked(**asked)).sentence


def test_the_promised_sentence() -> None:
    assert said((-8.2, -12.9, -2.1)) == (
        "Robbery fell by about 8%, and we are fairly sure the true change was between a fall of 13% "
        "and a fall of 2%."
    )


CASES = [
    ("a rise is a change for the worse", (6.4, 1.2, 11.8), {}, "Robbery rose by about 6%, and we are fairly sure "
     "the true change was between a rise of 1% and a rise of 12%. This is a change for the worse."),
    ("a rise can be the better way", (6.4, 1.2, 11.8), {"better": "higher", "subject": "trust"},
     "Trust rose by about 6%, and we are fairly sure the true change was between a rise of 1% and a rise of 12%."),
    ("a fall can be a harm", (-6.4, -11.8, -1.2), {"better": "higher", "subject": "trust"},
     "Trust fell by about 6%, and we are fairly sure the true change was between a fall of 12% and a fall of 1%. "
     "This is a change for the worse."),
    ("an end near zero keeps its decimals", (-4.0, -7.6, -0.4), {"worthwhile": 5.0},
     "Robbery fell by about 4.0%, and we are fairly sure the true change was between a fall of 7.6% and "
     "a fall of 0.4%."),
    ("tiny changes stay apart", (-0.04, -0.06, -0.02), {"worthwhile": 0.05},
     "Robbery fell by about 0.04%, and we are fairly sure the true change was between a fall of 0.06% and "
     "a fall of 0.02%."),
    ("huge changes have separators", (1250.0, 310.0, 4800.0), {"better": "higher"},
     "Robbery rose by about 1,250%, and we are fairly sure the true change was between a rise of 310% and "
     "a rise of 4,800%."),
    ("an interval inside what matters", (-3.0, -9.0, 4.0), {"mde": 0.25}, "No change in robbery that matters: we "
     "are fairly sure the true change was between a fall of 9% and a rise of 4%; 10% or more would have mattered."),
    ("an interval that reaches what matters", (-3.0, -9.0, 4.0), {"mde": 0.25, "worthwhile": 8.0},
     "We cannot tell whether robbery changed: it may have fallen by up to 9% or risen by up to 4%. The smallest "
     "change this study would find four times in five is 25%."),
    ("a change, but none that matters", (-1.5, -2.6, -0.4), {"worthwhile": 3.0}, "No change in robbery that matters: "
     "we are fairly sure the true change was between a fall of 2.6% and a fall of 0.4%; 3.0% or more would have "
     "mattered."),
    ("an open question of unknown power", (-3.0, -19.0, 4.0), {"mde": UNKNOWN},
     "We cannot tell whether robbery changed: it may have fallen by up to 19% or risen by up to 4%. How small a "
     "change the study could have found is not known: No power was computed."),
    ("no margin of error", (-8.0, made.NONE, made.NONE), {},
     "Robbery fell by about 8%, but there is no margin of error for this number, so we cannot say whether it is "
     "more than chance. One treated unit carries no error of its own."),
    ("an interval that ends at zero includes it", (-6.0, -12.0, 0.0), {"mde": 0.25},
     "We cannot tell whether robbery changed: it may have fallen by up to 12%. The smallest change this study would "
     "find four times in five is 25%."),
    ("neither way is better", (6.4, 1.2, 11.8), {"better": "neither"}, "Robbery rose by about 6%, and we are fairly "
     "sure the true change was between a rise of 1% and a rise of 12%."),
]  # fmt: skip


@pytest.mark.parametrize(
    ("relative", "options", "expected"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_sentences(relative: Any, options: dict[str, Any], expected: str) -> None:
    assert said(relative, **dict(options)) == expected


def test_without_a_percent_it_speaks_in_the_units_of_the_outcome() -> None:
    assert said(NO_PERCENT) == (
        "Robbery fell by about 0.08 (measured as robberies per 1,000 residents per month), and we are fairly sure "
        "the true change was between a fall of 0.13 and a fall of 0.02."
    )
    assert "(measured as robberies a head)" in said(NO_PERCENT, unit="robberies a head", worthwhile=0.05)


def test_no_estimate_says_why() -> None:
    missing = NotAvailable("no unit is treated in the window")
    headline = made.estimate(missing, missing, missing, p=missing)
    assert said(NO_PERCENT, headline=headline) == (
        "The change in robbery could not be estimated. No unit is treated in the window."
    )


@pytest.mark.parametrize(
    ("level", "words"),
    [(0.8, "somewhat sure"), (0.9, "moderately sure"), (0.95, "fairly sure"), (0.99, "very sure")],
)
def test_the_level_belongs_to_the_estimate(level: float, words: str) -> None:
    relative = replace(made.percent(-8.0, -12.0, -2.0), level=level)
    result = made.result(relative=relative, checks=())
    assert words in judge(result, Asked("robbery", "lower", 5.0)).sentence


def test_nothing_ever_does_not_work() -> None:
    for _, relative, options, _ in CASES:
        text = said(relative, **dict(options)).lower()
        assert "not work" not in text
        assert "no effect" not in text


def test_a_failed_check_stands_in_the_first_sentence_and_no_interval_follows() -> None:
    failed = CheckResult("Regression to the mean", "fail", "The worst ten of last year were chosen.")
    text = said((-30.0, -41.0, -12.0), checks=(failed,))
    assert text == (
        "Robbery fell by about 30%, but places at a peak come down from it by themselves: this cannot be put down "
        "to the intervention, and the question is not answered."
    )


def test_a_grave_concern_stands_in_the_first_sentence() -> None:
    grave = CheckResult("Placebo in time", "concern", "A change shows at an earlier date.")
    text = said((-30.0, -41.0, -12.0), checks=(grave,))
    assert text.startswith(
        "Robbery fell by about 30%, but a change shows there before anything had begun: this cannot be put down "
    )
    lost = CheckResult("Attrition", "concern", "A fifth was lost.")
    text = said((-30.0, -41.0, -12.0), checks=(ALIKE, lost))
    assert text.startswith(
        "Robbery fell by about 30%, but so much was lost, or so unevenly, that the losses may"
    )
    assert (
        "this may not be the intervention\u2019s doing. Chance alone allowed for, we are fairly sure" in text
    )
    assert "and a change shows there" in said((-3.0, -19.0, 4.0), checks=(grave,))
    assert said((-3.0, -9.0, 4.0), checks=(grave,)).endswith(
        "But a change shows there before anything had begun."
    )


def test_what_makes_a_change_uncertain_stands_in_the_first_sentence() -> None:
    lesser = CheckResult("Alternative windows", "concern", "Another window gives −20%.")
    blind = replace(ALIKE, verdict="not_informative")
    assert "but" not in said((-30.0, -41.0, -12.0))
    low = said((-30.0, -41.0, -12.0), checks=(ALIKE, lesser))
    assert low == (
        "Robbery fell by about 30%, but it is not certain that this is the intervention\u2019s doing: other months "
        "give another answer. Chance alone allowed for, we are fairly sure the true change was between a fall of "
        "41% and a fall of 12%."
    )
    least = said((-30.0, -41.0, -12.0), checks=(blind, lesser))
    assert (
        "but it is far from certain that this is the intervention\u2019s doing: no check could show" in least
    )
    assert "no check was made of it" in said((-30.0, -41.0, -12.0), checks=())


def test_secondary_outcomes_carry_no_word_of_change() -> None:
    first, second = (secondary(item) for item in made.result().secondary)
    assert first == (
        "Secondary outcome, burglary: estimated at a fall of 1%, 95% interval a fall of 6% to a rise of 4% "
        "(p = 0.610 after adjustment: Holm, 2 outcomes). The checks were made of the primary outcome only."
    )
    assert "estimated at a rise of 4.2%" in second
    for text in (first, second):
        assert not {"rose", "fell", "risen", "fallen"} & set(text.replace(",", "").split())


def test_an_answer_beside_the_main_one_carries_none_either() -> None:
    assert beside(made.result(), subject="robbery") == (
        "Robbery: estimated at a fall of 8%, 95% interval a fall of 13% to a fall of 2%."
    )


def test_a_rate_ratio_without_an_answer_says_what_it_could_have_found() -> None:
    ratio = replace(made.estimate(0.97, 0.85, 1.1), scale="rate ratio")
    design = Design(32, 60, 12, 16, NotAvailable("not drawn"), 0.18)
    found = made.result(headline=ratio, relative=made.percent(-3.0, -15.0, 10.0), design=design)
    text = judge(replace(found, checks=()), Asked("robbery", "lower", 5.0)).sentence
    assert "The smallest change this study would find four times in five is 18%" in text
    assert ratio.null == 1.0
    assert made.estimate(0.97, 0.85, 1.1).null == 0.0
