"""One turn at one job: run it a few times; say how long it took, how much memory, and what it found."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import time
import warnings
from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

Found = Mapping[str, float]


def table(path: str) -> pd.DataFrame:
    """The rows of a job."""
    with np.load(path) as stored:
        return pd.DataFrame({name: stored[name] for name in stored.files})


def arrays(path: str) -> dict[str, np.ndarray]:
    """The arrays of a job that has no table."""
    with np.load(path) as stored:
        return {name: stored[name] for name in stored.files}


def memory() -> float:
    """The most memory this process ever held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def play(prepare: Callable[[], Callable[[], Found]], repeats: int) -> None:
    """Run a job and print one line of JSON: seconds, processor seconds, memory before and at most, finds."""
    warnings.simplefilter("ignore")
    seconds, processor = [], []
    with open(os.devnull, "w", encoding="utf-8") as nowhere, contextlib.redirect_stdout(nowhere):
        run = prepare()
        before = memory()
        for _ in range(repeats):
            begun, worked = time.perf_counter(), time.process_time()
            found = run()
            seconds.append(time.perf_counter() - begun)
            processor.append(time.process_time() - worked)
    numbers = {str(name): float(value) for name, value in found.items()}
    print(
        json.dumps(
            {"seconds": seconds, "processor": processor, "before": before, "peak": memory(), "found": numbers}
        )
    )
