"""Do uniform bands of event studies hold for all event times at once on synthetic London without any effect?

Prints the share of panels in which every interval holds (pointwise intervals, the band) and how often a band
has an open end, with the Monte Carlo error of the share in brackets.
Run: python benchmarks/calibration_bands.py [--sims 500] [--designs 12/4,32/8]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np

from whatworks import did
from whatworks.panel import NEVER, Panel
from whatworks.results import Result

PERIODS, START, WINDOW = 18, 10, (-6, 5)

METHODS: dict[str, Callable[[Panel], Result]] = {
    "event_study": did.event_study,
    "interaction_weighted": did.interaction_weighted,
    "imputation": lambda panel: did.imputation(panel, leads=4),
    "etwfe": did.etwfe,
    "stacked": lambda panel: did.stacked(panel, window=WINDOW),
}


def series(draw: np.random.Generator, n: int, memory: float, size: float) -> np.ndarray:
    """(n, T) stationary autoregressive noise."""
    noise = size * draw.standard_normal((n, PERIODS))
    noise[:, 0] /= np.sqrt(1 - memory**2)
    for t in range(1, PERIODS):
        noise[:, t] += memory * noise[:, t - 1]
    return noise


def synthetic(seed: int, clusters: int, treated: int, *, units: int = 32, staggered: bool = False) -> Panel:
    """Overdispersed monthly counts in `units` areas, as 100 log points, shocks shared within clusters."""
    draw = np.random.default_rng(seed)
    units = max(units, clusters)
    code = np.arange(units) * clusters // units
    rate = 60 * np.exp(0.3 * draw.standard_normal((units, 1)) + 0.1 * draw.standard_normal((1, PERIODS)))
    rate = rate * np.exp(series(draw, clusters, 0.5, 0.05)[code] + series(draw, units, 0.3, 0.05))
    counts = draw.poisson(rate * draw.gamma(50, 1 / 50, rate.shape))
    start = np.full(units, NEVER)
    for at, cluster in enumerate(draw.permutation(clusters)[:treated]):
        start[code == cluster] = START - (2 if staggered and at % 2 else 0)
    return Panel(
        units=tuple(f"area {i:03d}" for i in range(units)),
        periods=np.arange(PERIODS),
        period_kind="integer",
        outcome=100 * np.log(counts + 1.0),
        start=start,
        cluster=code,
        cluster_labels=tuple(f"cluster {c:03d}" for c in range(clusters)),
    )


def holds(result: Result) -> tuple[bool, bool, bool]:
    """Whether zero lies in all intervals, in the whole band, and whether the band has an open end."""
    table = result.effects[result.effects["estimate"] != 0]
    inside = [
        ((table[low].isna() | (table[low] <= 0)) & (table[high].isna() | (table[high] >= 0))).all()
        for low, high in (("low", "high"), ("band_low", "band_high"))
    ]
    open_ended = table[["band_low", "band_high"]].isna().any(axis=None)
    return bool(inside[0]), bool(inside[1]), bool(open_ended)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sims", type=int, default=500)
    parser.add_argument("--designs", default="12/4,32/8,80/40")
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--staggered", action="store_true")
    asked = parser.parse_args()
    for design in asked.designs.split(","):
        clusters, treated = (int(number) for number in design.split("/"))
        for name in asked.methods.split(","):
            rows = [
                holds(METHODS[name](synthetic(seed, clusters, treated, staggered=asked.staggered)))
                for seed in range(asked.sims)
            ]
            alone, together, open_ended = np.mean(rows, axis=0)
            error = np.sqrt(together * (1 - together) / asked.sims)
            print(
                f"{design} {'staggered ' if asked.staggered else ''}{name}: pointwise {alone:.1%}, "
                f"band {together:.1%} ({error:.1%}), open ends {open_ended:.1%}",
                flush=True,
            )


if __name__ == "__main__":
    main()
