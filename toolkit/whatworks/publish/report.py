"""The report of a study: one self-contained page, result first, the code folded away."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Any

from whatworks import present
from whatworks.errors import PublishError
from whatworks.present import tables
from whatworks.publish import about, audit, cells, checklist, clean, explain, glossary, origin, pages, summary
from whatworks.publish.about import Place
from whatworks.publish.chip import chip
from whatworks.publish.words import StudyWords
from whatworks.results import RATE_RATIO, CheckResult, NotAvailable, Result
from whatworks.shown import table, words
from whatworks.verdict import Verdict, judge, secondary

if TYPE_CHECKING:
    from whatworks.study.spec import StudySpec

_STRESSED = ("honest", "bacon", "comparison")
"""Figures, by the first word of their name, that put the answer to the test instead of showing it."""

_WORDS_HERE = "<!-- words -->"
"""Where the terms that a page uses are listed, once they are known."""

_SECTIONS = (
    ("asked", "What was asked"),
    ("sure", "How sure we are"),
    ("happened", "What happened"),
    ("rests", "What the answer rests on"),
    ("checks", "Checks on this result"),
    ("secondary", "Secondary outcomes"),
    ("limits", "Limits and notes"),
    ("about", "About this report"),
    ("design", "Design of the study"),
    ("words", "Words used in this report"),
    ("method", "The method in full"),
    ("provenance", "Where these numbers come from"),
    ("reporting", "Reporting checklist"),
)


def render(
    notebook: Mapping[str, Any],
    result: Result,
    study: StudyWords | StudySpec,
    provenance: Mapping[str, Any],
    *,
    place: Place | None = None,
) -> str:
    """The report as one HTML page, the same bytes for the same input.

    Args:
        notebook: the recorded notebook, as plain JSON values or as nbformat gives it.
        result: what the study found.
        study: the study's words, or a parsed `study.yaml` (its folder's name then comes from `provenance`).
        provenance: hashes, versions and seeds, as `provenance.json` holds them.
        place: where the report stands on a site, with links to it; None for the report of a record.

    Raises:
        PublishError: for a failed cell, a script, a figure without words or data, a table without caption or
            headers, an output that no presenter of ours made, a reference to the network.
    """
    if not isinstance(study, StudyWords):
        study = StudyWords.from_spec(str(provenance["study"]["slug"]), study)
    page = pages.fill(
        "report.html",
        title=study.shown_title,
        publisher=study.publisher,
        kind="Evaluation report",
        study=study,
        place=place,
        links=_links(place),
        address=place.address if place else "",
        **_about(study, place),
        **_finding(result, study),
        **_evidence(notebook, result, study),
        reporting=_reporting(result, study, provenance),
        **_explained(result, study),
        origin=pages.safe(origin.main_table(provenance).html()),
        origin_folded=[(item.caption, pages.safe(item.html())) for item in origin.long_tables(provenance)],
    )
    page = _explained_words(page)
    summary.refuse_long(page, where=f"studies/{study.slug}, report")
    audit.refuse(page, where=f"studies/{study.slug}, report")
    return page


def _explained_words(page: str) -> str:
    """The page with terms before the method linked to their entries, which stand before it as well."""
    head, main, rest = page.partition('<main id="main">')
    before, words_here, method = rest.partition(_WORDS_HERE)
    before, used = glossary.linked(before)
    listed = "".join(
        f'<dt id="{entry.anchor}">{escape(entry.term)}</dt><dd>{escape(entry.plain)}</dd>\n' for entry in used
    )
    return f"{head}{main}{before}{listed}{method}" if words_here else page


def _links(place: Place | None) -> list[tuple[str, str]]:
    return [(about.LEDGER, "All studies"), (about.GLOSSARY, "Words explained")] if place else []


def _about(study: StudyWords, place: Place | None) -> dict[str, Any]:
    known, missing = about.facts(study, place)
    return {"about": known, "not_given": missing}


def _finding(result: Result, study: StudyWords) -> dict[str, Any]:
    found = judge(result, study.asked)
    big = _big(result, found)
    return {
        "description": found.sentence,
        "verdict": found,
        "chip": chip(found),
        "big": big,
        "summary": summary.facts(result, study, found),
    }


def _evidence(notebook: Mapping[str, Any], result: Result, study: StudyWords) -> dict[str, Any]:
    listed = tables.checks_table(result), tables.secondary_table(result)
    above = {
        made: section for made, section in zip(listed, ("checks", "secondary"), strict=True) if made.rows
    }
    method = cells.read(notebook, where=f"studies/{study.slug}", above=above)
    status = judge(result, study.asked).status
    drawn = [_figure(one.within(status), i, study) for i, one in enumerate(method.figures, start=1)]
    tested = [item for item in drawn if item["name"] in _STRESSED]
    drawn = [item for item in drawn if item["name"] not in _STRESSED]
    said = explain.rests(result)
    shown = {
        "happened": bool(drawn),
        "rests": bool(tested or said),
        "secondary": bool(result.secondary),
        "reporting": checklist.is_trial(result),
    }
    return {
        "contents": [(name, text) for name, text in _SECTIONS if shown.get(name, True)],
        "figures": drawn,
        "tested": tested,
        "rests": said,
        "blocks": [pages.safe(block) for block in method.blocks],
    }


def _explained(result: Result, study: StudyWords) -> dict[str, Any]:
    return {
        "asked": explain.asked(study),
        "sure": explain.sure(result, unit=study.unit),
        "checks_said": explain.checks_said(result, study),
        "checks": _checks(result, study),
        "secondary_said": [secondary(item) for item in result.secondary],
        "secondary": pages.safe(tables.secondary_table(result).html()) if result.secondary else "",
        "limits": explain.limits(result, study),
        "design": pages.safe(tables.design_table(result).html()),
        "effects": pages.safe(tables.effects_table(result, subject=study.subject).html()),
    }


def _reporting(result: Result, study: StudyWords, provenance: Mapping[str, Any]) -> Any:
    if checklist.is_trial(result):
        return pages.safe(checklist.filled(result, study, provenance).html())
    checklist.refuse_answers(study)
    return ""


def _figure(figure: present.Figure, number: int, study: StudyWords) -> dict[str, Any]:
    where = f"studies/{study.slug}, figure {figure.name}"
    if not figure.caption.strip():
        raise PublishError("the figure has no caption", where=where, remedy="Say in a line what it shows.")
    clean.refuse_drawing(figure.svg, where=where)
    html = pages.safe(figure.html(label=f"Figure {number}"))
    return {"number": number, "name": figure.name.partition("_")[0], "html": html}


def _big(result: Result, verdict: Verdict) -> dict[str, str] | None:
    """The number in large type; none for an open question or a very uncertain answer."""
    found = verdict.measured
    if isinstance(found, NotAvailable) or not verdict.in_large:
        return None
    sign = "%" if found.percent else ""
    value = words.signed(found.value, found.decimals) + sign
    unit = _ratio(result) if found.percent else words.capital(found.unit)
    if isinstance(found.low, NotAvailable) or isinstance(found.high, NotAvailable):
        return {"value": value, "interval": "No margin of error", "unit": unit}
    ends = " to ".join(words.signed(end, found.decimals) + sign for end in (found.low, found.high))
    return {"value": value, "interval": f"{words.level(found.level)} interval: {ends}", "unit": unit}


def _ratio(result: Result) -> str:
    """The headline as a rate ratio beside its percents; nothing on any other scale."""
    found = result.headline
    known = [n for n in (found.value, found.low, found.high) if not isinstance(n, NotAvailable)]
    if found.scale != RATE_RATIO or len(known) < 3:
        return ""
    value, low, high = (words.fixed(number, 2) for number in known)
    return f"Rate ratio {value}, from {low} to {high}; 1 is no change"


def _checks(result: Result, study: StudyWords) -> list[dict[str, Any]]:
    listed = tables.checks_table(result, owed=study.checks_owed)
    evidence = {tables.check_name(check.name): check for check in result.checks}
    found = []
    for row in listed.rows:
        check = evidence.get(row[0])
        found.append(
            {
                "name": row[0],
                "verdict": row[1],
                "kind": check.verdict if check else "fail",
                "reason": row[2],
                "change": row[3] if len(row) > 3 else "",
                "evidence": pages.safe(_check_table(check).html()) if check and len(check.table) else "",
            }
        )
    return found


def _check_table(check: CheckResult) -> table.Table:
    caption = f"Evidence for the check: {check.name}"
    return table.from_frame(check.table, name="evidence", caption=caption, each="finding")
