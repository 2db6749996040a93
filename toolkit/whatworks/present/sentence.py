"""A result in plain words: what changed, by how much, how sure, and what cannot be said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from whatworks.present import trial_words
from whatworks.results import RATE_RATIO, Estimate, NotAvailable, Result
from whatworks.shown import words

Better = Literal["lower", "higher"]
Kind = Literal["fell", "rose", "no_change", "inconclusive", "no_error", "no_estimate"]

WORTHWHILE = 10.0
"""Percent. A null counts as 'no detectable change' only where the study could have found a change this small;
10% is the lower end of the 'moderate impact' band of the Youth Endowment Fund Toolkit."""

_STATUS: dict[Kind, tuple[str, str]] = {
    "fell": ("\u25bc", "Fell"),
    "rose": ("\u25b2", "Rose"),
    "no_change": ("\u25a0", "No detectable change"),
    "inconclusive": ("?", "Inconclusive"),
    "no_error": ("?", "No margin of error"),
    "no_estimate": ("\u2013", "No estimate"),
}


@dataclass(frozen=True, slots=True)
class Status:
    """A finding in one or two words: `word` for the reader, `symbol` beside it, `kind` for sorting."""

    kind: Kind
    word: str
    symbol: str
    harm: bool


@dataclass(frozen=True, slots=True)
class Measure:
    """The three numbers a sentence speaks of, in percent where there is one, else in the outcome's unit."""

    value: float
    low: float | NotAvailable
    high: float | NotAvailable
    level: float
    percent: bool
    unit: str
    decimals: int

    @property
    def crosses_zero(self) -> bool:
        """Whether no change at all lies within the interval, its ends included."""
        if isinstance(self.low, NotAvailable) or isinstance(self.high, NotAvailable):
            return True
        return self.low <= 0 <= self.high

    def size(self, value: float) -> str:
        """The size of a change, without sign: `8%`, `0.12`."""
        text = words.fixed(abs(value), self.decimals)
        return f"{text}%" if self.percent else text

    def change(self, value: float) -> str:
        """A change as a noun: `a fall of 8%`, `a rise of 2%`, `no change`."""
        if value == 0:
            return "no change"
        return f"a {'fall' if value < 0 else 'rise'} of {self.size(value)}"


def headline(
    result: Result,
    *,
    subject: str,
    unit: str = "",
    better: Better = "lower",
    worthwhile: float = WORTHWHILE,
) -> str:
    """The primary finding in plain words, one to three sentences.

    Args:
        result: what a method found; `relative` gives percents where it can, else the outcome's own unit.
        subject: what was measured, as it stands in a sentence (`robbery`).
        unit: the unit in words, where the change is better told in it than in percent; where there is no
            percent, it is the scale of the estimate unless given.
        better: whether a lower or a higher outcome is the better one; the other way is called a harm.
        worthwhile: percent; a null from a study that could not have found this much is inconclusive.

    Returns:
        Text. It never says that something does not work: a null is "no change was detected" where the study
        was large enough, and "inconclusive" otherwise. Of a trial it names the arms that chance assigned.
    """
    found = measure(result.headline, result.relative, unit=unit)
    about = words.spoken(subject) or "the outcome"
    if isinstance(found, NotAvailable):
        return _without_value(result.headline, found, about, unit)
    where = trial_words.assigned(result)
    if isinstance(found.low, NotAvailable) or isinstance(found.high, NotAvailable):
        return _without_error(found, about)
    if not found.crosses_zero:
        return _clear(found, about, better, where)
    detected_none = _kind(result, found, worthwhile) == "no_change"
    power = _power(result, found, enough=detected_none)
    if detected_none:
        return (
            f"No change in {about} was detected{where}: we are {words.how_sure(found.level)} the true change "
            f"was between {_range(found)}{_measured(found)}. {power}"
        )
    best = found.change(found.value)
    told = f"We cannot tell whether {about} changed{where}: {_may_have(found)}."
    return f"{told} The best single estimate is {best}. {power}"


