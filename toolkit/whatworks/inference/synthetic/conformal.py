"""Conformal tests and intervals: a supposed effect is taken off, and the residuals change places in time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from whatworks.arrays import Bools, Floats, Ints
from whatworks.errors import choose
from whatworks.inference import draws as random_draws
from whatworks.inference.uncertainty import Uncertainty
from whatworks.results import NotAvailable

Refit = Callable[[Ints, Floats], Floats]
"""From M terms and M supposed effects to (M, T) residuals of fits to all of the term's periods."""

NO_DF: Final = NotAvailable("the test refers to permutations of the residuals, not to a t distribution")
NO_ERROR: Final = "a permutation test has no standard error"
UNBOUNDED: Final = (
    "at this level the test rejects no effect on this side, however large: the fit bends to it, or there are "
    "too few periods"
)
_TIE: Final = 1e-9
_GRID: Final = 25
_NARROWINGS: Final = 6
_WIDENINGS: Final = 4


@dataclass(frozen=True, slots=True)
class Conformal:
    """Tests and intervals from permuting the residuals of a fit under a supposed effect.

    Under each supposed constant effect the fit is made anew on all periods, before and after, with that
    effect taken off; if it is the right one the residuals after the start look like those before. The
    interval is the range of the effects that are not rejected. Valid when the residuals' distribution does
    not depend on time; a national trend that the donors share does no harm.

    Attributes:
        permutations: `cyclic`, all shifts in time, which keeps correlation between neighbours; or `random`,
            which does not and rejects too often where months are correlated.
        statistic: `average`, |mean residual after the start|, or `absolute`, the mean of |residual|.
        draws, seed: of random permutations.

    Source: Chernozhukov, Wüthrich & Zhu (2021), JASA 116(536), sections 2.2 and 2.3.
    """

    permutations: Literal["cyclic", "random"] = "cyclic"
    statistic: Literal["average", "absolute"] = "average"
    draws: int = 999
    seed: int = random_draws.DEFAULT_SEED

    def __post_init__(self) -> None:
        choose("permutations", self.permutations, ("cyclic", "random"), where="Conformal")
        choose("statistic", self.statistic, ("average", "absolute"), where="Conformal")
        random_draws.check_draws(self.draws)
        random_draws.check_seed(self.seed)

    def p_values(self, residuals: Floats, after: Bools) -> Floats:
        """(B,) p-values of rows of residuals (B, T); the periods `after` (T,) are under treatment."""
        row, tie = self._places(after), _TIE * np.abs(residuals).max(axis=1)
        sizes = np.stack([self._size(residuals[:, place]) for place in row])
        return np.asarray((sizes >= sizes[0] - tie).mean(axis=0))

    def test(
        self, refit: Refit, periods: Bools, value: Floats, after: Bools, *, scale: float, level: float
    ) -> Uncertainty:
        """Uncertainty of K terms, each an effect supposed constant over its own periods.

        Args:
            refit: residuals under supposed effects.
            periods: (K, T) periods that take part in each term's fit.
            value: (K,) estimates, where the search for the interval begins.
            after: (K, T) periods over which each term's effect is supposed.
            scale: size of an ordinary gap, in the outcome's unit.
            level: coverage of the intervals.
        """
        random_draws.check_level(level)
        terms = np.arange(len(value))

        def p_of(which: Ints, effects: Floats) -> Floats:
            residuals = refit(which, effects)
            found = np.empty(len(which))
            for k in np.unique(which):
                own = which == k
                used = periods[k]
                found[own] = self.p_values(residuals[own][:, used], after[k][used])
            return found

        ends = _invert(p_of, value, scale, 1 - level)
        gone = np.any(~np.isfinite(ends), axis=1).tolist()
        return Uncertainty(
            value=value,
            std_error=np.full(len(value), np.nan),
            low=ends[:, 0],
            high=ends[:, 1],
            p_value=p_of(terms, np.zeros(len(value))),
            reason=tuple(f"{NO_ERROR}; {UNBOUNDED}" if g else NO_ERROR for g in gone),
            level=level,
            df=NO_DF,
            sentence=self.sentence(int(periods[0].sum())),
        )

    def sentence(self, periods: int) -> str:
        """How the uncertainty was found, for the result."""
        how = f"all {periods} shifts in time"
        if self.permutations == "random":
            how = (
                f"{self.draws:,} random permutations, seed {self.seed}, as if periods were independent: "
                "on simulated counts like London's the 5% test rejected a true null in 12 to 15% of cases"
            )
        return (
            f"Conformal: residuals of a fit to all periods, less a supposed effect, permuted ({how}); the "
            "interval spans the constant effects not rejected"
        )

    def _places(self, after: Bools) -> Ints:
        """(R, P) which residuals stand after the start under each permutation, the identity first."""
        count, where = len(after), np.flatnonzero(after)
        if self.permutations == "cyclic" or len(where) == 1:
            return np.asarray((where[None, :] + np.arange(count)[:, None]) % count)
        bits = np.random.PCG64(np.random.SeedSequence(self.seed))
        order = np.argsort(random_draws.uniforms(bits, (self.draws, count)), axis=1, kind="stable")
        return np.asarray(np.concatenate([where[None], order[:, where]]))

    def _size(self, after: Floats) -> Floats:
        mean = np.abs(after.mean(axis=1)) if self.statistic == "average" else np.abs(after).mean(axis=1)
        return np.asarray(mean)


