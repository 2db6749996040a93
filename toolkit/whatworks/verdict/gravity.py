"""How much a check weighs on an answer, and what it found in half a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from whatworks.checks.few_clusters import NAME as FEW
from whatworks.checks.placebo_in_time import NAME as PLACEBO
from whatworks.checks.pretrends import NAME as PRETRENDS
from whatworks.checks.synth.fit import FIT
from whatworks.checks.together import NAME as TOGETHER
from whatworks.results import CheckResult
from whatworks.shown import words

Weight = Literal["failed", "refusing", "grave", "concern"]

_ORDER: Final[tuple[Weight, ...]] = ("failed", "refusing", "grave", "concern")

NOT_DRAWN: Final = "the arms are not those that chance drew"

REFUSING: Final = {
    "pretrends": "treated and comparison areas were already moving apart before the start",
    "placebointime": "a change shows there before anything had begun",
    "regressiontothemean": "places at a peak come down from it by themselves",
    "fitbeforethestart": "the comparison did not follow the treated area before the start",
    "placeboinspace": "untreated areas often show as large a change",
    "convexhull": "it lies outside what the comparison areas can match",
}
"""Checks whose concern refuses to put a change down to the intervention."""

GRAVE: Final = {"attrition": "so much was lost, or so unevenly, that the losses may explain it"}
"""Checks whose concern leaves an answer, and stands in its first sentence."""

AHEAD: Final = (PRETRENDS, PLACEBO, FIT)
"""Checks that look at whether both sides moved alike before the start."""

ALSO: Final = {
    "seriesbreaksandshocks": "the way crime is counted, or what drives it, changed in these months",
    "enoughclusters": "too few areas were treated to tell a change from chance",
    "spilloverring": "the neighbouring areas changed as well",
    "honestbounds": "a small departure from parallel trends would explain it",
    "alternativecomparisongroup": "other comparison areas give another answer",
    "alternativewindows": "other months give another answer",
    "influentialperiods": "single months carry the answer",
    "dropanticipation": "the months just before the start carry the answer",
    "leaveoneunitout": "a single area carries the answer",
    "leaveoneclusterout": "a single group of areas carries the answer",
    "leaveonecohortout": "a single start date carries the answer",
    "leaveoneblockout": "a single block carries the answer",
    "leaveonedonorout": "a single comparison area carries the answer",
    "shortertimebefore": "how far back one looks changes the answer",
    "donorsleftalone": "what was done may have reached the comparison areas, too",
    "balancebeforethestart": "the arms differed before the start",
    "carryover": "a period still shows what the period before brought",
    "effectoverexposure": "the effect changes with the time since it began",
    "enoughassigned": "too few were assigned to tell a change from chance",
    "takeup": "what the arms did differed less than chance had assigned",
    "allocationrecord": "chance had too few ways to assign to tell a change from it",
    "interpolation": "the comparison is mixed from areas that are unlike the treated one",
    "lengthofthetimebefore": "the time before the start was short",
    "weightconcentration": "one comparison area carries most of the comparison",
}


_FAILED: Final = {"allocationrecord": NOT_DRAWN}
"""What a check found that failed, where that is another thing than what raises a concern."""


@dataclass(frozen=True, slots=True)
class Found:
    """A check that speaks against an answer: its name, how much it weighs, and what it found in words."""

    name: str
    weight: Weight
    clause: str
    reason: str
    would_change_if: str


def against(checks: Sequence[CheckResult]) -> tuple[Found, ...]:
    """The checks that speak against an answer, the gravest first.

    A fail always weighs `failed`. A concern is `refusing` or `grave` where the check is one of `REFUSING` or
    `GRAVE`, else a `concern`.
    The count of all checks together is no check of its own, and few clusters that the inference allows for
    (a concern, not a fail) are counted by the certainty itself; both are left out.
    """
    found = [
        Found(check.name, _weight(check), clause(check), check.reason, check.would_change_if)
        for check in checks
        if check.verdict == "fail" or (check.verdict == "concern" and check.name not in (TOGETHER, FEW))
    ]
    return tuple(sorted(found, key=lambda one: _ORDER.index(one.weight)))


def clause(check: CheckResult) -> str:
    """What a check that raised a concern found, in half a sentence that follows "but"."""
    failed = _FAILED if check.verdict == "fail" else {}
    known = {**ALSO, **GRAVE, **REFUSING, **failed}.get(key(check.name))
    return known or f"the check \u201c{words.capital(words.spoken(check.name))}\u201d {_VERBS[check.verdict]}"


_VERBS: Final = {"fail": "failed", "concern": "raised a concern"}


def _weight(check: CheckResult) -> Weight:
    if check.verdict == "fail":
        return "failed"
    if key(check.name) in REFUSING:
        return "refusing"
    return "grave" if key(check.name) in GRAVE else "concern"


def key(name: str) -> str:
    """The name of a check without spaces, signs and capitals."""
    return "".join(letter for letter in name.lower() if letter.isalnum())
