"""The words of a study, as a report and the ledger need them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from whatworks.present.sentence import WORTHWHILE, Better

if TYPE_CHECKING:
    from whatworks.study.spec import StudySpec


@dataclass(frozen=True, slots=True)
class StudyWords:
    """What a reader is told about a study besides its numbers.

    Attributes:
        slug: the study's folder name.
        title, question, intervention: as the study states them.
        subject: the outcome as it stands in a sentence (`robbery`).
        theory_of_change: how the intervention was meant to work.
        primary_outcome, estimand, hypothesis: the protocol's words.
        checks_owed: names of the checks the protocol promised.
        people: who answers for the study, one text each.
        limits: limits that the study itself states, a sentence each.
        better: whether a lower or a higher outcome is the better one.
        unit: the unit of the outcome in words, where changes are told in it and not in percent.
        worthwhile: percent; a null that could have missed a change this large is inconclusive.
        publisher: who publishes.
    """

    slug: str
    title: str
    question: str
    intervention: str
    subject: str
    theory_of_change: str = ""
    primary_outcome: str = ""
    estimand: str = ""
    hypothesis: str = ""
    checks_owed: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    better: Better = "lower"
    unit: str = ""
    worthwhile: float = WORTHWHILE
    publisher: str = "Policing Impact Unit"

    @classmethod
    def from_spec(cls, slug: str, spec: StudySpec) -> StudyWords:
        """The words of a parsed `study.yaml`; the subject is the primary outcome unless it names another."""
        protocol, report = spec.protocol, spec.report
        return cls(
            slug=slug,
            title=spec.title,
            question=spec.question,
            intervention=spec.intervention,
            subject=report.subject or _inside_a_sentence(protocol.primary_outcome),
            theory_of_change=spec.theory_of_change,
            primary_outcome=protocol.primary_outcome,
            estimand=protocol.estimand,
            hypothesis=protocol.hypothesis,
            checks_owed=tuple(protocol.checks),
            people=tuple(f"{p.name}, {p.role}" if p.role else p.name for p in spec.people),
            limits=report.limits,
            better=report.better,
            unit=report.unit,
            worthwhile=report.worthwhile,
        )


def _inside_a_sentence(text: str) -> str:
    # "Robbery per head" begins small inside a sentence, "ASB incidents" does not
    return text[:1].lower() + text[1:] if text[1:2].islower() else text
