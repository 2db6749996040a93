"""Does the inference of did.poisson keep its promises on London-like crime counts? Bias, coverage and size.

    python benchmarks/calibration_poisson.py [--sims 2000] [--seed 1] [--clusters 4]

Counts of synthetic London (32 boroughs in 12 command units; overdispersed, autocorrelated, spatially
correlated) over 60 months with residents as exposure, treatment of whole command units from month 36 on,
drawn anew for every panel; the truth is the log of the rate ratio. Panels, tallies and table come from
calibration.py beside it.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calibration import HEADER, MONTHS, START, Scenario, Tally, markdown
from whatworks.data.synthetic import expected_counts, london, simulate_counts
from whatworks.did import poisson_core
from whatworks.inference import ClusterRobust, WildCluster
from whatworks.inference.cluster import Regression
from whatworks.inference.default import count_clusters, decide
from whatworks.inference.score_wild import score_bootstrap
from whatworks.inference.uncertainty import Uncertainty

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Held = Callable[[float], Regression]


@dataclass(frozen=True)
class Counted:
    """One panel: counts (N, T), residents (N,), cluster codes (N,) and treated units (N,)."""

    counts: Floats
    residents: Floats
    cluster: Ints
    treated: Bools


def draw_counts(scenario: Scenario, sims: int, seed: int, chunk: int = 100) -> Iterator[Counted]:
    """`sims` panels of London, each with its own assignment and noise."""
    city = london()
    codes = np.unique(city.bcu, return_inverse=True)[1] if scenario.level == "bcu" else np.arange(32)
    mean = expected_counts(scenario.offence, seed=seed, first=2015 * 12, months=MONTHS)
    choose = np.random.Generator(np.random.PCG64(seed))
    post = np.arange(MONTHS) >= START
    for done in range(0, sims, chunk):
        now = min(chunk, sims - done)
        picks = [choose.permutation(scenario.clusters)[: scenario.treated] for _ in range(now)]
        treated = np.stack([np.isin(codes, pick) for pick in picks])
        ratio = np.where(treated[:, :, None] & post, scenario.rate_ratio, 1.0)
        drawn = simulate_counts(mean, seed=seed + 1000 * (done + 1), replications=now, rate_ratio=ratio)
        for r in range(now):
            yield Counted(drawn.counts[r].astype(float), city.population.astype(float), codes, treated[r])


def methods() -> dict[str, Callable[[Regression, Held, Counted], Uncertainty]]:
    one = np.eye(1)

    def default(fit: Regression, held: Held, drawn: Counted) -> Uncertainty:
        counts = count_clusters(drawn.cluster, drawn.treated, ~drawn.treated)
        inference = decide(None, counts, many=ClusterRobust()).inference
        if isinstance(inference, WildCluster):
            return score_bootstrap(inference, fit, held)
        found: Uncertainty = inference.from_regression(fit, one)
        return found

    return {
        "CR1, t(G−1)": lambda fit, held, drawn: ClusterRobust().from_regression(fit, one),
        "wild, null free": lambda fit, held, drawn: WildCluster(null="free").from_regression(fit, one),
        "default (wild score)": default,
    }


def calibrate(scenario: Scenario, sims: int, seed: int) -> dict[str, Tally]:
    """Run all methods on the same panels."""
    post = np.arange(MONTHS) >= START
    tallies = {name: Tally() for name in methods()}
    for drawn in draw_counts(scenario, sims, seed):
        effect = (drawn.treated[:, None] & post).astype(float)[None]
        shape = drawn.counts.shape
        offset = np.broadcast_to(np.log(drawn.residents)[:, None], shape)
        found = poisson_core.fit(
            poisson_core.Cells(drawn.counts, offset, np.ones(shape)), effect, ("the treatment",)
        )
        fit = poisson_core.regression(found, drawn.cluster)

        def held(
            value: float,
            found: poisson_core.PoissonFit = found,
            effect: Floats = effect,
            drawn: Counted = drawn,
        ) -> Regression:
            return poisson_core.regression(poisson_core.hold(found, effect, value), drawn.cluster)

        for name, run in methods().items():
            tallies[name].add(run(fit, held, drawn), float(np.log(scenario.rate_ratio)))
    return tallies


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--sims", type=int, default=2000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument(
        "--clusters", type=int, default=0, help="treated command units; 0 runs 2, 3, 4 and 6"
    )
    asked = options.parse_args()
    print(HEADER, flush=True)
    for treated in (asked.clusters,) if asked.clusters else (2, 3, 4, 6):
        for ratio in (1.0, 0.88) if treated == 4 else (1.0,):
            scenario = Scenario("bcu", treated, rate_ratio=ratio)
            print("\n".join(markdown(scenario, calibrate(scenario, asked.sims, asked.seed))), flush=True)


if __name__ == "__main__":
    main()
