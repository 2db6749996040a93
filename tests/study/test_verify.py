from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import study_workspace as workspace

from whatworks.errors import RunError
from whatworks.study import (
    Verification,
    code,
    open_study,
    provenance,
    record,
    run,
    running,
    texts,
    tolerance,
    verify,
    verifying,
)
from whatworks.study.closing import MIME, asked_by
from whatworks.study.hashing import text_hash
from whatworks.study.kept import kept as what_stays

pytestmark = [pytest.mark.notebook, pytest.mark.xdist_group("verify")]


@pytest.fixture(scope="module", autouse=True)
def steady_code() -> Iterator[None]:
    """Work on the library while the tests run is no drift."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(code, "whole", lambda: "this code")
        patch.setattr(code, "rooms", lambda: {"did": "that room"})
        yield


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory, steady_code: None) -> Path:
    """A workspace whose study has been run once."""
    folder = tmp_path_factory.mktemp("verify") / "work"
    workspace.make(folder)
    run(open_study("one", start=folder), render=workspace.render)
    return folder


@pytest.fixture
def copy(recorded: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(recorded, tmp_path / "work"))


@pytest.fixture
def same_run(copy: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy in which a re-run gives what the record held at first, without starting a kernel."""
    kept = record.load(copy / "studies" / "one")
    produced = running.Produced(kept.result, kept.provenance, dict(kept.files), ())
    monkeypatch.setattr(verifying, "produce", lambda study, **more: produced)
    return copy


def check(folder: Path) -> Verification:
    return verify(open_study("one", start=folder), render=workspace.render)


def drifted(found: Verification) -> dict[str, tuple[str, str]]:
    return {field.name: (field.recorded, field.found) for field in found.parted()}


def edit(path: Path, change: Callable[[str], str]) -> None:
    text = path.read_text(encoding="utf-8")
    changed = change(text)
    assert changed != text
    path.write_text(changed, encoding="utf-8", newline="\n")


def test_an_unchanged_study_matches_in_every_field(copy: Path) -> None:
    before = workspace.tree(copy)
    found = check(copy)
    assert found.ok, found.parted()
    names = {field.name for field in found.fields}
    assert {"data data/counts.csv", "parameters.level", "template cell estimate", "library code"} <= names
    assert {"result.headline.value", "result.effects[ATT].std_error", "record/report.html"} <= names
    assert workspace.tree(copy) == before, "verify writes nothing"


def test_one_changed_data_cell(copy: Path) -> None:
    edit(copy / "data" / "counts.csv", lambda text: text.replace("2020-09,", "2020-09,1", 1))
    found = drifted(check(copy))
    assert "data data/counts.csv" in found
    assert "result.headline.value" in found
    then, now = found["result.headline.value"]
    assert float(then) != float(now)
    assert not [name for name in found if name.startswith(("parameters", "template", "library"))]


def test_a_study_that_no_longer_runs_says_why(copy: Path) -> None:
    edit(copy / "data" / "counts.csv", lambda text: text.replace("crimes", "offences", 1))
    found = check(copy)
    reasons = {field.name: field for field in found.parted()}
    assert reasons["data data/counts.csv"].verdict == "drift"
    assert reasons["run"].verdict == "cannot re-run"
    assert "no column 'crimes'" in reasons["run"].why


def test_one_changed_parameter(same_run: Path) -> None:
    edit(same_run / "studies" / "one" / "parameters.yaml", lambda text: text.replace("0.9", "0.8"))
    assert drifted(check(same_run)) == {"parameters.level": ("0.9", "0.8")}


def test_one_changed_number_of_the_record(same_run: Path) -> None:
    path = same_run / "studies" / "one" / "record" / "result.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    value = data["headline"]["value"]
    data["headline"]["value"] = value * 1.001
    path.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8", newline="\n")
    found = drifted(check(same_run))
    assert found["result.headline.value"] == (repr(value * 1.001), repr(value))
    assert set(found) == {"result.headline.value", "record/result.json"}


def test_one_changed_template_cell(same_run: Path) -> None:
    path = same_run / "templates" / "notebooks" / "tiny.ipynb"
    edit(path, lambda text: text.replace("level=level", "level=0.9"))
    assert set(drifted(check(same_run))) == {"template cell estimate"}


def test_tags_of_a_template_cell(same_run: Path) -> None:
    path = same_run / "templates" / "notebooks" / "tiny.ipynb"
    edit(
        path,
        lambda text: text.replace(
            '"id": "estimate",\n   "metadata": {}', '"id": "estimate",\n   "metadata": {"x": 1}'
        ),
    )
    assert set(drifted(check(same_run))) == {"template file"}


