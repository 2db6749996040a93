"""Standard errors from the spread of placebo estimates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from whatworks.arrays import Bools, Floats
from whatworks.inference import draws as random_draws
from whatworks.inference.errors.normal import normal
from whatworks.inference.synthetic.placebo import Placebo, shuffled, stand_ins
from whatworks.inference.uncertainty import Uncertainty

_TIE = 1e-9


@dataclass(frozen=True, slots=True)
class PlaceboError:
    """Normal intervals whose standard error is the spread of estimates made with donors as if treated.

    `Placebo` ranks the treated unit among the same placebos instead. Where one unit is treated, no error
    exists without supposing, as both do, that it strays by chance as the donors do.

    Attributes:
        draws: placebo sets drawn where several units are treated and there are more sets than that.
        seed: seed of these draws.

    Source: Arkhangelsky, Athey, Hirshberg, Imbens & Wager (2021), AER 111(12), algorithm 4.
    """

    draws: int = 999
    seed: int = random_draws.DEFAULT_SEED

    def __post_init__(self) -> None:
        random_draws.check_draws(self.draws)
        random_draws.check_seed(self.seed)

    def sets(self, donors: Bools, treated: int) -> Bools:
        """(B, N) sets of donors to stand in for the treated; all of them where they are few."""
        return self.ranking.sets(donors, treated)

    def assignments(self, donors: Bools, sizes: Sequence[int]) -> Bools:
        """(G, B, N): for each draw, disjoint groups of donors of the given sizes, one for each start.

        Raises:
            DesignError: fewer than two donors would be left.
        """
        instead = "use Jackknife() where each start has two treated units"
        order = shuffled(stand_ins(donors, sum(sizes), "PlaceboError", instead), self.draws, self.seed)
        groups = np.zeros((len(sizes), self.draws, len(donors)), dtype=bool)
        ends = np.cumsum(sizes)
        for group, low, high in zip(groups, ends - sizes, ends, strict=True):
            np.put_along_axis(group, order[:, low:high], True, axis=1)
        return groups

    @property
    def ranking(self) -> Placebo:
        """The rank test on the same placebos."""
        return Placebo(draws=self.draws, seed=self.seed)

    def test(self, value: Floats, placebos: Floats, *, level: float) -> Uncertainty:
        """Uncertainty of k estimates (k,) from the same estimates of B placebos (B, k); the divisor is B."""
        return normal(
            value,
            placebos.std(axis=0),
            level=level,
            sentence=f"Placebo standard error: the spread of {len(placebos):,} estimates with donors in the "
            f"treated units' place (divisor {len(placebos):,}); normal interval; right if the treated stray "
            "by chance as the donors do",
        )


def rank_p(value: float, placebos: Floats) -> float:
    """Share of the B placebo estimates (B,) and the actual one that are at least as large in size."""
    every = np.abs(np.append(placebos, value))
    return float((every >= abs(value) * (1 - _TIE)).mean())
