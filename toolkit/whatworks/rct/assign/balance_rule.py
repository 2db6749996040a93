"""Restricted randomisation: only allocations whose arms are alike on baseline are let through."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import numpy as np

from whatworks.arrays import Bools, Floats, Ints
from whatworks.errors import EstimationError
from whatworks.inference.fits import collinear
from whatworks.rct.assign.designs import WHERE, Balance
from whatworks.rct.assign.layout import Layout

ENUMERATED: Final = 20_000
"""Up to this many allocations all are judged, so that the number let through is exact."""

_CHUNK: Final = 2000


@dataclass(frozen=True, slots=True, eq=False)
class Restricted:
    """An allocation that kept the rule.

    Attributes:
        arms: (G,) what was drawn.
        cutoff: the largest distance let through.
        admissible: how many allocations are let through; estimated from the share where not all were judged.
        attempts: draws until the first was let through.
    """

    arms: Ints
    cutoff: float
    admissible: int
    attempts: int


def distances(arms: Ints, baseline: Floats) -> Floats:
    """(D,) the largest Mahalanobis distance between two arms' baseline means, for allocations (D, G).

    Scaled by the covariance of the baseline (K, G) itself, so that it is the same for every allocation.
    """
    centred = baseline - baseline.mean(axis=1, keepdims=True)
    inverse = collinear.normal_inverse(np.atleast_2d(np.cov(baseline)), rcond=1e-12)
    members = (arms[:, None, :] == np.arange(int(arms.max()) + 1)[None, :, None]).astype(np.float64)
    means = np.einsum("dag,kg->dak", members, centred) / members.sum(axis=2)[:, :, None]
    gap = means[:, :, None] - means[:, None, :]
    squared = np.einsum("dabk,kl,dabl->dab", gap, inverse, gap).max(axis=(1, 2))
    return np.asarray(np.sqrt(np.maximum(squared, 0.0)))


def within(arms: Ints, baseline: Floats, cutoff: float) -> Bools:
    """(D,) which allocations (D, G) lie no farther than the cutoff."""
    return np.asarray(distances(arms, baseline) <= cutoff * (1 + 1e-12))


def _part(share: float, possible: int) -> int:
    return int(share * possible) if possible < 10**300 else int(Fraction(share) * possible)


def restricted(layout: Layout, baseline: Floats, balance: Balance, bits: np.random.PCG64) -> Restricted:
    """Draw until an allocation is among the closest `accept` of all, or of those tried.

    Raises `EstimationError` where none is found in a hundred times the expected number of draws.
    """
    few = layout.possible <= ENUMERATED
    judged = distances(
        np.concatenate(list(layout.every())) if few else layout.draw(bits, balance.tried), baseline
    )
    place = max(int(np.floor(balance.accept * len(judged) + 1e-9)), 1)
    cutoff = float(np.sort(judged)[place - 1])
    share = float((judged <= cutoff * (1 + 1e-12)).mean())
    admissible = round(share * len(judged)) if few else _part(share, layout.possible)
    attempts = 0
    while attempts < 100 / balance.accept + _CHUNK:
        drawn = layout.draw(bits, _CHUNK)
        good = np.flatnonzero(within(drawn, baseline, cutoff))
        if good.size:
            return Restricted(drawn[good[0]], cutoff, admissible, attempts + int(good[0]) + 1)
        attempts += _CHUNK
    raise EstimationError(
        f"no allocation kept the balance rule in {attempts:,} draws",
        where=WHERE,
        remedy="Accept a larger share.",
    )
