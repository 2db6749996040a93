"""The parts that the results of every method share: sentences, rows, sizes and secondary outcomes."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from whatworks.inference.default import Choice
from whatworks.results import Estimate, NotAvailable

NOT_BY_CHANCE: Final = NotAvailable("chance did not decide which units were treated, nor when")

NO_NOISE: Final = "no variation between units is left from which an error could be learned"


def explained(estimate: Estimate, choice: Choice) -> Estimate:
    """The estimate with the reason for its inference at the end of its sentence."""
    if isinstance(choice.inference, NotAvailable):
        return replace(estimate, inference=f"None: {choice.reason}")
    return replace(estimate, inference=f"{estimate.inference} ({choice.reason}).")


def taken(asked: object, usual: Choice) -> Choice:
    """The inference that was asked for, or the usual one where none was."""
    return usual if asked is None else Choice(asked, "as asked for")
