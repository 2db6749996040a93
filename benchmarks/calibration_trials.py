"""Do the errors of a trial's effect keep their promise with few units, skewed outcomes and counts?

    python benchmarks/calibration_trials.py [--sims 2000] [--seed 1] [--only NAME ...] [--skip-effect]

Trials are drawn anew each time: units, baseline, outcomes, and the allocation. Persons have lognormal
outcomes (treated: 30% lower); places have counts with variance twice the mean (φ = 2; rate ratio 0.7);
clusters have 10 to 60 persons, an intraclass correlation of 0.08 and skewed outcomes (treated: 0.3 lower).
One baseline variable, correlated with the outcome.

Size: the share of trials without an effect whose 5% test rejects. Coverage: the share of 95% intervals that
hold the effect. Width: the mean width of intervals over what the estimates' own spread (1.96 standard
deviations each side) would need. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from whatworks import Trial, rct
from whatworks.errors import WhatworksError
from whatworks.results import Estimate, NotAvailable

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Rng = np.random.Generator

PHI = 2.0
MEANS: dict[str, dict[str, Any]] = {
    "none": {"adjust": "none"},
    "lin": {"adjust": "lin"},
    "ancova": {"adjust": "ancova"},
    "cuped": {"adjust": "cuped"},
    "default": {},
}
COUNTS: dict[str, dict[str, Any]] = {
    f"{model}, {adjust}": {"model": model, "adjust": adjust}
    for model in ("quasi_poisson", "negative_binomial")
    for adjust in ("none", "ancova")
}


@dataclass(frozen=True)
class Drawn:
    """Arms, outcome, baseline, block and cluster of one trial, and the true effect."""

    arm: Ints
    outcome: Floats
    baseline: Floats
    truth: float
    block: Ints | None = None
    cluster: Ints | None = None
    exposure: Floats | None = None

    def trial(self) -> Trial:
        n = len(self.arm)
        labels = {
            f"{role}_labels": tuple(f"{code:03d}" for code in range(int(codes.max()) + 1))
            for role, codes in (("block", self.block), ("cluster", self.cluster))
            if codes is not None
        }
        return Trial(
            units=tuple(f"{i:04d}" for i in range(n)),
            arms=("control", "treatment"),
            unit=np.arange(n),
            arm=self.arm,
            outcome=self.outcome,
            block=self.block,
            cluster=self.cluster,
            exposure=self.exposure,
            baseline=self.baseline[None],
            baseline_names=("before",),
            scale="y",
            **labels,
        )


def shuffled(rng: Rng, blocks: Ints, treated: Ints) -> Ints:
    """Arms dealt within blocks (codes per unit), so many treated in each."""
    arm = np.zeros(len(blocks), dtype=np.int64)
    for code, m in enumerate(treated):
        arm[rng.permutation(np.flatnonzero(blocks == code))[:m]] = 1
    return arm


def persons(rng: Rng, block: Ints, treated: Ints, effect: bool) -> Drawn:
    """Lognormal outcomes whose level differs from block to block."""
    arm = shuffled(rng, block, treated)
    x = rng.normal(size=len(block)) + 0.5 * (block % 3)
    y = np.exp(0.5 * x + 0.7 * rng.normal(size=len(block)))
    mean = float(np.exp(0.25 * (block % 3) + 0.125 + 0.245).mean())
    blocked = block if len(treated) > 1 else None
    return Drawn(arm, y * np.where(effect & (arm == 1), 0.7, 1.0), x, -0.3 * mean * effect, blocked)


def places(rng: Rng, block: Ints, treated: Ints, effect: bool, *, exposed: bool = False) -> Drawn:
    """Counts before and after with φ = 2; places of a block are alike."""
    arm = shuffled(rng, block, treated)
    like = rng.normal(size=len(treated))[block] if len(treated) > 1 else np.zeros(len(block))
    level = 15.0 * np.exp(0.4 * (like + rng.normal(size=len(block))) - 0.16)
    exposure = rng.uniform(0.5, 2.0, len(block)) if exposed else np.ones(len(block))
    ratio = np.where(effect & (arm == 1), 0.7, 1.0)
    before, after = (counts(rng, level * exposure * r) for r in (1.0, ratio))
    base = np.log(before + 0.5) - np.log(exposure) if exposed else before
    blocked = block if len(treated) > 1 else None
    fall = -4.5 * float(np.exp(-0.08 * (blocked is None)))
    truth = (0.7 if exposed else fall) if effect else float(exposed)
    return Drawn(arm, after, base, truth, blocked, exposure=exposure if exposed else None)


def counts(rng: Rng, mean: Floats) -> Floats:
    """Counts with variance PHI times the mean."""
    return rng.poisson(rng.gamma(mean / (PHI - 1), PHI - 1)).astype(float)


def clusters(rng: Rng, block: Ints, treated: Ints, effect: bool) -> Drawn:
    """Clusters of 10 to 60 persons with skewed outcomes; blocks differ in level."""
    dealt = shuffled(rng, block, treated)
    size = rng.integers(10, 61, len(block))
    own = np.repeat(np.arange(len(block)), size)
    level = rng.normal(scale=0.3, size=len(block)) + 0.3 * (block % 3)
    x = 0.5 * level[own] + rng.normal(size=len(own))
    y = level[own] + 0.5 * x + rng.gamma(1.0, 1.0, len(own)) - 0.3 * effect * dealt[own]
    return Drawn(dealt[own], y, x, -0.3 * effect, block[own] if len(treated) > 1 else None, own)


def _even(*sizes: int) -> tuple[Ints, Ints]:
    return np.repeat(np.arange(len(sizes)), sizes), np.array([size // 2 for size in sizes])


Draw = Callable[[Rng, bool], Drawn]
DESIGNS: dict[str, tuple[Draw, dict[str, dict[str, Any]]]] = {
    "persons, 20 v 20": (lambda rng, e: persons(rng, *_even(40), e), MEANS),
    "persons, 8 v 32": (lambda rng, e: persons(rng, np.zeros(40, dtype=int), np.array([8]), e), MEANS),
    "persons, 100 v 100": (lambda rng, e: persons(rng, *_even(200), e), MEANS),
    "persons, 6 blocks of 4 to 14": (lambda rng, e: persons(rng, *_even(4, 6, 8, 10, 12, 14), e), MEANS),
    "persons, 4 blocks of 8 and 8 pairs": (
        lambda rng, e: persons(rng, *_even(8, 8, 8, 8, *(2,) * 8), e),
        MEANS,
    ),
    "places, 6 v 6": (lambda rng, e: places(rng, *_even(12), e), MEANS),
    "places, 20 pairs": (lambda rng, e: places(rng, *_even(*(2,) * 20), e), MEANS),
    "clusters, 6 v 6": (lambda rng, e: clusters(rng, *_even(12), e), MEANS),
    "clusters, 20 v 20": (lambda rng, e: clusters(rng, *_even(40), e), MEANS),
    "clusters, 3 blocks of 4": (lambda rng, e: clusters(rng, *_even(4, 4, 4), e), MEANS),
    "clusters, 10 pairs": (lambda rng, e: clusters(rng, *_even(*(2,) * 10), e), MEANS),
    "counts, 6 v 6": (lambda rng, e: places(rng, *_even(12), e, exposed=True), COUNTS),
    "counts, 12 v 12": (lambda rng, e: places(rng, *_even(24), e, exposed=True), COUNTS),
    "counts, 3 blocks of 8": (lambda rng, e: places(rng, *_even(8, 8, 8), e, exposed=True), COUNTS),
    "counts, 20 pairs": (lambda rng, e: places(rng, *_even(*(2,) * 20), e, exposed=True), COUNTS),
}


def held(estimate: Estimate, truth: float) -> bool:
    """Whether the interval holds the truth; an end that does not exist is infinitely far."""
    low = -np.inf if isinstance(estimate.low, NotAvailable) else estimate.low
    high = np.inf if isinstance(estimate.high, NotAvailable) else estimate.high
    return bool(low <= truth <= high)


def run(
    draw: Draw, options: dict[str, Any], sims: int, seed: int, effect: bool
) -> tuple[list[Estimate], Floats, int]:
    """Estimates and truths of so many trials, and how many were refused."""
    found, truths, refused = [], [], 0
    for number in range(sims):
        drawn = draw(np.random.default_rng([seed, number]), effect)
        try:
            estimate = rct.itt(drawn.trial(), **options).headline
        except WhatworksError:
            refused += 1
            continue
        found.append(estimate)
        truths.append(drawn.truth)
    return found, np.array(truths), refused


def row(name: str, method: str, draw: Draw, options: dict[str, Any], sims: int, seed: int, skip: bool) -> str:
    """One line of the table."""
    null, _, refused = run(draw, options, sims, seed, effect=False)
    p = np.array([e.p_value for e in null if not isinstance(e.p_value, NotAvailable)])
    cells = [name, method, f"{100 * (p <= 0.05).mean():.1f}"]
    if not skip:
        found, truths, _ = run(draw, options, sims, seed, effect=True)
        cells.append(f"{100 * np.mean([held(e, t) for e, t in zip(found, truths, strict=True)]):.1f}")
        log = "counts" in name
        value = np.array([float(e.value) for e in found])
        width = np.array([float(e.high) - float(e.low) for e in found if not isinstance(e.low, NotAvailable)])
        if log:
            value = np.log(value)
            width = np.array([np.log(float(e.high) / float(e.low)) for e in found])
        cells.append(f"{width.mean() / (2 * 1.96 * value.std()):.2f}")
    return f"| {' | '.join([*cells, str(refused)])} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sims", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--methods", nargs="*", default=[])
    parser.add_argument("--skip-effect", action="store_true")
    given = parser.parse_args()
    more = [] if given.skip_effect else ["coverage, %", "width"]
    heads = ["design", "method", "size, %", *more, "refused"]
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    for name, (draw, methods) in DESIGNS.items():
        if given.only and not any(word in name for word in given.only):
            continue
        for method, options in methods.items():
            if not given.methods or method in given.methods:
                print(row(name, method, draw, options, given.sims, given.seed, given.skip_effect), flush=True)
    error = 100 * np.sqrt(0.05 * 0.95 / given.sims)
    print(f"\n{given.sims:,} trials a line, Monte Carlo error of a size near 5%: ±{error:.1f} (one sd).")


if __name__ == "__main__":
    main()
