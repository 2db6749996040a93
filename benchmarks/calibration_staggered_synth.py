"""Which inference for synth.staggered? Size, power and width of placebo sets and of jackknives.

    python benchmarks/calibration_staggered_synth.py [--sims 200] [--seed 1] [--draws 99]

Synthetic London: robbery per 1,000 residents in 32 boroughs over 60 months, counts with variance three times
the mean, autocorrelated and correlated between neighbours. Four boroughs, drawn anew for each panel, start
together (month 36) or in three cohorts (30, 36, 36, 42). Power is against a constant fall of a tenth of the
mean rate. Prints a markdown table, each rate ± one Monte Carlo error. Set OPENBLAS_NUM_THREADS=1.
"""

from __future__ import annotations

import argparse

import numpy as np

from whatworks import synth
from whatworks.data.synthetic import expected_counts, london, simulate_counts
from whatworks.inference import Jackknife
from whatworks.inference.intervals import critical_value
from whatworks.inference.synthetic.placebo import Placebo
from whatworks.panel import NEVER, Panel
from whatworks.results import NotAvailable

MONTHS, LEVEL = 60, 0.95
DESIGNS = {"4 at once": (36, 36, 36, 36), "4 in 3 cohorts": (30, 36, 36, 42)}


def panels(starts: tuple[int, ...], sims: int, seed: int):
    """(panel, mean rate) with four boroughs treated to no effect."""
    city = london()
    mean = expected_counts("robbery", seed=seed, first=2015 * 12, months=MONTHS)
    rng = np.random.default_rng(seed)
    for r in range(sims):
        drawn = simulate_counts(mean, seed=seed + 1000 * (r + 1))
        rate = 1000 * drawn.counts[0] / np.asarray(city.population)[:, None]
        start = np.full(len(rate), NEVER)
        start[rng.permutation(len(rate))[:4]] = starts
        yield Panel(tuple(city.codes), np.arange(MONTHS), "integer", rate, start), float(rate.mean())


def one(panel: Panel, effect: float, draws: int) -> dict[str, tuple[bool, bool, float]]:
    """Rejects no effect, rejects none where there is one, and half-width, for each rule."""
    placed = synth.staggered(panel, inference=Placebo(draws=draws))
    rank = placed.detail.space.rank
    before = rank.before[0]
    moved = abs(placed.headline.value + effect) / before
    found = {
        "placebo sets": (
            rank.p_value <= 1 - LEVEL,
            (1 + (rank.statistic[1:] >= moved).sum()) / len(rank.statistic) <= 1 - LEVEL,
            (placed.headline.high - placed.headline.low) / 2,
        )
    }
    value = placed.headline.value
    error = synth.staggered(panel, inference=Jackknife("mean")).headline.std_error
    for name, df in (
        ("jackknife, normal", NotAvailable("")),
        ("jackknife, t(31)", 31.0),
        ("jackknife, t(3)", 3.0),
    ):
        half = critical_value(LEVEL, df=df) * error
        found[name] = (abs(value) > half, abs(value + effect) > half, half)
    return found


def main() -> None:
    """Print the table."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--sims", type=int, default=200)
    ask.add_argument("--seed", type=int, default=1)
    ask.add_argument("--draws", type=int, default=99)
    asked = ask.parse_args()
    print("| design | inference | size at 5% | power | half-width, % of mean |\n|---|---|---|---|---|")
    for design, starts in DESIGNS.items():
        rows: dict[str, list[tuple[float, float, float]]] = {}
        for panel, mean in panels(starts, asked.sims, asked.seed):
            for name, (size, power, half) in one(panel, -0.1 * mean, asked.draws).items():
                rows.setdefault(name, []).append((size, power, 100 * half / mean))
        for name, seen in rows.items():
            size, power, half = np.mean(seen, axis=0)
            errors = 100 * np.sqrt(np.array([size * (1 - size), power * (1 - power)]) / len(seen))
            print(
                f"| {design} | {name} | {100 * size:.1f} ± {errors[0]:.1f} | "
                f"{100 * power:.1f} ± {errors[1]:.1f} | {half:.1f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
