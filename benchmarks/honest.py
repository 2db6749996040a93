"""Relative-magnitude bounds (conditional, least favourable) on the stored case, in seconds.

    python benchmarks/honest.py

R's HonestDiD took 210 s and moderndid 77 s for such an 11-point grid; measure those beside this one before a
ratio is quoted.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np

from whatworks.inference.trends import honest_conditional

CASE = Path(__file__).resolve().parents[1] / "tests" / "reference" / "json" / "honest.json"


def main() -> None:
    """Print one line of JSON."""
    stored = json.loads(CASE.read_text(encoding="utf-8"))["entries"]["fixest.first_post"]["results"]
    beta, sigma = np.array(stored["betahat"]), np.array(stored["sigma"]["values"])
    target, grid = np.array(stored["l_vec"], dtype=float), np.linspace(0, 2, 11)
    begin, processor = time.perf_counter(), time.process_time()
    root = np.linalg.cholesky(sigma)
    draws = honest_conditional.normals(10_000, len(beta), 1)
    for m in grid:
        limits = honest_conditional.relative_magnitudes(stored["num_pre"], stored["num_post"], float(m))
        corners = honest_conditional.vertices(limits, beta, sigma, target)
        cutoff = honest_conditional.least_favourable(corners, root, draws, 0.005)
        honest_conditional.confidence_set(corners, cutoff, 0.05)
    print(
        json.dumps(
            {
                "points": len(grid),
                "wall_s": round(time.perf_counter() - begin, 3),
                "processor_s": round(time.process_time() - processor, 3),
            }
        )
    )


if __name__ == "__main__":
    main()
