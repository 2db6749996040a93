"""Rotas of place-days: so many spots are treated each day, and every spot takes its turn."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb

import numpy as np

from whatworks.arrays import Bools, Floats, Ints
from whatworks.errors import DesignError, OptionError
from whatworks.inference import draws as random_draws
from whatworks.rct.assign.washout import washed, whole_number

WHERE = "Rota"

_PATIENCE = 200
"""Attempts for each schedule before the rules count as impossible."""


@dataclass(frozen=True, slots=True)
class Rota:
    """Each day a fixed number of the units gets the treatment, drawn by chance.

    Days are drawn one after the other. With `even`, a unit that has fallen behind is the likelier to be drawn
    (odds: turns left over days left without one), so that all come out with equally many turns; where the
    rules leave no choice they decide. A schedule that runs into a dead end is drawn again as a whole.

    Attributes:
        periods: how many periods (days).
        treated: how many units are treated in each.
        even: whether every unit gets equally many treated periods over the whole schedule.
        longest: most treated periods in a row for a unit; None for no bound.
        washout: first periods of a run after a change of arms that the analysis leaves out.

    Source: for the odds, Chen, Diaconis, Holmes & Liu (2005), Journal of the American Statistical
    Association 100(469), section 3; drawn by the keys of Efraimidis & Spirakis (2006), Information Processing
    Letters 97(5).
    """

    periods: int
    treated: int
    even: bool = True
    longest: int | None = None
    washout: int = 0

    def __post_init__(self) -> None:
        for name, least in (("periods", 2), ("treated", 1), ("washout", 0)):
            whole_number(getattr(self, name), name, least, where=WHERE)
        if self.longest is not None:
            whole_number(self.longest, "longest", 1, where=WHERE)
        if self.washout >= (self.periods if self.longest is None else self.longest):
            raise OptionError(
                f"a wash-out of {self.washout} leaves no treated day to count",
                where=WHERE,
                remedy="Let the wash-out be shorter than the longest run.",
            )

    def turns(self, units: int) -> int | None:
        """Treated periods of every unit, None where they may differ; raises `DesignError` if impossible."""
        if self.treated >= units:
            raise DesignError(
                f"{self.treated} of {units} units a day leaves none to compare with",
                where=WHERE,
                remedy="Treat fewer units a day.",
            )
        if not self.even:
            return None
        turns, left = divmod(self.treated * self.periods, units)
        if left:
            raise DesignError(
                f"{self.treated} turns a day over {self.periods} days cannot be shared equally by {units} "
                "units",
                where=WHERE,
                remedy=f"Make periods × treated a multiple of {units}, or say even=False.",
            )
        return turns

    def possible(self, units: int) -> int:
        """How many schedules there are; where `counted` is false at least so many.

        Under `even` or `longest` no formula is known. But the rules treat all units alike, so any of them can
        be those of the first day, and that many schedules there are at least.
        """
        self.turns(units)
        one = comb(units, self.treated)
        return one**self.periods if self.counted(units) else one

    def counted(self, units: int) -> bool:
        """Whether `possible` is exact."""
        return not self.even and (self.longest is None or self.longest >= self.periods)

    def words(self, units: int, labels: tuple[str, ...]) -> str:
        """What was done, for the record."""
        turns = self.turns(units)
        rules = [] if turns is None else [f"each of them on {turns} days in all"]
        rules += [] if self.longest is None else [f"at most {self.longest} days in a row"]
        return (
            f"Rota: on each of {self.periods} days {self.treated} of {units} units in {labels[1]}, the "
            f"others in {labels[0]}{''.join(f', {rule}' for rule in rules)}, drawn day by day; the first "
            f"{self.washout} periods after a change are left out."
        )

    def draw(self, bits: np.random.PCG64, units: int, draws: int) -> Ints:
        """(draws, units, periods) arms, drawn at random.

        Raises:
            DesignError: rules that no schedule keeps, or none that could be found.
        """
        turns = self.turns(units)
        found: list[Ints] = []
        missing, attempts = draws, 0
        while missing:
            arms, whole = self._attempt(bits, units, missing, turns)
            found.append(arms[whole])
            missing, attempts = missing - int(whole.sum()), attempts + len(arms)
            if attempts > _PATIENCE * draws and missing == draws:
                raise DesignError(
                    f"no schedule with these rules was found in {attempts:,} attempts",
                    where=WHERE,
                    remedy="Allow longer runs, or treat fewer units a day.",
                )
        return np.concatenate(found)

    def _attempt(
        self, bits: np.random.PCG64, units: int, draws: int, turns: int | None
    ) -> tuple[Ints, Bools]:
        """(draws, units, periods) arms, and which of the draws (draws,) kept every rule to the end."""
        arms = np.zeros((self.periods, draws, units), dtype=np.int64)
        left = np.full((draws, units), self.periods if turns is None else turns, dtype=np.int64)
        run, whole = np.zeros_like(left), np.ones(draws, dtype=bool)
        for day in range(self.periods):
            keys = random_draws.uniforms(bits, (draws, units))
            may, must = self._rules(left, run, self.periods - day, turns)
            keys = np.log(np.maximum(keys, 2.0**-60)) / self._odds(left, self.periods - day, turns)
            keys = np.where(must, 1.0, np.where(may, keys, -np.inf))
            chosen = np.argpartition(-keys, self.treated - 1, axis=1)[:, : self.treated]
            today = np.zeros((draws, units), dtype=bool)
            np.put_along_axis(today, chosen, True, axis=1)
            whole &= (today <= may).all(axis=1) & (must <= today).all(axis=1)
            arms[day], left = today, left - (today if turns is not None else 0)
            run = np.where(today, run + 1, 0)
        return np.ascontiguousarray(np.moveaxis(arms, 0, 2)), whole

    def _rules(self, left: Ints, run: Ints, days: int, turns: int | None) -> tuple[Bools, Bools]:
        """Which units (draws, units) may be treated today, and which must be, so many days being left."""
        may = np.ones(left.shape, dtype=bool) if self.longest is None else run < self.longest
        if turns is None:
            return may, np.zeros_like(may)
        may = may & (left > 0) & (left - 1 <= self._room(days - 1, run + 1))
        return may, left > self._room(days - 1, np.zeros_like(run))

    def _room(self, days: int, run: Ints) -> Ints:
        """Most treated periods in so many days after a run of given length."""
        if self.longest is None:
            return np.full(run.shape, days, dtype=np.int64)
        at_once = np.clip(self.longest - run, 0, None)
        whole, rest = np.divmod(np.maximum(days - at_once - 1, 0), self.longest + 1)
        later = at_once + whole * self.longest + np.minimum(rest, self.longest)
        return np.where(days <= at_once, days, later)

    def _odds(self, left: Ints, days: int, turns: int | None) -> Floats:
        if turns is None:
            return np.ones(left.shape)
        return np.maximum(left, 1e-9) / np.maximum(days - left, 1e-9)

    def washed(self, arms: Ints) -> Bools:
        """(..., periods) which are left out, being too soon after a change."""
        return washed(arms, self.washout)
