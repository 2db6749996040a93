"""Permutation groups: as many comparison units as were treated, drawn many times and treated alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from whatworks.arrays import Bools, Floats
from whatworks.errors import DesignError, choose
from whatworks.inference import draws as random_draws
from whatworks.inference.errors.joint import JointTest
from whatworks.inference.synthetic.linearised import Linearised
from whatworks.inference.synthetic.placebo import POWER, Placebo
from whatworks.inference.synthetic.two_groups import Several, TwoGroups
from whatworks.inference.uncertainty import Uncertainty
from whatworks.results import NotAvailable, Number

NO_DF: Final = NotAvailable("the test refers to placebo groups, not to a t distribution")
NO_ERROR: Final = "ranks among placebo groups have no standard error"
NO_YARDSTICK: Final = "there is no linearised error to divide by"
_TIE: Final = 1e-9


@dataclass(frozen=True, slots=True)
class PermutationGroups:
    """Tests and intervals from groups of untreated units put in the treated units' place.

    Each group is as large as the treated one and gets weights of its own from the units that remain. The
    p-value is the rank of the actual statistic among all, itself included: exact where every group of units
    was equally likely to be treated. The interval holds the effects whose distance from the estimate, in
    units of the same statistic, is not rejected.

    Attributes:
        draws: groups drawn; all there are where they are fewer.
        seed: seed of the draws.
        statistic: `t`, the difference over its linearised error with the weights taken as fixed, which exists
            for any weights; or `difference` as it stands, which a single treated unit permits too.

    Source: Robbins, Saunders & Kilmer (2017), JASA 112(517), section 4.2, where units treated are drawn too.
    """

    draws: int = 250
    seed: int = random_draws.DEFAULT_SEED
    statistic: Literal["t", "difference"] = "t"

    def __post_init__(self) -> None:
        random_draws.check_draws(self.draws)
        random_draws.check_seed(self.seed)
        choose("statistic", self.statistic, ("t", "difference"), where="PermutationGroups")

    def sets(self, donors: Bools, treated: int) -> Bools:
        """(B, N) groups of `treated` donors; raises `DesignError` where too few would be left to weight."""
        return Placebo(draws=self.draws, seed=self.seed).sets(donors, treated)

    def assess(
        self, groups: TwoGroups, donors: Bools, refit: Callable[[Bools], Floats], *, level: float
    ) -> Several:
        """Uncertainty of the mean difference and of each period's, for every outcome.

        Args:
            groups: the actual ones; clusters have no part in this.
            donors: (N,) units to draw from.
            refit: from (B, N) groups to (B, N) comparison weights.
            level: coverage of the intervals.

        Raises:
            DesignError: too few donors, or no linearised error for the statistic `t`.
        """
        random_draws.check_level(level)
        sets = self.sets(donors, int((groups.treated > 0).sum()))
        actual = self._statistics(groups, groups.treated, groups.comparison)
        if np.isnan(actual[1]).all():
            raise DesignError(
                NO_YARDSTICK,
                where="PermutationGroups",
                remedy='Use PermutationGroups(statistic="difference").',
            )
        weights = refit(sets)
        rows = [
            self._statistics(groups, one / one.sum(), weight)
            for one, weight in zip(sets, weights, strict=True)
        ]
        placebos = np.stack([value / error for value, error in rows])
        return self._ranked(*actual, placebos, level, everything=len(sets) < self.draws)

    def _statistics(self, groups: TwoGroups, treated: Floats, comparison: Floats) -> tuple[Floats, Floats]:
        """(J, 1 + P) differences and what they are divided by."""
        one = TwoGroups(groups.outcome, treated, comparison, groups.features)
        value = one.differences
        if self.statistic == "difference":
            return value, np.ones_like(value)
        if (treated > 0).sum() < 2:
            return value, np.full_like(value, np.nan)
        error = Linearised("survey").errors(one)
        return value, np.where(error > 0, error, np.nan)

    def _ranked(
        self, value: Floats, error: Floats, placebos: Floats, level: float, *, everything: bool
    ) -> Several:
        size = np.abs(np.nan_to_num(placebos, nan=np.inf))
        own = np.abs(value / error)
        beyond = (size >= own * (1 - _TIE)).sum(axis=0)
        p_value = np.where(np.isnan(own), np.nan, (1 + beyond) / (1 + len(size)))
        needed = int(np.floor((1 - level) * (1 + len(size)) + _TIE))
        reach = np.full(value.shape, np.inf)
        if needed >= 1:
            reach = np.sort(size, axis=0)[::-1][needed - 1]
        half = np.where(np.isfinite(reach), reach, np.nan) * error
        found = Uncertainty(
            value=value.ravel(),
            std_error=np.full(value.size, np.nan),
            low=(value - half).ravel(),
            high=(value + half).ravel(),
            p_value=p_value.ravel(),
            reason=tuple(_reason(h, o, len(size), level) for h, o in zip(half.flat, own.flat, strict=True)),
            level=level,
            df=NO_DF,
            sentence=self._sentence(len(size), everything),
        )
        seed = None if everything else self.seed
        mde = _detectable(reach[0, 0], error[0, 0], placebos[:, 0, 0])
        return Several(found, _joint(own[:, 0], size[:, :, 0]), mde, seed, placebos[:, :, 0])

    def _sentence(self, count: int, everything: bool) -> str:
        what = "difference over its linearised error" if self.statistic == "t" else "difference"
        how = f"all {count:,} groups" if everything else f"{count:,} groups drawn, seed {self.seed}"
        return (
            f"Permutation groups: the {what}, ranked among as many untreated units put in the treated units' "
            f"place ({how}; smallest possible p {1 / (1 + count):.3g}); exact if every group was equally "
            "likely to be treated"
        )


def _reason(half: float, own: float, count: int, level: float) -> str:
    if np.isnan(own):
        return f"{NO_ERROR}; {NO_YARDSTICK}"
    if np.isnan(half):
        return f"{NO_ERROR}; with {count} placebo groups no interval at {level:.0%} is bounded"
    return NO_ERROR


def _joint(own: Floats, size: Floats) -> JointTest | None:
    """No mean effect on any outcome: the largest statistic, each outcome in units of its placebos' spread."""
    if len(own) < 2 or not np.isfinite(own).all():
        return None
    spread = np.sqrt(np.mean(np.where(np.isfinite(size), size, 0.0) ** 2, axis=0))
    known = spread > 0
    if not known.any():
        return None
    observed = float((own[known] / spread[known]).max())
    largest = (size[:, known] / spread[known]).max(axis=1)
    p_value = (1 + int((largest >= observed * (1 - _TIE)).sum())) / (1 + len(size))
    return JointTest(
        observed, p_value, len(own), f"Largest statistic of {len(own)} outcomes among the placebo groups'"
    )


def _detectable(reach: float, error: float, placebos: Floats) -> Number:
    """The mean effect that four placebo groups in five would have shown, had it struck them."""
    if not np.isfinite(reach) or not np.isfinite(error):
        return NotAvailable("no effect can be found at this level with so few placebo groups")
    finite = placebos[np.isfinite(placebos)]
    wanted = np.sort(np.concatenate([reach - finite, reach + finite]))
    return float(max(wanted[int(np.ceil(POWER * len(wanted))) - 1], 0.0) * error)
