"""Designs with one start and few treated clusters: their own test, and when to point to it."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from whatworks.did.regression import requirements
from whatworks.did.regression.reassign import Inference, partialled
from whatworks.errors import DesignError
from whatworks.inference.chance.few_treated import FewTreated
from whatworks.inference.default import FEW_TREATED, Choice, ClusterCounts
from whatworks.inference.fits import rounding
from whatworks.inference.fits.regression import Regression
from whatworks.inference.uncertainty import Uncertainty
from whatworks.panel import Panel

OFFERED: Final = (
    'FewTreated() ("few_treated"), after Ferman & Pinto 2019, tests even one treated cluster, if the treated '
    "may be taken to stray by chance as the others do but for size. Where clusters were treated at random on "
    "panels like London's it rejected a true null in 4 to 6% of cases; where the noisiest were, in 5 to 19%."
)
"""The simulations stand in docs/methods/registry/inference.md."""

ASSUMED: Final = (
    "The interval rests on how the comparison clusters strayed. If treated clusters were chosen for high or "
    "volatile numbers, it is too narrow: where the noisiest were treated on simulated panels like London's, "
    "the 5% test rejected a true null in 5 to 19% of cases."
)


def uncertainty(
    panel: Panel, fit: Regression, inference: Inference, counts: ClusterCounts, level: float, where: str
) -> tuple[Choice, Uncertainty]:
    """The choice for the first coefficient of a two-way regression, and its uncertainty under it.

    With one start and few clusters on a side, the choice's warnings point to the test for that case.

    Raises:
        DesignError: as `of_one_start`.
        OptionError: an inference object that does not fit.
    """
    if isinstance(inference, FewTreated):
        found = of_one_start(panel, inference, level, where)
        return Choice(inference, "as asked for", (ASSUMED,)), found
    choice = requirements.settle(inference, counts, where)
    fewest = min(counts.treated_clusters, counts.comparison_clusters)
    if fewest <= FEW_TREATED and len(panel.cohorts) == 1:
        choice = replace(choice, warnings=(*choice.warnings, OFFERED))
    return choice, choice.from_regression(fit, np.eye(len(fit.coefficients))[:1], level=level)


def of_one_start(panel: Panel, inference: FewTreated, level: float, where: str) -> Uncertainty:
    """Uncertainty of the two-way coefficient of a treatment that starts on one date.

    Raises:
        DesignError: staggered starts, missing cells, no comparison unit, or as `FewTreated.test`.
        OptionError: as `FewTreated.test`.
    """
    if len(panel.cohorts) > 1 or not panel.balanced:
        what = "starts are staggered" if len(panel.cohorts) > 1 else "cells are missing"
        raise DesignError(
            f"{what}, and the test for few treated clusters compares one change per cluster",
            where=f"{where}, FewTreated",
            remedy="Use WildCluster() or RandomisationInference(); or keep one cohort with its comparison "
            "units by panel.select(...), complete units by panel.drop_incomplete().",
        )
    treated = requirements.treated_units(panel)
    after = np.asarray(panel.periods >= panel.cohorts[0])
    net, _ = partialled(panel, np.stack([panel.outcome, panel.treated.astype(np.float64)]))
    change, slope = net[..., after].mean(axis=-1) - net[..., ~after].mean(axis=-1)
    change = rounding.settled(change, panel.outcome)
    return inference.test(change, slope, treated, cluster=panel.cluster, weight=panel.weight, level=level)
