"""Does the inference of synthetic control keep its promises on London-like counts? Size, coverage, power.

    python benchmarks/calibration_synth.py [--sims 2000] [--seed 1] [--only classic]

Synthetic London (32 boroughs, overdispersed, autocorrelated and spatially correlated monthly counts of
robbery), as a rate per 1,000 residents over 60 months, one borough treated from month 45 on. The borough is
drawn from all, or from the eight with the highest rates before the start, as a police force would choose.
Prints one line per inference with its Monte Carlo error; the effect counted as covered is the mean over the
months from the start on.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from calibration import percent
from whatworks.data.synthetic import expected_counts, london, simulate_counts
from whatworks.inference.synthetic.conformal import Conformal
from whatworks.inference.synthetic.jackknife_plus import JackknifePlus
from whatworks.inference.synthetic.placebo import Placebo
from whatworks.inference.synthetic.prediction import PredictionIntervals
from whatworks.panel import NEVER, Panel
from whatworks.synth.convex import convex
from whatworks.synth.pool import Pool, pool_of
from whatworks.synth.predicted import predicted
from whatworks.synth.problems import Fit, actual
from whatworks.synth.quantify import quantify

Floats = npt.NDArray[np.float64]

MONTHS, START = 60, 45
HIGHEST = 8


@dataclass(frozen=True)
class Said:
    """What one inference said about one panel: whether it rejects, whether it covers, how wide it is."""

    rejects: bool
    covers: bool
    width: float


@dataclass(frozen=True)
class Drawn:
    """One panel's pool and the true mean effect."""

    pool: Pool
    truth: float


def draw_pools(
    sims: int, seed: int, *, rate_ratio: float, highest: bool, chunk: int = 100
) -> Iterator[Drawn]:
    """`sims` panels, each with its own treated borough and noise."""
    city = london()
    mean = expected_counts("robbery", seed=seed, first=2015 * 12, months=MONTHS)
    per_thousand = 1000 / city.population[:, None]
    level = (mean * per_thousand)[:, :START].mean(axis=1)
    candidates = np.argsort(-level)[:HIGHEST] if highest else np.arange(32)
    choose = np.random.Generator(np.random.PCG64(seed))
    post = np.arange(MONTHS) >= START
    for done in range(0, sims, chunk):
        now = min(chunk, sims - done)
        treated = np.zeros((now, 32), dtype=bool)
        treated[np.arange(now), choose.choice(candidates, now)] = True
        ratio = np.where(treated[:, :, None] & post, rate_ratio, 1.0)
        made = simulate_counts(mean, seed=seed + 1000 * (done + 1), replications=now, rate_ratio=ratio)
        for r in range(now):
            effect = (made.treated[r] - made.untreated[r]) * per_thousand
            panel = Panel(
                units=tuple(f"b{i:02d}" for i in range(32)),
                periods=np.arange(MONTHS),
                period_kind="integer",
                outcome=made.counts[r] * per_thousand,
                start=np.where(treated[r], START, NEVER),
            )
            yield Drawn(pool_of(panel, "calibration"), float(effect[treated[r]][:, post].mean()))


def placebo(fit: Fit, rule: Placebo) -> Callable[[Drawn], Said]:
    def ask(drawn: Drawn) -> Said:
        found = quantify(drawn.pool, fit, fit(actual(drawn.pool)), rule, level=0.95, where="").found
        return Said(
            bool(found.p_value[0] <= 0.05),
            bool(found.low[0] <= drawn.truth <= found.high[0]),
            float(found.high[0] - found.low[0]),
        )

    return ask


def jackknife_plus(fit: Fit) -> Callable[[Drawn], Said]:
    def ask(drawn: Drawn) -> Said:
        found = quantify(
            drawn.pool, fit, fit(actual(drawn.pool)), JackknifePlus(), level=0.95, where=""
        ).found
        low, high = float(found.low[0]), float(found.high[0])
        return Said(not low <= 0 <= high, low <= drawn.truth <= high, high - low)

    return ask


def prediction(rule: PredictionIntervals) -> Callable[[Drawn], Said]:
    """The interval of the mean effect alone; those of the single months would take most of the time."""

    def ask(drawn: Drawn) -> Said:
        pool = drawn.pool
        found = predicted(pool, convex(actual(pool)), rule, pool.post[None], level=0.95)
        low, high = float(found.low[0]), float(found.high[0])
        return Said(not low <= 0 <= high, low <= drawn.truth <= high, high - low)

    return ask


def conformal(fit: Fit, rule: Conformal) -> Callable[[Drawn], Said]:
    """The test at no effect and at the truth; the interval, a search, is not made."""

    def ask(drawn: Drawn) -> Said:
        pool = drawn.pool
        every = np.asarray(pool.pre | pool.post)
        p_values = []
        for effect in (0.0, drawn.truth):
            shift = effect * pool.post.astype(float)
            problem = replace(actual(pool), pre=every[None], shift=shift[None])
            p_values.append(float(rule.p_values(fit(problem).gaps[:, every], pool.post[every])[0]))
        return Said(p_values[0] <= 0.05, p_values[1] > 0.05, np.nan)

    return ask


def methods() -> dict[str, Callable[[Drawn], Said]]:
    return {
        "classic, placebo, |mean gap| (the default)": placebo(convex, Placebo()),
        "classic, placebo, |mean gap|, treated a donor": placebo(convex, Placebo(treated_as_donor=True)),
        "classic, placebo, RMSPE ratio": placebo(convex, Placebo("rmspe_ratio")),
        "classic, placebo, |mean gap|, worst_fit=2": placebo(convex, Placebo(worst_fit=2)),
        "classic, conformal, shifts": conformal(convex, Conformal()),
        "classic, conformal, random": conformal(convex, Conformal("random")),
        "classic, jackknife+": jackknife_plus(convex),
        "classic, prediction, gaussian": prediction(PredictionIntervals()),
        "classic, prediction, location and scale": prediction(PredictionIntervals("location_scale")),
    }


def table(sims: int, seed: int, only: str) -> Iterator[str]:
    yield "| treated borough | rate ratio | inference | rejects, % | covers mean effect, % | median width |"
    yield "|---|---|---|---|---|---|"
    for highest in (False, True):
        for ratio in (1.0, 0.8):
            drawn = list(draw_pools(sims, seed, rate_ratio=ratio, highest=highest))
            for name, ask in methods().items():
                if only in name:
                    said = [ask(one) for one in drawn]
                    width = float(np.median([s.width for s in said]))
                    rejects, covers = (
                        np.mean([getattr(s, what) for s in said]) for what in ("rejects", "covers")
                    )
                    yield (
                        f"| {'one of the 8 highest' if highest else 'drawn from all'} | {ratio:g} | {name} | "
                        f"{percent(rejects, sims)} | {percent(covers, sims)} | "
                        f"{width:.3f} |"
                    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sims", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="")
    given = parser.parse_args()
    for line in table(given.sims, given.seed, given.only):
        print(line, flush=True)


if __name__ == "__main__":
    main()
