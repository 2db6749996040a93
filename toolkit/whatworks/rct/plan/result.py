"""Power: what a trial could find, in a number, a table and a sentence."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from whatworks.errors import choose as choose_option
from whatworks.rct.plan.noise import plain
from whatworks.results import NotAvailable, Number
from whatworks.shown import Note, Part, Shown, from_frame

_PARTS: Final = ("curve", "sizes", "what_if")
_COUNT_WORDS: Final = {
    0.5: "one time in two",
    0.75: "three times in four",
    0.8: "four times in five",
    0.9: "nine times in ten",
}


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Power(Shown):
    """What a trial could find before it is run.

    Attributes:
        mde: the smallest effect found with probability `wanted`, signed; of the treatment itself, so with
            take-up below 1 the effect of assignment is smaller.
        effect: the effect asked about, or why none.
        power: the probability of finding `effect`, or why none.
        needed: how many of `counted` it would take to find `effect` with probability `wanted`, or why none.
        count, counted: how large the trial is and in what, such as 90 and `days`.
        wanted: the probability that counts as enough.
        level: of the two-sided test, 0.95 for one at 5%.
        curve: effect, power (and, by simulation, mc_error: its Monte Carlo error; expected_estimate).
        sizes: the count against the mde it brings (`reason` where none).
        what_if: the mde when one assumption at a time is another.
        allocations: how many allocations chance could make; `smallest_p` is the p-value they permit at best
            (or a bound above it, where the notes say "at least so many").
        false_positives: how often the test rejects where there is no effect: by simulation, or why not known.
        sentence: what a commander needs.
        notes: assumptions and warnings, in sentences.
        method: `formula` or `simulation`.
        label: how an axis names the effect; `percent` tells whether shares are shown times 100.
    """

    mde: Number
    effect: Number
    power: Number
    needed: Number
    count: int
    counted: str
    wanted: float
    level: float
    curve: pd.DataFrame
    sizes: pd.DataFrame
    what_if: pd.DataFrame
    allocations: int
    smallest_p: float
    false_positives: Number
    sentence: str
    notes: tuple[str, ...]
    method: str
    label: str
    percent: bool

    def table(self, of: str = "curve") -> pd.DataFrame:
        """A copy of one table: `curve` (effect, power), `sizes` (count, mde) or `what_if` (assumption, mde).

        Raises `OptionError` for any other.
        """
        frame: pd.DataFrame = getattr(self, choose_option("of", of, _PARTS, where="Power.table"))
        return frame.copy()

    def parts(self) -> tuple[Part, ...]:
        """What a commander needs, what it assumes, and each table that has rows."""
        tables = (
            from_frame(getattr(self, name), name=name, caption=caption, each=each)
            for name, caption, each in _TABLES
            if len(getattr(self, name))
        )
        return Note((self.sentence,), "loud"), Note(self.notes, "list"), *tables


_TABLES: Final = (
    ("curve", "Power by effect", "effect"),
    ("sizes", "Smallest effect by size", "size"),
    ("what_if", "With another assumption", "assumption"),
)


def how_often(power: float) -> str:
    """A probability as people say it: `four times in five`, `85 times in 100`."""
    if round(power, 10) in _COUNT_WORDS:
        return _COUNT_WORDS[round(power, 10)]
    if power > 0.995:
        return "more than 99 times in 100"
    if power < 0.005:
        return "less than once in 200"
    times = plain(100 * power, 2)
    return "once in 100" if times == "1" else f"{times} times in 100"


def allocation_words(allocations: int) -> str:
    """How many allocations, in digits while they can be read."""
    return f"{allocations:,}" if allocations < 10**9 else f"about 10^{round(math.log10(allocations))}"


def too_few(allocations: int, smallest: float, level: float) -> str:
    """The warning that no test could ever reject, or nothing."""
    if smallest <= 1 - level + 1e-12:
        return ""
    return (
        f"Warning: chance has only {allocation_words(allocations)} allocations, so a randomisation test "
        f"gives no p-value below {plain(smallest, 2)} and never rejects at {plain(1 - level)}. "
        "Plan more to assign."
    )


def first_crossing(effects: pd.Series[float], power: pd.Series[float], wanted: float) -> Number:
    """The effect at which a rising power curve reaches `wanted`, by a straight line between its points."""
    order = np.argsort(np.abs(effects.to_numpy()))
    x, y = effects.to_numpy()[order], np.maximum.accumulate(power.to_numpy()[order])
    at = int(np.argmax(y >= wanted))
    if y[at] < wanted:
        return NotAvailable(f"the largest effect tried is found only {how_often(float(y.max()))}")
    if at == 0:
        return float(x[0])
    share = (wanted - y[at - 1]) / (y[at] - y[at - 1])
    return float(x[at - 1] + share * (x[at] - x[at - 1]))
