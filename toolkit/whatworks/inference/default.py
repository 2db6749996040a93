"""The one place that says which inference a design gets, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from whatworks.arrays import Bools, Floats, Ints
from whatworks.inference.asked import Admitted
from whatworks.inference.draws import DEFAULT_SEED, check_draws, check_level, check_seed
from whatworks.inference.errors.cluster import ClusterRobust
from whatworks.inference.errors.influence import Analytical
from whatworks.inference.errors.jackknife import Jackknife
from whatworks.inference.errors.sandwich import Conley
from whatworks.inference.errors.wild import WildCluster
from whatworks.inference.fits.regression import Regression
from whatworks.inference.synthetic.placebo_error import PlaceboError
from whatworks.inference.synthetic.unit_bootstrap import UnitBootstrap
from whatworks.inference.uncertainty import Uncertainty, unknown
from whatworks.results import NotAvailable

MANY_CLUSTERS: Final = 40
TRUSTED_SIDE: Final = 20
"""Errors that rest on many clusters are trusted from this many clusters on, with so many on the smaller side.

On synthetic London (benchmarks/calibration_many_clusters.py, 2,000 panels a design) a 5% test with t rejected
a true null in 4.4 to 5.9% of panels from there on; with 48 clusters of which 12, 8, 6 or 4 were treated in 7,
9, 12 and 17%, while the wild bootstrap with the null imposed kept 4.0 to 6.2%.
"""

FEW_DONORS: Final = 7
"""With fewer donors than this a placebo error is too small by far: see `small_pools`."""

FEW_TREATED: Final = 3
"""Up to this many clusters on the smaller side, no error keeps its promise, and the result says so."""

CAUTIOUS_SIDE: Final = 4
CAUTIOUS_FROM: Final = 32
"""With so many clusters on the smaller side, of so many or more, the bootstrap of scores rejects too seldom.

