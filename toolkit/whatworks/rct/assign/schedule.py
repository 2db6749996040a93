"""Schedules of place-days: every spot its own control, arms changing in runs of bounded length."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from whatworks.arrays import Bools, Floats, Ints
from whatworks.errors import DesignError, OptionError
from whatworks.inference import draws as random_draws
from whatworks.rct.assign.washout import washed, whole_number

MOST: Final = 1000
"""Schedules longer than this come in more ways than a floating-point number can hold."""


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
            whole_number(getattr(self, name), name, least, where="Crossover")
        if self.periods > MOST:
            raise OptionError(
                f"a schedule of {self.periods:,} periods is longer than {MOST:,}",
                where="Crossover",
                remedy="Draw one schedule after the other, each with a seed of its own.",
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
        return sum(self._from(arm) for arm in (0, 1))

    def possible(self, units: int) -> int:
        """How many schedules so many units can get."""
        return int(self.ways**units)

    def counted(self, units: int) -> bool:
        """Whether `possible` is exact: always."""
        return True

    @property
    def _left(self) -> tuple[int, int]:
        return self.periods - self.periods // 2, self.periods // 2

    def _from(self, arm: int) -> int:
        """How many schedules begin in an arm."""
        control, treated = self._left
        return int(_grid(control, treated, self.shortest, self.longest)[arm, control, treated])

    def words(self, units: int, labels: tuple[str, ...]) -> str:
        """What was done, for the record."""
        return (
            f"Crossover: each of {units} units spends {self.periods} periods in runs of "
            f"{self.shortest} to {self.longest} in {labels[0]} and {labels[1]}, half in each, every schedule "
            f"equally likely; the first {self.washout} periods after a change are left out."
        )

    def draw(self, bits: np.random.PCG64, units: int, draws: int) -> Ints:
        """(draws, units, periods) arms, drawn at random."""
        keys = random_draws.uniforms(bits, (draws * units, self.periods))
        return self.schedules(keys).reshape(draws, units, self.periods)

    def schedules(self, uniforms: Floats) -> Ints:
        """(R, periods) arms of R units from as many uniforms each as there are periods."""
        ways = _table(*self._left, self.shortest, self.longest)
        left = np.tile(np.array(self._left, dtype=np.int64), (len(uniforms), 1))
        first = (uniforms[:, 0] * float(self.ways) >= float(self._from(0))).astype(np.int64)
        lengths = np.zeros((len(uniforms), self.periods), dtype=np.int64)
        live, arm = np.arange(len(uniforms)), first.copy()
        for step in range(self.periods):
            uniform = uniforms[live, step + 1] if step + 1 < self.periods else np.full(len(live), 0.5)
            run = _pick(ways[left[live, 0], left[live, 1], arm], uniform) + self.shortest
            lengths[live, step] = run
            left[live, arm] -= run
            going = left[live].any(axis=1)
            live, arm = live[going], 1 - arm[going]
            if not len(live):
                break
        arms = (first[:, None] + np.arange(self.periods)) % 2
        return np.repeat(arms.ravel(), lengths.ravel()).reshape(uniforms.shape)

    def every(self) -> Ints:
        """(ways, periods) every schedule of one unit."""
        ways = _grid(*self._left, self.shortest, self.longest)
        rows: list[list[int]] = []

        def go_on(row: list[int], left: tuple[int, int], arm: int) -> None:
            if left == (0, 0):
                rows.append(row)
                return
            for run in range(self.shortest, self.longest + 1):
                rest = (left[0] - run, left[1]) if arm == 0 else (left[0], left[1] - run)
                if min(rest) >= 0 and (rest == (0, 0) or ways[1 - arm][rest]):
                    go_on(row + [arm] * run, rest, 1 - arm)

        for arm in (0, 1):
            go_on([], self._left, arm)
        return np.array(rows, dtype=np.int64)

    def washed(self, arms: Ints) -> Bools:
        """(..., periods) which are left out, being too soon after a change."""
        return washed(arms, self.washout)


def _pick(ways: Floats, uniform: Floats) -> Ints:
    """(R,) which run from (R, runs) numbers of ways to go on with it, each way equally likely."""
    target, run = uniform * ways[:, -1], np.zeros(len(ways), dtype=np.int64)
    runs = ways[:, :-1]
    going = np.ones(len(ways), dtype=bool)
    for j in range(runs.shape[1] - 1):
        going = going & (target >= runs[:, j])
        target = np.where(going, target - runs[:, j], target)
        run += going
    rows = np.arange(len(ways))
    while (over := runs[rows, run] == 0).any():  # rounding at the very end of the range
        run -= over
    return run


@lru_cache(maxsize=4)
def _grid(control: int, treated: int, shortest: int, longest: int) -> npt.NDArray[Any]:
    """(2, control + 1, treated + 1) whole numbers of ways to go on with a run in an arm, by periods left."""
    ways = np.zeros((2, control + 1, treated + 1), dtype=object)
    after = ways.copy()
    after[:, 0, 0] = 1
    for a in range(control + 1):
        for run in range(shortest, min(longest, a) + 1):
            ways[0, a] += after[1, a - run]
        after[0, a] += ways[0, a]
        for run in range(shortest, min(longest, treated) + 1):
            ways[1, a, run:] += after[0, a, : treated + 1 - run]
        after[1, a] += ways[1, a]
    return ways


@lru_cache(maxsize=4)
def _table(control: int, treated: int, shortest: int, longest: int) -> Floats:
    """(control + 1, treated + 1, 2, runs + 1) ways to go on, by periods left, arm and run; last the sum."""
    ways = _grid(control, treated, shortest, longest).astype(np.float64)
    out = np.zeros((control + 1, treated + 1, 2, longest - shortest + 2))
    out[:, :, :, -1] = np.moveaxis(ways, 0, -1)
    ways[:, 0, 0] = 1
    for at, run in enumerate(range(shortest, longest + 1)):
        out[run:, :, 0, at] = ways[1, : max(control + 1 - run, 0)]
        out[:, run:, 1, at] = ways[0, :, : max(treated + 1 - run, 0)]
    return out
