"""What a verdict means for somebody who must decide, in a sentence or two."""

from __future__ import annotations

from typing import Final

from whatworks.verdict.judge import Verdict

_GOOD: Final = (
    "It is a reason to go on with it, or to try it in places like these, if that is worth what it costs. "
    "This page knows no costs."
)
_BAD: Final = "It is a reason to stop it or to change it, unless it does good elsewhere."
_NEITHER: Final = "Whether that is good or bad is for those who decide to say."
_NONE: Final = "Do not go on with it for this reason alone: a change large enough to matter is ruled out."
_UNANSWERED: Final = "Do not decide by this number. The question is open."
_OPEN: Final = "It gives no reason to go on and none to stop. More places, more time or a trial could tell."
_UNSUPPORTED: Final = (
    "On its own it is no reason to go on and none to stop: something moved, and what moved it is not known. "
    "A trial, or a comparison that can be checked, could tell."
)
_LOW: Final = " The certainty is low: look for other evidence first."


def decision(found: Verdict) -> str:
    """What follows for a decision, by the status of the finding and its certainty alone.

    A change of very low certainty gives no reason for anything.
    """
    said = _by_status(found)
    if found.answered and found.certainty.level in ("low", "very low") and said != _UNSUPPORTED:
        said += _LOW
    if found.made_up:
        return f"Nothing, since the data are made up. Were they real: {said[0].lower()}{said[1:]}"
    return said


def _by_status(found: Verdict) -> str:
    if found.status in ("fell", "rose"):
        if found.certainty.level == "very low":
            return _UNSUPPORTED
        return {True: _GOOD, False: _BAD, None: _NEITHER}[found.good]
    return {"no_change_that_matters": _NONE, "not_answered": _UNANSWERED}.get(found.status, _OPEN)
