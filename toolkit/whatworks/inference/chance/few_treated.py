"""One, two or three treated clusters: what the others' changes say about theirs, rescaled for size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from whatworks.arrays import Bools, Floats, Ints
from whatworks.errors import DesignError, OptionError, first_few
from whatworks.inference import draws as random_draws
from whatworks.inference.errors.wild_refits import TIE
from whatworks.inference.fits.rows import by_cluster
from whatworks.inference.uncertainty import Uncertainty, unknown
from whatworks.results import NotAvailable

UNBOUNDED: Final = (
    "with {count} clusters this test rejects no effect on this side at this level, however large"
)
NO_NOISE: Final = "every cluster changed alike, so nothing shows how far clusters stray by chance"

_NEAREST, _FARTHEST, _RATIO = 0.25, 1e3, 1.5
"""Distances from the estimate, in standard errors, among which the interval's ends are looked for."""

_HALVINGS = 34


@dataclass(frozen=True, slots=True)
class FewTreated:
    """Test and interval with few treated clusters, even one: resampled changes of all, rescaled for size.

    The change of each cluster (after less before) net of the tested effect is divided by the root of its
    variance, modelled as A + B/size, neither below 0; what is left is drawn with replacement and scaled up
    again. It holds if the changes of all clusters come from one distribution but for that scale: not where
    treated clusters were chosen for being noisy. Where sizes are equal it is the homoskedastic test of
    Conley & Taber (2011).

    Attributes:
        draws: bootstrap draws.
        seed: seed of the draws.
        size: how much stands behind each unit (residents, say), in the order of `panel.units`, summed within
            clusters. None: the number of units in a cluster.

    Source: Ferman & Pinto (2019), Review of Economics and Statistics 101(3), sections 3 and 4, null imposed.
    Here residuals are first divided by the root of one less their leverage, and the test is symmetric.
    """

    draws: int = 9999
    seed: int = random_draws.DEFAULT_SEED
    size: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        random_draws.check_draws(self.draws)
        random_draws.check_seed(self.seed)
        if self.size is None:
            return
        size = tuple(float(value) for value in self.size)
        if not all(np.isfinite(value) and value > 0 for value in size):
            raise OptionError(
                "size holds a number that is not above 0",
                where="FewTreated",
                remedy="Give what stands behind each unit, such as its residents, or leave it out.",
            )
        object.__setattr__(self, "size", size)

    def test(
        self,
        change: Floats,
        slope: Floats,
        treated: Bools,
        *,
        cluster: Ints | None = None,
        weight: Floats | None = None,
        level: float = 0.95,
    ) -> Uncertainty:
        """Uncertainty of the difference between the treated units' mean change and the others'.

        Args:
            change: (N,) mean residual after less before, no effect imposed.
            slope: (N,) the same of the treatment indicator; the treated mask itself without covariates.
            treated: (N,) mask.
            cluster: (N,) codes; each unit its own without.
            weight: (N,) unit weights.
            level: coverage of the interval.

        Raises:
            DesignError: a cluster with treated and untreated units, or two clusters in all.
            OptionError: `size` that does not fit the units, or a level outside (0, 1).
        """
        level = random_draws.check_level(level)
        groups = self._groups(change, slope, treated, cluster, weight)
        estimate = float(groups.share @ groups.change)
        std_error = groups.std_error(estimate)
        if std_error <= TIE * np.abs(change).max():
            return unknown(np.array([estimate]), NO_NOISE, level=level)
        p_value = _p_value_of(groups, estimate, self._picks(len(groups.change)))
        ends = np.array([_end(p_value, estimate, side * std_error, round(1 - level, 12)) for side in (-1, 1)])
        open_ended = not np.isfinite(ends).all()
        return Uncertainty(
            value=np.array([estimate]),
            std_error=np.array([std_error]),
            low=ends[:1],
            high=ends[1:],
            p_value=np.array([p_value(0.0)]),
            reason=(UNBOUNDED.format(count=len(groups.change)) if open_ended else "",),
            level=level,
            df=NotAvailable("the test refers to its own draws, not to a t distribution"),
            sentence=self._sentence(groups),
        )

    def _groups(
        self, change: Floats, slope: Floats, treated: Bools, cluster: Ints | None, weight: Floats | None
    ) -> Groups:
        codes = np.arange(len(change)) if cluster is None else np.unique(cluster, return_inverse=True)[1]
        size = np.ones(len(change)) if self.size is None else np.array(self.size)
        if len(size) != len(change):
            raise OptionError(
                f"size has {len(size)} numbers for {len(change)} units",
                where="FewTreated",
                remedy="Give one for each unit, in the order of panel.units.",
            )
        mass = np.ones(len(change)) if weight is None else weight
        total = by_cluster(mass, codes)
        inside = by_cluster(mass * treated, codes)
        _refuse_mixed(np.flatnonzero((inside > 0) & (by_cluster(mass * ~treated, codes) > 0)))
        if len(total) < 3:
            raise DesignError(
                f"{len(total)} clusters are too few: nothing shows how far either strays by chance",
                where="FewTreated",
                remedy="Add comparison clusters, or cluster more finely if treatment was assigned so.",
            )
        contrast = np.where(inside > 0, total, 0) / total[inside > 0].sum()
        contrast = contrast - np.where(inside > 0, 0, total) / total[inside == 0].sum()
        moved = by_cluster(mass * slope, codes) / total
        return Groups(
            change=by_cluster(mass * change, codes) / total,
            slope=moved,
            share=contrast / (contrast @ moved),
            mass=total / total.sum(),
            size=by_cluster(size, codes),
        )

    def _picks(self, groups: int) -> Ints:
        """(draws, G) positions drawn with replacement."""
        bits = np.random.PCG64(np.random.SeedSequence(self.seed))
        return np.asarray(random_draws.uniforms(bits, (self.draws, groups)) * groups, dtype=np.int64)

    def _sentence(self, groups: Groups) -> str:
        fixed, falling = groups.model(0.0)
        how = (
            f"variance of a cluster's change taken as {fixed:.3g} + {falling:.3g}/size, size being "
            + ("the number of its units" if self.size is None else "as given")
            if np.ptp(groups.size) > 0
            else "clusters of equal size taken as equally noisy, as in Conley & Taber 2011"
        )
        return (
            f"Few treated clusters (Ferman & Pinto 2019): changes of all {len(groups.change)} clusters net "
            f"of the tested effect, drawn with replacement {self.draws:,} times (seed {self.seed}; {how}); "
            "valid if treated clusters stray by chance as the others do but for size; the interval holds "
            "every effect that the test does not reject"
        )


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """G clusters.

    Attributes:
        change: (G,) weighted mean change of its units, no effect imposed.
        slope: (G,) how much of an effect is in it.
        share: (G,) coefficient in the estimate, `share @ change`; above 0 where treated.
        mass: (G,) share of all unit weights.
        size: (G,) what the variance depends on.
    """

    change: Floats
    slope: Floats
    share: Floats
    mass: Floats
    size: Floats

    def residual(self, effect: float) -> Floats:
        """(G,) changes net of the effect around their mean, each over the root of one less its leverage."""
        net = self.change - effect * self.slope
        return np.asarray((net - self.mass @ net) / np.sqrt(1 - 2 * self.mass + self.mass @ self.mass))

    def model(self, effect: float) -> tuple[float, float]:
        """A and B of the variance A + B/size with that effect imposed."""
        return variance_model(self.residual(effect) ** 2, self.size)

    def std_error(self, estimate: float) -> float:
        """√Σ share²·(A + B/size), the model fitted to changes around the mean of their own side."""
        squares, size = [], []
        for side in (self.share > 0, self.share < 0):
            if side.sum() < 2:
                continue
            mass = self.mass[side] / self.mass[side].sum()
            net = (self.change - estimate * self.slope)[side]
            squares.append((net - mass @ net) ** 2 / (1 - 2 * mass + mass @ mass))
            size.append(self.size[side])
        if not squares:
            return 0.0
        fixed, falling = variance_model(np.concatenate(squares), np.concatenate(size))
        return float(np.sqrt((self.share**2 * (fixed + falling / self.size)).sum()))


