"""Synthetic control: was there time enough before the start, was it matched, and could it be?"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from whatworks.arrays import Floats
from whatworks.checks.synth import reading
from whatworks.errors import DesignError
from whatworks.inference.synthetic.placebo import Placebo
from whatworks.results import CheckResult, CheckVerdict, NotAvailable, Result
from whatworks.synth.answer import SynthDetail
from whatworks.synth.convex import convex
from whatworks.synth.pool import ENOUGH_BEFORE
from whatworks.synth.problems import actual, each_as_treated

LENGTH: Final = "Length of the time before"
FIT: Final = "Fit before the start"
HULL: Final = "Convex hull"

YEAR: Final = {"month": 12, "quarter": 4}
"""Periods in a year: with fewer before the start, seasons cannot be matched."""

EXACT: Final = 1e-6
"""An RMSPE below this share of the spread of all outcomes before the start is a path matched exactly."""

WORSE: Final = 2.0
"""A pre-period RMSPE above so many times the placebos' median is a poor one."""


def pre_period_length(result: Result) -> CheckResult:
    """Was there time enough before the start to find weights that mean something?

    Args:
        result: what a method of synthetic control returned.

    Returns:
        `pass` from ten periods before the start up, and a whole year where seasons matter; `concern` below
        either; `fail` where the path is matched exactly, because weights had periods too few to be tested by:
        then the gap after the start has nothing to be compared with.

    Source: Abadie, Diamond & Hainmueller (2010), JASA 105(490), section 2.3: the bias falls with the number
    of periods before the start; Abadie (2021), Journal of Economic Literature 59(2), section 6.
    """
    detail = reading.read(result)
    if isinstance(detail, NotAvailable):
        return CheckResult(LENGTH, "not_applicable", detail.reason)
    pool, panel = detail.pool, detail.pool.panel
    before, after = int(pool.pre.sum()), int(pool.post.sum())
    donors = int(pool.donors.sum())
    table = pd.DataFrame(
        {
            "what": [f"{panel.period_word}s before", f"{panel.period_word}s after", "donors"],
            "number": [before, after, donors],
        }
    )
    counts = f"{before} {panel.period_word}s before the start, {after} from it on, and {donors} donors"
    if detail.rmspe <= EXACT * float(pool.outcome[pool.donors | pool.treated][:, pool.pre].std()):
        reason = (
            f"There are {counts}, and the path before the start is matched exactly: with so much freedom a "
            "fit says nothing, and the gap after it may be noise."
        )
        return CheckResult(
            LENGTH, "fail", reason, table, "more periods before the start left a gap to judge by"
        )
    year = YEAR.get(panel.period_kind, 0)
    if before < ENOUGH_BEFORE or before < year:
        short = "ten periods" if before < ENOUGH_BEFORE else "a whole year, so seasons cannot be matched"
        reason = f"There are {counts}: fewer than {short}. A close fit may be luck."
        return CheckResult(
            LENGTH, "concern", reason, table, f"the data began {max(ENOUGH_BEFORE, year)} before"
        )
    return CheckResult(
        LENGTH, "pass", f"There are {counts}.", table, f"fewer than {max(ENOUGH_BEFORE, year)} came before"
    )


def pre_fit(result: Result) -> CheckResult:
    """Does the synthetic path follow the treated unit's before the start?

    Its RMSPE is laid beside the spread of the treated unit's outcome, which a straight line through its own
    mean would leave, and beside the RMSPE of the placebos, which had the same pool and the same periods.

    Args:
        result: what a method of synthetic control returned.

    Returns:
        `pass` if the RMSPE is no larger than that spread and than twice the placebos' median; `concern` if it
        is larger than one of them, `fail` if larger than both.

    Source: Abadie (2021), Journal of Economic Literature 59(2), section 5: no synthetic control where the fit
    is poor. The two yardsticks are ours.
    """
    detail = reading.read(result)
    if isinstance(detail, NotAvailable):
        return CheckResult(FIT, "not_applicable", detail.reason)
    own, spread = detail.rmspe, reading.spread_before(detail.pool)
    placebos = _placebo_rmspe(detail)
    middle = float(np.median(placebos)) if len(placebos) else np.nan
    table = pd.DataFrame(
        {
            "what": ["RMSPE before", "spread of the outcome before", "median RMSPE of placebos"],
            "number": [own, spread, middle],
            "reason": ["", "", "" if len(placebos) else "no placebo could be fitted"],
        }
    )
    wide, poor = own > spread * (1 + 1e-9), own > WORSE * middle
    said = (
        f"The synthetic path misses the observed one by {own:.3g} (RMSPE), whose own spread is {spread:.3g}"
    )
    if len(placebos):
        better = int((placebos <= own).sum())
        said += (
            f", and the median of {len(placebos)} placebos is {middle:.3g} ({better} fit as well or better)"
        )
    change = f"the RMSPE were at most the spread and {WORSE:g} times the placebos' median"
    if wide and poor:
        reason = f"{said}. That is no fit: the gap after the start is as much misfit as effect."
        return CheckResult(FIT, "fail", reason, table, change)
    if wide or poor:
        than = "a straight line through its own mean would" if wide else "most placebos do"
        reason = f"{said}. It misses by more than {than}."
        return CheckResult(FIT, "concern", reason, table, change)
    return CheckResult(FIT, "pass", f"{said}.", table, "the RMSPE exceeded one of the two")


