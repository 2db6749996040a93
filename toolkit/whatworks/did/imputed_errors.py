"""How sure we are of averages of imputed effects."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from whatworks.did.imputed import Imputed, Targets, average, coefficients, contributions, masses
from whatworks.did.null_scores import Sample, stacked_scores
from whatworks.did.thin import THIN_SHARE
from whatworks.errors import OptionError
from whatworks.inference.default import Choice, ClusterCounts, Default, decide, plenty
from whatworks.inference.draws import check_level
from whatworks.inference.influence import Analytical, analytical, cluster_sums, standard_errors
from whatworks.inference.uncertainty import Uncertainty, unknown
from whatworks.inference.wild import WildCluster
from whatworks.results import NotAvailable

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

Inference = Analytical | WildCluster | Default | None

FEW = (
    "The conservative errors of Borusyak, Jaravel & Spiess rest on many clusters on both sides; here there "
    'are {clusters}. WildCluster() ("wild"), the default here, needs fewer.'
)
NO_NOISE = "no variation between units is left from which an error could be learned"


def settle(inference: object, counts: ClusterCounts, where: str) -> Choice:
    """The inference object to use and why; raises `OptionError` for one that does not fit."""
    if inference is not None and not isinstance(inference, Analytical | WildCluster | Default):
        raise OptionError(
            f"inference={inference!r} does not apply to imputed effects",
            where=where,
            remedy='Use Analytical() ("analytical", the conservative errors, by the panel\'s cluster) or '
            'WildCluster() ("wild"), or leave it out for the default.',
        )
    choice = decide(inference, counts, many=Analytical())
    if isinstance(choice.inference, Analytical) and not choice.warnings and not plenty(counts):
        return replace(choice, warnings=(FEW.format(clusters=counts.clusters),))
    return choice


def uncertainty(found: Imputed, which: Targets, choice: Choice, level: float) -> Uncertainty:
    """Uncertainty of k averages, each missing number with its reason."""
    check_level(level)
    value = average(found, which, found.gap)
    method = choice.inference
    if isinstance(method, NotAvailable):
        return unknown(value, method.reason, level=level)
    alone = pieces(found)
    if isinstance(method, WildCluster):
        return _wild(found, which, method, level)
    share = (which.share * masses(found) * (alone == 1)).sum(axis=(1, 2))
    errors = standard_errors(
        cluster_sums(contributions(found, which), found.sample.cluster, found.sample.n_clusters)
    )
    reason = tuple(
        _thin(s, found.sample) if s > THIN_SHARE else ("" if np.isfinite(e) else NO_NOISE)
        for s, e in zip(share, errors, strict=True)
    )
    errors = np.where([bool(r) for r in reason], np.nan, errors)
    n = found.sample.n_clusters
    words = "units" if found.sample.cluster is None else "clusters"
    plain = analytical(
        value, errors, reason, choice=method, n_clusters=n, level=level, by=f"the {n:,} {words}"
    )
    tail = plain.sentence.split("; ", 1)[1]
    return replace(
        plain,
        sentence="Conservative standard error of Borusyak, Jaravel & Spiess, independent across the "
        f"{n:,} {words}; {tail}",
    )


def pieces(found: Imputed) -> npt.NDArray[np.int64]:
    """(S, T) clusters (units without) behind the effects of each cohort and period."""
    data = found.sample
    if data.cluster is None:
        return np.stack([found.cells[data.members(s)].sum(axis=0) for s in range(len(data.cohorts))])
    rows = []
    for s in range(len(data.cohorts)):
        members = data.members(s)
        inside = cluster_sums(found.cells[members].astype(np.float64), data.cluster[members], data.n_clusters)
        rows.append((inside > 0).sum(axis=0))
    return np.stack(rows)


def _thin(share: float, data: Sample) -> str:
    word = "unit" if data.cluster is None else "cluster"
    return (
        f"{'all' if share > 0.9995 else f'{share:.0%}'} of the weight lies on cohorts of a single {word} in "
        f"their period, where nothing shows how far a {word} strays by chance; the usual formula would count "
        "that as no noise at all"
    )


def _wild(found: Imputed, which: Targets, method: WildCluster, level: float) -> Uncertainty:
    data = found.sample
    aims = [found.cells & (share[data.group] > 0) for share in which.share]
    scores = stacked_scores(data, coefficients(found, which), aims)
    plain = method.from_scores(*scores, level=level)
    codes = np.arange(len(data.weight)) if data.cluster is None else data.cluster
    alone = [len(np.unique(codes[aim.any(axis=1)])) == 1 for aim in aims]
    # flipping signs still tests a single treated cluster, but its standard error would be an artefact
    reason = tuple(
        "; ".join(w for w in (words, _thin(1.0, data) if only else "") if w)
        for words, only in zip(plain.reason, alone, strict=True)
    )
    return replace(plain, std_error=np.where(alone, np.nan, plain.std_error), reason=reason)
