"""Randomisation inference: the assignments that chance could have made instead, all of them or many."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from whatworks.arrays import Bools, Floats, Ints
from whatworks.errors import DesignError, EstimationError, OptionError, first_few
from whatworks.inference import draws as random_draws
from whatworks.inference.chance.chance import Assignments, Chance, Permuted
from whatworks.inference.errors.joint import JointTest
from whatworks.inference.errors.wild import exact_ends, nth_largest
from whatworks.inference.errors.wild_refits import TIE
from whatworks.inference.uncertainty import Uncertainty
from whatworks.results import NotAvailable
from whatworks.shown.words import written

Theta = Callable[[Ints], Floats]
"""From (B, N) assignments of starts to (B,) values of a statistic, or (B, k) of several."""

NO_ERROR: Final = "randomisation inference has no standard error"
NO_INTERVAL: Final = (
    "this statistic is not linear in the outcome, so the test cannot be inverted to an interval"
)
UNBOUNDED: Final = (
    "with {count} possible assignments the randomisation test rejects no effect on this side at this "
    "level, however large"
)

NOT_ABOUT_EFFECTS: Final = (
    "this number takes in periods before the start, where there is no effect for an interval to hold"
)

_WHOLE: Final = 1e-6


@dataclass(frozen=True, slots=True)
class RandomisationInference:
    """Tests and intervals from permuting treatment, its timing included, over whole clusters.

    The clusters' starts are dealt out anew: as many clusters start at each date, and as many never, as did.
    The p-value is the share of assignments, the actual one included, with a statistic at least as far from 0;
    it is exact for the hypothesis of no effect on anyone if chance did assign treatment like this. The
    interval holds every constant effect that is not rejected.

    Attributes:
        draws: random assignments; all are used instead where there are no more of them than that (or 10,000).
        seed: seed of the draws; without effect where all assignments are used.
        within: a label for each unit, in the order of `panel.units`; assignments are permuted only between
            clusters with the same label (blocks). None: between all.

    Source: Imbens & Rubin (2015), Causal Inference, chapter 5; Rosenbaum (2002), Statistical Science 17(3),
    for the interval.
    """

    draws: int = 9999
    seed: int = random_draws.DEFAULT_SEED
    within: tuple[str | int, ...] | None = field(default=None)

    def __post_init__(self) -> None:
        random_draws.check_draws(self.draws)
        random_draws.check_seed(self.seed)
        if self.within is not None:
            object.__setattr__(self, "within", tuple(self.within))

    def assignments(self, start: Ints, cluster: Ints | None = None) -> Assignments:
        """The assignments that the design permits, given the actual starts (N,) and cluster codes (N,).

        Raises:
            DesignError: units of one cluster that start at different dates, or nothing to permute.
            OptionError: `within` that does not fit the units or splits a cluster.
        """
        codes = np.arange(len(start)) if cluster is None else cluster
        _, first, unit = np.unique(codes, return_index=True, return_inverse=True)
        split = np.unique(codes[start != start[first][unit]])
        if len(split):
            raise DesignError(
                f"{len(split)} clusters hold units that start at different dates (codes {first_few(split)})",
                where="RandomisationInference",
                remedy="Treatment was not assigned to these clusters as a whole: cluster by the level at "
                "which it was assigned, or leave the cluster role out when units were assigned one by one.",
            )
        blocks = self._blocks(len(start), first, unit)
        named = self.within is not None
        return self.under(Permuted(np.asarray(start[first]), tuple(blocks), named), unit)

    def under(self, chance: Chance, unit: Ints) -> Assignments:
        """The assignments that a rule permits, `unit` (N,) telling the cluster of each unit.

        Raises:
            DesignError: a rule that permits one assignment only.
        """
        found = Assignments(chance, unit, self.draws, self.seed)
        if found.possible == 1:
            raise DesignError(
                "the design permits one assignment only, the actual one",
                where="RandomisationInference",
                remedy="Each block needs clusters with different starts; check within and the clusters.",
            )
        return found

    def test(
        self,
        theta: Theta,
        start: Ints,
        *,
        cluster: Ints | None = None,
        slope: Theta | None = None,
        level: float = 0.95,
    ) -> Uncertainty:
        """Uncertainty of one statistic, or of several.

        Args:
            theta: from (B, N) starts to (B,) or (B, k) values on the observed outcomes.
            start: (N,) actual starts.
            cluster: (N,) cluster codes; each unit its own without.
            slope: for a statistic that is linear in the outcome, its values on the indicator of actual
                treatment in place of the outcome (1 at the actual assignment); gives the interval.
            level: coverage of the interval.

        Raises:
            DesignError, OptionError: as `assignments`.
            EstimationError: a statistic without a value, or as `uncertainty`.
        """
        level = random_draws.check_level(level)
        return self.uncertainty(self.collect(theta, start, cluster=cluster, slope=slope), level)

    def collect(
        self, theta: Theta, start: Ints, *, cluster: Ints | None = None, slope: Theta | None = None
    ) -> Collected:
        """The statistics under every assignment; arguments and errors as in `test`."""
        return collect(self.assignments(start, cluster), start, theta, slope)

    def uncertainty(self, found: Collected, level: float) -> Uncertainty:
        """Uncertainty of k collected statistics.

        An interval is given where the statistic gives back a constant effect in full (slope 1). Where it
        gives back none or a part (effects before the start), there is a p-value only.

        Raises:
            EstimationError: a slope below 0 or above 1 at the actual assignment.
        """
        design, actual, values = found.design, found.actual, found.values
        # the actual assignment is one of them, however its own arithmetic rounds
        count = np.maximum(as_far(actual, values), int(design.every))
        ends, reason = np.full((2, len(actual)), np.nan), [f"{NO_ERROR}; {NO_INTERVAL}"] * len(actual)
        if found.slope is not None and found.slopes is not None:
            _refuse_slopes(found.slope)
            whole = np.abs(found.slope - 1) <= _WHOLE
            ends[:, whole] = self._invert(found.only(whole), level)
            ends = np.where(np.isfinite(ends), ends, np.nan)
            unbounded = f"{NO_ERROR}; {UNBOUNDED.format(count=written(design.possible))}"
            open_ended = ~np.isfinite(ends).all(axis=0)
            reason = [
                (unbounded if gap else NO_ERROR) if full else f"{NO_ERROR}; {NOT_ABOUT_EFFECTS}"
                for full, gap in zip(whole, open_ended, strict=True)
            ]
        return Uncertainty(
            value=actual,
            std_error=np.full(len(actual), np.nan),
            low=ends[0],
            high=ends[1],
            p_value=design.share.p_value(count),
            reason=tuple(reason),
            level=level,
            df=NotAvailable("the test refers to the assignments themselves, not to a t distribution"),
            sentence=self.sentence(design),
        )

    def largest(self, found: Collected) -> JointTest:
        """Joint test that no assignment mattered to any of the k statistics, by the largest of them.

        Each is measured in the root of its mean square over the assignments.
        """
        spread = np.sqrt((np.vstack([found.actual, found.values]) ** 2).mean(axis=0))
        spread = np.where(spread > 0, spread, 1.0)
        actual = np.abs(found.actual / spread).max()
        values = np.abs(found.values / spread).max(axis=1)
        count = np.array([int((values >= actual * (1 - TIE)).sum())])
        return JointTest(
            statistic=float(actual),
            p_value=float(found.design.share.p_value(count)[0]),
            n_tested=len(found.actual),
            sentence="Largest effect in units of its spread over the assignments. "
            + self.sentence(found.design),
        )

    def sentence(self, design: Assignments) -> str:
        """How the uncertainty was found, for the result."""
        return (
            f"Randomisation inference, {design.chance.words} ({design.how}, the actual one included); "
            f"{design.chance.claim}, and the interval holds every constant effect that the test does not "
            "reject"
        )

    def _invert(self, found: Collected, level: float) -> Floats:
        """(2, k) ends of statistics whose slope is 1."""
        if found.slopes is None or not len(found.actual):
            return np.empty((2, len(found.actual)))
        moved = found.values - found.actual * found.slopes
        tie = TIE * (np.abs(found.values).max(axis=0) + np.abs(found.actual))
        low, high = exact_ends(moved, found.slopes, tie)
        rank = found.design.share.rank(level)
        return np.stack([-nth_largest(-low, rank), nth_largest(high, rank)]) + found.actual

    def _blocks(self, units: int, first: Ints, unit: Ints) -> list[Ints]:
        if self.within is None:
            return [np.arange(len(first))]
        if len(self.within) != units:
            raise OptionError(
                f"within has {len(self.within)} labels for {units} units",
                where="RandomisationInference",
                remedy="Give a label for each unit, in the order of panel.units.",
            )
        _, label = np.unique(np.array([str(name) for name in self.within]), return_inverse=True)
        if (label != label[first][unit]).any():
            raise OptionError(
                "within splits a cluster: its units carry different labels",
                where="RandomisationInference",
                remedy="Treatment is permuted over whole clusters, so a cluster lies in one block.",
            )
        return [np.flatnonzero(label[first] == code) for code in range(int(label.max()) + 1)]


@dataclass(frozen=True, slots=True, eq=False)
class Collected:
    """k statistics under the actual assignment and B others.

    Attributes:
        design: the assignments.
        actual: (k,) on the observed outcomes.
        values: (B, k).
        slope: (k,) the same statistics of the indicator of actual treatment, or None where not linear.
        slopes: (B, k).
    """

    design: Assignments
    actual: Floats
    values: Floats
    slope: Floats | None
    slopes: Floats | None

    def only(self, keep: Bools) -> Collected:
        """Some of the statistics."""
        return self.combined(np.eye(len(self.actual))[keep])

    def combined(self, contrasts: Floats) -> Collected:
        """Linear combinations (m, k) of the statistics."""
        slope = None if self.slope is None else contrasts @ self.slope
        slopes = None if self.slopes is None else self.slopes @ contrasts.T
        return Collected(self.design, contrasts @ self.actual, self.values @ contrasts.T, slope, slopes)


def collect(design: Assignments, actual: Ints, theta: Theta, slope: Theta | None = None) -> Collected:
    """Statistics at the actual assignment (N,) and under all of `design`; arguments as in `test`.

    Raises:
        EstimationError: a statistic without a value.
    """
    wanted = {"theta": theta} if slope is None else {"theta": theta, "slope": slope}
    parts: dict[str, list[Floats]] = {name: [] for name in wanted}
    for block in design:
        for name, statistic in wanted.items():
            parts[name].append(_columns(statistic(block)))
    own = {name: _finite(_columns(statistic(actual[None])), name)[0] for name, statistic in wanted.items()}
    rows = {name: _finite(np.concatenate(part), name) for name, part in parts.items()}
    return Collected(design, own["theta"], rows["theta"], own.get("slope"), rows.get("slope"))


def as_far(actual: Floats, values: Floats) -> Ints:
    """(k,) how many of the values (B, k) lie as far from 0 as the actual ones (k,) or farther."""
    return np.asarray((np.abs(values) >= np.abs(actual) - TIE * np.abs(values).max(axis=0)).sum(axis=0))


def _columns(values: Floats) -> Floats:
    return values.reshape(len(values), -1)


def _refuse_slopes(slope: Floats) -> None:
    odd = slope[(slope < -_WHOLE) | (slope > 1 + _WHOLE)]
    if len(odd):
        raise EstimationError(
            f"the slope at the actual assignment is {odd[0]:.6g}, not 1: the statistic does not give back a "
            "constant effect",
            where="RandomisationInference",
        )


def _finite(values: Floats, name: str) -> Floats:
    if np.isfinite(values).all():
        return values
    raise EstimationError(
        f"{name} has no value for {int((~np.isfinite(values)).sum()):,} of {values.size:,} assignments",
        where="RandomisationInference",
        remedy="The statistic must exist for every assignment that the design permits.",
    )
