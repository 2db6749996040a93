"""Speed and memory of the difference-in-differences room against its peers, as ratios from one run.

    python benchmarks/did_speed.py --install          all jobs, small, after making the peers' environment
    python benchmarks/did_speed.py --size full        the sizes that docs/benchmarks.md quotes
    python benchmarks/did_speed.py --jobs poisson,wild_12 --turns 3

Every turn of ours and of a peer is a process of its own, ours and the peers' in alternation; the best of all
repeats counts. Reading and importing are not counted; ours counts building the panel from the table. The last
columns tell whether a peer found the same: the largest difference of its estimates from ours, in our standard
errors, and the largest relative difference of its standard errors. A peer that fails or takes longer than
`--limit` seconds is said so. On a busy machine compare processor seconds.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
PEERS_AT = HERE / "peers" / ".venv-did"
PACKAGES = HERE / "peers" / "did.txt"
CASE = HERE.parent / "tests" / "reference" / "json" / "honest.json"


@dataclass(frozen=True, slots=True)
class Job:
    """What is done, on which data at either size, by whom beside us, and the aim."""

    words: str
    small: Callable[[], dict[str, Any]]
    full: Callable[[], dict[str, Any]]
    peers: tuple[str, ...]
    aim: float


def panel(
    units: int, periods: int, starts: tuple[int, ...], *, counts: bool = False, clusters: int = 0
) -> dict[str, Any]:
    """Rows of a panel, half its units never treated (g = 0), the others starting at one of `starts`."""
    draw = np.random.default_rng(1)
    unit, t = np.arange(units), np.arange(1, periods + 1)
    x = draw.standard_normal(units)
    group = unit % clusters if clusters else unit
    treated = group < clusters // 2 if clusters else draw.random(units) < 0.5
    g = np.where(treated, np.array(starts)[draw.integers(0, len(starts), units)], 0)
    after = (g[:, None] > 0) & (t >= g[:, None])
    if counts:
        y = draw.poisson(np.exp(1 + 0.5 * x[:, None] + 0.02 * t + 0.2 * after)).astype(np.float64)
    else:
        shared = draw.standard_normal((clusters, periods))[group] if clusters else 0.0
        y = x[:, None] * (1 + 0.05 * t) + 0.1 * t + 0.5 * after + shared
        y = y + draw.standard_normal((units, periods))
    columns = {"id": unit + 1, "g": g, "x": x, "c": group + 1}
    return {name: np.repeat(values, periods) for name, values in columns.items()} | {
        "t": np.tile(t, units),
        "y": y.ravel(),
    }


def bounds(points: int, grid_points: int) -> dict[str, Any]:
    """Coefficients and covariance of a stored event study, and values of the relative magnitude."""
    stored = json.loads(CASE.read_text(encoding="utf-8"))["entries"]["fixest.first_post"]["results"]
    return {
        "beta": np.array(stored["betahat"]),
        "sigma": np.array(stored["sigma"]["values"]),
        "target": np.array(stored["l_vec"], dtype=np.float64),
        "n_pre": stored["num_pre"],
        "n_post": stored["num_post"],
        "grid": np.linspace(0, 2, points),
        "grid_points": grid_points,
    }


WILD = ("wildboottest", "diff-diff", "pyfixest")


def _wild(words: str, clusters: int, units: int) -> Job:
    made = partial(panel, units, 60, (31,), clusters=clusters)
    return Job(f"wild bootstrap, 9,999 draws, {words}", made, made, WILD, 5)


JOBS = {
    "event_study": Job(
        "two-way event study", partial(panel, 2_000, 20, (11,)), partial(panel, 50_000, 20, (11,)),
        ("pyfixest", "diff-diff", "diff-diff MultiPeriodDiD"), 5,
    ),
    "poisson": Job(
        "Poisson regression, two-way effects", partial(panel, 1_000, 20, (8, 11, 14), counts=True),
        partial(panel, 10_000, 20, (8, 11, 14), counts=True), ("pyfixest",), 3,
    ),
    "imputation": Job(
        "imputation event study", partial(panel, 2_000, 20, (8, 11, 14)),
        partial(panel, 50_000, 20, (8, 11, 14)), ("diff-diff", "pyfixest did2s", "did-imputation"), 5,
    ),
    "wild_12": _wild("12 clusters", 12, 48),
    "wild_12_webb": _wild("12 clusters, Webb's weights", 12, 48),
    "wild_32": _wild("32 clusters", 32, 32),
    "honest": Job(
        "relative-magnitude bounds (C-LF)", partial(bounds, 3, 100), partial(bounds, 11, 1_000),
        ("moderndid",), 100,
    ),
    "att_gt": Job(
        "att_gt, doubly robust, 999 draws", partial(panel, 1_000, 20, (7, 10, 12, 15, 18)),
        partial(panel, 100_000, 20, (7, 10, 12, 15, 18)), ("diff-diff", "csdid", "moderndid", "differences"),
        5,
    ),
}  # fmt: skip


def turn(command: list[str], limit: float) -> dict[str, Any] | str:
    """One process: what it printed, or what went wrong."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit, check=False)
    except subprocess.TimeoutExpired:
        return f"no answer within {limit:.0f} s"
    if done.returncode != 0:
        return "failed: " + (done.stderr.strip().splitlines() or ["no message"])[-1][:100]
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def together(turns: list[dict[str, Any]]) -> dict[str, Any]:
    """The best of several turns, and the least of their peaks of memory."""
    return {
        "seconds": min(s for one in turns for s in one["seconds"]),
        "processor": min(s for one in turns for s in one["processor"]),
        "peak": min(one["peak"] for one in turns),
        "found": turns[0]["found"],
    }


