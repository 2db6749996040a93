"""The site: every study listed alike, files complete, nothing written when something is wrong."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import made_up_study as made
import pytest
import recorded
import study_workspace

from whatworks.errors import PublishError
from whatworks.publish import StudyPages, audit, pages, report, site
from whatworks.results import Design, NotAvailable
from whatworks.study import kept, places, record
from whatworks.study.closing import Conclusion
from whatworks.verdict import Asked


def study(slug: str, title: str, value: float = -8.0, low: float = -12.0, high: float = -2.0) -> StudyPages:
    words = made.words(slug=slug, title=title)
    result = made.result(
        headline=made.estimate(value / 100, low / 100, high / 100),
        relative=made.percent(value, low, high),
        checks=made.result().checks[:1],
        design=Design(32, 85, 12, 22, NotAvailable("chance did not assign"), 0.3),
    )
    page = report.render(made.notebook(), result, words, made.PROVENANCE)
    return StudyPages(words, result, page, {"result.json": b"{}\n", "tables/effects.csv": b"a\n"})


STUDIES = (
    study("zeta", "A fall"),
    study("alpha", "B null", -1.0, -6.0, 5.0),
    study("beta", "C rise", 8.0, 2.0, 12.0),
    StudyPages(made.words(slug="gone", title="D stopped"), why_none="The data stopped arriving"),
)


def test_nulls_harms_and_unfinished_studies_are_listed_like_any_other() -> None:
    page = site.ledger(STUDIES)
    assert audit.faults(page, script=pages.script()) == []
    assert re.findall(r"</span> ([^<]+)</p>", page) == [
        "Fell, for the better", "No change that matters", "Rose, for the worse", "Not yet known",
    ]  # fmt: skip
    assert (
        "4 studies: 1 “Fell, for the better”, 1 “No change that matters”, 1 “Not yet known” and "
        "1 “Rose, for the worse”."
    ) in page
    assert "The data stopped arriving." in page
    assert "This is a change for the worse." in page
    assert '<a href="zeta/report.html">A fall</a>' in page
    assert "<dt>Treated</dt><dd>22 of 32</dd>" in page


def test_the_ledger_begins_with_findings() -> None:
    page = site.ledger(STUDIES)
    text = " ".join(re.sub(r"<[^>]*>", " ", page[page.index("<main") :]).split())
    places = [text.index(part) for part in ("4 studies:", "The studies", "A fall", "Robbery fell by")]
    assert places == sorted(places)
    assert places[-1] < 400
    assert "did.att_gt" not in text
    assert "Method Effects by start and month" in text
    assert "Published day not given" in text
    dated = site.ledger([replace(STUDIES[0], published="2026-11-30")])
    assert "<dt>Published</dt><dd>2026-11-30</dd>" in dated
    assert 'data-date="2026-11-30"' in dated


def test_exactly_one_script_of_ours_may_run_and_the_page_works_without() -> None:
    page = site.ledger(STUDIES)
    (inside,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    assert inside == pages.script()
    digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'\"" in page
    assert not re.search(r"<(select|input|button|form)\b", page), "the script makes what it needs"
    for word in re.findall(r"dataset\.(\w+)|\[\"(status|offence|method)\", ", inside):
        assert f"data-{word[0] or word[1]}=" in page
    for other in (inside + " ", "alert(1)", ""):
        assert audit.faults(page.replace(inside, other), script=pages.script())
    assert audit.faults(page), "a page that may have no script"
    assert audit.faults(page.replace("<script>", '<script src="x.js">'), script=pages.script())
    wider = page.replace("script-src '", "script-src 'unsafe-inline' '")
    assert audit.faults(wider, script=pages.script())
    assert "script-src" not in str(STUDIES[0].report)


def test_an_empty_ledger_says_so() -> None:
    assert "No study has been published yet." in site.ledger([])


def test_the_files_and_their_order(tmp_path: Path) -> None:
    names = site.build(STUDIES, tmp_path / "site")
    found = sorted(
        p.relative_to(tmp_path / "site").as_posix() for p in (tmp_path / "site").rglob("*") if p.is_file()
    )
    assert sorted(names) == found
    assert (tmp_path / "site" / "zeta" / "report.html").read_text(encoding="utf-8") == STUDIES[0].report
    listed = json.loads((tmp_path / "site" / "site.json").read_text(encoding="utf-8"))["files"]
    for name, digest in listed.items():
        assert hashlib.sha256((tmp_path / "site" / name).read_bytes()).hexdigest() == digest
    assert [p.name for p in tmp_path.iterdir()] == ["site"]


def test_every_link_leads_somewhere(tmp_path: Path) -> None:
    names = site.build(STUDIES, tmp_path / "site")
    page = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    for link in re.findall(r'href="([^"#]+)"', page):
        assert link in names


def test_the_order_given_does_not_matter() -> None:
    files = site.contents(tuple(reversed(STUDIES)))
    assert files == site.contents(STUDIES)
    titles = re.findall(r"<h3>(?:<a [^>]*>)?([^<]+)", files["index.html"].decode())
    assert titles == ["A fall", "B null", "C rise", "D stopped"]


def test_an_older_site_is_replaced_whole(tmp_path: Path) -> None:
    site.build(STUDIES, tmp_path / "site")
    site.build(STUDIES[:1], tmp_path / "site")
    assert not (tmp_path / "site" / "alpha").exists()


def test_a_folder_of_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "thesis.txt").write_text("years of work", encoding="utf-8")
    with pytest.raises(PublishError, match="not a site of ours"):
        site.build(STUDIES, tmp_path / "site")
    assert [p.name for p in (tmp_path / "site").iterdir()] == ["thesis.txt"]


def test_a_page_that_is_not_fit_stops_everything(tmp_path: Path) -> None:
    site.build(STUDIES, tmp_path / "site")
    before = {p: p.read_bytes() for p in (tmp_path / "site").rglob("*") if p.is_file()}
    bad = replace(STUDIES[0], report=str(STUDIES[0].report).replace("</main>", "<script>1</script></main>"))
    with pytest.raises(PublishError, match="script"):
        site.build((bad,), tmp_path / "site")
    assert {p: p.read_bytes() for p in (tmp_path / "site").rglob("*") if p.is_file()} == before


@pytest.mark.parametrize("name", ["../x", "/x", "a/../../x", "a\\b", "report.html", ""])
def test_downloads_stay_in_their_folder(name: str) -> None:
    with pytest.raises(PublishError, match="cannot be a download"):
        site.contents((replace(STUDIES[0], downloads={name: b""}),))


def test_two_studies_of_one_name() -> None:
    with pytest.raises(PublishError, match="two studies are named zeta"):
        site.contents((STUDIES[0], STUDIES[0]))


def test_names_are_text() -> None:
    nasty = StudyPages(made.words(slug="x", title="<script>alert(1)</script>"), why_none="<b>no</b>")
    page = site.ledger((nasty,))
    assert page.count("<script") == 1, "ours"
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "&lt;b&gt;no&lt;/b&gt;." in page


# --- a workspace -------------------------------------------------------------------------------------------


def test_a_workspace_becomes_a_site(tmp_path: Path) -> None:
    recorded.workspace(tmp_path)
    index = site.publish(places.find(tmp_path), tmp_path / "site")
    assert index == tmp_path / "site" / "index.html"
    page = index.read_text(encoding="utf-8")
    assert "Crimes fell by about 8%" in page
    went = {p.name for p in (tmp_path / "site" / "one").rglob("*") if p.is_file()}
    assert {"report.html", "result.json", "provenance.json", "notebook.ipynb", "effects.csv"} <= went


def test_a_notebook_whose_verdict_answers_another_question(tmp_path: Path) -> None:
    home = recorded.workspace(tmp_path)
    path = home / "record" / "notebook.ipynb"
    notebook = json.loads(path.read_text(encoding="utf-8"))
    output = notebook["cells"][-1]["outputs"][0]
    lenient = Conclusion(made.result(), (), Asked("crimes", "lower", 1.0))._repr_mimebundle_()
    output["data"], output["metadata"] = lenient
    study_workspace.put(path, record.notebook_text(kept.kept(notebook).notebook))
    with pytest.raises(PublishError, match="the record holds other files than"):
        site.publish(places.find(tmp_path), tmp_path / "site")


def test_a_study_without_a_record_is_listed(tmp_path: Path) -> None:
    study_workspace.make(tmp_path)
    page = site.publish(places.find(tmp_path), tmp_path / "site").read_text(encoding="utf-8")
    assert "Not yet known" in page
    assert "This study has no record yet." in page


def test_words_changed_after_the_record(tmp_path: Path) -> None:
    home = recorded.workspace(tmp_path)
    text = (home / "study.yaml").read_text(encoding="utf-8")
    study_workspace.put(home / "study.yaml", text.replace("A test", "A triumph"))
    with pytest.raises(PublishError, match="changed after the record"):
        site.publish(places.find(tmp_path), tmp_path / "site")
    assert not (tmp_path / "site").exists()


@pytest.mark.parametrize(
    "planted",
    [
        {"output_type": "stream", "name": "stderr", "text": "V001 7\n"},
        made.data("text/html", "<table class='dataframe'><tr><td>V001</td><td>7</td></tr></table>"),
        {**made.shown(made.panel()), "metadata": {"rows": ["V001"]}},
        {**made.shown(made.panel()), "data": {**made.shown(made.panel())["data"], "text/plain": "V001 7"}},
        {**made.shown(made.panel()), "data": {**made.shown(made.panel())["data"], "text/html": "V001 7"}},
    ],
)
def test_a_recorded_notebook_with_rows_of_data(tmp_path: Path, planted: dict[str, Any]) -> None:
    home = recorded.workspace(tmp_path)
    path = home / "record" / "notebook.ipynb"
    notebook = json.loads(path.read_text(encoding="utf-8"))
    notebook["cells"].insert(1, made.code("x", planted))
    study_workspace.put(path, record.notebook_text(notebook))
    with pytest.raises(PublishError, match="may not go out"):
        site.publish(places.find(tmp_path), tmp_path / "site")
    assert not (tmp_path / "site").exists()


@pytest.mark.parametrize(
    ("name", "true", "false"),
    [
        ("result.json", "-0.081", "-0.281"),
        ("report.html", "by about 8%", "by about 28%"),
        ("tables/effects.csv", ",-0.06,", ",-0.26,"),
    ],
)
def test_a_record_edited_by_hand(tmp_path: Path, name: str, true: str, false: str) -> None:
    path = recorded.workspace(tmp_path) / "record" / name
    text = path.read_text(encoding="utf-8")
    assert true in text
    study_workspace.put(path, text.replace(true, false))
    with pytest.raises(PublishError, match="other files than its notebook and its result give"):
        site.publish(places.find(tmp_path), tmp_path / "site")


def test_a_file_that_no_run_made_stays_behind(tmp_path: Path) -> None:
    home = recorded.workspace(tmp_path)
    study_workspace.put(home / "record" / "tables" / "victims.csv", "name\nV001\n")
    site.publish(places.find(tmp_path), tmp_path / "site")
    assert not list((tmp_path / "site").rglob("victims.csv"))