def test_other_library_code_and_another_environment(same_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code, "whole", lambda: "other")
    workspace.put(same_run / "lock.txt", "numpy==1\n")
    workspace.put(same_run / "whatworks.toml", 'version = 1\nenvironment_lock = "lock.txt"\n')
    found = drifted(check(same_run))
    assert set(found) == {"library code", "environment lock"}
    assert found["environment lock"] == (
        "whatworks.toml names no environment_lock",
        f"lock.txt {text_hash(same_run / 'lock.txt')}",
    )


def test_the_room_whose_code_changed_is_named(same_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code, "whole", lambda: "other")
    monkeypatch.setattr(code, "rooms", lambda: {"did": "that room", "did/linear": "new"})
    assert drifted(check(same_run)) == {
        "library code": ("this code", "other"),
        "library code of did/linear": ("(absent)", "new"),
    }


def provenance_file(folder: Path) -> Path:
    return folder / "studies" / "one" / "record" / "provenance.json"


def forge(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    path = provenance_file(folder)
    data = json.loads(path.read_text(encoding="utf-8"))
    change(data)
    path.write_text(provenance.text(data), encoding="utf-8", newline="\n")


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda data: data["seeds"].update(seed=99), "provenance.seeds.seed"),
        (lambda data: data["study"].update(slug="two"), "provenance.study.slug"),
        (lambda data: data["parameters"].update(sha256="0"), "provenance.parameters.sha256"),
        (lambda data: data["code"].update(package="other"), "provenance.code.package"),
        (lambda data: data["code"]["rooms"].update(did="0"), "library code of did"),
        (lambda data: data["environment"].update(not_available="because"), "environment lock"),
    ],
)
def test_every_field_of_the_provenance_is_compared(same_run: Path, change: Any, name: str) -> None:
    forge(same_run, change)
    assert set(drifted(check(same_run))) == {name}


@pytest.mark.parametrize("at", [(), ("seeds",), ("code",), ("study",)])
def test_a_key_that_no_run_writes_is_no_provenance(same_run: Path, at: tuple[str, ...]) -> None:
    def add(data: dict[str, Any]) -> None:
        for key in at:
            data = data[key]
        data["approved_by"] = "nobody"

    forge(same_run, add)
    (found,) = check(same_run).fields
    assert found.verdict == "cannot re-run"
    assert "approved_by" in found.why


def test_a_file_that_the_study_does_not_read_or_reads_once(same_run: Path) -> None:
    extra = workspace.put(same_run / "data" / "extra.csv", "a\n")
    forge(same_run, lambda data: data["data"].append({"name": "data/extra.csv", "sha256": text_hash(extra)}))
    assert set(drifted(check(same_run))) == {"data data/extra.csv"}
    forge(same_run, lambda data: data.update(data=[data["data"][0]] * 2))
    assert set(drifted(check(same_run))) == {"data files"}


def test_a_field_that_stands_twice(same_run: Path) -> None:
    edit(provenance_file(same_run), lambda text: text.replace('"seeds": {', '"seeds": {"seed": 99,'))
    assert set(drifted(check(same_run))) == {"record/provenance.json"}


def test_a_switch_is_not_a_number(same_run: Path) -> None:
    forge(same_run, lambda data: data["parameters"]["values"].update(loud=0))
    assert set(drifted(check(same_run))) == {"parameters.loud"}


HERE = provenance.versions()


def locked(folder: Path, *lines: str) -> None:
    """Give the workspace a lock of these lines, and the record its hash."""
    workspace.put(folder / "lock.txt", "".join(f"{line} \\\n    --hash=x\n" for line in lines))
    workspace.put(folder / "whatworks.toml", 'version = 1\ntitle = "Test"\nenvironment_lock = "lock.txt"\n')
    sha256 = text_hash(folder / "lock.txt")
    forge(folder, lambda data: data.update(environment={"lock": "lock.txt", "sha256": sha256}))


def pinned_for_two(folder: Path) -> None:
    """A lock that pins what runs here, and another numpy for another Python."""
    locked(
        folder,
        f"numpy=={HERE['numpy']} ; python_full_version < '9'",
        "numpy==99 ; python_full_version >= '9'",
    )


def test_a_version_that_the_lock_does_not_pin_is_somebodys_word(same_run: Path) -> None:
    pinned_for_two(same_run)
    assert check(same_run).ok
    forge(same_run, lambda data: data["versions"].update(numpy="1.0"))
    assert set(drifted(check(same_run))) == {"versions.numpy"}


