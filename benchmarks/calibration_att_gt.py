"""Bias, coverage and size of the overall group-time effect with few clusters.

    python benchmarks/calibration_att_gt.py --sims 2000

Panels like London's: 32 boroughs in 12 command units, monthly counts, overdispersed, with noise that is
autocorrelated within boroughs and within command units; parallel trends hold in levels. Designs: four
command units treated at once; four cohorts of two command units and four never treated; the merger of
London's command units, where all start sooner or later, one or two at a time, with three months of
anticipation. Inference: influence function by borough and by command unit (normal, and t with G/(G−1)), wild
bootstrap of scores.
Prints a markdown table; ± is the Monte Carlo error (one sd) of a share.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from whatworks.did.group_time import scores
from whatworks.did.group_time.cells import lay_out
from whatworks.did.group_time.effects import GroupTime, estimate
from whatworks.did.group_time.summary import Averages, by_size, usable
from whatworks.did.linear.scores import column_scores, null_scores
from whatworks.inference.errors.wild import WildCluster
from whatworks.inference.intervals import critical_value
from whatworks.panel import NEVER, Panel
from whatworks.results import NotAvailable

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

UNITS = np.repeat(np.arange(12), [2, 3, 2, 4, 3, 2, 3, 3, 2, 2, 3, 3])
MONTHS = 85
BATCH = 250


@dataclass(frozen=True, slots=True)
class Design:
    """When each of the 12 command units starts (None: never), and the anticipation."""

    name: str
    starts: tuple[int | None, ...]
    anticipation: int = 0


DESIGNS = (
    Design("four command units at once", (60,) * 4 + (None,) * 8),
    Design("four cohorts of two, four never", (40, 40, 48, 48, 55, 55, 62, 62, *(None,) * 4)),
    Design("merger, all treated", (60, 60, 75, 76, 77, 81, 81, 82, 82, 84, 85, 85), 3),
    Design("two command units at once", (60, 60, *(None,) * 10)),
)


def outcomes(draw: np.random.Generator, sims: int) -> Floats:
    """(32, 85, sims) counts: borough's level + season + national walk, times correlated noise of mean 1."""

    def autocorrelated(n: int, sd: float, rho: float = 0.5) -> Floats:
        noise = draw.standard_normal((n, MONTHS, sims))
        for t in range(1, MONTHS):
            noise[:, t] = rho * noise[:, t - 1] + np.sqrt(1 - rho**2) * noise[:, t]
        return sd * noise

    level = 60 * np.exp(0.3 * draw.standard_normal((32, 1, sims)))
    season = 10 * np.sin(2 * np.pi * np.arange(MONTHS) / 12)[None, :, None]
    nation = np.cumsum(draw.standard_normal((1, MONTHS, sims)), axis=1)
    sd = 0.1
    noise = np.exp(autocorrelated(12, sd)[UNITS] + autocorrelated(32, sd) - sd**2)
    mean = np.maximum(level + season + nation, 5) * noise
    return draw.poisson(mean * draw.gamma(15, 1 / 15, mean.shape)).astype(np.float64)


def panel(design: Design, outcome: Floats) -> Panel:
    """One simulated panel."""
    start = np.array([NEVER if s is None else s for s in design.starts])[UNITS]
    return Panel(
        units=tuple(f"b{i:02d}" for i in range(32)),
        periods=np.arange(MONTHS),
        period_kind="integer",
        outcome=outcome,
        start=start,
        cluster=UNITS,
        cluster_labels=tuple(f"c{c:02d}" for c in range(12)),
    )


