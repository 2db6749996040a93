"""Spill-over ring: did the neighbours of treated areas change too, and does the answer rest on them?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from whatworks.arrays import Bools
from whatworks.checks import placebo_rings, readings, refits
from whatworks.checks.informative import least_seen, supported
from whatworks.checks.neighbours import Borders, adjacency
from whatworks.checks.readings import Estimator
from whatworks.errors import first_few
from whatworks.panel import NEVER, Panel
from whatworks.results import CheckResult, NotAvailable, Result

NAME = "Spill-over ring"
FAR = 2
"""With fewer comparison units that border no treated one, the ring has nothing to be compared with."""


def spillover_ring(panel: Panel, estimate: Estimator, *, neighbours: Borders | None = None) -> CheckResult:
    """Estimate the effect on the neighbours of treated units, and the main effect without them.

    The ring holds the untreated units that border a treated one. Its effect is estimated as if each had been
    treated from the earliest start next to it, the truly treated left out, against the units further away;
    the main effect again against those alone. Neighbours share shocks, which errors by unit or cluster do not
    see: where all borders are known, the ring must also stand out from rings around drawn places.

    Args:
        panel: the panel of the study.
        estimate: the study's own estimator, panel in, `Result` out.
        neighbours: from each unit to the units that border it (`panel.units` labels); None for the London
            boroughs, whose borders ship.

    Returns:
        `pass` if no effect on the ring shows; `not_informative` if none does but one that explains half of
        the main estimate (times its share of the comparison units) could have been missed; `concern` if one
        does; `fail` if one does and the main estimate leaves its interval, or turns its sign, without the
        ring. An effect shows if its interval excludes none and, where such rings can be formed, fewer than
        one in twenty rings around drawn places has one as large. `not_applicable` without borders, ring,
        estimate or error, and with fewer than two comparison units outside the ring.

    Raises:
        OptionError: borders that lack a treated unit.

    Source: the ring of displacement studies, Bowers & Johnson (2003), Journal of Quantitative Criminology
    19(3); the bias of neighbours as comparison, Clarke (2017), Munich Personal RePEc Archive 81604.
    """
    treated = readings.treated_units(panel)
    whole = readings.attempt(panel, estimate)
    if isinstance(whole, NotAvailable):
        return CheckResult(NAME, "not_applicable", f"There is no estimate: {whole.reason}.")
    borders = adjacency(panel, neighbours, treated)
    if isinstance(borders, NotAvailable):
        return CheckResult(NAME, "not_applicable", borders.reason)
    start = placebo_rings.ring_start(panel.start, borders, treated)
    ring, far = start != NEVER, ~treated & (start == NEVER)
    if not ring.any():
        return CheckResult(
            NAME,
            "not_applicable",
            f"None of the {int(far.sum())} comparison units borders a treated one, so there is no ring to "
            "look at, and no neighbour to spoil the comparison.",
        )
    if far.sum() < FAR:
        return _nothing_beyond(panel, ring, far)
    beside = readings.attempt(panel.select(ring | far).with_start(start[ring | far]), estimate)
    without = readings.attempt(panel.select(treated | far), estimate)
    place = _place(panel, estimate, beside, borders, neighbours)
    return _judge(panel, whole, beside, without, ring, far, place)


def _place(
    panel: Panel, estimate: Estimator, beside: Result | NotAvailable, borders: Bools, named: Borders | None
) -> placebo_rings.Place | None:
    """Where the ring stands among rings around drawn places; None where nobody needs or can know."""
    known = named is None or all(unit in named for unit in panel.units)
    if isinstance(beside, NotAvailable) or not readings.claims(beside.headline) or not known:
        return None
    lean = refits.thrifty(estimate, panel)
    return placebo_rings.place(panel, lean, borders, readings.effect(beside.headline))


def _nothing_beyond(panel: Panel, ring: Bools, far: Bools) -> CheckResult:
    most = "All" if not far.any() else "All but one"
    table = pd.DataFrame({"group": ["ring", "further away"], "units": [int(ring.sum()), int(far.sum())]})
    return CheckResult(
        NAME,
        "not_applicable",
        f"{most} of the {int((ring | far).sum())} comparison units border a treated one "
        f"({first_few(panel.units[i] for i in np.flatnonzero(ring))}). If treatment reached them, or crime "
        "moved to them, the estimate is off by as much, and nothing in these data can show it.",
        table,
        f"at least {FAR} comparison units lay away from the treated ones",
    )


def _judge(
    panel: Panel,
    whole: Result,
    beside: Result | NotAvailable,
    without: Result | NotAvailable,
    ring: Bools,
    far: Bools,
    place: placebo_rings.Place | None,
) -> CheckResult:
    table = _table(panel, (whole, without, beside), ring, far)
    if isinstance(beside, NotAvailable) or isinstance(without, NotAvailable):
        missing = beside if isinstance(beside, NotAvailable) else without
        return CheckResult(
            NAME, "not_applicable", f"The ring could not be estimated: {missing}".rstrip(".") + ".", table
        )
    names = first_few(panel.units[i] for i in np.flatnonzero(ring))
    words = f"On the {int(ring.sum())} neighbours ({names}) the effect is {readings.phrase(beside)}"
    if not readings.has_interval(beside.headline) or not readings.has_interval(whole.headline):
        reason = f"{words}; there is no interval to judge that by."
        return CheckResult(NAME, "not_applicable", reason, table, "more than one unit were on each side")
    reached = readings.claims(beside.headline) and (place is None or place.stands_out)
    moved = _moved(whole, without)
    main = (
        f"without them as comparison the main estimate is {readings.phrase(without)} instead of "
        f"{readings.phrase(whole)}{', outside its interval' if moved else ''}."
    )
    if ring.sum() > far.sum():
        main += f" Most comparison units ({int(ring.sum())} of {int((ring | far).sum())}) are neighbours."
    told = "" if place is None else f" {place.sentence}"
    found = _verdict(f"{words}: {_direction(whole, beside, reached)}; {main}{told}", reached, moved, table)
    share = ring.sum() / (ring | far).sum()
    seen = least_seen(*readings.ends(beside.headline), beside.headline.level) * float(share)
    return supported(found, seen, readings.effect(whole.headline), like=whole.headline)


def _table(panel: Panel, found: tuple[Result | NotAvailable, ...], ring: Bools, far: Bools) -> pd.DataFrame:
    treated = int(readings.treated_units(panel).sum())
    rows = (
        ("effect on the treated, all comparison units", treated, ring | far),
        ("effect on the treated, neighbours left out", treated, far),
        ("effect on the neighbours", int(ring.sum()), far),
    )
    return pd.DataFrame(
        [
            {"what": what, "units": n, "comparison units": int(side.sum()), **readings.columns(one)}
            for (what, n, side), one in zip(rows, found, strict=True)
        ]
    )


def _verdict(reason: str, reached: bool, moved: bool, table: pd.DataFrame) -> CheckResult:
    if reached and moved:
        change = "the neighbours showed no effect, or the estimate stood without them"
        return CheckResult(NAME, "fail", reason, table, change)
    if reached:
        return CheckResult(NAME, "concern", reason, table, "no effect showed on the neighbours")
    return CheckResult(NAME, "pass", reason, table, "an effect showed on the neighbours")


def _moved(whole: Result, without: Result) -> bool:
    """Whether each of the two lies outside the other's interval, or the sign turns: half the units differ."""
    outside = [
        not low <= readings.effect(other.headline) <= high
        for (low, high), other in (
            (readings.ends(whole.headline), without),
            (readings.ends(without.headline), whole),
        )
    ]
    turned = readings.effect(whole.headline) * readings.effect(without.headline) < 0
    return all(outside) or (readings.claims(whole.headline) and turned and outside[1])


def _direction(whole: Result, beside: Result, reached: bool) -> str:
    if readings.claims(beside.headline) and not reached:
        return "more than errors by unit explain, but no more than neighbours that share shocks do"
    if not reached:
        return "no spill-over shows, though the interval says how much there could be"
    if not readings.claims(whole.headline):
        return "they changed although no effect on the treated shows"
    if readings.effect(whole.headline) * readings.effect(beside.headline) > 0:
        return "the effect reached them as well (diffusion), so with them as comparison it is understated"
    return "they moved the other way (displacement), so with them as comparison the effect is overstated"
