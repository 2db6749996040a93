"""Prediction intervals of the outcome-only synthetic control, from its own programme around its answer."""

from __future__ import annotations

import numpy as np

from whatworks.arrays import Bools
from whatworks.inference.synthetic.prediction import PredictionIntervals
from whatworks.inference.uncertainty import Uncertainty
from whatworks.synth.localised import extremes
from whatworks.synth.pool import Pool
from whatworks.synth.problems import Fits


def predicted(
    pool: Pool, fits: Fits, inference: PredictionIntervals, after: Bools, *, level: float
) -> Uncertainty:
    """Uncertainty of the mean gap over each set of successive periods under treatment.

    Args:
        pool: the treated unit and its donors.
        fits: what `convex` found for it.
        inference: how errors are described.
        after: (M, T) periods that each estimate is about.
        level: coverage of the intervals.
    """
    used = np.zeros(len(pool.donors)) if fits.weights is None else fits.weights[0]
    donors, weights = pool.outcome[pool.donors], used[pool.donors]
    before, count = donors[:, pool.pre], after.sum(axis=1).astype(np.float64)
    errors = inference.learn(
        fits.gaps[0, pool.pre], int((weights > 0).sum()), size=float(np.abs(before).max())
    )
    below, above = extremes(
        before.T,
        weights,
        least=inference.least_weight(errors, (before - before.mean(axis=0)).std(axis=1)),
        errors=errors.simulated(inference.simulations, inference.seed),
        directions=after @ donors.T / count[:, None],
    )
    value = (after @ fits.gaps[0]) / count
    return inference.test(value, errors, below, above, count, level=level)
