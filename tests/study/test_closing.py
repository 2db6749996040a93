"""A study closes: its result, what may be said of it by what was asked, and the record that holds both."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import made_up_study as made
import pytest
import study_workspace as workspace

from whatworks import result_json, study
from whatworks.errors import RecordError, RunError
from whatworks.results import Result
from whatworks.study import kept, record, running, spec
from whatworks.study.closing import MIME, Conclusion, asked_by, asked_in
from whatworks.verdict import Asked, judge

ASKED = Asked("crimes", "lower", 10.0)


def notebook(asked: Asked | None) -> dict[str, Any]:
    data, metadata = Conclusion(made.result(), (("counts.csv", "0" * 64),), asked)._repr_mimebundle_()
    output = {"output_type": "execute_result", "execution_count": 1, "data": data, "metadata": metadata}
    return {
        "cells": [{"cell_type": "code", "id": "result", "metadata": {}, "source": "", "outputs": [output]}]
    }


def test_a_conclusion_shows_the_verdict_before_any_number() -> None:
    page = Conclusion(made.result(), (), ASKED)._repr_mimebundle_()[0]["text/html"]
    said = judge(made.result(), ASKED)
    assert said.sentence in page
    assert said.certainty.level in page
    assert page.index("What may be said") < page.index(made.result().headline.estimand)


def test_without_a_study_nothing_is_said_of_the_result() -> None:
    data, metadata = study.conclude(made.result())._repr_mimebundle_()
    assert "depends on which way is better" in data["text/html"]
    assert "What may be said" not in data["text/html"].replace("What may be said of this result depends", "")
    assert "asked" not in metadata[MIME]


def test_a_study_is_judged_by_its_own_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace.make(tmp_path)
    monkeypatch.chdir(tmp_path)
    metadata = study.conclude(made.result(), study="studies/one")._repr_mimebundle_()[1]
    assert asked_in(metadata[MIME]) == ASKED


def test_what_was_asked_stays_with_the_notebook() -> None:
    stays = kept.kept(notebook(ASKED))
    assert stays.left_out == ()
    assert stays.notebook == notebook(ASKED)
    assert record.lift(stays.notebook, where="one").asked == ASKED
    assert record.lift(notebook(None), where="one").asked is None


def test_the_record_holds_the_verdict_beside_the_result() -> None:
    result = made.result()
    text = record.files(notebook(ASKED), result, {}, "", ASKED)["result.json"].decode()
    data = json.loads(text)
    assert data["verdict"] == judge(result, ASKED).to_dict()
    jsonschema.Draft202012Validator(result_json.schema()).validate(data)
    assert Result.from_json(text).to_json() == result.to_json()


@pytest.mark.parametrize(
    "found", [{"subject": "crimes"}, {"subject": "c", "better": "up", "worthwhile": 1}, 3]
)
def test_words_that_no_study_asks(found: object) -> None:
    with pytest.raises(RecordError, match="not what a study asks"):
        asked_in({"asked": found})


@pytest.mark.parametrize(
    ("lines", "registered"),
    [
        ("", False),
        ("registration:\n  where: Not registered\n", False),
        ('registration:\n  where: A register\n  "on": "2026-01-05"\n', True),
        ('registration:\n  where: A register\n  "on": "2026-01-05"\ndates:\n  data: "2026-02-01"\n', True),
        ('registration:\n  where: A register\n  "on": "2026-01-05"\ndates:\n  data: "2026-01-05"\n', False),
    ],
)
def test_registered_is_before_the_data_were_drawn(tmp_path: Path, lines: str, registered: bool) -> None:
    folder = workspace.make(tmp_path)
    path = folder / "study.yaml"
    workspace.put(path, path.read_text(encoding="utf-8") + lines)
    assert asked_by(spec.load_study(folder, name="studies/one")).registered is registered


def test_a_notebook_that_answers_another_question_is_no_run(tmp_path: Path) -> None:
    words = spec.load_study(workspace.make(tmp_path), name="studies/one")
    assert asked_by(words) == ASKED
    running.refuse_another_question(words, ASKED, "study one")
    running.refuse_another_question(words, None, "study one")
    with pytest.raises(RunError, match="another question than"):
        running.refuse_another_question(words, Asked("crimes", "lower", 1.0), "study one")
