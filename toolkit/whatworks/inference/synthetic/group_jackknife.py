"""The delete-a-group jackknife: weights and differences without each group of units in turn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from whatworks.arrays import Bools, Floats, Ints
from whatworks.errors import DesignError, check_whole
from whatworks.inference import draws as random_draws
from whatworks.inference import intervals
from whatworks.inference.synthetic.two_groups import Several, TwoGroups, largest_of
from whatworks.inference.uncertainty import from_errors
from whatworks.results import NotAvailable

FEWEST: Final = 5
NO_SPREAD: Final = "nothing varies between the groups"


@dataclass(frozen=True, slots=True)
class GroupJackknife:
    """Standard errors from weights found anew without each group of units, t on groups − 1.

    Units are dealt at random to the groups, treated and untreated apart, so that each group holds its share
    of both; with clusters, whole clusters are dealt.

    Attributes:
        groups: how many; None: as many as there are treated units (clusters), 50 at most.
        seed: seed of the dealing.

    Source: Kott (2001), Journal of Official Statistics 17(4); as in Robbins, Saunders & Kilmer (2017), JASA
    112(517), section 4.1.
    """

    groups: int | None = None
    seed: int = random_draws.DEFAULT_SEED

    def __post_init__(self) -> None:
        random_draws.check_seed(self.seed)
        if self.groups is not None:
            check_whole(
                "groups",
                self.groups,
                least=FEWEST,
                where="GroupJackknife",
                remedy="Leave it out for as many as there are treated units.",
            )

    def deal(self, groups: TwoGroups) -> Ints:
        """(N,) group of each unit.

        Raises:
            DesignError: fewer treated or comparison units (clusters) than groups, or than five.
        """
        own = groups.treated > 0
        codes = np.arange(len(own)) if groups.cluster is None else groups.cluster
        sides = [np.unique(codes[own]), np.setdiff1d(codes[~own], codes[own])]
        fewest = min(len(side) for side in sides)
        count = min(fewest, 50) if self.groups is None else self.groups
        if count < FEWEST or fewest < count:
            raise DesignError(
                f"{fewest} units (clusters) on one side cannot be dealt to {max(count, FEWEST)} groups",
                where="GroupJackknife",
                remedy="Use PermutationGroups(), which needs no spread among the treated.",
            )
        bits = np.random.PCG64(np.random.SeedSequence(self.seed))
        label = np.zeros(int(codes.max()) + 1, dtype=np.int64)
        offset = 0
        for side in sides:
            order = np.argsort(random_draws.uniforms(bits, (len(side),)), kind="stable")
            label[side[order]] = (offset + np.arange(len(side))) % count
            offset += len(side)
        return np.asarray(label[codes])

    def assess(
        self, groups: TwoGroups, refit: Callable[[Bools], tuple[Floats, Floats]], *, level: float
    ) -> Several:
        """Uncertainty of the mean difference and of each period's, for every outcome.

        Args:
            groups: the actual ones.
            refit: from (G, N) units that stay to (G, N) weights of the treated and of the comparison.
            level: coverage of the intervals.

        Raises:
            DesignError: as `deal`.
        """
        random_draws.check_level(level)
        dealt = self.deal(groups)
        count = int(dealt.max()) + 1
        stay = dealt[None, :] != np.arange(count)[:, None]
        value = groups.differences
        again = np.stack(
            [
                TwoGroups(groups.outcome, one, other, groups.features).differences
                for one, other in zip(*refit(stay), strict=True)
            ]
        )
        moved = (again - value).reshape(count, -1) * np.sqrt((count - 1) / count)
        error = np.sqrt((moved**2).sum(axis=0))
        error = np.where(error > 0, error, np.nan)
        df = float(count - 1)
        found = from_errors(
            value.ravel(),
            error,
            ("" if e > 0 else NO_SPREAD for e in error),
            df=df,
            level=level,
            sentence=f"Jackknife over {count} random groups (seed {self.seed}), weights found anew without "
            f"each; t with {count - 1} degrees of freedom",
        )
        first = np.arange(len(value)) * value.shape[1]
        covariance = moved[:, first].T @ moved[:, first]
        spread = float(error[0]) if error[0] > 0 else NotAvailable(NO_SPREAD)
        mde = intervals.smallest_detectable(spread, df, level)
        return Several(found, largest_of(value[:, 0], covariance, "the jackknife"), mde, self.seed)
