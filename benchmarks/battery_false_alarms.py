"""How often do the checks raise a concern, or support nothing, where nothing is wrong? By check and in all.

    python benchmarks/battery_false_alarms.py [--sims 200] [--seed 1] [--draws 199] [--ratios 1.0 0.75]

Synthetic London (32 boroughs, overdispersed, autocorrelated and spatially correlated monthly counts as
rates per 1,000 residents, 60 months from 2015-01), 12 boroughs drawn at random and treated from month 36 on.
Trends are parallel, nobody moves and nobody was chosen for a peak, without an effect (rate ratio 1) and with
one. `did.block` with its default errors; fewer draws than a study would take.
"""

from __future__ import annotations

import argparse
from collections import Counter
from functools import partial

import numpy as np

from calibration import MONTHS, START, Scenario, draw_panels
from whatworks import checks, did
from whatworks.checks.together import BY_DESIGN, RAISED
from whatworks.data.recording import Recording
from whatworks.data.synthetic import london
from whatworks.inference import Default
from whatworks.panel import NEVER, Panel
from whatworks.results import VERDICTS

FIRST = 2015 * 12
LIKE_LONDON = Recording("mps_tables", ("metropolitan",), "borough")  # its shocks are left out as in a study


def panels(ratio: float, sims: int, seed: int):
    """Panels of the boroughs, with names, so that their borders are known."""
    names = london().names
    for drawn in draw_panels(Scenario("borough", 12, rate_ratio=ratio), sims, seed):
        start = np.where(drawn.treated, FIRST + START, NEVER)
        yield Panel(names, np.arange(FIRST, FIRST + MONTHS), "month", drawn.outcome, start)


def alarms(ratio: float, sims: int, seed: int, draws: int) -> tuple[Counter[tuple[str, str]], Counter[int]]:
    """Verdicts by check, and how many panels had 0, 1, 2 … concerns or failures that chance can raise."""
    block = partial(did.block, inference=Default(draws=draws))
    months = partial(did.event_study, inference=Default(draws=draws))
    by_check: Counter[tuple[str, str]] = Counter()
    together: Counter[int] = Counter()
    for panel in panels(ratio, sims, seed):
        battery = checks.run(panel, block, event_study=months, recording=LIKE_LONDON)[:-1]
        found = [c for c in battery if c.name not in BY_DESIGN]
        by_check.update((c.name, c.verdict) for c in found)
        together[sum(c.verdict in RAISED for c in found)] += 1
    return by_check, together


def main() -> None:
    """Print one table for each rate ratio."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--sims", type=int, default=200)
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--draws", type=int, default=199)
    asked.add_argument("--ratios", type=float, nargs="*", default=[1.0, 0.75])
    given = asked.parse_args()
    for ratio in given.ratios:
        by_check, together = alarms(ratio, given.sims, given.seed, given.draws)
        print(f"\nrate ratio {ratio}, {given.sims} panels, shares in %\n")
        print(f"| check | {' | '.join(word.replace('_', ' ') for word in VERDICTS)} |")
        print(f"|---|{'---|' * len(VERDICTS)}")
        for name in dict.fromkeys(name for name, _ in by_check):
            shares = " | ".join(f"{100 * by_check[name, word] / given.sims:.0f}" for word in VERDICTS)
            print(f"| {name} | {shares} |")
        least = [sum(n for k, n in together.items() if k >= many) / given.sims for many in range(1, 7)]
        print("\nat least 1, 2, … concerns:", " ".join(f"{share:.3f}" for share in least), flush=True)


if __name__ == "__main__":
    main()
