"""Parts of pages that are made from the library and the records when the documentation is built.

So they cannot go stale: the register of breaks, the gallery of reports.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

from whatworks.data import breaks
from whatworks.publish import site
from whatworks.publish.words import StudyWords
from whatworks.study import record, spec
from whatworks.verdict import judge

ROOT = Path(__file__).parents[1]
GALLERY = "gallery"
ANSWERS = ("event-study", "synth-path", "effect-rows", "estimates")
"""Figures that show the answer, by what their file's name begins with; the first that a record has."""


def on_files(files: Files, *, config: Any) -> Files:
    """Add what `whatworks publish` would make of the studies on made-up data: the gallery leads to it."""
    for name, content in _site().items():
        files.append(File.generated(config, f"{GALLERY}/{name}", content=content))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put the made parts where a page asks for them."""
    for mark, made in {"[[register of breaks]]": _register, "[[gallery of reports]]": _gallery}.items():
        if mark in markdown:
            markdown = markdown.replace(mark, made())
    return markdown


def _register() -> str:
    rows = ["| months | kind | whose | offences | what | read in |", "|---|---|---|---|---|---|"]
    for item in breaks.register():
        cells = (item.span, item.kind, item.whose, item.affects, item.what, item.source)
        rows.append("| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |")
    return "\n".join(rows)


@cache
def _studies() -> tuple[tuple[site.StudyPages, str], ...]:
    """The studies on made-up data that have a record, each with its template, in the order of templates."""
    return tuple(sorted(_found(), key=lambda item: item[1]))


@cache
def _site() -> dict[str, bytes]:
    return site.contents([pages for pages, _ in _studies()])


def _found() -> Iterator[tuple[site.StudyPages, str]]:
    for folder in sorted((ROOT / "studies").iterdir()):
        said = spec.load_study(folder, name=f"studies/{folder.name}")
        # a record on data that are not in the repository is not the same everywhere
        if said.synthetic and (folder / "record").is_dir():
            kept = record.load(folder)
            words = StudyWords.from_spec(folder.name, said)
            files = {name: content for name, content in kept.files.items() if name != record.REPORT}
            report = kept.files[record.REPORT].decode("utf-8")
            yield site.StudyPages(words, kept.result, report, files), said.template


def _gallery() -> str:
    return "\n\n".join(_entry(pages, template) for pages, template in _studies())


def _entry(pages: site.StudyPages, template: str) -> str:
    study, result = pages.study, pages.result
    if result is None:
        raise PluginError(f"studies/{study.slug} has a record without a result")
    drawn = _answer(study.slug)
    found = re.search(r"<desc[^>]*>(.*?)</desc>", _site()[drawn].decode("utf-8"), re.DOTALL)
    return "\n\n".join(
        (
            f"## {study.title}",
            f"Made-up data, template `{template}`. *{escape(study.question, quote=False)}*",
            f"> {escape(judge(result, study.asked).sentence, quote=False)}",
            f"![{found[1] if found else ''}]({GALLERY}/{drawn})",
            f"[The whole report: {study.title}]({GALLERY}/{study.slug}/{site.REPORT})",
        )
    )


def _answer(slug: str) -> str:
    """The drawing that shows the answer of a study, by its place in the site."""
    drawn = [name for name in sorted(_site()) if name.startswith(f"{slug}/") and name.endswith(".svg")]
    for kind in ANSWERS:
        for name in drawn:
            if re.search(rf"(?:/|-){kind}-[^/]*$", name):
                return name
    raise PluginError(f"studies/{slug} has no figure of {', '.join(ANSWERS)}; it has {', '.join(drawn)}")
