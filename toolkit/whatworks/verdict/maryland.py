"""The design's place on the Maryland scale: the most it can have, what it is given here, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from whatworks.results import Result
from whatworks.verdict.gravity import NOT_DRAWN, Found

RANDOMISED: Final = 5
COMPARED: Final = 3
"""Measured before and after, beside a comparison that chance did not choose."""

_PLAIN: Final = {
    RANDOMISED: "Chance assigned.",
    COMPARED: "Measured before and after, beside areas that chance did not choose.",
}


@dataclass(frozen=True, slots=True)
class Maryland:
    """A level of the Maryland scientific methods scale, 1 to 5.

    Attributes:
        maximum: the level of the design where everything went as it should.
        awarded: the level that is given here.
        reason: why it is that one, a sentence.
    """

    maximum: int
    awarded: int
    reason: str


def maryland(result: Result, found: Sequence[Found]) -> Maryland:
    """The level of a design, one lower for what makes its two sides unlike.

    Chance assigned: 5; a comparison before and after: 3. One level is lost where a check failed or raised a
    grave concern, since either bears on whether the two sides would have gone the same way; a trial whose
    arms are not those that were drawn is no trial, and keeps 3.

    Source: Sherman et al. (1998), National Institute of Justice; Farrington et al. (2002), in Evidence-Based
    Crime Prevention. What Works centres score the design first and then how it was carried out.
    """
    drawn = result.method.startswith("rct.")
    maximum = RANDOMISED if drawn else COMPARED
    against = next((one for one in found if one.weight != "concern"), None)
    if against is None:
        return Maryland(maximum, maximum, _PLAIN[maximum])
    broken = drawn and against.weight == "failed" and against.clause == NOT_DRAWN
    awarded = COMPARED if broken else maximum - 1
    return Maryland(maximum, awarded, f"The design could have {maximum}, but {against.clause}.")
