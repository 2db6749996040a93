"""Does the inference of did.block keep its promises on London-like crime counts? Bias, coverage and size.

    python benchmarks/calibration.py [--sims 2000] [--seed 1] [--only bcu]

Synthetic London (32 boroughs in 12 command units; overdispersed, autocorrelated and spatially correlated
monthly counts), as a rate per 1,000 residents over 60 months, treatment from month 36 on, drawn anew for
every panel. Prints one line per design and method with its Monte Carlo error. Other methods add their own
file beside this one (`calibration_att_gt.py`) and reuse `draw_panels`, `Tally` and `markdown`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from whatworks.data.synthetic import expected_counts, london, simulate_counts
from whatworks.inference import ClusterRobust, WildCluster
from whatworks.inference.default import count_clusters, decide
from whatworks.inference.errors.cluster import Regression
from whatworks.inference.fits import two_way_effects
from whatworks.inference.fits.projection import residuals
from whatworks.inference.uncertainty import Uncertainty

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

MONTHS, START = 60, 36


@dataclass(frozen=True)
class Scenario:
    """`treated` clusters drawn out of all; `level` is `bcu` (12) or `borough` (32 per copy of London).

    `kept` clusters, the first ones, stay in the panel; all of them unless given.
    """

    level: str
    treated: int
    copies: int = 1
    offence: str = "robbery"
    rate_ratio: float = 1.0
    kept: int | None = None

    @property
    def clusters(self) -> int:
        return self.kept or (12 if self.level == "bcu" else 32) * self.copies


@dataclass
class Drawn:
    """One panel: rates (N, T), cluster codes (N,), treated units (N,) and the true effect."""

    outcome: Floats
    cluster: Ints
    treated: Bools
    truth: float


@dataclass
class Tally:
    """What a method said, panel after panel."""

    errors: list[float] = field(default_factory=list)
    std_errors: list[float] = field(default_factory=list)
    covered: list[bool] = field(default_factory=list)
    rejected: list[bool] = field(default_factory=list)
    open_ended: list[bool] = field(default_factory=list)

    def add(self, found: Uncertainty, truth: float) -> None:
        low = found.low[0] if np.isfinite(found.low[0]) else -np.inf
        high = found.high[0] if np.isfinite(found.high[0]) else np.inf
        self.errors.append(found.value[0] - truth)
        self.std_errors.append(found.std_error[0])
        self.covered.append(low <= truth <= high)
        self.rejected.append(found.p_value[0] <= 0.05)
        self.open_ended.append(bool(np.isinf(high) or np.isinf(low)))


def draw_panels(scenario: Scenario, sims: int, seed: int, chunk: int = 100) -> Iterator[Drawn]:
    """`sims` panels, each with its own assignment and noise."""
    city = london()
    units = np.tile(np.unique(city.bcu, return_inverse=True)[1], scenario.copies)
    codes = (
        units + 12 * np.repeat(np.arange(scenario.copies), 32)
        if scenario.level == "bcu"
        else np.arange(32 * scenario.copies)
    )
    mean = expected_counts(scenario.offence, seed=seed, first=2015 * 12, months=MONTHS)
    per_thousand = 1000 / np.tile(city.population, scenario.copies)[:, None]
    choose = np.random.Generator(np.random.PCG64(seed))
    post = np.arange(MONTHS) >= START
    kept = codes < scenario.clusters
    for done in range(0, sims, chunk):
        now = min(chunk, sims - done)
        picks = [choose.permutation(scenario.clusters)[: scenario.treated] for _ in range(now)]
        treated = np.stack([np.isin(codes, pick) for pick in picks])
        ratio = np.where(treated[:, :, None] & post, scenario.rate_ratio, 1.0)
        parts = [
            simulate_counts(
                mean,
                seed=seed + 1000 * (done + 1) + part,
                replications=now,
                rate_ratio=ratio[:, 32 * part : 32 * part + 32],
            )
            for part in range(scenario.copies)
        ]
        counts = np.concatenate([p.counts for p in parts], axis=1) * per_thousand
        effect = np.concatenate([p.treated - p.untreated for p in parts], axis=1) * per_thousand
        for r in range(now):
            truth = float(effect[r][treated[r]][:, post].mean())
            yield Drawn(counts[r][kept], codes[kept], treated[r][kept], truth)


def from_scores(outcome: Floats, drawn: Drawn, post: Bools, draws: int = 9999) -> Uncertainty:
    """The wild bootstrap as estimators that only give scores use it."""
    effect = (drawn.treated[:, None] & post).astype(float)
    every = np.ones((len(outcome), 1))
    x = residuals(effect, every)
    a = x / (x**2).sum()
    sums = np.zeros((2, int(drawn.cluster.max()) + 1))
    for row, values in zip(sums, (outcome, effect), strict=True):
        np.add.at(row, drawn.cluster, (a * residuals(values, every)).sum(axis=1))
    return WildCluster(draws=draws).from_scores(sums[0][:, None], sums[1][:, None])


def methods() -> dict[str, Callable[[Regression, Drawn, Bools], Uncertainty]]:
    one = np.eye(1)

    def default(fit: Regression, drawn: Drawn, post: Bools) -> Uncertainty:
        counts = count_clusters(drawn.cluster, drawn.treated, ~drawn.treated)
        choice = decide(None, counts, many=ClusterRobust())
        return choice.inference.from_regression(fit, one)

    return {
        "CR1, t(G−1)": lambda fit, drawn, post: ClusterRobust().from_regression(fit, one),
        "wild, null imposed": lambda fit, drawn, post: WildCluster().from_regression(fit, one),
        "wild, null free": lambda fit, drawn, post: WildCluster(null="free").from_regression(fit, one),
        "wild, scores": lambda fit, drawn, post: from_scores(drawn.outcome, drawn, post),
        "default": default,
    }


def calibrate(scenario: Scenario, sims: int, seed: int, names: tuple[str, ...] = ()) -> dict[str, Tally]:
    """Run the named methods (all without names) on the same panels."""
    post = np.arange(MONTHS) >= START
    chosen = {name: run for name, run in methods().items() if not names or name in names}
    tallies = {name: Tally() for name in chosen}
    for drawn in draw_panels(scenario, sims, seed):
        effect = (drawn.treated[:, None] & post).astype(float)[None]
        fit = two_way_effects.fit(drawn.outcome, effect, names=("the treatment",), cluster=drawn.cluster)
        for name, run in chosen.items():
            tallies[name].add(run(fit, drawn, post), drawn.truth)
    return tallies


def percent(share: float, n: int) -> str:
    """A share in percent with its Monte Carlo error."""
    return f"{100 * share:.1f} ± {100 * np.sqrt(share * (1 - share) / n):.1f}"


def markdown(scenario: Scenario, tallies: dict[str, Tally]) -> list[str]:
    """Table rows: bias as a share of the estimates' spread, coverage, size, with Monte Carlo errors."""
    rows = []
    for name, tally in tallies.items():
        n, errors = len(tally.errors), np.array(tally.errors)
        spread = errors.std(ddof=1)
        rejected = float(np.mean(tally.rejected))
        cells = (
            scenario.level,
            scenario.clusters,
            scenario.treated,
            f"{scenario.rate_ratio:g}",
            name,
            f"{100 * errors.mean() / spread:+.1f} ± {100 / np.sqrt(n):.1f}",
            f"{np.median(tally.std_errors) / spread:.2f}",
            percent(float(np.mean(tally.covered)), n),
            percent(rejected, n) if scenario.rate_ratio == 1 else f"(power {100 * rejected:.0f})",
            f"{100 * np.mean(tally.open_ended):.0f}",
        )
        rows.append(f"| {' | '.join(map(str, cells))} |")
    return rows


COLUMNS = (
    "level",
    "clusters",
    "treated",
    "rate ratio",
    "inference",
    "bias, % of spread",
    "std_error / spread",
    "coverage of 95%, %",
    "size of 5% test, %",
    "open-ended, %",
)
HEADER = f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}"

SCENARIOS = (
    *(Scenario("bcu", m) for m in range(2, 11)),
    Scenario("bcu", 4, rate_ratio=0.88),
    *(Scenario("borough", m) for m in (2, 3, 4, 6, 8, 16)),
    *(Scenario("bcu", m, copies=4) for m in (3, 4, 6, 8, 24)),
)


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--sims", type=int, default=2000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--only", default="", help="level to run: bcu or borough")
    asked = options.parse_args()
    print(HEADER, flush=True)
    for scenario in SCENARIOS:
        if not asked.only or scenario.level == asked.only:
            print("\n".join(markdown(scenario, calibrate(scenario, asked.sims, asked.seed))), flush=True)


if __name__ == "__main__":
    main()
