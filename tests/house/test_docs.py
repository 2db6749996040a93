"""What a user can call has its place in the docs, and the docs build without a warning."""

from __future__ import annotations

import html
import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import whatworks
from whatworks.publish.words import StudyWords
from whatworks.study import record, spec
from whatworks.verdict import judge

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "toolkit" / "whatworks"
METHODS = ("did", "synth", "rct", "checks")
REFERENCE = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
REGISTRY = {
    path.name: path.read_text(encoding="utf-8")
    for path in sorted((ROOT / "docs" / "methods" / "registry").glob("*.md"))
}
NAV = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")


def callable_names() -> list[tuple[str, str]]:
    """Every function that a room of methods hands out."""
    found = []
    for room in METHODS:
        handed_out = importlib.import_module(f"whatworks.{room}")
        found += [
            (room, name) for name in handed_out.__all__ if inspect.isfunction(getattr(handed_out, name))
        ]
    return found


@pytest.mark.parametrize(("room", "name"), callable_names(), ids=".".join)
def test_a_method_has_its_place_in_the_docs(room: str, name: str) -> None:
    assert re.search(rf"^::: whatworks\.{room}(?:\.\w+)*\.{name}$", REFERENCE, re.MULTILINE), (
        f"docs/reference.md lacks a line for {room}.{name}"
    )
    said = re.compile(rf"\b{room}\.{name}\b")
    assert [page for page, text in REGISTRY.items() if page != "index.md" and said.search(text)], (
        f"no page of docs/methods/registry speaks of {room}.{name}"
    )


