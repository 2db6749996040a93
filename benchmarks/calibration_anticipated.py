"""Size and power of the wild test of a change within the anticipation, by what it takes to be no effect.

    python benchmarks/calibration_anticipated.py --sims 10000

12 clusters, noise of variance 1 with autocorrelation 0.5, anticipation of two periods, `base="varying"`: the
lead at event time −1 is the change from −2, where the effect may have begun. Three nulls: base and period
share a free level (what did.att_gt does); the base counts as untreated; the base is set aside around its
cohort's mean. In the rows *level* every cohort moves by that many standard deviations for both periods, which
the lead is not about; *change* moves it at −1.
Prints a markdown table of rejections by a 5% test in %.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from whatworks.did.group_time import scores
from whatworks.did.group_time.cells import lay_out
from whatworks.did.group_time.effects import estimate
from whatworks.did.group_time.summary import summarise
from whatworks.did.linear.scores import Sample, column_scores
from whatworks.inference.errors.wild import WildCluster
from whatworks.panel import NEVER, Panel

Floats = npt.NDArray[np.float64]

DESIGNS = {
    "4 neighbouring cohorts of 2, 4 never": ((14, 14, 15, 15, 16, 16, 17, 17, *(NEVER,) * 4), 22),
    "8 neighbouring cohorts of 1, 4 never": ((12, 13, 14, 15, 16, 17, 18, 19, *(NEVER,) * 4), 24),
    "4 cohorts of 2 far apart, 4 never": ((8, 8, 12, 12, 16, 16, 20, 20, *(NEVER,) * 4), 24),
    "6 neighbouring cohorts of 2, all treated": ((8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13), 12),
}


@dataclass(frozen=True, slots=True)
class Truth:
    """What cohorts do in the two periods before their start, and what they add in the last of them."""

    name: str
    level: float = 0.0
    change: float = 0.0
    alternating: bool = False


TRUTHS = (
    Truth("nothing"),
    Truth("level 1", 1.0),
    Truth("level 3", 3.0),
    Truth("level ±3, alternating by cohort", 3.0, alternating=True),
    Truth("change 1", change=1.0),
    Truth("level 3, change 1", 3.0, 1.0),
)


def outcomes(start: npt.NDArray[np.int64], periods: int, truth: Truth, sims: int, seed: int) -> Floats:
    """(sims, 12, T)."""
    draw = np.random.default_rng(seed)
    noise = draw.standard_normal((sims, len(start), periods))
    for t in range(1, periods):
        noise[:, :, t] = 0.5 * noise[:, :, t - 1] + np.sqrt(0.75) * noise[:, :, t]
    event = np.arange(periods)[None, :] - start[:, None]
    sign = np.where(truth.alternating & (np.unique(start, return_inverse=True)[1] % 2 == 1), -1.0, 1.0)
    anticipated = truth.level * sign[:, None] * ((event >= -2) & (event < 0))
    return noise + anticipated + truth.change * (event == -1) + 2.0 * (event >= 0)


def nulls(data: Sample, one: scores.Aim, columns: Floats) -> list[Floats]:
    """(12, sims) scores under each null."""
    base = (one.shared > 0) & ~one.effect
    untreated = replace(data, untouched=data.untouched | base)
    return [
        column_scores(data, one.coefficient, one.effect, columns, one.shared),
        column_scores(untreated, one.coefficient, one.effect, columns),
        column_scores(data, one.coefficient, one.effect, columns),
    ]


def rejected(found: Floats) -> str:
    """Share of columns whose sum is among the largest 5% under signs of the clusters."""
    observed = np.abs(found.sum(axis=0))
    flips, share = WildCluster().flips(len(found))
    bar = observed - 1e-9 * np.abs(found).sum(axis=0)
    count = sum((np.abs(block @ found) >= bar).sum(axis=0) for block in flips)
    return f"{100 * np.mean(share.p_value(np.asarray(count)) <= 0.05):.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sims", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    print("| design | truth | shared free level | base as untreated | base set aside |")
    print("|---|---|---|---|---|")
    for name, (starts, periods) in DESIGNS.items():
        start = np.array(starts, dtype=np.int64)
        for truth in TRUTHS:
            stack = outcomes(start, periods, truth, asked.sims, asked.seed)
            panel = Panel(
                units=tuple(f"c{i:02d}" for i in range(len(start))),
                periods=np.arange(periods),
                period_kind="integer",
                outcome=stack[0],
                start=start,
            )
            cells = lay_out(panel, comparison="not_yet", base="varying", anticipation=2)
            detail = estimate(panel, cells, "none")
            summary = summarise(detail, "event_time", None, None, None)
            data = scores.pieces(detail, 2)
            one = scores.aim(detail, data, summary.terms.weights[summary.keys == -1][0])
            shares = " | ".join(rejected(found) for found in nulls(data, one, stack))
            print(f"| {name} | {truth.name} | {shares} |", flush=True)


if __name__ == "__main__":
    main()
