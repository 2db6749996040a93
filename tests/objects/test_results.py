"""Result to JSON and back, under the schema that ships."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import jsonschema
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from whatworks import CheckResult, Design, Estimate, NotAvailable, Result, result_json
from whatworks.errors import RecordError
from whatworks.results import Secondary

NO_ERROR = NotAvailable("one treated unit has no standard error")


def estimate(**changes: object) -> Estimate:
    base = Estimate("ATT", -0.1, 0.05, -0.2, 0.0, 0.95, 0.04, 11.0, "CR1, t(11).", "robberies per 1,000")
    return replace(base, **changes)


def result(**changes: object) -> Result:
    effects = pd.DataFrame(
        {
            "term": ["e=-1", "e=0"],
            "estimate": [0.0, -0.1],
            "std_error": [np.nan, 0.05],
            "low": [np.nan, -0.2],
            "high": [np.nan, 0.0],
            "p_value": [np.nan, 0.04],
            "n": [4, 4],
            "event_time": [-1, 0],
            "reason": ["the reference period is zero by construction", ""],
        }
    )
    check = CheckResult(
        "pre-trends", "pass", "p = 0.4.", pd.DataFrame({"x": [1.5, np.nan], "w": ["a", "b"]}), "…"
    )
    base = Result(
        method="did.event_study",
        headline=estimate(),
        effects=effects,
        design=Design(32, 48, 12, 10, NotAvailable("not randomised"), 0.14),
        spec={"reference": -1, "ends": [-6, 12], "inference": "wild"},
        input_hash="0" * 64,
        relative=estimate(scale="percent"),
        seed=7,
        notes=("A note with – a dash.",),
        checks=(check,),
        secondary=(Secondary("burglary", estimate(), NO_ERROR, 0.08, "Holm over 2"),),
    )
    return replace(base, **changes)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {
            "headline": estimate(
                std_error=NO_ERROR, low=NO_ERROR, high=NO_ERROR, p_value=NO_ERROR, df=NO_ERROR
            )
        },
        {"relative": NO_ERROR, "seed": None, "checks": (), "secondary": (), "notes": ()},
    ],
)
def test_json_round_trip_under_the_schema(changes):
    original = result(**changes)
    text = original.to_json()
    jsonschema.Draft202012Validator(result_json.schema()).validate(json.loads(text))
    again = Result.from_json(text)
    assert again.to_json() == text
    assert again.headline == original.headline
    assert again.relative == original.relative
    assert again.secondary == original.secondary
    pd.testing.assert_frame_equal(again.effects, original.effects, check_dtype=False)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_keep_full_precision(value):
    again = Result.from_json(result(headline=estimate(value=value)).to_json())
    assert again.headline.value == value or math.copysign(1, again.headline.value) == math.copysign(1, value)


def test_json_has_no_bare_nan_and_ends_with_one_newline():
    text = result().to_json()
    assert "NaN" not in text
    assert "null" not in text
    assert text.endswith("}\n")
    assert "\r" not in text


def test_a_bare_nan_is_refused():
    with pytest.raises(RecordError, match="says why"):
        estimate(std_error=float("nan"))
    with pytest.raises(RecordError, match="no number and no reason"):
        result(effects=result().effects.drop(columns="reason"))
    with pytest.raises(RecordError, match="lacks"):
        result(effects=pd.DataFrame({"term": ["x"]}))


def test_a_verdict_is_one_of_four():
    with pytest.raises(RecordError, match="maybe"):
        CheckResult("x", "maybe", "y")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda text: text[:200], "not JSON"),
        (lambda text: text.replace("whatworks.result/1", "whatworks.result/9"), "whatworks.result/9"),
        (lambda text: text.replace('"std_error": 0.05', '"std_error": "0.05"', 1), "0.05"),
        (lambda text: text.replace('"headline"', '"headlines"'), "headline"),
        (lambda text: text.replace('"value": -0.1', '"value": NaN', 1), "NaN"),
        (lambda text: "[]", "None"),
    ],
)
def test_a_damaged_record_says_so(damage, words):
    with pytest.raises(RecordError, match=words):
        Result.from_json(damage(result().to_json()))


def test_what_cannot_be_stored_is_refused_not_turned_into_text():
    with pytest.raises(RecordError, match="set"):
        result(spec={"x": {1, 2}}).to_json()
    with pytest.raises(RecordError, match="inf"):
        result(spec={"x": float("inf")}).to_json()


def test_numpy_scalars_become_plain_numbers():
    stored = json.loads(
        result(spec={"x": np.int64(3), "y": np.float64(0.5), "z": (np.bool_(True),)}).to_json()
    )
    assert stored["spec"] == {"x": 3, "y": 0.5, "z": [True]}


def test_the_shown_table_escapes_what_came_from_data():
    shown = result(headline=estimate(estimand="<script>x</script>"))._repr_mimebundle_()["text/html"]
    assert "<script>" not in shown


def test_the_effects_handed_out_are_a_copy():
    one = result()
    shown = one.table()
    shown.loc[0, "estimate"] = 99.0
    assert one.effects.loc[0, "estimate"] == 0.0
