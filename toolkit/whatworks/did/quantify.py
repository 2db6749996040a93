"""How sure we are of group-time effects and their averages, and where no honest error exists."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from whatworks.did.group_time import BASE_PERIOD, GroupTime
from whatworks.did.scores import cluster_scores
from whatworks.did.summary import Averages
from whatworks.errors import OptionError
from whatworks.inference.default import MANY_CLUSTERS, Choice, Default, count_clusters, decide
from whatworks.inference.draws import check_level
from whatworks.inference.influence import Analytical, analytical, cluster_sums, known, standard_errors
from whatworks.inference.multiplier import MultiplierBootstrap, bootstrap, simultaneous, uncertainty
from whatworks.inference.uncertainty import Uncertainty, unknown
from whatworks.inference.wild import WildCluster
from whatworks.results import Estimate, NotAvailable

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

Inference = Analytical | MultiplierBootstrap | WildCluster | Default | None

THIN_SHARE: Final = 0.1
"""Above this share of weight on single-unit cohorts no error is given; below it, errors are at most some 5% short."""

_NO_NOISE = "no variation between units is left from which an error could be learned"
_NOTHING_AFTER = "no event time from 0 on lies inside the window"
_COLUMNS = 64


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

    Few clusters: the wild bootstrap of scores without covariate adjustment; with it, no such scores exist and
    the influence function with a t correction is used, with a warning.

    Raises `OptionError` for an object that does not fit.
    """
    if asked is not None and not isinstance(asked, Analytical | MultiplierBootstrap | WildCluster | Default):
        raise OptionError(
            f"inference={asked!r} does not apply to group-time effects",
            where=where,
            remedy='Use Analytical() ("analytical"), MultiplierBootstrap() ("multiplier") or WildCluster() '
            '("wild"), or leave it out for the default. ClusterRobust() belongs to a regression: '
            "Analytical() clusters on the panel's cluster by itself.",
        )
    panel = detail.panel
    post = detail.post & np.isfinite(detail.att)
    treated = np.isin(panel.start, detail.cells.cohort[post])
    compared = np.zeros(panel.n_units, dtype=bool)
    for g, later in set(zip(detail.cells.cohort[post], detail.cells.later_than[post], strict=True)):
        compared |= (panel.start > later) & (panel.start != g)
    choice = decide(asked, count_clusters(panel.cluster, treated, compared), many=Analytical())
    if isinstance(choice.inference, WildCluster) and detail.adjust != "none":
        return _without_scores(choice, asked, detail, where)
    few = panel.n_clusters < MANY_CLUSTERS
    if few and isinstance(choice.inference, Analytical | MultiplierBootstrap):
        return replace(choice, warnings=(*choice.warnings, _too_sure(panel.n_clusters, detail)))
    return choice


def _without_scores(choice: Choice, asked: Inference, detail: GroupTime, where: str) -> Choice:
    if isinstance(asked, WildCluster):
        raise OptionError(
            f"the wild bootstrap needs an estimate that is linear in the outcome; adjust={detail.adjust!r} is not",
            where=where,
            remedy='Use adjust="none" with WildCluster(), or Analytical(correction="t") or '
            "MultiplierBootstrap() with the adjustment.",
        )
    clusters = detail.panel.n_clusters
    warnings = choice.warnings
    if clusters < MANY_CLUSTERS:
        warnings = (*warnings, _too_sure(clusters, detail))
    why = f"small sample: {clusters} {_word(detail)}, and with covariates no wild bootstrap is at hand"
    return Choice(Analytical(correction="t"), why, warnings)


