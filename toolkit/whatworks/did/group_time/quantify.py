"""How sure we are of group-time effects and their averages: which inference they get, and what it says."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from whatworks.arrays import Bools, Floats
from whatworks.did.group_time.effects import BASE_PERIOD, GroupTime
from whatworks.did.group_time.reassign import over_assignments, reweighed
from whatworks.did.group_time.scores import cluster_scores
from whatworks.did.group_time.summary import Averages
from whatworks.did.group_time.thin import lone_treated, thin_note, thin_reasons, thin_share
from whatworks.errors import OptionError
from whatworks.inference.chance.randomisation import RandomisationInference
from whatworks.inference.default import (
    ByClusters,
    Choice,
    ClusterCounts,
    Default,
    count_clusters,
    plenty,
)
from whatworks.inference.draws import check_level
from whatworks.inference.errors.influence import Analytical, analytical, known, standard_errors
from whatworks.inference.errors.multiplier import MultiplierBootstrap, bootstrap, simultaneous, uncertainty
from whatworks.inference.errors.wild import WildCluster
from whatworks.inference.fits.rows import by_cluster
from whatworks.inference.uncertainty import NO_VARIATION, Uncertainty, unknown
from whatworks.results import Estimate, NotAvailable

Inference = Analytical | MultiplierBootstrap | WildCluster | RandomisationInference | Default | None

GROUP_TIME = ByClusters(
    Inference,
    "inference={!r} does not apply to group-time effects",
    'Use Analytical() ("analytical"), MultiplierBootstrap() ("multiplier"), WildCluster() ("wild") or '
    'RandomisationInference() ("randomisation"), or leave it out for the default. ClusterRobust() belongs to '
    "a regression: Analytical() clusters on the panel's cluster by itself.",
    many=Analytical("clusters"),
    by_scores=True,
)
_LINEAR = WildCluster | RandomisationInference

_NOTHING_AFTER = "no event time from 0 on lies inside the window"
_COLUMNS = 64
"""Averages per wild bootstrap: bounds its memory at some 40 MB for 9,999 draws."""


@dataclass(frozen=True, slots=True, eq=False)
class Quantified:
    """An overall number and its k terms with their uncertainty.

    Attributes:
        headline: one estimate.
        terms: k estimates.
        band: ends of the band that covers all terms at once, or None where nothing was bootstrapped.
        notes: what a reader must know about the errors.
        seed: seed of what was drawn, or None.
    """

    headline: Uncertainty
    terms: Uncertainty
    band: tuple[Floats, Floats] | None
    notes: tuple[str, ...]
    seed: int | None

    def estimate(self, estimand: str, scale: str) -> Estimate:
        """The overall number as an `Estimate`."""
        return self.headline.estimate(0, estimand=estimand, scale=scale)


def settle(detail: GroupTime, asked: Inference, *, where: str) -> Choice:
    """The inference for these effects and why.

    Few clusters: the wild bootstrap of scores without covariate adjustment; with it no such scores exist, and
    the influence function with a t correction is used, with a warning.

    Raises `OptionError` for an object that does not fit.
    """
    if isinstance(asked, _LINEAR) and detail.adjust != "none":
        name = type(asked).__name__
        raise OptionError(
            f"{name} needs an estimate that is linear in the outcome, and with "
            f"adjust={detail.adjust!r} this one is not",
            where=where,
            remedy=f'Use adjust="none" with {name}(), or Analytical(correction="clusters") or '
            "MultiplierBootstrap() with the adjustment.",
        )
    if isinstance(asked, RandomisationInference):
        return Choice(asked, "as asked for")
    counts = _sides(detail)
    choice = GROUP_TIME.settle(asked, counts, where)
    if isinstance(choice.inference, WildCluster) and detail.adjust != "none":
        why = f"with {_how_many(detail)} and covariates, for which no wild bootstrap is at hand"
        choice = Choice(Analytical(correction="clusters"), why, choice.warnings)
    if not plenty(counts) and isinstance(choice.inference, Analytical | MultiplierBootstrap):
        return replace(choice, warnings=(*choice.warnings, _too_sure(detail)))
    return choice


def _sides(detail: GroupTime) -> ClusterCounts:
    panel, cells = detail.panel, detail.cells
    post = detail.post & np.isfinite(detail.att)
    treated = np.isin(panel.start, cells.cohort[post])
    compared = np.zeros(panel.n_units, dtype=bool)
    for g, later in set(zip(cells.cohort[post].tolist(), cells.later_than[post].tolist(), strict=True)):
        compared |= (panel.start > later) & (panel.start != g)
    return count_clusters(panel.cluster, treated, compared)


def _how_many(detail: GroupTime) -> str:
    return f"{detail.panel.n_clusters} {detail.piece}s"


def _too_sure(detail: GroupTime) -> str:
    route = (
        'Without covariates, WildCluster() ("wild") holds its size.'
        if detail.adjust != "none"
        else 'WildCluster() ("wild"), the default here, holds its size.'
    )
    return (
        f"With {_how_many(detail)}, errors from the influence function are too small: in simulations on "
        "panels like London's (32 boroughs, 12 command units), tests at 5% rejected a true null in 8 to 16% "
        'of cases, with Analytical(correction="clusters") in 5 to 11%, the more the fewer clusters a cohort '
        f"has. {route}"
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Question:
    """The overall number first, then k terms (the cells themselves where `terms` is None).

    `value` (1 + k,), `weights` (1 + k, C), and per number the `reason` why it has no error and the share of
    its weight on single units.
    """

    detail: GroupTime
    overall: Averages
    terms: Averages | None
    value: Floats
    weights: Floats
    reason: tuple[str, ...]
    thin: Floats
    level: float


def quantify(
    detail: GroupTime,
    choice: Choice,
    overall: Averages,
    terms: Averages | None,
    *,
    anticipation: int,
    level: float,
) -> Quantified:
    """Uncertainty of one overall average and of k terms; `terms=None` means the cells themselves."""
    asked = _ask(detail, overall, terms, check_level(level))
    method = choice.inference
    if isinstance(method, NotAvailable):
        nothing = unknown(asked.value, method.reason, level=level)
        reason = tuple(r or method.reason for r in asked.reason)
        return _finish(asked, replace(nothing, reason=reason), None, (), None)
    if isinstance(method, WildCluster):
        return _wild(asked, method, anticipation)
    if isinstance(method, RandomisationInference):
        return _reassigned(asked, method)
    barred = thin_reasons(detail, asked.thin)
    asked = replace(asked, reason=tuple(a or b for a, b in zip(asked.reason, barred, strict=True)))
    if isinstance(method, MultiplierBootstrap):
        return _multiplier(asked, method)
    return _analytical(asked, method)


def _ask(detail: GroupTime, overall: Averages, terms: Averages | None, level: float) -> _Question:
    rows = np.eye(len(detail.att)) if terms is None else terms.weights
    anything = bool(overall.weights.any())
    first = overall.value(detail) if anything else np.full(1, np.nan)
    rest = detail.att if terms is None else terms.value(detail)
    alive = (rows[:, ~detail.cells.reference] != 0).any(axis=1)
    reason = detail.reason if terms is None else tuple("" if a else BASE_PERIOD for a in alive)
    weights = np.vstack([overall.weights, rows])
    return _Question(
        detail=detail,
        overall=overall,
        terms=terms,
        value=np.concatenate([first, rest]),
        weights=weights,
        reason=("" if anything else _NOTHING_AFTER, *reason),
        thin=thin_share(detail, weights),
        level=level,
    )


def _analytical(asked: _Question, method: Analytical) -> Quantified:
    detail, panel = asked.detail, asked.detail.panel
    if asked.terms is None and panel.cluster is None:
        norms = detail.influence.norms()
        rest = known(norms, norms[None, :])
    else:
        rest = standard_errors(_term_sums(asked))
    errors = np.concatenate([standard_errors(_sums(detail, asked.overall)), rest])
    found = analytical(
        asked.value,
        errors,
        asked.reason,
        choice=method,
        n_clusters=panel.n_clusters,
        level=asked.level,
        by=_pieces(detail),
    )
    return _finish(asked, found, None, _note(asked), None)


def _multiplier(asked: _Question, method: MultiplierBootstrap) -> Quantified:
    detail, panel = asked.detail, asked.detail.panel
    first = _sums(detail, asked.overall)
    # cells of single units are assembled chunk by chunk: together they could fill the memory
    rest = None if asked.terms is None and panel.cluster is None else _term_sums(asked)
    if rest is None:
        first = first[detail.influence.order]

    def rows(low: int, high: int) -> Floats:
        part = detail.influence.rows(low, high) if rest is None else rest[low:high]
        return np.column_stack([first[low:high], part])

    together = np.array([False] + [not reason for reason in asked.reason[1:]])
    drawn = bootstrap(rows, len(first), len(asked.value), choice=method, level=asked.level, together=together)
    found = uncertainty(
        asked.value, drawn, asked.reason, choice=method, level=asked.level, by=_pieces(detail)
    )
    low, high, warning = simultaneous(asked.value, drawn, level=asked.level)
    notes = (*_note(asked), *((warning,) if warning else ()))
    return _finish(asked, found, (low[1:], high[1:]), notes, method.seed)


def _wild(asked: _Question, method: WildCluster, anticipation: int) -> Quantified:
    detail, n = asked.detail, asked.detail.panel.n_clusters
    real = (asked.weights[:, ~detail.cells.reference] != 0).any(axis=1) & np.isfinite(asked.value)
    numbers = {name: np.full(len(real), np.nan) for name in ("std_error", "low", "high", "p_value")}
    reason = list(asked.reason)
    for part in np.array_split(np.flatnonzero(real), max(1, -(-int(real.sum()) // _COLUMNS))):
        scores = cluster_scores(detail, asked.weights[part], anticipation=anticipation)
        found = method.from_scores(*scores, level=asked.level).beyond_rounding(detail.panel.outcome)
        for name, column in numbers.items():
            column[part] = getattr(found, name)
        for i, words in zip(part, found.reason, strict=True):
            reason[i] = reason[i] or words
    # flipping signs still tests a single treated cluster, but its standard error would be an artefact
    barred = thin_reasons(detail, lone_treated(detail, asked.weights).astype(np.float64))
    numbers["std_error"][[bool(words) for words in barred]] = np.nan
    found = Uncertainty(
        value=asked.value,
        reason=tuple("; ".join(w for w in words if w) for words in zip(reason, barred, strict=True)),
        level=asked.level,
        df=NotAvailable("the bootstrap refers to its own draws, not to a t distribution"),
        sentence=method.sentence(n),
        **numbers,
    )
    seed = None if method.enumerates(n) else method.seed
    return Quantified(_part(found, slice(0, 1)), _part(found, slice(1, None)), None, (), seed)


def _reassigned(asked: _Question, method: RandomisationInference) -> Quantified:
    detail, panel = asked.detail, asked.detail.panel

    def statistic(att: Floats, share: Floats) -> Floats:
        first = reweighed(asked.overall, detail, att, share)
        rest = att if asked.terms is None else reweighed(asked.terms, detail, att, share)
        return np.column_stack([first, rest])

    thetas = [
        over_assignments(detail, values, statistic)
        for values in (panel.outcome, panel.treated.astype(np.float64))
    ]
    collected = method.collect(thetas[0], panel.start, cluster=panel.cluster, slope=thetas[1])
    found = method.uncertainty(collected, asked.level)
    gap = np.array([bool(reason) for reason in asked.reason])
    found = replace(
        found,
        value=asked.value,
        low=np.where(gap, np.nan, found.low),
        high=np.where(gap, np.nan, found.high),
        p_value=np.where(gap, np.nan, found.p_value),
        reason=tuple(a or b for a, b in zip(asked.reason, found.reason, strict=True)),
    )
    seed = None if collected.design.every else method.seed
    return Quantified(_part(found, slice(0, 1)), _part(found, slice(1, None)), None, (), seed)


def _finish(
    asked: _Question,
    found: Uncertainty,
    band: tuple[Floats, Floats] | None,
    notes: tuple[str, ...],
    seed: int | None,
) -> Quantified:
    """No error, interval or p-value wherever there is a reason; a reason wherever there is no error."""
    found = found.beyond_rounding(asked.detail.panel.outcome)
    gap = np.array([bool(reason) for reason in found.reason]) | ~np.isfinite(found.std_error)

    def blank(values: Floats, at: Bools) -> Floats:
        return np.asarray(np.where(at, np.nan, values))

    found = replace(
        found,
        std_error=blank(found.std_error, gap),
        low=blank(found.low, gap),
        high=blank(found.high, gap),
        p_value=blank(found.p_value, gap),
        reason=tuple(r or (NO_VARIATION if g else "") for r, g in zip(found.reason, gap, strict=True)),
    )
    if band is not None:
        band = (blank(band[0], gap[1:]), blank(band[1], gap[1:]))
    return Quantified(_part(found, slice(0, 1)), _part(found, slice(1, None)), band, notes, seed)


def _note(asked: _Question) -> tuple[str, ...]:
    return thin_note(asked.detail, float(asked.thin[0]), thin_reasons(asked.detail, asked.thin[:1])[0])


def _sums(detail: GroupTime, averages: Averages) -> Floats:
    panel = detail.panel
    return by_cluster(averages.contributions(detail), panel.cluster, panel.n_clusters)


def _term_sums(asked: _Question) -> Floats:
    panel = asked.detail.panel
    if asked.terms is not None:
        return _sums(asked.detail, asked.terms)
    cluster = panel.cluster_codes
    return asked.detail.influence.by_cluster(cluster, panel.n_clusters)


def _part(found: Uncertainty, part: slice) -> Uncertainty:
    arrays = {
        name: getattr(found, name)[part]
        for name in ("value", "std_error", "low", "high", "p_value", "reason")
    }
    return replace(found, **arrays)


def _pieces(detail: GroupTime) -> str:
    return f"the {detail.panel.n_clusters:,} {detail.piece}s"