def test_a_version_pinned_for_another_python_is_no_version_of_this_one(same_run: Path) -> None:
    pinned_for_two(same_run)
    forge(same_run, lambda data: data["versions"].update(numpy="99"))
    assert set(drifted(check(same_run))) == {"versions.numpy"}
    forge(same_run, lambda data: data["versions"].update(numpy="98", python="9.1"))
    assert set(drifted(check(same_run))) == {"versions.numpy"}
    forge(same_run, lambda data: data["versions"].update(numpy="99", python="9.1"))
    found = check(same_run)
    assert found.ok, "a record of that Python; it is said, and every page is held against it"
    assert "its own words" in found.notes[0]
    report = same_run / "studies" / "one" / "record" / "report.html"
    edit(report, lambda text: text.replace("A test", "A triumph"))
    assert set(drifted(check(same_run))) == {"record/report.html"}


@pytest.mark.parametrize("key", ["lock", "sha256"])
def test_a_changed_lock(same_run: Path, key: str) -> None:
    pinned_for_two(same_run)
    forge(same_run, lambda data: data["environment"].update({key: "0" * 64}))
    assert set(drifted(check(same_run))) == {"environment lock"}


def test_without_a_lock_it_is_said_that_nothing_decides(same_run: Path) -> None:
    assert check(same_run).notes == ()
    forge(same_run, lambda data: data["versions"].update(numpy="1.0"))
    assert "nothing here decides" in " ".join(check(same_run).notes)


def test_what_runs_here_against_the_lock_is_said_and_lets_no_page_pass(same_run: Path) -> None:
    locked(same_run, "jinja2==0.1")
    found = check(same_run)
    assert found.ok
    assert "lock.txt pins (jinja2 " in found.notes[0]
    report = same_run / "studies" / "one" / "record" / "report.html"
    edit(report, lambda text: text.replace("A test", "A triumph"))
    assert set(drifted(check(same_run))) == {"record/report.html"}


def retell(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the result of a record, in its notebook and in every file made of them."""
    path = folder / "studies" / "one" / "record"
    notebook = json.loads((path / "notebook.ipynb").read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            if MIME in output["data"]:
                change(output["data"][MIME])
    notebook = what_stays(notebook).notebook
    result = record.lift(notebook, where="one").result
    source = json.loads(provenance_file(folder).read_text(encoding="utf-8"))
    study = open_study("one", start=folder)
    page = workspace.render(notebook, result, study.spec, source)
    for name, content in record.files(notebook, result, source, page, asked_by(study.spec)).items():
        (path / name).write_bytes(content)


def drawn(result: dict[str, Any]) -> None:
    result["seed"], result["headline"]["p_value"] = 1, 0.052
    result["spec"] = {"inference": "wild", "draws": 999}


def significant(result: dict[str, Any]) -> None:
    result["headline"]["p_value"] = 0.048


@pytest.fixture
def drawn_run(same_run: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A record, and a re-run that gives it again, whose p-value was drawn 999 times."""
    retell(same_run, drawn)
    kept = record.load(same_run / "studies" / "one")
    produced = running.Produced(kept.result, kept.provenance, dict(kept.files), ())
    monkeypatch.setattr(verifying, "produce", lambda study, **more: produced)
    assert check(same_run).ok
    return same_run


def test_words_of_the_record_never_let_a_drawn_number_pass(drawn_run: Path) -> None:
    pinned_for_two(drawn_run)
    forge(drawn_run, lambda data: data["versions"].update(platform="another", python="9.1", numpy="99"))
    assert check(drawn_run).ok
    retell(drawn_run, significant)
    assert set(drifted(check(drawn_run))) >= {"result.headline.p_value", "record/notebook.ipynb"}


def test_draws_may_part_where_another_numpy_runs_than_the_lock_pins(drawn_run: Path) -> None:
    locked(drawn_run, "numpy==1.0")
    forge(drawn_run, lambda data: data["versions"].update(numpy="1.0"))
    retell(drawn_run, significant)
    found = check(drawn_run)
    assert found.ok, found.parted()
    assert f"lock.txt pins (numpy {HERE['numpy']})" in found.notes[-1]
    retell(drawn_run, lambda result: result["headline"].update(p_value=0.2))
    assert "result.headline.p_value" in drifted(check(drawn_run)), "as far as chance goes"


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("report.html", "A test", "A triumph"),
        ("report.html", "-6.0", "-7.0"),
        ("tables/effects.csv", "0.", "1."),
        ("notebook.ipynb", "area", "borough"),
        ("notebook.ipynb", ">0.6396<", ">0.1396<"),
        ("result.json", "0.052", "0.048"),
    ],
)
def test_no_file_is_left_out_where_draws_may_part(drawn_run: Path, name: str, old: str, new: str) -> None:
    locked(drawn_run, "numpy==1.0")
    forge(drawn_run, lambda data: data["versions"].update(numpy="1.0"))
    retell(drawn_run, lambda result: None)
    assert check(drawn_run).ok
    edit(drawn_run / "studies" / "one" / "record" / name, lambda text: text.replace(old, new, 1))
    assert not check(drawn_run).ok


