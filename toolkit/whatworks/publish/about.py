"""What stands behind a report: dates, people, sources, promises, addresses; what is not given is listed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from whatworks.publish.words import StudyWords
from whatworks.shown import words

if TYPE_CHECKING:
    from whatworks.study.said.facts import Contact
    from whatworks.study.said.publication import Publication

Said = tuple[str, str]
"""A text and the address it leads to, empty for none."""

LEDGER, GLOSSARY = "../index.html", "../words.html"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a report stands on a site.

    Attributes:
        published: the day, as given.
        commit, repository: of the record.
        address: of the report on the web.
        downloads: the files beside it, as (path from the report, name).
    """

    published: str = ""
    commit: str = ""
    repository: str = ""
    address: str = ""
    downloads: tuple[tuple[str, str], ...] = ()


def placed(study: StudyWords, site: Publication, downloads: Iterable[tuple[str, str]]) -> Place:
    """The place of a study's report on the site of its workspace."""
    edition = site.edition(study.slug)
    address = f"{site.address.rstrip('/')}/{study.slug}/report.html" if site.address else ""
    return Place(edition.on or "", edition.commit, site.repository or "", address, tuple(downloads))


def completed(study: StudyWords, site: Publication, publisher: str) -> StudyWords:
    """The study's words, with contact, licence and publisher of the site where it has none of its own."""
    return replace(
        study,
        contact=study.contact or site.contact,
        licence=study.licence or site.licence,
        publisher=publisher or study.publisher,
    )


def named(file: str) -> str:
    """What a download is, in words: `Table: check pre trends (CSV)`."""
    known = {
        "result.json": "The result with every number (JSON)",
        "provenance.json": "Fingerprints, versions and seeds (JSON)",
        "notebook.ipynb": "The notebook that made it",
    }
    path = PurePosixPath(file)
    kind = {"tables": "Table", "figures": "Figure"}.get(path.parent.name, "File")
    spoken = words.spoken(path.stem.replace("-", " "))
    return known.get(file, f"{kind}: {spoken} ({path.suffix.lstrip('.').upper()})")


def facts(study: StudyWords, place: Place | None) -> tuple[list[tuple[str, list[Said]]], str]:
    """What stands behind a report, by name; and a sentence that lists all that is not given."""
    at = place or Place()
    known: dict[str, list[Said]] = {
        "Published": _text(at.published),
        "Data drawn": _text(study.data_on),
        "Run": _text(study.run_on),
        "Contact": _contact(study.contact),
        "Answers for it": [(person, "") for person in study.people],
        "Data from": [(_source(one.name, one.licence), one.address or "") for one in study.sources],
        "Registered": _registered(study),
        "Changed since the protocol": _text(words.sentence(study.deviated)),
        "Licence of this report": _text(study.licence),
        "Web address": [(at.address, at.address)] if at.address else [],
        "Repository": [(at.repository, at.repository)] if at.repository else [],
        "Commit of the record": _text(at.commit),
    }
    missing = [_missing(name) for name, said in known.items() if not said]
    told = f"Not given: {words.listed(missing)}." if missing else ""
    return [(name, said) for name, said in known.items() if said], told


def _missing(name: str) -> str:
    named: Mapping[str, str] = {
        "Published": "the day of publication",
        "Data drawn": "the day the data were drawn",
        "Run": "the day of the run",
        "Contact": "a contact",
        "Answers for it": "who answers for it",
        "Data from": "where the data came from",
        "Registered": "where and when the protocol was registered",
        "Licence of this report": "the licence",
        "Web address": "the web address",
        "Repository": "the repository",
        "Commit of the record": "its commit",
    }
    return named[name]


def _text(text: str) -> list[Said]:
    return [(text, "")] if text else []


def _contact(contact: Contact | None) -> list[Said]:
    if contact is None:
        return []
    mail = [(contact.email, f"mailto:{contact.email}")] if contact.email else []
    return [(contact.name, ""), *mail]


def _source(name: str, licence: str) -> str:
    return f"{name} (licence: {licence})" if licence else name


def _registered(study: StudyWords) -> list[Said]:
    one = study.registration
    if one is None:
        return []
    return [(f"{one.where}, {one.on}" if one.on else one.where, one.address or "")]
