"""How often does the default of synth.synthdid reject a true null on few treated units or few donors?

    python benchmarks/calibration_small_pools.py [--sims 400] [--seed 1] [--periods 20] [--start 15]

Every unit has a level of its own and independent normal noise, nothing else: the kindest case for the method.
Prints one line for each number of treated units and donors, with the error that the default takes there, the
share of panels in which its 5% test rejects, and one Monte Carlo error.
"""

from __future__ import annotations

import argparse

import numpy as np

from calibration import percent
from whatworks.inference.default import decide_by_units
from whatworks.panel import NEVER, Panel
from whatworks.results import NotAvailable
from whatworks.synth.synthdid import synthdid

DESIGNS = (
    (1, 3), (1, 4), (1, 6), (1, 10), (1, 20), (2, 4), (2, 6), (2, 8), (2, 12), (2, 20), (3, 3), (3, 4),
    (3, 5), (3, 6), (3, 10), (3, 20), (4, 4), (4, 6), (4, 8), (4, 12), (4, 20), (5, 3), (5, 7), (5, 10),
    (5, 15), (5, 20), (6, 6), (8, 8), (8, 10), (8, 16), (8, 24), (12, 12), (12, 14),
)  # fmt: skip
"""Treated units and donors."""


def panel(rng: np.random.Generator, treated: int, donors: int, periods: int, start: int) -> Panel:
    """A panel without any effect, the first `treated` units starting in period `start`."""
    units = treated + donors
    outcome = 10 + 0.3 * np.arange(units)[:, None] + rng.normal(size=(units, periods))
    return Panel(
        units=tuple(f"u{i:02d}" for i in range(units)),
        periods=np.arange(1, periods + 1),
        period_kind="integer",
        outcome=outcome,
        start=np.where(np.arange(units) < treated, start, NEVER),
        outcome_name="y",
    )


def share(treated: int, donors: int, sims: int, seed: int, periods: int, start: int) -> tuple[float, int]:
    """Share of panels rejected, and in how many there was a p-value at all."""
    rng = np.random.Generator(np.random.PCG64([seed, treated, donors]))
    rejected, told = 0, 0
    for _ in range(sims):
        p = synthdid(panel(rng, treated, donors, periods, start)).headline.p_value
        if not isinstance(p, NotAvailable):
            told += 1
            rejected += p < 0.05
    return rejected / max(told, 1), told


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, value in (("sims", 400), ("seed", 1), ("periods", 20), ("start", 15)):
        parser.add_argument(f"--{name}", type=int, default=value)
    given = parser.parse_args()
    print("| treated | donors | default | 5% test rejects, % |\n|---|---|---|---|")
    for treated, donors in DESIGNS:
        found, told = share(treated, donors, given.sims, given.seed, given.periods, given.start)
        error = type(decide_by_units(treated, donors).inference).__name__
        print(f"| {treated} | {donors} | `{error}` | {percent(found, told)} |", flush=True)


if __name__ == "__main__":
    main()
