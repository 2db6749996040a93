"""How often 5% randomisation tests reject an average effect of zero where arms and their spreads are unequal.

    python benchmarks/calibration_randomisation.py --trials 2000

The effect differs from person to person and is zero on average, so that the hypothesis of no effect on anyone
is false and that of no average effect is true. 999 draws a test.
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd

from whatworks import Trial, rct
from whatworks.inference import RandomisationInference

CASES = (
    (8, 32, 1, 1, "normal"),
    (8, 32, 3, 1, "normal"),
    (8, 32, 1, 3, "normal"),
    (20, 20, 3, 1, "normal"),
    (8, 32, 3, 1, "exponential"),
    (8, 32, 1, 3, "exponential"),
)


def rejected(case: tuple[int, int, int, int, str], trials: int) -> list[float]:
    """Shares rejected by the plain and the studentised test and by Welch's."""
    treated, control, spread, other, shape = case
    n, rng, test = treated + control, np.random.default_rng(11), RandomisationInference(draws=999)
    z = np.arange(n) < treated
    frame = pd.DataFrame({"unit": np.arange(n), "z": z.astype(int), "y": np.arange(float(n))})
    trial = Trial.from_frame(frame, unit="unit", arm="z", outcome="y", control=0)
    counts = np.zeros(3)
    for _ in range(trials):
        noise = rng.normal(size=n) if shape == "normal" else rng.exponential(size=n) - 1
        drawn = trial.with_outcome(np.where(trial.treated, spread, other) * noise)
        found = [
            *(
                rct.randomisation_test(drawn, statistic=s, inference=test)
                for s in ("difference", "studentised")
            ),
            rct.itt(drawn),
        ]
        counts += [result.headline.p_value <= 0.05 for result in found]
    return (counts / trials).tolist()


def main() -> None:
    """Print one line a case."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=2000)
    trials = parser.parse_args().trials
    print("| treated, control | spread | shape | plain | studentised | Welch |\n|---|---|---|---|---|---|")
    for case in CASES:
        shares = " | ".join(f"{100 * share:.1f}%" for share in rejected(case, trials))
        print(f"| {case[0]}, {case[1]} | {case[2]}, {case[3]} | {case[4]} | {shares} |", flush=True)


if __name__ == "__main__":
    main()
