"""From a fit and its inference to a result: the parts that every synthetic control shares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from whatworks.answer import NOT_BY_CHANCE, explained, taken
from whatworks.arrays import Bools, Floats
from whatworks.inference.default import Choice
from whatworks.inference.percent import relative_change
from whatworks.inference.synthetic.placebo import Placebo
from whatworks.inference.uncertainty import Uncertainty
from whatworks.results import Design, Number, Result
from whatworks.synth.pool import ENOUGH_BEFORE, Pool
from whatworks.synth.problems import Fit, Fits
from whatworks.synth.quantify import Inference, quantify
from whatworks.synth.space import InSpace

BEFORE = "before the start: how closely the path was matched, not an effect"


@dataclass(frozen=True, slots=True, eq=False)
class SynthDetail:
    """What a synthetic control computed on the way.

    Attributes:
        pool: the treated unit, donors and periods.
        fit: the method as a function, for inference and checks to ask again.
        fits: the answer to the actual problem.
        space: the placebos in space, where they were run.
        method: what the method alone has to show (predictor balance, penalty, factors).
    """

    pool: Pool
    fit: Fit
    fits: Fits
    space: InSpace | None
    method: Any = None

    @property
    def weights(self) -> pd.Series:
        """Donor weights by label, largest first; empty for a method without donor weights."""
        if self.fits.weights is None:
            return pd.Series(dtype=np.float64, name="weight")
        own = pd.Series(self.fits.weights[0], index=list(self.pool.panel.units), name="weight")
        return own[self.pool.donors].sort_values(ascending=False, kind="stable")

    @property
    def rmspe(self) -> float:
        """Root mean squared gap before the start."""
        return float(np.sqrt((self.fits.gaps[0, self.pool.pre] ** 2).mean()))


def answer(
    pool: Pool,
    fit: Fit,
    fits: Fits,
    *,
    method: str,
    inference: Inference,
    level: float,
    spec: dict[str, Any],
    notes: tuple[str, ...] = (),
    own: Any = None,
    usual: Choice | None = None,
) -> Result:
    """The result of a method that gives one path of gaps; its headline is their mean from the start on.

    Without an inference object `usual` is used, and without that placebos in space.

    Raises `OptionError` for an inference object that does not fit a path of gaps.
    """
    choice = taken(inference, usual or Choice(Placebo(), "the default for a synthetic control"))
    sure = quantify(pool, fit, fits, choice.inference, level=level, where=method)
    found, used = sure.found, int((pool.treated | pool.donors).sum())
    periods = pool.panel.period_labels
    first, last = np.flatnonzero(pool.post)[[0, -1]]
    headline = found.estimate(
        0,
        estimand=f"Average effect on {pool.treated_name}, {periods[first]} to {periods[last]} (ATT)",
        scale=pool.panel.scale,
    )
    headline = explained(headline, choice)
    return Result(
        method=method,
        headline=headline,
        effects=effects(pool, fits, found),
        design=sizes(used, int(pool.treated.sum()), pool.panel.n_periods, sure.mde),
        spec={**spec, "inference": repr(choice.inference), "level": level},
        input_hash=pool.panel.fingerprint,
        relative=relative_change(headline, float(pool.observed[pool.post].mean())),
        seed=sure.seed,
        notes=(*pool.panel.notes, *pool.notes, *notes, *_fit_notes(pool, fits), *_ratio_note(sure.space)),
        detail=SynthDetail(pool, fit, fits, sure.space, own),
    )


def effects(pool: Pool, fits: Fits, found: Uncertainty) -> pd.DataFrame:
    """One row a period: the gap, and from the start on its interval and p-value."""
    table = pd.DataFrame(
        {
            "term": [f"gap in {label}" for label in pool.panel.period_labels],
            "period": list(pool.panel.period_labels),
            "event_time": pool.panel.periods - pool.start,
            "estimate": fits.gaps[0],
        }
    )
    return sure_from(table, pool.post, found, int(pool.treated.sum()))


def sure_from(table: pd.DataFrame, after: Bools, found: Uncertainty, n: int | list[int]) -> pd.DataFrame:
    """The table of gaps with error, interval and p-value where `after` is true, and why not elsewhere.

    `found` holds the average effect first, then those rows in their order.
    """
    own = slice(1, 1 + int(after.sum()))
    columns: dict[str, Floats] = {}
    for name in ("std_error", "low", "high", "p_value"):
        column = np.full(len(table), np.nan)
        column[after] = getattr(found, name)[own]
        columns[name] = column
    reason = np.full(len(table), BEFORE, dtype=object)
    reason[after] = found.reason[own]
    return table.assign(**columns, n=n, reason=reason)


def sizes(used: int, treated: int, periods: int, mde: Number) -> Design:
    """How large the study is, `used` being its treated units and donors; a cluster is a unit here."""
    return Design(used, periods, used, treated, NOT_BY_CHANCE, mde)


def _fit_notes(pool: Pool, fits: Fits) -> tuple[str, ...]:
    gaps, observed = fits.gaps[0, pool.pre], pool.observed[pool.pre]
    rmspe = float(np.sqrt((gaps**2).mean()))
    words = [
        f"Before the start the synthetic path misses the observed one by {rmspe:.4g} on average (RMSPE; the "
        f"observed mean is {observed.mean():.4g}, its standard deviation {observed.std():.4g})."
    ]
    if pool.pre.sum() < ENOUGH_BEFORE:
        words.append(
            f"There are only {int(pool.pre.sum())} periods before the start: a close fit may be luck, and "
            "the gap after it noise."
        )
    if pool.treated.sum() > 1:
        words.append(
            f"The {int(pool.treated.sum())} treated units are taken as their mean; synth.staggered fits each."
        )
    return tuple(words)


def _ratio_note(space: InSpace | None) -> tuple[str, ...]:
    if space is None:
        return ()
    rank = space.by_ratio
    place = int((rank.statistic[rank.kept] >= rank.statistic[0] * (1 - 1e-9)).sum())
    return (
        f"By RMSPE ratio (after over before, {rank.statistic[0]:.3g}) the treated unit ranks {place} of "
        f"{int(rank.kept.sum())} (p {rank.p_value:.3g}; the smallest possible is {rank.smallest:.3g}).",
    )
