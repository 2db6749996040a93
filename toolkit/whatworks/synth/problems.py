"""One fit, asked many times: other targets, other pools, other periods, or another null."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from whatworks.arrays import Bools, Floats
from whatworks.synth.pool import Pool


@dataclass(frozen=True, slots=True, eq=False)
class Problems:
    """B synthetic controls to be found on one table of outcomes.

    Placebos in space change `members` and `allowed`; leaving a donor out changes `allowed`; placebos in time
    and leaving a period out change `pre`; a supposed effect is taken off through `shift`.

    Attributes:
        outcome: (N, T), shared by all.
        members: (B, N) weights of the units whose mean is matched; each row sums to one.
        allowed: (B, N) donors that may be used.
        pre: (B, T) periods that are matched.
        shift: (B, T) taken off the target's path before anything else, or None.
    """

    outcome: Floats
    members: Floats
    allowed: Bools
    pre: Bools
    shift: Floats | None = None

    @property
    def targets(self) -> Floats:
        """(B, T) paths to be matched."""
        paths = self.members @ self.outcome
        return np.asarray(paths if self.shift is None else paths - self.shift)


@dataclass(frozen=True, slots=True, eq=False)
class Fits:
    """What a method found for each of B problems.

    Attributes:
        counterfactual: (B, T) paths without the treatment.
        gaps: (B, T) target less counterfactual.
        weights: (B, N) donor weights, zero for units not allowed; None for a method without donor weights.
    """

    counterfactual: Floats
    gaps: Floats
    weights: Floats | None


Fit = Callable[[Problems], Fits]
"""What a method is to inference and checks: problems in, fits out, nothing remembered."""


def actual(pool: Pool) -> Problems:
    """The one problem that answers the question."""
    return Problems(pool.outcome, pool.members[None], pool.donors[None], pool.pre[None])


def each_as_treated(pool: Pool, sets: Bools, *, treated_as_donor: bool = False) -> Problems:
    """Each set of donors (B, N) in the treated units' place, the rest of the pool its donors."""
    members = sets / sets.sum(axis=1, keepdims=True)
    base = pool.donors | pool.treated if treated_as_donor else pool.donors
    return Problems(pool.outcome, members, base[None] & ~sets, np.repeat(pool.pre[None], len(sets), axis=0))


def repeated(pool: Pool, count: int) -> Problems:
    """The actual problem `count` times, for a change in one of its parts."""
    return Problems(
        pool.outcome,
        np.repeat(pool.members[None], count, axis=0),
        np.repeat(pool.donors[None], count, axis=0),
        np.repeat(pool.pre[None], count, axis=0),
    )


def without_each(pool: Pool, dropped: Bools) -> Problems:
    """The actual problem without each set of donors (B, N)."""
    return replace(repeated(pool, len(dropped)), allowed=pool.donors[None] & ~dropped)


def halves(pre: Bools) -> tuple[Bools, Bools]:
    """The first and the second half of the matched periods (B, T), problem by problem."""
    place, count = np.cumsum(pre, axis=1), pre.sum(axis=1, keepdims=True)
    return np.asarray(pre & (place <= count // 2)), np.asarray(pre & (place > count // 2))
