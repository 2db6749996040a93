from __future__ import annotations

from pathlib import Path

import pytest
import study_workspace as workspace

from whatworks.errors import StudyError
from whatworks.study import open_study, spec, template


def opened(folder: Path, study: str = "", parameters: str = "") -> object:
    one = workspace.make(folder)
    if study:
        workspace.put(one / "study.yaml", study)
    if parameters:
        workspace.put(one / "parameters.yaml", parameters)
    return open_study("one", start=folder)


def refused(folder: Path, *words: str, study: str = "", parameters: str = "") -> None:
    with pytest.raises(StudyError) as caught:
        opened(folder, study, parameters)
    for word in words:
        assert word in str(caught.value), str(caught.value)


def test_a_study_that_is_well_formed_opens(tmp_path: Path) -> None:
    study = opened(tmp_path)
    assert study.parameters.given == {"study": "studies/one", "level": 0.9}
    assert study.parameters.applied["outcome"] == "crimes"
    assert study.spec.protocol.estimand == "the average"


def test_a_misspelt_key_of_the_study_names_file_line_and_the_nearest(tmp_path: Path) -> None:
    text = workspace.STUDY.replace("question:", "qestion:")
    refused(tmp_path, "studies/one/study.yaml, line 3", "'qestion'", "Did you mean 'question'", study=text)


def test_a_misspelt_key_inside_the_protocol(tmp_path: Path) -> None:
    text = workspace.STUDY.replace("  estimand:", "  estimnd:")
    refused(tmp_path, "study.yaml, line 8, key protocol.estimnd", "Did you mean 'estimand'", study=text)


def test_a_missing_key(tmp_path: Path) -> None:
    refused(tmp_path, "'title' is missing", study=workspace.STUDY.replace("title: A test\n", ""))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("title: A test", "title: 5", ("line 2, key title", "expected text")),
        ("title: A test", 'title: " "', ("line 2, key title", "blank")),
        ("version: 1", "version: 2", ("version is 2",)),
        ("template: tiny", "template: tny", ("no template 'tny'", "Did you mean 'tiny'", "key template")),
        ("primary_outcome: crimes", "primary_outcome: thefts", ("'thefts'", "'crimes'", "secondary")),
    ],
)
def test_wrong_values_of_the_study(tmp_path: Path, old: str, new: str, words: tuple[str, ...]) -> None:
    refused(tmp_path, *words, study=workspace.STUDY.replace(old, new))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("levl: 0.9", ("no parameter 'levl'", "Did you mean 'level'", "line 2, key levl")),
        ('level: "0.9"', ("level is '0.9'", "a number", "coverage", "level: 0.95")),
        ("level: true", ("level is True", "a number")),
        ("seed: 1.5", ("seed is 1.5", "a whole number")),
        ("outcome: 5", ("outcome is 5", 'Quote it: "5"')),
        ("outcome: no", ("YAML reads no as false",)),
        ("data: data/counts.csv", ("data is 'data/counts.csv'", "a list")),
        ("data: [a, 5]", ("key data.1", "a list")),
        ("fill: {a: 5}", ("fill is", "a mapping from text to a text")),
        ("loud: 1", ("loud is 1", "true or false")),
        ("level:", ("level is blank",)),
        ("level: .nan", (".nan",)),
        ("level: .inf", (".inf",)),
        ("level: 0.9\nlevel: 0.8", ("stands twice",)),
        ('"y = 1; print(1) #": 5', ("cannot name a parameter",)),
        ("class: a", ("cannot name a parameter",)),
        ("study: studies/two", ("study is 'studies/two'", "study: studies/one")),
    ],
)
def test_wrong_parameters_are_refused_before_a_kernel_starts(
    tmp_path: Path, line: str, words: tuple[str, ...]
) -> None:
    start = "" if line.startswith("study") else "study: studies/one\n"
    refused(tmp_path, *words, parameters=f"{start}{line}\n")


def test_a_whole_number_is_a_number(tmp_path: Path) -> None:
    study = opened(tmp_path, parameters="study: studies/one\nlevel: 1\n")
    assert study.parameters.applied["level"] == 1


