"""Classic synthetic control: one treated unit against a weighted average of donors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from whatworks.arrays import Bools, Floats
from whatworks.panel import Panel
from whatworks.results import Result
from whatworks.synth.answer import answer
from whatworks.synth.convex import convex
from whatworks.synth.nested import Nested, by_regression, search, starting_points
from whatworks.synth.pool import Pool, pool_of, refuse_covariates
from whatworks.synth.predictors import Features, Predictors, features
from whatworks.synth.problems import Fits, Problems, actual, halves
from whatworks.synth.quantify import Inference

WHERE = "synth.classic"


@dataclass(frozen=True, slots=True, eq=False)
class Balance:
    """How well a fit on predictors balances them.

    Attributes:
        table: one row a predictor: treated, synthetic, mean of the donors, and its weight V.
        rmspe_free: RMSPE before the start of the outcome-only fit, which no predictor weights can beat.
    """

    table: pd.DataFrame
    rmspe_free: float


@dataclass(frozen=True, slots=True, eq=False)
class ByPredictors:
    """The fit on predictors as a function that can be asked again.

    Attributes:
        features: the predictors.
        predictors: how to weigh them.
    """

    features: Features
    predictors: Predictors

    def __call__(self, problems: Problems) -> Fits:
        """Donor weights for each problem, V found anew for each."""
        weights = self.solve(problems)[1]
        counterfactual = np.asarray(weights @ problems.outcome)
        return Fits(counterfactual, problems.targets - counterfactual, weights)

    def solve(self, problems: Problems) -> tuple[Floats, Floats]:
        """(B, P) predictor weights V and (B, N) donor weights."""
        chosen = self.predictors.weights
        if not isinstance(chosen, str):
            v = np.array([float(chosen[name]) for name in self.features.names])
            nested = _nested(self.features, problems, problems.pre)
            v = np.repeat(v[None] / v.sum(), len(problems.members), axis=0)
            return v, nested.weights(v)
        if chosen == "cross_validated":
            return self._cross_validated(problems)
        nested = _nested(self.features, problems, problems.pre)
        regression = _regression(self.features, problems, nested)
        if chosen == "regression":
            return regression, nested.weights(np.maximum(regression, 1e-12))
        return search(nested, self._starts(regression), self.predictors.least)

    def _cross_validated(self, problems: Problems) -> tuple[Floats, Floats]:
        first, second = halves(problems.pre)
        learning = replace(problems, pre=first)
        early = _nested(self.features.within(np.asarray(first.any(axis=0))), learning, second)
        starts = self._starts(_regression(self.features, learning, early))
        v = search(early, starts, self.predictors.least)[0]
        late = _nested(
            self.features.within(np.asarray(second.any(axis=0))), replace(problems, pre=second), second
        )
        return v, late.weights(v)

    def _starts(self, regression: Floats) -> Floats:
        chosen = self.predictors
        return starting_points(regression, chosen.starts, chosen.seed, chosen.least)


def classic(
    panel: Panel,
    *,
    predictors: Predictors | None = None,
    donors: Sequence[str] | None = None,
    anticipation: int = 0,
    inference: Inference = None,
    level: float = 0.95,
) -> Result:
    """Effect on one treated unit: its path less that of a weighted average of untreated units.

    Weights are non-negative and sum to one. Without predictors they bring the average nearest to the treated
    unit's outcome in every period before the start; with them, nearest to its predictors, each of which
    counts as much as `Predictors` says.

    Args:
        panel: (N, T) outcomes with one start; several treated units are taken as their mean.
        predictors: what to match on instead of the whole path; placebos weigh them anew.
        donors: labels of the units that may be used; None: every unit untreated through the window.
        anticipation: periods just before the start in which the effect may begin; nothing is fitted to them.
        inference: `Placebo`, `Conformal`, `JackknifePlus`, without predictors `PredictionIntervals`, or None
            for placebos in space.
        level: coverage of the intervals.

    Returns:
        The mean gap from the start on as headline, and the gap of each period; `detail.weights` has the donor
        weights, `detail.space` the placebos, `detail.method` the balance of predictors.

    Raises:
        DesignError: staggered starts, fewer than two donors or periods before the start, missing cells.
        OptionError: a donor or predictor that cannot be one, inference that does not fit, a level outside
            (0, 1).

    Source: Abadie, Diamond & Hainmueller (2010), JASA 105(490); the inner problem's ties are broken towards
    the outcome path, as an optimistic bilevel programme (Malo, Eskelinen, Zhou & Kuosmanen 2024,
    Computational Economics 64).
    """
    pool = pool_of(panel, WHERE, donors=donors, anticipation=anticipation)
    spec: dict[str, Any] = {"donors": list(pool.donor_names), "anticipation": anticipation}
    if predictors is None:
        refuse_covariates(panel, WHERE)
        fits = convex(actual(pool))
        return answer(pool, convex, fits, method=WHERE, inference=inference, level=level, spec=spec)
    fit = ByPredictors(features(panel, pool, predictors, WHERE), predictors)
    refuse_covariates(panel, WHERE, used=tuple(predictors.covariates))
    fits, own = _matched(fit, pool)
    notes, spec = _notes(fit, pool, fits, own), {**spec, "predictors": repr(predictors)}
    return answer(
        pool, fit, fits, method=WHERE, inference=inference, level=level, spec=spec, notes=notes, own=own
    )


def _matched(fit: ByPredictors, pool: Pool) -> tuple[Fits, Balance]:
    v, weights = fit.solve(actual(pool))
    counterfactual = np.asarray(weights @ pool.outcome)
    fits = Fits(counterfactual, pool.observed[None] - counterfactual, weights)
    return fits, _balance(fit.features, pool, v[0], weights[0])


def _nested(features_: Features, problems: Problems, judged: Bools) -> Nested:
    """The problem of weighing the predictors so that the path is matched over the periods `judged` (B, T)."""
    apart = features_.apart(problems) * problems.allowed[:, None, :]
    gaps = (problems.outcome[None] - problems.targets[:, None, :]) * judged[:, None, :]
    gaps = gaps * problems.allowed[:, :, None] / np.sqrt(judged.sum(axis=1))[:, None, None]
    return Nested(apart, np.matmul(gaps, gaps.transpose(0, 2, 1)), problems.allowed)


def _regression(features_: Features, problems: Problems, nested: Nested) -> Floats:
    involved = np.asarray(problems.allowed | (problems.members > 0))
    gaps = problems.outcome[None] * problems.pre[:, None, :]
    return by_regression(features_.apart(problems), gaps, involved)


def _balance(features_: Features, pool: Pool, v: Floats, weights: Floats) -> Balance:
    mean = features_.window / features_.window.sum(axis=1, keepdims=True)
    values = np.einsum("pt,pnt->pn", mean, features_.series)
    table = pd.DataFrame(
        {
            "predictor": features_.names,
            "treated": values @ pool.members,
            "synthetic": values @ weights,
            "donor_mean": values[:, pool.donors].mean(axis=1),
            "v": v,
        }
    )
    free = convex(actual(pool)).gaps[0, pool.pre]
    return Balance(table, float(np.sqrt((free**2).mean())))


def _notes(fit: ByPredictors, pool: Pool, fits: Fits, own: Balance) -> tuple[str, ...]:
    features_ = fit.features
    rmspe = float(np.sqrt((fits.gaps[0, pool.pre] ** 2).mean()))
    words = [
        f"Matched on {len(features_.names)} predictors; matched on the whole path before the start instead, "
        f"the RMSPE there would be {own.rmspe_free:.4g} rather than {rmspe:.4g}."
    ]
    donors = int(pool.donors.sum())
    if donors <= len(features_.names):
        words.append(
            f"There are {donors} donors for {len(features_.names)} predictors: the weights hang on few units."
        )
    flat = [
        name
        for name, row in zip(features_.names, features_.apart(actual(pool))[0], strict=True)
        if not row.any()
    ]
    if flat:
        words.append(f"These predictors do not vary and have no say: {', '.join(flat)}.")
    if fit.predictors.weights == "cross_validated":
        words.append(
            "Predictor weights were chosen on the first half of the time before the start to predict the "
            "second; donor weights come from the predictors of the second half."
        )
    return tuple(words)
