"""How certain an answer is, in a word and a figure, lowered by named reasons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from whatworks.results import Result
from whatworks.shown import words
from whatworks.verdict.gravity import AHEAD, Found
from whatworks.verdict.status import Status

Level = Literal["very low", "low", "moderate", "high"]
LEVELS: Final[tuple[Level, ...]] = ("very low", "low", "moderate", "high")

UNSUPPORTED: Final = "no check could show that treated and comparison areas moved alike before the start"

FEW: Final = 12
"""With fewer independent groups than this the margin of error is itself a rough guide."""


@dataclass(frozen=True, slots=True)
class Certainty:
    """A level, and why it is not higher, a sentence each; `mainly` is the weightiest in half a sentence."""

    level: Level
    reasons: tuple[str, ...]
    mainly: str = ""

    @property
    def figure(self) -> str:
        """The level as four signs: `●●●○`."""
        filled = LEVELS.index(self.level) + 1
        return "\u25cf" * filled + "\u25cb" * (len(LEVELS) - filled)


def certainty_of(result: Result, status: Status, found: Sequence[Found], *, registered: bool) -> Certainty:
    """The certainty of an answer.

    Chance assigned: it begins at *high* (Maryland level 5); otherwise at *moderate* (level 3 or 4: compared
    before and after with areas that chance did not choose). One step down for each: a grave concern; other
    concerns, however many; fewer than 12 independent groups; an interval that leaves the answer open; no
    check at all; a change claimed without a trial, where no check of the time before the start passed and
    none spoke against it, so that nothing supports it. *High* stays only where the protocol was registered
    before the data were drawn. A check that failed, or no interval at all, leaves
    *very low*.
    """
    drawn = result.method.startswith("rct.")
    top = LEVELS.index("high" if drawn else "moderate")
    reasons = [] if drawn else ["Chance did not choose where it was done."]
    steps, mainly = 0, ""
    for one in found:
        if one.weight != "concern":
            steps += len(LEVELS) if one.weight == "failed" else 1
            reasons.append(f"{one.clause[0].upper()}{one.clause[1:]}.")
    lesser = [one for one in found if one.weight == "concern"]
    if lesser:
        steps, mainly = steps + 1, lesser[0].clause
        reasons.append(f"{lesser[0].clause[0].upper()}{lesser[0].clause[1:]}{_more(len(lesser) - 1)}.")
    if result.design.n_clusters < FEW:
        steps, mainly = steps + 1, f"only {result.design.n_clusters} independent groups were compared"
        reasons.append(f"{words.capital(mainly)}.")
    if not result.checks:
        steps, mainly = steps + 1, "no check was made of it"
        reasons.append("No check was made of it.")
    elif status in ("fell", "rose") and not drawn and not _moved_alike(result, found):
        steps, mainly = steps + 1, UNSUPPORTED
        reasons.append(f"{words.capital(UNSUPPORTED)}.")
    if status == "inconclusive":
        steps += 1
        reasons.append("The interval is too wide to tell a change from none.")
    if status == "not_answered" and not found:
        steps += len(LEVELS)
        reasons.append("There is no margin of error.")
    if top - steps == len(LEVELS) - 1 and not registered:
        steps, mainly = 1, "the protocol was not registered before the data were drawn"
        reasons.append(f"{words.capital(mainly)}.")
    return Certainty(LEVELS[max(top - steps, 0)], tuple(reasons), mainly)


def _moved_alike(result: Result, found: Sequence[Found]) -> bool:
    """Whether a check of the time before the start passed; one that spoke up is counted on its own."""
    spoke = {one.name for one in found}
    return any(
        check.name in AHEAD and (check.verdict == "pass" or check.name in spoke) for check in result.checks
    )


def _more(count: int) -> str:
    return f", and {count} further check{'s' if count > 1 else ''} raised a concern" if count else ""
