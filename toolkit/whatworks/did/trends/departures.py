"""Would the finding survive trends that were not parallel? Bounds on blocks that the covariance can carry."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from whatworks.did.trends.event_times import EventTimes, event_time_covariance
from whatworks.did.trends.honest import Honest, honest
from whatworks.did.trends.pretrend_power import PretrendPower, pretrend_power
from whatworks.errors import WhatworksError
from whatworks.inference.default import MANY_CLUSTERS
from whatworks.inference.draws import check_level
from whatworks.results import NotAvailable, Result

WHERE = "did.departures"

SHARE: Final = 0.5
"""At most so many event times a cluster: the covariance of J of them over C clusters is singular from
J = C on at the latest, and poorly known long before."""

MOST: Final = 12
"""No more event times than this, however many the clusters: trends, not single months, are at stake."""

_WIDTHS: Final = {"month": (1, 3, 6, 12, 24, 36), "quarter": (1, 2, 4, 8, 12)}
_ANY: Final = (1, 2, 3, 4, 5, 10, 20)

Window = tuple[int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Departures:
    """What is left of a finding when trends are not parallel.

    Attributes:
        bounds: honest bounds under relative magnitudes, or why there are none.
        power: the slope that a test of the leads would notice, or why that is not known.
        width: periods in one block.
        window: first and last event time used, None for all.
        answer: how large a departure the finding would survive, for a reader who is no statistician.
        basis: the blocks, and the effect they give; empty where there are no bounds.
        caveat: what few clusters do to the covariance; empty with many.
        drift: the slope a test of the leads would notice, and what it would look like; empty without one.
    """

    bounds: Honest | NotAvailable
    power: PretrendPower | NotAvailable
    width: int
    window: Window | None
    answer: str
    basis: str
    caveat: str
    drift: str

    @property
    def sentences(self) -> tuple[str, ...]:
        """All that was found, the answer first."""
        return tuple(text for text in (self.answer, self.basis, self.caveat, self.drift) if text)


def departures(result: Result | NotAvailable, *, period: str = "period", level: float = 0.95) -> Departures:
    """Honest bounds and the power of the pre-trends test, on the finest blocks of event times that allow it.

    With more event times than half the clusters, or than 12, they are pooled in blocks (3, 6, 12, 24 or 36
    months), the shortest that bring their number down to that; where none does, far leads are left out too. A
    design that cannot carry such a statement gives `NotAvailable` parts instead of an error, so that a
    report shows the reason.

    Args:
        result: effects by event time, as for `did.honest`, or why there are none.
        period: the word for one period, which settles the blocks that are tried (`month`, `quarter`).
        level: coverage of the intervals.

    Raises:
        OptionError: a level outside (0, 1).

    Source: Rambachan & Roth (2023), Review of Economic Studies 90(5), relative magnitudes; Roth (2022),
    American Economic Review: Insights 4(3).
    """
    level = check_level(level)
    if isinstance(result, NotAvailable):
        return _nothing(result.reason)
    try:
        found = event_time_covariance(result, where=WHERE)
        width, window = _blocks(found, _WIDTHS.get(period, _ANY))
        bounds = honest(result, window=window, pool=width, level=level)
        power = pretrend_power(result, window=window, pool=width, level=level)
    except WhatworksError as problem:
        return _nothing(problem.what)
    return Departures(
        bounds,
        power,
        width,
        window,
        answer=_survives(bounds),
        basis=_basis(bounds, window, width, period),
        caveat=_caveat(found),
        drift=_drift(power, period),
    )


def _nothing(reason: str) -> Departures:
    missing = NotAvailable(reason)
    said = f"How far trends may have been from parallel cannot be said here: {reason}."
    return Departures(missing, missing, 1, None, said, "", "", "")


def _blocks(found: EventTimes, widths: tuple[int, ...]) -> tuple[int, Window | None]:
    """The width of a block and the window; every single event time where nothing coarser would help."""
    return next(_fitting(found, widths), (1, None))


def _fitting(found: EventTimes, widths: tuple[int, ...]) -> Iterator[tuple[int, Window | None]]:
    """What the clusters can carry, finest first: all event times, else the leads nearest to the start."""
    most = min(int(found.n_clusters * SHARE), MOST)
    after, before = int(found.after.sum()), int((~found.after).sum()) + 1
    # the reference block is none of the leads
    counted = [(w, before // w - 1, after // w) for w in widths]
    possible = [(w, leads, lags) for w, leads, lags in counted if leads >= 1 and lags >= 1]
    yield from ((w, None) for w, leads, lags in possible if leads + lags <= most)
    for w, _, lags in possible:
        if lags < most:
            first = found.reference + 1 - w * (most - lags + 1)
            yield w, (first, int(found.times[-1]))


def _survives(bounds: Honest) -> str:
    if isinstance(bounds.breakdown, NotAvailable):
        top = float(bounds.table["m"].iloc[-1])
        return (
            f"The finding would survive departures from parallel trends up to at least {top:.2g} times the "
            "largest seen before the start."
        )
    if bounds.breakdown == 0:
        return (
            "Departures from parallel trends have no finding to undo here: the interval includes zero even "
            "if trends were parallel."
        )
    return (
        f"The finding would survive departures from parallel trends up to {bounds.breakdown:.2g} times the "
        "largest seen before the start."
    )


def _basis(bounds: Honest, window: Window | None, width: int, period: str) -> str:
    leads, lags = sum(e < 0 for e in bounds.event_times) + 1, sum(e >= 0 for e in bounds.event_times)
    block = f"blocks of {width} {period}s" if width > 1 else f"single {period}s"
    only = f", from event time {window[0]} on" if window is not None else ""
    return (
        f"Measured in {block} ({leads} before the start, {lags} after it{only}), the average effect against "
        f"the last one before the start is {bounds.estimate:.3g}, {bounds.level:.0%} interval "
        f"{bounds.low:.3g} to {bounds.high:.3g} if trends were parallel."
    )


def _caveat(found: EventTimes) -> str:
    if found.n_clusters >= MANY_CLUSTERS:
        return ""
    return (
        f"The bounds take the covariance of these effects as known ({found.sentence}); with fewer than "
        f"{MANY_CLUSTERS} clusters that is an approximation, and the intervals tend to be too short."
    )


def _drift(power: PretrendPower, period: str) -> str:
    low, high = power.table.iloc[0], power.table.iloc[-1]
    return (
        f"A test of the time before the start would notice a steady drift of {low['slope']:.2g} a {period} "
        f"with probability {low['power']:.0%} and one of {high['slope']:.2g} with probability "
        f"{high['power']:.0%}; the latter by itself would look like an effect of {high['bias']:.2g}."
    )