def variance_model(squares: Floats, size: Floats) -> tuple[float, float]:
    """A, B ≥ 0 of the least-squares fit of `squares` (G,) on A + B/size; B is 0 where sizes are equal.

    Source: Ferman & Pinto (2019), section 3, for the form.
    """
    x = 1 / size
    if np.ptp(x) <= 1e-12 * x.max():
        return float(squares.mean()), 0.0
    gap = x - x.mean()
    falling = float(gap @ squares / (gap @ gap))
    fixed = float(squares.mean() - falling * x.mean())
    if falling < 0:
        return float(squares.mean()), 0.0
    if fixed < 0:
        return 0.0, float(x @ squares / (x @ x))
    return fixed, falling


def _refuse_mixed(mixed: Ints) -> None:
    if not len(mixed):
        return
    raise DesignError(
        f"{len(mixed)} clusters hold treated and untreated units (clusters {first_few(mixed + 1)} in sorted "
        "order)",
        where="FewTreated",
        remedy="Cluster by the level at which treatment was assigned, or use WildCluster().",
    )


def _p_value_of(groups: Groups, estimate: float, picks: Ints) -> Callable[[float], float]:
    """From an effect to its p-value, on the same draws throughout; the sample itself counts as one."""
    block = max(1, 2**21 // picks.shape[1])

    def p_value(effect: float) -> float:
        residual = groups.residual(effect)
        fixed, falling = variance_model(residual**2, groups.size)
        root = np.sqrt(fixed + falling / groups.size)
        if not root.all():
            return 1.0
        even, scaled = residual / root, groups.share * root
        bar = abs(estimate - effect) * (1 - TIE)
        count = 0
        for low in range(0, len(picks), block):
            count += int((np.abs(even[picks[low : low + block]] @ scaled) >= bar).sum())
        return (1 + count) / (1 + len(picks))

    return p_value


def _end(p_value: Callable[[float], float], estimate: float, step: float, size: float) -> float:
    """The effect on one side of the estimate beyond which none is left unrejected; NaN where there is none.

    Looked for from far outside inwards, so that the interval also holds effects that stand beyond a rejected
    one.
    """
    if p_value(estimate + 100 * _FARTHEST * step) > size:
        return float("nan")
    distances = _NEAREST * _RATIO ** np.arange(np.ceil(np.log(_FARTHEST / _NEAREST) / np.log(_RATIO)) + 1)
    outside = 100 * _FARTHEST
    for distance in (*distances[::-1].tolist(), 0.0):
        inside = distance
        if distance == 0 or p_value(estimate + distance * step) > size:
            break
        outside = distance
    for _ in range(_HALVINGS):
        half = (inside + outside) / 2
        inside, outside = (half, outside) if p_value(estimate + half * step) > size else (inside, half)
    return float(estimate + inside * step)
