"""The bootstrap over units: everything is estimated again on units drawn with replacement."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from whatworks.arrays import Bools, Floats
from whatworks.errors import DesignError
from whatworks.inference import draws as random_draws
from whatworks.inference.errors.normal import normal
from whatworks.inference.uncertainty import Uncertainty

_TRIES = 100


@dataclass(frozen=True, slots=True)
class UnitBootstrap:
    """Normal intervals whose standard error is the spread of estimates on units drawn with replacement.

    It needs many treated units: with few the spread says more about which of them were drawn.

    Attributes:
        draws: samples of units.
        seed: seed of these draws.

    Source: Arkhangelsky, Athey, Hirshberg, Imbens & Wager (2021), AER 111(12), algorithm 2.
    """

    draws: int = 999
    seed: int = random_draws.DEFAULT_SEED

    def __post_init__(self) -> None:
        random_draws.check_draws(self.draws)
        random_draws.check_seed(self.seed)

    def copies(self, treated: Bools, donors: Bools) -> Floats:
        """(B, N) how often each unit was drawn; samples without treated or with one donor are drawn anew.

        Raises:
            DesignError: hardly any sample has both.
        """
        pool = np.flatnonzero(treated | donors)
        bits = np.random.PCG64(np.random.SeedSequence(self.seed))
        kept: list[Floats] = []
        for _ in range(_TRIES):
            places = (random_draws.uniforms(bits, (self.draws, len(pool))) * len(pool)).astype(np.int64)
            counts = np.zeros((self.draws, len(treated)))
            np.add.at(counts, (np.arange(self.draws)[:, None], pool[places]), 1.0)
            fine = (counts[:, treated] > 0).any(axis=1) & ((counts[:, donors] > 0).sum(axis=1) > 1)
            kept.append(counts[fine])
            if sum(map(len, kept)) >= self.draws:
                return np.concatenate(kept)[: self.draws]
        raise DesignError(
            "hardly any sample of units drawn with replacement holds treated units and two donors",
            where="UnitBootstrap",
            remedy="Use PlaceboError() or Placebo(), which draw among the donors.",
        )

    def test(self, value: Floats, drawn: Floats, *, level: float) -> Uncertainty:
        """Uncertainty of k estimates (k,) from the same estimates on B samples (B, k); the divisor is B."""
        return normal(
            value,
            drawn.std(axis=0),
            level=level,
            sentence=f"Bootstrap standard error over {len(drawn):,} samples of units drawn with replacement, "
            f"weights found anew in each (divisor {len(drawn):,}, seed {self.seed}); normal interval",
        )
