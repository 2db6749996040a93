"""Staggered synthetic control: several treated units, each at its own start, partly pooled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from whatworks.answer import explained, taken
from whatworks.errors import OptionError
from whatworks.inference.default import Choice
from whatworks.inference.percent import relative_change
from whatworks.inference.synthetic.placebo import Placebo
from whatworks.inference.uncertainty import Uncertainty
from whatworks.panel import Panel
from whatworks.results import Result
from whatworks.synth.answer import sizes, sure_from
from whatworks.synth.pool import refuse_covariates
from whatworks.synth.space import InSpace
from whatworks.synth.staggered_fit import PartlyPooled, StaggeredFits, actual
from whatworks.synth.staggered_pool import Cohorts, cohorts_of
from whatworks.synth.staggered_quantify import Inference, rank_note, sure_of

WHERE: Final = "synth.staggered"
DEFAULT: Final = (
    "the default: on 200 simulated Londons, 4 of 32 boroughs treated, its tests rejected a true null 4.5% "
    "of the time (±1.5), the jackknife's 3.5% (±1.3), and found a fall of a tenth in 54% against 41% (±3.5)"
)


@dataclass(frozen=True, slots=True, eq=False)
class StaggeredDetail:
    """What a staggered synthetic control computed on the way.

    Attributes:
        pool: treated units, donors and event times; paths are means over the treated units.
        fit: the method as a function, for inference and checks to ask again.
        fits: the answer to the actual problem.
        space: the placebos in space, where they were run.
        method: the balance: imbalance before the start, of the mean and of the units one by one, of this fit,
            of separate fits, and of uniform weights.
    """

    pool: Cohorts
    fit: PartlyPooled
    fits: StaggeredFits
    space: InSpace | None
    method: pd.DataFrame

    @property
    def weights(self) -> pd.Series:
        """Donor weights averaged over the treated units, by label, largest first."""
        own = pd.Series(self.fits.weights[0], index=list(self.pool.source.units), name="weight")
        return own[self.pool.donors].sort_values(ascending=False, kind="stable")

    @property
    def weights_by_unit(self) -> pd.DataFrame:
        """Donor weights, a row a donor, a column a treated unit."""
        table = pd.DataFrame(
            self.fits.unit_weights[0].T, index=list(self.pool.source.units), columns=list(self.pool.names)
        )
        return table[self.pool.donors]

    @property
    def by_unit(self) -> pd.DataFrame:
        """One row a treated unit: its start, its mean effect, its RMSPE before, its share in the mean."""
        pool, gaps = self.pool, self.fits.unit_gaps[0]
        return pd.DataFrame(
            {
                "unit": pool.names,
                "start": [pool.source.label(int(s)) for s in pool.starts],
                "estimate": gaps[:, pool.post].mean(axis=1),
                "rmspe_before": np.sqrt((gaps[:, pool.pre] ** 2).mean(axis=1)),
                "share": pool.share,
            }
        )

    @property
    def rmspe(self) -> float:
        """Root mean squared gap of the mean before the start."""
        return float(self.fits.pooled[0])


def staggered(
    panel: Panel,
    *,
    pooling: float | None = None,
    intercept: bool = True,
    lags: int | None = None,
    leads: int | None = None,
    donors: Sequence[str] | None = None,
    anticipation: int = 0,
    inference: Inference | None = None,
    level: float = 0.95,
) -> Result:
    """Effect on several treated units, whenever each starts, against weighted averages of untreated units.

    Each treated unit has its own non-negative donor weights that sum to one. They are found together, so that
    each unit and the mean of the units are matched before the start; `pooling` says how much the mean counts.

    Args:
        panel: (N, T) outcomes; starts may differ or agree. Unit weights, if any, weigh the treated units.
        pooling: ν from 0 (each unit fitted alone) to 1 (only their mean); None: the imbalance of the mean
            over the mean imbalance of the units, both of separate fits.
        intercept: match each path less its own mean over the lags, so that levels may differ.
        lags: periods before each start that are matched; None: as many as the earliest start has.
        leads: periods from each start on; None: as many as the latest start has.
        donors: labels of the units that may be used; None: every unit never treated, or not before the last
            lead of the treated unit it is compared with.
        anticipation: periods just before each start in which the effect may begin; matched by nothing.
        inference: `Placebo`, `Jackknife`, or None for placebo sets.
        level: coverage of the intervals.

    Returns:
        The mean gap over treated units and event times from the start on, and the mean gap of each event
        time; `detail` has the effect and weights of each unit, the balance and the placebos.

    Raises:
        DesignError: nobody treated, too few lags, leads or donors, missing cells, outcomes zero throughout.
        OptionError: a pooling outside [0, 1], a donor, period count, inference or level that cannot be.

    Source: Ben-Michael, Feller & Rothstein (2022), Journal of the Royal Statistical Society B 84(2).
    """
    _check(pooling, intercept)
    refuse_covariates(panel, WHERE)
    pool = cohorts_of(panel, WHERE, lags=lags, leads=leads, donors=donors, anticipation=anticipation)
    fit = PartlyPooled(None if pooling is None else float(pooling), intercept)
    return _answer(
        pool, fit, inference, level, {"donors": list(pool.donor_names), "anticipation": anticipation}
    )


def _answer(
    pool: Cohorts, fit: PartlyPooled, inference: Inference | None, level: float, spec: dict[str, Any]
) -> Result:
    fits = fit(actual(pool))
    choice = taken(inference, Choice(Placebo(), DEFAULT))
    sure = sure_of(pool, fit, fits, choice.inference, level=level, where=WHERE)
    last, used = int(pool.event_times[-1]), int((pool.treated | pool.donors).sum())
    headline = sure.found.estimate(
        0,
        estimand=f"Average effect on {pool.treated_name}, event times 0 to {last} (ATT)",
        scale=pool.source.scale,
    )
    headline = explained(headline, choice)
    detail = StaggeredDetail(pool, fit, fits, sure.space, _balance(pool, fit, fits))
    return Result(
        method=WHERE,
        headline=headline,
        effects=_effects(pool, fits, sure.found),
        design=sizes(used, len(pool.members), pool.source.n_periods, sure.mde),
        spec={
            "pooling": "imbalance ratio" if fit.pooling is None else fit.pooling,
            "intercept": fit.intercept,
            "lags": int(pool.pre.sum()),
            "leads": int(pool.post.sum()),
            **spec,
            "inference": repr(choice.inference),
            "level": level,
        },
        input_hash=pool.source.fingerprint,
        relative=relative_change(headline, float(pool.observed[pool.post].mean())),
        seed=sure.seed,
        notes=(*pool.source.notes, *pool.notes, *_notes(detail), *rank_note(sure.space)),
        detail=detail,
    )


def _check(pooling: float | None, intercept: bool) -> None:
    number = isinstance(pooling, (int, float, np.number)) and not isinstance(pooling, bool)
    if pooling is not None and not (number and 0 <= float(pooling) <= 1):
        raise OptionError(
            f"pooling={pooling!r} is not a number from 0 to 1",
            where=WHERE,
            remedy="Give 0 for separate fits, 1 to match the mean only, or leave it out.",
        )
    if not isinstance(intercept, bool):
        raise OptionError(f"intercept={intercept!r} is neither True nor False", where=WHERE)


def _effects(pool: Cohorts, fits: StaggeredFits, found: Uncertainty) -> pd.DataFrame:
    """One row an event time: the mean gap, and from the start on its interval and p-value."""
    labels = pool.panel.period_labels
    words = [f"gap in {label}" if pool.together else f"gap at event time {label}" for label in labels]
    table = pd.DataFrame({"term": words, "event_time": pool.event_times, "estimate": fits.gaps[0]})
    if pool.together:
        table.insert(1, "period", list(labels))
    return sure_from(table, pool.post, found, len(pool.members))


def _balance(pool: Cohorts, fit: PartlyPooled, fits: StaggeredFits) -> pd.DataFrame:
    even = fit.imbalance(actual(pool), pool.allowed[None] / pool.allowed.sum(axis=1)[None, :, None])
    table = pd.DataFrame(
        {
            "weights": ["chosen", "separate fits", "uniform"],
            "pooled": [fits.pooled[0], fits.pooled_before[0], even[0][0]],
            "separate": [fits.separate[0], fits.separate_before[0], even[1][0]],
        }
    )
    for name in ("pooled", "separate"):
        worst = float(table[name].iloc[2])
        table[f"{name}_of_uniform"] = table[name] / worst if worst > 0 else 0.0
    return table


def _notes(detail: StaggeredDetail) -> tuple[str, ...]:
    table, pool = detail.method, detail.pool
    words = [
        f"Before the start the mean of the treated is missed by {table['pooled'][0]:.4g} (RMSPE; "
        f"{table['pooled_of_uniform'][0]:.0%} of what uniform weights miss it by; separate fits: "
        f"{table['pooled'][1]:.4g}), the units one by one by {table['separate'][0]:.4g} "
        f"({table['separate_of_uniform'][0]:.0%} of uniform; separate fits: {table['separate'][1]:.4g})."
    ]
    if len(pool.members) == 1:
        return (*words, "One treated unit: there is nothing to pool.")
    chosen = (
        "as asked for" if detail.fit.pooling is not None else "mean's over units' imbalance of separate fits"
    )
    words.append(f"Pooling ν = {float(detail.fits.pooling[0]):.3g} ({chosen}).")
    if float(detail.fits.pooling[0]) == 1:
        words.append("Only the mean is matched: other weights may match it as well and give another effect.")
    each = "; ".join(
        f"{unit} {value:.4g}" for unit, value in detail.by_unit[["unit", "estimate"]].itertuples(index=False)
    )
    words.append(f"Mean effect by treated unit: {each}. No error is claimed for a single unit.")
    return tuple(words)
