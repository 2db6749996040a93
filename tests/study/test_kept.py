"""Nobody leaves with a notebook: rows of people are planted in every way out and looked for in every byte."""

from __future__ import annotations

import ast
import contextlib
import io
import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import study_workspace as workspace

from whatworks import shown
from whatworks.errors import RunError, StudyError
from whatworks.publish import report, site
from whatworks.results import CheckResult, Result
from whatworks.study import engine, kept, open_study, people, places, record, run
from whatworks.study.template import read as read_template
from whatworks.verdict import Asked

ROOT = Path(__file__).parents[2]
PERSON = re.compile(r"quill\W*\d{3}", re.IGNORECASE)
ROWS = "pd.DataFrame({'person': [f'Quill-{i:03d}' for i in range(1, 9)], 'outcome': range(8)})"

START = f"""\
import sys
import pandas as pd
import whatworks as ww
rows = {ROWS}
who = rows['person'][0]
card = ww.shown.Card('A card', (('n', '8'),))
def show(kind, value, **more):
    display({{kind: value, **more}}, raw=True)
def beside(**more):
    named = {{key.replace('_', '/'): value for key, value in more.items()}}
    display({{**card._repr_mimebundle_(), **named}}, raw=True)
"""
WAYS = {
    "one line of JSON": "print(rows.to_json())",
    "a printed list": "print(list(rows['person']))",
    "a printed line": "print(rows.iloc[0].tolist())",
    "a Markdown table": "show('text/markdown', '|a|\\n|-|\\n|' + '|\\n|'.join(rows['person']) + '|')",
    "a list": "show('text/html', '<ul><li>' + '<li>'.join(rows['person']) + '</ul>')",
    "set text": "show('text/html', '<pre>' + rows.to_string() + '</pre>')",
    "a card": "show('text/html', f'<table><tr><th scope=\"row\">{who}</th><td>0</td></tr></table>')",
    "rows in the head": "show('text/html', '<table><thead>' + rows.to_html() + '</thead></table>')",
    "warnings": "print(rows.to_string(), file=sys.stderr)",
    "text beside HTML": "show('text/html', '<p>x</p>', **{'text/plain': rows.to_string()})",
    "JSON beside HTML": "show('text/html', '<p>x</p>', **{'application/json': rows.to_json()})",
    "metadata": "display({'text/html': '<p>x</p>'}, metadata={'rows': rows.to_json()}, raw=True)",
    "a table of ours from raw rows": "display(ww.shown.from_frame(rows, name='x', caption='X'))",
    "a data frame": "display(rows)",
    "a drawing": "show('image/svg+xml', f'<svg><text>{who}</text></svg>')",
    "a note that names somebody": "display(ww.shown.Note((f'{who} answered.',)))",
    "a table that claims more": "display(ww.shown.from_frame(rows, name='x', caption='X', each='finding'))",
}
HIDDEN = {
    "text beside a card of ours": "beside(text_plain=rows.to_string())",
    "HTML beside a card of ours": "beside(text_html=rows.to_html())",
    "another type beside a card of ours": "beside(text_csv=rows.to_csv())",
    "metadata of a card of ours": "display(card, metadata={'rows': rows.to_json()})",
    "a key beside those of a card": (
        "bundle = card._repr_mimebundle_()\nbundle[ww.shown.SHOWN_MIME][0]['rows'] = rows.to_json()\n"
        "display(bundle, raw=True)"
    ),
}
"""Rows beside something that may stay: the rest stays, and they are gone."""
LIST = "unit,arm,outcome\n" + "".join(f"Quill-{i:03d},{'ab'[i % 2]},{i % 5}\n" for i in range(1, 41))


def of_people(folder: Path, cells: dict[str, str], **more: str) -> Path:
    """A workspace with a study whose units are the 40 people of a list, on a template that needs no data."""
    one = workspace.make(folder, {**workspace.LIGHT_CELLS, **cells, "result": workspace.LIGHT_END})
    workspace.put(folder / "data" / "people.csv", LIST)
    workspace.put(one / "study.yaml", workspace.STUDY.replace("protocol:", "units: people\nprotocol:"))
    given = {"study": "studies/one", "level": "0.9", "data": "[data/people.csv]", "unit": "unit", **more}
    workspace.put(one / "parameters.yaml", "".join(f"{key}: {value}\n" for key, value in given.items()))
    return one


