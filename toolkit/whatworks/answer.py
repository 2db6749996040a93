"""The parts that the results of every method share: sentences, rows, sizes and secondary outcomes."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from whatworks.inference.default import Choice
from whatworks.inference.intervals import critical_value
from whatworks.results import Design, Estimate, NotAvailable, Number

NOT_BY_CHANCE: Final = NotAvailable("chance did not decide which units were treated, nor when")

NO_NOISE: Final = "no variation between units is left from which an error could be learned"

_WRITTEN_OUT: Final = 10**300


def explained(estimate: Estimate, choice: Choice) -> Estimate:
    """The estimate with the reason for its inference at the end of its sentence."""
    if isinstance(choice.inference, NotAvailable):
        return replace(estimate, inference=f"None: {choice.reason}")
    return replace(estimate, inference=f"{estimate.inference} ({choice.reason}).")


def taken(asked: object, usual: Choice) -> Choice:
    """The inference that was asked for, or the usual one where none was."""
    return usual if asked is None else Choice(asked, "as asked for")


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


def counted(possible: int, beyond: str) -> Number:
    """How many assignments chance could have made; `beyond` says so of more than a number can hold."""
    return float(possible) if possible < _WRITTEN_OUT else NotAvailable(beyond)
