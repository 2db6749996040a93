"""Size of the 5% test with 40 clusters and more, by how many of them are treated.

    python benchmarks/calibration_many_clusters.py [--sims 2000] [--seed 1] [--only 48]

Block designs on the panels of `calibration.py`, no effect. A block regression on a complete panel sees each
unit's mean before and its mean after only, so panels are reduced to these two periods first; estimate, errors
and draws are the same. `Analytical()` is the error of did.att_gt where it is the default, on the same change.
Prints size in %, ± one Monte Carlo error, a line per design, and what a regression gets there by default (a
star: with a warning).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Literal

import numpy as np

from calibration import MONTHS, START, Drawn, Scenario, Tally, draw_panels, from_scores, percent
from whatworks.inference import ClusterRobust, WildCluster
from whatworks.inference.default import ClusterCounts, decide
from whatworks.inference.errors.influence import Analytical, analytical, standard_errors
from whatworks.inference.fits import two_way_effects
from whatworks.inference.fits.regression import Regression
from whatworks.inference.fits.rows import by_cluster
from whatworks.inference.uncertainty import Uncertainty

POST = np.arange(MONTHS) >= START
AFTER = np.array([False, True])
ONE = np.eye(1)
DRAWS = 1999

SCENARIOS = (
    *(Scenario("borough", m, copies=2, kept=40) for m in (8, 20)),
    *(Scenario("bcu", m, copies=4) for m in (4, 6, 8, 12, 20, 24)),
    *(Scenario("borough", m, copies=2, kept=60) for m in (20, 30)),
    *(Scenario("borough", m, copies=2) for m in (4, 6, 8, 12, 20)),
    *(Scenario("borough", m, copies=4, kept=100) for m in (4, 6, 8, 12, 20)),
)


def default(scenario: Scenario) -> str:
    """Which of the methods a regression gets by default."""
    ours, rest = scenario.treated, scenario.clusters - scenario.treated
    counts = ClusterCounts(scenario.clusters, ours, ours, rest, rest)
    choice = decide(None, counts, many=ClusterRobust())
    return ("CR1" if isinstance(choice.inference, ClusterRobust) else "wild") + " *" * bool(choice.warnings)


def influence(drawn: Drawn, correction: Literal["did", "clusters"]) -> Uncertainty:
    """The difference of mean changes with the error of its influence function."""
    change = drawn.outcome[:, 1] - drawn.outcome[:, 0]
    sides = (drawn.treated, ~drawn.treated)
    means = [change[side].mean() for side in sides]
    own = sum(
        sign * side * (change - mean) / side.sum()
        for sign, side, mean in zip((1, -1), sides, means, strict=True)
    )
    clusters = int(drawn.cluster.max()) + 1
    sums = by_cluster(np.asarray(own)[:, None], drawn.cluster, clusters)
    choice = Analytical(correction)
    return analytical(
        np.array([means[0] - means[1]]),
        standard_errors(sums),
        ("",),
        choice=choice,
        n_clusters=clusters,
        level=0.95,
        by="clusters",
    )


METHODS: dict[str, Callable[[Regression, Drawn], Uncertainty]] = {
    "CR1, t(G−1)": lambda fit, drawn: ClusterRobust().from_regression(fit, ONE),
    "CR2, Bell–McCaffrey": lambda fit, drawn: ClusterRobust("CR2").from_regression(fit, ONE),
    "CR3, t(G−1)": lambda fit, drawn: ClusterRobust("CR3").from_regression(fit, ONE),
    "wild, null imposed": lambda fit, drawn: WildCluster(draws=DRAWS).from_regression(fit, ONE),
    "wild, scores": lambda fit, drawn: from_scores(drawn.outcome, drawn, AFTER, draws=DRAWS),
    "influence, normal": lambda fit, drawn: influence(drawn, "did"),
    "influence, t": lambda fit, drawn: influence(drawn, "clusters"),
}


def halves(drawn: Drawn) -> Drawn:
    """The panel of the means before and after."""
    pair = [drawn.outcome[:, ~POST].mean(axis=1), drawn.outcome[:, POST].mean(axis=1)]
    return Drawn(np.stack(pair, axis=1), drawn.cluster, drawn.treated, drawn.truth)


def sizes(scenario: Scenario, sims: int, seed: int) -> dict[str, Tally]:
    """What every method said on the same panels."""
    tallies = {name: Tally() for name in METHODS}
    for panel in draw_panels(scenario, sims, seed):
        drawn = halves(panel)
        effect = (drawn.treated[:, None] & AFTER).astype(float)[None]
        fit = two_way_effects.fit(drawn.outcome, effect, names=("the treatment",), cluster=drawn.cluster)
        for name, run in METHODS.items():
            tallies[name].add(run(fit, drawn), drawn.truth)
    return tallies


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--sims", type=int, default=2000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--only", type=int, default=0, help="run designs with so many clusters only")
    asked = options.parse_args()
    names = ("clusters, treated", "default", *METHODS)
    print(f"| {' | '.join(names)} |\n|{'---|' * len(names)}", flush=True)
    for scenario in SCENARIOS:
        if asked.only and scenario.clusters != asked.only:
            continue
        tallies = sizes(scenario, asked.sims, asked.seed)
        cells = [percent(float(np.mean(tally.rejected)), asked.sims) for tally in tallies.values()]
        design = (f"{scenario.clusters}, {scenario.treated}", default(scenario))
        print(f"| {' | '.join((*design, *cells))} |", flush=True)


if __name__ == "__main__":
    main()
