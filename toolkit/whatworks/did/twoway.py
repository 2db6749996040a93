"""The static two-way fixed-effects coefficient, with what it weighs when starts are staggered."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from whatworks.answer import explained, the_treated
from whatworks.arrays import Bools, Floats
from whatworks.did.effects import regression_weights
from whatworks.did.regression import few_treated, requirements
from whatworks.did.regression.answer import choices, sizes
from whatworks.did.regression.reassign import Inference, of_twoway, recorded
from whatworks.errors import DesignError, first_few
from whatworks.inference.chance.randomisation import RandomisationInference
from whatworks.inference.default import Choice, count_clusters
from whatworks.inference.errors.cluster import Regression
from whatworks.inference.fits import two_way_effects
from whatworks.inference.percent import relative_change
from whatworks.inference.uncertainty import Uncertainty
from whatworks.panel import Panel
from whatworks.results import Result

WHERE = "did.twoway"

STAGGERED = (
    "Starts are staggered, so the two-way coefficient is a weighted sum of effects that also compares late "
    "starters with units already treated (de Chaisemartin & D'Haultfœuille 2020, Goodman-Bacon 2021): "
    "{negative} of {treated} treated cells ({share:.1%}) carry negative weight, {total:.3f} in all against "
    "+{positive:.3f}. Where effects differ between cohorts or grow over time it can miss them all, even in "
    "sign: use did.att_gt and did.aggregate for the answer, and this only beside it."
)


@dataclass(frozen=True, slots=True, eq=False)
class TwoWayDetail:
    """What `did.twoway` computed on the way.

    Attributes:
        weights: (N, T) weight of each treated cell's effect in the coefficient; they sum to 1, and are 0 in
            cells not treated or missing.
        share_negative: share of treated cells whose weight is negative.
        sum_negative: sum of the negative weights, 0 or less.
        fit: the regression; its first coefficient is treatment.
        choice: the inference used, and why.
    """

    weights: Floats
    share_negative: float
    sum_negative: float
    fit: Regression
    choice: Choice

    def outcome_weights(self, last: int | None) -> Floats:
        """(N, T) weight of each outcome in the one coefficient of all periods, whatever the window."""
        return regression_weights(self.fit, np.eye(len(self.fit.coefficients))[:1])[0]


def twoway(panel: Panel, *, inference: Inference = None, level: float = 0.95) -> Result:
    """The coefficient of treatment in a regression with unit and period effects, for any timing.

    With one start it is `did.block`. With staggered starts it is a weighted sum of the effects in all treated
    cells whose weights can be negative; the notes say how much of them is, `detail.weights` which.

    Args:
        panel: (N, T) outcomes; missing cells stay out of the regression. Covariates enter as regressors, unit
            weights as those of least squares.
        inference: `ClusterRobust`, `WildCluster`, `TwoWay`, `DriscollKraay`, `Conley`, `Jackknife`,
            `RandomisationInference`, `FewTreated` (one start), `Default`, or None for the default of the
            design.
        level: coverage of the interval.

    Raises:
        DesignError: nothing to compare with, a unit without any outcome, one cluster in all, a covariate
            that the fixed effects explain or that has no value where there is an outcome.
        OptionError: an inference object that does not fit, or a level outside (0, 1).

    Source: de Chaisemartin & D'Haultfœuille (2020), American Economic Review 110(9), theorem 1, for the
    weights.
    """
    observed = _require(panel)
    fit = _fit(panel, observed)
    choice, found = _uncertainty(panel, fit, inference, level)
    weights = effect_weights(panel, fit)
    cells, staggered = panel.treated & observed, len(panel.cohorts) > 1
    treated = requirements.treated_units(panel)
    headline = explained(
        found.estimate(0, estimand=_estimand(panel, int(cells.sum()), staggered), scale=panel.scale), choice
    )
    below = np.where(weights < 0, weights, 0.0)
    detail = TwoWayDetail(weights, float((below < 0).sum() / cells.sum()), float(below.sum()), fit, choice)
    warning = (_warning(detail, int(cells.sum())),) if staggered else ()
    gaps = int((~observed).sum())
    missing = (f"{gaps:,} of {observed.size:,} cells are missing and stay out.",) if gaps else ()
    n = int(treated.sum())
    design, seed = recorded(panel, choice, sizes(panel, n, headline))
    return Result(
        method=WHERE,
        headline=headline,
        effects=pd.DataFrame({"term": ["treatment"], **found.columns(), "n": [n]}),
        design=design,
        spec=choices(panel, choice, level),
        input_hash=panel.fingerprint,
        relative=relative_change(headline, float((weights * np.where(cells, panel.outcome, 0)).sum())),
        seed=seed,
        notes=(*panel.notes, *warning, *missing, *choice.warnings),
        detail=detail,
    )


def effect_weights(panel: Panel, fit: Regression) -> Floats:
    """(N, T) weights of the treated cells' effects in the two-way coefficient of treatment.

    They are the residuals of treatment on the effects and covariates times unit weights, in treated cells,
    scaled to sum to 1. With covariates this holds where those move outcomes as the regression says.

    Source: de Chaisemartin & D'Haultfœuille (2020), theorem 1.
    """
    if fit.rows is None:
        return np.where(panel.treated, np.nan, 0.0)
    rows = fit.rows()
    # bread[0] @ X is the treatment net of covariates too, over its own sum of squares (Frisch–Waugh)
    own = np.tensordot(fit.bread[0], rows.X, axes=1) * rows.weight[:, None]
    return np.asarray(np.where(panel.treated & rows.observed, own, 0.0))


def _require(panel: Panel) -> Bools:
    """(N, T) observed cells of a panel that the method can take."""
    requirements.require_contrast(panel, WHERE)
    if len(panel.cohorts) == 1:
        requirements.require_comparison(panel, WHERE)
    observed = ~np.isnan(panel.outcome)
    empty = np.flatnonzero(~observed.any(axis=1))
    if len(empty):
        raise DesignError(
            f"these units have no outcome in any period: {first_few(panel.units[i] for i in empty)}",
            where=WHERE,
            remedy="Leave them out with panel.select(...), or mend the source.",
        )
    holes = (~np.isfinite(panel.covariates) & observed).any(axis=(1, 2))
    if holes.any():
        names = first_few(panel.covariate_names[int(i)] for i in np.flatnonzero(holes))
        raise DesignError(
            f"covariates without a value where there is an outcome: {names}",
            where=WHERE,
            remedy="Fill them in the source, or leave those covariates out.",
        )
    return np.asarray(observed)


def _fit(panel: Panel, observed: Bools) -> Regression:
    return two_way_effects.fit(
        panel.outcome,
        np.concatenate([panel.treated.astype(np.float64)[None], panel.covariates]),
        names=("the treatment", *(f"covariate {name!r}" for name in panel.covariate_names)),
        weight=panel.weight,
        cluster=panel.cluster,
        observed=observed,
    )


def _uncertainty(
    panel: Panel, fit: Regression, inference: Inference, level: float
) -> tuple[Choice, Uncertainty]:
    if isinstance(inference, RandomisationInference):
        return Choice(inference, "as asked for"), of_twoway(panel, inference, level)
    treated = requirements.treated_units(panel)
    # where every unit is treated in the end, those of later cohorts serve as comparison
    comparison = ~treated if not treated.all() else panel.start > panel.cohorts[0]
    counts = count_clusters(panel.cluster, treated, comparison)
    return few_treated.uncertainty(panel, fit, inference, counts, level, WHERE)


def _estimand(panel: Panel, cells: int, staggered: bool) -> str:
    if staggered:
        return f"Two-way coefficient: a weighted sum of effects in {cells:,} treated cells, not an average"
    treated = int(requirements.treated_units(panel).sum())
    first = panel.label(int(panel.cohorts[0]))
    return f"Average effect on {the_treated(treated)}, {first} to {panel.period_labels[-1]} (ATT)"


def _warning(detail: TwoWayDetail, cells: int) -> str:
    return STAGGERED.format(
        negative=f"{round(detail.share_negative * cells):,}",
        treated=f"{cells:,}",
        share=detail.share_negative,
        total=detail.sum_negative,
        positive=1 - detail.sum_negative,
    )
