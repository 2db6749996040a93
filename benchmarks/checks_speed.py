"""What the checks cost: refits without the bootstrap against the study's own, and the whole battery.

    python benchmarks/checks_speed.py [--units 32] [--periods 120] [--draws 9999]

Processor seconds in one run, one thread. `own` refits with the study's inference, `thrifty` as the checks do,
`closed form` is leave-one-unit-out of the block estimate as one matrix product, to see what a batched core
would add. All three give the same estimates.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial

import numpy as np

from whatworks import checks, did
from whatworks.checks import refits
from whatworks.inference import Default
from whatworks.panel import NEVER, Panel


def panel(units: int, periods: int, cohorts: int) -> Panel:
    """Noise, half of the units treated from the middle on, each cohort six months after the last."""
    first = 2012 * 12
    start = np.where(
        np.arange(units) % 2, NEVER, first + periods // 2 + 6 * (np.arange(units) // 2 % cohorts)
    )
    outcome = np.random.default_rng(1).normal(10, 1, (units, periods))
    names = tuple(f"u{i:04d}" for i in range(units))
    return Panel(names, np.arange(first, first + periods), "month", outcome, start)


def clock(job: Callable[[], object]) -> tuple[float, object]:
    """Processor seconds, and what came out."""
    begun = time.process_time()
    found = job()
    return time.process_time() - begun, found


def left_out(given: Panel, estimate: refits.Estimator) -> np.ndarray:
    """The estimate without each unit in turn."""
    keep = ~np.eye(given.n_units, dtype=bool)
    return np.array([estimate(given.select(row)).headline.value for row in keep])


def closed_form(given: Panel) -> np.ndarray:
    """The block estimate without each unit in turn, as one product."""
    mass = 1.0 - np.eye(given.n_units)
    treated, post = given.start <= given.periods[-1], given.periods >= given.cohorts[0]
    change = given.outcome[:, post].mean(axis=1) - given.outcome[:, ~post].mean(axis=1)
    sides = [mass * treated, mass * ~treated]
    top, rest = (side @ change / side.sum(axis=1) for side in sides)
    return top - rest


def compare(name: str, one: Panel, estimate: refits.Estimator, by_month: refits.Estimator) -> None:
    """Time the refits and the battery of one method, and see that all refits agree."""
    own, slow = clock(lambda: left_out(one, estimate))
    lean, quick = clock(lambda: left_out(one, refits.thrifty(estimate, one)))
    np.testing.assert_allclose(slow, quick, rtol=1e-12)
    print(f"{name}: leave one unit out, own {own:.3f} s, thrifty {lean:.3f} s: {own / lean:.1f} times")
    if len(one.cohorts) == 1:
        shut, exact = clock(lambda: closed_form(one))
        np.testing.assert_allclose(quick, exact, rtol=1e-9)
        print(f"{name}: closed form {shut:.5f} s, saves {lean - shut:.3f} s")
    whole, found = clock(lambda: checks.run(one, estimate, event_study=by_month))
    print(f"{name}: the battery of {len(found)} in {whole:.2f} s", flush=True)


def main() -> None:
    """Print one line per job."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--units", type=int, default=32)
    asked.add_argument("--periods", type=int, default=120)
    asked.add_argument("--draws", type=int, default=9999)
    given = asked.parse_args()
    wild = Default(draws=given.draws)
    cases = {
        "did.block": (1, partial(did.block, inference=wild), partial(did.event_study, inference=wild)),
        "did.att_gt": (
            3,
            partial(did.att_gt, inference=wild),
            lambda p: did.aggregate(did.att_gt(p, base="universal", inference=wild), by="event_time"),
        ),
    }
    for name, (cohorts, estimate, by_month) in cases.items():
        compare(name, panel(given.units, given.periods, cohorts), estimate, by_month)


if __name__ == "__main__":
    main()