def compared(ours: dict[str, float], theirs: dict[str, float]) -> str:
    """How far the numbers of both lie apart."""
    shared = sorted(set(ours) & set(theirs))
    kinds: dict[str, list[float]] = {}
    for name in shared:
        kind = name.split(" ")[0]
        gap = abs(theirs[name] - ours[name])
        scale = abs(ours[name]) if kind == "error" else ours.get(name.replace("effect", "error"), 1.0)
        kinds.setdefault(kind, []).append(gap / scale if kind in ("effect", "error") else gap)
    return ", ".join(f"{kind} {max(gaps):.1g}" for kind, gaps in kinds.items()) or "nothing to compare"


def rows_of(name: str, job: Job, data: Path, asked: argparse.Namespace) -> list[str]:
    """Lines of the table: one a peer, then ours."""
    mine = [sys.executable, str(HERE / "did_speed_ours.py"), name, str(data), str(asked.repeats)]
    python = str(asked.peers_at / "bin" / "python")
    own: list[dict[str, Any]] = []
    theirs: dict[str, list[dict[str, Any]] | str] = {peer: [] for peer in job.peers}
    for _ in range(asked.turns):
        for peer, turns in theirs.items():
            if isinstance(turns, str):
                continue
            own.append(_good(turn(mine, asked.limit)))
            script = str(HERE / "did_speed_peers.py")
            found = turn([python, script, name, peer, str(data), str(asked.repeats)], asked.limit)
            if isinstance(found, str):
                theirs[peer] = found
            else:
                turns.append(found)
    best = together(own)
    lines = []
    for peer, turns in theirs.items():
        if isinstance(turns, str):
            lines.append(f"| {job.words} | {peer} | {turns} | | | | | |")
            continue
        one = together(turns)
        lines.append(
            f"| {job.words} | {peer} | {one['seconds']:.3g} | **{one['seconds'] / best['seconds']:.1f}** | "
            f"{one['processor'] / best['processor']:.1f} | {one['peak']:.0f} | "
            f"{best['peak'] / one['peak']:.2f} | {compared(best['found'], one['found'])} |"
        )
    lines.append(
        f"| {job.words} (aim {job.aim:.0f}) | ours | {best['seconds']:.3g} | 1 | 1 | {best['peak']:.0f} | | |"
    )
    return lines


def _good(found: dict[str, Any] | str) -> dict[str, Any]:
    if isinstance(found, str):
        raise SystemExit(f"our own side: {found}")
    return found


def install(where: Path) -> None:
    """Make the peers' environment from the list, each package by itself so that one failure stays alone."""
    subprocess.run([sys.executable, "-m", "venv", str(where)], check=True)
    for package in PACKAGES.read_text(encoding="utf-8").split():
        subprocess.run([str(where / "bin" / "python"), "-m", "pip", "install", "-q", package], check=False)


def main() -> None:
    """Run the jobs asked for and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=("small", "full"), default="small")
    parser.add_argument("--jobs", default=",".join(JOBS))
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--limit", type=float, default=300.0)
    parser.add_argument("--peers-at", type=Path, default=PEERS_AT)
    parser.add_argument("--install", action="store_true")
    asked = parser.parse_args()
    if asked.install and not asked.peers_at.exists():
        install(asked.peers_at)
    print(f"Size {asked.size}; best of {asked.turns} turns of {asked.repeats}; times and memory over ours.")
    print("| job | who | seconds | times ours | processor, times ours | peak MB | ours over theirs | gap |")
    print("|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name in asked.jobs.split(","):
            job, data = JOBS[name], Path(folder) / f"{name}.npz"
            np.savez(data, **(job.small if asked.size == "small" else job.full)())
            print("\n".join(rows_of(name, job, data, asked)), flush=True)


if __name__ == "__main__":
    main()