def wild(detail: GroupTime, design: Design, stack: Floats) -> tuple[Floats, ...]:
    """Estimates, lower and upper ends and p-values of every simulation at once."""
    data = scores.pieces(detail, design.anticipation)
    keys = np.column_stack([UNITS, np.searchsorted(detail.cells.starts, detail.panel.start)])
    code = np.unique(keys, axis=0, return_inverse=True)[1].ravel()
    means = np.zeros((len(data.weight), MONTHS, stack.shape[2]))
    np.add.at(means, code, stack)
    means /= data.weight[:, None, None]
    one = scores.aim(detail, data, overall(detail).weights[0])
    at_null = column_scores(data, one.coefficient, one.effect, np.moveaxis(means, 2, 0))
    _, slope = null_scores(data, one.coefficient, one.effect)
    found = WildCluster().from_scores(at_null, np.repeat(slope[:, None], stack.shape[2], axis=1))
    low, high = np.nan_to_num(found.low, nan=-np.inf), np.nan_to_num(found.high, nan=np.inf)
    return found.value, low, high, found.p_value


def overall(detail: GroupTime) -> Averages:
    """The overall effect as an average of cells."""
    return by_size(detail, (usable(detail, None, None) & detail.post)[None, :])


def influence(design: Design, detail: GroupTime, stack: Floats) -> tuple[Floats, Floats]:
    """(sims,) errors by borough and by command unit."""
    by_unit, by_cluster = [], []
    for s in range(stack.shape[2]):
        one = estimate(panel(design, stack[:, :, s]), detail.cells, "none")
        parts = overall(one).contributions(one)[:, 0]
        by_unit.append(np.sqrt((parts**2).sum()))
        by_cluster.append(np.sqrt((np.bincount(UNITS, parts) ** 2).sum()))
    return np.array(by_unit), np.array(by_cluster)


def simulate(design: Design, sims: int, seed: int) -> list[tuple[str, Floats, Floats, Floats]]:
    """For each inference: estimates, and lower and upper ends of the 95% interval. The true effect is 0."""
    draw = np.random.default_rng(seed)
    values, errors, ends = [], [], []
    for begin in range(0, sims, BATCH):
        stack = outcomes(draw, min(BATCH, sims - begin))
        first = panel(design, stack[:, :, 0])
        cells = lay_out(first, comparison="not_yet", base="varying", anticipation=design.anticipation)
        detail = estimate(first, cells, "none")
        value, low, high, _ = wild(detail, design, stack)
        values.append(value)
        ends.append(np.stack([low, high]))
        errors.append(np.stack(influence(design, detail, stack)))
    value, error, end = np.concatenate(values), np.hstack(errors), np.hstack(ends)
    rows = []
    for name, which, g in (("borough", 0, 32), ("command unit", 1, 12)):
        normal = critical_value(0.95, df=NotAvailable("normal"))
        student = critical_value(0.95, df=float(g - 1)) * np.sqrt(g / (g - 1))
        for label, wide in (("normal", normal), ("t", student)):
            half = wide * error[which]
            rows.append((f"Analytical by {name}, {label}", value, value - half, value + half))
    rows.append(("WildCluster of scores (default)", value, *end))
    return rows


def line(design: Design, row: tuple[str, Floats, Floats, Floats]) -> str:
    """One line of the table."""
    name, value, low, high = row
    covered = ((low <= 0) & (high >= 0)).mean()
    error = 100 * np.sqrt(covered * (1 - covered) / len(value))
    wide = np.isfinite(high - low)
    width = f"{np.median((high - low)[wide]):.1f}" if wide.any() else "unbounded"
    cells = (
        design.name,
        name,
        f"{value.mean():.2f} ± {value.std() / np.sqrt(len(value)):.2f}",
        f"{value.std():.2f}",
        f"{100 * covered:.1f} ± {error:.1f}",
        f"{100 * (1 - covered):.1f} ± {error:.1f}",
        width,
    )
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sims", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    print(f"{asked.sims:,} simulations a design, seed {asked.seed}; level 95%, true effect 0.\n")
    print("| design | inference | bias | sd of estimate | coverage % | size of 5% test % | median width |")
    print("|---|---|---|---|---|---|---|")
    for design in DESIGNS:
        for row in simulate(design, asked.sims, asked.seed):
            print(line(design, row), flush=True)


if __name__ == "__main__":
    main()
