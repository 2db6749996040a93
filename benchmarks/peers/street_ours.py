"""Ours with every check: without a cache, filling one, and from it. Prints seconds and peak GB."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def once(tree: str, repeat: int, cache: Path | None, fresh: bool) -> dict[str, float]:
    """The fastest of several readings in a process of its own, so that its peak is its own."""
    import resource

    from whatworks.data.police_uk import read_street

    seconds = []
    for _ in range(repeat):
        if cache is not None and fresh:
            shutil.rmtree(cache, ignore_errors=True)
        start = time.perf_counter()
        table = read_street(tree, cache=cache)
        seconds.append(time.perf_counter() - start)
        del table
    return {"seconds": min(seconds), "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6}


def main() -> None:
    if sys.argv[1] == "once":
        tree, repeat, cache, fresh = sys.argv[2:]
        print(json.dumps(once(tree, int(repeat), Path(cache) if cache else None, fresh == "fresh")))
        return
    tree, repeat, temporary = sys.argv[1:]
    cache = tempfile.mkdtemp(dir=temporary)

    def apart(cache: str, state: str) -> dict[str, float]:
        command = [sys.executable, __file__, "once", tree, repeat, cache, state]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return dict(json.loads(done.stdout))

    first, filling, again = apart("", ""), apart(cache, "fresh"), apart(cache, "")
    found = {
        "first": first["seconds"],
        "filling": filling["seconds"],
        "again": again["seconds"],
        "peak": first["peak"],
        "peak_cached": max(filling["peak"], again["peak"]),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
