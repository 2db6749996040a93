"""Speed of synth.synthdid with its placebo error against its peers, as ratios from one run.

    python benchmarks/synthdid_speed.py [--treated 1] [--draws 200] [--peers NAME ...] [--install]

39 units × 31 periods, treated from the 20th on, as the smoking panel. With one treated unit there are only
38 placebos: ours fits each once however many draws are asked for, so `as drawn` also times the draws fitted
one and all; with `--treated 3` every draw is another set for everybody. Peers live in
benchmarks/peers/.venv-synth, made with `--install`, or under `--venv`; one that is missing or fails is said
so. Rounds take turns; times are the best of all rounds, importing not counted, ours with building the panel.
On a busy machine compare processor seconds.
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

HERE = Path(__file__).resolve().parent
VENV = HERE / "peers" / ".venv-synth"
PEERS = {"diff-diff": "diff-diff", "azcausal": "azcausal", "synthdid-py": "synthdid-py", "mlsynth": "mlsynth"}


def table(treated: int, seed: int) -> pd.DataFrame:
    """Two common factors, unit levels and noise."""
    draw = np.random.default_rng(seed)
    factors, loadings = draw.normal(size=(2, 31)).cumsum(axis=1), draw.normal(size=(39, 2))
    y = 100 + 10 * draw.normal(size=(39, 1)) + 4 * loadings @ factors + 3 * draw.normal(size=(39, 31))
    on = (np.arange(39) < treated)[:, None] & (np.arange(1, 32) >= 20)
    return pd.DataFrame(
        {
            "unit": np.repeat([f"u{i:02d}" for i in range(39)], 31),
            "t": np.tile(np.arange(1, 32), 39),
            "y": y.ravel(),
            "treated": on.astype(int).ravel(),
        }
    )


def ours(frame: pd.DataFrame, draws: int) -> Callable[[], tuple[float, float]]:
    from whatworks import Panel, synth
    from whatworks.inference.synthetic.placebo_error import PlaceboError

    ever = frame.groupby("unit")["treated"].transform("max")
    frame = frame.assign(start=np.where(ever == 1, "20", ""))

    def run() -> tuple[float, float]:
        panel = Panel.from_frame(frame, unit="unit", period="t", outcome="y", start="start")
        found = synth.synthdid(panel, inference=PlaceboError(draws=draws)).headline
        return float(found.value), float(found.std_error)

    return run


def as_drawn(frame: pd.DataFrame, draws: int) -> Callable[[], tuple[float, float]]:
    """The same fits with every draw fitted, repeated or not."""
    from whatworks.synth.problems import Problems
    from whatworks.synth.synthdid_fit import SyntheticDid

    y = frame["y"].to_numpy().reshape(39, 31)
    treated = frame["treated"].to_numpy().reshape(39, 31)
    post = treated.any(axis=0)
    donors = np.flatnonzero(~treated.any(axis=1))
    order = np.random.default_rng(1).permuted(np.tile(donors, (draws, 1)), axis=1)
    sets = np.zeros((draws + 1, 39), dtype=bool)
    sets[0] = treated.any(axis=1)
    np.put_along_axis(sets[1:], order[:, : sets[0].sum()], True, axis=1)
    pre = np.repeat(~post[None], draws + 1, axis=0)

    def run() -> tuple[float, float]:
        members = sets / sets.sum(axis=1, keepdims=True)
        gaps = SyntheticDid(post)(Problems(y, members, ~sets & ~sets[:1], pre)).gaps[:, post].mean(axis=1)
        return float(gaps[0]), float(gaps[1:].std())

    return run


def timed(run: Callable[[], tuple[float, float]], repeats: int) -> dict[str, object]:
    seconds, processor, answer = [], [], (0.0, 0.0)
    for _ in range(repeats):
        begun, worked = time.perf_counter(), time.process_time()
        answer = run()
        seconds.append(time.perf_counter() - begun)
        processor.append(time.process_time() - worked)
    return {"seconds": seconds, "processor": processor, "effect": answer[0], "error": answer[1]}


def asked_peer(python: Path, peer: str, path: Path, draws: int) -> dict[str, object] | str:
    command = [str(python), str(HERE / "synthdid_peers.py"), peer, str(path), str(draws), "2"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "failed"
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


def install(venv: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    subprocess.run([str(venv / "bin" / "pip"), "install", "-q", *PEERS.values()], check=True)


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--treated", type=int, default=1)
    options.add_argument("--draws", type=int, default=200)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--peers", nargs="*", default=list(PEERS))
    options.add_argument("--venv", type=Path, default=VENV)
    options.add_argument("--install", action="store_true")
    asked = options.parse_args()
    if asked.install:
        install(asked.venv)
    frame, found = table(asked.treated, 1), {}
    own = {"whatworks": ours(frame, asked.draws), "as drawn": as_drawn(frame, asked.draws)}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        frame.to_csv(path, index=False)
        for _ in range(asked.rounds):
            for name, run in own.items():
                found.setdefault(name, []).append(timed(run, 2))
            for peer in asked.peers:
                found.setdefault(peer, []).append(
                    asked_peer(asked.venv / "bin" / "python", peer, path, asked.draws)
                )
    report(found)


def report(found: dict[str, list[dict[str, object] | str]]) -> None:
    """One line each: best wall and processor milliseconds, ratios to ours, effect and error."""
    best: dict[str, tuple[float, float]] = {}
    for name, rounds in found.items():
        good = [r for r in rounds if isinstance(r, dict)]
        if not good:
            print(f"{name:12} {rounds[-1]}")
            continue
        wall, work = (min(min(r[key]) for r in good) for key in ("seconds", "processor"))
        best[name] = wall, work
        ratios = [
            f"× {wall / best[own][0]:.1f} (processor {work / best[own][1]:.1f}) of {own}"
            for own in ("whatworks", "as drawn")
            if name not in ("whatworks", "as drawn")
        ]
        print(
            f"{name:12} {1000 * wall:8.1f} ms, processor {1000 * work:8.1f} ms; "
            f"effect {good[0]['effect']:.4f}, error {good[0]['error']:.4f} {', '.join(ratios)}"
        )


if __name__ == "__main__":
    main()
