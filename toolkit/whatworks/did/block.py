"""Difference-in-differences with one start date."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from whatworks.answer import explained, the_treated
from whatworks.arrays import Bools, Floats
from whatworks.did.effects import regression_weights
from whatworks.did.regression import few_treated, requirements
from whatworks.did.regression.answer import choices, sizes
from whatworks.did.regression.reassign import Inference, of_block, recorded
from whatworks.inference.chance.randomisation import RandomisationInference
from whatworks.inference.default import Choice, count_clusters
from whatworks.inference.errors.cluster import Regression
from whatworks.inference.fits import two_way_effects
from whatworks.inference.percent import relative_change
from whatworks.inference.uncertainty import Uncertainty
from whatworks.panel import Panel
from whatworks.results import Result

WHERE = "did.block"


@dataclass(frozen=True, slots=True, eq=False)
class BlockDetail:
    """What `did.block` computed on the way.

    Attributes:
        means: (2, 2) mean outcomes, rows treated and comparison, columns before and after.
        treated: (N,) treated units.
        post: (T,) periods under treatment.
        fit: the regression; its first coefficient is the effect.
        choice: the inference used, and why.
    """

    means: Floats
    treated: Bools
    post: Bools
    fit: Regression
    choice: Choice

    def outcome_weights(self, last: int | None) -> Floats:
        """(N, T) weight of each outcome in the one effect of all periods, whatever the window."""
        return regression_weights(self.fit, np.eye(len(self.fit.coefficients))[:1])[0]


def block(panel: Panel, *, inference: Inference = None, level: float = 0.95) -> Result:
    """Effect of a treatment that starts on one date: the two-way fixed-effects coefficient.

    Without covariates it is the change of the treated units' mean outcome less the change of the others',
    means over units weighted by the panel's weights. Covariates that vary over time enter as regressors.
    With one treated or one comparison unit (or cluster) the estimate stands without error, interval or
    p-value, and the reason in their place, unless `FewTreated` is asked for.

    Args:
        panel: (N, T) outcomes without gaps, one start, at least one unit untreated throughout.
        inference: `ClusterRobust`, `WildCluster`, `TwoWay`, `DriscollKraay`, `Conley`, `Jackknife`,
            `RandomisationInference`, `FewTreated`, `Default`, or None for the default of the design.
        level: coverage of the interval.

    Raises:
        DesignError: staggered starts, missing cells, nothing to compare with, one cluster in all, or a
            covariate that the fixed effects explain; each names the method or step that can.
        OptionError: an inference object that does not fit, or a level outside (0, 1).

    Source: Angrist & Pischke (2009), Mostly Harmless Econometrics, equation 5.2.4.
    """
    requirements.require_complete(panel, WHERE)
    requirements.require_contrast(panel, WHERE)
    start = requirements.require_one_start(panel, WHERE)
    requirements.require_comparison(panel, WHERE)
    treated, post = requirements.treated_units(panel), np.asarray(panel.periods >= start)
    fit = _fit(panel, treated, post)
    choice, found = _uncertainty(panel, fit, inference, level)
    means = four_means(panel, treated, post)
    headline = found.estimate(
        0,
        estimand=f"Average effect on {the_treated(int(treated.sum()))}, "
        f"{panel.label(start)} to {panel.period_labels[-1]} (ATT)",
        scale=panel.scale,
    )
    headline = explained(headline, choice)
    design, seed = recorded(panel, choice, sizes(panel, int(treated.sum()), headline))
    return Result(
        method=WHERE,
        headline=headline,
        effects=pd.DataFrame({"term": ["ATT"], **found.columns(), "n": [int(treated.sum())]}),
        design=design,
        spec=choices(panel, choice, level),
        input_hash=panel.fingerprint,
        relative=relative_change(headline, float(means[0, 1])),
        seed=seed,
        notes=(*panel.notes, *choice.warnings, _sentence(means, panel)),
        detail=BlockDetail(means, treated, post, fit, choice),
    )


def four_means(panel: Panel, treated: Bools, post: Bools) -> Floats:
    """(2, 2) weighted mean outcomes: rows treated and comparison, columns before and after."""
    weight = panel.unit_weight
    sides = np.stack([treated, ~treated]) * weight
    shares = sides / sides.sum(axis=1, keepdims=True)
    return np.stack([shares @ panel.outcome[:, when].mean(axis=1) for when in (~post, post)], axis=1)


def _fit(panel: Panel, treated: Bools, post: Bools) -> Regression:
    effect = (treated[:, None] & post[None, :]).astype(np.float64)[None]
    regressors = np.concatenate([effect, panel.covariates]) if len(panel.covariates) else effect
    return two_way_effects.fit(
        panel.outcome,
        regressors,
        names=("the treatment", *(f"covariate {name!r}" for name in panel.covariate_names)),
        weight=panel.weight,
        cluster=panel.cluster,
    )


def _uncertainty(
    panel: Panel, fit: Regression, inference: Inference, level: float
) -> tuple[Choice, Uncertainty]:
    treated = requirements.treated_units(panel)
    if isinstance(inference, RandomisationInference):
        post = np.asarray(panel.periods >= panel.cohorts[0])
        return Choice(inference, "as asked for"), of_block(panel, inference, post, level)
    counts = count_clusters(panel.cluster, treated, ~treated)
    return few_treated.uncertainty(panel, fit, inference, counts, level, WHERE)


def _sentence(means: Floats, panel: Panel) -> str:
    words = [
        f"{name} units {before:.4g} before and {after:.4g} after (change {after - before:+.4g})"
        for name, (before, after) in zip(("treated", "comparison"), means.tolist(), strict=True)
    ]
    change = means[:, 1] - means[:, 0]
    adjusted = ", before adjusting for covariates" if panel.covariate_names else ""
    return (
        f"Mean outcome ({panel.scale}): {'; '.join(words)}. "
        f"Difference of the changes: {change[0] - change[1]:+.4g}{adjusted}."
    )
