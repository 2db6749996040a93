"""Words explained: every term of art before the method leads to its plain words, every method has some."""

from __future__ import annotations

import html
import importlib
import inspect
import re
from pathlib import Path

import pytest

from whatworks.publish import audit, glossary, report, site
from whatworks.study import record
from whatworks.study.spec import load_study

RECORDED = sorted(path.parent for path in (Path(__file__).parents[2] / "studies").glob("*/record"))
ASKED_FOR = (
    "wild cluster bootstrap", "null imposed", "sign vectors", "factor 12/11", "influence contributions",
    "covariance", "CR1", "HC2", "Satterthwaite", "RMSPE", "donor", "convex hull", "cohort",
    "two-way coefficient", "placebo", "Holm", "Lee's bounds", "d²", "rate ratio", "M = 1", "unit-period",
    "exposure time", "95% interval", "comparison area", "synthetic control", "pre-trends", "p-value", "ATT",
    "ITT",
)  # fmt: skip


def page_of(folder: Path) -> str:
    kept, said = record.load(folder), load_study(folder, name=folder.name)
    return report.render(kept.json(record.NOTEBOOK), kept.result, said, kept.provenance)


def before_the_method(page: str) -> str:
    """What a reader meets first, without the list of words itself, drawings and the authors' own words."""
    part = page[page.index('<main id="main">') : page.index('<h2 id="words">')]
    part = re.sub(
        r"<h1>.*?</h1>|<svg.*?</svg>|<nav.*?</nav>|<span class=\"own\">.*?</span>", " ", part, flags=re.DOTALL
    )
    return part


def plain(part: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]*>", "", part)).split())


def forms(entry: glossary.Entry) -> re.Pattern[str]:
    either = "|".join(re.escape(form) for form in sorted(entry.forms, key=len, reverse=True))
    return re.compile(rf"(?<![\w.-])(?:{either})(?![\w-])", 0 if entry.term == "M" else re.IGNORECASE)


def test_every_term_is_explained_once_in_plain_words() -> None:
    known = [form.casefold() for entry in glossary.entries() for form in entry.forms]
    assert len(known) == len(set(known))
    assert not [name for name in ASKED_FOR if name.casefold() not in known]
    anchors = [entry.anchor for entry in glossary.entries()]
    assert len(anchors) == len(set(anchors))
    assert all(
        len(entry.plain.split()) < 50 and entry.plain.endswith((".", "end.")) for entry in glossary.entries()
    )


def test_every_method_has_words() -> None:
    public = {
        f"{room}.{name}"
        for room in ("did", "synth", "rct")
        for name in importlib.import_module(f"whatworks.{room}").__all__
        if inspect.isfunction(getattr(importlib.import_module(f"whatworks.{room}"), name))
    }
    assert public == glossary.methods().keys()


@pytest.mark.parametrize("folder", RECORDED, ids=lambda path: path.name)
def test_no_term_before_the_method_is_left_unexplained(folder: Path) -> None:
    page = page_of(folder)
    part = before_the_method(page)
    listed = set(re.findall(r'<dt id="(word-[^"]+)">', page))
    linked = re.findall(r'<a class="term" href="#(word-[^"]+)">', page)
    assert len(linked) == len(set(linked)), "only the first use is linked"
    assert set(linked) <= listed
    free = re.sub(r"<(summary|pre|code|a href)\b.*?</(?:summary|pre|code|a)>", " ", part, flags=re.DOTALL)
    met = {entry.anchor for entry in glossary.entries() if forms(entry).search(plain(part))}
    assert met - listed <= {"word-m"}
    # a form inside a longer term is that term's
    missing = [
        entry.anchor for entry in glossary.entries()
        if entry.anchor in listed and entry.anchor not in linked and forms(entry).search(plain(free))
    ]  # fmt: skip
    assert missing == []


@pytest.mark.parametrize("folder", RECORDED, ids=lambda path: path.name)
def test_no_code_name_before_the_method_stands_without_words(folder: Path) -> None:
    part = plain(before_the_method(page_of(folder)))
    bare = [
        code for lead, code in re.findall(r"(.{0,60})\b((?:did|synth|rct)\.[a-z_]+)\b", part)
        if not lead.endswith(f"{glossary.methods().get(code, '?')} (")
    ]  # fmt: skip
    assert bare == []


def test_links_stand_at_the_first_use_and_nowhere_in_links_or_drawings() -> None:
    part, used = glossary.linked(
        "<p>A <b>placebo</b> and a placebo</p><summary>Donors</summary><svg><text>cohort</text></svg>"
        '<span class="own">where crimes cluster</span><p>did.placebo, M = 1, m</p>'
    )
    assert part.count('class="term"') == 2
    assert '<b><a class="term" href="#word-placebo">placebo</a></b> and a placebo' in part
    assert [entry.term for entry in used] == ["donor", "M", "placebo"]
    assert "<summary>Donors</summary>" in part
    assert glossary.linked("<p>by did.att_gt</p>")[0] == "<p>by effects by start and month (did.att_gt)</p>"


def test_the_page_of_words_is_fit_and_whole() -> None:
    page = site.words_page("A Unit")
    assert audit.faults(page) == []
    assert all(f'<dt id="{entry.anchor}">' in page for entry in glossary.entries())
    assert all(f"<code>{name}</code>" in page for name in glossary.methods())