@pytest.mark.parametrize(
    "line",
    [
        "a = 1",
        "a: str",
        "a: set = {1}",
        "import os",
        "a: int = 'x'",
        "a: float = float('inf')",
        "a: str = f'{1}'",
        "a: int = 1\na: int = 2",
        "a: dict[int, str] = {}",
        "match: int = 1",
        "a: list[str] = [",
    ],
)
def test_a_parameters_cell_declares_plain_typed_values_only(line: str) -> None:
    with pytest.raises(StudyError, match="template t"):
        template.parse_parameters(line, where="template t")


def test_a_template_saved_with_outputs_is_refused(tmp_path: Path) -> None:
    workspace.make(tmp_path)
    path = tmp_path / "templates" / "notebooks" / "tiny.ipynb"
    output = '"outputs": [{"output_type": "stream", "name": "stdout", "text": "x"}]'
    path.write_text(path.read_text(encoding="utf-8").replace('"outputs": []', output, 1), encoding="utf-8")
    with pytest.raises(StudyError, match="saved with outputs"):
        open_study("one", start=tmp_path)


WORDS = workspace.STUDY.partition("report:")[0]


def test_the_report_block_says_how_the_report_speaks(tmp_path: Path) -> None:
    text = WORDS + "report:\n  subject: street robbery\n  better: higher\n  worthwhile: 5\n"
    words = opened(tmp_path, text).spec.report
    assert (words.subject, words.better, words.worthwhile, words.limits) == (
        "street robbery",
        "higher",
        5.0,
        (),
    )


@pytest.mark.parametrize(
    ("block", "words"),
    [
        ("", ("'report'",)),
        ("report:\n  worthwhile: 5\n", ("'better'",)),
        ("report:\n  better: lower\n", ("'worthwhile'",)),
        ("report:\n  beter: higher\n  worthwhile: 5\n", ("better",)),
        ("report:\n  better: more\n  worthwhile: 5\n", ("report.better",)),
        ("report:\n  better: lower\n  worthwhile: 0\n", ("report.worthwhile",)),
        ("report:\n  better: lower\n  worthwhile: 5\n  limits: one sentence\n", ("report.limits",)),
    ],
)
def test_a_wrong_report_block_is_refused(tmp_path: Path, block: str, words: tuple[str, ...]) -> None:
    refused(tmp_path, *words, study=WORDS + block)


@pytest.mark.parametrize("said", [True, False])
def test_made_up_data_say_so(tmp_path: Path, said: bool) -> None:
    one = workspace.make(tmp_path)
    workspace.put(tmp_path / "data" / "synthetic" / "counts.csv", workspace.counts())
    given = 'study: studies/one\ndata: ["data/synthetic/counts.csv"]\n'
    workspace.put(one / "parameters.yaml", given)
    workspace.put(one / "study.yaml", workspace.STUDY + f"synthetic: {str(said).lower()}\n")
    if said:
        assert open_study("one", start=tmp_path).spec.synthetic
        return
    with pytest.raises(StudyError, match=r"made up .* and the study does not say so"):
        open_study("one", start=tmp_path)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ('dates: {data: "2026-1-1"}', ("key dates.data", "no day", '"2026-11-30"')),
        ("dates: {ran: x}", ("unknown key 'ran'", "data, run")),
        ("contact: {name: A, email: a b}", ("key contact.email", "mailbox")),
        ('sources: [{name: " "}]', ("key sources.0.name", "blank")),
        ("sources: [{name: a, address: www.x}]", ("no address of a page", "https://")),
        ("registration: {whre: a}", ("'whre'", "Did you mean 'where'")),
        ("reporting: {fundng: x}", ("no item 'fundng'", "key reporting.fundng", "Did you mean 'funding'")),
        ('reporting: {funding: ""}', ("key reporting.funding", "blank")),
    ],
)
def test_what_a_study_says_of_itself_has_its_form(tmp_path: Path, more: str, words: tuple[str, ...]) -> None:
    refused(tmp_path, "study.yaml, line 13", *words, study=f"{workspace.STUDY}{more}\n")


def test_none_declared_and_nothing_declared_are_two_things(tmp_path: Path) -> None:
    folder = workspace.make(tmp_path)
    none = spec.load_study(folder, name="one")
    assert none.deviations is None
    workspace.put(folder / "study.yaml", f"{workspace.STUDY}deviations: []\n")
    declared = spec.load_study(folder, name="one")
    assert declared.deviations == ()
    for said in (none, declared):
        workspace.put(folder / "study.yaml", spec.write_study(said))
        assert spec.load_study(folder, name="one") == said
