"""What `verify` says before the fields: why, the headline then and now, what else moved."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import study_workspace as workspace

from whatworks.cli import verdicts
from whatworks.study.verifying import Field, Verification

HASHES = ("a" * 64, "b" * 64)


def inputs(**drifted: tuple[str, str]) -> list[Field]:
    """Every input of a study, those named by `drifted` with what was recorded and what is found."""
    names = {
        "study": "study.yaml",
        "level": "parameters.level",
        "outcome": "parameters.outcome",
        "template": "template",
        "cell": "template cell estimate",
        "data": "data data/counts.csv",
        "code": "library code",
        "room": "library code of did/linear",
        "lock": "environment lock",
        "version": "versions.numpy",
    }
    return [
        Field(name, "drift", *drifted[key]) if key in drifted else Field(name, "match", "x", "x")
        for key, name in names.items()
    ]


def headline(low: float = -0.030) -> list[Field]:
    found = {"value": -0.0241234567, "low": low, "high": -0.011}
    then = {"value": -0.0241234567, "low": -0.030, "high": -0.011}
    return [
        *(
            Field(
                f"result.headline.{name}",
                "match" if then[name] == found[name] else "drift",
                repr(then[name]),
                repr(found[name]),
            )
            for name in then
        ),
        Field("result.headline.scale", "match", "'robberies per 1,000'", "'robberies per 1,000'"),
    ]


def said(*fields: Field, notes: tuple[str, ...] = (), every: bool = False) -> str:
    text = "\n".join(verdicts.text(Verification("one", tuple(fields), notes), every=every))
    return " ".join(text.split())


@pytest.mark.parametrize(
    ("rooms", "told"),
    [
        (("did/linear",), "other code of the library in did/linear (CHANGELOG.md says"),
        (("a", "b", "c"), "in a, b, c (CHANGELOG.md"),
        (("a", "b", "c", "d", "e"), "in a, b, c and 2 more (CHANGELOG.md"),
    ],
)
def test_the_rooms_of_the_library_that_changed_are_named(rooms: tuple[str, ...], told: str) -> None:
    changed = [Field(f"library code of {room}", "drift", *HASHES) for room in rooms]
    assert told in said(*inputs(code=HASHES), *changed)


def test_a_drift_without_two_values_is_told_by_its_reason() -> None:
    text = said(*inputs(), Field("record/notebook.ipynb", "drift", why="first on line 3: 'a' is 'b'"))
    assert "drift record/notebook.ipynb: first on line 3: 'a' is 'b'" in text


def test_a_match_is_said_in_one_line() -> None:
    assert verdicts.text(Verification("one", (*inputs(), *headline())), every=False) == [
        "one: everything matches (14 of 14 fields match)"
    ]


def test_a_changed_parameter_then_the_headline_then_how_much_moved() -> None:
    moved = [Field(f"result.effects[e={i}].low", "drift", "0.5", "0.25", "apart") for i in range(150)]
    files = [Field("record/report.html", "drift", "10 bytes", "11 bytes", "first on line 2")]
    found = (*inputs(level=("0.95", "0.9")), *headline(low=-0.028), *moved, *files)
    text = said(*found)
    assert "one: 153 fields do not match (12 of 165 fields match)" in text
    assert "Cause: parameter level 0.95 → 0.9. The same: data, study.yaml, template, library code," in text
    assert (
        "Headline: -0.02412 (-0.03 to -0.011) then, -0.02412 (-0.028 to -0.011) now, robberies per 1,000."
    ) in text
    assert "Moved: 151 numbers of the result, 1 file of the record." in text
    assert text.count("drift ") == verdicts.MOST
    assert text.index("Cause") < text.index("Headline") < text.index("Moved") < text.index("drift ")
    assert "and 133 more that do not match; --fields lists every one, --json every digit" in text
    every = said(*found, every=True)
    assert every.count("drift ") == 153
    assert every.count("match ") >= 10
    assert "more that do not match" not in every


@pytest.mark.parametrize(
    ("drifted", "words"),
    [
        ({"data": HASHES}, "Cause: data data/counts.csv was changed. The same: parameters,"),
        ({"data": (HASHES[0], "(absent)")}, "data data/counts.csv is gone"),
        ({"data": ("(absent)", HASHES[1])}, "data data/counts.csv is new"),
        ({"code": HASHES}, "Cause: other code of the library (CHANGELOG.md says which numbers changed)"),
        ({"code": HASHES, "room": HASHES}, "other code of the library in did/linear (CHANGELOG.md says"),
        ({"version": ("2.0", "2.1")}, "Cause: the record's own word on versions (numpy). The same: data,"),
        ({"lock": HASHES}, "other versions of packages"),
        ({"study": HASHES}, "study.yaml is not the one that was run"),
        ({"cell": HASHES}, "template cell estimate was changed"),
        ({"template": ("did", "staggered"), "cell": HASHES}, "template was changed; template cell estimate"),
        (
            {"level": ("0.95", "0.9"), "outcome": ("'robbery'", "'theft'")},
            "parameter level 0.95 → 0.9; parameter outcome robbery → theft.",
        ),
        ({"level": ("0.95", "0.9"), "code": HASHES}, "parameter level 0.95 → 0.9; other code of the library"),
    ],
)
def test_the_cause_is_the_input_that_differs(drifted: dict[str, tuple[str, str]], words: str) -> None:
    text = said(*inputs(**drifted), *headline())
    assert words in text
    assert "Headline: unmoved, -0.02412 (-0.03 to -0.011)." in text
    assert "Moved: nothing" in text
    assert "aaaaaaaaa" not in text


def test_of_many_rooms_three_are_named() -> None:
    rooms = [Field(f"library code of room{i}", "drift", *HASHES) for i in range(6)]
    text = said(*inputs(code=HASHES), *rooms, *headline())
    assert "other code of the library in room0, room1, room2 and 3 more (CHANGELOG.md" in text


def test_a_word_of_the_record_on_itself_is_counted() -> None:
    text = said(*inputs(), *headline(), Field("provenance.study.slug", "drift", "one", "two"))
    assert "Cause: no input differs." in text
    assert "Moved: 1 word on where it came from." in text


def test_without_a_cause_among_the_inputs_it_says_so() -> None:
    text = said(*inputs(), *headline(low=-0.5))
    assert "no input differs. The record was changed after its run, or the run does not give" in text
    assert "the same twice" in text
    text = said(*inputs(), *headline(low=-0.5), notes=("Another platform",))
    assert "on this platform" in text


def test_a_check_that_says_something_else_is_named() -> None:
    moved = Field("result.checks[Pre-trends].verdict", "drift", "'pass'", "'concern'")
    assert "Checks: Pre-trends pass → concern." in said(*inputs(level=("1", "2")), *headline(), moved)


def test_numbers_have_as_few_digits_as_tell_them_apart() -> None:
    assert verdicts.pair("0.123456789", "0.2") == ("0.1235", "0.2")
    assert verdicts.pair("0.123456789", "0.123456999") == ("0.1234568", "0.123457")
    assert verdicts.pair("16", "17") == ("16", "17")
    assert verdicts.pair("'a'", "(absent)") == ("a", "(absent)")
    long = "'" + "word " * 100 + "'"
    assert len(verdicts.pair(long, HASHES[0])[0]) <= 60
    alike = "the finding would survive departures up to ten times the largest seen before the start: "
    then, now = verdicts.pair(repr(f"{alike}0.55 times."), repr(f"{alike}0.61 times."))
    assert (then, now) == ("…before the start: 0.55 times.", "…before the start: 0.61 times.")
    assert verdicts.pair(*HASHES) == ("aaaaaaaa…", "bbbbbbbb…")


def test_json_has_every_digit_and_the_summary() -> None:
    found = Verification("one", (*inputs(level=("0.95", "0.9")), *headline(low=-0.028123456789)))
    kept = verdicts.as_json(found)
    assert kept["match"] is False
    assert kept["summary"][0].startswith("Cause: parameter level 0.95 → 0.9")
    assert any(field["found"] == "-0.028123456789" for field in kept["fields"])
    assert len(kept["fields"]) == len(found.fields)


def test_a_study_that_is_not_there_is_bad_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whatworks: object
) -> None:
    folder = workspace.make(tmp_path)
    monkeypatch.chdir(tmp_path)
    for more in ((), ("--json",)):
        status, out, err = whatworks("verify", "onee", *more)
        assert (status, out) == (2, "")
        assert "there is no study 'onee'" in err
        assert "Did you mean 'one'?" in err
    assert whatworks("verify", "one")[0] == 1, "no record: nothing that could match"
    workspace.put(folder / "study.yaml", "version: 1\n")
    status, out, _ = whatworks("verify", "--all", "--json")
    assert status == 2
    assert json.loads(out)[0]["fields"][0]["verdict"] == "cannot re-run"
    assert whatworks("run", "one")[0] == 2
