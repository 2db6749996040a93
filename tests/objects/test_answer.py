from __future__ import annotations

import math
from dataclasses import replace

import pandas as pd
import pytest

from whatworks import answer
from whatworks.inference.default import Choice
from whatworks.results import Design, Estimate, NotAvailable, Result

GONE = NotAvailable("nobody was asked")
HELD = Estimate("the effect", 2.0, 0.5, 1.0, 3.0, 0.95, 0.01, 20.0, "By hand", "robberies")
BARE = replace(HELD, std_error=GONE, p_value=GONE)
DESIGN = Design(8, 2, 8, 4, answer.NOT_BY_CHANCE, 0.3)


def test_the_reason_stands_at_the_end_of_the_sentence():
    usual = Choice("placebos", "the default")
    assert answer.explained(HELD, answer.taken(None, usual)).inference == "By hand (the default)."
    assert answer.explained(HELD, answer.taken("mine", usual)).inference == "By hand (as asked for)."
    assert answer.explained(HELD, Choice(GONE, "too few")).inference == "None: too few"


def test_rows_have_a_number_or_nan_under_every_name():
    row = answer.row("ATT", BARE, 4, "nobody was asked")
    assert list(row) == ["term", *answer.NUMBERS, "n", "reason"]
    assert (row["estimate"], row["low"], row["high"]) == (2.0, 1.0, 3.0)
    assert math.isnan(row["std_error"])
    assert math.isnan(row["p_value"])
    bare = answer.bare_row("a share", 0.5, 4, "a description")
    assert list(bare) == list(row)
    assert bare["estimate"] == 0.5
    assert all(math.isnan(bare[name]) for name in answer.NUMBERS[1:])


def test_a_comparison_says_each_reason_once_and_only_of_what_it_shows():
    effects = pd.DataFrame([answer.row("ATT", BARE, 4, "nobody was asked")])
    result = Result("did.block", BARE, effects, DESIGN, {}, "hash", relative=NotAvailable("no percent"))
    assert answer.beside_others(result)["reason"] == "nobody was asked; no percent"
    shown = answer.beside_others(result, ("estimate", "low", "high"))
    assert shown["reason"] == "no percent"
    assert "std_error" not in shown
    assert math.isnan(shown["relative_low"])
    percent = replace(HELD, value=10.0, low=5.0, high=GONE)
    told = answer.beside_others(replace(result, headline=HELD, relative=percent))
    assert (told["relative"], told["relative_low"], told["reason"]) == (10.0, 5.0, "nobody was asked")


def test_the_wider_of_error_and_interval():
    # an interval of ±1 at t with 20 degrees of freedom stands for an error of 1 / 2.086
    half = 1 / 2.0859634472658364
    assert answer.wider_error(replace(HELD, std_error=0.1), 20.0) == pytest.approx(half)
    assert answer.wider_error(HELD, 20.0) == 0.5
    assert answer.wider_error(BARE, 20.0) == pytest.approx(half)
    assert answer.wider_error(replace(BARE, low=GONE), 20.0) is GONE


def test_a_change_of_the_log_is_a_fall_by_a_share():
    assert answer.as_share(DESIGN).mde == pytest.approx(1 - math.exp(-0.3))
    assert answer.as_share(replace(DESIGN, mde=GONE)).mde is GONE


def test_assignments_beyond_a_number_say_so():
    assert answer.counted(6, "more") == 6.0
    assert answer.counted(10**300 - 1, "more") == pytest.approx(1e300)
    assert answer.counted(10**300, "more") == NotAvailable("more")


def test_one_treated_unit_is_not_told_as_several():
    assert answer.the_treated(1) == "the one treated unit"
    assert answer.the_treated(12) == "the 12 treated units"
