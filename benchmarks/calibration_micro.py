"""Size of the tests of synth.micro on made-up small areas without any effect.

    OPENBLAS_NUM_THREADS=1 python benchmarks/calibration_micro.py [--panels 500] [--draws 99]

Counts are Poisson around a gamma level of each area (overdispersed), a common season and a slow drift of each
area; two outcomes share the level. 20 of 300 areas are treated, drawn at random or among those with the
largest level; 12 periods before, 4 after. Prints the share of 5% tests that reject, with its Monte-Carlo
error, and the bias of the estimate in its own standard deviations.
"""

from __future__ import annotations

import argparse
from itertools import product

import numpy as np

from whatworks import synth
from whatworks.inference.synthetic.group_jackknife import GroupJackknife
from whatworks.inference.synthetic.linearised import Linearised
from whatworks.inference.synthetic.permutation_groups import PermutationGroups
from whatworks.panel import NEVER, Panel

AREAS, TREATED, PERIODS, START = 300, 20, 16, 13


def panel(seed: int, chosen: str) -> Panel:
    """Two count outcomes and a covariate, no effect anywhere; `chosen` is `random` or `hot`."""
    rng = np.random.default_rng(seed)
    level = rng.gamma(2.0, 2.0, AREAS)
    wealth = rng.normal(size=AREAS) - 0.2 * np.log(level)
    season = 1 + 0.2 * np.sin(np.arange(PERIODS) * np.pi / 2)
    drift = np.exp(0.1 * np.cumsum(rng.normal(size=(AREAS, PERIODS)), axis=1))
    rate = level[:, None] * season * drift
    first = rng.poisson(rate * rng.gamma(5.0, 0.2, rate.shape)).astype(float)
    second = rng.poisson(0.5 * rate * rng.gamma(5.0, 0.2, rate.shape)).astype(float)
    score = rng.random(AREAS) if chosen == "random" else np.log(level) + rng.normal(size=AREAS)
    start = np.full(AREAS, NEVER)
    start[np.argsort(-score)[:TREATED]] = START
    constant = np.repeat(wealth[:, None], PERIODS, axis=1)
    return Panel(
        tuple(f"a{i:03d}" for i in range(AREAS)),
        np.arange(1, PERIODS + 1),
        "integer",
        first,
        start,
        covariates=np.stack([second, constant]),
        covariate_names=("second", "wealth"),
        outcome_name="first",
        scale="first",
    )


def main() -> None:
    """Print one row for each way of choosing areas, matching, and inference."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--panels", type=int, default=500)
    asked.add_argument("--draws", type=int, default=99)
    asked.add_argument("--chosen", default="random,hot")
    asked.add_argument("--tests", default="default,calibrated,survey,jackknife,permutation,difference")
    given = asked.parse_args()
    tests = {
        "default": None,
        "calibrated": Linearised(),
        "survey": Linearised("survey"),
        "jackknife": GroupJackknife(),
        "permutation": PermutationGroups(draws=given.draws),
        "difference": PermutationGroups(draws=given.draws, statistic="difference"),
    }
    for chosen, together in product(given.chosen.split(","), (1, 3)):
        for name in given.tests.split(","):
            found = [one(panel(seed, chosen), together, tests[name]) for seed in range(given.panels)]
            value, p_value, joint = np.array(found).T
            none = int(np.isnan(p_value).sum())
            shares = [f"{np.mean(p[~np.isnan(p)] <= 0.05):.3f}" for p in (p_value, joint)]
            error = np.sqrt(0.05 * 0.95 / max(given.panels - none, 1))
            bias = value.mean() / value.std()
            print(
                f"{chosen:7s} together={together} {name:12s} size {shares[0]} omnibus {shares[1]} "
                f"(Monte-Carlo error {error:.3f} at 0.05), {none} without an error, "
                f"bias {bias:+.2f} standard deviations",
                flush=True,
            )


def one(made: Panel, together: int, inference: object) -> tuple[float, float, float]:
    """Estimate, its p-value, and that of the omnibus test."""
    result = synth.micro(made, outcomes=("second",), together=together, inference=inference)
    p_values = (result.headline.p_value, result.detail.method.omnibus.p_value)
    first, joint = (p if isinstance(p, float) else np.nan for p in p_values)
    return float(result.headline.value), first, joint


if __name__ == "__main__":
    main()
