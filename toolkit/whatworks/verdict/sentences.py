"""The first sentences of a verdict: what is said of the change, and what stands against saying it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from whatworks.results import Estimate, NotAvailable, Result
from whatworks.shown import words
from whatworks.verdict.arms import assigned
from whatworks.verdict.asked import Asked
from whatworks.verdict.certainty import Certainty
from whatworks.verdict.gravity import Found
from whatworks.verdict.measure import Measure, smallest_detectable
from whatworks.verdict.status import Status, good


def sentence(
    result: Result,
    found: Measure | NotAvailable,
    asked: Asked,
    status: Status,
    against: Sequence[Found],
    certainty: Certainty,
) -> str:
    """The finding in plain words, one to three sentences; what speaks gravely against it stands in the first.

    So does what makes a change uncertain, where its certainty is low or very low.

    It never says that something does not work. Of a trial it names the arms that chance assigned.
    """
    if isinstance(found, NotAvailable):
        return without_value(result.headline, found, asked)
    if found.ends is None:
        return _without_interval(found, asked)
    grave = next((one for one in against if one.weight != "concern"), None)
    if status == "not_answered" and grave is not None:
        return _not_answered(result, found, asked, grave)
    if status in ("fell", "rose"):
        return _changed(result, found, asked, status, grave, certainty)
    if status == "no_change_that_matters":
        return _nothing_that_matters(result, found, asked, grave)
    return _open(result, found, asked, grave)


def verb(value: float) -> str:
    """`fell` or `rose`."""
    return "fell" if value < 0 else "rose"


def _changed(
    result: Result, found: Measure, asked: Asked, status: Status, grave: Found | None, certainty: Certainty
) -> str:
    moved = f"{_moved(found, asked)}{assigned(result)}"
    sure = f"we are {how_sure(found.level)} the true change was between {found.range}"
    worse = " This is a change for the worse." if good(status, asked.better) is False else ""
    if grave is not None:
        but = f"{grave.clause}: this may not be the intervention\u2019s doing"
    elif certainty.level in _UNSURE:
        but = (
            f"it is {_UNSURE[certainty.level]} that this is the intervention\u2019s doing: {certainty.mainly}"
        )
    else:
        return f"{moved}, and {sure}.{worse}"
    return f"{moved}, but {but}. Chance alone allowed for, {sure}.{worse}"


_UNSURE: Final = {"low": "not certain", "very low": "far from certain"}
"""How a level of certainty stands in the first sentence; from *moderate* on the change stands as it is."""


def _not_answered(result: Result, found: Measure, asked: Asked, grave: Found) -> str:
    return (
        f"{_moved(found, asked)}{assigned(result)}, but {grave.clause}: this cannot be put down to the "
        "intervention, and the question is not answered."
    )


def _nothing_that_matters(result: Result, found: Measure, asked: Asked, grave: Found | None) -> str:
    size = found.size(asked.worthwhile)
    told = (
        f"No change in {asked.about} that matters{assigned(result)}: we are {how_sure(found.level)} "
        f"the true change was between {found.range}{found.measured}; {size} or more would have mattered"
    )
    return f"{told}." if grave is None else f"{told}. But {grave.clause}."


def _open(result: Result, found: Measure, asked: Asked, grave: Found | None) -> str:
    but = f", and {grave.clause}" if grave is not None else ""
    told = f"We cannot tell whether {asked.about} changed{assigned(result)}: {may_have(found)}{but}."
    least = smallest_detectable(result, unit="" if found.percent else found.unit)
    if isinstance(least, NotAvailable):
        unknown = words.sentence(least.reason)
        return f"{told} How small a change the study could have found is not known: {unknown}"
    return f"{told} The smallest change this study would find four times in five is {least}."


def may_have(found: Measure) -> str:
    """What the interval leaves open, as what may have happened."""
    low, high = found.ends or (0.0, 0.0)
    options = []
    if low < 0:
        options.append(f"fallen by up to {found.size(low)}")
    if high > 0:
        options.append(f"risen by up to {found.size(high)}")
    said = " or ".join(options) or "stayed exactly as it was"
    return f"it may have {said}{found.measured}"


def _moved(found: Measure, asked: Asked) -> str:
    if found.value == 0:
        return f"{words.capital(asked.about)} did not move"
    return (
        f"{words.capital(asked.about)} {verb(found.value)} by about {found.size(found.value)}{found.measured}"
    )


def _without_interval(found: Measure, asked: Asked) -> str:
    reason = found.low if isinstance(found.low, NotAvailable) else found.high
    why = words.sentence(reason.reason) if isinstance(reason, NotAvailable) else ""
    return (
        f"{_moved(found, asked)}, but there is no margin of error for this number, so we cannot say whether "
        f"it is more than chance. {why}"
    )


def without_value(estimate: Estimate, found: NotAvailable, asked: Asked) -> str:
    """Where there is no single number: bounds have an interval and no value, others were not estimated."""
    if isinstance(estimate.low, NotAvailable) or isinstance(estimate.high, NotAvailable):
        return f"The change in {asked.about} could not be estimated. {words.sentence(found.reason)}"
    low, high = estimate.low, estimate.high
    where = asked.unit or estimate.scale
    span = Measure(
        (low + high) / 2, low, high, estimate.level, False, where, words.unit_decimals([low, high])
    )
    return (
        f"The change in {asked.about} cannot be narrowed to a single number: {words.ended(found.reason)} "
        f"With chance allowed for, we are {how_sure(span.level)} it was between {span.range}"
        f"{span.measured}."
    )


def how_sure(value: float) -> str:
    """A level in words: 95% is `fairly sure`."""
    if value >= 0.99:
        return "very sure"
    if value >= 0.95:
        return "fairly sure"
    if value >= 0.90:
        return "moderately sure"
    return "somewhat sure"
