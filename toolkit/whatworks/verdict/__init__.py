"""What may be said of a result: status, sentence, certainty and caveats, by rule."""

from __future__ import annotations

from whatworks.verdict.asked import Asked, Better
from whatworks.verdict.beside import beside, secondary
from whatworks.verdict.certainty import Certainty
from whatworks.verdict.decision import decision
from whatworks.verdict.judge import Verdict, judge
from whatworks.verdict.measure import Measure, measure, smallest_detectable
from whatworks.verdict.status import STATUSES, Status
from whatworks.verdict.title import CLAIMS, UNCLEAR, Claim, change_title, direction, side

__all__ = [
    "CLAIMS",
    "STATUSES",
    "UNCLEAR",
    "Asked",
    "Better",
    "Certainty",
    "Claim",
    "Measure",
    "Status",
    "Verdict",
    "beside",
    "change_title",
    "decision",
    "direction",
    "judge",
    "measure",
    "secondary",
    "side",
    "smallest_detectable",
]
