"""What stands behind a report: as given, never from a clock; what is not given is listed once."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import made_up_study as made
import pytest
import recorded
import study_workspace

from whatworks.errors import PublishError, StudyError
from whatworks.publish import about, report, site
from whatworks.publish.about import Place
from whatworks.study import places
from whatworks.study.said.facts import Contact, DataSource, Registration

WHOLE = {
    "contact": Contact("A. Analyst", "a@example.org"),
    "data_on": "2026-10-01",
    "run_on": "2026-10-20",
    "sources": (DataSource("Crime by borough", "https://data.example.org/crime", "OGL 3"),),
    "registration": Registration("OSF, number 7", "2026-01-03", "https://osf.example.org/7"),
    "deviations": (),
    "licence": "CC BY 4.0",
}
AT = Place(
    "2026-12-01", "abc1234", "https://git.example.org/unit", "https://example.org/merger/report.html",
    (("result.json", "result.json"),),
)  # fmt: skip
TOML = """\
version = 1
title = "A Force"

[publication]
address = "https://example.org/evidence/"
repository = "https://git.example.org/unit"
commit = "abc1234"
on = 2026-12-01
licence = "CC BY 4.0"
contact = {name = "A. Analyst", email = "a@example.org"}

[publication.studies.one]
on = "2026-11-30"
commit = "def5678"
"""


def section(page: str) -> str:
    part = page[page.index('<h2 id="about">') : page.index('<h2 id="design">')]
    return " ".join(re.sub(r"<[^>]*>", " ", part).split())


def rendered(place: Place | None = None, **changes: object) -> str:
    return report.render(made.notebook(), made.result(), made.words(**changes), made.PROVENANCE, place=place)


def test_what_is_given_stands_there_with_its_address() -> None:
    page = rendered(AT, **WHOLE)
    said = section(page)
    for text in (
        "Published 2026-12-01", "Data drawn 2026-10-01", "Run 2026-10-20",
        "Contact A. Analyst a@example.org", "Data from Crime by borough (licence: OGL 3)",
        "Registered OSF, number 7, 2026-01-03", "CC BY 4.0", "Commit of the record abc1234",
        "Changed since the protocol None: the authors declare that they kept to the protocol.",
    ):  # fmt: skip
        assert text in said
    for address in ("https://data.example.org/crime", "https://osf.example.org/7", AT.repository, AT.address):
        assert f'<a href="{address}">' in page
    assert "mailto:a@example.org" in page
    assert "Not given" not in page
    assert 'content: "https://example.org/merger/report.html"' in page


def test_what_is_not_given_is_listed_once() -> None:
    page = rendered()
    assert (
        "Not given: the day of publication, the day the data were drawn, the day of the run, a contact, "
        "where the data came from, where and when the protocol was registered, the licence, the web "
        "address, the repository and its commit."
    ) in section(page)
    assert page.count("Not given") == 1
    assert "Changed since the protocol None declared." in section(page)
    part = rendered(**{**WHOLE, "data_on": ""})
    assert "Not given: the day of publication, the day the data were drawn, the web address" in section(part)


def test_a_report_on_a_site_leads_to_ledger_words_downloads_and_how_to_run_it_again() -> None:
    page = rendered(AT)
    for link in ("../index.html", "../index.html#merger", "../words.html", "result.json", "#provenance"):
        assert f'<a href="{link}">' in page
    assert "the repository https://git.example.org/unit at commit abc1234" in page
    alone = rendered()
    assert "index.html" not in alone
    assert "words.html" not in alone


def test_the_workspace_says_what_no_record_can_know(tmp_path: Path) -> None:
    recorded.workspace(tmp_path)
    study_workspace.put(tmp_path / "whatworks.toml", TOML)
    site.publish(places.find(tmp_path), tmp_path / "site")
    page = (tmp_path / "site" / "one" / "report.html").read_text(encoding="utf-8")
    said = section(page)
    assert "Published 2026-11-30" in said, "the study's own day, not the site's"
    assert "Commit of the record def5678" in said
    assert "Contact A. Analyst a@example.org" in said
    assert "https://example.org/evidence/one/report.html" in said
    assert '<p class="publisher">A Force</p>' in page
    made_again = {path: path.read_bytes() for path in (tmp_path / "site").rglob("*") if path.is_file()}
    for path in made_again:
        for link in re.findall(
            r'href="([^"#:]+)(?:#[^"]*)?"', path.read_text(encoding="utf-8", errors="replace")
        ):
            if path.suffix == ".html":
                assert (path.parent / link).resolve().is_file(), f"{path.name}: {link}"
    site.publish(places.find(tmp_path), tmp_path / "site")
    assert made_again == {path: path.read_bytes() for path in made_again}


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('on = "2026-11-30"', 'on = "soon"', ("no day", "studies")),
        ("address =", "adress =", ("'adress'", "Did you mean 'address'")),
        ('"https://git.example.org/unit"', '"git"', ("no address of a page", "key repository")),
        ("email =", "mail =", ("'mail'", "name, email")),
        ('commit = "abc1234"', "commit = 7", ("key commit",)),
    ],
)
def test_a_slip_in_the_workspace_is_named(tmp_path: Path, old: str, new: str, words: tuple[str, ...]) -> None:
    study_workspace.make(tmp_path)
    study_workspace.put(tmp_path / "whatworks.toml", TOML.replace(old, new))
    with pytest.raises(StudyError) as caught:
        places.find(tmp_path)
    for word in words:
        assert word in str(caught.value), str(caught.value)


def test_a_day_for_a_study_that_is_not_there(tmp_path: Path) -> None:
    study_workspace.make(tmp_path)
    study_workspace.put(tmp_path / "whatworks.toml", TOML.replace("studies.one", "studies.two"))
    with pytest.raises(PublishError, match="no study two"):
        site.publish(places.find(tmp_path), tmp_path / "site")


def test_the_studys_own_contact_and_licence_come_first() -> None:
    toml = places.Publication(contact=Contact("B"), licence="B")
    own = about.completed(made.words(**WHOLE), toml, "A Force")
    assert (own.contact.name, own.licence, own.publisher) == ("A. Analyst", "CC BY 4.0", "A Force")
    other = about.completed(made.words(), toml, "")
    assert (other.contact.name, other.licence) == ("B", "B")
    assert replace(other, contact=None, licence="") == made.words()
