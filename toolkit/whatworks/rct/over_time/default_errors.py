"""Which inference a trial takes in which units change arms over time, and why."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

from whatworks.answer import counted
from whatworks.inference.asked import FromRegression
from whatworks.inference.chance.randomisation import RandomisationInference
from whatworks.inference.default import Choice, Default, draws_of
from whatworks.inference.errors.cluster import ClusterRobust
from whatworks.rct.assign.allocation import Allocation
from whatworks.rct.one_row.answer import NO_RECORD
from whatworks.rct.one_row.default_errors import Inference
from whatworks.results import NotAvailable, Number
from whatworks.shown.words import written

FEW: Final = 10
"""Below this many units that change arms errors by unit are a rough guide."""

PERMUTED: Final = 20
"""Up to this many clusters the order of a stepped wedge is dealt anew by default."""

BY_CLUSTER: Final = ClusterRobust("CR2")


def over_time(
    asked: Inference, allocation: Allocation | None, clusters: int
) -> tuple[Choice, FromRegression]:
    """The inference of a crossover's headline, and the one for the rows beside it.

    Under a recorded rule the test that puts it to work again is exact; without one, errors are robust to
    whatever correlates within units.
    """
    few = (
        f"Only {clusters} units. With so few, errors by unit are a rough guide; randomisation inference "
        "under the allocation record is exact.",
    )
    rough = few if clusters < FEW else ()
    if allocation is not None and allocation.rule is not None:
        usual = Choice(_dealt(asked), "the default under a recorded schedule")
    else:
        said = (*rough, *lost_rule(allocation))
        usual = Choice(BY_CLUSTER, "the default without a rule to draw schedules from", said)
    return _beside(asked, usual, rough)


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
    asked: Inference, allocation: Allocation | None, clusters: int, *, complete: bool
) -> tuple[Choice, FromRegression]:
    """The inference of a stepped wedge's headline, and the one for the rows beside it.

    A test that deals the order anew needs no number of clusters; errors by cluster do.
    """
    lost = lost_rule(allocation)
    if clusters > PERMUTED:
        usual = Choice(BY_CLUSTER, f"the default with {clusters} clusters")
    elif not complete:
        warning = (
            "Cells are missing, so that other orders might leave effects open: errors by cluster instead of "
            f"dealing the order anew, and with {clusters} clusters they are a rough guide."
        )
        usual = Choice(BY_CLUSTER, "the default with missing cells", (warning,))
    elif lost:
        usual = Choice(BY_CLUSTER, "the default without a rule to draw the order from", lost)
    else:
        usual = Choice(_dealt(asked), f"the default with {clusters} clusters")
    return _beside(asked, usual, ())


def _dealt(asked: Inference) -> RandomisationInference:
    """The test that deals treatment anew, with the draws of a default that was asked for."""
    settings = draws_of(asked) or Default()
    return RandomisationInference(draws=settings.draws, seed=settings.seed)


def _beside(asked: Inference, usual: Choice, rough: tuple[str, ...]) -> tuple[Choice, FromRegression]:
    """What was asked for or the default, and the errors of other rows, for which nothing is dealt anew."""
    choice = Choice(asked, "as asked for", rough) if draws_of(asked) is None else usual
    if isinstance(choice.inference, RandomisationInference):
        return replace(choice, warnings=()), BY_CLUSTER
    return choice, choice.inference


def allocations(allocation: Allocation | None) -> Number:
    """How many allocations chance could have made."""
    if allocation is None or allocation.rule is None:
        return NO_RECORD
    rule = allocation.rule
    if not rule.counted:
        return NotAvailable(
            f"how many there are is not known exactly; {written(rule.possible)} at least or about"
        )
    digits = math.floor(math.log10(rule.possible)) + 1
    return counted(rule.possible, f"a number of {digits:,} digits, more than a computer's number")
