"""Effects by event time with their covariance, from whichever method found them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from whatworks.arrays import Bools, Floats, Ints
from whatworks.did.effects import effects_of
from whatworks.errors import DesignError, OptionError, check_whole
from whatworks.inference.chance.randomisation import NO_ERROR
from whatworks.inference.default import MANY_CLUSTERS
from whatworks.results import NotAvailable, Result

_SINGULAR = 1e-9

_ONE_REFERENCE = (
    "Leads and effects must be deviations from one reference, or a straight trend would show as a jump at "
    "the start: use did.event_study (one start), did.interaction_weighted, did.stacked or "
    'did.aggregate(by="event_time") on did.att_gt(base="universal").'
)


@dataclass(frozen=True, slots=True, eq=False)
class EventTimes:
    """J effects by event time, ascending, without the reference, and their covariance.

    Attributes:
        times: (J,) event times.
        estimates: (J,) effects.
        covariance: (J, J).
        reference: the event time that every effect is measured against; where `apart` says that there is
            none, the last one before effects may begin.
        n_clusters: independent pieces that the covariance rests on.
        sentence: how the covariance was found.
        left_out: event times that are no point in time (pooled ends) or lie outside the window.
        apart: why the effects before and after have no reference in common; empty where they have.
        width: periods that an event time spans; above 1 after `pooled`, and `times` then counts blocks.
    """

    times: Ints
    estimates: Floats
    covariance: Floats
    reference: int
    n_clusters: int
    sentence: str
    left_out: tuple[int, ...] = ()
    apart: str = ""
    width: int = 1

    @property
    def after(self) -> Bools:
        """(J,) event times later than the reference."""
        return np.asarray(self.times > self.reference)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know before leaning on a normal approximation with this covariance."""
        few = (
            f"The effects are treated as normal with a known covariance ({self.sentence}). With "
            f"{self.n_clusters} clusters, fewer than {MANY_CLUSTERS}, that is an approximation: intervals "
            "tend to be too short.",
        )
        left_out = ", ".join(map(str, sorted(self.left_out)))
        gone = (f"Left out: event times {left_out}.",) if left_out else ()
        blocks = (
            f"Event times are pooled in blocks of {self.width} periods, each a mean against the mean of the "
            f"{self.width} periods up to the reference.",
        )
        approximate = few if self.n_clusters < MANY_CLUSTERS else ()
        return (*approximate, *(blocks if self.width > 1 else ()), *gone)

    def within(self, first: int | None, last: int | None) -> EventTimes:
        """Those from `first` to `last`, both included."""
        keep = np.ones(len(self.times), dtype=bool)
        if first is not None:
            keep &= self.times >= first
        if last is not None:
            keep &= self.times <= last
        return self._only(keep)

    def pooled(self, width: int) -> EventTimes:
        """Blocks of so many event times, each a mean against that of the block that ends in the reference.

        Blocks are numbered from the reference block, −1, so that 0 is the first after it. Event times at the
        far ends that fill no block are left out. Fewer effects need less of a covariance: over C clusters it
        has no more than C − 1 independent directions.
        """
        steps = self.times - self.reference
        block = -(-steps // width) - 1
        size = {int(b): int((block == b).sum()) + (b == -1) for b in np.unique(np.append(block, -1))}
        whole = [b for b, filled in size.items() if filled == width]
        base = (block == -1) / width
        kept = np.array([b for b in whole if b != -1], dtype=np.int64)
        mix = (block[None, :] == kept[:, None]) / width - base[None, :]
        gone = self.times if -1 not in whole else self.times[~np.isin(block, whole)]
        if -1 not in whole:
            kept, mix = kept[:0], mix[:0]
        return replace(
            self,
            times=kept,
            estimates=mix @ self.estimates,
            covariance=mix @ self.covariance @ mix.T,
            reference=-1,
            left_out=(*self.left_out, *gone.tolist()),
            width=width * self.width,
        )

    def _only(self, keep: Bools) -> EventTimes:
        return replace(
            self,
            times=self.times[keep],
            estimates=self.estimates[keep],
            covariance=self.covariance[np.ix_(keep, keep)],
            left_out=(*self.left_out, *self.times[~keep].tolist()),
        )


def event_time_covariance(result: Result, *, where: str = "did.event_time_covariance") -> EventTimes:
    """Effects by event time and their covariance.

    From `did.event_study`, `did.interaction_weighted`, `did.stacked` and `did.etwfe`: the covariance of their
    own cluster-robust inference, or CR1 where that was a bootstrap. From `did.aggregate(by="event_time")` and
    `did.imputation`: contributions summed by cluster, times G/(G − 1) unless the inference was `Analytical()`
    without correction. Leads of `did.imputation` come from another regression, on the same clusters: their
    scores stand beside those contributions, with the factor that their own errors carry. Neither they nor
    `did.etwfe` have one reference in common with the effects after the start, which `apart` says.

    Raises:
        OptionError: a result without event times, or one read back from a file.
        DesignError: no error exists on this design, or leads are measured against a moving base.
    """
    effects = effects_of(result, where)
    if isinstance(effects.reference, NotAvailable):
        raise DesignError(effects.reference.reason, where=where, remedy=_ONE_REFERENCE)
    if isinstance(effects.choice.inference, NotAvailable):
        raise DesignError(
            effects.choice.inference.reason,
            where=where,
            remedy="Without an error no statement about trends can be made from this regression.",
        )
    error = result.headline.std_error
    # a test that deals treatment anew has no standard error, which is no verdict on this design
    if isinstance(error, NotAvailable) and NO_ERROR not in error.reason:
        raise DesignError(
            f"the result itself has no standard error: {error.reason}",
            where=where,
            remedy="What it does not print cannot carry bounds on trends either: mend that first.",
        )
    covariance = effects.covariance()
    found = EventTimes(
        times=effects.times,
        estimates=effects.estimates,
        covariance=covariance.matrix,
        reference=effects.reference,
        n_clusters=effects.n_clusters,
        sentence=covariance.sentence,
        apart=effects.apart,
    )
    single = effects.times[effects.pooled == 1]
    return found if len(single) == len(found.times) else found.within(int(single.min()), int(single.max()))


def usable(found: EventTimes, window: tuple[int, int] | None, where: str, *, pool: int = 1) -> EventTimes:
    """The event times inside the window, in blocks of `pool`, refused where they say nothing about trends.

    Raises:
        OptionError: a window without an event time (a whole block) on both sides of the reference.
        DesignError: a gap between event times, or a singular covariance.
    """
    if window is not None:
        found = found.within(*window)
    _refuse_apart(found, where)
    _refuse_one_sided(found, where)
    whole = np.sort(np.append(found.times, found.reference))
    if (np.diff(whole) != 1).any():
        raise DesignError(
            f"event times are not consecutive: {', '.join(map(str, whole))}",
            where=where,
            remedy="Give a window=(first, last) without a gap.",
        )
    if check_whole("pool", pool, least=1, where=where) > 1:
        found = found.pooled(pool)
        _refuse_one_sided(found, where)
    _refuse_singular(found, where)
    return found


def _refuse_apart(found: EventTimes, where: str) -> None:
    if not found.apart:
        return
    raise DesignError(
        found.apart,
        where=where,
        remedy=_ONE_REFERENCE,
    )


def _refuse_one_sided(found: EventTimes, where: str) -> None:
    if found.after.any() and not found.after.all():
        return
    one = f"whole block of {found.width} event times" if found.width > 1 else "event time"
    raise OptionError(
        f"there is no {one} {'after' if not found.after.any() else 'before'} the reference "
        f"({found.reference})",
        where=where,
        remedy="A statement about trends needs effects on both sides of the reference: widen the window, "
        "or begin the panel earlier" + (", or pool fewer." if found.width > 1 else "."),
    )


def target_weights(found: EventTimes, weights: Mapping[int, float] | None, where: str) -> Floats:
    """(p,) weights on the event times after the reference; by default equal from 0 on.

    Raises `OptionError` for event times that are not there, or weights that are all zero.
    """
    times = found.times[found.after]
    if weights is None:
        return np.asarray((times >= 0) / max(int((times >= 0).sum()), 1), dtype=np.float64)
    unknown = sorted(set(weights) - set(times.tolist()))
    values = np.array([float(weights.get(int(e), 0.0)) for e in times])
    if unknown or not np.isfinite(values).all() or not values.any():
        raise OptionError(
            f"weights={dict(weights)!r} do not say which effects to combine",
            where=where,
            remedy=f"Give numbers for event times between {times[0]} and {times[-1]}, such as "
            f"{{{times[0]}: 1.0}} for the first alone.",
        )
    return values


def _refuse_singular(found: EventTimes, where: str) -> None:
    spread = np.sqrt(np.diag(found.covariance))
    alone = spread <= _SINGULAR * spread.max()
    smallest = (
        0.0 if alone.any() else float(np.linalg.eigvalsh(found.covariance / np.outer(spread, spread)).min())
    )
    if smallest > _SINGULAR:
        return
    raise DesignError(
        f"the covariance of {len(found.times)} event times from {found.n_clusters} clusters is singular: "
        "some combination of effects seems to be known without error",
        where=where,
        remedy=f"Take fewer event times (well below {found.n_clusters}): blocks of them with pool=..., as "
        "did.departures does, or a window=(first, last); or cluster by a finer level if treatment was "
        "assigned at it.",
    )
