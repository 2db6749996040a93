"""Every error of ours: what is wrong, where, and what to do next."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class WhatworksError(Exception):
    """The root of the family: a message in three parts.

    `what` says what is wrong, `where` names the file, line, column, unit or parameter,
    `remedy` says what to do. `exit_status` is what the command line returns:
    2 for bad input, 1 for an estimate or a run that failed.
    """

    exit_status = 2

    def __init__(self, what: str, *, where: str = "", remedy: str = "") -> None:
        self.what = what
        self.where = where
        self.remedy = remedy
        super().__init__(what, where, remedy)

    def __str__(self) -> str:
        head = f"{self.where}: {self.what}" if self.where else self.what
        return f"{head}\n  What to do: {self.remedy}" if self.remedy else head

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.what, self.where, self.remedy))


class SourceError(WhatworksError):
    """A data file that cannot be read as what it claims to be."""


class PanelError(WhatworksError):
    """A table that is not a valid panel."""


class TrialError(WhatworksError):
    """A table that is not a valid trial."""


class OptionError(WhatworksError):
    """A choice, option, role or parameter that does not exist or has the wrong type."""


class DesignError(WhatworksError):
    """A question that this method cannot answer on this panel, with the route that can."""

    exit_status = 1


class EstimationError(WhatworksError):
    """A computation that failed for a reason found only while computing."""

    exit_status = 1


class StudyError(WhatworksError):
    """A study folder, workspace or template that is not well formed."""


class RunError(WhatworksError):
    """A run that did not finish; the record of the run before it is untouched."""

    exit_status = 1


class RecordError(WhatworksError):
    """A stored record that is damaged or does not follow its schema."""


class PublishError(WhatworksError):
    """A report or site that must not go out as it is; nothing was written."""

    exit_status = 1


def _rebuild(kind: type[WhatworksError], what: str, where: str, remedy: str) -> WhatworksError:
    return kind(what, where=where, remedy=remedy)


def choose(name: str, value: object, allowed: Iterable[str], *, where: str = "") -> str:
    """Return `value` if it is one of `allowed`, else raise an `OptionError` that names the nearest."""
    options = list(allowed)
    if isinstance(value, str) and value in options:
        return value
    raise OptionError(
        f"{name}={value!r} is not a choice",
        where=where,
        remedy=f"{did_you_mean(value, options)}The choices are {', '.join(map(repr, options))}.",
    )


def did_you_mean(value: object, options: Iterable[str]) -> str:
    """A sentence naming the nearest of `options`, or nothing when none is near."""
    near = difflib.get_close_matches(str(value), list(options), n=1, cutoff=0.6)
    return f"Did you mean {near[0]!r}? " if near else ""


def first_few(items: Iterable[object], limit: int = 5) -> str:
    """The first few offenders in words, and how many more there are."""
    shown = list(items)
    text = ", ".join(str(item) for item in shown[:limit])
    return text if len(shown) <= limit else f"{text} and {len(shown) - limit:,} more"
