"""Every error of ours: what is wrong, where, and what to do next."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from numbers import Integral, Real
from typing import Any, Final

# what counts as a number: Python's and numpy's, which registers its own; true and false never
WHOLE: Final = (Integral,)
NUMBER: Final = (Real,)


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


def check_whole(
    name: str,
    value: object,
    *,
    least: int,
    where: str,
    remedy: str = "Give a number of periods.",
    kind: tuple[type, ...] = WHOLE,
) -> int:
    """The option as an int; raises `OptionError` unless it is a whole number of at least `least`.

    `kind` is `NUMBER` where a whole number may be written as 20.0 or 1e3 too.
    """
    number: Any = value if isinstance(value, kind) and not isinstance(value, bool) else None
    if number is not None and number % 1 == 0 and number >= least:
        return int(number)
    raise OptionError(
        f"{name}={value!r} is not a whole number of at least {least}", where=where, remedy=remedy
    )


def check_pair(name: str, value: object, *, least: int, where: str) -> tuple[int, int]:
    """First and last event time, in order; raises `OptionError` for anything else."""
    if isinstance(value, tuple | list) and len(value) == 2:
        numbers = [int(v) for v in value if type(v) is not bool and isinstance(v, WHOLE)]
        if len(numbers) == 2 and least <= numbers[0] <= numbers[1]:
            return numbers[0], numbers[1]
    raise OptionError(
        f"{name}={value!r} is not a first and last event time from {least} on",
        where=where,
        remedy="Give two whole numbers in order, such as (0, 11); 0 is the first treated period.",
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


def refuse_unused(
    where: str,
    remedy: str,
    *,
    holder: str = "panel",
    covariates: Sequence[str] = (),
    weight: object = None,
    exposure: object = None,
) -> None:
    """Raise `DesignError` where one of these roles is filled, naming all that are.

    Dropped in silence they would answer another question.

    Args:
        where: the method, for the message.
        remedy: what to do instead.
        holder: what has the roles, `panel` or `trial`.
        covariates: names of the covariates that the method does not take.
        weight, exposure: what the holder has, None where it has none.
    """
    found = [f"covariates ({first_few(covariates)})"] if covariates else []
    found += ["unit weights"] if weight is not None else []
    found += ["an exposure"] if exposure is not None else []
    if found:
        together = found[0] if len(found) == 1 else f"{', '.join(found[:-1])} and {found[-1]}"
        raise DesignError(
            f"the {holder} has {together}, which this method does not take", where=where, remedy=remedy
        )
