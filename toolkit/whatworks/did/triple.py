"""Triple difference: the effect on an outcome beyond the change in one that the treatment leaves alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from whatworks.answer import explained, the_treated
from whatworks.arrays import Bools, Floats
from whatworks.did.regression import requirements
from whatworks.did.regression.answer import choices, sizes
from whatworks.errors import DesignError, OptionError, first_few
from whatworks.inference.default import Choice, count_clusters
from whatworks.inference.fits import two_way_effects
from whatworks.inference.fits.regression import Regression
from whatworks.inference.percent import relative_change
from whatworks.inference.uncertainty import Uncertainty
from whatworks.panel import NEVER, Panel
from whatworks.results import Result

WHERE = "did.triple"

TERMS = ("ATT", "outcome alone", "other outcome alone")

STAGGERED = (
    "Starts are staggered. One two-way coefficient for all of them also compares late starters with units "
    "already treated; where effects grow or differ between cohorts, its weights can be negative "
    "(Goodman-Bacon 2021). did.att_gt on panel.with_outcome(panel.outcome - other.outcome) has none such."
)


@dataclass(frozen=True, slots=True, eq=False)
class TripleDetail:
    """What `did.triple` computed on the way.

    Attributes:
        difference: (N, T) outcome less other outcome; NaN where either is missing.
        fits: the regressions of the difference, of the outcome and of the other outcome, on the same cells.
        choice: the inference used, and why.
    """

    difference: Floats
    fits: tuple[Regression, Regression, Regression]
    choice: Choice


def triple(
    panel: Panel, other: Panel, *, inference: requirements.Inference = None, level: float = 0.95
) -> Result:
    """Effect on an outcome beyond the change in another outcome of the same units that it cannot touch.

    The two-way fixed-effects coefficient of (outcome − other outcome): the difference-in-differences of the
    outcome less that of the other one. Without treatment, the gap between the two outcomes would have
    changed alike in treated and comparison units; either of them alone need not. The effects table also
    holds both difference-in-differences alone; the second of them is what the third difference took out.

    Args:
        panel: (N, T) outcome, starts, clusters, weights and covariates. Starts may be staggered, which the
            notes then warn against; cells may be missing.
        other: the same units and periods with the other outcome in the same unit of measurement (a
            crime that the treatment does not address, people too old for it); its starts, if any, are those
            of `panel`.
        inference: `ClusterRobust`, `WildCluster`, `Default`, or None for the default of the design.
        level: coverage of the intervals.

    Raises:
        OptionError: other units or periods, other starts or weights, the same outcome twice, inference that
            does not fit, or a level outside (0, 1).
        DesignError: nothing to compare with, one cluster in all, or a covariate that the effects explain.

    Source: Gruber (1994), American Economic Review 84(3); Olden & Møen (2022), Econometrics Journal 25(3),
    section 3.
    """
    _require_match(panel, other)
    difference = panel.outcome - other.outcome
    observed = ~np.isnan(difference)
    _require_contrast(panel, observed)
    treated = requirements.treated_units(panel)
    choice = requirements.settle(inference, count_clusters(panel.cluster, treated, ~treated), WHERE)
    first = _fit(panel, difference, observed)
    fits = (first, _fit(panel, panel.outcome, observed), _fit(panel, other.outcome, observed))
    return _result(panel, other, TripleDetail(difference, fits, choice), level)


def _result(panel: Panel, other: Panel, detail: TripleDetail, level: float) -> Result:
    fits, choice = detail.fits, detail.choice
    contrast = np.eye(len(fits[0].coefficients))[:1]
    found = [choice.from_regression(fit, contrast, level=level) for fit in fits]
    observed, treated = ~np.isnan(detail.difference), int(requirements.treated_units(panel).sum())
    headline = found[0].estimate(
        0,
        estimand=f"Effect on {the_treated(treated)} beyond the change in "
        f"{other.outcome_name} (triple difference, ATT)",
        scale=panel.scale,
    )
    headline = explained(headline, choice)
    return Result(
        method=WHERE,
        headline=headline,
        effects=_effects(found, treated),
        design=sizes(panel, treated, headline),
        spec=choices(panel, choice, level, other=other.outcome_name, other_hash=other.fingerprint),
        input_hash=panel.fingerprint,
        relative=relative_change(headline, _mean_treated(panel, observed)),
        seed=choice.seed(panel.n_clusters),
        notes=(*panel.notes, *_notes(panel, other, observed), *choice.warnings, _sentence(found)),
        detail=detail,
    )


def _require_match(panel: Panel, other: object) -> None:
    if not isinstance(other, Panel):
        raise OptionError(
            f"other={type(other).__name__} is not a panel",
            where=WHERE,
            remedy="Give a second Panel: the same units and periods with the outcome that the treatment "
            "cannot touch.",
        )
    unlike = sorted(set(panel.units) ^ set(other.units))
    if unlike or panel.period_kind != other.period_kind or list(panel.periods) != list(other.periods):
        what = (
            f"these units are in one of the two only: {first_few(unlike)}"
            if unlike
            else f"the periods are {panel.period_labels[0]} to {panel.period_labels[-1]} ({panel.n_periods}) "
            f"and {other.period_labels[0]} to {other.period_labels[-1]} ({other.n_periods})"
        )
        raise OptionError(
            f"the panels do not match: {what}",
            where=WHERE,
            remedy="Use panel.select and panel.window until both hold the same units and periods.",
        )
    if (other.start != NEVER).any() and (other.start != panel.start).any():
        names = first_few(panel.units[int(i)] for i in np.flatnonzero(other.start != panel.start))
        raise OptionError(
            f"the panels disagree on when treatment starts: {names}",
            where=WHERE,
            remedy="Leave the start role out of the other panel, or give the same starts.",
        )
    if other.weight is not None and not np.array_equal(other.weight, panel.unit_weight):
        raise OptionError(
            "the panels have different weights, and a unit can have only one",
            where=WHERE,
            remedy="Leave the weight role out of the other panel.",
        )
    if np.array_equal(panel.outcome, other.outcome, equal_nan=True):
        raise OptionError(
            "both panels hold the same outcome, whose difference is 0 everywhere",
            where=WHERE,
            remedy="Give another outcome of the same units, one that the treatment cannot touch.",
        )


def _require_contrast(panel: Panel, observed: Bools) -> None:
    requirements.require_contrast(panel, WHERE)
    if len(panel.cohorts) == 1:
        requirements.require_comparison(panel, WHERE)
    treated = panel.treated & observed
    if not treated.any() or not observed[~panel.treated].any():
        raise DesignError(
            "no cell under treatment, or none without, has both outcomes",
            where=WHERE,
            remedy="Check the missing cells of the two panels; both outcomes of a cell must be there.",
        )


def _fit(panel: Panel, outcome: Floats, observed: Bools) -> Regression:
    effect = panel.treated.astype(np.float64)[None]
    regressors = np.concatenate([effect, panel.covariates]) if len(panel.covariates) else effect
    return two_way_effects.fit(
        outcome,
        regressors,
        names=("the treatment", *(f"covariate {name!r}" for name in panel.covariate_names)),
        weight=panel.weight,
        cluster=panel.cluster,
        observed=observed,
    )


def _mean_treated(panel: Panel, observed: Bools) -> float:
    weight = panel.unit_weight
    mass = weight[:, None] * (panel.treated & observed)
    return float((mass * np.where(observed, panel.outcome, 0.0)).sum() / mass.sum())


def _effects(found: list[Uncertainty], n: int) -> pd.DataFrame:
    rows = [pd.DataFrame({"term": [term], **one.columns()}) for term, one in zip(TERMS, found, strict=True)]
    table = pd.concat(rows, ignore_index=True)
    table.insert(6, "n", n)
    return table


def _notes(panel: Panel, other: Panel, observed: Bools) -> list[str]:
    notes = [
        f"Assumes that {panel.outcome_name} less {other.outcome_name} would have changed alike in treated "
        f"and comparison units, and that the treatment leaves {other.outcome_name} alone."
    ]
    gaps = int((~observed).sum())
    if gaps:
        notes.append(f"{gaps:,} cells that miss one of the two outcomes do not enter.")
    return [*notes, STAGGERED] if len(panel.cohorts) > 1 else notes


def _sentence(found: list[Uncertainty]) -> str:
    both, outcome, other = (float(one.value[0]) for one in found)
    return (
        f"Difference-in-differences of the outcome alone: {outcome:+.4g}; of the other outcome: {other:+.4g}"
        f"; the one less the other: {both:+.4g}."
    )
