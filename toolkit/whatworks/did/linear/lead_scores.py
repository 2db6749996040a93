"""Joint test of the effects before the start, for averages that are linear in the outcome."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from whatworks.arrays import Bools, Floats, Ints
from whatworks.did.linear.scores import Sample, null_scores
from whatworks.inference.default import Choice
from whatworks.inference.draws import DEFAULT_SEED
from whatworks.inference.errors.cluster import Regression
from whatworks.inference.errors.joint import REFITTED_CLUSTERS, JointTest, largest_normal, largest_score
from whatworks.inference.errors.wild import WildCluster
from whatworks.results import NotAvailable

DRAWS = 1999
"""Sign vectors where the inference asked for draws none of its own."""


def lead_test(
    data: Sample,
    fit: Regression,
    before: Ints,
    coefficients: Callable[[], list[Floats]],
    effects: Bools,
    choice: Choice,
) -> JointTest | NotAvailable:
    """Test that the coefficients of `fit` at `before` are all zero, by the largest |t|.

    Up to a thousand clusters, and under the wild bootstrap, from scores of a fit without any effect in the
    cells `effects` (N, T); beyond, from correlated normal variables. `coefficients` makes the (N, T)
    coefficients of each of them.
    """
    if isinstance(choice.inference, NotAvailable):
        return choice.inference
    if not before.size:
        return NotAvailable("no period before the start besides the reference")
    wild = isinstance(choice.inference, WildCluster)
    if not wild and fit.n_clusters > REFITTED_CLUSTERS:
        return largest_normal(fit, before, draws=9999, seed=DEFAULT_SEED)
    scores = [null_scores(data, a, effects)[0] for a in coefficients()]
    return largest_score(np.stack(scores, axis=1), choice.inference if wild else WildCluster(draws=DRAWS))