def convex_hull(result: Result) -> CheckResult:
    """Does the treated unit's path before the start lie among the donors', so that an average can reach it?

    Args:
        result: what a method of synthetic control returned.

    Returns:
        `pass` if in every period before the start some donor lies above and some below; `concern` if not in
        some of them, `fail` if not in more than half: no weights that are non-negative and sum to one reach
        it there, and a method that does extrapolates. The hull distance, in the sentence, is the RMSPE of the
        nearest average of donors.

    Source: King & Zeng (2006), Political Analysis 14(2); Abadie (2021), Journal of Economic Literature 59(2),
    section 5.
    """
    detail = reading.read(result)
    if isinstance(detail, NotAvailable):
        return CheckResult(HULL, "not_applicable", detail.reason)
    pool = detail.pool
    donors = pool.outcome[pool.donors][:, pool.pre]
    low, high, own = donors.min(axis=0), donors.max(axis=0), pool.observed[pool.pre]
    beyond = np.maximum(np.maximum(low - own, own - high), 0.0)
    outside = beyond > 1e-9 * max(float(np.abs(own).max()), 1e-300)
    distance = float(reading.rmspe(convex(actual(pool)).gaps, pool.pre)[0])
    labels = np.asarray(pool.panel.period_labels)[pool.pre]
    table = pd.DataFrame(
        {"period": labels, "treated": own, "lowest donor": low, "highest donor": high, "outside by": beyond}
    )
    count, word = int(outside.sum()), pool.panel.period_word
    # rounding of a path that is met would print another number on every platform
    met = distance <= EXACT * float(pool.outcome[pool.donors | pool.treated][:, pool.pre].std())
    away = (
        "Some average of donors meets the path before the start exactly"
        if met
        else f"The nearest average of donors misses the path before the start by {distance:.3g} (RMSPE)"
    )
    negative = "" if detail.fits.weights is None else _negative(detail)
    if not count:
        inside = f"In all {len(own)} {word}s before the start some donor lies above and some below"
        reason = f"{inside}. {away}.{negative}"
        return CheckResult(HULL, "pass", reason, table, f"a {word} lay outside the donors' range")
    at = int(beyond.argmax())
    reason = (
        f"In {count} of {len(own)} {word}s before the start the treated unit lies outside the range of all "
        f"donors, at most by {beyond[at]:.3g} ({labels[at]}). {away}.{negative}"
    )
    verdict: CheckVerdict = "fail" if 2 * count > len(own) else "concern"
    return CheckResult(
        HULL, verdict, reason, table, "donors as high and as low as the treated unit joined the pool"
    )


def _placebo_rmspe(detail: SynthDetail) -> Floats:
    """RMSPE before the start of each placebo that was run, or is run now; none where that cannot be."""
    if detail.space is not None:
        return np.asarray(detail.space.rank.before[1:])
    try:
        sets = Placebo().sets(detail.pool.donors, int(detail.pool.treated.sum()))
    except DesignError:
        return np.empty(0)
    gaps = reading.gaps(detail, each_as_treated(detail.pool, sets))
    return np.empty(0) if isinstance(gaps, NotAvailable) else reading.rmspe(gaps, detail.pool.pre)


def _negative(detail: SynthDetail) -> str:
    found = reading.weights(detail)
    if isinstance(found, NotAvailable):
        return ""
    below = float(-found[found < -1e-9].sum())
    return f" Its own weights extrapolate: those below zero sum to {below:.2f}." if below > 0 else ""
