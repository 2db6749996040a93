"""How often the checks of a trial speak up where nothing is wrong: percent of simulated trials.

    python benchmarks/trial_check_alarms.py [trials] [effect] [design ...]

Sound trials with a tenth of rows lost whatever the arm: 60 persons in blocks of 6, 20 pairs, 12 clusters of
10, 15 spots over 60 days, 12 clusters of 5 over 7 periods. Effects are in standard deviations (0.5 without
one given). A check speaks up where its verdict is concern or fail; `any` counts trials in which one does,
those aside that see facts which the design brings along (how much was assigned).
"""

from __future__ import annotations

import sys
from collections import Counter
from functools import cache, partial

import numpy as np
import pandas as pd

from whatworks import checks, rct
from whatworks.inference.chance.randomisation import RandomisationInference
from whatworks.results import CheckResult
from whatworks.trial import Trial

DESIGNS = ("blocks", "pairs", "clusters", "crossover", "wedge")
DRAWS = RandomisationInference(draws=499)
GIVEN = "Enough assigned"
SCHEDULES = 200
EVERY, REPORTED = 10, 100
"""Refits that leave one out, and the count of any check, are asked of one trial in so many; a line each so
many."""


@cache
def schedules() -> np.ndarray:
    """(200, 15, 60) arms of place-days, drawn once."""
    bits = np.random.PCG64(np.random.SeedSequence(1))
    return rct.Crossover(60, 3, 7, washout=1).draw(bits, 15, SCHEDULES)


def parallel(kind: str, rng: np.random.Generator, effect: float) -> Trial:
    """One row a unit, five baseline variables, seven in ten of the treated take it up."""
    n, size = {"blocks": (60, 6), "pairs": (40, 2), "clusters": (120, 10)}[kind]
    group = np.arange(n) // size
    if kind == "clusters":
        arm = rng.permutation(np.resize([0, 1], n // size))[group]
    else:
        arm = np.concatenate([rng.permutation(np.resize([0, 1], size)) for _ in range(n // size)])
    shared = 0.4 * rng.normal(size=n // size)[group]
    x = rng.gamma(2, 2, (5, n)) + shared
    y = rng.normal(size=n) + shared + 0.2 * x[0] + effect * arm
    table = pd.DataFrame({"unit": [f"u{i:03d}" for i in range(n)], "arm": np.where(arm, "on", "off")})
    table[[f"x{k}" for k in range(5)]] = x.T
    table["y"] = np.where(rng.random(n) < 0.1, np.nan, y)
    table["taken"] = (arm & (rng.random(n) < 0.7)).astype(int)
    table["group"] = [f"g{g:02d}" for g in group]
    role = {"cluster" if kind == "clusters" else "block": "group"}
    return made(table, taken="taken", baseline=[f"x{k}" for k in range(5)], **role)


def over_time(kind: str, rng: np.random.Generator, effect: float) -> Trial:
    """One row a unit and period; in a wedge five units a cluster."""
    size, role = 1, {}
    if kind == "crossover":
        arms = schedules()[rng.integers(SCHEDULES)]
    else:
        start = rng.permutation(np.repeat(np.arange(1, 7), 2))
        size, role = 5, {"cluster": "group"}
        arms = np.repeat((np.arange(7) >= start[:, None]).astype(int), size, axis=0)
    units, periods = arms.shape
    y = np.repeat(rng.normal(0, 0.4, (units // size, 1)), size, axis=0)
    y = y + rng.normal(0, 0.3, periods) + rng.normal(size=arms.shape)
    y = np.where(rng.random(arms.shape) < 0.1, np.nan, y + effect * arms)
    each = np.indices(arms.shape).reshape(2, -1)
    table = pd.DataFrame({"unit": [f"u{i:02d}" for i in each[0]], "period": each[1] + 1})
    table["arm"] = np.where(arms.ravel(), "on", "off")
    table["group"] = [f"g{i // size:02d}" for i in each[0]]
    table["taken"] = (arms.ravel() & (rng.random(arms.size) < 0.7)).astype(int)
    return made(table.assign(y=y.ravel()), taken="taken", period="period", **role)


made = partial(Trial.from_frame, unit="unit", arm="arm", outcome="y", control="off", allow_missing=True)


def asked(kind: str, trial: Trial, refit: bool) -> list[CheckResult]:
    """The checks of `checks.run_trial`, with fewer draws; those that leave one out only with `refit`."""
    analysis = {"crossover": rct.crossover, "wedge": rct.stepped_wedge}.get(kind, rct.itt)
    result = analysis(trial)
    found = [checks.enough_assigned(trial), checks.attrition(trial, result, inference=DRAWS)]
    found.append(checks.take_up(trial))
    if refit:
        levels = ["unit", *(by for by in ("cluster", "block") if getattr(trial, by) is not None)]
        found += [checks.without_one(trial, analysis, by=by, whole=result) for by in levels]
    if trial.baseline_names:
        found.append(checks.balance_before(trial, inference=DRAWS))
    if kind == "crossover":
        found.append(checks.carry_over(result))
    if kind == "wedge":
        found.append(checks.over_exposure(result))
    return found


def share(raised: int, of: int) -> str:
    """Percent with its Monte Carlo error."""
    p = raised / of
    return f"{100 * p:.1f} ± {100 * np.sqrt(p * (1 - p) / of):.1f} of {of:,}"


def main(trials: int, effect: float, kinds: tuple[str, ...]) -> None:
    """Print the share of trials in which each check raised a concern or failed, design by design."""
    for kind in kinds:
        raised: Counter[str] = Counter()
        asked_of: Counter[str] = Counter()
        for seed in range(trials):
            rng = np.random.default_rng([seed, DESIGNS.index(kind)])
            trial = (over_time if kind in ("crossover", "wedge") else parallel)(kind, rng, effect)
            found = asked(kind, trial, refit=seed % EVERY == 0)
            spoke = {one.name for one in found if one.verdict in ("concern", "fail")}
            raised.update(spoke)
            asked_of.update(one.name for one in found)
            if seed % EVERY == 0:
                asked_of["any"] += 1
                raised["any"] += bool(spoke - {GIVEN})
            if (seed + 1) % REPORTED == 0 or seed + 1 == trials:
                words = "; ".join(f"{name} {share(raised[name], n)}" for name, n in sorted(asked_of.items()))
                print(f"{kind}, {seed + 1:,} trials, effect {effect:g}: {words}", flush=True)


if __name__ == "__main__":
    given = sys.argv[1:]
    chosen = tuple(given[2:]) or DESIGNS
    main(int(given[0]) if given else 1000, float(given[1]) if len(given) > 1 else 0.5, chosen)
