"""A small estimator for tests of the checks: difference of mean changes, Welch error over units."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from whatworks import Design, Estimate, NotAvailable, Panel, Result
from whatworks.errors import DesignError


def panel(
    effect: float = -2.0, *, drift: float = 0.0, seed: int = 1, units: int = 16, months: int = 36
) -> Panel:
    """Half of the units treated from month 25 on; `drift` moves the treated apart every month."""
    rng = np.random.default_rng(seed)
    unit = np.repeat(np.arange(units), months)
    t = np.tile(np.arange(months), units)
    treated = unit < units // 2
    y = 10 + unit * 0.3 + np.sin(t / 3) + rng.normal(0, 0.5, units * months)
    y = y + treated * drift * t + effect * (treated & (t >= 24))
    frame = pd.DataFrame(
        {
            "unit": [f"u{i:02d}" for i in unit],
            "month": [f"{2013 + m // 12}-{m % 12 + 1:02d}" for m in t],
            "y": y,
            "start": np.where(treated, "2015-01", ""),
            "cluster": [f"c{i // 2}" for i in unit],
        }
    )
    return Panel.from_frame(frame, unit="unit", period="month", outcome="y", start="start", cluster="cluster")


def estimate(p: Panel) -> Result:
    after = p.treated.any(axis=0)
    side = p.treated.any(axis=1)
    if side.all() or not side.any() or after.all():
        raise DesignError("nobody to compare with")
    change = p.outcome[:, after].mean(axis=1) - p.outcome[:, ~after].mean(axis=1)
    value = change[side].mean() - change[~side].mean()
    if min(side.sum(), (~side).sum()) < 2:
        gap = NotAvailable("one unit on a side")
        found = Estimate("ATT", value, gap, gap, gap, 0.95, gap, gap, "none", "y")
    else:
        test = stats.ttest_ind(change[side], change[~side], equal_var=False)
        low, high = test.confidence_interval(0.95)
        se = (high - low) / 2 / stats.t.ppf(0.975, test.df)
        found = Estimate("ATT", value, se, low, high, 0.95, test.pvalue, test.df, "Welch", "y")
    effects = pd.DataFrame(
        [
            {
                "term": "ATT",
                "estimate": value,
                "std_error": 1.0,
                "low": 0.0,
                "high": 0.0,
                "p_value": 0.5,
                "n": 1,
            }
        ]
    )
    design = Design(
        p.n_units, p.n_periods, p.n_clusters, int(side.sum()), NotAvailable("-"), NotAvailable("-")
    )
    return Result("toy.did", found, effects, design, {}, p.fingerprint)
