"""One peer's synthetic difference-in-differences with placebo errors on one table, in its own process.

    python synthdid_peers.py PEER TABLE DRAWS REPEATS

Prints one line of JSON: wall and processor seconds of each repeat, and the effect and its error where the
peer gives them. Runs with the peers' interpreter, never with the project's.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
import warnings
from collections.abc import Callable

import pandas as pd

Answer = tuple[float, float]


def diff_diff(table: pd.DataFrame, draws: int) -> Callable[[], Answer]:
    from diff_diff import SyntheticDiD

    ever = table.assign(ever=table.groupby("unit")["treated"].transform("max"))
    after = sorted(table.loc[table["treated"] == 1, "t"].unique())
    model = SyntheticDiD(variance_method="placebo", n_bootstrap=draws, seed=1)

    def run() -> Answer:
        found = model.fit(ever, outcome="y", treatment="ever", unit="unit", time="t", post_periods=after)
        return found.att, found.se

    return run


def azcausal(table: pd.DataFrame, draws: int) -> Callable[[], Answer]:
    from azcausal.core.error import Placebo
    from azcausal.core.panel import CausalPanel
    from azcausal.estimators.panel.sdid import SDID
    from azcausal.util import to_panels

    def run() -> Answer:
        panel = CausalPanel(to_panels(table, "t", "unit", ["y", "treated"])).setup(
            outcome="y", time="t", unit="unit", intervention="treated"
        )
        estimator = SDID()
        result = estimator.fit(panel)
        estimator.error(result, Placebo(n_samples=draws))
        return result.effect.value, result.effect.se

    return run


def synthdid(table: pd.DataFrame, draws: int) -> Callable[[], Answer]:
    from synthdid import panel_matrices, placebo_se, synthdid_estimate

    def run() -> Answer:
        made = panel_matrices(table[["unit", "t", "y", "treated"]])
        found = synthdid_estimate(made.Y, made.N0, made.T0)
        return float(found), float(placebo_se(found, replications=draws, random_state=1))

    return run


def mlsynth(table: pd.DataFrame, draws: int) -> Callable[[], Answer]:
    from mlsynth import SDID

    def run() -> Answer:
        found = SDID(
            {
                "df": table,
                "outcome": "y",
                "treat": "treated",
                "unitid": "unit",
                "time": "t",
                "B": draws,
                "display_graphs": False,
            }
        ).fit()
        return float(found.effects.att), float(found.inference.standard_error)

    return run


PEERS = {"diff-diff": diff_diff, "azcausal": azcausal, "synthdid-py": synthdid, "mlsynth": mlsynth}


def main() -> None:
    peer, path, draws, repeats = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    warnings.simplefilter("ignore")
    table = pd.read_csv(path)
    with open(os.devnull, "w", encoding="utf-8") as nowhere, contextlib.redirect_stdout(nowhere):
        run = PEERS[peer](table, draws)
        seconds, processor, answer = [], [], (float("nan"), float("nan"))
        for _ in range(repeats):
            begun, worked = time.perf_counter(), time.process_time()
            answer = run()
            seconds.append(time.perf_counter() - begun)
            processor.append(time.process_time() - worked)
    print(json.dumps({"seconds": seconds, "processor": processor, "effect": answer[0], "error": answer[1]}))


if __name__ == "__main__":
    main()
