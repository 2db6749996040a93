from __future__ import annotations

from pathlib import Path

import pytest
import study_workspace as workspace

from whatworks.errors import StudyError
from whatworks.study import new_study, open_study, places

ROOT = (
    'version = 1\n[data_roots.police]\nenvironment = "TEST_POLICE_FILES"\n'
    'default = "../police"\nabout = "Files of the force"\n'
)


@pytest.fixture
def here(tmp_path: Path) -> Path:
    inner = tmp_path / "work"
    workspace.make(inner)
    workspace.put(inner / "whatworks.toml", ROOT)
    workspace.put(tmp_path / "secret.csv", "a\n1\n")
    return inner


def test_a_path_inside_the_workspace(here: Path) -> None:
    assert places.find(here / "studies").path("data/counts.csv") == (here / "data" / "counts.csv").resolve()


@pytest.mark.parametrize(
    "reference",
    [
        "../secret.csv",
        "data/../../secret.csv",
        "/etc/passwd",
        "C:/secret.csv",
        "..\\secret.csv",
        "",
        "data/\0",
        "~/x/../../../..",
    ],
)
def test_a_path_outside_is_refused(here: Path, reference: str) -> None:
    with pytest.raises(StudyError):
        places.find(here).path(reference)


def test_a_link_that_leads_outside_is_refused(here: Path) -> None:
    (here / "data" / "link.csv").symlink_to(here.parent / "secret.csv")
    with pytest.raises(StudyError, match="outside"):
        places.find(here).path("data/link.csv")


def test_a_data_root_is_found_by_default_and_by_variable(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEST_POLICE_FILES", raising=False)
    workspace.put(here.parent / "police" / "a.csv", "x\n")
    assert places.find(here).path("police:a.csv").parent.name == "police"
    other = workspace.put(here.parent / "elsewhere" / "a.csv", "x\n")
    monkeypatch.setenv("TEST_POLICE_FILES", str(other.parent))
    assert places.find(here).path("police:a.csv") == other.resolve()
    with pytest.raises(StudyError, match="outside the data root"):
        places.find(here).path("police:../police/a.csv")


def test_a_study_is_found_by_slug_by_path_and_from_inside(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = (here / "studies" / "one").resolve()
    monkeypatch.chdir(here)
    found = places.find()
    assert [found.study(name) for name in ("one", "studies/one", "studies/one/", str(one))] == [one] * 4
    monkeypatch.chdir(one)
    assert places.find().study(".") == one
    monkeypatch.chdir(here / "studies")
    assert places.find().study("./one") == one


def test_absent_data_say_where_they_are_expected(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEST_POLICE_FILES", raising=False)
    with pytest.raises(StudyError) as caught:
        places.find(here).path("police:a.csv")
    message = str(caught.value)
    assert "are not here" in message
    assert "../police" in message
    assert "TEST_POLICE_FILES" in message
    assert "Files of the force" in message


def test_an_unknown_data_root_names_the_nearest(here: Path) -> None:
    with pytest.raises(StudyError, match="Did you mean 'police'"):
        places.find(here).path("polce:a.csv")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("version = 2\n", "version is 2"),
        ("verson = 1\n", "Did you mean 'version'"),
        ("version = \n", "not valid TOML"),
        ("[data_roots.a1]\nenvironment = 'X'\n", "default is missing"),
        ("[data_roots.a1]\ndefault = 5\n", "texts only"),
        ("[data_roots.a1]\ndefalt = 'x'\n", "Did you mean 'default'"),
    ],
)
def test_a_marker_that_is_not_well_formed(tmp_path: Path, text: str, what: str) -> None:
    workspace.put(tmp_path / "whatworks.toml", text)
    with pytest.raises(StudyError, match=what):
        places.find(tmp_path)


def test_no_workspace(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="whatworks init"):
        places.find(tmp_path)


def test_a_study_outside_or_unknown(here: Path) -> None:
    with pytest.raises(StudyError, match="outside"):
        places.find(here).study("../elsewhere/one")
    with pytest.raises(StudyError, match="Did you mean 'one'"):
        places.find(here).study("onee")


@pytest.mark.parametrize("slug", ["One", "a b", "../x", "a--b", "", "a_b"])
def test_slugs(here: Path, slug: str) -> None:
    with pytest.raises(StudyError, match="not a name"):
        new_study("tiny", slug, start=here)


def test_a_new_study_opens_as_it_stands(here: Path) -> None:
    folder = new_study("tiny", "two", start=here)
    study = open_study("two", start=here)
    assert study.folder == folder.resolve()
    assert study.parameters.applied["study"] == "studies/two"
    with pytest.raises(StudyError, match="exists already"):
        new_study("tiny", "two", start=here)


def test_every_shipped_template_makes_a_study_that_opens(tmp_path: Path) -> None:
    places.init(tmp_path / "force", title='The "Force"')
    for name in places.find(tmp_path / "force").templates():
        new_study(name, f"try-{name}".replace("_", "-"), start=tmp_path / "force")
        assert open_study(f"try-{name}".replace("_", "-"), start=tmp_path / "force").template.name == name


def test_init_leaves_an_existing_workspace_alone(here: Path) -> None:
    with pytest.raises(StudyError, match="already"):
        places.init(here)
