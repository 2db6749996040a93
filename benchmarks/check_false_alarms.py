"""How often do the checks of comparison, place and peak speak up where nothing is wrong, and where it is?

    python benchmarks/check_false_alarms.py [--panels 500] [--seed 1] [--placebo 100] [--only level]

Synthetic London (32 boroughs, 60 months of robbery per 1,000 residents; overdispersed, autocorrelated and
spatially correlated counts), 8 boroughs treated from month 36 on, no effect on anyone unless said. `chance`:
the 8 are drawn; `level`: the 8 whose last 9 months stand highest above what is usual there; `rise`: above
their own earlier months; `displaced`: drawn, treatment takes 20% off and what is lost is added to their
neighbours. `did.block` with CR1. Prints the share of verdicts in %, ± one Monte Carlo error, a line per
scenario and check, then the mean estimate as it stands and as regression to the mean has it.
"""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from collections.abc import Iterator

import numpy as np

from whatworks import did
from whatworks.checks import (
    alternative_comparison,
    placebo_in_space,
    regression_to_the_mean,
    spillover_ring,
)
from whatworks.data.synthetic import expected_counts, london, simulate_counts
from whatworks.inference import ClusterRobust
from whatworks.panel import NEVER, Panel
from whatworks.results import CheckResult, Result

MONTHS, START, TREATED, RUN_UP = 60, 36, 8, 9
SCENARIOS = ("chance", "level", "rise", "displaced")
VERDICTS = ("pass", "concern", "fail", "not_applicable")


def estimate(panel: Panel) -> Result:
    """The estimator under study."""
    return did.block(panel, inference=ClusterRobust())


def panels(scenario: str, number: int, seed: int) -> Iterator[Panel]:
    """Rates per 1,000 with 8 boroughs treated from month 36 on."""
    city, rng = london(), np.random.default_rng(seed)
    mean = expected_counts("robbery", seed=seed, first=2015 * 12, months=MONTHS)
    after = np.arange(MONTHS) >= START
    for k in range(number):
        chosen = np.isin(np.arange(32), rng.choice(32, TREATED, replace=False))
        ratio = np.ones(mean.shape)
        if scenario == "displaced":
            ring = ~chosen & city.neighbours[:, chosen].any(axis=1)
            moved = 0.2 * mean[chosen].sum(axis=0) / mean[ring].sum(axis=0)
            ratio = np.where(chosen[:, None] & after, 0.8, np.where(ring[:, None] & after, 1 + moved, 1.0))
        counts = simulate_counts(mean, seed=seed * 100_000 + k, rate_ratio=ratio).counts[0]
        rates = 1000 * counts / city.population[:, None]
        if scenario in ("level", "rise"):
            usual = 1000 * mean / city.population[:, None] if scenario == "level" else 0.0
            stood = (rates - usual)[:, START - RUN_UP : START].mean(axis=1)
            if scenario == "rise":
                stood -= rates[:, : START - RUN_UP].mean(axis=1)
            chosen = stood >= np.sort(stood)[-TREATED]
        start = np.where(chosen, START, NEVER)
        yield Panel(city.names, np.arange(MONTHS), "integer", rates, start, scale="robberies per 1,000")


def found(panel: Panel, scenario: str, placebo: bool) -> Iterator[CheckResult]:
    """The checks on one panel."""
    yield regression_to_the_mean(
        panel, estimate, run_up=RUN_UP, chosen_on="rise" if scenario == "rise" else "level"
    )
    yield alternative_comparison(panel, estimate)
    yield spillover_ring(panel, estimate)
    if placebo:
        yield placebo_in_space(panel, estimate, draws=199)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--panels", type=int, default=500)
    parser.add_argument("--placebo", type=int, default=100, help="panels on which placebo in space is tried")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=SCENARIOS, help="one scenario instead of all")
    asked = parser.parse_args()
    for scenario in SCENARIOS if asked.only is None else (asked.only,):
        tally: dict[str, Counter[str]] = defaultdict(Counter)
        parts = []
        for k, panel in enumerate(panels(scenario, asked.panels, asked.seed)):
            for check in found(panel, scenario, k < asked.placebo):
                tally[check.name][check.verdict] += 1
                if check.name == "Regression to the mean":
                    parts.append(check.table["estimate"].to_numpy(dtype=float)[1:])
        for name, counts in tally.items():
            total = counts.total()
            shares = [counts[verdict] / total for verdict in VERDICTS]
            cells = "  ".join(
                f"{verdict} {100 * p:5.1f} ± {100 * np.sqrt(p * (1 - p) / total):.1f}"
                for verdict, p in zip(VERDICTS, shares, strict=True)
            )
            print(f"{scenario:10} {name:30} {total:5}  {cells}")
        mean, error = np.mean(parts, axis=0), np.std(parts, axis=0) / np.sqrt(len(parts))
        words = ("as it stands", "freed of the peak", "run-up left out", "like peak")
        print(
            f"{'':10} mean estimate: "
            + ", ".join(f"{word} {m:+.4f} ± {e:.4f}" for word, m, e in zip(words, mean, error, strict=True))
        )


if __name__ == "__main__":
    main()
