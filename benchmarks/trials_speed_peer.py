"""pyfixest's turn at randomisation inference, timed in its own process and environment.

python trials_speed_peer.py DATA DRAWS FORMULA
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np
import pandas as pd
import pyfixest as pf


def main() -> None:
    """Time one test, after one with few draws that lets it compile."""
    path, draws, formula = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    with np.load(path) as stored:
        frame = pd.DataFrame({name: stored[name] for name in stored.files})
    frame["z"] = frame["z"].astype(float)
    fit = pf.feols(formula, data=frame, vcov={"CRV1": "ward"})
    for reps in (99, draws):
        began = time.perf_counter()
        found = fit.ritest("z", reps=reps, cluster="ward", rng=np.random.default_rng(1))
        seconds = time.perf_counter() - began
    print(json.dumps({"seconds": seconds, "p": float(found["Pr(>|t|)"])}))


if __name__ == "__main__":
    main()
