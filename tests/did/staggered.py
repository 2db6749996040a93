"""Small staggered panels made by the tests themselves."""

from __future__ import annotations

from typing import Any

import numpy as np

from whatworks.panel import NEVER, Panel


def staggered(
    starts: list[int | None],
    *,
    periods: int | list[int] = 10,
    seed: int = 1,
    cluster: list[int] | None = None,
    effect: float = 0.0,
    **others: Any,
) -> Panel:
    """One unit per entry of `starts` (None: never treated), with unit and period effects and noise."""
    draw = np.random.default_rng(seed)
    times = np.arange(1, periods + 1) if isinstance(periods, int) else np.asarray(periods)
    start = np.array([NEVER if s is None else s for s in starts])
    n = len(start)
    outcome = 20 + 3 * draw.standard_normal((n, 1)) + draw.standard_normal((1, len(times)))
    outcome = outcome + draw.standard_normal((n, len(times))) + effect * (times >= start[:, None])
    labels = () if cluster is None else tuple(f"C{c}" for c in sorted(set(cluster)))
    return Panel(
        units=tuple(f"u{i:03d}" for i in range(n)),
        periods=times,
        period_kind="integer",
        outcome=outcome,
        start=start,
        cluster=None if cluster is None else np.array(cluster),
        cluster_labels=labels,
        **others,
    )


def london(seed: int = 3) -> Panel:
    """32 boroughs in 12 command units that merged on London's real months; 2012-01 to 2019-01."""
    sizes = [2, 3, 2, 4, 3, 2, 3, 3, 2, 2, 3, 3]
    merged = [
        "2017-01", "2017-01", "2018-03", "2018-05", "2018-06", "2018-10",
        "2018-11", "2018-11", "2018-10", "2019-01", "2019-02", "2019-02",
    ]  # fmt: skip
    unit = np.repeat(np.arange(12), sizes)
    months = np.arange(2012 * 12, 2019 * 12 + 1)
    month = {m: int(m[:4]) * 12 + int(m[5:]) - 1 for m in merged}
    draw = np.random.default_rng(seed)
    level = 60 * np.exp(0.3 * draw.standard_normal((32, 1)))
    return Panel(
        units=tuple(f"borough {i:02d}" for i in range(32)),
        periods=months,
        period_kind="month",
        outcome=draw.poisson(level * np.exp(0.1 * draw.standard_normal((32, len(months))))).astype(float),
        start=np.array([month[merged[c]] for c in unit]),
        cluster=unit,
        cluster_labels=tuple(f"command unit {c:02d}" for c in range(12)),
    )
