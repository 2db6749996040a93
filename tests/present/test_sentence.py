"""What a result says in plain words."""

# ruff: noqa: E501 - a sentence is compared whole

from __future__ import annotations

from dataclasses import replace
from typing import Any

import made_up_study as made
import pytest

from whatworks import present
from whatworks.results import Design, NotAvailable, Number

NO_PERCENT = NotAvailable("the method gives no percent change")
UNKNOWN = NotAvailable("no power was computed")


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
    result = made.result(headline=headline, relative=relative, design=design)
    return present.headline(result, subject=options.pop("subject", "robbery"), **options)


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
    ("an end near zero keeps its decimals", (-4.0, -7.6, -0.4), {},
     "Robbery fell by about 4.0%, and we are fairly sure the true change was between a fall of 7.6% and "
     "a fall of 0.4%."),
    ("tiny changes stay apart", (-0.04, -0.06, -0.02), {},
     "Robbery fell by about 0.04%, and we are fairly sure the true change was between a fall of 0.06% and "
     "a fall of 0.02%."),
    ("huge changes have separators", (1250.0, 310.0, 4800.0), {"better": "higher"},
     "Robbery rose by about 1,250%, and we are fairly sure the true change was between a rise of 310% and "
     "a rise of 4,800%."),
    ("a null of a small study", (-3.0, -9.0, 4.0), {"mde": 0.25},
     "We cannot tell whether robbery changed: it may have fallen by up to 9% or risen by up to 4%. The best single "
     "estimate is a fall of 3%. The study is inconclusive: the smallest change it would find four times in five "
     "is 25%, so a smaller one could have been missed."),
    ("a null of a large study", (-0.5, -2.0, 1.0), {"mde": 0.03},
     "No change in robbery was detected: we are fairly sure the true change was between a fall of 2.0% and a rise "
     "of 1.0%. The study would have found a change of 3% or more four times in five."),
    ("the study says what is worthwhile", (-0.5, -2.0, 1.0), {"mde": 0.03, "worthwhile": 2.0},
     "We cannot tell whether robbery changed: it may have fallen by up to 2.0% or risen by up to 1.0%. The best "
     "single estimate is a fall of 0.5%. The study is inconclusive: the smallest change it would find four times "
     "in five is 3%, so a smaller one could have been missed."),
    ("a null of unknown power", (-3.0, -9.0, 4.0), {"mde": UNKNOWN},
     "We cannot tell whether robbery changed: it may have fallen by up to 9% or risen by up to 4%. The best single "
     "estimate is a fall of 3%. The result is inconclusive, and how small a change the study could have found is "
     "not known: No power was computed."),
    ("no margin of error", (-8.0, made.NONE, made.NONE), {},
     "Robbery fell by about 8%, but there is no margin of error for this number, so we cannot say whether it is "
     "more than chance. One treated unit carries no error of its own."),
    ("an interval that ends at zero includes it", (-4.0, -8.0, 0.0), {"mde": 0.25},
     "We cannot tell whether robbery changed: it may have fallen by up to 8%. The best single estimate is a fall "
     "of 4%. The study is inconclusive: the smallest change it would find four times in five is 25%, so a smaller "
     "one could have been missed."),
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
    assert "(measured as robberies a head)" in said(NO_PERCENT, unit="robberies a head")


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
    assert words in present.headline(made.result(relative=relative), subject="robbery")


def test_nothing_ever_does_not_work() -> None:
    for _, relative, options, _ in CASES:
        text = said(relative, **dict(options)).lower()
        assert "not work" not in text
        assert "no effect" not in text


def test_the_primary_comes_first_and_secondary_ones_are_named_so() -> None:
    first, *rest = present.findings(made.result(), subject="robbery")
    assert first.startswith("Robbery fell by about 8%")
    assert rest == [
        "Secondary outcome, burglary: we cannot tell whether it changed; it may have fallen by up to 6% or risen "
        "by up to 4% (p = 0.610 after adjustment: Holm, 2 outcomes).",
        "Secondary outcome, vehicle crime: rose by about 4.2%, 95% interval: a rise of 0.8% to a rise of 7.7% "
        "(p = 0.040 after adjustment: Holm, 2 outcomes).",
    ]


@pytest.mark.parametrize(
    ("relative", "mde", "kind", "word", "harm"),
    [
        ((-8.0, -12.0, -2.0), 0.06, "fell", "Fell", False),
        ((8.0, 2.0, 12.0), 0.06, "rose", "Rose", True),
        ((-1.0, -3.0, 1.0), 0.03, "no_change", "No detectable change", False),
        ((-3.0, -9.0, 4.0), 0.3, "inconclusive", "Inconclusive (under-powered)", False),
        ((-3.0, -9.0, 4.0), UNKNOWN, "inconclusive", "Inconclusive", False),
        ((-3.0, made.NONE, made.NONE), 0.06, "no_error", "No margin of error", False),
    ],
)
def test_status(relative: Any, mde: Number, kind: str, word: str, harm: bool) -> None:
    value, low, high = (n / 100 if isinstance(n, float) else n for n in relative)
    result = made.result(
        headline=made.estimate(value, low, high),
        relative=made.percent(*relative),
        design=Design(32, 85, 12, 22, UNKNOWN, mde),
    )
    found = present.status(result)
    assert (found.kind, found.word, found.harm) == (kind, word, harm)


def test_a_rate_ratio_without_an_answer_says_what_it_could_have_found() -> None:
    ratio = replace(made.estimate(0.97, 0.85, 1.1), scale="rate ratio")
    design = Design(32, 60, 12, 16, NotAvailable("not drawn"), 0.18)
    found = made.result(headline=ratio, relative=made.percent(-3.0, -15.0, 10.0), design=design)
    text = present.headline(found, subject="robbery")
    assert "the smallest change it would find four times in five is 18%" in text
    assert ratio.null == 1.0
    assert made.estimate(0.97, 0.85, 1.1).null == 0.0
