"""Does synth.synthdid keep its promises on London-like crime counts? Bias, coverage, size and power.

    python benchmarks/calibration_synthdid.py [--sims 2000] [--seed 1] [--only 1]

Synthetic London (32 boroughs, 60 months of overdispersed, autocorrelated and spatially correlated robbery
counts as a rate per 1,000), 1 or 4 boroughs drawn for every panel and treated from month 36 on, without
effect and with a fifth fewer offences. Prints one line per design with its Monte Carlo error: coverage and
rejections by the placebo error's normal interval, and by the rank among the same placebos. Its matrices are
small: set OPENBLAS_NUM_THREADS=1.
"""

from __future__ import annotations

import argparse

import numpy as np

from calibration import MONTHS, START, Scenario, Tally, draw_panels, percent
from whatworks.inference.synthetic.placebo_error import PlaceboError, rank_p
from whatworks.synth.problems import Problems
from whatworks.synth.synthdid_fit import SyntheticDid

DRAWS = 199


def calibrate(scenario: Scenario, sims: int, seed: int) -> tuple[Tally, list[float]]:
    """The placebo error on `sims` panels, and the p-values of the rank among the placebos."""
    post = np.arange(MONTHS) >= START
    fit, error = SyntheticDid(post), PlaceboError(draws=DRAWS)
    tally, ranks = Tally(), []
    for drawn in draw_panels(scenario, sims, seed):
        sets = np.concatenate([drawn.treated[None], error.sets(~drawn.treated, scenario.treated)])
        members = sets / sets.sum(axis=1, keepdims=True)
        pre = np.repeat(~post[None], len(sets), axis=0)
        gaps = fit(Problems(drawn.outcome, members, ~drawn.treated & ~sets, pre)).gaps
        effects = gaps[:, post].mean(axis=1, keepdims=True)
        tally.add(error.test(effects[0], effects[1:], level=0.95), drawn.truth)
        ranks.append(rank_p(float(effects[0, 0]), effects[1:, 0]))
    return tally, ranks


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sims", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, default=0)
    asked = parser.parse_args()
    print("| treated | effect | bias / spread | error / spread | covers, % | rejects, % | rank p ≤ 0.05, % |")
    print("|---|---|---|---|---|---|---|")
    for treated in (1, 4):
        for ratio in (1.0, 0.8):
            if asked.only not in (0, treated):
                continue
            found, ranks = calibrate(Scenario("borough", treated, rate_ratio=ratio), asked.sims, asked.seed)
            spread, count = float(np.std(found.errors)), asked.sims
            print(
                f"| {treated} of 32 | {'none' if ratio == 1 else f'{1 - ratio:.0%} fewer'} "
                f"| {np.mean(found.errors) / spread:.2f} | {np.mean(found.std_errors) / spread:.2f} "
                f"| {percent(float(np.mean(found.covered)), count)} "
                f"| {percent(float(np.mean(found.rejected)), count)} "
                f"| {percent(float(np.mean(np.array(ranks) <= 0.05)), count)} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