def nobody(folder: Path) -> None:
    """Raise where any file under a folder names a planted person."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    guilty = [path.name for path in files if PERSON.search(path.read_bytes().decode("utf-8", "replace"))]
    assert not guilty


@pytest.mark.notebook
def test_rows_planted_in_every_way_out_are_in_no_byte_of_record_and_site(tmp_path: Path) -> None:
    cells = {f"way-{i}": source for i, source in enumerate({**WAYS, **HIDDEN}.values())}
    one = of_people(tmp_path, {"start": START, **cells})
    done = run(open_study("one", start=tmp_path), render=report.render)
    told = {item.partition(":")[0] for item in done.left_out}
    assert told == {f"cell 'way-{i}'" for i in range(len(WAYS))}
    nobody(one / "record")
    site.publish(places.find(tmp_path), tmp_path / "site")
    nobody(tmp_path / "site")


@pytest.mark.parametrize("way", {**WAYS, **HIDDEN})
def test_each_way_out_by_itself(way: str) -> None:
    notebook = executed({"start": START, "way": {**WAYS, **HIDDEN}[way]})
    assert PERSON.search(json.dumps(notebook["cells"][1]["outputs"])), "nothing was planted"
    found = kept.kept(notebook, people=frozenset(f"Quill-{i:03d}" for i in range(1, 9)))
    assert not PERSON.search(json.dumps([cell["outputs"] for cell in found.notebook["cells"]]))
    again = kept.kept(found.notebook)
    assert again.notebook == found.notebook
    assert again.left_out == ()


def recorded(folder: Path, result: Result, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The record of a study of people whose notebook hands over this result."""
    one = of_people(folder, {})
    notebook = {"cells": [workspace.concluding(result)], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    monkeypatch.setattr(engine, "execute", lambda *args, **more: engine.Executed(notebook))
    run(open_study("one", start=folder), render=lambda *args: "")
    return one / "record"


def test_a_check_lists_nobody_and_speaks_of_one_person(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = pd.DataFrame({"left out": ["Quill-001"], "estimate": [1]})
    check = CheckResult("A check", "pass", "Quill-001 moves it most.", rows, "Quill-002 moved it")
    folder = recorded(tmp_path, workspace.plain_result().with_checks(check), monkeypatch)
    nobody(folder)
    (kept_check,) = record.load(folder.parent).result.checks
    assert kept_check.reason == "one person moves it most."
    assert kept_check.table.empty


def test_a_result_that_names_people_is_not_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = workspace.plain_result().with_notes("Quill-001 was left out.")
    with pytest.raises(RunError, match=r"the record would name them: result\.json names 1"):
        recorded(tmp_path, result, monkeypatch)
    assert not (tmp_path / "studies" / "one" / "record").exists()


def test_people_that_cannot_be_read_stop_the_run(tmp_path: Path) -> None:
    of_people(tmp_path, {}, unit="nobody")
    with pytest.raises(StudyError, match="names of its people cannot be read"):
        people.labels(open_study("one", start=tmp_path))


def test_who_is_named() -> None:
    labels = frozenset({"O'Brien", "V001", "Ada Quill, 7", "12"})
    assert people.named("O&#x27;Brien and V001", labels) == 2
    assert people.named('{"a": "one\\nV001\\tx"}', labels) == 1
    assert people.named("ADA_QUILL-7.", labels) == 1
    assert people.named("12 of 12", labels) == 0
    assert people.named('<path d="M1 V001"/> V0011', labels) == 0
    assert people.named("anything", frozenset()) == 0


def test_labels_of_people_and_of_places(tmp_path: Path) -> None:
    of_people(tmp_path, {})
    assert len(people.labels(open_study("one", start=tmp_path))) == 40
    workspace.put(tmp_path / "data" / "people.csv", "unit,x\n17,1\n1234567,1\n")
    assert people.named("17 and 1234567", people.labels(open_study("one", start=tmp_path))) == 1
    workspace.put(tmp_path / "studies" / "one" / "study.yaml", workspace.STUDY)
    assert people.labels(open_study("one", start=tmp_path)) == frozenset()


def test_the_template_for_victims_says_that_its_units_are_people() -> None:
    assert (
        read_template(ROOT / "templates" / "notebooks" / "restorative_justice.ipynb").units == people.PEOPLE
    )


# --- the templates themselves ------------------------------------------------------------------------------

TRIALS = {
    "rct": ("trials/hotspots.csv", "spot"),
    "restorative_justice": ("trials/restorative-justice.csv", "victim"),
    "hotspots_crossover": ("trials/place-days.csv", "spot"),
    "stepped_wedge": ("trials/stepped-wedge.csv", "borough"),
}
PANELS = {
    "did": ("london.csv", "area_name"),
    "counts_did": ("london.csv", "area_name"),
    "staggered": ("london.csv", "area_name"),
    "synthetic_control": ("borough.csv", "area_name"),
    "small_areas": ("areas.csv", "area"),
}


def test_every_template_is_tried() -> None:
    here = {path.stem for path in (ROOT / "templates" / "notebooks").glob("*.ipynb")}
    assert here == TRIALS.keys() | PANELS.keys()


@pytest.mark.parametrize("name", [*TRIALS, *(pytest.param(name, marks=pytest.mark.slow) for name in PANELS)])
def test_a_template_whose_units_are_people_names_none(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, column = {**TRIALS, **PANELS}[name]
    data = pd.read_csv(ROOT / "data" / "synthetic" / path, dtype="str")
    codes = {label: f"Quill-{i:03d}" for i, label in enumerate(data[column].unique(), start=100)}
    data[column] = data[column].map(codes)
    workspace.put(tmp_path / "whatworks.toml", 'version = 1\ntitle = "Test"\n')
    workspace.put(tmp_path / "people.csv", data.to_csv(index=False, lineterminator="\n"))
    monkeypatch.chdir(tmp_path)
    template = read_template(ROOT / "templates" / "notebooks" / f"{name}.ipynb")
    cells = {c.id: c.source for c in template.notebook.cells if c.cell_type == "code"}
    known = {parameter.name for parameter in template.parameters}
    given = {"data": ["people.csv"], "allocation": "", "listed": "", "population": []}
    cells["parameters"] += "".join(f"\n{key} = {value!r}" for key, value in given.items() if key in known)
    shown_raw = executed(
        {**cells, "planted": "display(source.frame)\ndisplay(source.frame.iloc[0].to_dict())"}
    )
    assert PERSON.search(json.dumps(shown_raw)), "nothing was planted"
    labels = frozenset(codes.values())
    notebook = kept.kept(shown_raw, people=labels).notebook
    result = record.lift(notebook, where=name).result
    files = record.files(notebook, result, {}, "", Asked("crimes", "lower", 10.0))
    named = sorted(file for file, content in files.items() if PERSON.search(content.decode("utf-8")))
    if named:  # what the result itself names keeps the study from being recorded at all
        assert name in PANELS
        with pytest.raises(RunError, match="would name them"):
            people.refuse_named(files, labels, where=name)


def executed(cells: dict[str, str]) -> dict[str, Any]:
    """Cells run in this very process, with what they print and display, as a notebook records it."""
    outputs: list[dict[str, Any]] = []

    def display(thing: Any, *, raw: bool = False, metadata: dict[str, Any] | None = None) -> None:
        data, extra = (thing, {}) if raw else _bundle(thing)
        outputs.append(
            {"output_type": "display_data", "data": data, "metadata": {**extra, **(metadata or {})}}
        )

    names: dict[str, Any] = {"display": display}
    found = []
    for cell, source in cells.items():
        outputs.clear()
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            last = _run(source, names)
        if last is not None:
            display(last)
        streams = [
            {"output_type": "stream", "name": stream, "text": text.getvalue()}
            for stream, text in (("stdout", out), ("stderr", err))
            if text.getvalue()
        ]
        plain = json.loads(json.dumps([*outputs, *streams], default=str))
        found.append({"cell_type": "code", "id": cell, "metadata": {}, "source": "", "outputs": plain})
    return {"cells": found, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def _run(source: str, names: dict[str, Any]) -> Any:
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)
    return eval(compile(ast.Expression(last.value), "cell", "eval"), names) if last else None


def _bundle(thing: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    if hasattr(thing, "_repr_mimebundle_"):
        found = thing._repr_mimebundle_()
        data, extra = found if isinstance(found, tuple) else (found, {})
        return {"text/plain": repr(thing), **data}, extra
    if hasattr(thing, "_repr_html_"):
        return {"text/html": thing._repr_html_(), "text/plain": repr(thing)}, {}
    return {"text/plain": repr(thing)}, {}


def test_what_shows_itself_says_what_it_shows() -> None:
    class Bare(shown.Shown):
        pass

    with pytest.raises(TypeError, match="Bare does not say what it shows"):
        Bare().parts()
