"""The public site: a ledger of every study and its report, as files that need no server."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from whatworks.errors import PublishError, RecordError, first_few
from whatworks.publish import about, audit, explain, glossary, outgoing, pages, report
from whatworks.publish.chip import chip
from whatworks.publish.words import StudyWords
from whatworks.results import Result
from whatworks.shown import words
from whatworks.verdict import judge

if TYPE_CHECKING:
    from whatworks.study.places import Workspace
    from whatworks.study.said.publication import Publication

INDEX, REPORT, MANIFEST = "index.html", "report.html", "site.json"
_MADE_UP = (
    "The data of these were invented, so that the true effect is known. They show how a study reads and say "
    "nothing about any real place. They are not counted above."
)
_TITLE = "What we have tried, and what we found"


@dataclass(frozen=True, slots=True)
class StudyPages:
    """One study as the site shows it.

    Attributes:
        study: its words.
        result: what it found; None for a study without an accepted result.
        report: the report as `report.render` made it, set as it stands; None where there is no result.
        downloads: files beside the report by relative name (`result.json`, `tables/effects.csv`).
        published: the day of publication, as given.
        why_none: why there is no result, a sentence.
    """

    study: StudyWords
    result: Result | None = None
    report: str | None = None
    downloads: Mapping[str, bytes] = field(default_factory=dict)
    published: str = ""
    why_none: str = "This study has no accepted result yet."


def publish(workspace: Workspace, out: Path) -> Path:
    """Write the site of every study in a workspace into `out`; the path of its index.

    A study without a record stands in the ledger as not yet known. Raises `PublishError` as `build` does, for
    a study whose words changed after its record was made, and for a record of which a file is not what its
    notebook and its result give.
    """
    site = workspace.publication
    _refuse_unknown_studies(workspace)
    build([gather(folder, site, publisher=workspace.title) for folder in workspace.studies()], out)
    return out / INDEX


def gather(folder: Path, site: Publication, *, publisher: str = "") -> StudyPages:
    """What the site shows of one study folder: its words, and its record where there is one.

    The report is held against that of the record and then made once more for its place on the site, with
    links and with what only `whatworks.toml` can know: dates of publication, repository, commit.
    """
    from whatworks.study import record, spec
    from whatworks.study.hashing import text_hash

    said = spec.load_study(folder, name=f"studies/{folder.name}")
    words_of = about.completed(StudyWords.from_spec(folder.name, said), site, publisher)
    try:
        kept = record.load(folder)
    except RecordError as problem:
        return StudyPages(words_of, why_none=f"{problem.what}.")
    if kept.provenance["study"]["sha256"] != text_hash(folder / spec.STUDY_FILE):
        raise PublishError(
            "study.yaml changed after the record was made",
            where=f"studies/{folder.name}",
            remedy="Run the study again, so that its report says what the study says.",
        )
    _refuse_placeholders(words_of)
    going = outgoing.files(kept, said, where=f"studies/{folder.name}")
    del going[record.REPORT]
    place = about.placed(words_of, site, (_beside(words_of, name) for name in sorted(going)))
    page = report.render(kept.json(record.NOTEBOOK), kept.result, words_of, kept.provenance, place=place)
    return StudyPages(words_of, kept.result, page, going, published=place.published)


def _beside(study: StudyWords, name: str) -> tuple[str, str]:
    """A download as its report links to it."""
    return _download(study, name).removeprefix(f"{study.slug}/"), about.named(name)


def _refuse_unknown_studies(workspace: Workspace) -> None:
    known = [folder.name for folder in workspace.studies()]
    wrong = [slug for slug in workspace.publication.studies if slug not in known]
    if wrong:
        raise PublishError(
            f"there is no study {first_few(wrong)}",
            where="whatworks.toml, [publication.studies]",
            remedy=f"The studies are {first_few(known, 12)}.",
        )


def _refuse_placeholders(words: StudyWords) -> None:
    from whatworks.study.folder import PLACEHOLDERS

    said = (words.intervention, words.theory_of_change, words.hypothesis, *words.people)
    left = [key for key, text in PLACEHOLDERS.items() if any(line.startswith(text) for line in said)]
    if left:
        raise PublishError(
            f"{first_few(left)} still holds the words of a new study",
            where=f"studies/{words.slug}/study.yaml",
            remedy="Say it in the study's own words, and run it again.",
        )


def build(studies: Sequence[StudyPages], out: Path, *, title: str = _TITLE) -> tuple[str, ...]:
    """Write the site into the folder `out`, whole or not at all; the names of its files.

    An older site in `out` is replaced; a folder that holds anything else is left alone.
    Raises `PublishError` for such a folder, a page that is not fit, two studies of one name, or a file name
    that leads out of the study's folder.
    """
    files = contents(studies, title=title)
    _refuse_foreign(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}."))
    try:
        for name, content in files.items():
            path = part / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        part.chmod(0o755)
        _swap(part, out)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return tuple(files)


def contents(studies: Sequence[StudyPages], *, title: str = _TITLE) -> dict[str, bytes]:
    """Every file of the site by relative name, the same bytes for the same studies in any order."""
    ordered = sorted(studies, key=lambda item: (item.study.title.casefold(), item.study.slug))
    twice = [slug for slug, n in Counter(item.study.slug for item in ordered).items() if n > 1]
    if twice:
        raise PublishError(
            f"two studies are named {first_few(twice)}", where="site", remedy="Give each its own folder name."
        )
    files = {
        INDEX: ledger(ordered, title=title).encode("utf-8"),
        glossary.PAGE: words_page(_publisher(ordered)).encode("utf-8"),
    }
    for item in ordered:
        if item.report is not None:
            audit.refuse(item.report, where=f"studies/{item.study.slug}, report")
            files[f"{item.study.slug}/{REPORT}"] = item.report.encode("utf-8")
        for name, content in sorted(item.downloads.items()):
            files[_download(item.study, name)] = content
    listed = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    files[MANIFEST] = (json.dumps({"schema": "whatworks.site/1", "files": listed}, indent=1) + "\n").encode()
    return files


def ledger(studies: Sequence[StudyPages], *, title: str = _TITLE) -> str:
    """The index page: every study with what it found, nulls and unfinished ones like any other."""
    entries = [_entry(item) for item in studies]
    real = [entry for entry in entries if not entry["made_up"]]
    made_up = [entry for entry in entries if entry["made_up"]]
    groups = (
        {"id": "studies", "title": "The studies", "note": "", "entries": real},
        {"id": "made-up", "title": "Worked examples on made-up data", "note": _MADE_UP, "entries": made_up},
    )
    page = pages.fill(
        "ledger.html",
        title=title,
        publisher=_publisher(studies),
        links=((glossary.PAGE, "Words explained"),),
        kind="Evidence ledger",
        description="Every evaluation this unit has made, with its finding, margin of error and checks.",
        groups=[group for group in groups if group["entries"]],
        said=_tally(real),
        script=pages.safe(pages.script()),
    )
    audit.refuse(page, where="site, index", script=pages.script())
    return page


def words_page(publisher: str) -> str:
    """The page that explains the terms of every report in plain words."""
    page = pages.fill(
        "words.html",
        title="Words explained",
        publisher=publisher,
        kind="Evidence ledger",
        description="What the words in our reports mean, in plain English.",
        links=((INDEX, "All studies"),),
        entries=glossary.entries(),
        methods=tuple(glossary.methods().items()),
    )
    audit.refuse(page, where="site, words")
    return page


def _publisher(studies: Sequence[StudyPages]) -> str:
    return studies[0].study.publisher if studies else "Policing Impact Unit"


def _entry(item: StudyPages) -> dict[str, Any]:
    study, result = item.study, item.result
    base: dict[str, Any] = {
        "slug": study.slug,
        "title": study.shown_title,
        "made_up": study.made_up,
        "page": f"{study.slug}/{REPORT}" if item.report is not None else "",
        "published": item.published,
        "offence": words.capital(study.asked.about),
        "method": words.capital(glossary.in_words(result.method)) if result else "",
        "downloads": [(_download(study, name), about.named(name)) for name in sorted(item.downloads)],
    }
    if result is None:
        blank = {"tone": "open", "word": "Not yet known", "symbol": "–", "caveats": (), "facts": []}
        return {**base, **blank, "sentence": words.sentence(item.why_none)}
    found = judge(result, study.asked)
    design = result.design
    facts = [
        ("Published", item.published or "day not given"),
        ("Method", base["method"]),
        ("Treated", f"{design.n_treated:,} of {design.n_units:,}"),
        ("Certainty", f"{found.certainty.level} {found.certainty.figure}"),
        ("Checks", explain.checks_said(result, study).split(": ")[-1].rstrip(".")),
    ]
    return {**base, **chip(found), "sentence": found.sentence, "caveats": found.caveats, "facts": facts}


def _tally(entries: Sequence[Mapping[str, Any]]) -> str:
    counted = Counter(str(entry["word"]) for entry in entries)
    total = len(entries)
    if not total:
        return "No study has been published yet."
    parts = [f"{n} “{word}”" for word, n in sorted(counted.items())]
    return f"{total} {'study' if total == 1 else 'studies'}: {words.listed(parts)}."


def _download(study: StudyWords, name: str) -> str:
    """Where a download stands; of made-up data its own name says so, wherever it is carried."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or not path.parts or name == REPORT:
        raise PublishError(
            f"{name!r} cannot be a download",
            where=f"studies/{study.slug}",
            remedy="Name it by its place inside the record, such as tables/effects.csv.",
        )
    named = path.with_name(f"made-up-data-{path.name}") if study.made_up else path
    return f"{study.slug}/{named}"


def _refuse_foreign(out: Path) -> None:
    if out.is_dir() and any(out.iterdir()) and not (out / MANIFEST).is_file():
        raise PublishError(
            "the folder holds files that are not a site of ours",
            where=out.name,
            remedy="Name a new or empty folder; nothing was written.",
        )
    if out.exists() and not out.is_dir():
        raise PublishError("this is a file, not a folder", where=out.name, remedy="Name a folder.")


def _swap(part: Path, out: Path) -> None:
    old = out.with_name(f".{out.name}.old")
    if old.exists():
        shutil.rmtree(old)
    if out.exists():
        out.rename(old)
    try:
        part.rename(out)
    except OSError:
        if old.exists():
            old.rename(out)
        raise
    shutil.rmtree(old, ignore_errors=True)
