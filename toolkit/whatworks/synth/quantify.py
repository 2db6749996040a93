"""How sure: each inference object asks the fit again in its own way."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from whatworks.arrays import Bools, Floats, Ints
from whatworks.errors import OptionError
from whatworks.inference.errors.correction import NORMAL
from whatworks.inference.errors.jackknife import Jackknife
from whatworks.inference.intervals import smallest_detectable
from whatworks.inference.synthetic.conformal import Conformal
from whatworks.inference.synthetic.jackknife_plus import JackknifePlus
from whatworks.inference.synthetic.placebo import Placebo
from whatworks.inference.synthetic.placebo_error import PlaceboError
from whatworks.inference.synthetic.prediction import PredictionIntervals
from whatworks.inference.synthetic.unit_bootstrap import UnitBootstrap
from whatworks.inference.uncertainty import Uncertainty
from whatworks.results import NotAvailable, Number
from whatworks.synth.by_units import Reweighted, drawn, left_out
from whatworks.synth.convex import convex
from whatworks.synth.pool import Pool
from whatworks.synth.predicted import predicted
from whatworks.synth.problems import Fit, Fits, repeated
from whatworks.synth.space import InSpace, in_space

Inference = (
    Placebo
    | PlaceboError
    | Conformal
    | JackknifePlus
    | PredictionIntervals
    | Jackknife
    | UnitBootstrap
    | None
)


@dataclass(frozen=True, slots=True, eq=False)
class Quantified:
    """Uncertainty of the mean effect and of each period's, and what was found beside it.

    Attributes:
        found: 1 + P estimates, the mean effect first.
        mde: smallest effect found four times in five.
        seed: where random draws were made.
        space: placebos in space, where they were run.
    """

    found: Uncertainty
    mde: Number
    seed: int | None = None
    space: InSpace | None = None


def quantify(
    pool: Pool, fit: Fit, fits: Fits, inference: Inference, *, level: float, where: str
) -> Quantified:
    """The uncertainty of a path of gaps; raises `OptionError` for an object that cannot give it."""
    if isinstance(inference, Placebo):
        return _placebo(pool, fit, fits, inference, level)
    if isinstance(inference, Conformal):
        return _conformal(pool, fit, fits, inference, level)
    if isinstance(inference, JackknifePlus):
        return _jackknife_plus(pool, fit, fits, inference, level)
    if isinstance(inference, PlaceboError):
        return _placebo_error(pool, fit, fits, inference, level)
    if isinstance(inference, PredictionIntervals):
        return _prediction(pool, fit, fits, inference, level, where)
    able: object = fit
    if isinstance(inference, Jackknife | UnitBootstrap) and isinstance(able, Reweighted):
        return _by_units(pool, able, fits, inference, level)
    raise OptionError(
        f"inference={inference!r} does not apply here",
        where=where,
        remedy="Use Placebo(), PlaceboError(), Conformal() or JackknifePlus(), or leave it out for the "
        "default; PredictionIntervals() goes with synth.classic on outcomes alone, Jackknife() and "
        "UnitBootstrap() with synth.synthdid.",
    )


def means(post: Bools, gaps: Floats) -> Floats:
    """(B, 1 + P): the mean gap over the periods `post`, and each of those gaps."""
    after = gaps[:, post]
    return np.concatenate([after.mean(axis=1, keepdims=True), after], axis=1)


def terms(pool: Pool) -> Bools:
    """(1 + P, T) periods that each of those estimates is about."""
    return np.concatenate([pool.post[None], np.eye(len(pool.post), dtype=bool)[pool.post]])


def _placebo(pool: Pool, fit: Fit, fits: Fits, inference: Placebo, level: float) -> Quantified:
    space = in_space(pool, fit, inference, level=level, fitted=fits)
    mde = inference.smallest_detectable(
        space.gaps, pool.pre, pool.post, level=level, none_below=space.none_below
    )
    return Quantified(space.found, mde, inference.seed if len(space.sets) == inference.draws else None, space)


def _placebo_error(pool: Pool, fit: Fit, fits: Fits, inference: PlaceboError, level: float) -> Quantified:
    space = in_space(pool, fit, inference.ranking, level=level, fitted=fits)
    every = means(pool.post, space.gaps)
    found = inference.test(every[0], every[1:], level=level)
    return Quantified(
        found, detectable(found), inference.seed if len(space.sets) == inference.draws else None, space
    )


def _by_units(
    pool: Pool, fit: Reweighted, fits: Fits, inference: Jackknife | UnitBootstrap, level: float
) -> Quantified:
    """Errors from leaving out or drawing units, treated ones included."""
    value = means(pool.post, fits.gaps)[0]
    if isinstance(inference, Jackknife):
        without = left_out(pool, fit, fits, np.asarray(pool.treated | pool.donors))
        found = inference.from_left_out(value, means(pool.post, without), level=level)
        return Quantified(found, detectable(found))
    copies = inference.copies(pool.treated, pool.donors)
    found = inference.test(
        value, means(pool.post, fit.resampled(drawn(pool, copies), copies).gaps), level=level
    )
    return Quantified(found, detectable(found), inference.seed)


def detectable(found: Uncertainty) -> Number:
    """Smallest effect found four times in five, for a first estimate with a normal interval."""
    error = float(found.std_error[0])
    known = error if np.isfinite(error) else NotAvailable(found.reason[0])
    return smallest_detectable(known, NORMAL, found.level)


def _conformal(pool: Pool, fit: Fit, fits: Fits, inference: Conformal, level: float) -> Quantified:
    after = terms(pool)

    def refit(which: Ints, effects: Floats) -> Floats:
        here = after[which]
        asked = repeated(pool, len(which))
        return fit(replace(asked, pre=pool.pre | here, shift=effects[:, None] * here)).gaps

    found = inference.test(
        refit,
        pool.pre | after,
        means(pool.post, fits.gaps)[0],
        after,
        scale=_ordinary(pool, fits),
        level=level,
    )
    return Quantified(
        found, _half_width(found), inference.seed if inference.permutations == "random" else None
    )


def _jackknife_plus(pool: Pool, fit: Fit, fits: Fits, inference: JackknifePlus, level: float) -> Quantified:
    before = np.flatnonzero(pool.pre)
    asked = repeated(pool, len(before))
    pre = asked.pre.copy()
    pre[np.arange(len(before)), before] = False
    again = fit(replace(asked, pre=pre))
    errors = np.abs(again.gaps[np.arange(len(before)), before])
    found = inference.test(means(pool.post, fits.gaps)[0], means(pool.post, again.gaps), errors, level=level)
    return Quantified(found, _half_width(found))


def _prediction(
    pool: Pool, fit: Fit, fits: Fits, inference: PredictionIntervals, level: float, where: str
) -> Quantified:
    """Intervals from the fit's own programme around its answer; only that of `convex` is known here."""
    if fit is not convex:
        raise OptionError(
            "PredictionIntervals() does not apply here: it follows the programme of weights that match the "
            "outcome path alone",
            where=where,
            remedy="Use it with synth.classic without predictors, or use Conformal() here, which needs no "
            "such programme.",
        )
    found = predicted(pool, fits, inference, terms(pool), level=level)
    return Quantified(found, _half_width(found), inference.seed)


def _ordinary(pool: Pool, fits: Fits) -> float:
    """Size of an ordinary gap: RMSPE before the start, or where that is 0 a share of the spread."""
    rmspe = float(np.sqrt((fits.gaps[0, pool.pre] ** 2).mean()))
    return max(rmspe, 1e-3 * float(pool.outcome[pool.donors | pool.treated].std()), 1e-12)


def _half_width(found: Uncertainty) -> Number:
    half = (found.high[0] - found.low[0]) / 2
    return (
        NotAvailable("the interval is not bounded, so no effect is certain to be found")
        if not np.isfinite(half)
        else NotAvailable(
            f"this inference has no model of chance; its interval reaches {half:.4g} to either side, and "
            "smaller effects cannot be told from none"
        )
    )
