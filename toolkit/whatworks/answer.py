"""The parts that the results of every method share: sentences, rows, sizes and secondary outcomes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from whatworks.inference.default import Choice
from whatworks.inference.intervals import critical_value
from whatworks.results import Design, Estimate, NotAvailable, Number, Result, Secondary

NOT_BY_CHANCE: Final = NotAvailable("chance did not decide which units were treated, nor when")

NUMBERS: Final = ("estimate", "std_error", "low", "high", "p_value")
"""The numbers of a row of effects, in the order of its columns."""

_WRITTEN_OUT: Final = 10**300


def explained(estimate: Estimate, choice: Choice) -> Estimate:
    """The estimate with the reason for its inference at the end of its sentence."""
    if isinstance(choice.inference, NotAvailable):
        return replace(estimate, inference=f"None: {choice.reason}")
    return replace(estimate, inference=f"{estimate.inference} ({choice.reason}).")


def taken(asked: object, usual: Choice) -> Choice:
    """The inference that was asked for, or the usual one where none was."""
    return usual if asked is None else Choice(asked, "as asked for")


def or_nan(number: Number) -> float:
    """The number, or NaN where there is none."""
    return float("nan") if isinstance(number, NotAvailable) else number


def numbers(found: Estimate, names: Iterable[str] = NUMBERS) -> dict[str, float]:
    """The numbers of an estimate by the names of their columns, NaN where there is none."""
    return {name: or_nan(number) for name, number in _numbers(found, names).items()}


def row(term: str, found: Estimate, n: int, reason: str) -> dict[str, object]:
    """An estimate as a row of effects; `reason` says why a number of it is missing."""
    return {"term": term, **numbers(found), "n": n, "reason": reason}


def bare_row(term: str, value: float, n: int, reason: str) -> dict[str, object]:
    """A row of effects with a value alone, and the reason why nothing stands beside it."""
    return {"term": term, **dict.fromkeys(NUMBERS, np.nan), "estimate": value, "n": n, "reason": reason}


def beside_others(result: Result, names: Iterable[str] = NUMBERS) -> dict[str, object]:
    """What a result says as columns of a comparison of methods: its headline and its percent change.

    `reason` says, once each, why there is no number among `names` or no percent change with its ends.
    """
    head, change = result.headline, result.relative
    ends = (change.value, change.low, change.high) if isinstance(change, Estimate) else (change,) * 3
    said = _numbers(head, names) | dict(zip(("relative", "relative_low", "relative_high"), ends, strict=True))
    reasons = dict.fromkeys(number.reason for number in said.values() if isinstance(number, NotAvailable))
    return {
        "estimand": head.estimand,
        "scale": head.scale,
        **{name: or_nan(number) for name, number in said.items()},
        "inference": head.inference,
        "reason": "; ".join(reasons),
    }


def secondary(found: Mapping[str, Result], adjusted: Iterable[Number], words: str) -> tuple[Secondary, ...]:
    """Results by outcome as secondary outcomes, with their adjusted p-values and how those were adjusted."""
    return tuple(
        Secondary(name, item.headline, item.relative, p, words)
        for (name, item), p in zip(found.items(), adjusted, strict=True)
    )


def wider_error(headline: Estimate, df: Number) -> Number:
    """The standard error, or half the interval in its units where that is wider or the only one there is.

    An interval from permutations or a bootstrap is wider than its standard error suggests, and so is the
    smallest effect found four times in five.
    """
    error, low, high = headline.std_error, headline.low, headline.high
    if isinstance(low, NotAvailable) or isinstance(high, NotAvailable):
        return error
    half = (high - low) / 2 / critical_value(headline.level, df=df)
    return half if isinstance(error, NotAvailable) else max(error, half)


def as_share(design: Design) -> Design:
    """The design of an effect on the log scale, with its smallest detectable change as a fall by a share."""
    if isinstance(design.mde, NotAvailable):
        return design
    return replace(design, mde=float(-np.expm1(-design.mde)))


def the_treated(count: int) -> str:
    """The treated units of a sentence: `the 6 treated units`, `the one treated unit`."""
    return "the one treated unit" if count == 1 else f"the {count} treated units"


def counted(possible: int, beyond: str) -> Number:
    """How many assignments chance could have made; `beyond` says so of more than a number can hold."""
    return float(possible) if possible < _WRITTEN_OUT else NotAvailable(beyond)


def _numbers(found: Estimate, names: Iterable[str]) -> dict[str, Number]:
    return {name: getattr(found, "value" if name == "estimate" else name) for name in names}
