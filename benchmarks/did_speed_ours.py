"""Our side of one job of did_speed.py, timed in its own process.

    python did_speed_ours.py JOB DATA REPEATS

Building the panel from the table is counted.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial

import numpy as np

from did_speed_turn import Found, arrays, play, table
from whatworks import did
from whatworks.inference import ClusterRobust, WildCluster
from whatworks.inference.errors.multiplier import MultiplierBootstrap
from whatworks.inference.trends import honest_conditional
from whatworks.panel import Panel


def _panel(path: str, **roles: object) -> Callable[[], Panel]:
    rows = table(path)
    return lambda: Panel.from_frame(rows, unit="id", period="t", outcome="y", start="g", never=0, **roles)


def _by_event_time(result: object) -> Found:
    rows = result.effects.dropna(subset=["std_error"]).set_index("event_time")
    found = {f"effect {int(e)}": v for e, v in rows["estimate"].items()}
    return found | {f"error {int(e)}": v for e, v in rows["std_error"].items()}


def event_study(path: str) -> Callable[[], Found]:
    panel = _panel(path)
    errors = ClusterRobust(correction="fixest")
    return lambda: _by_event_time(did.event_study(panel(), inference=errors))


def poisson(path: str) -> Callable[[], Found]:
    panel = _panel(path)
    errors = ClusterRobust(correction="fixest")

    def run() -> Found:
        log = did.poisson(panel(), inference=errors).detail.log_effect
        return {"effect": log.value, "error": log.std_error}

    return run


def imputation(path: str) -> Callable[[], Found]:
    panel = _panel(path)
    return lambda: _by_event_time(did.imputation(panel()))


def wild(path: str, weights: str) -> Callable[[], Found]:
    panel = _panel(path, cluster="c")
    method = WildCluster(draws=9999, seed=1, weights=weights)

    def run() -> Found:
        headline = did.twoway(panel(), inference=method).headline
        return {"effect": headline.value, "p": headline.p_value}

    return run


def att_gt(path: str) -> Callable[[], Found]:
    panel = _panel(path, covariates=["x"])
    method = MultiplierBootstrap(draws=999, seed=1)

    def run() -> Found:
        found = did.att_gt(panel(), adjust="doubly_robust", inference=method)
        return {"effect": found.headline.value}

    return run


def honest(path: str) -> Callable[[], Found]:
    case = arrays(path)
    beta, sigma, target = case["beta"], case["sigma"], case["target"]
    n_pre, n_post = int(case["n_pre"]), int(case["n_post"])

    def run() -> Found:
        root = np.linalg.cholesky(sigma)
        draws = honest_conditional.normals(10_000, len(beta), 1)
        found = {}
        for m in case["grid"]:
            limits = honest_conditional.relative_magnitudes(n_pre, n_post, float(m))
            corners = honest_conditional.vertices(limits, beta, sigma, target)
            cutoff = honest_conditional.least_favourable(corners, root, draws, 0.005)
            low, high = honest_conditional.confidence_set(corners, cutoff, 0.05)
            found |= {f"low {m:.2f}": low, f"high {m:.2f}": high}
        return found

    return run


JOBS = {
    "event_study": event_study,
    "poisson": poisson,
    "imputation": imputation,
    "wild_12": partial(wild, weights="rademacher"),
    "wild_12_webb": partial(wild, weights="webb"),
    "wild_32": partial(wild, weights="rademacher"),
    "honest": honest,
    "att_gt": att_gt,
}


def main() -> None:
    """One turn."""
    job, path, repeats = sys.argv[1], sys.argv[2], int(sys.argv[3])
    play(partial(JOBS[job], path), repeats)


if __name__ == "__main__":
    main()