On the same panels, with 4 of 32, 48, 64 and 100 clusters treated, in 3.4, 3.6, 3.1 and 2.9%.
"""

WEBB_BELOW: Final = 6
"""With five clusters or fewer, all sign vectors together cannot reject at 5%; six-point weights can."""


@dataclass(frozen=True, slots=True)
class Default:
    """The default for the design, with the draws and seed to use should it be a bootstrap."""

    draws: int = 9999
    seed: int = DEFAULT_SEED

    def __post_init__(self) -> None:
        check_draws(self.draws)
        check_seed(self.seed)


@dataclass(frozen=True, slots=True)
class ClusterCounts:
    """How many units and clusters stand on either side of the comparison.

    A cluster with treated and untreated units counts on both sides.
    """

    clusters: int
    treated_units: int
    treated_clusters: int
    comparison_units: int
    comparison_clusters: int
    clusters_are_units: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """Which inference to use (or why none exists), the reason, and warnings for the notes."""

    inference: Any
    reason: str
    warnings: tuple[str, ...] = ()

    def from_regression(self, fit: Regression, contrasts: Floats, *, level: float) -> Uncertainty:
        """Uncertainty of `contrasts @ coefficients`, `contrasts` (m, k), or the reason why there is none."""
        check_level(level)
        if isinstance(self.inference, NotAvailable):
            return unknown(contrasts @ fit.coefficients, self.inference.reason, level=level)
        found: Uncertainty = self.inference.from_regression(fit, contrasts, level=level)
        return found

    def seed(self, clusters: int) -> int | None:
        """The seed, where the wild bootstrap drew signs at random."""
        wild = self.inference
        return wild.seed if isinstance(wild, WildCluster) and not wild.enumerates(clusters) else None


@dataclass(frozen=True, slots=True)
class ByClusters(Admitted):
    """The inference objects of a kind of estimate whose default goes by the number of clusters.

    Attributes:
        many: the default with many clusters.
        by_scores: whether the wild bootstrap multiplies scores instead of refitting.
        few: warning for errors that rest on many clusters where there are `{clusters}`, too few.
    """

    many: ClusterRobust | Analytical
    by_scores: bool = False
    few: str = ""

    def settle(self, asked: object, counts: ClusterCounts, where: str) -> Choice:
        """The inference object to use and why; raises `OptionError` for one that does not fit."""
        self.require(asked, where)
        choice = decide(asked, counts, many=self.many, by_scores=self.by_scores)
        if self.few and rests_on_many(choice) and not plenty(counts):
            return replace(choice, warnings=(self.few.format(clusters=counts.clusters),))
        return choice


def draws_of(asked: object) -> Default | None:
    """The draws and seed for a default, None where an inference object was asked for."""
    settings = Default() if asked is None else asked
    return settings if isinstance(settings, Default) else None


def rests_on_many(choice: Choice) -> bool:
    """Whether it is an error that takes clusters to be many, and nobody has been warned that they are few."""
    used = choice.inference
    robust = isinstance(used, ClusterRobust) and used.kind in ("CR0", "CR1")
    return (robust or isinstance(used, Analytical)) and not choice.warnings


def count_clusters(cluster: Ints | None, treated: Bools, comparison: Bools) -> ClusterCounts:
    """Count both sides: `treated` and `comparison` are (N,) masks, `cluster` (N,) codes or None for units."""
    codes = np.arange(len(treated)) if cluster is None else cluster
    used = treated | comparison
    return ClusterCounts(
        clusters=len(np.unique(codes[used])),
        treated_units=int(treated.sum()),
        treated_clusters=len(np.unique(codes[treated])),
        comparison_units=int(comparison.sum()),
        comparison_clusters=len(np.unique(codes[comparison])),
        clusters_are_units=cluster is None,
    )


def decide(
    asked: object, counts: ClusterCounts, *, many: ClusterRobust | Analytical, by_scores: bool = False
) -> Choice:
    """Settle the inference of a design.

    Args:
        asked: an inference object, `Default(...)`, or None for the default.
        counts: the two sides.
        many: the method's own choice for many clusters (`ClusterRobust()`, `Analytical("clusters")`).
        by_scores: whether the method's wild bootstrap multiplies scores instead of refitting.

    A design that permits no error (one treated unit or cluster, one comparison unit or cluster) gets
    `NotAvailable` whatever was asked for.
    """
    missing = no_error(counts)
    if missing is not None:
        return Choice(missing, missing.reason, (missing.reason,))
    warnings = warn(counts)
    settings = draws_of(asked)
    if settings is None:
        return _cautioned(Choice(asked, "as asked for", warnings), counts, by_scores)
    if plenty(counts):
        return Choice(many, f"the default with {counts.clusters} clusters", warnings)
    wild = WildCluster(draws=settings.draws, seed=settings.seed)
    if counts.clusters < WEBB_BELOW:
        wild = replace(wild, weights="webb")
    why = (
        f"the default with only {counts.clusters} clusters"
        if counts.clusters < MANY_CLUSTERS
        else f"the default with only {_smaller_side(counts)} clusters on one side"
    )
    return _cautioned(Choice(wild, why, warnings), counts, by_scores)


def decide_by_units(treated: int, donors: int) -> Choice:
    """The default of synthetic difference-in-differences, by the number of units on either side."""
    if min(treated, donors) >= TRUSTED_SIDE:
        return Choice(UnitBootstrap(), f"the default with {treated} treated units")
    if donors < treated + 2 and treated > 1:
        return Choice(
            Jackknife(), f"the default with {donors} donors, too few to stand in for {treated} treated units"
        )
    units = "one treated unit" if treated == 1 else f"only {treated} treated units"
    if treated >= TRUSTED_SIDE:
        units = f"only {donors} donors"
    return Choice(PlaceboError(), f"the default with {units}")


def small_pools(inference: object, treated: int, donors: int) -> tuple[str, ...]:
    """What a reader must know of a normal test of synthetic difference-in-differences on few units.

    The rates were measured on the kindest panels there are, unit levels and independent normal noise
    (benchmarks/calibration_small_pools.py, 400 panels a design).
    """
    if isinstance(inference, Jackknife) and donors < treated + 2 and treated < TRUSTED_SIDE:
        who, rate = ("8 or fewer", "18 to 28%") if treated <= 8 else ("12", "some 14%")
        said = f"the jackknife rejected in {rate} with {who} treated units and no more donors"
        remedy = f"Add donors until there are {treated + 2} or more, which a placebo error needs"
    elif isinstance(inference, PlaceboError) and donors < TRUSTED_SIDE:
        span, rate = ("3 to 6", "9 to 18%") if donors < FEW_DONORS else ("8 to 16", "1 to 12%")
        said = f"it rejected in {rate} with {span} donors, too often the fewer units are treated"
        remedy = "Read the rank among the placebos beside it, or add donors"
    else:
        return ()
    units = "1 treated unit" if treated == 1 else f"{treated} treated units"
    return (
        f"With {units} and {donors} donors the normal test and its interval are rough: of simulated panels "
        f"without any effect, of which a 5% test should reject 5%, {said}. {remedy}; Conformal() and "
        "Placebo() rest on no normal distribution.",
    )


def _cautioned(choice: Choice, counts: ClusterCounts, by_scores: bool) -> Choice:
    few = counts.clusters >= CAUTIOUS_FROM and _smaller_side(counts) == CAUTIOUS_SIDE
    if not (few and by_scores and isinstance(choice.inference, WildCluster)):
        return choice
    sentence = (
        f"With {CAUTIOUS_SIDE} clusters on one side of {counts.clusters}, the bootstrap of scores is "
        "cautious: on simulated panels like London's a 5% test rejected a true null in about 3% of cases, so "
        "intervals are somewhat too wide."
    )
    return replace(choice, warnings=(*choice.warnings, sentence))


def plenty(counts: ClusterCounts) -> bool:
    """Whether there are clusters enough on both sides for errors that rest on many of them."""
    return counts.clusters >= MANY_CLUSTERS and _smaller_side(counts) >= TRUSTED_SIDE


def no_error(counts: ClusterCounts) -> NotAvailable | None:
    """Why this design has no valid standard error, or None when it can have one."""
    sides: Sequence[tuple[str, int, int]] = (
        ("treated", counts.treated_units, counts.treated_clusters),
        ("comparison", counts.comparison_units, counts.comparison_clusters),
    )
    for side, units, clusters in sides:
        if clusters > 1:
            continue
        who = f"only one {side} unit" if units == 1 else f"all {units} {side} units lie in one cluster"
        word = "unit" if units == 1 else "cluster"
        return NotAvailable(
            f"{who}, so nothing in the data shows how far a {side} {word} strays by chance, and any standard "
            "error printed here would be an artefact; use synthetic control and placebo ranks (placebo in "
            "space), which need only one"
        )
    return None


def warn(counts: ClusterCounts) -> tuple[str, ...]:
    """Sentences about clusters that a reader must know; empty where there are plenty."""
    fewest = _smaller_side(counts)
    if fewest > FEW_TREATED:
        return ()
    side = "treated" if counts.treated_clusters == fewest else "comparison"
    word = "units" if counts.clusters_are_units else "clusters"
    return (
        f"Only {fewest} of {counts.clusters} {word} are {side}. With so few no interval keeps its promise: "
        "on simulated panels like London's, 95% intervals from t covered the truth in 72 to 89% of cases, "
        "and from the wild bootstrap in 92 to 100%. Read the interval as a rough guide and put placebo ranks "
        "beside it.",
    )


def _smaller_side(counts: ClusterCounts) -> int:
    return min(counts.treated_clusters, counts.comparison_clusters)


def placed(choice: Choice, kept: Bools) -> Choice:
    """The choice for the units kept of all: distances between places need only theirs."""
    used = choice.inference
    if isinstance(used, Conley) and len(used.coordinates) == len(kept):
        return replace(choice, inference=replace(used, coordinates=used.coordinates[kept]))
    return choice
