"""Does the test for few treated clusters keep its size on London-like crime rates, and when does it not?

    python benchmarks/calibration_few_treated.py [--sims 2000] [--seed 1]

Block designs on the panels of `calibration.py` with 1, 2, 3 and 4 of 12 command units and 1, 2 and 3 of 32
boroughs treated: drawn at random for every panel, and the ones that vary most from panel to panel.
Beside it the wild bootstrap, the default, which has no answer with one. Then clusters of very different size
whose variance is known to fall with size, the treated one being the smallest or the largest: there the
homoskedastic test (sizes taken as equal) fails. Prints ± Monte Carlo errors (one sd).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from calibration import MONTHS, START, Drawn, Scenario, Tally, draw_panels, percent
from whatworks.data.synthetic import london
from whatworks.inference import FewTreated, WildCluster
from whatworks.inference.fits import two_way_effects
from whatworks.inference.uncertainty import Uncertainty

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

POST = np.arange(MONTHS) >= START
SCENARIOS = (*(Scenario("bcu", m) for m in (1, 2, 3, 4)), *(Scenario("borough", m) for m in (1, 2, 3)))
POPULATION = tuple(london().population.astype(float))
METHODS = {
    "few treated, sizes by units": FewTreated(draws=499),
    "few treated, sizes by residents": FewTreated(draws=499, size=POPULATION),
}
UNEVEN = np.array([1.0, *np.repeat([1.0, 2, 4, 8, 16], 6), 16.0])


def changes(outcome: Floats) -> Floats:
    """(..., N) mean after less before."""
    return np.asarray(outcome[..., POST].mean(axis=-1) - outcome[..., ~POST].mean(axis=-1))


def few(method: FewTreated, drawn: Drawn) -> Uncertainty:
    """The test on one panel."""
    return method.test(
        changes(drawn.outcome), drawn.treated.astype(float), drawn.treated, cluster=drawn.cluster
    )


def wild(drawn: Drawn) -> Uncertainty:
    """The wild bootstrap on one panel."""
    effect = (drawn.treated[:, None] & POST).astype(float)[None]
    fit = two_way_effects.fit(drawn.outcome, effect, names=("the treatment",), cluster=drawn.cluster)
    return WildCluster(draws=999).from_regression(fit, np.eye(1))


def noisiness(drawn: list[Drawn]) -> Ints:
    """Clusters from the one whose mean change varies least from panel to panel to the one where most."""
    cluster = drawn[0].cluster
    W = np.stack([np.bincount(cluster, changes(d.outcome)) / np.bincount(cluster) for d in drawn])
    return np.argsort(W.std(axis=0))


def designs(scenario: Scenario, drawn: list[Drawn]) -> Iterator[tuple[str, list[Drawn]]]:
    """The same panels, without effect, under two ways of treating clusters."""
    yield "at random", drawn
    noisiest = noisiness(drawn)[-scenario.treated :]
    yield "the noisiest", [replace(d, treated=np.isin(d.cluster, noisiest)) for d in drawn]


def row(scenario: Scenario, how: str, name: str, found: list[Uncertainty]) -> str:
    """One line: size, share of open intervals, median width of the others."""
    tally = Tally()
    for one in found:
        tally.add(one, 0.0)
    width = np.array([one.high[0] - one.low[0] for one in found])
    cells = (
        f"{scenario.treated} of {scenario.clusters} ({scenario.level})",
        how,
        name,
        percent(float(np.mean(tally.rejected)), len(found)),
        percent(float(np.mean(tally.covered)), len(found)),
        f"{100 * np.mean(tally.open_ended):.0f}",
        f"{np.nanmedian(width):.3f}" if np.isfinite(width).any() else "open",
    )
    return f"| {' | '.join(cells)} |"


def uneven(sims: int, seed: int) -> Iterator[str]:
    """One treated of 32 clusters of sizes 1 to 16, variance 0.2 + 1/size, normal changes."""
    draw = np.random.Generator(np.random.PCG64(seed))
    stack = draw.standard_normal((sims, len(UNEVEN))) * np.sqrt(0.2 + 1 / UNEVEN)
    for which, g in (("smallest", 0), ("largest", len(UNEVEN) - 1)):
        treated = np.arange(len(UNEVEN)) == g
        for name, method in (
            ("variance A + B/size", FewTreated(draws=499, size=tuple(UNEVEN))),
            ("equal variances", FewTreated(draws=499)),
        ):
            rejected = [
                method.test(change, treated.astype(float), treated).p_value[0] <= 0.05 for change in stack
            ]
            yield f"| the {which} | {name} | {percent(float(np.mean(rejected)), sims)} |"


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--sims", type=int, default=2000)
    options.add_argument("--seed", type=int, default=1)
    asked = options.parse_args()
    print(
        "| treated | which | inference | size of 5% test, % | coverage of 95%, % | open, % | median width |"
    )
    print("|---|---|---|---|---|---|---|", flush=True)
    for scenario in SCENARIOS:
        drawn = list(draw_panels(scenario, asked.sims, asked.seed))
        for how, panels in designs(scenario, drawn):
            for name, method in METHODS.items():
                print(row(scenario, how, name, [few(method, d) for d in panels]), flush=True)
            if how == "at random" and scenario.treated > 1:
                print(row(scenario, how, "wild bootstrap", [wild(d) for d in panels]), flush=True)
    print("\n| treated cluster | inference | size of 5% test, % |\n|---|---|---|")
    for line in uneven(asked.sims, asked.seed):
        print(line, flush=True)


if __name__ == "__main__":
    main()
