"""Placebos in space: where the treated unit's gap ranks among gaps of units that nothing happened to."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb, floor
from typing import Final, Literal

import numpy as np

from whatworks.arrays import Bools, Floats, Ints
from whatworks.errors import DesignError, OptionError, choose
from whatworks.inference import draws as random_draws
from whatworks.inference.fits import rounding
from whatworks.inference.uncertainty import Uncertainty
from whatworks.results import NotAvailable, Number

Statistic = Literal["average", "rmspe_ratio"]
Side = Literal["both", "fall", "rise"]

NO_ERROR: Final = "a placebo rank has no standard error"
NO_DF: Final = NotAvailable("the test refers to the placebos themselves, not to a t distribution")
ONE_SIDED: Final = "a one-sided test bounds the effect on one side only"
NONE_CONSTANT: Final = (
    "no constant effect survives this test: the gap after the start varies more than the placebos' gaps do; "
    'statistic="average" gives an interval for the mean effect'
)
POWER: Final = 0.8
_TIE: Final = 1e-9
_SEARCH: Final = 1e-8


@dataclass(frozen=True, slots=True, eq=False)
class PlaceboRank:
    """The treated unit among its placebos.

    Attributes:
        before: (B + 1,) RMSPE before the start, the treated unit first.
        after: (B + 1,) RMSPE from the start on.
        statistic: (B + 1,) what is ranked, in units of the RMSPE before the start.
        kept: (B + 1,) which take part in the ranking.
        p_value: share of those kept, the treated unit included, with a statistic at least as large.
        smallest: the smallest p-value that this many placebos allow.
    """

    before: Floats
    after: Floats
    statistic: Floats
    kept: Bools
    p_value: float
    smallest: float

    @property
    def ratio(self) -> Floats:
        """(B + 1,) RMSPE after over RMSPE before."""
        return _over(self.after, self.before)


@dataclass(frozen=True, slots=True)
class Placebo:
    """Tests and intervals from pretending that each donor had been treated.

    The p-value is the rank of the treated unit's statistic among all, itself included. It is exact where
    every unit was equally likely to be treated; elsewhere it says how unusual the gap is. The interval holds
    every constant effect that the same statistic does not reject.

    Attributes:
        statistic: `average`, |mean gap after| over RMSPE before, which tests what the headline estimates; or
            `rmspe_ratio`, RMSPE after over RMSPE before, which any pattern of effect can move.
        side: `both`, or only effects that are a `fall` or a `rise`.
        worst_fit: placebos whose RMSPE before is more than so many times the treated unit's do not count; to
            be fixed before looking. None: all count.
        draws: placebo sets drawn where several units are treated and there are more sets than that.
        seed: seed of these draws.
        treated_as_donor: whether the treated units may serve as donors for the placebos.

    Source: Abadie, Diamond & Hainmueller (2010), JASA 105(490), section 2.4, and (2015), AJPS 59(2); the
    interval as in Firpo & Possebom (2018), Journal of Causal Inference 6(2).
    """

    statistic: Statistic = "average"
    side: Side = "both"
    worst_fit: float | None = None
    draws: int = 999
    seed: int = random_draws.DEFAULT_SEED
    treated_as_donor: bool = False

    def __post_init__(self) -> None:
        choose("statistic", self.statistic, ("average", "rmspe_ratio"), where="Placebo")
        choose("side", self.side, ("both", "fall", "rise"), where="Placebo")
        random_draws.check_draws(self.draws)
        random_draws.check_seed(self.seed)
        if self.worst_fit is not None and not self.worst_fit >= 1:
            raise OptionError(
                f"worst_fit={self.worst_fit!r} is not a multiple of at least 1",
                where="Placebo",
                remedy="Give 2 to leave out placebos with a pre-period RMSPE above twice the treated unit's.",
            )

    def sets(self, donors: Bools, treated: int) -> Bools:
        """(B, N) sets of `treated` donors, each once where all are used; drawn with replacement otherwise.

        Raises:
            DesignError: fewer than two donors would be left for a placebo.
        """
        pool = stand_ins(donors, treated, "Placebo", "use Conformal(), which needs none to spare")
        if comb(len(pool), treated) <= self.draws:
            from itertools import combinations

            rows = np.array(list(combinations(pool.tolist(), treated)))
        else:
            rows = shuffled(pool, self.draws, self.seed)[:, :treated]
        sets = np.zeros((len(rows), len(donors)), dtype=bool)
        np.put_along_axis(sets, rows, True, axis=1)
        return sets

    def rank(self, gaps: Floats, pre: Bools, post: Bools, *, none_below: float = 0.0) -> PlaceboRank:
        """The rank of row 0 of the gaps (B + 1, T) among all rows, over the periods `post`.

        What does not exceed `none_below` counts as no gap, before the start as after it (see `precision`).
        """
        least = max(none_below, _TIE * float(np.abs(gaps).max()))
        before, after, above = (
            np.where(one <= least, 0.0, one)
            for one in (
                np.sqrt((gaps[:, pre] ** 2).mean(axis=1)),
                np.sqrt((gaps[:, post] ** 2).mean(axis=1)),
                self._size(gaps[:, post]),
            )
        )
        size = _over(above, before)
        kept = np.ones(len(gaps), dtype=bool)
        if self.worst_fit is not None:
            kept = before <= self.worst_fit * before[0] * (1 + _TIE)
        p_value = float((size[kept] >= size[0] * (1 - _TIE)).mean())
        return PlaceboRank(before, after, size, kept, p_value, 1 / int(kept.sum()))

    def test(
        self, gaps: Floats, pre: Bools, post: Bools, *, level: float, none_below: float = 0.0
    ) -> Uncertainty:
        """Uncertainty of the mean gap of row 0 after the start, and of each of its P gaps there.

        Args:
            gaps: (B + 1, T), the treated unit first.
            pre, post: (T,) periods fitted, and periods under treatment.
            level: coverage of the intervals.
            none_below: size up to which a gap is none.

        Returns:
            1 + P estimates; the interval of each inverts its own test.
        """
        random_draws.check_level(level)
        each = [post, *np.eye(len(post), dtype=bool)[post]]
        rows = [self._one(gaps, pre, where, level, none_below) for where in each]
        value, low, high, p_value = np.array([row[:4] for row in rows]).T
        return Uncertainty(
            value=value,
            std_error=np.full(len(rows), np.nan),
            low=low,
            high=high,
            p_value=p_value,
            reason=tuple(str(row[4]) for row in rows),
            level=level,
            df=NO_DF,
            sentence=self.sentence(self.rank(gaps, pre, post, none_below=none_below)),
        )

    def smallest_detectable(
        self, gaps: Floats, pre: Bools, post: Bools, *, level: float, none_below: float = 0.0
    ) -> Number:
        """The mean effect that four placebos in five would have shown at this level, had it struck them."""
        rank = Placebo("average", self.side, self.worst_fit).rank(gaps, pre, post, none_below=none_below)
        needed = floor((1 - level) * int(rank.kept.sum()) + _TIE)
        if needed < 1:
            return NotAvailable(f"no effect can be found at {level:.0%} with {len(gaps) - 1} placebos")
        others = rank.kept.copy()
        others[0] = False
        cutoff = float(np.sort(rank.statistic[others])[::-1][needed - 1])
        if not np.isfinite(cutoff):
            return NotAvailable("a placebo fits its own past perfectly, so no effect stands out")
        middle, reach = gaps[others][:, post].mean(axis=1), cutoff * rank.before[others]
        sides = {"both": (middle, -middle), "fall": (-middle,), "rise": (middle,)}[self.side]
        wanted = np.sort(np.concatenate([reach - side for side in sides]))
        return float(max(wanted[int(np.ceil(POWER * len(wanted))) - 1], 0.0))

    def sentence(self, rank: PlaceboRank) -> str:
        """How the uncertainty was found, for the result."""
        what = "|mean gap|" if self.statistic == "average" else "RMSPE after"
        side = "" if self.side == "both" else f", {self.side}s only"
        out = int((~rank.kept).sum())
        rule = (
            ""
            if self.worst_fit is None
            else f"; {out} placebos left out, their RMSPE before the start above {self.worst_fit:g} times "
            "the treated unit's"
        )
        return (
            f"Placebos in space: {what} over the RMSPE before the start{side}, ranked among "
            f"{int(rank.kept.sum()) - 1:,} placebos and the treated unit (smallest possible p "
            f"{rank.smallest:.3g}){rule}; exact if each was equally likely to be treated, and the interval "
            "holds every constant effect not rejected"
        )

    def _size(self, after: Floats) -> Floats:
        """(B + 1,) how large the gaps after the start are, on the side asked for."""
        sign = {"both": 0, "fall": -1, "rise": 1}[self.side]
        if self.statistic == "average":
            mean = after.mean(axis=1)
            return np.asarray(np.abs(mean) if sign == 0 else np.maximum(sign * mean, 0.0))
        part = after if sign == 0 else np.maximum(sign * after, 0.0)
        return np.asarray(np.sqrt((part**2).mean(axis=1)))

    def _one(
        self, gaps: Floats, pre: Bools, where: Bools, level: float, none_below: float
    ) -> tuple[float, float, float, float, str]:
        rank = self.rank(gaps, pre, where, none_below=none_below)
        value = float(gaps[0, where].mean())
        low, high, why = self._interval(gaps[0, where], rank, level)
        return value, low, high, rank.p_value, f"{NO_ERROR}{why}"

    def _interval(self, gap: Floats, rank: PlaceboRank, level: float) -> tuple[float, float, str]:
        """Ends, NaN where there are none, and why."""
        reach, why = self._reach(rank, level)
        if why:
            return np.nan, np.nan, f"; {why}"
        if self.statistic == "rmspe_ratio" and self.side != "both":
            return np.nan, np.nan, f"; {ONE_SIDED}, and with this statistic on no closed one"
        spread = float(gap.var()) if self.statistic == "rmspe_ratio" else 0.0
        if reach**2 < spread:
            return np.nan, np.nan, f"; {NONE_CONSTANT}"
        half, middle = float(np.sqrt(reach**2 - spread)), float(gap.mean())
        low = np.nan if self.side == "fall" else middle - half
        high = np.nan if self.side == "rise" else middle + half
        return low, high, "" if self.side == "both" else f"; {ONE_SIDED}"

    def _reach(self, rank: PlaceboRank, level: float) -> tuple[float, str]:
        """The largest gap that is not rejected, or why there is none."""
        count = int(rank.kept.sum())
        needed = floor((1 - level) * count + _TIE)
        if needed < 1:
            return np.nan, (
                f"with {count - 1} placebos the smallest p-value is {rank.smallest:.3g}, so no interval at "
                f"{level:.0%} is bounded"
            )
        others = rank.statistic[1:][rank.kept[1:]]
        reach = float(np.sort(others)[::-1][needed - 1]) * float(rank.before[0])
        return reach, "" if np.isfinite(reach) else "a placebo fits its own past perfectly: no bound exists"


def precision(outcome: Floats) -> float:
    """The size up to which a gap is none: what rounding and the search for weights may leave of it.

    A perfect fit misses by some 1e-11 of how far the outcomes (N, T) lie apart, seldom by more; a thousand
    times that is no gap, nor are 1e-12 of their size, which rounding leaves.
    """
    apart = np.nanmax(outcome, axis=0) - np.nanmin(outcome, axis=0)
    return max(rounding.below(outcome), _SEARCH * float(np.nanmax(apart, initial=0.0)))


def _over(above: Floats, below: Floats) -> Floats:
    """Ratios, infinite over zero, and zero for zero over zero."""
    safe = np.where(below > 0, below, 1.0)
    return np.where(below > 0, above / safe, np.where(above > 0, np.inf, 0.0))


def stand_ins(donors: Bools, treated: int, where: str, instead: str) -> Ints:
    """(P,) positions of the donors (N,) that may stand in for `treated` units.

    Raises `DesignError` where fewer than two would be left over, naming what to do `instead`.
    """
    pool = np.flatnonzero(donors)
    if len(pool) < treated + 2:
        raise DesignError(
            f"{len(pool)} donors are too few to let {treated} of them stand in for the treated",
            where=where,
            remedy=f"Add donors, or {instead}.",
        )
    return pool


def shuffled(pool: Ints, draws: int, seed: int) -> Ints:
    """(B, P) the positions (P,) in random orders; the first J of a row are J drawn without replacement."""
    bits = np.random.PCG64(np.random.SeedSequence(seed))
    keys = random_draws.uniforms(bits, (draws, len(pool)))
    return np.asarray(pool[np.argsort(keys, axis=1, kind="stable")])
