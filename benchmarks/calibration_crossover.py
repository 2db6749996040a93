"""Do the tests of a crossover trial keep their size, and which has the power?

    python benchmarks/calibration_crossover.py [--sims 2000] [--seed 1] [--draws 299]

15 spots over 60 days, gamma–Poisson counts with φ = 2 around two a day, spots and days that differ, and
luck that carries on from one day of a spot to the next; schedules drawn anew for every simulation, as a
`Crossover` with wash-out and as a `Rota` of 5 a day. A row is an inference; with an effect a quarter of the
simulations are made. ± is one Monte Carlo standard error.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from whatworks.inference import ClusterRobust, DriscollKraay, TwoWay, WildCluster
from whatworks.inference.fits.cell_weights import functionals
from whatworks.rct import Crossover, Rota
from whatworks.rct.assign.washout import washed
from whatworks.rct.over_time.cell_model import CellModel, by_model

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SPOTS, DAYS, PER_DAY, PHI = 15, 60, 2.0, 2.0
SCHEDULES: dict[str, Crossover | Rota] = {
    "Crossover(60, 3, 7, washout=1)": Crossover(DAYS, 3, 7, washout=1),
    "Rota(60, 5, longest=3)": Rota(DAYS, 5, longest=3),
}
MODELLED: dict[str, Any] = {
    "CR1 by spot": ClusterRobust(),
    "CR2 by spot": ClusterRobust("CR2"),
    "CR3 by spot": ClusterRobust("CR3"),
    "wild by spot": WildCluster(draws=499),
    "two-way": TwoWay(),
    "Driscoll–Kraay": DriscollKraay(),
}
CHANCE = "recorded rule"


class Tally:
    """How often the null was rejected and the truth covered, by inference."""

    def __init__(self) -> None:
        self.rejected: dict[str, list[bool]] = {}
        self.covered: dict[str, list[bool]] = {}

    def add(self, name: str, p_value: float, covers: bool | None) -> None:
        """One simulation."""
        self.rejected.setdefault(name, []).append(p_value <= 0.05)
        if covers is not None:
            self.covered.setdefault(name, []).append(covers)

    def rows(self, *head: str) -> Iterator[str]:
        """A line of the table for each inference."""
        for name, rejected in self.rejected.items():
            cells = [*head, name, share(rejected), share(self.covered.get(name, []))]
            yield f"| {' | '.join(cells)} |"


def share(values: list[bool]) -> str:
    """A share in percent with its Monte Carlo error."""
    if not values:
        return "–"
    mean = float(np.mean(values))
    return f"{100 * mean:.1f} ± {100 * np.sqrt(mean * (1 - mean) / len(values)):.1f}"


def counts(rng: np.random.Generator, arms: Ints, ratio: float) -> Floats:
    """(15, 60) counts, luck correlated from day to day (0.6)."""
    luck = np.empty((SPOTS, DAYS))
    luck[:, 0] = rng.standard_normal(SPOTS)
    for day in range(1, DAYS):
        luck[:, day] = 0.6 * luck[:, day - 1] + 0.8 * rng.standard_normal(SPOTS)
    level = rng.normal(0, 0.4, SPOTS)[:, None] + rng.normal(0, 0.2, DAYS) + 0.15 * luck
    mean = PER_DAY * np.exp(level) * ratio**arms
    return rng.poisson(rng.gamma(mean / (PHI - 1), PHI - 1)).astype(np.float64)


def crossover(sims: int, seed: int, draws: int) -> Iterator[str]:
    """Rows of the crossover table."""
    for label, schedule in SCHEDULES.items():
        bits = np.random.PCG64(np.random.SeedSequence(seed))
        actual, others = schedule.draw(bits, SPOTS, sims), schedule.draw(bits, SPOTS, draws)
        for ratio in (1.0, 0.85):
            rng = np.random.Generator(np.random.PCG64(seed + 1))
            means, ratios = Tally(), Tally()
            for arms in actual[: sims if ratio == 1 else max(sims // 4, 1)]:
                y = counts(rng, arms, ratio)
                for model, tally in (("means", means), ("rate_ratio", ratios)):
                    once(model, y, arms, others, schedule, ratio, tally)
            for model, tally in (("means", means), ("rate_ratio", ratios)):
                yield from tally.rows(label, model, f"{ratio:g}")


def once(
    model: Any, y: Floats, arms: Ints, others: Ints, schedule: Crossover | Rota, ratio: float, tally: Tally
) -> None:
    """All inferences on one trial; coverage of rate ratios only, where the truth is one number."""
    mass = np.ones(y.shape)
    names = tuple(str(i) for i in range(SPOTS))
    cells, _ = CellModel(model, y, mass, mass, np.arange(SPOTS), names, "calibration").heard()
    used = ~washed(arms, schedule.washout)
    fit, _ = cells.fit(arms[None].astype(float), ("the treatment",), used)
    # in means the effect differs from spot to spot, and there is no one truth to cover
    truth = float(np.log(ratio)) if cells.counts or ratio == 1 else None
    for name, inference in MODELLED.items():
        if cells.counts and name.startswith("wild"):
            continue
        found = by_model(inference, fit, np.eye(1), cells.counts, 0.95)
        covers = None if truth is None else bool(found.low[0] <= truth <= found.high[0])
        tally.add(name, float(found.p_value[0]), covers)
    heavy = cells.weight()
    every = np.concatenate([arms[None], others])
    linear = functionals(every[:, None].astype(float), heavy * ~washed(every, schedule.washout), np.ones(1))

    def p_value(effect: float) -> float:
        left = cells.untreated(arms.astype(float), effect) if cells.counts else y - effect * arms
        stray = np.abs(linear @ left.ravel())
        return float((stray >= stray[0] * (1 - 1e-9)).mean())

    tally.add(CHANCE, p_value(0.0), None if truth is None else p_value(truth) > 0.05)


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--sims", type=int, default=2000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--draws", type=int, default=299)
    asked = options.parse_args()
    print("| schedule | model | rate ratio | inference | rejected, % | coverage of 95%, % |")
    print("|---|---|---|---|---|---|", flush=True)
    for line in crossover(asked.sims, asked.seed, asked.draws):
        print(line, flush=True)


if __name__ == "__main__":
    main()