def test_a_notebook_that_is_none_is_a_drift(same_run: Path) -> None:
    forge(same_run, lambda data: data["versions"].update(platform="another"))
    path = same_run / "studies" / "one" / "record" / "notebook.ipynb"
    for text in ("{", "[]", "{}", '{"cells": [1]}', None):
        path.unlink()
        if text is not None:
            workspace.put(path, text)
        assert set(drifted(check(same_run))) == {"record/notebook.ipynb"}


@pytest.mark.parametrize("name", ["numpy", "platform", "python"])
def test_words_of_the_record_never_let_an_edited_report_pass(same_run: Path, name: str) -> None:
    forge(same_run, lambda data: data["versions"].update({name: "another"}))
    assert check(same_run).ok, "without a lock, another environment is what it says"
    report = same_run / "studies" / "one" / "record" / "report.html"
    edit(report, lambda text: text.replace("A test", "A triumph"))
    assert set(drifted(check(same_run))) == {"record/report.html"}


def test_words_of_the_record_never_let_an_edited_number_pass(same_run: Path) -> None:
    forge(same_run, lambda data: data["versions"].update(platform="another"))
    folder = same_run / "studies" / "one" / "record"
    table = folder / "tables" / "effects.csv"
    edit(table, lambda text: text.replace("0.", "1.", 1))
    assert set(drifted(check(same_run))) == {"record/tables/effects.csv"}


@pytest.mark.parametrize(
    ("then", "now", "agree"),
    [
        ("fell by 8%, 0.1234567", "fell by 8%, 0.1234568", True),
        ("fell by 8%", "fell by 9%", False),
        ("fell by 8.0%", "fell by 8.1%", False),
        ("fell by 8%", "rose by 8%", False),
        ("a 1.5", "a 1.5 b", False),
        ("p 0.045", "p 0.060", False),
        ("\u22121.0000001", "\u22121.0000002", True),
        ("\u22121.5", "1.5", False),
        ("1e-3", "1.00000001e-3", True),
        ("", "x", False),
    ],
)
def test_texts_of_two_platforms(then: str, now: str, agree: bool) -> None:
    assert (texts.differs(then, now, tolerance.ACROSS) == "") is agree


def test_texts_whose_numbers_were_drawn_are_held_to_their_words() -> None:
    then, now = "id='gap-1a2b3c4d-1' 5 of 9, p 0.052", "id='gap-00ff00ff-1' 6 of 9, p 0.1"
    assert texts.differs(then, now, math.inf) == ""
    assert texts.differs(then, now.replace("gap", "path"), math.inf)
    assert texts.differs(then, now + " 7", math.inf)


def test_a_study_whose_words_changed(same_run: Path) -> None:
    edit(same_run / "studies" / "one" / "study.yaml", lambda text: text.replace("A test", "Another"))
    assert set(drifted(check(same_run))) == {"study.yaml"}


def test_a_page_edited_by_hand(same_run: Path) -> None:
    edit(same_run / "studies" / "one" / "record" / "report.html", lambda text: text.replace("A test", "X"))
    assert set(drifted(check(same_run))) == {"record/report.html"}


def test_a_file_added_to_or_gone_from_the_record(same_run: Path) -> None:
    folder = same_run / "studies" / "one" / "record"
    workspace.put(folder / "tables" / "extra.csv", "a\n")
    (folder / "tables" / "effects.csv").unlink()
    found = drifted(check(same_run))
    assert found == {
        "record/tables/extra.csv": ("present", "absent"),
        "record/tables/effects.csv": ("absent", "present"),
    }


