from __future__ import annotations

import pytest

from whatworks.errors import StudyError
from whatworks.study import yaml_strict


def parse(text: str) -> dict[str, object]:
    return yaml_strict.parse(text, name="file.yaml").data


def test_values_mean_what_they_say() -> None:
    text = 'a: 1\nb: -0.5\nc: true\nd: text\ne: [x, "012"]\nf: {g: null}\nh: 2012-01\ni: 1.5e-3\nj: "no"\n'
    assert parse(text) == {
        "a": 1, "b": -0.5, "c": True, "d": "text", "e": ["x", "012"], "f": {"g": None},
        "h": "2012-01", "i": 0.0015, "j": "no",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("value", "right"),
    [
        ("no", '"no"'),
        ("Yes", '"Yes"'),
        ("on", '"on"'),
        ("True", "true"),
        ("012", '"012"'),
        ("0x1F", '"0x1F"'),
        ("0o14", '"0o14"'),
        ("12:30", '"12:30"'),
        ("1e3", '"1e3"'),
        ("1_000", '"1_000"'),
        ("1,000", '"1,000"'),
        (".inf", '".inf"'),
        (".nan", '".nan"'),
        ("2024-03-01", '"2024-03-01"'),
        ("+5", '"+5"'),
        (".5", '".5"'),
        ("1.", '"1."'),
        ("-012", '"-012"'),
    ],
)
def test_values_that_yaml_reads_in_two_ways_are_refused(value: str, right: str) -> None:
    with pytest.raises(StudyError) as caught:
        parse(f"ok: 1\nkey: {value}\n")
    message = str(caught.value)
    assert "file.yaml, line 2, key key" in message
    assert right in message


@pytest.mark.parametrize("text", ["a: 1\nb: 2\na: 3\n", "p:\n  a: 1\n  b: 1\n  a: 2\n"])
def test_a_key_that_stands_twice(text: str) -> None:
    with pytest.raises(StudyError, match=r"'a' stands twice, on lines \d and \d"):
        parse(text)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("a: [1, 2\nb: 3\n", "not valid YAML"),
        ("- a\n- b\n", "not a list of"),
        ("a: &x 1\nb: *x\n", "anchors"),
        ("a: !!python/name:os.system x\n", "tag"),
        ("a: !!str 5\n", "tag"),
        ("1: a\n", "not text"),
        ("a: 1\n---\nb: 2\n", "not valid YAML"),
        ("<<: {a: 1}\n", "merge"),
        ("a:\n\t- b\n", "not valid YAML"),
    ],
)
def test_what_is_not_plain_yaml_is_refused_with_its_line(text: str, what: str) -> None:
    with pytest.raises(StudyError, match=what) as caught:
        parse(text)
    assert "file.yaml" in str(caught.value)


def test_a_file_that_is_not_utf8_names_the_line(tmp_path: object) -> None:
    from pathlib import Path

    path = Path(str(tmp_path)) / "study.yaml"
    path.write_bytes(b"a: 1\nb: caf\xe9\n")
    with pytest.raises(StudyError, match=r"study.yaml, line 2: not UTF-8"):
        yaml_strict.read(path, name="study.yaml")
