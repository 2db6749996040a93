"""Effects by event time with their covariance, from whichever method found them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from whatworks.did.att_gt import AttGtDetail
from whatworks.did.event_study import EventStudyDetail
from whatworks.did.saturated_result import SaturatedDetail
from whatworks.did.summary import summarise
from whatworks.errors import DesignError, OptionError
from whatworks.inference.cluster import ClusterRobust
from whatworks.inference.default import MANY_CLUSTERS, Choice
from whatworks.inference.influence import Analytical, cluster_sums
from whatworks.results import NotAvailable, Result

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_SINGULAR = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class EventTimes:
    """J effects by event time, ascending, without the reference, and their covariance.

    Attributes:
        times: (J,) event times.
        estimates: (J,) effects.
        covariance: (J, J).
        reference: the event time that every effect is measured against.
        n_clusters: independent pieces that the covariance rests on.
        sentence: how the covariance was found.
        left_out: event times that are no point in time (pooled ends) or lie outside the window.
    """

    times: Ints
    estimates: Floats
    covariance: Floats
    reference: int
    n_clusters: int
    sentence: str
    left_out: tuple[int, ...] = ()

    @property
    def after(self) -> npt.NDArray[np.bool_]:
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
        return (*(few if self.n_clusters < MANY_CLUSTERS else ()), *gone)

    def within(self, first: int | None, last: int | None) -> EventTimes:
        """Those from `first` to `last`, both included."""
        keep = np.ones(len(self.times), dtype=bool)
        if first is not None:
            keep &= self.times >= first
        if last is not None:
            keep &= self.times <= last
        return self._only(keep)

    def _only(self, keep: npt.NDArray[np.bool_]) -> EventTimes:
        return replace(
            self,
            times=self.times[keep],
            estimates=self.estimates[keep],
            covariance=self.covariance[np.ix_(keep, keep)],
            left_out=(*self.left_out, *self.times[~keep].tolist()),
        )


def event_time_covariance(result: Result, *, where: str = "did.event_time_covariance") -> EventTimes:
    """Effects by event time and their covariance.

    From `did.event_study` and `did.interaction_weighted`: the covariance of their own cluster-robust
    inference, or CR1 where that was a bootstrap. From `did.aggregate(by="event_time")`: influence
    contributions summed by cluster, times G/(G − 1) unless the inference was `Analytical()` without
    correction.

    Raises:
        OptionError: a result without event times, or one read back from a file.
        DesignError: no error exists on this design, or leads are measured against a moving base.
    """
    detail = result.detail
    if isinstance(detail, EventStudyDetail | SaturatedDetail):
        return _from_regression(result, detail, where)
    if isinstance(detail, AttGtDetail) and result.spec.get("by") == "event_time":
        return _from_influence(result, detail, where)
    raise OptionError(
        f"a result of {result.method} holds no effects by event time",
        where=where,
        remedy='Give what did.event_study, did.interaction_weighted or did.aggregate(by="event_time") '
        "returned in this session; a result read back from a file has lost its covariance: estimate again.",
    )


def usable(found: EventTimes, window: tuple[int, int] | None, where: str) -> EventTimes:
    """The event times inside the window, refused where they cannot carry a statement about trends.

    Raises:
        OptionError: a window without an event time on both sides of the reference.
        DesignError: a gap between event times, or a singular covariance.
    """
    if window is not None:
        found = found.within(*window)
    if not found.after.any() or found.after.all():
        raise OptionError(
            "there is no event time "
            + ("after" if not found.after.any() else "before")
            + f" the reference ({found.reference})",
            where=where,
            remedy="A statement about trends needs effects on both sides of the reference: widen the window, "
            "or begin the panel earlier.",
        )
    whole = np.sort(np.append(found.times, found.reference))
    if (np.diff(whole) != 1).any():
        raise DesignError(
            f"event times are not consecutive: {', '.join(map(str, whole))}",
            where=where,
            remedy="Give a window=(first, last) without a gap.",
        )
    _refuse_singular(found, where)
    return found


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


def _from_regression(result: Result, detail: EventStudyDetail | SaturatedDetail, where: str) -> EventTimes:
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
    )
    single = detail.pooled == 1 if isinstance(detail, EventStudyDetail) else np.ones(count, dtype=bool)
    return found if single.all() else _unpooled(found, single)


def _unpooled(found: EventTimes, single: npt.NDArray[np.bool_]) -> EventTimes:
    return found.within(int(found.times[single].min()), int(found.times[single].max()))


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
    sums = cluster_sums(summary.terms.contributions(detail)[:, real], panel.cluster, panel.n_clusters)
    plain = isinstance(inference, Analytical) and inference.correction == "none"
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
        remedy=f"Give a window=(first, last) with fewer event times (well below {found.n_clusters}), pool "
        "distant ones with ends=..., or cluster by a finer level if treatment was assigned at it.",
    )
