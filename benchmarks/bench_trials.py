"""Randomisation inference of a cluster trial against pyfixest, and Romano-Wolf, as ratios of one run.

    python benchmarks/bench_trials.py --install       after making the peers' environment
    python benchmarks/bench_trials.py --draws 999      small

200 clusters of 50 people, 9,999 draws; reading, importing and compiling are not counted.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from whatworks import Trial, rct
from whatworks.inference import RandomisationInference

HERE = Path(__file__).resolve().parent
PEERS_AT = HERE / "peers" / ".venv-trials"


def people(clusters: int, size: int) -> dict[str, np.ndarray]:
    """Rows of a trial in which half the clusters are treated."""
    rng = np.random.default_rng(1)
    ward = np.repeat(np.arange(clusters), size)
    x, w = rng.normal(size=(2, len(ward)))
    y = 0.5 * x + rng.normal(size=clusters)[ward] + rng.normal(size=len(ward))
    return {"person": np.arange(len(ward)), "ward": ward, "z": ward % 2, "x": x, "w": w, "y": y}


def best(run: Callable[[], object], repeats: int = 3) -> float:
    """The least seconds of a few repeats."""
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        run()
        times.append(time.perf_counter() - began)
    return min(times)


def peer(python: Path, data: Path, draws: int, formula: str) -> dict[str, float] | str:
    """Seconds and p-value of pyfixest, or what went wrong."""
    command = [str(python), str(HERE / "trials_speed_peer.py"), str(data), str(draws), formula]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return (done.stderr.strip().splitlines() or ["no message"])[-1][:100]
    found: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def main() -> None:
    """Print one line a job."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=9999)
    parser.add_argument("--peers-at", type=Path, default=PEERS_AT)
    parser.add_argument("--install", action="store_true")
    asked = parser.parse_args()
    if asked.install and not asked.peers_at.exists():
        subprocess.run([sys.executable, "-m", "venv", str(asked.peers_at)], check=True)
        pip = [str(asked.peers_at / "bin" / "python"), "-m", "pip", "install", "-q", "pyfixest", "numba"]
        subprocess.run(pip, check=True)
    rows = people(200, 50)
    frame, chance = pd.DataFrame(rows), RandomisationInference(draws=asked.draws)
    roles = {"unit": "person", "arm": "z", "outcome": "y", "control": 0, "cluster": "ward"}
    trial = Trial.from_frame(frame, baseline=["x", "w"], **roles)
    print(
        f"{asked.draws:,} draws, 200 clusters of 50\n| job | ours, s | pyfixest, s | times ours | p, both |"
    )
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "trial.npz"
        np.savez(data, **rows)
        for words, statistic, formula in (
            ("difference in means", "difference", "y ~ z"),
            ("adjusted for two variables", "ancova", "y ~ z + x + w"),
        ):
            ours = best(lambda s=statistic: rct.randomisation_test(trial, statistic=s, inference=chance))
            p = rct.randomisation_test(trial, statistic=statistic, inference=chance).headline.p_value
            theirs = peer(asked.peers_at / "bin" / "python", data, asked.draws, formula)
            if isinstance(theirs, str):
                print(f"| {words} | {ours:.3g} | {theirs} | | |")
            else:
                slow, other = theirs["seconds"], theirs["p"]
                print(f"| {words} | {ours:.3g} | {slow:.3g} | {slow / ours:.1f} | {p:.3f}, {other:.3f} |")
    more = {f"y{k}": trial.outcome + np.random.default_rng(k).normal(size=trial.n_rows) for k in range(10)}
    one = best(lambda: rct.outcomes(trial, more, correction="holm", adjust="none"))
    all_ten = best(lambda: rct.outcomes(trial, more, correction="romano_wolf", adjust="none", inference=None))
    print(f"| ten outcomes: Romano-Wolf beyond Holm | {all_ten - one:.3g} | | | |")


if __name__ == "__main__":
    main()
