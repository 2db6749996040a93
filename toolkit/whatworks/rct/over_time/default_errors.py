"""Which inference a trial takes in which units change arms over time, and why."""

from __future__ import annotations

import math
from typing import Any, Final

from whatworks.answer import counted
from whatworks.inference.chance.randomisation import RandomisationInference
from whatworks.inference.default import Choice, Default
from whatworks.inference.errors.cluster import ClusterRobust
from whatworks.rct.assign.allocation import Allocation
from whatworks.rct.one_row.answer import NO_RECORD
from whatworks.results import NotAvailable, Number

FEW: Final = 10
"""Below this many units that change arms errors by unit are a rough guide."""

PERMUTED: Final = 20
"""Up to this many clusters the order of a stepped wedge is dealt anew by default."""


def over_time(asked: object, allocation: Allocation | None, clusters: int) -> tuple[Choice, Any]:
    """The inference of a crossover's headline, and the one for the rows beside it.

    Under a recorded rule the test that puts it to work again is exact; without one, errors are robust to
    whatever correlates within units.
    """
    beside = ClusterRobust("CR2")
    warnings = (
        ()
        if clusters >= FEW
        else (
            f"Only {clusters} units. With so few, errors by unit are a rough guide; randomisation inference "
            "under the allocation record is exact.",
        )
    )
    if asked is not None and not isinstance(asked, Default):
        chance = isinstance(asked, RandomisationInference)
        return Choice(asked, "as asked for", () if chance else warnings), beside if chance else asked
    if allocation is not None and allocation.rule is not None:
        settings = asked if isinstance(asked, Default) else Default()
        chosen = RandomisationInference(draws=settings.draws, seed=settings.seed)
        return Choice(chosen, "the default under a recorded schedule"), beside
    said = (*warnings, *lost_rule(allocation))
    return Choice(beside, "the default without a rule to draw schedules from", said), beside


def lost_rule(allocation: Allocation | None) -> tuple[str, ...]:
    """What to say where a default would draw from the recorded rule and reading from a file has lost it.

    Randomisation inference that was asked for raises instead (`Allocation.require_rule`).
    """
    if allocation is None or allocation.rule is not None:
        return ()
    return (
        "The allocation record was read from a file and holds no rule to draw from: rct.replay restores it, "
        "and randomisation inference becomes the default.",
    )


def over_steps(
    asked: object, allocation: Allocation | None, clusters: int, *, complete: bool
) -> tuple[Choice, Any]:
    """The inference of a stepped wedge's headline, and the one for the rows beside it.

    A test that deals the order anew needs no number of clusters; errors by cluster do.
    """
    beside = ClusterRobust("CR2")
    if asked is not None and not isinstance(asked, Default):
        chance = isinstance(asked, RandomisationInference)
        return Choice(asked, "as asked for"), beside if chance else asked
    if clusters > PERMUTED:
        return Choice(beside, f"the default with {clusters} clusters"), beside
    if not complete:
        warning = (
            "Cells are missing, so that other orders might leave effects open: errors by cluster instead of "
            f"dealing the order anew, and with {clusters} clusters they are a rough guide."
        )
        return Choice(beside, "the default with missing cells", (warning,)), beside
    lost = lost_rule(allocation)
    if lost:
        return Choice(beside, "the default without a rule to draw the order from", lost), beside
    settings = asked if isinstance(asked, Default) else Default()
    chosen = RandomisationInference(draws=settings.draws, seed=settings.seed)
    return Choice(chosen, f"the default with {clusters} clusters"), beside


def allocations(allocation: Allocation | None) -> Number:
    """How many allocations chance could have made."""
    if allocation is None or allocation.rule is None:
        return NO_RECORD
    rule = allocation.rule
    if not rule.counted:
        return NotAvailable(f"how many there are is not known exactly; {rule.possible:,} at least or about")
    digits = math.floor(math.log10(rule.possible)) + 1
    return counted(rule.possible, f"a number of {digits:,} digits, more than a computer's number")
