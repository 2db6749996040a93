"""Ten years of street-level files to LSOA × month × crime type: ours, all checks made, against peers.

Writes the files itself (10 million rows in 120 files unless told otherwise), runs each reader in its own
process, in turns so that all meet the same machine, and prints the fastest times as ratios to the fastest
peer, peak memory, and how much faster the cache is. The peers live in their own environment,
benchmarks/peers/.venv-street, made from benchmarks/peers/street.txt; one that is missing is named and left
out.

    python benchmarks/street_reading.py --rows 1000000 --months 12
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
PEERS = HERE / "peers"
NAMES = ("polars", "pyarrow", "duckdb")


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--rows", type=int, default=10_000_000)
    options.add_argument("--months", type=int, default=120)
    options.add_argument("--repeat", type=int, default=2, help="readings in a process; the fastest counts")
    options.add_argument("--rounds", type=int, default=3, help="turns of every reader; the fastest counts")
    options.add_argument("--peer-python", default=_peer_python(), help="interpreter with the peers installed")
    options.add_argument("--folder", help="where to keep the files; a temporary folder if not given")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(chosen.folder or temporary)
        tree = folder / f"street-{chosen.rows}-{chosen.months}"
        if not tree.is_dir():
            _run(sys.executable, "street_files_written.py", tree, chosen.rows, chosen.months)
        ours: dict[str, float] = {}
        peers: dict[str, dict[str, float]] = {}
        for _ in range(chosen.rounds):
            for name, found in _peers(chosen.peer_python, tree, chosen.repeat).items():
                peers[name] = _best(peers.get(name, {}), found)
            ours = _best(ours, _run(sys.executable, "street_ours.py", tree, chosen.repeat, temporary))
    _print(ours, peers)
    return 0


def _best(one: dict[str, float], other: dict[str, float]) -> dict[str, float]:
    """The shortest time and the highest peak of two turns."""
    better = {key: max if key.startswith("peak") else min for key in other}
    return {key: better[key](one.get(key, value), value) for key, value in other.items()}


def _peer_python() -> str:
    own = PEERS / ".venv-street" / "bin" / "python"
    return str(own) if own.is_file() else sys.executable


def _peers(python: str, tree: Path, repeat: int) -> dict[str, dict[str, float]]:
    found = {}
    for name in NAMES:
        try:
            found[name] = _run(python, "street_peer.py", name, tree, repeat)
        except subprocess.CalledProcessError as problem:
            reason = problem.stderr.strip().splitlines()[-1:]
            print(f"{name}: left out ({' '.join(reason)})")
    return found


def _run(python: str, script: str, *values: object) -> dict[str, float]:
    command = [python, str(PEERS / script), *map(str, values)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = done.stdout.strip().splitlines()
    return dict(json.loads(lines[-1])) if lines else {}


def _print(ours: dict[str, float], peers: dict[str, dict[str, float]]) -> None:
    fastest = min((item["seconds"] for item in peers.values()), default=None)
    rows = {**peers, "ours, all checks": {"seconds": ours["first"], "peak": ours["peak"]}}
    rows["ours, filling the cache"] = {"seconds": ours["filling"], "peak": ours["peak_cached"]}
    rows["ours, from the cache"] = {"seconds": ours["again"], "peak": ours["peak_cached"]}
    print(f"{'reader':26s}{'ratio to fastest peer':>24s}{'peak GB':>10s}")
    for name, item in rows.items():
        ratio = f"{item['seconds'] / fastest:.2f}" if fastest else "no peer"
        print(f"{name:26s}{ratio:>24s}{item['peak']:>10.2f}")
    print(f"first reading / reading from the cache: {ours['first'] / ours['again']:.2f}")
    if fastest:
        print(f"ours / fastest peer: {ours['first'] / fastest:.2f} (wanted: 1.5 or less)")


if __name__ == "__main__":
    raise SystemExit(main())
