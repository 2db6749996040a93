"""Size and coverage of CR2, CR3, the jackknife and randomisation inference on panels like London's.

    python benchmarks/calibration_small_samples.py [--sims 2000] [--seed 1] [--only bcu]

Block designs on the panels of `calibration.py`, beside CR1 and the wild bootstrap on the same panels.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np

from calibration import HEADER, MONTHS, START, Drawn, Scenario, Tally, draw_panels, markdown
from whatworks.did.regression.reassign import block_estimates
from whatworks.inference import ClusterRobust, Jackknife, RandomisationInference, WildCluster
from whatworks.inference.fits import two_way_effects
from whatworks.inference.fits.regression import Regression
from whatworks.inference.uncertainty import Uncertainty
from whatworks.panel import NEVER

POST = np.arange(MONTHS) >= START
ONE = np.eye(1)
SCENARIOS = (
    *(Scenario("bcu", m) for m in (2, 3, 4, 6)),
    *(Scenario("borough", m) for m in (2, 4, 8, 16)),
)


def reassigned(drawn: Drawn) -> Uncertainty:
    """Randomisation inference of the block estimate."""
    effect = (drawn.treated[:, None] & POST).astype(float)
    start = np.where(drawn.treated, START, NEVER)
    chance = RandomisationInference(draws=1999)
    return chance.test(
        lambda starts: block_estimates(drawn.outcome, starts == START, POST),
        start,
        cluster=drawn.cluster,
        slope=lambda starts: block_estimates(effect, starts == START, POST),
    )


METHODS: dict[str, Callable[[Regression, Drawn], Uncertainty]] = {
    "CR1, t(G−1)": lambda fit, drawn: ClusterRobust().from_regression(fit, ONE),
    "CR2, Bell–McCaffrey": lambda fit, drawn: ClusterRobust("CR2").from_regression(fit, ONE),
    "CR3, t(G−1)": lambda fit, drawn: ClusterRobust("CR3").from_regression(fit, ONE),
    "jackknife CV3, t(G−1)": lambda fit, drawn: Jackknife().from_regression(fit, ONE),
    "wild, null imposed": lambda fit, drawn: WildCluster(draws=1999).from_regression(fit, ONE),
    "randomisation": lambda fit, drawn: reassigned(drawn),
}


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--sims", type=int, default=2000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--only", default="", help="level to run: bcu or borough")
    asked = options.parse_args()
    print(HEADER, flush=True)
    for scenario in SCENARIOS:
        if asked.only and scenario.level != asked.only:
            continue
        tallies = {name: Tally() for name in METHODS}
        for drawn in draw_panels(scenario, asked.sims, asked.seed):
            effect = (drawn.treated[:, None] & POST).astype(float)[None]
            fit = two_way_effects.fit(drawn.outcome, effect, names=("the treatment",), cluster=drawn.cluster)
            for name, run in METHODS.items():
                tallies[name].add(run(fit, drawn), drawn.truth)
        print("\n".join(markdown(scenario, tallies)), flush=True)


if __name__ == "__main__":
    main()
