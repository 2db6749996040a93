"""synth.micro on 9,600 small areas: seconds and peak memory, beside a plain loop of a general solver.

    OPENBLAS_NUM_THREADS=1 python benchmarks/micro_speed.py [--areas 9600] [--draws 250] [--plain]

16 periods, 12 of them before the start, 39 treated areas, four outcomes and nine covariates: 57 constraints
and the sum of the weights. R's microsynth took 268.7 s elapsed for one set of weights without permutations
on data of that shape (the Seattle example, stored with the reference numbers; another machine).
`--plain` solves one
set of weights on a tenth of the areas with scipy's non-negative least squares, the constraints weighted
heavily: the plain way, which needs a dense (areas x areas) matrix and grows with the cube of the areas.
"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np
from scipy.optimize import nnls

from whatworks import synth
from whatworks.inference.synthetic.permutation_groups import PermutationGroups
from whatworks.panel import NEVER, Panel

R_SECONDS = 268.7
"""Elapsed seconds of one microsynth fit without permutations, on another machine."""


def panel(areas: int, treated: int = 39, periods: int = 16, start: int = 13) -> Panel:
    """Sparse overdispersed counts in four outcomes around a skewed level, nine covariates tied to it."""
    rng = np.random.default_rng(1)
    level = rng.gamma(0.5, 2.0, areas)
    counts = [rng.poisson(share * level[:, None], (areas, periods)) for share in (1.0, 0.3, 0.3, 0.1)]
    fixed = rng.poisson(20 + 10 * level[:, None], (areas, 9)).astype(float)
    start_of = np.full(areas, NEVER)
    start_of[np.argsort(-(np.log(level + 0.1) + 2 * rng.normal(size=areas)))[:treated]] = start
    constant = np.repeat(fixed.T[:, :, None], periods, axis=2)
    return Panel(
        tuple(f"a{i:05d}" for i in range(areas)),
        np.arange(1, periods + 1),
        "integer",
        counts[0].astype(float),
        start_of,
        covariates=np.concatenate([np.stack(counts[1:]).astype(float), constant]),
        covariate_names=("two", "three", "four", *(f"x{k}" for k in range(9))),
        outcome_name="one",
        scale="one",
    )


def plain(made: Panel) -> float:
    """Seconds of one set of weights by non-negative least squares with heavy constraints."""
    own = made.start != NEVER
    paths = np.concatenate([made.outcome[None], made.covariates[:3]])[:, :, :12]
    table = np.column_stack([np.ones(made.n_units), made.covariates[3:, :, 0].T, *paths])
    table = table / table.std(axis=0).clip(1e-9)
    rest = table[~own]
    heavy = np.vstack([1e4 * rest.T / len(rest), np.eye(len(rest)) / np.sqrt(len(rest))])
    goal = np.append(1e4 * table[own].mean(axis=0), np.ones(len(rest)) / np.sqrt(len(rest)))
    begun = time.perf_counter()
    nnls(heavy, goal, maxiter=20 * len(rest))
    return time.perf_counter() - begun


def main() -> None:
    """Print seconds and memory."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--areas", type=int, default=9600)
    asked.add_argument("--draws", type=int, default=250)
    asked.add_argument("--plain", action="store_true")
    given = asked.parse_args()
    made = panel(given.areas)
    further = ("two", "three", "four")
    begun = time.perf_counter()
    result = synth.micro(made, outcomes=further)
    once = time.perf_counter() - begun
    held = int(result.detail.method.balance["held"].sum())
    print(f"one set of weights with errors, {held} of {len(result.detail.method.balance)} held: {once:.2f} s")
    begun = time.perf_counter()
    synth.micro(made, outcomes=further, inference=PermutationGroups(draws=given.draws))
    whole = time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"with {given.draws} permutation groups: {whole:.1f} s, peak memory {peak:,.0f} MB")
    print(f"one microsynth fit elsewhere, {R_SECONDS} s, is {R_SECONDS / once:.0f} times our one fit")
    print(f"and {R_SECONDS / whole:.1f} times ours with all {given.draws} permutations")
    if given.plain:
        small = panel(given.areas // 10)
        begun = time.perf_counter()
        synth.micro(small, outcomes=further)
        ours = time.perf_counter() - begun
        print(f"plain solver, {given.areas // 10} areas: {plain(small):.2f} s, ours {ours:.2f} s")


if __name__ == "__main__":
    main()
