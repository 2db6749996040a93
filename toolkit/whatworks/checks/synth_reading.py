"""What checks of a synthetic control read off its result, and the same fit asked again."""

from __future__ import annotations

import numpy as np

from whatworks.checks.readings import Bools, Floats
from whatworks.results import NotAvailable, Result
from whatworks.synth.answer import SynthDetail
from whatworks.synth.pool import Pool
from whatworks.synth.problems import Problems

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
    return np.asarray(detail.fit(problems).gaps[:, detail.pool.post].mean(axis=1))


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
