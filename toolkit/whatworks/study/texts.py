"""Two texts that a run made on two platforms: the same words, and numbers that agree."""

from __future__ import annotations

import math
import re

_NUMBER = re.compile(r"[-\u2212]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")


_DRAWN = re.compile(r"(?<=\w-)[0-9a-f]{8}(?=-)")
"""The hash in the ids of a drawing, which follows from its numbers."""


def differs(then: str, now: str, limit: float) -> str:
    """Where two texts part; "" where all words are the same and all numbers agree to `limit` relative.

    With a `limit` of `math.inf` any number may stand where a number stands.
    """
    then, now = _DRAWN.sub("", then), _DRAWN.sub("", now)
    before, after = _NUMBER.split(then), _NUMBER.split(now)
    numbers, others = _NUMBER.findall(then), _NUMBER.findall(now)
    line = 1
    for i, (a, b) in enumerate(zip(before, after, strict=False)):
        if a != b:
            return f"first on line {line}: {a.strip()[:40]!r} is {b.strip()[:40]!r}"
        line += a.count("\n")
        if i < min(len(numbers), len(others)) and not _agree(numbers[i], others[i], limit):
            return f"first on line {line}: {numbers[i]} is {others[i]}"
    return "" if len(before) == len(after) else f"one goes on after line {line}"


def _agree(a: str, b: str, limit: float) -> bool:
    if a == b or math.isinf(limit):
        return True
    # a whole number is a count, a date or a percent that a reader sees: exact
    if not ("." in a or "e" in a.lower()) or not ("." in b or "e" in b.lower()):
        return False
    x, y = (float(text.replace("\u2212", "-")) for text in (a, b))
    return math.isclose(x, y, rel_tol=limit, abs_tol=1e-13)
