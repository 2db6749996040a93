"""One peer's turn at randomisation inference, timed in its own process and environment.

    python trials_speed_peer.py PEER DATA DRAWS FORMULA

Runs with the peers' interpreter, never with the project's.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable

import numpy as np
import pandas as pd

Run = Callable[[int], float]
"""From the number of draws to the p-value."""


def by_pyfixest(frame: pd.DataFrame, formula: str) -> Run:
    import pyfixest as pf

    fit = pf.feols(formula, data=frame, vcov={"CRV1": "ward"})

    def run(draws: int) -> float:
        found = fit.ritest("z", reps=draws, cluster="ward", rng=np.random.default_rng(1))
        return float(found["Pr(>|t|)"])

    return run


def by_ritest(frame: pd.DataFrame, formula: str) -> Run:
    from ritest import ritest

    def run(draws: int) -> float:
        found = ritest(
            df=frame, permute_var="z", formula=formula, stat="z", cluster="ward", reps=draws, seed=1, n_jobs=1
        )
        return float(found.pval)

    return run


PEERS = {"pyfixest": by_pyfixest, "ritest-python": by_ritest}


def main() -> None:
    """Time one test, after one with few draws that lets it compile."""
    peer, path, draws, formula = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
    with np.load(path) as stored:
        frame = pd.DataFrame({name: stored[name] for name in stored.files})
    # pyfixest's compiled code takes no integers
    frame["z"] = frame["z"].astype(np.float64)
    frame["ward"] = frame["ward"].astype(np.int64)
    run = PEERS[peer](frame, formula)
    run(100)
    began = time.perf_counter()
    p = run(draws)
    print(json.dumps({"seconds": time.perf_counter() - began, "p": p}))


if __name__ == "__main__":
    main()
