"""The three numbers that a verdict speaks of, and the smallest change that a study could have found."""

from __future__ import annotations

from dataclasses import dataclass

from whatworks.results import RATE_RATIO, Estimate, NotAvailable, Result
from whatworks.shown import words


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
    def ends(self) -> tuple[float, float] | None:
        """Both ends of the interval; None where there is none."""
        if isinstance(self.low, NotAvailable) or isinstance(self.high, NotAvailable):
            return None
        return self.low, self.high

    @property
    def measured(self) -> str:
        """` (measured as points)` where the change is not told in percent."""
        return "" if self.percent or not self.unit else f" (measured as {self.unit})"

    @property
    def range(self) -> str:
        """The interval as two changes: `a fall of 13% and a fall of 2%`; nothing where there is none."""
        ends = self.ends
        return "" if ends is None else f"{self.change(ends[0])} and {self.change(ends[1])}"

    def size(self, value: float) -> str:
        """The size of a change, without sign: `8%`, `0.12`."""
        text = words.fixed(abs(value), self.decimals)
        return f"{text}%" if self.percent else text

    def change(self, value: float) -> str:
        """A change as a noun: `a fall of 8%`, `a rise of 2%`, `no change`."""
        if value == 0:
            return "no change"
        return f"a {'fall' if value < 0 else 'rise'} of {self.size(value)}"


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
    share = mde_percent(result)
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


def mde_percent(result: Result) -> float | NotAvailable:
    """The smallest detectable change in percent, or why it cannot be put so."""
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
