"""One function, one object: what may be said of a result."""

from __future__ import annotations

from dataclasses import dataclass

from whatworks.results import NotAvailable, Result
from whatworks.shown import words
from whatworks.verdict.asked import Asked
from whatworks.verdict.certainty import Certainty, certainty_of
from whatworks.verdict.gravity import Found, against
from whatworks.verdict.maryland import Maryland, maryland
from whatworks.verdict.measure import Measure, measure, smallest_detectable
from whatworks.verdict.sentences import sentence
from whatworks.verdict.status import STATUSES, Status, good, status_of

MOST_CAVEATS = 3
LONGEST_CAVEAT = 160
"""A longer sentence is cut at its first colon; the whole of it stands beside the check."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What may be said of a result, and nothing beyond it.

    Attributes:
        status: one of five, see `status_of`.
        sentence: the finding in plain words.
        certainty: how certain, with reasons.
        caveats: the gravest two or three things that speak against it, a sentence each.
        would_change_if: what would turn the verdict, a sentence.
        good: whether the change is for the better; None where it is neither or there is none.
        design: its level on the Maryland scale.
        measured: the numbers spoken of, or why there are none.
        made_up: whether the data are made up.
    """

    status: Status
    sentence: str
    certainty: Certainty
    caveats: tuple[str, ...]
    would_change_if: str
    good: bool | None
    design: Maryland
    measured: Measure | NotAvailable
    made_up: bool

    def to_dict(self) -> dict[str, object]:
        """As JSON has it; the numbers stand beside it in the result."""
        return {
            "status": self.status,
            "word": self.word,
            "sentence": self.sentence,
            "certainty": {"level": self.certainty.level, "reasons": list(self.certainty.reasons)},
            "caveats": list(self.caveats),
            "would_change_if": self.would_change_if,
            "for_the_better": self.good,
            "maryland": {
                "maximum": self.design.maximum,
                "awarded": self.design.awarded,
                "reason": self.design.reason,
            },
            "made_up": self.made_up,
        }

    @property
    def word(self) -> str:
        """The status in a word or two."""
        return STATUSES[self.status][1]

    @property
    def symbol(self) -> str:
        """The sign beside the word."""
        return STATUSES[self.status][0]

    @property
    def answered(self) -> bool:
        """Whether the question has an answer, however certain."""
        return self.status in ("fell", "rose", "no_change_that_matters")

    @property
    def in_large(self) -> bool:
        """Whether a number may stand in large type: not for an open question, nor at very low certainty."""
        return self.answered and self.certainty.level != "very low"


def judge(result: Result, asked: Asked) -> Verdict:
    """What may be said of a result with its checks, given what the study asked.

    A pure function of both: the report, the ledger and the notebook show what it says and add nothing.
    """
    found = measure(result.headline, result.relative, unit=asked.unit)
    weighing = against(result.checks)
    failed, refused = (any(one.weight == weight for one in weighing) for weight in ("failed", "refusing"))
    status = status_of(found, asked, failed=failed, refused=refused)
    certainty = certainty_of(result, status, weighing, registered=asked.registered)
    return Verdict(
        status,
        sentence(result, found, asked, status, weighing, certainty),
        certainty,
        tuple(_caveat(one) for one in weighing[:MOST_CAVEATS]),
        _turned_by(result, found, asked, status, weighing),
        good(status, asked.better),
        maryland(result, weighing),
        found,
        asked.made_up,
    )


def _caveat(one: Found) -> str:
    name = words.capital(words.spoken(one.name))
    verb = "failed" if one.weight == "failed" else "raised a concern"
    first = one.reason.partition(". ")[0]
    if len(first) > LONGEST_CAVEAT:
        first = first.partition(": ")[0]
    return f"The check \u201c{name}\u201d {verb}: {words.sentence(first)}"


def _turned_by(
    result: Result, found: Measure | NotAvailable, asked: Asked, status: Status, weighing: tuple[Found, ...]
) -> str:
    turning = next((one for one in weighing if one.would_change_if), None)
    if turning is not None:
        name = words.capital(words.spoken(turning.name))
        return words.sentence(
            f"\u201c{name}\u201d would no longer speak against it if {turning.would_change_if}"
        )
    if status == "inconclusive" and not isinstance(found, NotAvailable) and found.percent == (not asked.unit):
        least = smallest_detectable(result, unit="" if found.percent else found.unit)
        if not isinstance(least, NotAvailable):
            wanted = found.size(asked.worthwhile)
            return f"A study that can find {wanted} where this one finds {least} would answer it."
    return ""
