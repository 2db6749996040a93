"""Options that are numbers of periods."""

from __future__ import annotations

import numpy as np

from whatworks.errors import OptionError


def check_whole(name: str, value: object, *, least: int, where: str) -> int:
    """The option as an int; raises `OptionError` unless it is a whole number of at least `least`."""
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if whole and int(str(value)) >= least:
        return int(str(value))
    raise OptionError(
        f"{name}={value!r} is not a whole number of at least {least}",
        where=where,
        remedy="Give a number of periods.",
    )


def check_pair(name: str, value: object, *, least: int, where: str) -> tuple[int, int]:
    """First and last event time, in order; raises `OptionError` for anything else."""
    if isinstance(value, tuple | list) and len(value) == 2:
        numbers = [v for v in value if isinstance(v, (int, np.integer)) and not isinstance(v, bool)]
        if len(numbers) == 2 and least <= numbers[0] <= numbers[1]:
            return int(numbers[0]), int(numbers[1])
    raise OptionError(
        f"{name}={value!r} is not a first and last event time from {least} on",
        where=where,
        remedy="Give two whole numbers in order, such as (0, 11); 0 is the first treated period.",
    )
