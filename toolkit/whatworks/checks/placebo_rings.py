"""Rings around places drawn on the map: how large a ring's effect is by chance, neighbours sharing shocks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from whatworks.arrays import Bools, Ints
from whatworks.checks import readings
from whatworks.checks.readings import Estimator
from whatworks.errors import DesignError
from whatworks.inference.chance.randomisation import RandomisationInference
from whatworks.panel import NEVER, Panel

DRAWS: Final = 199
FEWEST: Final = 19
"""With fewer rings than this even the largest is no rarity at 5%."""

LEAST: Final = 2
"""Units on either side of a pretended ring, as of the true one."""


@dataclass(frozen=True, slots=True)
class Place:
    """How many of `count` rings around drawn places have an effect as large as that on the true ring."""

    larger: int
    count: int

    @property
    def p_value(self) -> float:
        """The rank of the true ring, itself included."""
        return (self.larger + 1) / (self.count + 1)

    @property
    def stands_out(self) -> bool:
        """Whether the rank lies below 0.05."""
        return self.p_value < 0.05

    @property
    def sentence(self) -> str:
        """The rank in words."""
        return (
            f"Of {self.count} rings around places drawn on the map {self.larger} changed as much for their "
            f"size (p = {self.p_value:.2g})."
        )


def ring_start(start: Ints, borders: Bools, treated: Bools) -> Ints:
    """(N,) the earliest start among treated neighbours; `NEVER` for treated units and those without any."""
    near = np.where(borders & treated[None, :], start[None, :], NEVER).min(axis=1)
    return np.where(treated, NEVER, near)


def place(panel: Panel, estimate: Estimator, borders: Bools, effect: float) -> Place | None:
    """Set the effect on the true ring among effects on rings around places drawn on the map.

    The true starts are dealt out anew among all units (clusters, where they were treated as wholes). The ring
    of such a draw are the untreated units that border a pretended place, and it is compared with the other
    untreated ones; the truly treated and the pretended places are left out. A ring of r units against f
    scatters with the root of 1/r + 1/f, by which every effect is divided.

    Args:
        panel: the panel of the study.
        estimate: its estimator; only estimates are read.
        borders: (N, N) true where two units border each other.
        effect: the effect on the true ring, on the additive scale.

    Returns:
        None where fewer than 19 of 199 draws leave two units on either side.
    """
    treated = readings.treated_units(panel)
    true = ring_start(panel.start, borders, treated)
    own = abs(effect) / _scatter(true != NEVER, ~treated & (true == NEVER))
    sizes = [
        abs(found) / _scatter(ring, far)
        for found, ring, far in _pretended(panel, estimate, borders, treated)
        if np.isfinite(found)
    ]
    if len(sizes) < FEWEST:
        return None
    return Place(int((np.array(sizes) >= own).sum()), len(sizes))


def _pretended(
    panel: Panel, estimate: Estimator, borders: Bools, treated: Bools
) -> Iterator[tuple[float, Bools, Bools]]:
    for drawn in _draws(panel, treated):
        pretended = drawn != NEVER
        start = np.where(treated, NEVER, ring_start(drawn, borders, pretended))
        ring, far = start != NEVER, ~treated & ~pretended & (start == NEVER)
        if min(ring.sum(), far.sum()) < LEAST:
            continue
        part = panel.select(ring | far).with_start(start[ring | far])
        yield float(readings.effects([part], estimate)[0][0]), ring, far


def _draws(panel: Panel, treated: Bools) -> Iterator[Ints]:
    start = np.where(treated, panel.start, NEVER)
    try:
        design = RandomisationInference(draws=DRAWS).assignments(start, readings.whole_clusters(panel))
    except DesignError:
        return
    rows = np.concatenate(list(design))
    # a small design comes whole and in order, so a part of it must be spread over all of it
    yield from rows[np.unique(np.linspace(0, len(rows) - 1, min(DRAWS, len(rows))).astype(int))]


def _scatter(ring: Bools, far: Bools) -> float:
    return float(np.sqrt(1 / ring.sum() + 1 / far.sum()))
