"""Group-time effects averaged by event time, for every question about event times."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from whatworks.arrays import Bools, Floats
from whatworks.did.effects import ByEventTime, Covariance, from_contributions
from whatworks.did.group_time.effects import GroupTime
from whatworks.did.group_time.quantify import quantify
from whatworks.did.group_time.scores import aim, cluster_scores, pieces
from whatworks.did.group_time.summary import Averages, Summary, by_size, summarise
from whatworks.errors import OptionError
from whatworks.inference.default import Choice
from whatworks.inference.errors.uniform import Terms, score_terms
from whatworks.inference.errors.wild import WildCluster
from whatworks.inference.fits.rows import by_cluster
from whatworks.inference.uncertainty import Uncertainty
from whatworks.results import NotAvailable

_MOVING = NotAvailable(
    "effects before the start are measured from one period to the next, not against one reference"
)


@dataclass(frozen=True, slots=True, eq=False)
class AveragesErrors:
    """Of averages of group-time effects."""

    effects: GroupTime
    averages: Averages
    choice: Choice
    anticipation: int

    def uncertainty(self, weights: Floats, level: float) -> Uncertainty:
        """From influence contributions, draws or scores, the noise in cohorts' shares included."""
        return self._of(Averages(weights @ self.averages.weights, weights @ self.averages.tilt), level)

    def of_cells(self, inside: Bools, level: float) -> Uncertainty:
        """Of the cells of some averages, each by the size of its cohort.

        Cohorts' shares are estimated, and their noise in all cells differs from that in each average alone.
        """
        cells = (self.averages.weights[inside] != 0).any(axis=0)
        return self._of(by_size(self.effects, cells[None]), level)

    def covariance(self) -> Covariance:
        """From influence contributions within clusters."""
        detail, panel = self.effects, self.effects.panel
        sums = by_cluster(self.averages.contributions(detail), panel.cluster, panel.n_clusters)
        return from_contributions(sums, self.choice, "influence contributions", detail.piece)

    def outcomes(self, weights: Floats) -> list[Floats]:
        """Of averages without covariates; raises `OptionError` with them."""
        if self.effects.adjust != "none":
            raise OptionError(
                f"with adjust={self.effects.adjust!r} effects are no weighted sum of outcomes",
                where="did.att_gt",
                remedy='Weights of outcomes exist with adjust="none".',
            )
        cells = weights @ self.averages.weights
        return [_outcomes(self.effects, row, self.anticipation) for row in cells]

    def redrawn(self, method: WildCluster, keep: Bools) -> list[Terms]:
        """Scores of each average with its own null."""
        rows = self.averages.weights[keep]
        return [score_terms(method, *cluster_scores(self.effects, rows, anticipation=self.anticipation))]

    def _of(self, averages: Averages, level: float) -> Uncertainty:
        first = Averages(averages.weights[:1], averages.tilt[:1])
        found = quantify(
            self.effects, self.choice, first, averages, anticipation=self.anticipation, level=level
        )
        return found.terms


def by_event_time(
    effects: GroupTime, summary: Summary, choice: Choice, *, anticipation: int, one_base: bool
) -> ByEventTime:
    """The averages of a summary by event time that are not zero by construction.

    `one_base`: effects before the start are measured against the same period as those after it.
    """
    real = (summary.terms.weights[:, ~effects.cells.reference] != 0).any(axis=1)
    averages = Averages(summary.terms.weights[real], summary.terms.tilt[real])
    errors = AveragesErrors(effects, averages, choice, anticipation)
    return ByEventTime(
        times=summary.keys[real],
        estimates=averages.value(effects),
        reference=-1 - anticipation if one_base else _MOVING,
        pooled=np.ones(int(real.sum()), dtype=np.int64),
        mass=(averages.weights != 0) @ effects.share,
        headline="equal",
        choice=choice,
        n_clusters=effects.panel.n_clusters,
        errors=errors,
        of_cells=errors.of_cells,
    )


def overall_outcomes(effects: GroupTime, last: int | None, anticipation: int) -> Floats | None:
    """(N, T) weight of each outcome in the average of the cells at event times 0 to `last`, by cohort size.

    None with covariates, after which the average is no weighted sum of outcomes.
    """
    if effects.adjust != "none":
        return None
    return _outcomes(effects, summarise(effects, "overall", 0, last, None).overall.weights[0], anticipation)


def _outcomes(effects: GroupTime, weights: Floats, anticipation: int) -> Floats:
    # without clusters every unit is a piece of its own, in the panel's order
    alone = replace(effects, panel=replace(effects.panel, cluster=None, cluster_labels=()))
    return aim(alone, pieces(alone, anticipation), weights).coefficient
