"""Trials in which places change arms: place-days and stepped wedges, not run yet."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np

from whatworks.arrays import Bools, Floats, Ints
from whatworks.errors import OptionError
from whatworks.errors import choose as choose_option
from whatworks.inference import draws as random_draws
from whatworks.rct.assign.designs import SteppedWedge
from whatworks.rct.assign.layout import Layout, shares
from whatworks.rct.assign.rota import Rota
from whatworks.rct.assign.schedule import Crossover
from whatworks.rct.plan import many_over_time
from whatworks.rct.plan.designs import WHERE, Clusters, Lost, Paired, Parallel, check_numbers
from whatworks.rct.plan.noise import Noise, Variance, plain, within

Effect = Literal["exposure_time", "constant"]
"""What a stepped wedge takes the effect to be."""

_SCHEDULES: Final = 64
"""Schedules over which the variance of a crossover is averaged, at least."""


@dataclass(frozen=True, slots=True)
class PlaceDays:
    """Places that change arms from day to day, each its own control.

    Attributes:
        places: how many.
        schedule: the rule by which arms are drawn, as `rct.randomise` takes it: `Crossover` or `Rota`.
        place, day: what a place and a period are.
    """

    places: int
    schedule: Crossover | Rota
    place: str = "hot spot"
    day: str = "day"

    def __post_init__(self) -> None:
        check_numbers(self, "PlaceDays", places=2)

    @property
    def count(self) -> int:
        """Days."""
        return self.schedule.periods

    @property
    def counted(self) -> str:
        """What `count` counts."""
        return f"{self.day}s"

    @property
    def allocations(self) -> int:
        """How many allocations chance could make."""
        return self.schedule.possible(self.places)

    @property
    def mirrored(self) -> bool:
        """Whether every allocation has a mirror image."""
        if isinstance(self.schedule, Rota):
            return 2 * self.schedule.treated == self.places
        return self.schedule.periods % 2 == 0

    def scaled(self, count: int) -> PlaceDays:
        """The same trial over another number of days, or as few more as let every place have equal turns."""
        step = 1
        if isinstance(self.schedule, Rota) and self.schedule.even:
            step = self.places // math.gcd(self.places, self.schedule.treated)
        days = max(2, step * math.ceil(count / step))
        return replace(self, schedule=replace(self.schedule, periods=days))

    def drawn(self) -> tuple[Floats, Bools]:
        """Schedules (S, N, T) as the rule draws them, and which cells the analysis keeps."""
        bits = np.random.PCG64(np.random.SeedSequence(random_draws.DEFAULT_SEED))
        arms = self.schedule.draw(bits, self.places, math.ceil(_SCHEDULES / self.places))
        return arms.astype(np.float64), ~self.schedule.washed(arms)

    def errors(self, noise: Noise, lost: Lost) -> tuple[Variance, float]:
        """Variance of the estimate at each effect, and degrees of freedom: places − 1.

        Place and day effects are taken out; days of a place correlate by ρ^|s−t|, and days lost at random
        leave that much less.
        """
        treated, kept = self.drawn()
        near = _alike(noise.autocorrelation, self.schedule.periods)
        x = many_over_time.demeaned(treated, kept)
        parts = _parts(x / (x**2).sum(axis=(1, 2), keepdims=True), treated, near)
        left = 1 / (1 - float(np.mean(lost)))

        def variance(effect: Floats) -> Floats:
            return left * parts.variance(*noise.within(effect))

        return variance, float(self.places - 1)

    def words(self) -> str:
        """The design at the beginning of a sentence."""
        return f"With {self.places:,} {self.place}s and {self.schedule.periods:,} {self.day}s"


@dataclass(frozen=True, slots=True)
class Wedge:
    """Clusters that all cross from control to treatment, in steps.

    Attributes:
        clusters: how many.
        design: the steps, as `rct.randomise` takes them; the first begins in period `design.first`, the
            trial's own first period being 1.
        size: observations of a cluster in one period.
        periods: how many in all; one step length from the last start on where None.
        effect: `exposure_time` averages over the periods since the start, as `rct.stepped_wedge` does by
            default; `constant` takes one effect for all, which finds far smaller effects and errs where the
            effect grows or fades.
        fades: whether a cluster's own deviations are alike by cac^|s−t| (`over time`) or equally from any
            period to any other (`no`).
        cluster_effects: `fixed`, as the two-way regression of the analysis takes them; `random` for the mixed
            model, which also compares clusters with each other.
        word: what a cluster is.

    Source: Hussey & Hughes (2007), Contemporary Clinical Trials 28(2), for `random`; Hooper, Teerenstra, de
    Hoop & Eldridge (2016), Statistics in Medicine 35(26), for cac; Kasza, Hemming, Hooper, Matthews & Forbes
    (2019), Statistical Methods in Medical Research 28(3), for cac that fades.
    """

    clusters: int
    design: SteppedWedge
    size: float = 1
    periods: int | None = None
    effect: Effect = "exposure_time"
    fades: Literal["no", "over time"] = "no"
    cluster_effects: Literal["fixed", "random"] = "fixed"
    word: str = "cluster"

    def __post_init__(self) -> None:
        check_numbers(self, "Wedge", clusters=3)
        within("size", self.size, 1, math.inf, where="Wedge")
        choose_option("effect", self.effect, ("exposure_time", "constant"), where="Wedge")
        choose_option("fades", self.fades, ("no", "over time"), where="Wedge")
        choose_option("cluster_effects", self.cluster_effects, ("fixed", "random"), where="Wedge")
        if self.clusters < self.design.steps:
            raise OptionError(
                f"{self.clusters} clusters cannot fill {self.design.steps} steps",
                where="Wedge",
                remedy="Use fewer steps.",
            )
        last = self.design.first + (self.design.steps - 1) * self.design.every
        if self.periods is not None and self.periods < last:
            raise OptionError(
                f"periods={self.periods!r} end before the last step begins, in period {last}",
                where="Wedge",
                remedy=f"Give at least {last}.",
            )

    @property
    def length(self) -> int:
        """Periods in all."""
        return self.periods or self.design.first - 1 + self.design.steps * self.design.every

    @property
    def count(self) -> int:
        """Clusters in all."""
        return self.clusters

    @property
    def counted(self) -> str:
        """What `count` counts."""
        return f"{self.word}s"

    @property
    def per_step(self) -> Ints:
        """(steps,) clusters that begin at each."""
        return np.asarray(shares(np.array([self.clusters]), self.design.steps)[0])

    @property
    def allocations(self) -> int:
        """How many allocations chance could make."""
        none = np.empty(0, dtype=np.int64)
        return Layout(none, none, self.per_step[None, :]).possible

    @property
    def mirrored(self) -> bool:
        """Whether every allocation has a mirror image: nobody goes back to control."""
        return False

    def scaled(self, count: int) -> Wedge:
        """The same trial with another number of clusters."""
        return replace(self, clusters=max(count, self.design.steps, 3))

    @property
    def exposed(self) -> Floats:
        """(steps, T) periods since the start, 1 in the first; 0 before."""
        starts = self.design.first - 1 + np.arange(self.design.steps) * self.design.every
        return np.clip(np.arange(self.length)[None, :] - starts[:, None] + 1.0, 0, None)

    @property
    def treated(self) -> Floats:
        """(steps, T) who is treated when."""
        return np.asarray(self.exposed > 0, dtype=float)

    @property
    def regressors(self) -> Floats:
        """(k, steps, T) what the effects stand at, whose mean is the effect."""
        exposed = self.exposed
        if self.effect == "constant":
            return np.asarray(exposed > 0, dtype=float)[None]
        times = np.arange(1, exposed.max() + 1)
        return np.asarray(exposed == times[:, None, None], dtype=float)

    def errors(self, noise: Noise, lost: Lost) -> tuple[Variance, float]:
        """Variance of the estimate at each effect, and degrees of freedom.

        Those of Bell & McCaffrey for `fixed` cluster effects, as the analysis has them; clusters − 2 for
        `random` ones. Raises `OptionError` for exposure times that cannot be told apart.
        """
        near, shared = _alike(noise.autocorrelation, self.length), _alike(noise.cac, self.length)
        if self.fades == "no":
            shared = np.where(np.eye(self.length) > 0, 1.0, noise.cac)
        per_arm = self.size * (1 - np.array(lost))
        regression = many_over_time.Steps.of(self.regressors, self.per_step)
        if np.isnan(regression.weight).any():
            raise OptionError(
                "periods and exposure times cannot be told apart: too few periods are free of treatment",
                where="Wedge",
                remedy='Let the first step begin in period 2 or later, or take effect="constant".',
            )
        fixed = self.cluster_effects == "fixed"

        def variance(effect: Floats) -> Floats:
            inside = [np.ravel(v) / m for v, m in zip(noise.within(effect), per_arm, strict=True)]
            between = np.ravel(np.mean(noise.between(effect), axis=0))
            if fixed:
                found = self._fixed(regression.weight, inside, between, near, shared)
            else:
                found = self._mixed(inside[0], inside[1], between, near, shared)
            return found.reshape(np.shape(effect))

        return variance, _enough(regression.df) if fixed else float(self.clusters - 2)

    def _fixed(
        self, weight: Floats, inside: list[Floats], between: Floats, near: Floats, shared: Floats
    ) -> Floats:
        """(E,) variance of least squares with cluster and period effects."""
        many = self.per_step
        common = _parts(weight[None], np.ones_like(weight), shared, many).on
        parts = _parts(weight[None], self.treated, near, many)
        return parts.variance(inside[0], inside[1]) + between * common

    def _mixed(self, off: Floats, on: Floats, between: Floats, near: Floats, shared: Floats) -> Floats:
        """(E,) variance of generalised least squares with period effects (Hussey & Hughes, equation 7)."""
        T, regressors = self.length, self.regressors
        mean = np.concatenate([np.zeros(T), np.full(len(regressors), 1 / len(regressors))])
        total = np.zeros((len(off), len(mean), len(mean)))
        for s, (treated, clusters) in enumerate(zip(self.treated, self.per_step, strict=True)):
            cell = np.sqrt(np.where(treated > 0, on[:, None], off[:, None]))
            covariance = cell[:, :, None] * cell[:, None, :] * near + between[:, None, None] * shared
            Z = np.column_stack([np.eye(T), regressors[:, s].T])
            total += clusters * (Z.T @ np.linalg.solve(covariance, np.broadcast_to(Z, (len(off), *Z.shape))))
        return np.asarray(
            np.linalg.solve(total, np.broadcast_to(mean[:, None], (*total.shape[:2], 1)))[..., 0] @ mean
        )

    def words(self) -> str:
        """The design at the beginning of a sentence."""
        size = f" of {plain(self.size)}" if self.size > 1 else ""
        return (
            f"With {self.clusters:,} {self.word}s{size} crossing over in {self.design.steps} steps within "
            f"{self.length} periods"
        )


Planned = Parallel | Paired | Clusters | PlaceDays | Wedge
"""What `rct.power` takes for a design."""


def check_planned(design: object) -> Planned:
    """The design; raises `OptionError` for anything that is none."""
    if not isinstance(design, Planned):
        raise OptionError(
            f"{type(design).__name__} is no planned trial",
            where=WHERE,
            remedy="Give Parallel, Paired, Clusters, PlaceDays(Crossover) or Wedge(SteppedWedge).",
        )
    return design


@dataclass(frozen=True, slots=True)
class _Parts:
    """What noise of treated cells, of untreated ones and of both together adds to the variance."""

    on: float
    off: float
    mixed: float

    def variance(self, off: Floats, on: Floats) -> Floats:
        return on * self.on + off * self.off + 2 * np.sqrt(on * off) * self.mixed


def _parts(weight: Floats, treated: Floats, near: Floats, many: Ints | None = None) -> _Parts:
    """Parts of Σ wᵢ′Vᵢwᵢ, the variance of Σ w·y, averaged over S tables (S, N, T), units `many` times."""
    on, off = weight * treated, weight * (1 - treated)
    times = np.ones(weight.shape[1]) if many is None else many
    pairs = ((on, on), (off, off), (on, off))
    found = [float((((a @ near) * b).sum(axis=2) @ times).mean()) for a, b in pairs]
    return _Parts(*found)


def _enough(df: float) -> float:
    if not df >= 1:
        raise OptionError(
            f"{df:.3g} degrees of freedom are left", where=WHERE, remedy="Plan more clusters or steps."
        )
    return df


def _alike(correlation: float, periods: int) -> Floats:
    """(T, T) correlation^|s − t|."""
    at = np.arange(periods)
    return np.asarray(np.power(correlation, np.abs(at[:, None] - at[None, :])), dtype=np.float64)
