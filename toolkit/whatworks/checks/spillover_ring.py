"""Spill-over ring: did the neighbours of treated areas change too, and does the answer rest on them?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from whatworks.checks import readings
from whatworks.checks.neighbours import Borders, adjacency
from whatworks.checks.readings import Bools, Estimator, Ints
from whatworks.errors import first_few
from whatworks.panel import NEVER, Panel
from whatworks.results import CheckResult, NotAvailable, Result

NAME = "Spill-over ring"
FAR = 2
"""With fewer comparison units that border no treated one, the ring has nothing to be compared with."""


def spillover_ring(panel: Panel, estimate: Estimator, *, neighbours: Borders | None = None) -> CheckResult:
    """Estimate the effect on the neighbours of treated units, and the main effect without them.

    The ring holds the untreated units that border a treated one. Its effect is estimated as if each had been
    treated from the earliest start next to it, the truly treated left out, against the units further away.
    The main effect is estimated again against those units alone.

    Args:
        panel: the panel of the study.
        estimate: the study's own estimator, panel in, `Result` out.
        neighbours: from each unit to the units that border it (`panel.units` labels); None for the London
            boroughs, whose borders ship.

    Returns:
        `pass` if no effect on the ring shows and the main estimate stays inside its interval without it;
        `concern` if an effect on the ring shows, or the main estimate leaves its interval, or fewer than two
        comparison units lie outside the ring; `fail` if an effect on the ring shows and the main estimate
        also leaves its interval or turns its sign. `not_applicable` without borders, ring, estimate or error.

    Raises:
        OptionError: borders that lack a treated unit.

    Source: the ring of displacement studies, Bowers & Johnson (2003), Journal of Quantitative Criminology
    19(3); the bias of neighbours as comparison, Clarke (2017), "Estimating difference-in-differences in the
    presence of spillovers", Munich Personal RePEc Archive 81604.
    """
    treated = readings.treated_units(panel)
    whole = readings.attempt(panel, estimate)
    if isinstance(whole, NotAvailable):
        return CheckResult(NAME, "not_applicable", f"There is no estimate: {whole.reason}.")
    borders = adjacency(panel, neighbours, treated)
    if isinstance(borders, NotAvailable):
        return CheckResult(NAME, "not_applicable", borders.reason)
    start = _ring_start(panel, borders, treated)
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
    return _judge(panel, whole, beside, without, ring, far)


def _ring_start(panel: Panel, borders: Bools, treated: Bools) -> Ints:
    """(N,) the earliest start among treated neighbours; `NEVER` for treated units and those without any."""
    near = np.where(borders & treated[None, :], panel.start[None, :], NEVER).min(axis=1)
    return np.where(treated, NEVER, near)


def _nothing_beyond(panel: Panel, ring: Bools, far: Bools) -> CheckResult:
    most = "All" if not far.any() else "All but one"
    table = pd.DataFrame({"group": ["ring", "further away"], "units": [int(ring.sum()), int(far.sum())]})
    return CheckResult(
        NAME,
        "concern",
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
) -> CheckResult:
    treated = int(readings.treated_units(panel).sum())
    rows = (
        ("effect on the treated, all comparison units", treated, ring | far, whole),
        ("effect on the treated, neighbours left out", treated, far, without),
        ("effect on the neighbours", int(ring.sum()), far, beside),
    )
    table = pd.DataFrame(
        [
            {"what": what, "units": n, "comparison units": int(side.sum()), **readings.columns(found)}
            for what, n, side, found in rows
        ]
    )
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
    reached = readings.claims(beside.headline)
    moved = _moved(whole, without)
    main = (
        f"without them as comparison the main estimate is {readings.phrase(without)} instead of "
        f"{readings.phrase(whole)}{', outside its interval' if moved else ''}."
    )
    if ring.sum() > far.sum():
        main += f" Most comparison units ({int(ring.sum())} of {int((ring | far).sum())}) are neighbours."
    return _verdict(f"{words}: {_direction(whole, beside)}; {main}", reached, moved, table)


def _verdict(reason: str, reached: bool, moved: bool, table: pd.DataFrame) -> CheckResult:
    if reached and moved:
        change = "the neighbours showed no effect, or the estimate stood without them"
        return CheckResult(NAME, "fail", reason, table, change)
    if reached or moved:
        change = "no effect showed on the neighbours and the estimate stayed inside its interval without them"
        return CheckResult(NAME, "concern", reason, table, change)
    change = "an effect showed on the neighbours, or the estimate left its interval without them"
    return CheckResult(NAME, "pass", reason, table, change)


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


def _direction(whole: Result, beside: Result) -> str:
    if not readings.claims(beside.headline):
        return "no spill-over shows, though the interval says how much there could be"
    if not readings.claims(whole.headline):
        return "they changed although no effect on the treated shows"
    if readings.effect(whole.headline) * readings.effect(beside.headline) > 0:
        return "the effect reached them as well (diffusion), so with them as comparison it is understated"
    return "they moved the other way (displacement), so with them as comparison the effect is overstated"
