"""Rows among the units that are totals or averages of other units, told by their numbers or their name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from whatworks.arrays import Bools, Floats, Ints
from whatworks.errors import PanelError, first_few

_NAMED: Final = re.compile(
    r"\b((grand|sub)?[- ]?totals?|sum|overall|averages?|mean|median|aggregate)\b|^all( |$)|^(summe|gesamt)$",
    re.IGNORECASE,
)
_BITS: Final = 12.0
"""Agreement rarer than 1 in 2**12, after every set looked at, is no chance."""
_CLUSTERS: Final = 50
_LISTED: Final = 150
_RUN: Final = 100
"""Bounds on the search: clusters, units for which clusters and runs are tried, units in a run."""
_WHOLE_OF_LONDON: Final = frozenset(
    (
        *("london", "greater london", "inner london", "outer london", "mps", "met police"),
        *("metropolitan police", "metropolitan police service", "met", "e12000007", "e13000001", "e13000002"),
    )
)
_INSIDE_LONDON: Final = re.compile(
    r"camden|hackney|lambeth|croydon|barnet|newham|ealing|e09\d{6}", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class _Rows:
    """The outcomes (N, T) as written, the rounding step of each (N,), and how far units go their own way."""

    values: Floats
    steps: Floats
    own: float

    @property
    def counts(self) -> bool:
        """Whether all are whole numbers, which nobody rounded."""
        return bool((self.steps == 1).all())

    def slack(self, unit: int | None, parts: int, *, mean: bool) -> float:
        """How far a total (or mean) of rounded parts may lie from what is written for the unit (or any)."""
        exact = 1e-9 * float(np.abs(self.values).max())
        if self.counts and not mean:
            return exact
        rounded = float(self.steps.max() if unit is None else self.steps[unit]) / 2
        part = 0.0 if self.counts else float(np.median(self.steps)) / 2
        return exact + rounded + part * (1 if mean else parts)

    def bits(self, unit: int, slack: float) -> float:
        """How hard it is to agree so closely by chance.

        Units that never part, a unit that never moves, and periods in which all are alike prove nothing.
        """
        own = min(self.own, float(self.values[unit].std()))
        telling = int((np.ptp(self.values, axis=0) > 4 * slack).sum())
        return telling * float(np.log2(1 + own / (2 * slack + (1.0 if self.counts else 0.0))))


def refuse(units: tuple[str, ...], outcome: Floats, order: Ints, cluster: Ints | None, where: str) -> None:
    """Raise `PanelError` for a unit that is the total or the average of others, or is named as one.

    `outcome` is (N, T); `order` gives the units as the table lists them, since a sub-total stands next to
    its parts. A unit is told by its numbers where it equals, in every period and within rounding, the sum or
    the mean of all other units, of its cluster's others, of any cluster, or of a run of units beside it, and
    chance cannot explain that; and by its name where that says so.
    """
    found = [*_by_number(outcome, order, cluster, units), *_by_name(units)]
    if found:
        raise PanelError(
            "among the units are totals or averages: "
            f"{first_few(f'{units[unit]!r} {why}' for unit, why in _first_reasons(found))}",
            where=where,
            remedy="A total or an average holds the treated units too and compares them with themselves: "
            "leave its rows out. A unit that only bears such a name needs another name.",
        )


def _first_reasons(found: list[tuple[int, str]]) -> list[tuple[int, str]]:
    reasons: dict[int, str] = {}
    for unit, why in found:
        reasons.setdefault(unit, why)
    return list(reasons.items())


def _by_name(units: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    boroughs = sum(bool(_INSIDE_LONDON.fullmatch(unit.strip())) for unit in units)
    for i, unit in enumerate(units if len(units) > 2 else ()):
        if _NAMED.search(unit):
            yield i, "is named as a total or an average"
        elif boroughs > 1 and unit.strip().casefold() in _WHOLE_OF_LONDON:
            yield i, "holds the boroughs that stand beside it"


def _by_number(
    outcome: Floats, order: Ints, cluster: Ints | None, units: tuple[str, ...]
) -> Iterator[tuple[int, str]]:
    complete = ~np.isnan(outcome).any(axis=0)
    values = outcome[:, complete]
    if values.shape[0] < 3 or values.shape[1] < 3 or not values.any():
        return
    rows = _Rows(values, _written(values), _own_ways(values))
    known: Bools = np.zeros(len(values), dtype=bool)
    # a total of totals shows once the sub-totals are set aside
    for _ in range(3):
        fresh = [
            (unit, why) for unit, why in _candidates(rows, order, cluster, units, known) if not known[unit]
        ]
        if not fresh:
            return
        known[[unit for unit, _ in fresh]] = True
        yield from fresh


def _written(values: Floats) -> Floats:
    """The rounding step of each row as written: 1 for whole numbers, 0.01 for two decimals, 0 for none."""
    steps = np.zeros(len(values))
    for digits in range(9, -1, -1):
        scaled = values * 10.0**digits
        even = np.abs(scaled - np.round(scaled)) <= 1e-6 + 1e-12 * np.abs(scaled)
        steps[even.all(axis=1)] = 10.0**-digits
    return steps


def _own_ways(values: Floats) -> float:
    """The usual size of what is left of a unit without its own level and what all share (median of units)."""
    left = values - values.mean(axis=1, keepdims=True) - values.mean(axis=0) + values.mean()
    return float(np.median(np.sqrt((left**2).mean(axis=1))))


def _candidates(
    rows: _Rows, order: Ints, cluster: Ints | None, units: tuple[str, ...], known: Bools
) -> Iterator[tuple[int, str]]:
    listed = order[~known[order]]
    yield from _of_all(rows, listed)
    if cluster is not None:
        yield from _of_clusters(rows, listed, cluster)
    yield from _of_neighbours(rows, listed, units)


def _agrees(rows: _Rows, total: Floats, parts: int, unit: int, tried: int) -> str:
    """`the sum`, `the mean` or nothing: what the unit is of parts that add up to `total` (T,)."""
    needed = _BITS + np.log2(max(tried, 1))
    written = rows.values[unit]
    if not written.any():
        return ""
    for mean in (False, True):
        slack = rows.slack(unit, parts, mean=mean)
        close = np.abs(written - (total / parts if mean else total)).max() <= slack
        if parts > 1 and close and rows.bits(unit, slack) > needed:
            return "the mean" if mean else "the sum"
    return ""


def _near(rows: _Rows, own: Floats | float, rest: Floats | float, parts: Ints | int) -> Bools:
    """Where the sum over all periods leaves a total or a mean possible: a cheap look before the exact one."""
    reach = rows.slack(None, int(np.max(parts)), mean=False) * rows.values.shape[1]
    averaged = rows.slack(None, 1, mean=True) * rows.values.shape[1]
    near: Bools = (np.abs(rest - own) <= reach) | (np.abs(rest / np.maximum(parts, 1) - own) <= averaged)
    return near


def _of_all(rows: _Rows, listed: Ints) -> Iterator[tuple[int, str]]:
    whole, own, parts = rows.values[listed].sum(axis=0), rows.values[listed].sum(axis=1), len(listed) - 1
    for unit in listed[_near(rows, own, whole.sum() - own, parts)]:
        what = _agrees(rows, whole - rows.values[unit], parts, int(unit), 2 * len(listed))
        if what:
            yield int(unit), f"is {what} of all others in every period"


def _of_clusters(rows: _Rows, listed: Ints, cluster: Ints) -> Iterator[tuple[int, str]]:
    codes, own = np.unique(cluster[listed]), rows.values[listed].sum(axis=1)
    for code in codes if len(codes) <= _CLUSTERS and len(listed) <= _LISTED else ():
        inside = cluster[listed] == code
        total = rows.values[listed[inside]].sum(axis=0)
        rest, parts = total.sum() - own * inside, inside.sum() - inside
        for i in np.flatnonzero(_near(rows, own, rest, parts) & (parts > 1)):
            unit, count = int(listed[i]), int(parts[i])
            others = total - rows.values[unit] * inside[i]
            what = _agrees(rows, others, count, unit, 2 * len(listed) * len(codes))
            if what:
                yield unit, f"is {what} of {count} units of one cluster in every period"


def _of_neighbours(rows: _Rows, listed: Ints, units: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    """A unit against the runs that end just before it, and those that begin just after it."""
    for side in (listed, listed[::-1]) if len(listed) <= _LISTED else ():
        values = rows.values[side]
        running = np.vstack([np.zeros(values.shape[1]), np.cumsum(values, axis=0)])
        grand = running.sum(axis=1)
        for i in range(2, len(side)):
            begins = np.arange(max(0, i - _RUN), i - 1)
            near = _near(rows, float(values[i].sum()), grand[i] - grand[begins], i - begins)
            for j in begins[near]:
                count = int(i - j)
                what = _agrees(rows, running[i] - running[j], count, int(side[i]), 2 * len(side) * _RUN)
                if what:
                    ends = f"{units[int(side[j])]} to {units[int(side[i - 1])]}"
                    yield int(side[i]), f"is {what} of the {count} units from {ends} in every period"
                    break