def _too_sure(clusters: int, detail: GroupTime) -> str:
    route = (
        'Without covariates, WildCluster() ("wild") holds its size.'
        if detail.adjust != "none"
        else 'WildCluster() ("wild"), the default here, holds its size.'
    )
    return (
        f"With {clusters} {_word(detail)}, errors from the influence function are too small: in simulations on panels "
        "like London's (32 boroughs, 12 command units) tests at 5% rejected a true null in 6 to 16% of cases, the "
        f"more the fewer clusters a cohort has. {route}"
    )


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
    check_level(level)
    rows = np.eye(len(detail.att)) if terms is None else terms.weights
    values = (
        overall.value(detail) if overall.weights.any() else np.full(1, np.nan),
        detail.att if terms is None else terms.value(detail),
    )
    method = choice.inference
    thin = _thin_reasons(detail, np.vstack([overall.weights, rows]))
    reason = (
        ("" if overall.weights.any() else _NOTHING_AFTER,),
        detail.reason if terms is None else _base_rows(detail, rows),
    )
    if isinstance(method, NotAvailable):
        head, tail = (unknown(v, method.reason, level=level) for v in values)
        return Quantified(head, replace(tail, reason=_first(reason[1], tail.reason)), None, (), None)
    if isinstance(method, WildCluster):
        return _wild(detail, method, values, (overall.weights, rows), reason, thin, anticipation, level)
    reason = (_first(reason[0], thin[:1]), _first(reason[1], thin[1:]))
    if isinstance(method, Analytical):
        return _analytical(detail, method, values, overall, terms, reason, level)
    return _multiplier(detail, method, values, overall, terms, reason, level)


def _analytical(
    detail: GroupTime, method: Analytical, values: tuple[Floats, Floats], overall: Averages, terms: Averages | None,
    reason: tuple[tuple[str, ...], tuple[str, ...]], level: float,
) -> Quantified:  # fmt: skip
    panel = detail.panel
    head = standard_errors(_sums(detail, overall))
    if terms is not None:
        tail = standard_errors(_sums(detail, terms))
    elif panel.cluster is None:
        norms = detail.influence.norms()
        tail = known(norms, norms[None, :])
    else:
        tail = standard_errors(detail.influence.by_cluster(panel.cluster, panel.n_clusters))
    found = [
        _blank(
            analytical(v, e, r, choice=method, n_clusters=panel.n_clusters, level=level, by=_pieces(detail)),
            r,
        )
        for v, e, r in zip(values, (head, tail), reason, strict=True)
    ]
    return Quantified(found[0], found[1], None, _thin_note(detail, overall, found[0]), None)


def _multiplier(
    detail: GroupTime, method: MultiplierBootstrap, values: tuple[Floats, Floats], overall: Averages,
    terms: Averages | None, reason: tuple[tuple[str, ...], tuple[str, ...]], level: float,
) -> Quantified:  # fmt: skip
    panel = detail.panel
    head = _sums(detail, overall)
    if panel.cluster is not None:
        tail = (
            detail.influence.by_cluster(panel.cluster, panel.n_clusters)
            if terms is None
            else _sums(detail, terms)
        )
    elif terms is not None:
        tail = terms.contributions(detail)
    else:
        tail = None
    k = values[1].size

    def rows(low: int, high: int) -> Floats:
        part = detail.influence.rows(low, high) if tail is None else tail[low:high]
        return np.column_stack([head[low:high], part])

    live = np.r_[False, [not r for r in reason[1]]]
    result = bootstrap(rows, len(head), k + 1, choice=method, level=level, together=live)
    both = uncertainty(
        np.concatenate(values), result, reason[0] + reason[1], choice=method, level=level, by=_pieces(detail)
    )
    found = [
        _blank(_part(both, part), r) for part, r in zip((slice(0, 1), slice(1, None)), reason, strict=True)
    ]
    low, high, warning = simultaneous(both.value, result, level=level)
    gap = ~np.isfinite(found[1].std_error)
    band = (np.where(gap, np.nan, low[1:]), np.where(gap, np.nan, high[1:]))
    notes = _thin_note(detail, overall, found[0]) + ((warning,) if warning else ())
    return Quantified(found[0], found[1], band, notes, method.seed)


def _wild(
    detail: GroupTime, method: WildCluster, values: tuple[Floats, Floats], weights: tuple[Floats, Floats],
    reason: tuple[tuple[str, ...], tuple[str, ...]], thin: tuple[str, ...], anticipation: int, level: float,
) -> Quantified:  # fmt: skip
    stacked, value = np.vstack(weights), np.concatenate(values)
    real = (stacked[:, ~detail.cells.reference] != 0).any(axis=1) & np.isfinite(value)
    columns = {name: np.full(len(value), np.nan) for name in ("std_error", "low", "high", "p_value")}
    words = [a or b for a, b in zip(reason[0] + reason[1], thin, strict=True)]
    live = np.flatnonzero(real)
    for start in range(0, live.size, _COLUMNS):
        at = live[start : start + _COLUMNS]
        found = method.from_scores(
            *cluster_scores(detail, stacked[at], anticipation=anticipation), level=level
        )
        for name, column in columns.items():
            column[at] = getattr(found, name)
        for i, text in zip(at, found.reason, strict=True):
            words[i] = words[i] or text
    # a single treated cluster has a test by sign flips but no standard error worth the name
    columns["std_error"][[bool(text) for text in thin]] = np.nan
    clusters = detail.panel.n_clusters
    both = Uncertainty(
        value, columns["std_error"], columns["low"], columns["high"], columns["p_value"], tuple(words), level,
        NotAvailable("the bootstrap refers to its own draws, not to a t distribution"), method.sentence(clusters),
    )  # fmt: skip
    seed = None if method.enumerates(clusters) else method.seed
    return Quantified(_part(both, slice(0, 1)), _part(both, slice(1, None)), None, (), seed)


