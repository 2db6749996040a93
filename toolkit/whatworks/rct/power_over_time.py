"""Trials in which places change arms: place-days and stepped wedges, not run yet."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from whatworks.errors import OptionError
from whatworks.errors import choose as choose_option
from whatworks.inference import draws as random_draws
from whatworks.rct import two_way_batch
from whatworks.rct.crossover import Crossover
from whatworks.rct.designs import SteppedWedge
from whatworks.rct.layout import Layout, shares
from whatworks.rct.power_designs import WHERE, Clusters, Lost, Paired, Parallel, check_whole
from whatworks.rct.power_noise import Noise, Variance, plain, within
from whatworks.rct.rota import Rota

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

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
        check_whole(self, "PlaceDays", places=2)

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
        parts = _parts(two_way_batch.demeaned(treated, kept), treated, near)
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
        design: the steps, as `rct.randomise` takes them; `design.first` periods come before the first.
        size: observations of a cluster in one period.
        periods: how many in all; one more step length after the last start where None.
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
    fades: Literal["no", "over time"] = "no"
    cluster_effects: Literal["fixed", "random"] = "fixed"
    word: str = "cluster"

    def __post_init__(self) -> None:
        check_whole(self, "Wedge", clusters=3)
        within("size", self.size, 1, math.inf, where="Wedge")
        choose_option("fades", self.fades, ("no", "over time"), where="Wedge")
        choose_option("cluster_effects", self.cluster_effects, ("fixed", "random"), where="Wedge")
        if self.clusters < self.design.steps:
            raise OptionError(
                f"{self.clusters} clusters cannot fill {self.design.steps} steps",
                where="Wedge",
                remedy="Use fewer steps.",
            )
        last = self.design.first + (self.design.steps - 1) * self.design.every
        if self.periods is not None and self.periods <= last:
            raise OptionError(
                f"periods={self.periods!r} end before the last step begins (after {last})",
                where="Wedge",
                remedy=f"Give at least {last + 1}.",
            )

    @property
    def length(self) -> int:
        """Periods in all."""
        return self.periods or self.design.first + self.design.steps * self.design.every

    @property
    def count(self) -> int:
        """Clusters in all."""
        return self.clusters

    @property
    def counted(self) -> str:
        """What `count` counts."""
        return f"{self.word}s"

    @property
    def per_step(self) -> npt.NDArray[np.int64]:
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
    def treated(self) -> Floats:
        """(steps, T) who is treated when."""
        starts = self.design.first + np.arange(self.design.steps) * self.design.every
        return (np.arange(self.length)[None, :] >= starts[:, None]).astype(float)

    def errors(self, noise: Noise, lost: Lost) -> tuple[Variance, float]:
        """Variance of the estimate at each effect, and degrees of freedom: clusters − 2."""
        near, shared = _alike(noise.autocorrelation, self.length), _alike(noise.cac, self.length)
        if self.fades == "no":
            shared = np.where(np.eye(self.length) > 0, 1.0, noise.cac)
        per_arm = self.size * (1 - np.array(lost))
        spread = self._fixed if self.cluster_effects == "fixed" else self._mixed

        def variance(effect: Floats) -> Floats:
            inside = [np.ravel(v) / m for v, m in zip(noise.within(effect), per_arm, strict=True)]
            between = np.ravel(np.mean(noise.between(effect), axis=0))
            return spread(inside[0], inside[1], between, near, shared).reshape(np.shape(effect))

        return variance, float(self.clusters - 2)

    def _fixed(self, off: Floats, on: Floats, between: Floats, near: Floats, shared: Floats) -> Floats:
        """(E,) variance of least squares with cluster and period effects."""
        treated = np.repeat(self.treated, self.per_step, axis=0)[None]
        x = two_way_batch.demeaned(treated)
        common = _parts(x, np.ones_like(x), shared).on
        return _parts(x, treated, near).variance(off, on) + between * common

    def _mixed(self, off: Floats, on: Floats, between: Floats, near: Floats, shared: Floats) -> Floats:
        """(E,) variance of generalised least squares with period effects (Hussey & Hughes, equation 7)."""
        T = self.length
        total = np.zeros((len(off), T + 1, T + 1))
        for treated, clusters in zip(self.treated, self.per_step, strict=True):
            cell = np.sqrt(np.where(treated > 0, on[:, None], off[:, None]))
            covariance = cell[:, :, None] * cell[:, None, :] * near + between[:, None, None] * shared
            Z = np.column_stack([np.eye(T), treated])
            total += clusters * (Z.T @ np.linalg.solve(covariance, np.broadcast_to(Z, (len(off), *Z.shape))))
        return np.asarray(np.linalg.inv(total)[:, -1, -1])

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


def _parts(x: Floats, treated: Floats, near: Floats) -> _Parts:
    """Parts of Σ x̃ᵢ′Vᵢx̃ᵢ / (Σ x̃²)², the variance of Σ x̃y / Σ x̃², averaged over S tables (S, N, T)."""
    scale = 1 / (x**2).sum(axis=(1, 2)) ** 2
    on, off = x * treated, x * (1 - treated)
    pairs = ((on, on), (off, off), (on, off))
    found = [float((((a @ near) * b).sum(axis=(1, 2)) * scale).mean()) for a, b in pairs]
    return _Parts(*found)


def _alike(correlation: float, periods: int) -> Floats:
    """(T, T) correlation^|s − t|."""
    at = np.arange(periods)
    return np.asarray(np.power(correlation, np.abs(at[:, None] - at[None, :])), dtype=np.float64)
