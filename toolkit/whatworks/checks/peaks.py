"""The run-up to a treatment: how far the treated stood above their own past, and how much of that passes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np

from whatworks import did
from whatworks.arrays import Bools, Floats
from whatworks.checks import readings
from whatworks.panel import NEVER, Panel
from whatworks.results import Estimate, NotAvailable

ChosenOn = Literal["level", "rise"]

LONG = 8
"""Fewer periods than this do not show how deviations last."""

GRID: Final = tuple(np.arange(96) / 100)
"""Correlations of one period with the next that are looked for; above, nothing passes within a study."""


@dataclass(frozen=True, slots=True, eq=False)
class Peak:
    """How far the treated units' run-up stands above their earlier mean, net of the comparison units.

    Attributes:
        periods: how many periods before its start make up a unit's run-up.
        ratio: whether differences are shares of the earlier mean (effects that multiply) or in its unit.
        contrast: (N,) run-up less earlier mean of each unit, centred so that sides compare across cohorts.
        size: the treated units' mean contrast less the others', with its error.
    """

    periods: int
    ratio: bool
    contrast: Floats
    size: Estimate


def find_peak(panel: Panel, periods: int, *, ratio: bool) -> Peak:
    """The peak before treatment; its test is that of `did.block` on two periods, earlier mean and run-up.

    Comparison units enter each cohort with the cohort's own dates, averaged over cohorts by size, so that
    the difference of the sides is the average of the cohorts' differences.
    """
    contrast = _contrast(panel, periods, ratio)
    treated = readings.treated_units(panel)
    two = replace(
        panel,
        periods=np.array([0, 1]),
        period_kind="integer",
        outcome=np.stack([np.zeros(panel.n_units), contrast], axis=1),
        start=np.where(treated, 1, NEVER),
        exposure=None,
        covariates=np.empty((0, 0, 0)),
        covariate_names=(),
    )
    known = np.isfinite(contrast)
    return Peak(periods, ratio, contrast, did.block(two if known.all() else two.select(known)).headline)


def _contrast(panel: Panel, periods: int, ratio: bool) -> Floats:
    values = readings.rates(panel) if ratio else panel.outcome
    weight = panel.unit_weight
    spare = ~readings.treated_units(panel)
    found = np.full(panel.n_units, np.nan)
    others = np.zeros(panel.n_units)
    total = weight[~spare].sum()
    centre = {}
    for start in panel.cohorts:
        mine = panel.start == start
        earlier = _mean(values, panel.periods < start - periods)
        step = _mean(values, run_up(panel, int(start), periods)) - earlier
        for side in (mine, spare) if ratio else ():
            step[side] /= _average(earlier, side, weight)
        centre[int(start)] = _average(step, spare, weight)
        found[mine] = step[mine] - centre[int(start)]
        others += np.where(spare, step, 0.0) * weight[mine].sum() / total
    found[spare] = others[spare]
    found[~spare] += _average(others, spare, weight)
    return found


def persistence(panel: Panel, *, ratio: bool) -> float | NotAvailable:
    """Correlation of a comparison unit's deviation with its next, from 0 to 0.95.

    Deviations from unit and period means (their product, for effects that multiply) of the units untreated
    throughout that have every cell. Unit means taken out of T periods pull the correlation down; ρ is the one
    whose ratio of expected sums, Σ (MΓM)(t, t+1) over tr MΓM with Γ = ρ^|s − t| and M = I − 11ʹ/T, is that
    of the sums seen.
    """
    values = (readings.rates(panel) if ratio else panel.outcome)[~readings.treated_units(panel)]
    values = values[~np.isnan(values).any(axis=1) & (values.mean(axis=1) != 0)]
    t = values.shape[1]
    if len(values) < 2 or t < LONG:
        return NotAvailable(
            f"{len(values)} complete comparison units over {t} periods do not show how deviations last"
        )
    rows, columns, grand = values.mean(axis=1)[:, None], values.mean(axis=0)[None, :], values.mean()
    u = (
        (values - rows * columns / grand) / np.sqrt(np.abs(rows))
        if ratio
        else values - rows - columns + grand
    )
    spread = float((u**2).sum())
    if spread == 0:
        return 0.0
    r = float((u[:, 1:] * u[:, :-1]).sum()) / spread
    return float(np.interp(r, [_seen(rho, t) for rho in GRID], GRID))


def _seen(rho: float, periods: int) -> float:
    """Expected lag-one sum over expected square of deviations from the mean of so many periods."""
    gamma = rho ** np.abs(np.subtract.outer(np.arange(periods), np.arange(periods))).astype(np.float64)
    centred = gamma - gamma.mean(axis=0) - gamma.mean(axis=1)[:, None] + gamma.mean()
    return float(np.trace(centred, 1) / np.trace(centred))


def freed(panel: Panel, peak: Peak, rho: float, chosen_on: ChosenOn) -> Panel | NotAvailable:
    """The panel without what chance alone would have done to units chosen on a peak of this size.

    Deviations are correlated by ρ^|s − t|. Choosing on a sum S of them leaves period t with an expected
    deviation in proportion to c(t) = Cov(u(t), S), where S is the mean of the run-up (`level`), or that less
    the earlier mean (`rise`). The peak that shows fixes the factor: it is the difference of the mean c over
    run-up and earlier periods.
    """
    if isinstance(peak.size.value, NotAvailable):
        return peak.size.value
    treated = readings.treated_units(panel)
    weight = panel.unit_weight
    path, shown = np.zeros(panel.outcome.shape), 0.0
    for start in panel.cohorts:
        mine = panel.start == start
        run, earlier = run_up(panel, int(start), peak.periods), panel.periods < start - peak.periods
        near = rho ** np.abs(panel.periods[:, None] - panel.periods[None, :]).astype(np.float64)
        path[mine] = near @ (run / run.sum() - (earlier / earlier.sum() if chosen_on == "rise" else 0.0))
        seen = path[mine][0]
        shown += (seen[run].mean() - seen[earlier].mean()) * weight[mine].sum() / weight[treated].sum()
    deviation = peak.size.value / shown * path
    if not peak.ratio:
        return panel.with_outcome(panel.outcome - deviation)
    if deviation.min() <= -1:
        return NotAvailable("the run-up lies so low that no positive counts would be left to take it from")
    return panel.with_outcome(panel.outcome / (1 + deviation))


def without_run_up(panel: Panel, periods: int) -> Panel:
    """The panel of one cohort without its run-up; what lies before moves up, so that no gap shows."""
    drop = run_up(panel, int(panel.cohorts[0]), periods)
    later = np.cumsum(drop[::-1])[::-1]
    return replace(
        panel,
        periods=(panel.periods + later)[~drop],
        outcome=panel.outcome[:, ~drop],
        exposure=None if panel.exposure is None else panel.exposure[:, ~drop],
        covariates=panel.covariates[:, :, ~drop],
    )


def alike(peak: Peak, treated: Bools) -> Bools:
    """(N,) comparison units whose contrast lies closest to the treated units' mean.

    As many as are treated, but at least two and at most half of them.
    """
    gap = np.abs(peak.contrast - np.nanmean(peak.contrast[treated]))
    gap = np.where(treated | ~np.isfinite(gap), np.inf, gap)
    kept = np.zeros(len(gap), dtype=bool)
    count = max(2, min(int(treated.sum()), int((~treated).sum()) // 2))
    kept[np.argsort(gap, kind="stable")[:count]] = True
    return kept & ~treated


def run_up(panel: Panel, start: int, periods: int) -> Bools:
    """(T,) the last periods before a start."""
    return np.asarray((panel.periods < start) & (panel.periods >= start - periods))


def _mean(values: Floats, when: Bools) -> Floats:
    part = values[:, when]
    known = ~np.isnan(part)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(known, part, 0.0).sum(axis=1) / known.sum(axis=1))


def _average(values: Floats, side: Bools, weight: Floats) -> float:
    used = side & ~np.isnan(values)
    return float(np.average(values[used], weights=weight[used]))