def _sums(detail: GroupTime, averages: Averages) -> Floats:
    panel = detail.panel
    return cluster_sums(averages.contributions(detail), panel.cluster, panel.n_clusters)


def _thin(detail: GroupTime) -> Bools:
    """(C,) cells in which one side is a single unit or cluster, or is fitted exactly."""
    thin: Bools = (detail.treated_pieces < 2) | (detail.compared_pieces < 2)
    if detail.adjust in ("outcome", "doubly_robust"):
        thin = thin | (detail.compared <= len(detail.panel.covariate_names) + 1)
    return thin & ~detail.cells.reference


def _thin_reasons(detail: GroupTime, weights: Floats) -> tuple[str, ...]:
    share = _thin_share(detail, weights)
    word = "cluster" if detail.panel.cluster is not None else "unit"
    return tuple(
        f"{_percent(s)} of the weight lies on a cohort or comparison group of a single {word}, where nothing shows how "
        f"far a {word} strays by chance; the usual formula would count that as no noise at all"
        if s > THIN_SHARE
        else ""
        for s in share
    )


def _percent(share: float) -> str:
    return "all" if share > 0.9995 else f"{share:.0%}"


def _thin_share(detail: GroupTime, weights: Floats) -> Floats:
    size = np.abs(weights)
    total = size.sum(axis=1)
    return np.asarray((size @ _thin(detail)) / np.where(total > 0, total, 1.0))


def _thin_note(detail: GroupTime, overall: Averages, found: Uncertainty) -> tuple[str, ...]:
    share = float(_thin_share(detail, overall.weights)[0])
    if share == 0:
        return ()
    word = "cluster" if detail.panel.cluster is not None else "unit"
    if np.isfinite(found.std_error[0]):
        return (
            f"{share:.1%} of the overall effect's weight lies on cohorts or comparison groups of a single {word}, whose "
            "own noise the error cannot see: it is a little too small.",
        )
    return (f"No error is given for the overall effect: {found.reason[0]}.",)


def _base_rows(detail: GroupTime, weights: Floats) -> tuple[str, ...]:
    """The reason of averages that hold nothing but base periods."""
    live = (weights[:, ~detail.cells.reference] != 0).any(axis=1)
    return tuple("" if alive else BASE_PERIOD for alive in live)


def _first(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(a or b for a, b in zip(one, other, strict=True))


def _blank(found: Uncertainty, reason: tuple[str, ...]) -> Uncertainty:
    """No error, interval or p-value wherever there is a reason; a reason wherever there is no error."""
    gap = np.array([bool(r) for r in reason]) | ~np.isfinite(found.std_error)
    words = tuple(r or (_NO_NOISE if g else "") for r, g in zip(reason, gap, strict=True))
    return replace(
        found,
        std_error=np.where(gap, np.nan, found.std_error),
        low=np.where(gap, np.nan, found.low),
        high=np.where(gap, np.nan, found.high),
        p_value=np.where(gap, np.nan, found.p_value),
        reason=words,
    )


def _part(found: Uncertainty, part: slice) -> Uncertainty:
    return Uncertainty(
        found.value[part], found.std_error[part], found.low[part], found.high[part], found.p_value[part],
        found.reason[part], found.level, found.df, found.sentence,
    )  # fmt: skip


def _word(detail: GroupTime) -> str:
    return "units" if detail.panel.cluster is None else "clusters"


def _pieces(detail: GroupTime) -> str:
    return f"the {detail.panel.n_clusters:,} {_word(detail)}"