def _invert(p_of: Callable[[Ints, Floats], Floats], value: Floats, scale: float, rejected: float) -> Floats:
    """(K, 2) the outermost effects that are not rejected; infinite where the search finds no end."""
    ends = np.full((len(value), 2), np.nan)
    for side, sign in enumerate((-1.0, 1.0)):
        inner, outer = value.copy(), np.full(len(value), np.inf)
        searching, reach = np.arange(len(value)), 4.0 * scale
        for _ in range(_WIDENINGS):
            steps = sign * reach * np.linspace(0, 1, _GRID)[1:]
            inner, outer, searching = _bracket(p_of, searching, inner, outer, steps, rejected)
            reach *= 8.0
            if not len(searching):
                break
        closed = np.flatnonzero(np.isfinite(outer))
        for _ in range(_NARROWINGS):
            inner, outer = _narrow(p_of, closed, inner, outer, rejected)
        ends[:, side] = np.where(np.isfinite(outer), inner, sign * np.inf)
    return np.where(np.isfinite(ends), ends, np.nan)


def _bracket(
    p_of: Callable[[Ints, Floats], Floats],
    searching: Ints,
    inner: Floats,
    outer: Floats,
    steps: Floats,
    rejected: float,
) -> tuple[Floats, Floats, Ints]:
    """Move `inner` to the farthest step not rejected; `outer` to the next, which is, where there is one."""
    tried = inner[searching][:, None] + steps
    kept = p_of(np.repeat(searching, len(steps)), tried.ravel()).reshape(tried.shape) > rejected + _TIE
    inner, outer = inner.copy(), outer.copy()
    last = np.where(kept.any(axis=1), len(steps) - 1 - kept[:, ::-1].argmax(axis=1), -1)
    for k, row, at in zip(searching, tried, last, strict=True):
        inner[k] = row[at] if at >= 0 else inner[k]
        outer[k] = row[at + 1] if at + 1 < len(steps) else np.inf
    return inner, outer, searching[last == len(steps) - 1]


def _narrow(
    p_of: Callable[[Ints, Floats], Floats], closed: Ints, inner: Floats, outer: Floats, rejected: float
) -> tuple[Floats, Floats]:
    """One finer look between the last effect kept and the first one rejected."""
    if not len(closed):
        return inner, outer
    shares = np.linspace(0, 1, 10)[1:-1]
    tried = inner[closed][:, None] + shares * (outer - inner)[closed][:, None]
    kept = p_of(np.repeat(closed, len(shares)), tried.ravel()).reshape(tried.shape) > rejected + _TIE
    inner, outer = inner.copy(), outer.copy()
    for k, row, keep in zip(closed, tried, kept, strict=True):
        at = len(row) - 1 - int(keep[::-1].argmax()) if keep.any() else -1
        outer[k] = row[at + 1] if at + 1 < len(row) else outer[k]
        inner[k] = row[at] if at >= 0 else inner[k]
    return inner, outer
