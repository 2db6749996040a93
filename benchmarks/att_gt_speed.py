"""Speed of did.att_gt against its peers, as ratios from one run.

    python benchmarks/att_gt_speed.py      1,000 units × 20 periods × 5 cohorts, all peers
    python benchmarks/att_gt_speed.py --units 100000 --peers diff-diff

Doubly robust with one covariate and a multiplier bootstrap. Peers live in benchmarks/peers/.venv-did, made
with `--install`; a peer that is missing or fails is said so. Times are the best of the repeats, each peer in
a process of its own, reading and importing not counted; ours counts building the panel from the table
too. On a busy machine compare processor seconds.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).resolve().parent
VENV = HERE / "peers" / ".venv-did"
PACKAGES = ("diff-diff", "csdid", "differences", "moderndid")


def table(units: int, periods: int, cohorts: int, seed: int) -> pd.DataFrame:
    """A staggered panel, half the units never treated (g = 0)."""
    draw = np.random.default_rng(seed)
    x = draw.standard_normal(units)
    starts = np.linspace(periods // 3, periods - 2, cohorts).round().astype(int)
    g = np.where(draw.random(units) < 0.5, 0, starts[draw.integers(0, cohorts, units)])
    t = np.arange(1, periods + 1)
    trend = 0.1 * t + 0.05 * x[:, None] * t
    effect = 0.5 * ((g[:, None] > 0) & (t >= g[:, None]))
    y = draw.standard_normal((units, 1)) + trend + effect + draw.standard_normal((units, periods))
    return pd.DataFrame(
        {
            "id": np.repeat(np.arange(1, units + 1), periods),
            "t": np.tile(t, units),
            "y": y.ravel(),
            "g": np.repeat(g, periods),
            "x": np.repeat(x, periods),
        }
    )


def ours(frame: pd.DataFrame, draws: int, repeats: int) -> dict[str, object]:
    from whatworks.did.att_gt import att_gt
    from whatworks.inference.errors.multiplier import MultiplierBootstrap
    from whatworks.panel import Panel

    seconds, processor, panels = [], [], []
    for _ in range(repeats):
        begun, worked = time.perf_counter(), time.process_time()
        panel = Panel.from_frame(
            frame, unit="id", period="t", outcome="y", start="g", never=0, covariates=["x"]
        )
        built = time.perf_counter()
        result = att_gt(panel, adjust="doubly_robust", inference=MultiplierBootstrap(draws=draws, seed=1))
        seconds.append(time.perf_counter() - begun)
        processor.append(time.process_time() - worked)
        panels.append(built - begun)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "seconds": seconds,
        "processor": processor,
        "panel": min(panels),
        "peak_mb": peak,
        "att": float(result.headline.value),
    }


def peer(name: str, path: Path, draws: int, repeats: int, limit: float) -> dict[str, object] | str:
    python = VENV / "bin" / "python"
    if not python.exists():
        return "not installed (run with --install)"
    command = [str(python), str(HERE / "att_gt_peers.py"), name, str(path), str(draws), str(repeats)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit, check=False)
    except subprocess.TimeoutExpired:
        return f"no answer within {limit:.0f} s"
    if done.returncode != 0:
        return "failed: " + (done.stderr.strip().splitlines() or ["no message"])[-1]
    found: dict[str, object] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def install() -> None:
    subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
    for name in PACKAGES:
        subprocess.run([str(VENV / "bin" / "python"), "-m", "pip", "install", "-q", name], check=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--units", type=int, default=1000)
    parser.add_argument("--periods", type=int, default=20)
    parser.add_argument("--cohorts", type=int, default=5)
    parser.add_argument("--draws", type=int, default=999)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--limit", type=float, default=600.0)
    parser.add_argument("--peers", default=",".join(PACKAGES))
    parser.add_argument("--install", action="store_true")
    asked = parser.parse_args()
    if asked.install and not VENV.exists():
        install()
    frame = table(asked.units, asked.periods, asked.cohorts, seed=1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "panel.csv"
        frame.to_csv(path, index=False)
        rows = {"whatworks": ours(frame, asked.draws, asked.repeats)}
        for name in filter(None, asked.peers.split(",")):
            rows[name] = peer(name, path, asked.draws, asked.repeats, asked.limit)
    wall, worked = (min(rows["whatworks"][k]) for k in ("seconds", "processor"))
    print(
        f"{asked.units:,} units x {asked.periods} periods x {asked.cohorts} cohorts, doubly robust, one "
        f"covariate, {asked.draws} draws; best of {asked.repeats}"
    )
    print("| package | seconds | times ours | processor seconds | times ours | peak MB | overall ATT |")
    print("|---|---|---|---|---|---|---|")
    for name, row in rows.items():
        if isinstance(row, str):
            print(f"| {name} | {row} | | | | | |")
            continue
        att = "" if row["att"] is None else f"{row['att']:.5f}"
        best, cpu = min(row["seconds"]), min(row["processor"])
        print(
            f"| {name} | {best:.3f} | {best / wall:.1f} | {cpu:.3f} | {cpu / worked:.1f} "
            f"| {row['peak_mb']:.0f} | {att} |"
        )
    panel = rows["whatworks"]["panel"]
    print(
        f"Of ours, building the panel from the table took {panel:.3f} s; att_gt alone {wall - panel:.3f} s."
    )


if __name__ == "__main__":
    main()
