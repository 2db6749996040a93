"""Panels without noise and an estimator with a fixed margin, so that every number can be worked by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd

from whatworks import Design, Estimate, NotAvailable, Panel, Result, periods
from whatworks.errors import DesignError
from whatworks.panel import NEVER


def panel(paths: list[list[float]], starts: list[str | None], *, first: str = "2013-01") -> Panel:
    """Units with these outcomes from the month `first` on; a start of None is never."""
    begin = periods.number(first, "month", where="exact")
    start = [NEVER if s is None else periods.number(s, "month", where="exact") for s in starts]
    outcome = np.asarray(paths, dtype=float)
    names = tuple(f"u{i}" for i in range(len(starts)))
    months = np.arange(begin, begin + outcome.shape[1])
    return Panel(names, months, "month", outcome, np.asarray(start))


def estimator(margin: float = 1.0, *, error: float = 0.5) -> Callable[[Panel], Result]:
    """Mean over treated cells less the unit's own mean before, less the same of the never treated."""

    def estimate(p: Panel) -> Result:
        treated = p.start <= p.periods[-1]
        if not treated.any() or treated.all() or (p.start[treated] <= p.periods[0]).any():
            raise DesignError("nobody to compare with")
        changes = []
        for g in p.cohorts:
            after = p.periods >= g
            change = p.outcome[:, after].mean(axis=1) - p.outcome[:, ~after].mean(axis=1)
            changes += [change[i] - change[~treated].mean() for i in np.flatnonzero(p.start == g)]
        return result(p, float(np.mean(changes)), margin, error)

    return estimate


def result(p: Panel, value: float, margin: float, error: float) -> Result:
    """A result with the interval value ± margin; no error and no interval for a margin of 0."""
    gap = NotAvailable("no error exists")
    headline = Estimate("ATT", value, gap, gap, gap, 0.95, gap, gap, "none", "y")
    if margin:
        headline = replace(headline, std_error=error, low=value - margin, high=value + margin, p_value=0.5)
    row = {"term": "ATT", "estimate": value, "std_error": 1.0, "low": 0.0, "high": 0.0, "p_value": 0.5}
    design = Design(p.n_units, p.n_periods, p.n_clusters, 1, gap, gap)
    return Result("exact", headline, pd.DataFrame([{**row, "n": 1}]), design, {}, p.fingerprint)
