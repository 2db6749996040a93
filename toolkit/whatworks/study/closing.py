"""How a result leaves its notebook: one output of a type of our own, and words for whoever looks at it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from whatworks import result_json
from whatworks.errors import OptionError, RecordError
from whatworks.panel import Panel
from whatworks.results import CheckResult, Result
from whatworks.shown import Card, Note, Part, Shown, page
from whatworks.study.added import added_up
from whatworks.trial import Trial
from whatworks.verdict import Asked, Verdict, judge

if TYPE_CHECKING:
    from whatworks.study.spec import StudySpec

MIME = "application/vnd.whatworks.result+json"


@dataclass(frozen=True, slots=True, eq=False)
class Conclusion:
    """A finished result as a notebook shows it, with what may be said of it; `study.record` lifts it.

    Attributes:
        result: the result with its checks.
        files: the data files read, as (name, sha256).
        asked: what the study asked; None where no study did, and then nothing is said of the result.
    """

    result: Result
    files: tuple[tuple[str, str], ...]
    asked: Asked | None = None

    def __repr__(self) -> str:
        return f"Conclusion({self.result.method}: {self.result.headline.estimand})"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        data = {
            # through text once, so that what travels is what the record stores
            MIME: json.loads(result_json.dumps(self.result)),
            "text/html": page((*self._said(), *self.result.parts())),
            "text/plain": repr(self),
        }
        about = {"files": [{"name": name, "sha256": sha256} for name, sha256 in self.files]}
        return data, {MIME: about | ({} if self.asked is None else {"asked": asdict(self.asked)})}

    def _said(self) -> tuple[Part, ...]:
        if self.asked is None:
            return (Note((_NOT_ASKED,)),)
        return (said(judge(self.result, self.asked)),)


_NOT_ASKED = (
    "What may be said of this result depends on which way is better and on the least change worth acting on. "
    "A study states both in its study.yaml (report: better, worthwhile); here no study did."
)


def said(found: Verdict) -> Card:
    """A verdict as a card."""
    design = f"{found.design.awarded} of {found.design.maximum} on the Maryland scale. {found.design.reason}"
    rows = [
        ("Verdict", f"{found.symbol} {found.word}{' (made-up data)' if found.made_up else ''}"),
        ("In a sentence", found.sentence),
        ("Certainty", f"{found.certainty.level} {found.certainty.figure}"),
        *(("Because", reason) for reason in found.certainty.reasons),
        ("Design", design),
        *(("Against it", caveat) for caveat in found.caveats),
        ("Would change if", found.would_change_if),
    ]
    return Card("What may be said", tuple((name, text) for name, text in rows if text))


def asked_by(words: StudySpec) -> Asked:
    """What a verdict depends on, as a `study.yaml` states it."""
    report = words.report
    subject = report.subject or _inside_a_sentence(words.protocol.primary_outcome)
    return Asked(
        subject, report.better, report.worthwhile, report.unit, words.synthetic, _registered_before(words)
    )


def _registered_before(words: StudySpec) -> bool:
    """Whether a day of registration is given and the data, where they have one, were drawn after it."""
    on = words.registration.on if words.registration is not None else None
    return on is not None and (words.dates.data is None or on < words.dates.data)


def asked_in(about: Mapping[str, Any]) -> Asked | None:
    """What was asked, as a conclusion wrote it beside its result; raises `RecordError` for anything else."""
    found = about.get("asked")
    if found is None:
        return None
    try:
        return Asked(**found)
    except (TypeError, OptionError) as problem:
        raise RecordError(
            f"not what a study asks: {problem}", where="the result of the notebook"
        ) from problem


def _inside_a_sentence(text: str) -> str:
    # "Robbery per head" begins small inside a sentence, "ASB incidents" does not
    return text[:1].lower() + text[1:] if text[1:2].islower() else text


class Read(Protocol):
    """What a study read: files by name with their SHA-256, and what a reader must know about them."""

    @property
    def files(self) -> tuple[tuple[str, str], ...]:
        """Every file read, as (name in the study's own words, sha256)."""

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences for the notes of the result."""


def conclude(
    result: Result,
    *read: Read,
    counts: Panel | Trial | None = None,
    per: float = 1.0,
    checks: tuple[CheckResult, ...] = (),
    study: str = "",
) -> Conclusion:
    """Close a study: attach its checks and what happened to its data, and hand the result over.

    `read` is all that the study read: its source and, of a trial, how chance assigned (`study.drawn`).
    With `counts`, the panel or trial with the outcome as counts, the headline (a change per `per` of the
    exposure) is added up over the treated places as `study.added.added_up` says.
    `study` is its folder in the workspace, whose study.yaml says what was asked: the verdict of the report
    and the ledger is shown by it. Without one no verdict is given.

    Displaying the conclusion puts the result into the notebook as one output of MIME type
    `application/vnd.whatworks.result+json`. A notebook that is to be recorded displays exactly one.
    """
    said = dict.fromkeys(note for one in read for note in one.notes)
    whole = result.with_checks(*checks).with_notes(*(note for note in said if note not in result.notes))
    if counts is not None:
        whole = replace(whole, added=added_up(whole, counts, per=per))
    files = tuple(dict.fromkeys(file for one in read for file in one.files))
    return Conclusion(whole, files, asked_by(_words(study)) if study else None)


@dataclass(frozen=True, slots=True, repr=False)
class About(Shown):
    """What a study asks, in the words of its `study.yaml`."""

    title: str
    question: str
    intervention: str
    theory_of_change: str

    def parts(self) -> tuple[Part, ...]:
        """The words, as a card."""
        rows = (
            ("Study", self.title),
            ("Question", self.question),
            ("Intervention", self.intervention),
            ("Why it should work", self.theory_of_change),
        )
        return (Card("What was asked", tuple((name, text) for name, text in rows if text.strip())),)


_EXAMPLE = About(
    title="A worked example on synthetic data",
    question="Did the invented intervention change recorded crime, by how much, and how sure are we?",
    intervention="An invented intervention in some areas of a synthetic London, whose true effect is known.",
    theory_of_change="",
)


def about(study: str) -> About:
    """The words of a study, given its folder inside the workspace; without one, those of the worked example.

    Raises `StudyError` for a folder outside the workspace or a study.yaml that is not well formed.
    """
    if not study:
        return _EXAMPLE
    words = _words(study)
    return About(words.title, words.question, words.intervention, words.theory_of_change)


def _words(study: str) -> StudySpec:
    from whatworks.study import places, spec

    workspace = places.find()
    folder = workspace.path(study)
    return spec.load_study(folder, name=workspace.relative(folder))