def test_a_data_file_that_is_gone(same_run: Path) -> None:
    (same_run / "data" / "counts.csv").unlink()
    assert drifted(check(same_run))["data data/counts.csv"][1] == "(absent)"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("result.json", "{"),
        ("result.json", "[]"),
        ("result.json", "{}"),
        ("result.json", None),
        ("provenance.json", "{"),
        ("provenance.json", "{}"),
        ("provenance.json", None),
        ("provenance.json", '{"schema": "whatworks.provenance/2"}'),
    ],
)
def test_a_damaged_record_cannot_be_re_run(same_run: Path, name: str, text: str | None) -> None:
    path = same_run / "studies" / "one" / "record" / name
    path.unlink()
    if text is not None:
        workspace.put(path, text)
    found = check(same_run)
    assert [field.verdict for field in found.fields] == ["cannot re-run"]
    assert name in found.fields[0].why


def test_no_record_at_all(same_run: Path) -> None:
    shutil.rmtree(same_run / "studies" / "one" / "record")
    found = check(same_run)
    assert found.fields[0].verdict == "cannot re-run"
    assert "no record yet" in found.fields[0].why


def test_absent_data_cannot_be_re_run_and_nothing_starts(
    same_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace.put(same_run / "whatworks.toml", 'version = 1\n[data_roots.far]\ndefault = "../far"\n')
    path = same_run / "studies" / "one" / "record" / "provenance.json"
    edit(path, lambda text: text.replace('"data/counts.csv"', '"far:counts.csv"'))
    monkeypatch.setattr(verifying, "produce", lambda study, **more: pytest.fail("it started"))
    found = {field.name: field for field in check(same_run).parted()}
    assert found["data far:counts.csv"].verdict == "cannot re-run"
    assert "not here" in found["run"].why


def test_a_run_that_fails_is_no_drift(same_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(study: Any, **more: Any) -> None:
        raise RunError("the kernel died", where="template tiny")

    monkeypatch.setattr(verifying, "produce", fails)
    found = check(same_run)
    assert [(field.name, field.verdict) for field in found.parted()] == [("run", "cannot re-run")]


@pytest.mark.parametrize(("apart", "ok"), [(1e-6, True), (1e-4, False)])
def test_another_platform_is_said_and_compared_more_widely(
    same_run: Path, monkeypatch: pytest.MonkeyPatch, apart: float, ok: bool
) -> None:
    monkeypatch.setattr(provenance, "versions", lambda: {**HERE, "platform": "another"})
    before = {name: str(value) for name, value in drifted(check(same_run)).items()}
    retell(
        same_run, lambda result: result["headline"].update(value=result["headline"]["value"] * (1 + apart))
    )
    found = check(same_run)
    assert before == {}
    assert found.ok is ok
    assert "platform" in found.notes[0]
    assert {"record/report.html", "record/notebook.ipynb"} <= {field.name for field in found.fields}


RULES = {
    "same": tolerance.Rule(True, False, None),
    "across": tolerance.Rule(False, False, None),
    "drawn": tolerance.Rule(True, True, 999),
    "drawn across": tolerance.Rule(False, True, 999),
}


@pytest.mark.parametrize(
    ("rule", "name", "then", "now", "agree"),
    [
        ("same", "headline.value", 1.0, 1.0 + 5e-9, True),
        ("same", "headline.value", 1.0, 1.0 + 5e-8, False),
        ("across", "headline.value", 1.0, 1.0 + 5e-6, True),
        ("across", "headline.value", 1.0, 1.0 + 5e-5, False),
        ("same", "headline.std_error", 1.0, 1.0 + 5e-9, True),
        ("drawn", "headline.std_error", 1.0, 1.0 + 5e-9, False),
        ("drawn", "headline.value", 1.0, 1.0 + 5e-9, True),
        ("drawn across", "headline.std_error", 1.0, 1.1, True),
        ("drawn across", "headline.std_error", 1.0, 1.2, False),
        ("drawn across", "headline.p_value", 0.05, 0.07, True),
        ("drawn across", "headline.p_value", 0.05, 0.12, False),
        ("across", "design.n_units", 32, 33, False),
        ("across", "headline.scale", "a", "b", False),
        ("across", "headline.value", 1.0, "1.0", False),
        ("across", "spec.flag", True, 1, False),
        ("same", "headline.value", 1e-16, -1e-16, True),
    ],
)
def test_how_far_two_runs_may_part(rule: str, name: str, then: Any, now: Any, agree: bool) -> None:
    assert (tolerance.differs(name, then, now, RULES[rule]) == "") is agree


def test_leaves_are_named_by_their_own_names() -> None:
    rows = [{"term": "e=-1", "estimate": 1.0}, {"term": "e=0", "estimate": 2.0}]
    flat = tolerance.flatten({"effects": rows, "notes": ["x"], "checks": []})
    assert flat["effects[e=0].estimate"] == 2.0
    assert flat["notes[0]"] == "x"
    assert flat["checks"] == []
