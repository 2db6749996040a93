"""The same fit on other samples of units: each left out in turn with the weights kept, or drawn anew."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol, runtime_checkable

import numpy as np

from whatworks.arrays import Bools, Floats
from whatworks.errors import DesignError
from whatworks.synth.pool import Pool
from whatworks.synth.problems import Fits, Problems, actual, repeated

_ALL = 1 - 1e-9


@runtime_checkable
class Reweighted(Protocol):
    """A fit that can keep its weights for other problems, and count a unit several times."""

    def keeping(self, first: Problems, others: Problems) -> Fits:
        """B problems answered with the weights of the first."""
        ...

    def resampled(self, problems: Problems, copies: Floats) -> Fits:
        """B problems, each with unit i counted `copies[b, i]` times."""
        ...


def without_each(pool: Pool, units: Bools) -> Problems:
    """The actual problem without each of the units (N,) in turn, as treated unit or as donor."""
    dropped = np.eye(len(units), dtype=bool)[units]
    asked = repeated(pool, len(dropped))
    members = np.where(dropped, 0.0, asked.members)
    total = members.sum(axis=1, keepdims=True)
    return replace(asked, members=members / np.where(total > 0, total, 1.0), allowed=asked.allowed & ~dropped)


def drawn(pool: Pool, copies: Floats) -> Problems:
    """The actual problem on B samples (B, N) of units; each needs a treated unit and a donor."""
    asked = repeated(pool, len(copies))
    members = asked.members * copies
    return replace(
        asked, members=members / members.sum(axis=1, keepdims=True), allowed=asked.allowed & (copies > 0)
    )


def left_out(pool: Pool, fit: Reweighted, fits: Fits, units: Bools) -> Floats:
    """(U, T) gaps without each of the units (N,), the weights kept.

    Raises:
        DesignError: one treated unit, or one donor with all the weight: without it nothing is left.
    """
    if pool.treated.sum() < 2:
        raise DesignError(
            f"only one unit ({pool.treated_name}) starts in {pool.panel.label(pool.start)}; leaving it out "
            "leaves nothing to estimate",
            where="Jackknife",
            remedy="Use PlaceboError(), whose error comes from the donors, or Placebo() for a rank.",
        )
    if fits.weights is not None and fits.weights.max() > _ALL:
        raise DesignError(
            f"the donor {pool.panel.units[int(fits.weights[0].argmax())]} has all the weight; leaving it out "
            "leaves no weights to keep",
            where="Jackknife",
            remedy="Use PlaceboError(), or UnitBootstrap() with many treated units.",
        )
    return fit.keeping(actual(pool), without_each(pool, units)).gaps
