"""Power by simulation of a stepped wedge, all trials at once against one regression at a time.

    OPENBLAS_NUM_THREADS=1 python benchmarks/power_speed.py [--sims 1000] [--units 32] [--periods 60]

Processor seconds in one run, imports aside. The loop draws the same sort of trial, thins it with numpy and
fits it with `inference.fits.two_way_effects.fit` and `ClusterRobust()`, CR1: one regression for each trial
and effect. All at once the error is CR2, which takes far longer one at a time; exposure times, the default,
are timed beside.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from whatworks import rct
from whatworks.inference.errors.cluster import ClusterRobust
from whatworks.inference.fits.two_way_effects import fit
from whatworks.panel import NEVER, Panel

EFFECTS = (-0.05, -0.1, -0.2, -0.3)


def past(units: int, periods: int) -> Panel:
    """Overdispersed counts of units with levels of their own, twice as long as the trial."""
    rng = np.random.default_rng(1)
    counts = rng.negative_binomial(rng.gamma(4.0, 1.25, units)[:, None] * np.ones(2 * periods), 0.5)
    names = tuple(f"u{i:04d}" for i in range(units))
    return Panel(names, np.arange(2 * periods), "integer", counts.astype(float), np.full(units, NEVER))


def loop(given: Panel, steps: int, every: int, periods: int, sims: int) -> list[float]:
    """Power under each effect, one regression at a time."""
    rng = np.random.default_rng(2)
    found = np.zeros(len(EFFECTS) + 1)
    for _ in range(sims):
        first = int(rng.integers(0, given.n_periods - periods + 1))
        window = given.outcome[:, first : first + periods]
        start = every * (1 + rng.permutation(np.arange(given.n_units) % steps))
        treated = np.arange(periods)[None, :] >= start[:, None]
        for at, effect in enumerate((0.0, *EFFECTS)):
            kept = rng.binomial(window.astype(np.int64), np.where(treated, 1 + effect, 1.0))
            one = fit(kept.astype(float), treated[None].astype(float), names=["treated"])
            found[at] += ClusterRobust().from_regression(one, np.eye(1)).p_value[0] < 0.05
    return (found / sims).tolist()


def main() -> None:
    """Print both times, their ratio and both power curves."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--sims", type=int, default=1000)
    asked.add_argument("--units", type=int, default=32)
    asked.add_argument("--periods", type=int, default=60)
    given = asked.parse_args()
    every = given.periods // 5
    panel, design = past(given.units, given.periods), rct.SteppedWedge(4, first=every + 1, every=every)
    options = {"effects": EFFECTS, "periods": given.periods}
    rct.power_by_simulation(panel, design, sims=100, **options)  # imports what is slow to import
    begun = time.process_time()
    rct.power_by_simulation(panel, design, sims=given.sims, **options)
    default = time.process_time() - begun
    begun = time.process_time()
    ours = rct.power_by_simulation(panel, design, sims=given.sims, effect="constant", **options)
    batch = time.process_time() - begun
    begun = time.process_time()
    theirs = loop(panel, 4, every, given.periods, given.sims)
    plain = time.process_time() - begun
    print(f"{given.sims:,} trials and {len(EFFECTS)} effects, exposure times: {default:.2f} s")
    print(f"constant effect: at once {batch:.2f} s, one at a time {plain:.2f} s: {plain / batch:.1f} times")
    print("power at once      ", " ".join(f"{x:.3f}" for x in ours.curve["power"]))
    print("power one at a time", " ".join(f"{x:.3f}" for x in theirs))


if __name__ == "__main__":
    main()
