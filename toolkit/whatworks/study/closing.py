"""How a result leaves its notebook: one output of a type of our own, and words for whoever looks at it."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any, Protocol

from whatworks import result_json
from whatworks.panel import Panel
from whatworks.results import CheckResult, Result
from whatworks.shown import Card, Part, Shown, page
from whatworks.study.added import added_up
from whatworks.trial import Trial

MIME = "application/vnd.whatworks.result+json"


@dataclass(frozen=True, slots=True, eq=False)
class Conclusion:
    """A finished result as a notebook shows it; `study.record` lifts it from there."""

    result: Result
    files: tuple[tuple[str, str], ...]

    def __repr__(self) -> str:
        return f"Conclusion({self.result.method}: {self.result.headline.estimand})"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        data = {
            # through text once, so that what travels is what the record stores
            MIME: json.loads(result_json.dumps(self.result)),
            "text/html": page(self.result.parts()),
            "text/plain": repr(self),
        }
        return data, {MIME: {"files": [{"name": name, "sha256": sha256} for name, sha256 in self.files]}}


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
) -> Conclusion:
    """Close a study: attach its checks and what happened to its data, and hand the result over.

    `read` is all that the study read: its source and, of a trial, how chance assigned (`study.drawn`).
    With `counts`, the panel or trial with the outcome as counts, the headline (a change per `per` of the
    exposure) is added up over the treated places as `study.added.added_up` says.

    Displaying the conclusion puts the result into the notebook as one output of MIME type
    `application/vnd.whatworks.result+json`. A notebook that is to be recorded displays exactly one.
    """
    said = dict.fromkeys(note for one in read for note in one.notes)
    whole = result.with_checks(*checks).with_notes(*(note for note in said if note not in result.notes))
    if counts is not None:
        whole = replace(whole, added=added_up(whole, counts, per=per))
    return Conclusion(whole, tuple(dict.fromkeys(file for one in read for file in one.files)))


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
    from whatworks.study import places, spec

    workspace = places.find()
    folder = workspace.path(study)
    words = spec.load_study(folder, name=workspace.relative(folder))
    return About(words.title, words.question, words.intervention, words.theory_of_change)
