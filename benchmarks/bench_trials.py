"""Randomisation inference of a cluster trial against its peers, and Romano-Wolf, as ratios of one run.

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
PACKAGES = HERE / "peers" / "trials.txt"
PEERS = ("pyfixest", "ritest-python")


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


def peer(
    name: str, python: Path, data: Path, asked: argparse.Namespace, formula: str
) -> dict[str, float] | str:
    """Seconds and p-value of a peer, or what went wrong."""
    script = str(HERE / "trials_speed_peer.py")
    command = [str(python), script, name, str(data), str(asked.draws), formula]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=asked.limit)
    except (subprocess.TimeoutExpired, FileNotFoundError) as problem:
        return type(problem).__name__
    if done.returncode:
        return (done.stderr.strip().splitlines() or ["no message"])[-1][:100]
    found: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def install(where: Path) -> None:
    """Make the peers' environment from the list."""
    subprocess.run([sys.executable, "-m", "venv", str(where)], check=True)
    for package in PACKAGES.read_text(encoding="utf-8").split():
        subprocess.run([str(where / "bin" / "python"), "-m", "pip", "install", "-q", package], check=False)


def against_peers(trial: Trial, rows: dict[str, np.ndarray], asked: argparse.Namespace) -> None:
    """Print one line a job and peer."""
    chance = RandomisationInference(draws=asked.draws)
    python = asked.peers_at / "bin" / "python"
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "trial.npz"
        np.savez(data, **rows)
        for words, adjust, formula in (
            ("difference in means", "none", "y ~ z"),
            ("adjusted for two variables", "ancova", "y ~ z + x + w"),
        ):
            ours = best(lambda a=adjust: rct.itt(trial, adjust=a, inference=chance))
            p = rct.itt(trial, adjust=adjust, inference=chance).headline.p_value
            for name in PEERS:
                theirs = peer(name, python, data, asked, formula)
                if isinstance(theirs, str):
                    print(f"| {words} | {name} | {ours:.3g} | {theirs} | | |", flush=True)
                    continue
                slow = theirs["seconds"]
                both = f"{p:.3f}, {theirs['p']:.3f}"
                print(
                    f"| {words} | {name} | {ours:.3g} | {slow:.3g} | {slow / ours:.1f} | {both} |", flush=True
                )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=9999)
    parser.add_argument("--limit", type=float, default=900.0, help="seconds a peer may take")
    parser.add_argument("--peers-at", type=Path, default=PEERS_AT)
    parser.add_argument("--install", action="store_true")
    asked = parser.parse_args()
    if asked.install and not asked.peers_at.exists():
        install(asked.peers_at)
    rows = people(200, 50)
    roles = {"unit": "person", "arm": "z", "outcome": "y", "control": 0, "cluster": "ward"}
    trial = Trial.from_frame(pd.DataFrame(rows), baseline=["x", "w"], **roles)
    print(f"{asked.draws:,} draws, 200 clusters of 50\n")
    print("| job | who | ours, s | theirs, s | times ours | p, both |\n|---|---|---|---|---|---|")
    against_peers(trial, rows, asked)
    more = {f"y{k}": trial.outcome + np.random.default_rng(k).normal(size=trial.n_rows) for k in range(10)}
    chance = RandomisationInference(draws=asked.draws)
    one = best(lambda: rct.outcomes(trial, more, correction="holm", adjust="none"))
    wolf = best(lambda: rct.outcomes(trial, more, correction="romano_wolf", adjust="none"))
    ranks = best(lambda: rct.randomisation_test(trial, statistic="rank_sum", inference=chance))
    print(f"| ten outcomes by Romano-Wolf, beyond Holm | none | {wolf - one:.3g} | | | |")
    print(f"| rank sums with a searched interval | none | {ranks:.3g} | | | |")


if __name__ == "__main__":
    main()
