"""Do the tests of a stepped wedge keep their size, and do their intervals hold the truth?

    python benchmarks/calibration_stepped_wedge.py [--sims 2000] [--seed 1] [--draws 999]

12 clusters over 7 periods (two cross in each from the second on) and 32 over 9 (four in each), 20 people a
cluster and period, total variance 1, ICC 0.05, cluster autocorrelation 0.8; effects of none, of 0.25
throughout (a quarter of the simulations but for the order dealt anew), and growing by 0.1 a period. The truth
is the average over exposure times. A row is an inference; ± is one Monte Carlo standard error.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from calibration_crossover import CHANCE, Tally
from whatworks.inference import ClusterRobust, WildCluster
from whatworks.inference.fits.cell_weights import fit, functionals
from whatworks.rct.over_time.wedge_cells import exposure_times

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

PEOPLE, ICC, CAC = 20, 0.05, 0.8
DESIGNS = {"12 × 7": (12, 7), "32 × 9": (32, 9)}
EFFECTS = {"none": (0.0, 0.0), "constant": (0.25, 0.0), "growing": (0.0, 0.1)}
MODELLED: dict[str, Any] = {
    "CR1": ClusterRobust(),
    "CR2": ClusterRobust("CR2"),
    "CR3": ClusterRobust("CR3"),
    "wild": WildCluster(draws=499),
}


def regressors(times: Ints, model: str) -> Floats:
    """(..., k, G, T) regressors from exposure times."""
    if model == "constant":
        return (times > 0)[..., None, :, :].astype(np.float64)
    return np.stack([times == s for s in range(1, int(times.max()) + 1)], axis=-3).astype(np.float64)


def outcomes(rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
    """(G, T) cell means without effect."""
    cluster = rng.normal(0, np.sqrt(ICC * CAC), (shape[0], 1))
    noise = ICC * (1 - CAC) + (1 - ICC) / PEOPLE
    return cluster + rng.normal(0, 0.3, shape[1]) + rng.normal(0, np.sqrt(noise), shape)


def wedge(sims: int, seed: int, draws: int) -> Iterator[str]:
    """Rows of the table."""
    for label, (clusters, periods) in DESIGNS.items():
        start = np.repeat(np.arange(1, periods), clusters // (periods - 1))
        rng = np.random.Generator(np.random.PCG64(seed))
        orders = np.stack([start, *(rng.permutation(start) for _ in range(draws))])
        times = exposure_times(orders, periods)
        Y = np.stack([outcomes(rng, (clusters, periods)) for _ in range(sims)])
        for how, (level, slope) in EFFECTS.items():
            effect = np.where(times[0] > 0, level + slope * times[0], 0.0)
            truth = level + slope * (periods / 2)
            for model in ("exposure time", "constant"):
                tally = Tally()
                modelled(Y + effect, times[0], model, truth, tally, sims if how != "constant" else sims // 4)
                dealt(Y + effect, times, model, truth, tally)
                yield from tally.rows(label, how, model)


def modelled(Y: Floats, times: Ints, model: str, truth: float, tally: Tally, sims: int) -> None:
    """Errors by cluster, one simulation after the other."""
    design = regressors(times, model)
    names = tuple(str(i) for i in range(len(design)))
    contrast = np.full((1, len(design)), 1 / len(design))
    mass = np.full(times.shape, float(PEOPLE))
    for y in Y[:sims]:
        found = fit(y, design, mass, np.arange(len(y)), names=names, where="calibration")
        for name, inference in MODELLED.items():
            one = inference.from_regression(found, contrast)
            tally.add(name, float(one.p_value[0]), bool(one.low[0] <= truth <= one.high[0]))


def dealt(Y: Floats, times: Ints, model: str, truth: float, tally: Tally) -> None:
    """The order dealt anew, all simulations at once; the actual order is the first."""
    design = regressors(times, model)
    contrast = np.full(design.shape[1], 1 / design.shape[1])
    mass = np.ones((len(times), *times.shape[1:]))
    L = np.concatenate(
        [functionals(design[i : i + 200], mass[i : i + 200], contrast) for i in range(0, len(times), 200)]
    )
    treated = (times[0] > 0).astype(np.float64)
    no, moved = (share_beyond(L, Y - value * treated) for value in (0.0, truth))
    for p, at in zip(no, moved, strict=True):
        tally.add(CHANCE, p, bool(at > 0.05))


def share_beyond(L: Floats, Y: Floats) -> Floats:
    """(S,) p-values of S outcomes (S, G, T)."""
    values = np.abs(L @ Y.reshape(len(Y), -1).T)
    return np.asarray((values >= values[0] * (1 - 1e-9)).mean(axis=0))


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--sims", type=int, default=2000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--draws", type=int, default=999)
    asked = options.parse_args()
    print("| clusters × periods | effect | model | inference | rejected, % | coverage of 95%, % |")
    print("|---|---|---|---|---|---|", flush=True)
    for line in wedge(asked.sims, asked.seed, asked.draws):
        print(line, flush=True)


if __name__ == "__main__":
    main()