@pytest.mark.parametrize("page", REGISTRY)
def test_a_page_of_the_registry_can_be_reached(page: str) -> None:
    assert f"methods/registry/{page}" in NAV
    if page != "index.md":
        assert page in REGISTRY["index.md"], f"docs/methods/registry/index.md does not lead to {page}"


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The documentation as `make docs` builds it."""
    pytest.importorskip("mkdocs")
    folder = tmp_path_factory.mktemp("docs") / "site"
    # never --quiet: what is not logged is not counted by --strict
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.returncode, done.stdout + done.stderr
    return folder


@pytest.mark.xdist_group("docs")
def test_the_docs_build_without_a_warning_and_ask_no_other_host(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert site / "index.html" in pages
    loaded = re.compile(
        r"<(?:script|img|iframe|source)\b[^>]*\ssrc=\"(?:https?:)?//|<link\b[^>]*href=\"(?:https?:)?//"
    )
    asks = {page.name: loaded.findall(page.read_text(encoding="utf-8")) for page in pages}
    assert not {name: found for name, found in asks.items() if found}
    styles = [
        path for path in site.rglob("*.css") if re.search(r"url\([\"']?https?:", path.read_text("utf-8"))
    ]
    assert not styles


@pytest.mark.xdist_group("docs")
def test_pages_opened_as_files_can_be_searched_and_follow_the_light_of_the_room(site: Path) -> None:
    page = (site / "index.html").read_text(encoding="utf-8")
    assert (site / "search" / "search_index.js").read_text(encoding="utf-8").startswith("var __index = {")
    assert "assets/iframe-worker.js" in page
    assert (site / "assets" / "iframe-worker.js").is_file()
    for wanted in ("(prefers-color-scheme)", "(prefers-color-scheme: light)", "(prefers-color-scheme: dark)"):
        assert f'data-md-color-media="{wanted}"' in page


def made_up_studies() -> list[Path]:
    """The studies that the gallery shows: data made up, and a record."""
    return [
        path.parent
        for path in sorted((ROOT / "studies").glob("*/study.yaml"))
        if spec.load_study(path.parent, name=path.parent.name).synthetic and (path.parent / "record").is_dir()
    ]


@pytest.mark.xdist_group("docs")
def test_the_gallery_shows_every_template_in_the_words_of_the_verdict(site: Path) -> None:
    page = (site / "gallery.html").read_text(encoding="utf-8")
    text = " ".join(html.unescape(re.sub(r"<[^>]+>", "", page)).split())
    shown = set()
    for folder in made_up_studies():
        said = spec.load_study(folder, name=folder.name)
        found = judge(record.load(folder).result, StudyWords.from_spec(folder.name, said).asked)
        assert " ".join(found.sentence.split()) in text, folder.name
        for place in re.findall(rf'(?:href|src)="(gallery/{folder.name}/[^"]+)"', page):
            assert (site / place).is_file(), place
            shown.add((folder.name, place.rpartition(".")[2]))
        assert {(folder.name, "svg"), (folder.name, "html")} <= shown
        report = (site / "gallery" / folder.name / "report.html").read_bytes()
        assert report == (folder / "record" / "report.html").read_bytes()
    for template in (ROOT / "templates" / "notebooks").glob("*.ipynb"):
        assert f"template <code>{template.stem}</code>" in page
    assert "made up" in page.partition("<h2")[0]
    assert (site / "gallery" / "index.html").is_file()


def test_a_study_on_a_page_is_one_that_runs(tmp_path: Path) -> None:
    pages = [page.read_text(encoding="utf-8") for page in (ROOT / "docs").rglob("*.md")]
    shown = [
        block for page in pages for block in re.findall(r"(?ms)^```yaml.*?\n(version: 1\n.*?)^```", page)
    ]
    assert len(shown) == 2
    for block in shown:
        (tmp_path / spec.STUDY_FILE).write_text(block, encoding="utf-8")
        said = spec.load_study(tmp_path, name="the study on the page")
        assert said.synthetic


def test_what_a_trial_with_its_past_could_find_is_what_the_page_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    page = (ROOT / "docs" / "how-to" / "plan-a-trial.md").read_text(encoding="utf-8")
    typed = re.findall(r"(?ms)^```python\n(import pandas.*?)^```", page)
    said = dict(re.findall(r"^\| `(formula|without|adjusted)` \| (.*) \|$", page, re.MULTILINE))
    assert (len(typed), len(said)) == (1, 3)
    names = {"ww": whatworks}
    exec(typed[0], names)
    assert said == {name: names[name].sentence for name in said}


# --- the map -----------------------------------------------------------------------------------------------

MAP = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def drawn() -> dict[str, str]:
    """The map of docs/architecture.md: each folder and each file beside them, with what it is for."""
    block = MAP.partition("```\ntoolkit/whatworks/\n")[2].partition("```")[0]
    found: dict[str, str] = {}
    above = ""
    for line in block.splitlines():
        entry = re.match(r"^( +)(\S+) {2,}(\S.*)$", line)
        assert entry, f"not a line of the map: {line!r}"
        depth, name, what = len(entry[1]), entry[2], entry[3]
        above = name if depth == 2 else above
        found[name if depth == 2 else f"{above}{name}"] = what
    return found


def test_the_map_is_the_house() -> None:
    folders = {
        f"{path.relative_to(PACKAGE).as_posix()}/"
        for path in PACKAGE.rglob("*")
        if path.is_dir() and list(path.glob("*.py"))
    }
    files = {path.name for path in PACKAGE.glob("*.py") if path.name != "__init__.py"}
    assert drawn().keys() == folders | files


def test_the_map_says_who_may_import_whom() -> None:
    from tests.house.test_layers import FLOORS, GROUND

    written = re.search(r"^`(cli → .*)`$", MAP, re.MULTILINE)
    assert written, "the line of floors is missing"
    there = {path.name for path in PACKAGE.iterdir() if path.is_dir()}
    floors = [{room.strip() for room in floor.split(",")} & there for floor in written[1].split("→")]
    meant = [floor & there for floor in reversed(FLOORS[GROUND + 1 :])]
    assert [floor for floor in floors if floor] == [floor for floor in meant if floor]
