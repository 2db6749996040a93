"""Does the study use the method that its design suggests? Where not, it says so, loudly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from whatworks.did.suggest import FOR_COUNTS, Suggestion, suggest
from whatworks.errors import WhatworksError
from whatworks.panel import Panel
from whatworks.results import NotAvailable
from whatworks.shown import Note, Part, Shown

_LAST_PERIOD: Final = (
    "This study uses did.att_gt, as its parameters ask, and not did.imputation, which its design suggests: "
    "it vouches for parallel trends from the last {period} before the start on, not over the whole time "
    "before, and pays for that with wider intervals."
)


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
        return f", on counts with {self.method}" if self.method in FOR_COUNTS else f", with {self.method}"


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
    if not suggestion.fits(method):
        why = " ".join(suggestion.reasons)
        note = f"Careful: this study uses {method}, while its design suggests {suggestion.method}. {why}"
        return Followed(method, suggestion, (note,))
    settled = suggestion.options if method == suggestion.method else suggestion.instead[method]
    notes = [
        f"This study chose {name} = {options[name]!r}, while its design suggests {value!r}."
        for name, value in settled.items()
        if options.get(name, value) != value
    ]
    if method == "did.att_gt" != suggestion.method:
        notes.insert(0, _LAST_PERIOD.format(period=panel.period_word))
    return Followed(method, suggestion, tuple(notes))


def where_possible(function: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """What `function` returns, or a `NotAvailable` with its reason where the design does not allow it.

    For the parts of a report that go beyond the study's own estimate: a decomposition that needs complete
    data must not keep an estimate that does not from being reported.
    """
    try:
        return function(*args, **options)
    except WhatworksError as problem:
        return NotAvailable(problem.what)
