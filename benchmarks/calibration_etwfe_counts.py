"""Does the inference of did.etwfe(model="poisson") keep its promises on London-like crime counts?

    python benchmarks/calibration_etwfe_counts.py [--sims 1000] [--seed 1] [--ratio 1.0]

Counts of synthetic London (32 boroughs in 12 command units; overdispersed, autocorrelated, spatially
correlated) over 36 months with residents as exposure. Four command units are treated, in three cohorts
(months 16, 20 and 24; the first has two command units), drawn anew for every panel. The truth is the log of
the rate ratio over all treated cells. The default is the wild score bootstrap, whose interval covers the
truth where a test of the truth does not reject; CR1 and CR2 stand beside it
without the rule that withholds errors from cohorts of a single cluster.
"""

from __future__ import annotations

import argparse

import numpy as np

from whatworks.data.synthetic import expected_counts, london, simulate_counts
from whatworks.did.counts.layout import layout_of, model_of
from whatworks.did.counts.saturated import null_scores, regression, saturate
from whatworks.inference import ClusterRobust
from whatworks.inference.errors.score_wild import score_p_value
from whatworks.inference.errors.wild import WildCluster
from whatworks.panel import NEVER, Panel

MONTHS = 36
STARTS = (16, 16, 20, 24)


def panels(sims: int, seed: int, ratio: float):
    """`sims` panels of London, each with its own assignment and noise."""
    city = london()
    codes = np.unique(city.bcu, return_inverse=True)[1]
    mean = expected_counts("robbery", seed=seed, first=2015 * 12, months=MONTHS)
    pick = np.random.Generator(np.random.PCG64(seed))
    for number in range(sims):
        start = np.full(12, NEVER)
        start[pick.permutation(12)[:4]] = STARTS
        mine = start[codes]
        treated = np.arange(MONTHS)[None, :] >= mine[:, None]
        drawn = simulate_counts(
            mean, seed=seed + 1000 * (number + 1), replications=1,
            rate_ratio=np.where(treated, ratio, 1.0)[None],
        )  # fmt: skip
        yield Panel(
            units=tuple(f"u{i:02d}" for i in range(32)),
            periods=np.arange(MONTHS),
            period_kind="integer",
            outcome=drawn.counts[0].astype(float),
            start=mine,
            cluster=codes,
            cluster_labels=tuple(f"c{i:02d}" for i in range(12)),
            exposure=np.repeat(city.population.astype(float)[:, None], MONTHS, axis=1),
        )


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--sims", type=int, default=1000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--ratio", type=float, default=1.0)
    asked = options.parse_args()
    truth, one = float(np.log(asked.ratio)), np.eye(1)
    kinds = [f"CR{k}" for k in (1, 2)]
    covered = {name: [] for name in ("wild", *kinds)}
    values = []
    for panel in panels(asked.sims, asked.seed, asked.ratio):
        layout = layout_of(panel, 0, "calibration")
        found = saturate(model_of(panel, layout, False, "calibration"), "calibration")
        aim = found.model.label >= 0
        fit = regression(found, aim)
        values.append(float(fit.coefficients[0]))
        for kind in kinds:
            numbers = ClusterRobust(kind).from_regression(fit, one)
            covered[kind].append(numbers.low[0] <= truth <= numbers.high[0])
        at_truth, _ = null_scores(found, aim, truth, None)
        centre, _ = null_scores(found, aim, values[-1], None)
        p_value = score_p_value(WildCluster(), at_truth, float(at_truth.sum() - centre.sum()))
        covered["wild"].append(p_value > 0.05)
        if len(values) % 200 == 0:
            show(values, covered, truth)


def show(values: list[float], covered: dict[str, list[bool]], truth: float) -> None:
    """Print the tallies so far."""
    n = len(values)
    print(f"panels {n}, bias of the log {np.mean(values) - truth:+.4f} (spread {np.std(values):.4f})")
    for name, hits in covered.items():
        share = float(np.mean(hits))
        error = np.sqrt(share * (1 - share) / n)
        print(f"{name}: coverage {share:.3f}, Monte Carlo error {error:.3f}", flush=True)


if __name__ == "__main__":
    main()
