"""What checks of a synthetic control read off its result, and the same fit asked again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from whatworks.arrays import Bools, Floats
from whatworks.checks.readings import Estimator
from whatworks.errors import WhatworksError
from whatworks.panel import Panel
from whatworks.results import NotAvailable, Result
from whatworks.synth.answer import SynthDetail
from whatworks.synth.pool import Pool
from whatworks.synth.problems import Problems, actual

USED = 0.001
"""A donor with less weight than this does not show in the synthetic path."""

_SAME = 1e-6


def read(result: Result) -> SynthDetail | NotAvailable:
    """The paths, donors and fit behind a result, or why it has none."""
    if isinstance(result.detail, SynthDetail):
        return result.detail
    return NotAvailable(
        f"The result of {result.method} has no single synthetic path with its donors (a result read back "
        "from a file has lost it: estimate again)."
    )


def weights(detail: SynthDetail) -> Floats | NotAvailable:
    """(N,) donor weights, or why there are none."""
    if detail.fits.weights is None:
        return NotAvailable("This method gives no weight to single donors.")
    return np.asarray(detail.fits.weights[0])


def again(result: Result, detail: SynthDetail, problems: Problems) -> Floats | NotAvailable:
    """(B,) mean gaps from the start on when the fit is asked again, or why they are no such estimates."""
    if not _is_mean_gap(result, detail):
        return NotAvailable("The estimate is not the mean gap of one path, so its refits cannot be read off.")
    found = gaps(detail, problems)
    return found if isinstance(found, NotAvailable) else np.asarray(found[:, detail.pool.post].mean(axis=1))


def gaps(detail: SynthDetail, problems: Problems) -> Floats | NotAvailable:
    """(B, T) gaps when the fit is asked again, or why the method has no answer to one of the problems."""
    try:
        return detail.fit(problems).gaps
    except WhatworksError as problem:
        return NotAvailable(f"Asked again the method has no answer: {problem.what}.")


def without_placebos(result: Result, estimate: Estimator) -> Estimator:
    """The estimator for windows of the same panel of which only the estimate is read.

    It asks the fit again on the periods that are left, without running placebos anew; where the estimate is
    no mean gap it is the study's own estimator.
    """
    detail = read(result)
    if isinstance(detail, NotAvailable) or not _is_mean_gap(result, detail):
        return estimate
    pool, whole = detail.pool, detail.pool.panel

    def run(given: Panel) -> Result:
        left = np.isin(whole.periods, given.periods)
        if (
            given.units != whole.units
            or left.all()
            or not (pool.pre & left).any()
            or not (pool.post & left).any()
        ):
            return estimate(given)
        path = detail.fit(replace(actual(pool), pre=(pool.pre & left)[None])).gaps[0]
        return replace(result, headline=replace(result.headline, value=float(path[pool.post & left].mean())))

    return run


def rmspe(gaps: Floats, pre: Bools) -> Floats:
    """(B,) root mean squared gaps over the periods `pre` (T,)."""
    return np.asarray(np.sqrt((gaps[:, pre] ** 2).mean(axis=1)))


def spread_before(pool: Pool) -> float:
    """Standard deviation of the treated unit's outcome before the start."""
    return float(pool.observed[pool.pre].std())


def _is_mean_gap(result: Result, detail: SynthDetail) -> bool:
    value = result.headline.value
    if isinstance(value, NotAvailable):
        return False
    mean = float(detail.fits.gaps[0, detail.pool.post].mean())
    size = max(abs(value), spread_before(detail.pool))
    return abs(mean - value) <= _SAME * max(size, 1e-300)
