"""Averages of group-time effects: which cells, with which weights, and the noise in those weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from whatworks.arrays import Bools, Floats, Ints
from whatworks.did.group_time.effects import GroupTime
from whatworks.errors import OptionError

By = Literal["overall", "event_time", "cohort", "period"]


@dataclass(frozen=True, slots=True, eq=False)
class Averages:
    """k weighted averages of cells.

    Attributes:
        weights: (k, C) weight of each cell.
        tilt: (k, K) what a unit of weight w in cohort g adds to the influence of the average because the
            cohorts' shares are themselves estimated: w × tilt[g].
        strata: (C,) labels within which the cohorts' sizes share out a weight that does not depend on them;
            None where all cells are one.
    """

    weights: Floats
    tilt: Floats
    strata: Ints | None = None

    def mean(self, strata: Ints) -> Averages:
        """The equally weighted mean of the k averages, as one average; each is one of the `strata` (C,)."""
        return Averages(
            self.weights.mean(axis=0, keepdims=True), self.tilt.mean(axis=0, keepdims=True), strata
        )

    def value(self, detail: GroupTime) -> Floats:
        """(k,) the averages."""
        return self.weights @ np.nan_to_num(detail.att)

    def contributions(self, detail: GroupTime) -> Floats:
        """(N, k) influence contributions, those of estimated shares included."""
        out = detail.influence.combine(self.weights)
        inside = detail.cohort_of_unit >= 0
        out[inside] += detail.weight[inside, None] * self.tilt[:, detail.cohort_of_unit[inside]].T
        return out


@dataclass(frozen=True, slots=True, eq=False)
class Summary:
    """What an aggregation reports: its overall number and its terms.

    `keys` are the event times, cohorts or periods of the terms, as numbers; empty for `overall`.
    """

    by: By
    overall: Averages
    terms: Averages
    keys: Ints


def usable(detail: GroupTime, first: int | None, last: int | None) -> Bools:
    """(C,) cells with an effect, inside the window of event times."""
    e = detail.event_time
    keep = np.isfinite(detail.att)
    if first is not None:
        keep &= e >= first
    if last is not None:
        keep &= e <= last
    return keep


def by_size(detail: GroupTime, masks: Bools) -> Averages:
    """Averages of the cells of each (k, C) mask, each cell weighted by the size of its cohort.

    Source: Callaway & Sant'Anna (2021), Table 1; the noise in the estimated shares as `wif` in R's did 2.5.1.
    """
    weights = masks * detail.share
    total = weights.sum(axis=1, keepdims=True)
    weights = weights / total
    att = np.nan_to_num(detail.att)
    gap = np.where(masks, att[None, :] - (weights @ att)[:, None], 0.0)
    member = detail.cells.cohort[:, None] == detail.cohorts[None, :]
    return Averages(weights, (gap @ member) / total)


def summarise(detail: GroupTime, by: By, first: int | None, last: int | None, balance: int | None) -> Summary:
    """The cells and weights of one kind of aggregation.

    Overall numbers: `overall` weights every cell after the start by the size of its cohort; `event_time` is
    the equal mean of event times from 0; `cohort` weights each cohort's mean over time by its size; `period`
    is the equal mean of periods.

    Raises:
        OptionError: a window or balance that leaves nothing.
    """
    keep = usable(detail, first, last)
    if by == "event_time":
        return _by_event_time(detail, keep, balance)
    if balance is not None:
        raise OptionError(
            f"balance={balance} applies to event times only",
            where=f"did.aggregate, by={by!r}",
            remedy='Leave it out, or use by="event_time".',
        )
    keep &= detail.post
    _refuse_empty(keep, detail, first, last)
    if by == "overall":
        overall = by_size(detail, keep[None, :])
        return Summary(by, overall, overall, np.empty(0, dtype=np.int64))
    if by == "period":
        keys = np.unique(detail.period[keep])
        terms = by_size(detail, keep & (detail.period == keys[:, None]))
        return Summary(by, terms.mean(detail.period), terms, keys)
    return _by_cohort(detail, keep)


def _by_event_time(detail: GroupTime, keep: Bools, balance: int | None) -> Summary:
    e = detail.event_time
    periods = detail.panel.periods
    if balance is not None:
        last = int(periods[detail.cells.horizon])
        keep &= last - detail.cells.cohort >= balance
        keep &= (e <= balance) & (e >= balance - last + int(periods[0]))
    _refuse_empty(keep, detail, None, None)
    keys = np.unique(e[keep])
    terms = by_size(detail, keep & (e == keys[:, None]))
    after = keys >= 0
    overall = _nothing(detail)
    if after.any():
        overall = Averages(terms.weights[after], terms.tilt[after]).mean(e)
    return Summary("event_time", overall, terms, keys)


def _by_cohort(detail: GroupTime, keep: Bools) -> Summary:
    keys = np.unique(detail.cells.cohort[keep])
    masks = keep & (detail.cells.cohort == keys[:, None])
    weights = masks / masks.sum(axis=1, keepdims=True)
    terms = Averages(weights, np.zeros((len(keys), len(detail.cohorts))))
    at = np.searchsorted(detail.cohorts, keys)
    size = detail.cohort_weight[at]
    means = terms.value(detail)
    share = size / size.sum()
    tilt = np.zeros((1, len(detail.cohorts)))
    tilt[0, at] = (means - share @ means) / size.sum()
    return Summary("cohort", Averages((share @ weights)[None, :], tilt), terms, keys)


def _nothing(detail: GroupTime) -> Averages:
    return Averages(np.zeros((1, len(detail.att))), np.zeros((1, len(detail.cohorts))))


def _refuse_empty(keep: Bools, detail: GroupTime, first: int | None, last: int | None) -> None:
    if keep.any():
        return
    e = detail.event_time[np.isfinite(detail.att)]
    have = f"from {int(e.min())} to {int(e.max())}" if e.size else "none at all"
    raise OptionError(
        "no group-time effect lies inside the window asked for",
        where=f"did.aggregate, first={first}, last={last}",
        remedy=f"The event times that could be estimated run {have}.",
    )
