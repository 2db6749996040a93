"""Which clusters were dealt which arms, and the test of a distance over what chance could have dealt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from whatworks.errors import DesignError
from whatworks.inference.randomisation import RandomisationInference
from whatworks.trial import Trial

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Distance = Callable[[Ints], Floats]
"""From (D, G) arms of clusters to (D,) distances of at least 0."""


@dataclass(frozen=True, slots=True, eq=False)
class Tested:
    """A distance, the share of allocations with one at least as large, and how that was found."""

    value: float
    p_value: float
    sentence: str


@dataclass(frozen=True, slots=True, eq=False)
class Dealt:
    """G clusters, each dealt one arm within its block.

    Attributes:
        cluster: (N,) cluster of each unit; its own where units were assigned singly.
        block: (G,) block of each cluster.
        arm: (G,) the arm it was dealt.
        inference: draws and seed.
    """

    cluster: Ints
    block: Ints
    arm: Ints
    inference: RandomisationInference

    @property
    def clusters(self) -> int:
        """How many clusters were dealt."""
        return len(self.block)

    def test(self, distance: Distance) -> Tested:
        """The distance of the actual allocation against those of the allocations that chance could make.

        Raises `DesignError` where chance could have made one only.
        """
        within = replace(self.inference, within=tuple(self.block.tolist()))
        found = within.collect(distance, self.arm)
        count = (found.values >= found.actual * (1 - 1e-9)).sum(axis=0)
        design = found.design
        what = "units" if self.clusters == len(self.cluster) else "clusters"
        blocks = f" within {int(self.block.max()) + 1:,} blocks" if self.block.any() else ""
        return Tested(
            float(found.actual[0]),
            float(design.share.p_value(count)[0]),
            f"{design.how}, the actual one included: arms dealt anew to {self.clusters:,} {what}{blocks}.",
        )


def dealt(trial: Trial, inference: RandomisationInference, *, where: str) -> Dealt:
    """Clusters, blocks and arms of a trial of one row a unit.

    Raises `DesignError` where a cluster lies in several blocks: clusters were then not drawn within them.
    """
    cluster = np.arange(trial.n_rows) if trial.cluster is None else trial.cluster
    block = np.zeros(trial.n_rows, dtype=np.int64) if trial.block is None else trial.block
    first = np.unique(cluster, return_index=True)[1]
    if (block != block[first][cluster]).any():
        raise DesignError(
            "clusters reach over several blocks, so whole clusters were not drawn within blocks",
            where=where,
            remedy="Name as cluster what was assigned as a whole, and as block what holds whole clusters.",
        )
    return Dealt(cluster, block[first], trial.arm[first], inference)
