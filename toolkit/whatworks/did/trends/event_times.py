"""Effects by event time with their covariance, from whichever method found them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from whatworks.arrays import Bools, Floats, Ints
from whatworks.did.att_gt import AttGtDetail
from whatworks.did.event_study import EventStudyDetail
from whatworks.did.group_time.summary import summarise
from whatworks.did.imputation import ImputationDetail
from whatworks.did.linear.by_event_time import SaturatedDetail
from whatworks.did.linear.imputed import average
from whatworks.did.linear.leads import Leads
from whatworks.did.stacked import StackedDetail
from whatworks.errors import DesignError, OptionError, check_whole
from whatworks.inference.default import MANY_CLUSTERS, Choice
from whatworks.inference.errors.cluster import ClusterRobust
from whatworks.inference.errors.influence import Analytical
from whatworks.inference.fits.rows import by_cluster
from whatworks.results import NotAvailable, Result

_SINGULAR = 1e-9

_NO_LEADS = (
    "effects are measured against all periods before the start together, which the regression takes to be "
    "without effects, so that no lead shows how trends went"
)
_TWO_BASES = (
    "effects after the start are measured against all untreated cells together, leads against the earliest "
    "of them: the two have no reference in common"
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
    detail = result.detail
    if isinstance(detail, EventStudyDetail | SaturatedDetail | StackedDetail):
        return _from_regression(result, detail, where)
    if isinstance(detail, ImputationDetail) and detail.event_times.size:
        return _from_imputation(result, detail, where)
    if isinstance(detail, AttGtDetail) and result.spec.get("by") == "event_time":
        return _from_influence(result, detail, where)
    raise OptionError(
        f"a result of {result.method} holds no effects by event time",
        where=where,
        remedy="Give what did.event_study, did.interaction_weighted, did.stacked, did.etwfe, did.imputation "
        'or did.aggregate(by="event_time") returned in this session; a result read back from a file has lost '
        "its covariance: estimate again.",
    )


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
        remedy="Leads and effects must be deviations from one reference, or a straight trend would show as a "
        "jump at the start: use did.event_study (one start), did.interaction_weighted, did.stacked or "
        'did.aggregate(by="event_time") on did.att_gt(base="universal").',
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


def _from_regression(
    result: Result, detail: EventStudyDetail | SaturatedDetail | StackedDetail, where: str
) -> EventTimes:
    count = len(detail.event_times)
    inference = _inference(detail.choice, where)
    method: Callable[..., Floats] | None = getattr(inference, "covariance", None)
    chosen = inference if method is not None else ClusterRobust()
    matrix = (method or ClusterRobust().covariance)(detail.fit)
    kind = getattr(chosen, "kind", type(chosen).__name__)
    found = EventTimes(
        times=detail.event_times,
        estimates=detail.fit.coefficients[:count],
        covariance=matrix[:count, :count],
        reference=int(result.spec.get("reference", -1 - result.spec.get("anticipation", 0))),
        n_clusters=detail.fit.n_clusters,
        sentence=f"{kind} over {detail.fit.n_clusters} clusters",
        apart=_NO_LEADS if isinstance(detail, SaturatedDetail) and detail.reference is None else "",
    )
    single = detail.pooled == 1 if isinstance(detail, EventStudyDetail) else np.ones(count, dtype=bool)
    return found if single.all() else _unpooled(found, single)


def _unpooled(found: EventTimes, single: Bools) -> EventTimes:
    return found.within(int(found.times[single].min()), int(found.times[single].max()))


def _from_imputation(result: Result, detail: ImputationDetail, where: str) -> EventTimes:
    inference = _inference(detail.choice, where)
    found, data = detail.effects, detail.effects.sample
    plain = isinstance(inference, Analytical) and inference.correction == "did"
    g = data.n_clusters
    values, sums = average(found, detail.targets, found.gap), detail.spread()
    scale = np.full(len(values), 1.0 if plain else np.sqrt(g / (g - 1)))
    if isinstance(detail.leads, Leads):
        count = len(detail.leads.event_time)
        own = np.nan_to_num(detail.leads.numbers.std_error)
        bare = np.maximum(np.sqrt((sums[:, :count] ** 2).sum(axis=0)), np.finfo(float).tiny)
        scale = np.append(own / bare, scale)
        values = np.append(detail.leads.fit.coefficients[:count], values)
    sums = sums * scale
    return EventTimes(
        times=detail.all_times,
        estimates=values,
        covariance=sums.T @ sums,
        reference=-1 - int(result.spec["anticipation"]),
        n_clusters=g,
        sentence=f"conservative contributions over {g} {'unit' if data.cluster is None else 'cluster'}s"
        + ("" if plain else ", factor G/(G − 1)"),
        apart=_TWO_BASES,
    )


def _from_influence(result: Result, kept: AttGtDetail, where: str) -> EventTimes:
    if result.spec["base"] != "universal":
        raise DesignError(
            "effects before the start are measured from one period to the next, not against one reference",
            where=where,
            remedy='Estimate with did.att_gt(..., base="universal"), then aggregate by event time.',
        )
    inference = _inference(kept.choice, where)
    detail, spec, panel = kept.effects, result.spec, kept.effects.panel
    summary = summarise(detail, "event_time", spec.get("first"), spec.get("last"), spec.get("balance"))
    real = (summary.terms.weights[:, ~detail.cells.reference] != 0).any(axis=1)
    sums = by_cluster(summary.terms.contributions(detail)[:, real], panel.cluster, panel.n_clusters)
    plain = isinstance(inference, Analytical) and inference.correction == "did"
    factor = 1.0 if plain else panel.n_clusters / (panel.n_clusters - 1)
    return EventTimes(
        times=summary.keys[real],
        estimates=summary.terms.value(detail)[real],
        covariance=factor * (sums.T @ sums),
        reference=-1 - kept.anticipation,
        n_clusters=panel.n_clusters,
        sentence=f"influence contributions over {panel.n_clusters} {detail.piece}s"
        + ("" if plain else ", factor G/(G − 1)"),
    )


def _inference(choice: Choice, where: str) -> object:
    if isinstance(choice.inference, NotAvailable):
        raise DesignError(
            choice.inference.reason,
            where=where,
            remedy="Without an error no statement about trends can be made from this regression.",
        )
    return choice.inference


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
