"""Schedules of place-days: every spot its own control, arms changing in runs of bounded length."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from whatworks.errors import DesignError, OptionError

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Crossover:
    """Each unit spends half its periods in each of two arms, in runs drawn by chance.

    Every schedule of a unit that keeps the rules is equally likely, and units are independent.

    Attributes:
        periods: how many periods (days); of an odd number the control arm gets one more.
        shortest, longest: bounds of a run in one arm.
        washout: first periods of a run after a change of arms that the analysis leaves out.
    """

    periods: int
    shortest: int = 1
    longest: int = 7
    washout: int = 0

    def __post_init__(self) -> None:
        for name, least in (("periods", 2), ("shortest", 1), ("longest", 1), ("washout", 0)):
            value = getattr(self, name)
            if isinstance(value, bool) or value != int(value) or value < least:
                raise OptionError(
                    f"{name}={value!r} is not a whole number of at least {least}",
                    where="Crossover",
                    remedy="Give whole numbers of periods.",
                )
        if self.longest < self.shortest or self.washout >= self.shortest:
            raise OptionError(
                f"runs of {self.shortest} to {self.longest} periods with a wash-out of {self.washout} are "
                "impossible or leave runs without a period to count",
                where="Crossover",
                remedy="Let shortest be at most longest, and longer than the wash-out.",
            )
        if self.ways == 0:
            raise DesignError(
                f"no schedule of {self.periods} periods keeps runs of {self.shortest} to {self.longest} with "
                "both arms equally long",
                where="Crossover",
                remedy="Change the number of periods or widen the bounds.",
            )

    @property
    def ways(self) -> int:
        """How many schedules a single unit can get."""
        return sum(self._ways(self._left, arm) for arm in (0, 1))

    @property
    def _left(self) -> tuple[int, int]:
        return self.periods - self.periods // 2, self.periods // 2

    def _ways(self, left: tuple[int, int], arm: int) -> int:
        return _count(left, arm, self.shortest, self.longest)

    def schedule(self, uniforms: Floats) -> Ints:
        """(periods,) arms of one unit from as many uniforms as there are periods."""
        left, arm = self._left, int(uniforms[0] * self.ways >= self._ways(self._left, 0))
        arms: list[int] = []
        for uniform in [*uniforms[1:].tolist(), 0.5]:
            if len(arms) == self.periods:
                break
            ways = [_after(left, arm, run, self.shortest, self.longest) for run in self._runs()]
            target, run = uniform * sum(ways), 0
            while target >= ways[run] and run < len(ways) - 1:
                target, run = target - ways[run], run + 1
            while ways[run] == 0:  # rounding at the very end of the range
                run -= 1
            length = self.shortest + run
            arms += [arm] * length
            left = _less(left, arm, length)
            arm = 1 - arm
        return np.array(arms, dtype=np.int64)

    def _runs(self) -> range:
        return range(self.shortest, self.longest + 1)

    def washed(self, arms: Ints) -> npt.NDArray[np.bool_]:
        """(periods,) which are left out, being too soon after a change."""
        out = np.zeros(len(arms), dtype=bool)
        for at in np.flatnonzero(np.diff(arms)) + 1:
            out[at : at + self.washout] = True
        return out


@cache
def _count(left: tuple[int, int], arm: int, shortest: int, longest: int) -> int:
    """How many ways there are to go on with a run in `arm`, so many periods of each arm being left."""
    return sum(_after(left, arm, run, shortest, longest) for run in range(shortest, longest + 1))


def _after(left: tuple[int, int], arm: int, run: int, shortest: int, longest: int) -> int:
    rest = _less(left, arm, run)
    if rest[arm] < 0:
        return 0
    return 1 if rest == (0, 0) else _count(rest, 1 - arm, shortest, longest)


def _less(left: tuple[int, int], arm: int, run: int) -> tuple[int, int]:
    return (left[0] - run, left[1]) if arm == 0 else (left[0], left[1] - run)
