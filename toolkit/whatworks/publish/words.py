"""The words of a study, as a report and the ledger need them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from whatworks.shown import words
from whatworks.verdict import Asked, Better

if TYPE_CHECKING:
    from whatworks.study.said.facts import Contact, DataSource, Registration
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
        better: which way the outcome should move.
        worthwhile: the smallest change that matters, in percent or in `unit`.
        unit: the unit of the outcome in words, where changes are told in it and not in percent.
        made_up: whether the data are made up.
        contact: whom a reader asks.
        data_on, run_on: the days on which the data were drawn and the study was run, as given.
        sources: where the data came from.
        registration: where the protocol was registered.
        registered_before: whether that was before the data were drawn.
        deviations: changes since the protocol; none of them where empty, nothing declared where None.
        licence: of the report.
        reporting: answers to items of the checklist for trials, by key.
        publisher: who publishes.
    """

    slug: str
    title: str
    question: str
    intervention: str
    subject: str
    better: Better
    worthwhile: float
    theory_of_change: str = ""
    primary_outcome: str = ""
    estimand: str = ""
    hypothesis: str = ""
    checks_owed: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    unit: str = ""
    made_up: bool = False
    contact: Contact | None = None
    data_on: str = ""
    run_on: str = ""
    sources: tuple[DataSource, ...] = ()
    registration: Registration | None = None
    registered_before: bool = False
    deviations: tuple[str, ...] | None = None
    licence: str = ""
    reporting: Mapping[str, str] = field(default_factory=dict)
    publisher: str = "Policing Impact Unit"

    @classmethod
    def from_spec(cls, slug: str, spec: StudySpec) -> StudyWords:
        """The words of a parsed `study.yaml`; the subject is the primary outcome unless it names another."""
        from whatworks.study.closing import asked_by

        protocol, report, asked = spec.protocol, spec.report, asked_by(spec)
        return cls(
            slug=slug,
            title=spec.title,
            question=spec.question,
            intervention=spec.intervention,
            subject=asked.subject,
            theory_of_change=spec.theory_of_change,
            primary_outcome=protocol.primary_outcome,
            estimand=protocol.estimand,
            hypothesis=protocol.hypothesis,
            checks_owed=tuple(protocol.checks),
            people=tuple(f"{p.name}, {p.role}" if p.role else p.name for p in spec.people),
            limits=report.limits,
            better=asked.better,
            unit=asked.unit,
            worthwhile=asked.worthwhile,
            made_up=asked.made_up,
            registered_before=asked.registered,
            contact=spec.contact,
            data_on=spec.dates.data or "",
            run_on=spec.dates.run or "",
            sources=spec.sources,
            registration=spec.registration,
            deviations=spec.deviations,
            licence=spec.licence,
            reporting=spec.reporting,
        )

    @property
    def shown_title(self) -> str:
        """The title, which says where the data are made up."""
        return f"{self.title} (made-up data)" if self.made_up else self.title

    @property
    def registered(self) -> str:
        """Where and when the protocol was registered, and its address; nothing where that is not said."""
        if self.registration is None:
            return ""
        found = (self.registration.where, self.registration.on, self.registration.address)
        return ", ".join(part for part in found if part)

    @property
    def deviated(self) -> str:
        """The changes since the protocol, or that none was declared, or that there were none."""
        if self.deviations is None:
            return "None declared"
        if not self.deviations:
            return "None: the authors declare that they kept to the protocol"
        return " ".join(words.sentence(text) for text in self.deviations)

    @property
    def asked(self) -> Asked:
        """What a verdict on its result depends on."""
        return Asked(
            self.subject, self.better, self.worthwhile, self.unit, self.made_up, self.registered_before
        )