def findings(
    result: Result,
    *,
    subject: str,
    unit: str = "",
    better: Better = "lower",
    worthwhile: float = WORTHWHILE,
) -> tuple[str, ...]:
    """The primary finding first, then one sentence for each secondary outcome, named as secondary."""
    first = headline(result, subject=subject, unit=unit, better=better, worthwhile=worthwhile)
    return (first, *(secondary_sentence(result, i) for i in range(len(result.secondary))))


def secondary_sentence(result: Result, position: int) -> str:
    """One secondary outcome in plain words, with its p-value adjusted for the number of them."""
    item = result.secondary[position]
    about = words.spoken(item.outcome)
    found = measure(item.estimate, item.relative)
    adjusted = f"{words.p_phrase(item.p_adjusted)} after adjustment: {item.adjustment.rstrip('.')}"
    if isinstance(found, NotAvailable):
        return f"Secondary outcome, {about}: no estimate. {words.sentence(found.reason)}"
    if isinstance(found.low, NotAvailable) or isinstance(found.high, NotAvailable):
        return f"Secondary outcome, {about}: {_without_error(found, about)}"
    said = (
        f"we cannot tell whether it changed; {_may_have(found)}"
        if found.crosses_zero
        else f"{_verb(found.value)} by about {found.size(found.value)}{_measured(found)}, "
        f"{words.level(found.level)} interval: {found.change(found.low)} to {found.change(found.high)}"
    )
    return f"Secondary outcome, {about}: {said} ({adjusted})."


def status(
    result: Result,
    *,
    better: Better = "lower",
    worthwhile: float = WORTHWHILE,
) -> Status:
    """The finding in one or two words, for the chip on a report and the line in the ledger."""
    found = measure(result.headline, result.relative)
    kind = _kind(result, found, worthwhile)
    symbol, word = _STATUS[kind]
    if kind == "inconclusive" and not isinstance(result.design.mde, NotAvailable):
        word = "Inconclusive (under-powered)"
    harm = kind == ("rose" if better == "lower" else "fell")
    return Status(kind, word, symbol, harm)


def measure(
    estimate: Estimate, relative: Estimate | NotAvailable, *, unit: str = ""
) -> Measure | NotAvailable:
    """The numbers a sentence speaks of: in `unit` where one is given, else percent where there is one."""
    if isinstance(estimate.value, NotAvailable):
        return estimate.value
    no_interval = isinstance(estimate.low, NotAvailable) or isinstance(estimate.high, NotAvailable)
    if not unit and isinstance(relative, Estimate) and _complete(relative, value_only=no_interval):
        return _measure(relative, percent=True, unit="percent", fallback=estimate)
    return _measure(estimate, percent=False, unit=unit or estimate.scale, fallback=estimate)


def smallest_detectable(result: Result, *, unit: str = "") -> str | NotAvailable:
    """The smallest change the study would find four times in five, in percent where it can be put so."""
    mde = result.design.mde
    if isinstance(mde, NotAvailable):
        return mde
    share = _mde_percent(result)
    if isinstance(share, NotAvailable) or (unit and unit != result.headline.scale):
        where = unit or result.headline.scale
        return f"{words.number(abs(mde), 2)}{f' ({where})' if where else ''}"
    return f"{words.fixed(share, words.percent_decimals([share]))}%"


def _complete(estimate: Estimate, *, value_only: bool) -> bool:
    numbers = (estimate.value,) if value_only else (estimate.value, estimate.low, estimate.high)
    return not any(isinstance(number, NotAvailable) for number in numbers)


def _measure(estimate: Estimate, *, percent: bool, unit: str, fallback: Estimate) -> Measure:
    value = estimate.value
    if isinstance(value, NotAvailable):  # the caller has looked; this tells the type checker
        value = 0.0
    low = fallback.low if isinstance(estimate.low, NotAvailable) else estimate.low
    high = fallback.high if isinstance(estimate.high, NotAvailable) else estimate.high
    known = [number for number in (value, low, high) if not isinstance(number, NotAvailable)]
    decimals = words.percent_decimals(known) if percent else words.unit_decimals(known)
    return Measure(value, low, high, estimate.level, percent, unit, decimals)


