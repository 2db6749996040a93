"""The outcome-only synthetic control: the weighted average of donors nearest to the path before the start."""

from __future__ import annotations

import numpy as np

from whatworks.synth.problems import Fits, Problems
from whatworks.synth.simplex import nearest


def convex(problems: Problems) -> Fits:
    """Weights that are non-negative, sum to one and bring the donors' path nearest to the target's.

    Source: Abadie, Diamond & Hainmueller (2010), JASA 105(490), with the outcome of every period before the
    start as predictors, equally weighted (Doudchenko & Imbens 2016, NBER WP 22791, equation 4.4).
    """
    targets, pre = problems.targets, problems.pre
    used = pre.any(axis=0)
    donors = problems.outcome.T[used] * pre[:, used, None]
    found = nearest(donors, targets[:, used] * pre[:, used], allowed=problems.allowed)
    counterfactual = np.asarray(found.weights @ problems.outcome)
    return Fits(counterfactual, targets - counterfactual, found.weights)
