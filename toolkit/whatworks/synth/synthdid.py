"""Synthetic difference-in-differences: donors and earlier periods weighted so that trends run parallel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from whatworks.errors import choose
from whatworks.inference.default import decide_by_units, small_pools
from whatworks.inference.synthetic.placebo_error import PlaceboError, rank_p
from whatworks.panel import Panel
from whatworks.results import Result
from whatworks.synth.answer import SynthDetail, answer
from whatworks.synth.pool import Pool, pool_of
from whatworks.synth.problems import Fits
from whatworks.synth.quantify import Inference
from whatworks.synth.synthdid_fit import SyntheticDid, Weights
from whatworks.synth.synthdid_staggered import pools_of, staggered
from whatworks.synth.synthdid_weights import WHERE, TwoWeights, covariates_of, solved

Adjust = Literal["none", "projected"]


def synthdid(
    panel: Panel,
    *,
    donors: Sequence[str] | None = None,
    adjust: Adjust = "none",
    weights: Weights = "both",
    anticipation: int = 0,
    inference: Inference = None,
    level: float = 0.95,
) -> Result:
    """Effect as a double difference: donors weighted to run parallel before, periods to resemble those after.

    Donor weights ω and time weights λ are non-negative and sum to one; units that start together are taken
    as their mean. With several starts each cohort is held against the donors alone, and the cohorts are
    averaged by treated unit-periods.

    Args:
        panel: (N, T) outcomes; units never treated in the window are the donors.
        donors: labels of the units that may be used; None: every unit untreated through the window.
        adjust: `projected` first takes off what the panel's covariates explain among the donors.
        weights: `both` are fitted; or those of `units` or `periods` alone; or none, all being `equal`.
        anticipation: periods just before the start in which the effect may begin; nothing is fitted to them.
        inference: `PlaceboError`, `Jackknife`, `UnitBootstrap`; with one start also `Placebo`, `Conformal`,
            `JackknifePlus`; None: by the number of units (`UnitBootstrap` from 20 on either side on).
        level: coverage of the intervals.

    Returns:
        The mean effect, and that of each period or (several starts) event time; `detail.weights` has ω,
        `detail.method` λ, ridge and slopes; with several starts see `CohortsDetail`.

    Raises:
        DesignError: nobody treated, fewer than two donors or periods before a start, missing cells, donors
            without noise before the start, a jackknife with one treated unit at a start.
        OptionError: a choice or donor that does not exist, inference that does not fit, a level off (0, 1).

    Source: Arkhangelsky, Athey, Hirshberg, Imbens & Wager (2021), AER 111(12), covariates by footnote 4 with
    Kranz (2022); several starts, Clarke, Pailañir, Athey & Imbens (2024), Stata Journal 24(4).
    """
    choose("weights", weights, ("both", "units", "periods", "equal"), where=WHERE)
    covariates = covariates_of(panel, adjust)
    spec: dict[str, Any] = {"adjust": adjust, "weights": weights, "anticipation": anticipation}
    if len(panel.cohorts) > 1:
        pools = pools_of(panel, donors, anticipation)
        return staggered(panel, pools, covariates, weights, inference=inference, level=level, spec=spec)
    pool = pool_of(panel, WHERE, donors=donors, anticipation=anticipation)
    return _one_start(pool, SyntheticDid(pool.post, covariates, weights), inference, level, spec)


def _one_start(
    pool: Pool, fit: SyntheticDid, inference: Inference, level: float, spec: dict[str, Any]
) -> Result:
    fits, found = solved(pool, fit)
    usual = decide_by_units(int(pool.treated.sum()), int(pool.donors.sum()))
    result = answer(
        pool,
        fit,
        fits,
        method=WHERE,
        inference=inference,
        level=level,
        spec={"donors": list(pool.donor_names), **spec},
        notes=_notes(pool, found, fits),
        own=found,
        usual=usual,
    )
    used = usual.inference if inference is None else inference
    rough = small_pools(used, int(pool.treated.sum()), int(pool.donors.sum()))
    return replace(result, notes=(*result.notes, *_rank_note(result, used), *rough))


def _notes(pool: Pool, found: TwoWeights, fits: Fits) -> tuple[str, ...]:
    weights = np.zeros(0) if fits.weights is None else fits.weights[0]
    largest = found.periods.sort_values(ascending=False, kind="stable")
    shown = ", ".join(f"{label} ({weight:.0%})" for label, weight in largest[largest > 0.005][:5].items())
    words = [
        f"{int((weights > 0).sum())} of {int(pool.donors.sum())} donors have weight, the largest "
        f"{weights.max():.0%}; the level before the start is set by {shown}"
        f"{' and others' if (largest > 0.005).sum() > 5 else ''}.",
    ]
    if len(found.slopes):
        slopes = ", ".join(f"{name} {value:.4g}" for name, value in found.slopes.items())
        words.append(f"Covariates were taken off with slopes found among the donors: {slopes}.")
    return tuple(words)


def _rank_note(result: Result, used: Inference) -> tuple[str, ...]:
    """The rank of the estimate beside the error that the same placebos gave."""
    detail = result.detail
    if not isinstance(used, PlaceboError) or not isinstance(detail, SynthDetail) or detail.space is None:
        return ()
    every = detail.space.gaps[:, detail.pool.post].mean(axis=1)
    p = rank_p(float(every[0]), every[1:])
    return (
        f"Ranked by size among the same {len(every) - 1:,} placebo estimates, each with weights of its own, "
        f"the effect has p {p:.3g} (the smallest possible is {1 / len(every):.3g}).",
    )
