"""The summary of a report: at most 400 words, before anything technical."""

from __future__ import annotations

import html
import re
from typing import Final

from whatworks.errors import PublishError
from whatworks.publish import explain
from whatworks.publish.words import StudyWords
from whatworks.results import Added, Estimate, NotAvailable, Result
from whatworks.shown import words
from whatworks.verdict import Verdict, decision

MOST_WORDS: Final = 400
LONGEST_DEED: Final = 60
"""Words of what was done that the summary has room for; the whole stands under what was asked."""

_SUMMARY = re.compile(r'<section id="summary".*?</section>', re.DOTALL)
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z0-9])")


def facts(result: Result, study: StudyWords, verdict: Verdict) -> list[tuple[str, str]]:
    """What was done, how many that is, what it rests on, what it means and whom to ask, as name and text."""
    return [
        ("What was done", done(study)),
        ("How many that is", how_many(result, verdict)),
        ("What it rests on", rests(result, study)),
        ("What it means for a decision", decision(verdict)),
        ("Who to ask", asked(study)),
    ]


def done(study: StudyWords) -> str:
    """The first sentences of what was done, as many as there is room for."""
    kept: list[str] = []
    for sentence in _SENTENCE.split(words.sentence(study.intervention)):
        if kept and len(" ".join([*kept, sentence]).split()) > LONGEST_DEED:
            break
        kept.append(sentence)
    return " ".join(kept)


def how_many(result: Result, verdict: Verdict) -> str:
    """The change in counts over the treated places, with its interval; or why it cannot be told."""
    added = result.added
    if isinstance(added, NotAvailable):
        return f"Not told in numbers of crimes: {words.ended(added.reason)}"
    where = "in the one treated place" if added.places == 1 else f"in all {added.places:,} treated places"
    parts = []
    if isinstance(added.per_period, Estimate):
        begun = "" if _all_at_once(added) else ", once all have it"
        parts.append(f"{_counted(added.per_period, verdict)} a {added.period} {where}{begun}")
    over = f" over {added.periods:,} {added.period}s" if added.periods > 1 else ""
    parts.append(f"{_counted(added.in_all, verdict)}{over if parts else f' {where}{over}'}")
    unit = words.spoken(added.in_all.scale)
    said = (
        f"{words.capital(', and '.join(parts))} (counted: {unit}; {words.level(added.in_all.level)} interval)"
    )
    return " ".join(text for text in (words.sentence(said), added.assumes) if text)


def _all_at_once(added: Added) -> bool:
    """Whether the periods add up to the whole: they do not where some places began later."""
    once, whole = added.per_period, added.in_all.value
    if isinstance(once, NotAvailable) or isinstance(once.value, NotAvailable):
        return True
    if isinstance(whole, NotAvailable):
        return True
    return abs(whole - added.periods * once.value) <= 0.01 * abs(whole)


def rests(result: Result, study: StudyWords) -> str:
    """What the answer takes for granted, and how its checks came out."""
    drawn = result.method.startswith("rct.")
    base = (
        "Chance chose who got it, so the others show what would have happened without it."
        if drawn
        else "Chance did not choose where it was done. Places without it are taken to show what would have "
        "happened."
    )
    return f"{base} {explain.checks_said(result, study)}"


def asked(study: StudyWords) -> str:
    """Whom to ask: the contact, else who answers for the study."""
    if study.contact is None:
        return "; ".join(study.people) or "Nobody is named."
    return ", ".join(part for part in (study.contact.name, study.contact.email) if part)


def count(page: str) -> int:
    """Words of the summary of a page."""
    found = _SUMMARY.search(page)
    plain = re.sub(r"<[^>]*>", " ", found[0]) if found else ""
    return len(re.findall(r"\w[\w'’.,%-]*", html.unescape(plain)))


def refuse_long(page: str, *, where: str) -> None:
    """Raise `PublishError` for a summary of more than 400 words."""
    length = count(page)
    if length > MOST_WORDS:
        raise PublishError(
            f"the summary has {length} words, and {MOST_WORDS} is the most that is read",
            where=where,
            remedy="Say what was done in shorter sentences, the most important first (`intervention`).",
        )


def _counted(one: Estimate, verdict: Verdict) -> str:
    if isinstance(one.value, NotAvailable):
        return "an unknown number"
    value = _more(one.value)
    if isinstance(one.low, NotAvailable) or isinstance(one.high, NotAvailable):
        return f"about {value}, without a margin of error"
    low, high = one.low, one.high
    if low > 0 or high < 0:
        ends = sorted((low, high), key=abs)
        span = f"{_whole(ends[0])} to {_more(ends[1])}"
    else:
        span = f"{_more(low)} to {_more(high)}"
    # an open question has no middle that one could plan with
    return f"about {value} ({span})" if verdict.answered else f"from {span}"


def _more(value: float) -> str:
    return f"{_whole(value)} {'fewer' if value < 0 else 'more'}"


def _whole(value: float) -> str:
    """A number of crimes without sign: three digits that count, and no tenths from ten on."""
    size = abs(value)
    return words.number(size, 2) if size < 10 else words.fixed(float(f"{size:.3g}"), 0)
