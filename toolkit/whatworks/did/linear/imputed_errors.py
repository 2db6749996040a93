"""How sure we are of averages of imputed effects."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from whatworks.arrays import Bools, Floats
from whatworks.did.linear.imputed import Imputed, Targets, average, coefficients, contributions, masses
from whatworks.did.linear.scores import stacked_scores
from whatworks.did.linear.wild import THIN_SHARE, pieces, thin_reason, wild
from whatworks.inference.default import ByClusters, Choice, Default
from whatworks.inference.draws import check_level
from whatworks.inference.errors.influence import Analytical, analytical, standard_errors
from whatworks.inference.errors.wild import WildCluster
from whatworks.inference.fits.rows import by_cluster
from whatworks.inference.uncertainty import NO_VARIATION, Uncertainty, unknown
from whatworks.results import NotAvailable

Inference = Analytical | WildCluster | Default | None

FEW = (
    "The conservative errors of Borusyak, Jaravel & Spiess rest on many clusters on both sides; here there "
    'are {clusters}. WildCluster() ("wild"), the default here, needs fewer.'
)

IMPUTED = ByClusters(
    Inference,
    "inference={!r} does not apply to imputed effects",
    'Use Analytical() ("analytical", the conservative errors, by the panel\'s cluster) or WildCluster() '
    '("wild"), or leave it out for the default. ClusterRobust(...) and Jackknife() belong to did.etwfe, a '
    "regression whose estimates are the same where no cell is missing and no covariate enters.",
    many=Analytical("clusters"),
    by_scores=True,
    few=FEW,
)


def uncertainty(found: Imputed, which: Targets, choice: Choice, level: float) -> Uncertainty:
    """Uncertainty of k averages, each missing number with its reason."""
    check_level(level)
    value = average(found, which, found.gap)
    method = choice.inference
    if isinstance(method, NotAvailable):
        return unknown(value, method.reason, level=level)
    alone = pieces(found.sample, found.cells)
    if isinstance(method, WildCluster):
        return _wild(found, which, method, level)
    share = (which.share * masses(found) * (alone == 1)).sum(axis=(1, 2))
    errors = standard_errors(
        by_cluster(contributions(found, which), found.sample.cluster, found.sample.n_clusters)
    )
    reason = tuple(
        thin_reason(s, found.sample) if s > THIN_SHARE else ("" if np.isfinite(e) else NO_VARIATION)
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


def _wild(found: Imputed, which: Targets, method: WildCluster, level: float) -> Uncertainty:
    return wild(found.sample, coefficients(found, which), _aims(found, which), method, level)


def wild_scores(found: Imputed, which: Targets) -> tuple[Floats, Floats]:
    """Cluster scores (G, k) of k averages with their own effect imposed, and their slopes."""
    return stacked_scores(found.sample, coefficients(found, which), _aims(found, which))


def _aims(found: Imputed, which: Targets) -> list[Bools]:
    return [found.cells & (share[found.sample.group] != 0) for share in which.share]
