"""How often the checks of a trial raise a concern where nothing is wrong: percent of simulated trials.

Run: python benchmarks/trial_check_alarms.py [trials]
"""

from __future__ import annotations

import sys
from collections import Counter

import numpy as np
import pandas as pd

from whatworks import checks, rct
from whatworks.trial import Trial

DESIGNS = {"units": (80, {}), "pairs": (40, {"pair": 2}), "clusters": (120, {"beat": 10})}


def sound(kind: str, seed: int) -> Trial:
    """A trial of an effect of half a standard deviation, a tenth lost whatever the arm."""
    n, roles = DESIGNS[kind]
    rng = np.random.default_rng([seed, n])
    size = next(iter(roles.values()), 1)
    group = np.arange(n) // size
    if kind == "clusters":
        arm = rng.permutation(np.resize([0, 1], n // size))[group]
    elif kind == "pairs":
        arm = (rng.random(n // 2) < 0.5).astype(int)[group] ^ (np.arange(n) % 2)
    else:
        arm = rng.permutation(np.resize([0, 1], n))
    table = pd.DataFrame({"unit": [f"u{i:03d}" for i in range(n)], "arm": np.where(arm, "on", "off")})
    for name in roles:
        table[name] = [f"g{g:02d}" for g in group]
    shared = 0.4 * rng.normal(size=n // size)[group]
    for k in range(5):
        table[f"x{k}"] = rng.gamma(2, 2, n) + shared
    table["y"] = rng.normal(size=n) + shared + 0.5 * arm + 0.2 * table["x0"]
    table.loc[rng.random(n) < 0.1, "y"] = np.nan
    table["taken"] = (arm & (rng.random(n) < 0.7)).astype(int)
    named = {"pair": "block", "beat": "cluster"}
    return Trial.from_frame(
        table,
        unit="unit",
        arm="arm",
        outcome="y",
        control="off",
        taken="taken",
        baseline=[f"x{k}" for k in range(5)],
        allow_missing=True,
        **{named[name]: name for name in roles},
    )


def main(trials: int) -> None:
    """Print the share of trials in which each check raised a concern or failed."""
    for kind in DESIGNS:
        raised: Counter[str] = Counter()
        for seed in range(trials):
            made = sound(kind, seed)
            found = [checks.balance_before(made), checks.take_up(made)]
            found.append(checks.attrition(made, rct.itt(made)))
            raised.update(one.name for one in found if one.verdict in ("concern", "fail"))
        words = ", ".join(f"{name} {100 * n / trials:.1f}%" for name, n in sorted(raised.items())) or "none"
        print(f"{kind}, {trials:,} trials: {words}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
