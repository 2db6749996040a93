"""One peer's group-time effects on one table, timed in its own process.

    python att_gt_peers.py PEER TABLE DRAWS REPEATS

Prints one line of JSON: wall and processor seconds of each repeat, peak memory in MB, and the overall effect
where the peer gives one. Runs with the peers' interpreter, never with the project's.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import pandas as pd


def diff_diff(table: pd.DataFrame, draws: int) -> Callable[[], Any]:
    from diff_diff import CallawaySantAnna

    model = CallawaySantAnna(estimation_method="dr", n_bootstrap=draws, seed=1)
    return lambda: (
        model.fit(table, outcome="y", unit="id", time="t", first_treat="g", covariates=["x"]).overall_att
    )


def csdid(table: pd.DataFrame, draws: int) -> Callable[[], Any]:
    from csdid.att_gt import ATTgt

    def run() -> None:
        ATTgt("y", "t", "id", "g", table, xformla="y~x", biters=draws, cband=True).fit(
            est_method="dr", bstrap=True
        )

    return run


def differences(table: pd.DataFrame, draws: int) -> Callable[[], Any]:
    from differences import ATTgt

    indexed = table.assign(g=table["g"].where(table["g"] > 0)).set_index(["id", "t"])

    def run() -> None:
        ATTgt(data=indexed, cohort_column="g").fit(
            "y ~ x", est_method="dr", boot_iterations=draws, random_state=1, progress_bar=False
        )

    return run


def moderndid(table: pd.DataFrame, draws: int) -> Callable[[], Any]:
    from moderndid import att_gt

    return lambda: att_gt(
        table, yname="y", tname="t", idname="id", gname="g", xformla="~ x", est_method="dr", boot=True,
        biters=draws, random_state=1,
    )  # fmt: skip


PEERS = {"diff-diff": diff_diff, "csdid": csdid, "differences": differences, "moderndid": moderndid}


def main() -> None:
    peer, path, draws, repeats = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    warnings.simplefilter("ignore")
    table = pd.read_csv(path)
    with open(os.devnull, "w", encoding="utf-8") as nowhere, contextlib.redirect_stdout(nowhere):
        run = PEERS[peer](table, draws)
        seconds, processor = [], []
        value = None
        for _ in range(repeats):
            begun, worked = time.perf_counter(), time.process_time()
            value = run()
            seconds.append(time.perf_counter() - begun)
            processor.append(time.process_time() - worked)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    att = value if isinstance(value, float) else None
    print(json.dumps({"seconds": seconds, "processor": processor, "peak_mb": peak, "att": att}))


if __name__ == "__main__":
    main()