def _kind(result: Result, found: Measure | NotAvailable, worthwhile: float) -> Kind:
    if isinstance(found, NotAvailable):
        return "no_estimate"
    if isinstance(found.low, NotAvailable) or isinstance(found.high, NotAvailable):
        return "no_error"
    if not found.crosses_zero:
        return "fell" if found.value < 0 else "rose"
    share = _mde_percent(result)
    return "no_change" if not isinstance(share, NotAvailable) and share <= worthwhile else "inconclusive"


def _mde_percent(result: Result) -> float | NotAvailable:
    mde = result.design.mde
    if isinstance(mde, NotAvailable):
        return mde
    if result.headline.scale == RATE_RATIO:
        return 100 * abs(mde)
    value, relative = result.headline.value, result.relative
    share = relative.value if isinstance(relative, Estimate) else NotAvailable("no percent change")
    if isinstance(value, NotAvailable) or isinstance(share, NotAvailable) or value == 0 or share == 0:
        return NotAvailable("the smallest detectable effect cannot be put in percent")
    # relative = 100 * value / counterfactual, so one unit is share / value percent
    return abs(mde * share / value)


def _verb(value: float) -> str:
    return "fell" if value < 0 else "rose"


def _measured(found: Measure) -> str:
    return "" if found.percent or not found.unit else f" (measured as {found.unit})"


def _range(found: Measure) -> str:
    if isinstance(found.low, NotAvailable) or isinstance(found.high, NotAvailable):
        return ""
    return f"{found.change(found.low)} and {found.change(found.high)}"


def _clear(found: Measure, about: str, better: Better, where: str) -> str:
    text = (
        f"{words.capital(about)} {_verb(found.value)} by about {found.size(found.value)}{_measured(found)}"
        f"{where}, "
        f"and we are {words.how_sure(found.level)} the true change was between {_range(found)}."
    )
    worse = found.value > 0 if better == "lower" else found.value < 0
    return f"{text} This is a change for the worse." if worse else text


def _may_have(found: Measure) -> str:
    if isinstance(found.low, NotAvailable) or isinstance(found.high, NotAvailable):
        return ""
    options = []
    if found.low < 0:
        options.append(f"fallen by up to {found.size(found.low)}")
    if found.high > 0:
        options.append(f"risen by up to {found.size(found.high)}")
    said = " or ".join(options) or "stayed exactly as it was"
    return f"it may have {said}{_measured(found)}"


def _without_value(estimate: Estimate, found: NotAvailable, about: str, unit: str) -> str:
    """Bounds have an interval and no value; anything else without a value was not estimated."""
    if isinstance(estimate.low, NotAvailable) or isinstance(estimate.high, NotAvailable):
        return f"The change in {about} could not be estimated. {words.sentence(found.reason)}"
    low, high = estimate.low, estimate.high
    where = unit or estimate.scale
    span = Measure(
        (low + high) / 2, low, high, estimate.level, False, where, words.unit_decimals([low, high])
    )
    return (
        f"The change in {about} cannot be narrowed to a single number: {words.ended(found.reason)} "
        f"With chance allowed for, we are {words.how_sure(span.level)} it was between {_range(span)}"
        f"{_measured(span)}."
    )


def _without_error(found: Measure, about: str) -> str:
    reason = found.low if isinstance(found.low, NotAvailable) else found.high
    why = words.sentence(reason.reason) if isinstance(reason, NotAvailable) else ""
    size = f"{_verb(found.value)} by about {found.size(found.value)}{_measured(found)}"
    moved = "did not move" if found.value == 0 else size
    return (
        f"{words.capital(about)} {moved}, but there is no margin of error for this number, "
        f"so we cannot say whether it is more than chance. {why}"
    )


def _power(result: Result, found: Measure, *, enough: bool) -> str:
    least = smallest_detectable(result, unit=found.unit if not found.percent else "")
    if isinstance(least, NotAvailable):
        return (
            "The result is inconclusive, and how small a change the study could have found is not known: "
            f"{words.sentence(least.reason)}"
        )
    if enough:
        return f"The study would have found a change of {least} or more four times in five."
    return (
        f"The study is inconclusive: the smallest change it would find four times in five is {least}, "
        "so a smaller one could have been missed."
    )
