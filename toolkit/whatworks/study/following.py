"""Does the study use the method that its design suggests? Where not, it says so, loudly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from whatworks.did.suggest import Suggestion, suggest
from whatworks.errors import WhatworksError
from whatworks.panel import Panel
from whatworks.results import NotAvailable
from whatworks.shown import Note, Part, Shown

_FOR_COUNTS: Final = {"did.poisson": "did.block", 'did.etwfe(model="poisson")': "did.att_gt"}
"""Methods for counts, by the method that the same design asks for on rates."""

_ALIKE: Final = {"synth.augmented": "synth.classic", "synth.synthdid": "synth.classic"}
"""Methods that answer the question of a design as well as the one that stands for them."""


@dataclass(frozen=True, slots=True, repr=False)
class Followed(Shown):
    """What `did.suggest` says of a panel, held against what the study does.

    Attributes:
        method: what the study uses.
        suggestion: method, inference and checks that fit the panel.
        notes: where the study departs from it, a sentence each; nothing where it follows.
    """

    method: str
    suggestion: Suggestion
    notes: tuple[str, ...]

    def parts(self) -> tuple[Part, ...]:
        """Whether the study follows, and what is suggested."""
        if not self.notes:
            said = Note((f"This study follows what its design suggests{self._otherwise()}.",))
            return said, *self.suggestion.parts()
        return Note(self.notes, "loud"), Note(("What the design suggests:",)), *self.suggestion.parts()

    def _otherwise(self) -> str:
        if self.method == self.suggestion.method:
            return ""
        return f", on counts with {self.method}" if self.method in _FOR_COUNTS else f", with {self.method}"


def follows(panel: Panel, method: str, **options: object) -> Followed:
    """Hold a study's method and choices against those that its design suggests.

    Args:
        panel: the panel of the study.
        method: public name of the method that the study uses.
        options: its choices, by name; those that the design does not settle are not looked at.

    Raises:
        DesignError: nobody starts inside the window, or nobody is ever there to compare with.
    """
    suggestion = suggest(panel)
    counted = panel.exposure is not None and _FOR_COUNTS.get(method) == suggestion.method
    alike = _ALIKE.get(method) == suggestion.method
    if method != suggestion.method and not counted and not alike:
        why = " ".join(suggestion.reasons)
        note = f"Careful: this study uses {method}, while its design suggests {suggestion.method}. {why}"
        return Followed(method, suggestion, (note,))
    other = {name: value for name, value in suggestion.options.items() if options.get(name, value) != value}
    return Followed(
        method,
        suggestion,
        tuple(
            f"This study chose {name} = {options[name]!r}, while its design suggests {value!r}."
            for name, value in other.items()
        ),
    )


def where_possible(function: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """What `function` returns, or a `NotAvailable` with its reason where the design does not allow it.

    For the parts of a report that go beyond the study's own estimate: a decomposition that needs complete
    data must not keep an estimate that does not from being reported.
    """
    try:
        return function(*args, **options)
    except WhatworksError as problem:
        return NotAvailable(problem.what)
